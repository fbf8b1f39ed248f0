/* What a check is. To add one: a file in gpu/check/ that defines `const struct gpu_check
 * gpu_check_<name>`, and one line in gpu/checks.def.h. Runner, table of checks and output
 * follow from the list.
 *
 * A check looks at one target (the machine or one GPU) in a process of its own and leaves
 * one finding. It starts out as an error, so that one which forgets to answer never passes. */
#ifndef GPU_CHECK_H
#define GPU_CHECK_H

#include "gpu/counters.h"
#include "model/report.h"

/* Where to look, and for how long. All texts are borrowed until the run has ended. */
struct gpu_options {
    const char *nvml_path; /* NULL: where drivers put it */
    const char *cuda_path; /* the same */
    const char *amd_path;  /* the same */
    const char *sysfs_dir, *proc_dir, *dev_dir;
    const char *kmsg_path;
    int64_t deadline_ms; /* for a whole run; 0: as the tier needs */
    int64_t burn_ms;     /* how long burn or soak load a GPU, in all; 0: as the tier says */
    int64_t budget_ms;   /* no check of a deeper tier than state begins after this; 0: no limit */
    const char *only;    /* "peer,pcie_both": these checks alone; NULL: all of the tier */
    int64_t uptime_ms;   /* -1: ask the clock */
    const struct gpu_floors *floors;     /* the user's own (gpu/floor.h); NULL: none */
    const struct gpu_baseline *baseline; /* to compare with (gpu/baseline.h); NULL: none */
    struct gpu_progress *progress; /* who is told how far it is (gpu/progress.h); NULL: nobody */
    bool strict;                   /* what should have been tested and was not is inconclusive */
    struct clock *clock;
};

/* /sys, /proc, /dev, /dev/kmsg, the real clock and what the tier needs. */
struct gpu_options gpu_options_default(void);

enum gpu_driver_state {
    GPU_DRIVER_READY,
    GPU_DRIVER_ABSENT, /* no library to load */
    GPU_DRIVER_FAILED, /* it refused to start, or died */
    GPU_DRIVER_SILENT, /* it did not answer in time */
};

/* A driver without persistence mode wakes each GPU first, which may take longer than we wait. */
#define GPU_SILENCE_ACTION \
    "try again with a longer --deadline; if silent still, restart the machine"

enum gpu_vendor { GPU_VENDOR_NVIDIA, GPU_VENDOR_AMD, GPU_VENDOR_COUNT };
extern const char *const gpu_vendor_names[]; /* "NVIDIA", "AMD" */

/* What one vendor's library says of itself. */
struct gpu_driver {
    enum gpu_driver_state state;
    char reason[TEXT_BYTES_MAX]; /* "" when ready */
    char version[SLUG_BYTES_MAX];
    int64_t listed_count;
};

struct gpu_info {
    struct report_gpu gpu;
    enum gpu_vendor vendor;
    uint32_t vendor_index;                         /* how the vendor's library counts */
    bool answered;                                 /* the driver gave its handle */
    char reason[TEXT_BYTES_MAX];                   /* why not; "" when it did */
    int64_t memory_total_bytes, memory_used_bytes; /* 0: not told */
    /* What excuses it before its peers, told when it was measured. */
    int64_t pcie_generation, pcie_lanes; /* of its slot at its best; 0: not told */
    bool is_power_limited;               /* somebody lowered its power limit */
};

/* What the drivers say is there. A machine may have neither, one or both: state, reason and
 * version are those of the worse one, and an absent driver beside a ready one does not count. */
struct gpu_inventory {
    struct gpu_driver drivers[GPU_VENDOR_COUNT];
    enum gpu_driver_state state;
    char reason[TEXT_BYTES_MAX]; /* "" when ready */
    char driver_version[SLUG_BYTES_MAX];
    int64_t listed_count; /* as the drivers count; may exceed gpu_count */
    size_t gpu_count;
    struct gpu_info gpus[GPUS_PER_INSTANCE_MAX];
};

struct amd;     /* gpu/amd.h */
struct compute; /* gpu/compute.h */

enum gpu_scope { GPU_SCOPE_MACHINE, GPU_SCOPE_GPU };

