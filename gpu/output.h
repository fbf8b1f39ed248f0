/* Lists, as text for people and as JSON for programs. Writes nothing itself. */
#ifndef GPU_OUTPUT_H
#define GPU_OUTPUT_H

#include "gpu/check.h"

/* Room for the largest report. */
#define GPU_OUTPUT_BYTES_MAX (4 * 1024 * 1024)

/* `list -o json`. Every member is always there; reason is "" when all is well. */
struct gpu_listing {
    struct report_gpu *gpus;
    size_t gpu_count;
    char driver_version[SLUG_BYTES_MAX];
    char reason[TEXT_BYTES_MAX];
};
extern const struct shape gpu_listing_shape;

/* `checks -o json`. */
struct gpu_check_line {
    char name[SLUG_BYTES_MAX];
    enum tier tier;
    bool per_gpu;
    char help[TEXT_BYTES_MAX];
};
struct gpu_check_listing {
    struct gpu_check_line *checks;
    size_t check_count;
};
extern const struct shape gpu_check_line_shape, gpu_check_listing_shape;

void gpu_list_text(const struct gpu_inventory *inv, struct strbuf *out);
/* Errors: ERR_IO out of memory. */
enum err_code gpu_list_json(const struct gpu_inventory *inv, struct strbuf *out,
                            struct err *e) MUST_CHECK;

void gpu_checks_text(struct strbuf *out);
enum err_code gpu_checks_json(struct strbuf *out, struct err *e) MUST_CHECK;

#endif
