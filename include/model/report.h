/* One run of GPU checks. */
#ifndef MODEL_REPORT_H
#define MODEL_REPORT_H

#include "core/json.h"

#define VERDICT_LIST(X)               \
    X(VERDICT_NONE, "none")           \
    X(VERDICT_HEALTHY, "healthy")     \
    X(VERDICT_DEGRADED, "degraded")   \
    X(VERDICT_UNHEALTHY, "unhealthy") \
    X(VERDICT_INCONCLUSIVE, "inconclusive")
enum verdict {
#define X(id, name) id,
    VERDICT_LIST(X)
#undef X
};
extern const char *const verdict_names[];

#define CHECK_RESULT_LIST(X) \
    X(CHECK_PASS, "pass")    \
    X(CHECK_WARN, "warn")    \
    X(CHECK_FAIL, "fail")    \
    X(CHECK_SKIP, "skip")    \
    X(CHECK_ERROR, "error")
enum check_result {
#define X(id, name) id,
    CHECK_RESULT_LIST(X)
#undef X
};
extern const char *const check_result_names[];

#define TIER_LIST(X)       \
    X(TIER_STATE, "state") \
    X(TIER_QUICK, "quick") \
    X(TIER_BURN, "burn")   \
    X(TIER_SOAK, "soak")
enum tier {
#define X(id, name) id,
    TIER_LIST(X)
#undef X
};
extern const char *const tier_names[];

/* The gate before billing, a member's own, a check of ours that was asked for on an instance,
 * a check of ours on a node where nothing runs. All but a member's run under the node's own
 * credential: only those move money. */
#define REPORT_ORIGIN_LIST(X)  \
    X(REPORT_GATE, "gate")     \
    X(REPORT_MEMBER, "member") \
    X(REPORT_CHECK, "check")   \
    X(REPORT_IDLE, "idle")
enum report_origin {
#define X(id, name) id,
    REPORT_ORIGIN_LIST(X)
#undef X
};
extern const char *const report_origin_names[];

/* What to do about a finding, in one word; the sentence for somebody who rents the GPU, who
 * cannot touch the machine. What its operator should do is the finding's own action. */
#define REMEDY_LIST(X)                                                                     \
    X(REMEDY_NONE, "none", "")                                                             \
    X(REMEDY_WATCH, "watch", "watch it; if it comes back, report it to your provider")     \
    X(REMEDY_RETRY, "retry", "run the check again; if it says the same, report it")        \
    X(REMEDY_FIX_APP, "fix_app", "look at the program that ran; the GPU is not to blame")  \
    X(REMEDY_FIX_SETUP, "fix_setup", "change this setting, or ask your provider to")       \
    X(REMEDY_RESET, "reset_gpu", "save your work and ask your provider to reset this GPU") \
    X(REMEDY_RESTART, "restart_machine",                                                   \
      "save your work and ask your provider to restart the machine")                       \
    X(REMEDY_INSPECT, "inspect", "ask your provider to inspect this machine")              \
    X(REMEDY_REPLACE, "replace_gpu", "save your work and ask your provider for another GPU")
enum remedy {
#define X(id, name, renter) id,
    REMEDY_LIST(X)
#undef X
};
extern const char *const remedy_names[];
/* The renter's sentences, by remedy; "" for none. */
extern const char *const remedy_renter_texts[];

struct report_gpu {
    int64_t index; /* NVML's */
    char uuid[64];
    char model[NAME_BYTES_MAX];
    char pci[32];
    bool is_virtual;
};

struct finding {
    char check[SLUG_BYTES_MAX];
    int64_t gpu_index; /* -1: the machine */
    enum check_result result;
    double value, floor;
    char unit[16]; /* "" when the check has no figure */
    char detail[TEXT_BYTES_MAX];
    char source[TEXT_BYTES_MAX / 2]; /* where the floor comes from; "" without one */
    enum remedy remedy;
    char action[TEXT_BYTES_MAX]; /* what its operator should do; "" on pass */
    bool is_moot;                /* a skip because there is nothing to test; not sent anywhere */
};

struct report {
    char id[ID_MAX];
    char organization_id[ID_MAX]; /* "": of an idle node, for staff */
    char instance_id[ID_MAX];     /* "": a machine of the member's own, or an idle node */
    enum report_origin origin;
    enum tier tier;
    enum verdict verdict;
    char summary[TEXT_BYTES_MAX]; /* at most 80 columns */
    char host[NAME_BYTES_MAX];
    char driver_version[SLUG_BYTES_MAX];
    char checker_version[SLUG_BYTES_MAX];
    int64_t started_at_ms, ended_at_ms, received_at_ms;
    struct report_gpu *gpus;
    size_t gpu_count;
    struct finding *findings;
    size_t finding_count;
};

/* report_create is the same struct without what the API answers: id, organization_id,
 * origin and received_at are refused as unknown. */
extern const struct shape report_gpu_shape, finding_shape, report_shape, report_create_shape;

#endif