struct gpu_target {
    const struct gpu_options *options;
    const struct gpu_inventory *inventory; /* machine checks: complete; else the driver's part */
    const struct nvml *nvml;               /* NULL for the machine */
    struct nvml_device *device;            /* NULL for the machine, or when there is no handle */
    const struct amd *amd;                 /* for a GPU of AMD's, which has no device; else NULL */
    const struct gpu_info *info;           /* NULL for the machine */
    enum tier tier;                        /* of the run */
    struct compute *compute;               /* for checks with needs_compute; else NULL */
    int alone_fd;                          /* gpu/alone.h; 0: there is no lock */
    int device_code;                       /* what the driver said when asked for the handle */
    bool lost;                             /* set when the GPU went away under a check */
    struct gpu_counters counters;          /* gpu_counters_read() fills it when first asked */
};

typedef void gpu_check_fn(struct gpu_target *t, struct finding *f);

struct gpu_check {
    const char *name; /* lower case and underscores */
    const char *help; /* one line */
    enum tier tier;   /* the first that runs it */
    enum gpu_scope scope;
    /* Peers and baseline: how much of what GPUs of the same model in the same machine have
     * (gpu/peers.h), and of what was saved of this GPU (gpu/baseline.h), a figure must reach;
     * 0: not compared. 0.95 suits bandwidths and rates. */
    double peer_share;
    bool higher_is_worse; /* of its figure, as a latency: then 0.1 is ten times the peers' */
    bool without_device;  /* also runs for a GPU whose handle the driver refuses */
    bool needs_compute;   /* runs kernels or copies; skipped, with the reason, where it cannot */
    bool follows_slot;    /* its figure is the PCIe slot's as much as the GPU's */
    bool alone;           /* never while another GPU of the machine runs one of these */
    /* NULL: always. Returns false after writing the reason with gpu_skip(). */
    bool (*applies)(const struct gpu_target *t, struct finding *f);
    gpu_check_fn *run;
    gpu_check_fn *run_amd; /* for a GPU of AMD's; NULL: skipped, as not known for them */
};

extern const struct gpu_check *const gpu_checks[];
extern const size_t gpu_check_count;

/* The check of this name; NULL when there is none. */
const struct gpu_check *gpu_check_find(const char *name);

/* True when a list of names, separated by commas, has this check, or is NULL. */
bool gpu_check_is_among(const char *names, const struct gpu_check *check);

/* Run one check, applies() first, into *f (check and gpu_index are filled in). */
void gpu_check_run(const struct gpu_check *check, struct gpu_target *t, struct finding *f);

/* Answers. Each replaces what the finding said before; the figure stays. */
void gpu_pass(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* `action`: what the machine's operator should do; what its renter should do follows from
 * the remedy. */
void gpu_warn(struct finding *f, enum remedy remedy, const char *action, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void gpu_fail(struct finding *f, enum remedy remedy, const char *action, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Could have been looked at, but not here and now: --strict counts it. */
void gpu_skip(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Skip: this GPU has nothing that could be looked at. What applies() refuses is that, too. */
void gpu_not_applicable(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
void gpu_error(struct finding *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
void gpu_figure(struct finding *f, double value, double floor, const char *unit);

/* Judge what was measured against the floor of this GPU model (gpu/floors.def.h): pass above,
 * warn below what is expected, fail below what no healthy one of the model does. Without a
 * floor it passes and says so; peers and baseline are compared later. */
void gpu_measured(const struct gpu_target *t, struct finding *f, double value, const char *unit);

/* True when the driver answered. Else the finding says why there is no value for `what`
 * ("row remapping"): skip when the GPU or the driver does not know it or we may not, fail
 * when the GPU is lost, needs a reset or has no power, error for everything else. */
bool gpu_answered(struct gpu_target *t, struct finding *f, int code, const char *what);

/* One field, judged by gpu_answered(), and an error outside lowest..highest. */
bool gpu_field(struct gpu_target *t, struct finding *f, unsigned id, const char *what,
               int64_t lowest, int64_t highest, int64_t *out);

/* Text that a driver wrote, made harmless and cut to fit. */
void gpu_text_copy(char *out, size_t size, const char *bytes, size_t len);

/* Pause between two samples. Bounded by the deadline of the run, which kills us. */
void gpu_pause_ms(int ms);

/* The counters at two moments, a tenth of a second apart: the first check that asks waits, the
 * others share its answer. Counters over a life say nothing about now. */
const struct gpu_counters *gpu_counters_read(struct gpu_target *t);

/* Since the machine's start, which is also the kernel log's zero. */
int64_t gpu_uptime_ms(const struct gpu_target *t);
/* Right after a start, links train and GPUs register: not up yet is not broken. */
bool gpu_machine_is_young(const struct gpu_target *t);

#endif
