/* Profiles: the config file by shape, then the environment, then flags. The token itself is never
 * in the config file, only the name of a file that nobody else may read. */
#include "client/profile.h"

#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/yaml.h"

#define PROFILES_MAX 64

struct profile_row {
    char name[NAME_BYTES_MAX];
    char url[URL_BYTES_MAX];
    char token_file[URL_BYTES_MAX];
    char ca_file[URL_BYTES_MAX];
};

struct profile_file {
    char profile[NAME_BYTES_MAX];
    struct profile_row *profiles;
    size_t profile_count;
};

static const struct field row_fields[] = {
    F_STRING(struct profile_row, name, FIELD_REQUIRED, 1, 0, "What --profile names."),
    F_STRING(struct profile_row, url, FIELD_REQUIRED, 1, 0, "http://, https:// or unix:/path."),
    F_STRING(struct profile_row, token_file, 0, 0, 0, "File with the API key, mode 0600."),
    F_STRING(struct profile_row, ca_file, 0, 0, 0,
             "Certificates to trust instead of the system's."),
};
static SHAPE(row_shape, struct profile_row, "Profile", "One installation.", row_fields);

static const struct field file_fields[] = {
    F_STRING(struct profile_file, profile, 0, 0, 0, "The profile used when none is named."),
    F_LIST(struct profile_file, profiles, profile_count, FIELD_REQUIRED, &row_shape, PROFILES_MAX,
           "The installations."),
};
static SHAPE(file_shape, struct profile_file, "Config", "config.yaml.", file_fields);

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

/* "~/" is the home folder. Errors: ERR_INVALID too long. */
static enum err_code path_expand(const char *path, char *out, size_t size, struct err *e)
{
    bool home = strncmp(path, "~/", 2) == 0;
    int n = snprintf(out, size, "%s%s", home ? env("HOME") : "", home ? path + 1 : path);

    return n < 0 || (size_t)n >= size ? err_set(e, ERR_INVALID, "'%s': the path is too long", path)
                                      : ERR_OK;
}

static enum err_code config_path(const struct profile_flags *f, char *out, size_t size,
                                 struct err *e)
{
    const char *base = env("XDG_CONFIG_HOME");
    int n;

    if (f->config)
        return path_expand(f->config, out, size, e);
    n = snprintf(out, size, "%s%s/hourglass/config.yaml", base[0] ? base : env("HOME"),
                 base[0] ? "" : "/.config");
    return n < 0 || (size_t)n >= size
               ? err_set(e, ERR_INVALID, "the config file's path is too long")
               : ERR_OK;
}

static const struct profile_row *row_find(const struct profile_file *c, const char *name)
{
    for (size_t i = 0; i < c->profile_count; i++)
        if (!name[0] || strcmp(c->profiles[i].name, name) == 0)
            return &c->profiles[i];
    return NULL;
}

static const char *name_wanted(const struct profile_flags *f)
{
    return f->name ? f->name : env("HOURGLASS_PROFILE");
}

static enum err_code row_take(const struct profile_file *c, const struct profile_flags *f,
                              const char *path, struct profile *out, struct err *e)
{
    const char *name = name_wanted(f)[0] ? name_wanted(f) : c->profile;
    const struct profile_row *row = row_find(c, name);
    enum err_code rc;

    if (!row)
        return err_set(e, ERR_INVALID, "%s has no profile '%s'", path, name);
    text_copy(out->name, sizeof out->name, row->name);
    text_copy(out->url, sizeof out->url, row->url);
    rc = path_expand(row->ca_file, out->ca_file, sizeof out->ca_file, e);
    return rc ? rc : path_expand(row->token_file, out->token_file, sizeof out->token_file, e);
}

static enum err_code token_load(struct profile *out, struct err *e)
{
    STRBUF text = {0};
    enum err_code rc;

    if (env("HOURGLASS_TOKEN")[0])
        return text_copy(out->token, sizeof out->token, env("HOURGLASS_TOKEN"))
                   ? ERR_OK
                   : err_set(e, ERR_INVALID, "HOURGLASS_TOKEN is too long");
    if (!out->token_file[0])
        return ERR_OK;
    strbuf_init(&text, TOKEN_BYTES_MAX);
    rc = file_read_secret(out->token_file, &text, e);
    if (rc)
        return err_wrap(e, rc == ERR_NOT_FOUND ? ERR_INVALID : rc, "the profile's key");
    while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.data[--text.len] = '\0';
    if (!text.len || !text_copy(out->token, sizeof out->token, text.data))
        rc = err_set(e, ERR_INVALID, "%s: expected one API key and nothing else", out->token_file);
    explicit_bzero(text.data, text.len);
    return rc;
}

static enum err_code file_load(const struct profile_flags *f, const char *path, struct profile *out,
                               struct err *e)
{
    struct yaml_doc *doc = NULL;
    struct profile_file c = {0};
    enum err_code rc = yaml_load(path, &doc, e);

    if (rc)
        return rc;
    rc = yaml_decode(doc, &file_shape, &c, e);
    if (!rc) {
        rc = row_take(&c, f, path, out, e);
        shape_release(&file_shape, &c);
    }
    yaml_doc_free(doc);
    return rc;
}

/* An address from elsewhere needs no file, unless one of its profiles was asked for. */
static bool file_is_needed(const struct profile_flags *f, const char *url)
{
    return !url[0] || f->config || name_wanted(f)[0];
}

static enum err_code not_configured(const char *path, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND,
                   "no server is configured: write %s (man hourglass), or set HOURGLASS_URL and "
                   "HOURGLASS_TOKEN",
                   path);
}

enum err_code profile_load(const struct profile_flags *f, struct profile *out, struct err *e)
{
    struct profile p = {0};
    char path[URL_BYTES_MAX];
    const char *url = f->url ? f->url : env("HOURGLASS_URL");
    enum err_code rc = config_path(f, path, sizeof path, e);

    if (!rc)
        rc = file_load(f, path, &p, e);
    if (rc == ERR_NOT_FOUND && !file_is_needed(f, url))
        rc = ERR_OK;
    else if (rc == ERR_NOT_FOUND && !f->config && !url[0])
        rc = not_configured(path, e);
    if (rc)
        return rc;
    if (url[0] && strcmp(url, p.url) != 0) {
        /* The file's key belongs to the file's server: never send it to another one. */
        memset(&p, 0, sizeof p);
        if (!text_copy(p.url, sizeof p.url, url))
            return err_set(e, ERR_INVALID, "the address is too long");
    }
    rc = token_load(&p, e);
    if (!rc)
        *out = p;
    explicit_bzero(&p, sizeof p);
    return rc;
}
