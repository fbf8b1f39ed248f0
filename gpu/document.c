/* JSON files, with places in what is said about them. */
#include "gpu/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/file.h"

enum err_code gpu_document_refuse(const char *name, const char *bytes, size_t len,
                                  const char *pointer, struct err *e, const char *fmt, ...)
{
    char what[ERR_MSG_MAX / 2];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_INVALID, "%s:%zu: %s", name, json_line(bytes, len, pointer), what);
}

enum err_code gpu_document_parse(const char *name, const char *bytes, size_t len,
                                 const struct shape *shape, void *out, struct err *e)
{
    json_t *tree = NULL;
    struct err found;
    enum err_code rc = json_parse(bytes, len, &tree, &found);

    /* "line 3, column 7: …" has its place already. */
    if (rc)
        return err_set(e, ERR_INVALID, "%s: %s", name, found.msg);
    rc = shape_decode(shape, tree, out, &found);
    json_decref(tree);
    if (rc)
        return gpu_document_refuse(name, bytes, len,
                                   found.detail_count ? found.details[0].pointer : "", e, "%s",
                                   found.msg);
    return ERR_OK;
}

enum err_code gpu_document_load(const char *path, struct strbuf *out, struct err *e)
{
    struct stat st;

    /* Opening a pipe would wait for its writer. */
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(e, ERR_INVALID, "'%s' is not a plain file", path);
    return file_read(path, out, e);
}
