/* Who may do what: the whole table, and where a role counts. */
#include "tests/support/t.h"

#include "api/service/service.h"
#include "core/strbuf.h"

/* The table once more, as a person would check it: one letter per role that may, in the order
 * owner admin billing member viewer; and per staff role, in the order support operator auditor. */
static const struct {
    enum rule_action action;
    const char *roles, *staff;
} expected[] = {
    {ACTION_CATALOGUE_READ, "oabmv", "soa"}, {ACTION_ORGANIZATION_READ, "oabmv", "soa"},
    {ACTION_ORGANIZATION_CREATE, "", "s"},   {ACTION_PROJECT_READ, "oabmv", "soa"},
    {ACTION_PROJECT_CREATE, "oa", ""},       {ACTION_MEMBER_READ, "oabmv", "soa"},
    {ACTION_MEMBER_CREATE, "oa", ""},        {ACTION_MEMBER_UPDATE, "oa", ""},
    {ACTION_MEMBER_DELETE, "oa", ""},        {ACTION_KEY_READ, "oabmv", "soa"},
    {ACTION_KEY_CREATE, "oam", ""},          {ACTION_KEY_REVOKE, "oam", ""},
    {ACTION_INSTANCE_READ, "oabmv", "soa"},  {ACTION_INSTANCE_LAUNCH, "oam", ""},
    {ACTION_INSTANCE_UPDATE, "oam", ""},     {ACTION_INSTANCE_STOP, "oam", "s"},
    {ACTION_INSTANCE_START, "oam", ""},      {ACTION_INSTANCE_DELETE, "oam", ""},
    {ACTION_INSTANCE_LOGIN, "oam", ""},      {ACTION_INSTANCE_CHECK, "oam", "so"},
    {ACTION_JOB_READ, "oabmv", "soa"},       {ACTION_JOB_SUBMIT, "oam", ""},
    {ACTION_JOB_CANCEL, "oam", "s"},         {ACTION_CREDIT_READ, "oabmv", "soa"},
    {ACTION_GRANT_CREATE, "", "s"},          {ACTION_USAGE_READ, "oabmv", "soa"},
    {ACTION_EVENT_READ, "oabmv", "soa"},     {ACTION_REPORT_READ, "oabmv", "soa"},
    {ACTION_REPORT_POST, "oam", ""},         {ACTION_TELEMETRY_READ, "oabmv", "soa"},
    {ACTION_TELEMETRY_POST, "oam", ""},      {ACTION_METRICS_READ, "", "soa"},
    {ACTION_AUDIT_READ, "oa", "soa"},        {ACTION_CATALOGUE_LOAD, "", ""},
    {ACTION_NODE_READ, "", "soa"},           {ACTION_NODE_DRAIN, "", "so"},
    {ACTION_NODE_RESUME, "", "so"},          {ACTION_NODE_UPDATE, "", ""},
    {ACTION_CASE_READ, "oabmv", "soa"},      {ACTION_CASE_CLOSE, "", "so"},
};

static void every_action_is_allowed_to_exactly_these_roles(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_SIZE(expected), RULE_ACTION_COUNT);
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_int_equal(expected[i].action, (int)i);
        for (int r = 0; r < ROLE_COUNT; r++) {
            bool may = strchr(expected[i].roles, "oabmv"[r]) != NULL;

            if (rule_allows(expected[i].action, (enum role)r, STAFF_NONE) != may)
                fail_msg("%s by %s", rule_action_name(expected[i].action), role_names[r]);
        }
        for (int s = STAFF_SUPPORT; s < STAFF_ROLE_COUNT; s++) {
            bool may = strchr(expected[i].staff, " soa"[s]) != NULL;

            if (rule_allows(expected[i].action, ROLE_COUNT, (enum staff_role)s) != may)
                fail_msg("%s by %s staff", rule_action_name(expected[i].action),
                         staff_role_names[s]);
        }
    }
}

static void every_action_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = 0; a < RULE_ACTION_COUNT; a++) {
        assert_non_null(strchr(rule_action_name((enum rule_action)a), '.'));
        for (int b = 0; b < a; b++)
            assert_string_not_equal(rule_action_name((enum rule_action)a),
                                    rule_action_name((enum rule_action)b));
    }
}

static void a_refusal_says_who_may_and_who_asks(void **state)
{
    struct actor viewer = {.role = ROLE_VIEWER};
    struct err e;

    (void)state;
    assert_err(ERR_FORBIDDEN, rule_check(&viewer, ACTION_INSTANCE_LAUNCH, &e), &e);
    assert_string_equal(e.msg, "only owner, admin, member may launch an instance; you are viewer");
    assert_err(ERR_FORBIDDEN, rule_check(&viewer, ACTION_GRANT_CREATE, &e), &e);
    assert_string_equal(e.msg, "only support staff may grant credit; you are viewer");
}

static void a_worker_passes_every_rule(void **state)
{
    struct actor worker = {.is_system = true, .role = ROLE_VIEWER};
    struct err e;

    (void)state;
    for (int a = 0; a < RULE_ACTION_COUNT; a++)
        assert_ok(rule_check(&worker, (enum rule_action)a, &e), &e);
}

static void a_member_reads_only_their_own_organization(void **state)
{
    struct actor by = {.role = ROLE_OWNER, .organization_id = "org_1"};
    char scope[ID_MAX] = "";
    struct err e;

    (void)state;
    assert_ok(rule_scope(&by, "", scope, &e), &e);
    assert_string_equal(scope, "org_1");
    assert_ok(rule_scope(&by, "org_1", scope, &e), &e);
    assert_err(ERR_NOT_FOUND, rule_scope(&by, "org_2", scope, &e), &e);
    assert_string_equal(scope, "org_1");
}

static void staff_read_the_organization_they_ask_for_or_all(void **state)
{
    struct actor by = {.staff_role = STAFF_AUDITOR, .organization_id = "org_1"};
    char scope[ID_MAX] = "x";
    struct err e;

    (void)state;
    assert_ok(rule_scope(&by, "org_2", scope, &e), &e);
    assert_string_equal(scope, "org_2");
    assert_ok(rule_scope(&by, "", scope, &e), &e);
    assert_string_equal(scope, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_is_allowed_to_exactly_these_roles),
        cmocka_unit_test(every_action_has_a_name_of_its_own),
        cmocka_unit_test(a_refusal_says_who_may_and_who_asks),
        cmocka_unit_test(a_worker_passes_every_rule),
        cmocka_unit_test(a_member_reads_only_their_own_organization),
        cmocka_unit_test(staff_read_the_organization_they_ask_for_or_all),
    };

    return T_RUN("rules", tests);
}
