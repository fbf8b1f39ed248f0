/* What a healthy GPU of a model reaches: the table of gpu/floors.def.h, and a file of the user's
 * own, whose lines replace the table's for the same model and check. */
#ifndef GPU_FLOOR_H
#define GPU_FLOOR_H

#include "gpu/check.h"

#define GPU_FLOORS_MAX           1024
#define GPU_FLOOR_FILE_BYTES_MAX (256 * 1024)

struct gpu_floor {
    char model[NAME_BYTES_MAX]; /* exactly as the driver says */
    char check[SLUG_BYTES_MAX];
    char unit[16];
    double peak; /* 0: not known */
    double warn_below, fail_below;
    int64_t pcie_generation, pcie_lanes; /* 0: any */
    int64_t gpus_min;                    /* GPUs in the machine; 0: any */
    char source[TEXT_BYTES_MAX / 2];
};

struct gpu_floors {
    struct gpu_floor *floors;
    size_t floor_count;
};
extern const struct shape gpu_floor_shape, gpu_floors_shape;

/* What decides which line applies, besides model and check. */
struct gpu_floor_place {
    int64_t pcie_generation, pcie_lanes; /* of the slot at its best; 0: not known */
    int64_t gpu_count;                   /* in the machine */
};

extern const struct gpu_floor gpu_floor_table[];
extern const size_t gpu_floor_table_count;

/* Borrowed; NULL where nothing is known. `own` may be NULL. */
const struct gpu_floor *gpu_floor_find(const struct gpu_floors *own, const char *model,
                                       const char *check, const struct gpu_floor_place *place);

/* The peak that belongs to a finding's floor, for a chart; 0: not known. */
double gpu_floor_peak(const struct gpu_floors *own, const char *model, const struct finding *f);

/* Pass, warn or fail by the floor: gpu_measured() without a GPU. `is_power_limited`: somebody
 * lowered the GPU's power limit, so that a failure is but a warning. */
void gpu_floor_judge(const struct gpu_floor *floor, bool is_power_limited, struct finding *f,
                     double value, const char *unit);

/* What gpu_peers_compare() asks about this GPU: its slot, and whether its power was lowered. */
void gpu_excuses_read(const struct gpu_target *t, struct gpu_info *out);

/* True when both lines could apply to one GPU. */
bool gpu_floors_overlap(const struct gpu_floor *a, const struct gpu_floor *b);

/* Read {"floors": [{"model", "check", "unit", "warn_below", "fail_below", …}]}. Caller owns *out
 * (shape_release(&gpu_floors_shape)). Errors: ERR_INVALID "FILE:LINE: what is wrong", also where
 * fail_below is not under warn_below, or two lines fit one GPU, or no check has that name;
 * ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_IO of the file. */
enum err_code gpu_floors_read(const char *path, struct gpu_floors *out, struct err *e) MUST_CHECK;
/* The same for bytes that are already here; `name` stands in messages. */
enum err_code gpu_floors_parse(const char *name, const char *bytes, size_t len,
                               struct gpu_floors *out, struct err *e) MUST_CHECK;

#endif
