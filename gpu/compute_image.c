/* Finds and loads kernels: machine code for this GPU, else PTX, which the driver compiles. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/compute.h"
#include "gpu/kernel/images.h"

#define JIT_LOG_BYTES 4096

/* The first GPU that a target is for; machine code of 8.0 runs on 8.6, code for one
 * architecture only ("90a") on no other. */
struct target {
    int major, minor;
    bool only; /* for this architecture alone */
};

static struct target target_read(const char *name)
{
    char *end = NULL;
    long number = strtol(name, &end, 10);

    return (struct target){(int)(number / 10), (int)(number % 10), *end == 'a'};
}

static bool machine_code_fits(const struct compute *c, const struct target *t)
{
    return t->major == c->major && (t->only ? t->minor == c->minor : t->minor <= c->minor);
}

static bool ptx_fits(const struct compute *c, const struct target *t)
{
    if (t->only)
        return t->major == c->major && t->minor == c->minor;
    return t->major < c->major || (t->major == c->major && t->minor <= c->minor);
}

/* What follows ".target sm_" or ".version " in a PTX file: the head is written by its compiler. */
static const char *ptx_word(const char *ptx, const char *before, char *out, size_t size)
{
    const char *at = strstr(ptx, before);

    text_copy(out, size, at ? at + strlen(before) : "");
    out[strcspn(out, ",\n ")] = '\0';
    return out;
}

bool compute_is_refusal(int code)
{
    return code == CUDA_INVALID_IMAGE || code == CUDA_NO_BINARY_FOR_GPU ||
           code == CUDA_INVALID_PTX || code == CUDA_JIT_COMPILER_NOT_FOUND ||
           code == CUDA_UNSUPPORTED_PTX_VERSION || code == CUDA_INVALID_SOURCE ||
           code == CUDA_JIT_COMPILATION_DISABLED;
}

static enum err_code image_load(struct compute *c, struct cu_module **out, const void *bytes,
                                const char *name, struct err *e)
{
    char log[JIT_LOG_BYTES] = "";
    int options[] = {CUDA_JIT_ERROR_LOG, CUDA_JIT_ERROR_LOG_BYTES};
    void *values[] = {log, (void *)(uintptr_t)(sizeof log - 1)};
    enum err_code rc;

    rc = compute_code(c, c->cuda.module_load(out, bytes, ARRAY_SIZE(options), options, values),
                      "load the kernels", e);
    if (rc) {
        log[strcspn(log, "\n")] = '\0';
        gpu_text_copy(c->log, sizeof c->log, log, sizeof log);
        return rc;
    }
    text_copy(c->image, sizeof c->image, name);
    return ERR_OK;
}

static const struct kernel_image *ptx_find(enum compute_module module)
{
    for (size_t i = 0; i < kernel_image_count; i++) {
        if (kernel_images[i].module == module && strcmp(kernel_images[i].target, "ptx") == 0)
            return &kernel_images[i];
    }
    return NULL;
}

/* The best machine code: of this very GPU, or of an earlier one of its generation. */
static const struct kernel_image *code_find(const struct compute *c, enum compute_module module)
{
    const struct kernel_image *best = NULL;

    for (size_t i = 0; i < kernel_image_count; i++) {
        const struct kernel_image *code = &kernel_images[i];
        struct target t = target_read(code->target), b;

        if (code->module != module || !machine_code_fits(c, &t))
            continue;
        b = best ? target_read(best->target) : (struct target){0};
        if (!best || t.only || (!b.only && t.minor > b.minor))
            best = code;
    }
    return best;
}

static enum err_code code_load(struct compute *c, const struct kernel_image *code, struct err *e)
{
    char name[SLUG_BYTES_MAX], *bytes = NULL;
    enum err_code rc = kernel_image_unpack(code, &bytes, e);

    if (rc)
        return rc;
    snprintf(name, sizeof name, "sm_%s", code->target);
    rc = image_load(c, &c->modules[code->module], bytes, name, e);
    free(bytes);
    return rc;
}

static enum err_code ptx_load(struct compute *c, enum compute_module module, const char *ptx,
                              struct err *e)
{
    char name[SLUG_BYTES_MAX], word[16];

    snprintf(name, sizeof name, "PTX %s", ptx_word(ptx, "\n.version ", word, sizeof word));
    return image_load(c, &c->modules[module], ptx, name, e);
}

static enum err_code module_load(struct compute *c, enum compute_module module, struct err *e)
{
    const struct kernel_image *image = ptx_find(module), *code = code_find(c, module);
    char word[16], *ptx = NULL;
    struct target t;
    enum err_code rc;

    if (!image)
        return err_set(e, ERR_NOT_FOUND, "these kernels are not part of this program");
    rc = kernel_image_unpack(image, &ptx, e);
    if (rc)
        return rc;
    t = target_read(ptx_word(ptx, "\n.target sm_", word, sizeof word));
    if (!ptx_fits(c, &t)) {
        c->code = CUDA_NO_BINARY_FOR_GPU;
        rc = err_set(e, ERR_NOT_FOUND, "the kernels are for sm_%s, this GPU is sm_%d%d", word,
                     c->major, c->minor);
    } else {
        rc = code ? code_load(c, code, e) : ERR_ENGINE;
        if (rc == ERR_ENGINE && (!code || compute_is_refusal(c->code)))
            rc = ptx_load(c, module, ptx, e);
    }
    free(ptx);
    return rc;
}

enum err_code compute_kernel(struct compute *c, enum compute_module module, const char *name,
                             struct cu_function **out, struct err *e)
{
    enum err_code rc = c->modules[module] ? ERR_OK : module_load(c, module, e);
    int code;

    if (rc)
        return rc;
    code = c->cuda.module_function(out, c->modules[module], name);
    if (code == CUDA_NOT_FOUND)
        return err_set(e, ERR_NOT_FOUND, "no kernel is called '%s'", name);
    return compute_code(c, code, "find a kernel", e);
}
