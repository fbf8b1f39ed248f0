/* What this machine's GPUs reached before: figures by GPU and check in a small file, so that a GPU
 * which gets slower is found although its floor still passes it. */
#ifndef GPU_BASELINE_H
#define GPU_BASELINE_H

#include "gpu/check.h"

#define GPU_BASELINE_ENTRIES_MAX 2048
#define GPU_BASELINE_BYTES_MAX   (1024 * 1024)
#define GPU_BASELINE_CHECK       "baseline" /* the finding's name; no check of the table */

struct gpu_baseline_entry {
    char uuid[64]; /* of the GPU */
    char check[SLUG_BYTES_MAX];
    double value; /* over 0 */
    char unit[16];
    int64_t measured_at_ms;
    char driver_version[SLUG_BYTES_MAX];
    char checker_version[SLUG_BYTES_MAX];
};

struct gpu_baseline {
    int64_t version; /* 1 */
    struct gpu_baseline_entry *entries;
    size_t entry_count;
    char problem[TEXT_BYTES_MAX]; /* why there is none to compare with; not in the file */
};
extern const struct shape gpu_baseline_entry_shape, gpu_baseline_shape;

/* ${XDG_STATE_HOME:-~/.local/state}/hourglass/gpu-baseline.json. Errors: ERR_NOT_FOUND neither
 * that nor HOME is set to an absolute path. */
enum err_code gpu_baseline_path(char *out, size_t size, struct err *e) MUST_CHECK;

/* Caller owns *out (shape_release(&gpu_baseline_shape)). Errors: ERR_NOT_FOUND; ERR_INVALID
 * "FILE:LINE: what is wrong", also for two entries of one GPU and check; ERR_TOO_LARGE; ERR_IO. */
enum err_code gpu_baseline_read(const char *path, struct gpu_baseline *out,
                                struct err *e) MUST_CHECK;
/* The same for bytes that are already here; `name` stands in messages. */
enum err_code gpu_baseline_parse(const char *name, const char *bytes, size_t len,
                                 struct gpu_baseline *out, struct err *e) MUST_CHECK;

/* Put the report's figures (of checks with a peer_share) into the file, over those of the same GPU
 * and check; others stay, the oldest go first when there are too many. Written beside and renamed,
 * mode 0600; makes the folder. *saved: how many. Errors: ERR_CONFLICT the report is neither healthy
 * nor degraded: a sick GPU is no measure; ERR_NOT_FOUND it has no such figure; ERR_INVALID what is
 * in the file is not a baseline; ERR_IO. Nothing is changed then. */
enum err_code gpu_baseline_save(const char *path, const struct report *r, size_t *saved,
                                struct err *e) MUST_CHECK;

/* Hold every figure against what was saved of the same GPU. Under the check's peer_share of it is a
 * warning, under the share's cube a failure: 5 and 14 % of 0.95. Why: runs of a healthy GPU differ
 * by a few per cent, and a memory stack lost of six takes 17. Adds one finding for each GPU, called
 * "baseline": a GPU of which nothing is saved is a skip that says so, never silence; with
 * b->problem, one error for the machine. Errors: ERR_IO out of memory. */
enum err_code gpu_baseline_compare(const struct gpu_baseline *b, struct report *r,
                                   struct err *e) MUST_CHECK;

#endif
