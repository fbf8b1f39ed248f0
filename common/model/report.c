/* The rows and names of a report of GPU checks. */
#include "model/report.h"

const char *const verdict_names[] = {
#define X(id, name) name,
    VERDICT_LIST(X)
#undef X
        NULL};

const char *const check_result_names[] = {
#define X(id, name) name,
    CHECK_RESULT_LIST(X)
#undef X
        NULL};

const char *const tier_names[] = {
#define X(id, name) name,
    TIER_LIST(X)
#undef X
        NULL};

const char *const remedy_names[] = {
#define X(id, name, renter) name,
    REMEDY_LIST(X)
#undef X
        NULL};

const char *const remedy_renter_texts[] = {
#define X(id, name, renter) renter,
    REMEDY_LIST(X)
#undef X
};

const char *const report_origin_names[] = {
#define X(id, name) name,
    REPORT_ORIGIN_LIST(X)
#undef X
        NULL};

static const struct field report_gpu_fields[] = {
    F_INT(struct report_gpu, index, FIELD_REQUIRED, 0, GPUS_PER_INSTANCE_MAX - 1,
          "Position of the GPU on its machine."),
    F_STRING(struct report_gpu, uuid, FIELD_OMIT, 0, 0, "Identifier of the physical GPU."),
    F_STRING(struct report_gpu, model, 0, 0, 0, "Model name as the driver reports it."),
    F_STRING(struct report_gpu, pci, FIELD_OMIT, 0, 0, "PCI address."),
    F_BOOL(struct report_gpu, is_virtual, 0, "True when no physical GPU stands behind it."),
};
SHAPE(report_gpu_shape, struct report_gpu, "ReportGpu", "One GPU that was checked.",
      report_gpu_fields);

static const struct field finding_fields[] = {
    F_STRING(struct finding, check, FIELD_REQUIRED, 1, 0, "Name of the check."),
    F_INT(struct finding, gpu_index, FIELD_REQUIRED, -1, GPUS_PER_INSTANCE_MAX - 1,
          "Which GPU; -1 is the machine."),
    F_ENUM(struct finding, result, FIELD_REQUIRED, check_result_names, "How it ended."),
    F_NUMBER(struct finding, value, FIELD_OMIT, 0, 0, "What was measured."),
    F_NUMBER(struct finding, floor, FIELD_OMIT, 0, 0, "The least that passes."),
    F_STRING(struct finding, unit, FIELD_OMIT, 0, 0, "Unit of value and floor."),
    F_STRING(struct finding, detail, FIELD_OMIT, 0, 0, "What was found, as a sentence."),
    F_STRING(struct finding, source, FIELD_OMIT, 0, 0, "Where the floor comes from."),
    F_ENUM(struct finding, remedy, FIELD_OMIT, remedy_names, "What to do, in one word."),
    F_STRING(struct finding, action, FIELD_OMIT, 0, 0,
             "What the machine's operator should do, as a sentence."),
};
SHAPE(finding_shape, struct finding, "Finding", "What one check said about one GPU.",
      finding_fields);

/* What the one who ran the checks says. */
#define REPORT_POSTED_ROWS                                                                       \
    F_ENUM(struct report, tier, FIELD_REQUIRED, tier_names, "How deep the checks went."),        \
        F_ENUM(struct report, verdict, FIELD_REQUIRED, verdict_names, "What they amount to."),   \
        F_STRING(struct report, summary, 0, 0, 0, "The outcome in one line of 80 columns."),     \
        F_STRING(struct report, instance_id, FIELD_OMIT, 0, 0,                                   \
                 "The instance that was checked; left out for a machine of one's own."),         \
        F_STRING(struct report, host, FIELD_OMIT, 0, 0, "Name of the machine."),                 \
        F_STRING(struct report, driver_version, FIELD_OMIT, 0, 0, "Version of the GPU driver."), \
        F_STRING(struct report, checker_version, FIELD_OMIT, 0, 0, "Version of the checker."),   \
        F_TIME(struct report, started_at, FIELD_REQUIRED, "When the checks began."),             \
        F_TIME(struct report, ended_at, FIELD_REQUIRED, "When they ended."),                     \
        F_LIST(struct report, gpus, gpu_count, 0, &report_gpu_shape, GPUS_PER_INSTANCE_MAX,      \
               "The GPUs that were checked."),                                                   \
        F_LIST(struct report, findings, finding_count, 0, &finding_shape, REPORT_FINDINGS_MAX,   \
               "What each check said.")

static const struct field report_fields[] = {
    F_STRING(struct report, id, FIELD_OMIT, 0, 0, "Identifier of the report."),
    F_STRING(struct report, organization_id, FIELD_OMIT, 0, 0, "The organization it belongs to."),
    F_ENUM(struct report, origin, 0, report_origin_names,
           "Who ran it: the gate before billing, a member, a check of ours that was asked for, or "
           "one on an idle node."),
    F_TIME(struct report, received_at, FIELD_OMIT, "When it arrived."),
    REPORT_POSTED_ROWS,
};
SHAPE(report_shape, struct report, "Report", "One run of GPU checks.", report_fields);

static const struct field report_create_fields[] = {REPORT_POSTED_ROWS};
SHAPE(report_create_shape, struct report, "ReportCreate", "A run of GPU checks to keep.",
      report_create_fields);
