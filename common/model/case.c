/* The rows and names of a case for support. */
#include "model/case.h"

const char *const case_state_names[] = {
#define X(id, name) name,
    CASE_STATE_LIST(X)
#undef X
        NULL};

const char *const case_action_names[] = {
#define X(id, name) [id] = name,
    CASE_ACTION_LIST(X)
#undef X
        [CASE_ACTION_COUNT] = NULL};

static const struct field case_fields[] = {
    F_STRING(struct support_case, id, FIELD_REQUIRED, 1, 0, "Identifier of the case."),
    F_STRING(struct support_case, organization_id, 0, 0, 0, "Whose instance it is about."),
    F_STRING(struct support_case, instance_id, 0, 0, 0, "The instance it is about."),
    F_STRING(struct support_case, report_id, 0, 0, 0, "The report that opened it."),
    F_INT(struct support_case, report_count, 0, 0, 0,
          "Reports that say so: the first, and those that came while it was open."),
    F_ENUM(struct support_case, verdict, 0, verdict_names, "Verdict of the last of them."),
    F_STRING(struct support_case, summary, 0, 0, 0, "What the last of them says, in one line."),
    F_ENUM(struct support_case, state, FIELD_REQUIRED, case_state_names,
           "Whether somebody still has to look at it."),
    F_TIME(struct support_case, opened_at, FIELD_OMIT, "When it was opened."),
    F_TIME(struct support_case, closed_at, FIELD_OMIT, "When it was closed."),
    F_STRING(struct support_case, closed_by, FIELD_OMIT, 0, 0, "Who of the staff closed it."),
    F_STRING(struct support_case, note, FIELD_OMIT, 0, 0,
             "What they said when they closed it; the customer sees it."),
    F_LIST(struct support_case, actions, action_count, 0, &action_shape, CASE_ACTION_COUNT,
           "What may be asked of it now, and why not."),
    F_INT(struct support_case, version, 0, 0, 0, "Grows with every change; the ETag."),
};
SHAPE(support_case_shape, struct support_case, "Case", "A renter's report for support to look at.",
      case_fields);

static const struct field case_act_fields[] = {
    F_ENUM(struct case_act, action, FIELD_REQUIRED, case_action_names, "What to do."),
    F_STRING(struct case_act, note, FIELD_REQUIRED, 1, 0,
             "What was found or done, as a sentence; the customer sees it."),
};
SHAPE(case_act_shape, struct case_act, "CaseAction", "An action to take.", case_act_fields);
