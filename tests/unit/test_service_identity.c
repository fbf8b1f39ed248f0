/* Organizations, projects, members and API keys. */
#include "tests/support/fx_service.h"

/* --- seed ---------------------------------------------------------------------------- */

static const struct seed seed = {.organization = "Acme",
                                 .member = "Ada",
                                 .email = "ada@example.org",
                                 .project = "first",
                                 .country = "FR",
                                 .token = "",
                                 .currency = "EUR",
                                 .grant_micros = FX_EUR(250),
                                 .grant_days = 30};

static void seed_changes_nothing_when_an_organization_exists(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct organization *items = NULL;
    char token[TOKEN_BYTES_MAX] = "x", next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(service_seed(&fx->sv, TX, &seed, token, E));
    assert_string_equal(token, "");
    OK(organization_list(AS(us), &q, &items, &count, next, E));
    assert_int_equal(count, 2);
    free(items);
}

/* A database of its own: the fixture's is not empty. */
static int empty_setup(void **state)
{
    struct fx_service *fx = calloc(1, sizeof *fx);
    struct store_config sc = {0};
    struct catalogue c = {0};
    char url[URL_BYTES_MAX];

    clock_test_init(&fx->clock, FX_AT_MS);
    snprintf(fx->dir, sizeof fx->dir, "%s", t_dir());
    snprintf(fx->catalogue_path, sizeof fx->catalogue_path, "%s/catalogue.yaml", fx->dir);
    fx_catalogue_write(fx, FX_GPU_RATE, FX_SLOTS, 0);
    snprintf(url, sizeof url, "sqlite:%s/store.db", fx->dir);
    sc.url = url;
    sc.clock = &fx->clock.base;
    assert_ok(store_open(&sc, &fx->store, E), E);
    assert_ok(driver_sqlite.open(url + strlen("sqlite:"), CONN_WRITER, &fx->conn, E), E);
    assert_ok(driver_sqlite.prepare(fx->conn, E), E);
    assert_ok(catalogue_load(fx->catalogue_path, &c, E), E);
    assert_ok(service_init(&fx->sv, fx->store, &fx->clock.base, NULL, fx->catalogue_path, &c, E),
              E);
    *state = fx;
    return 0;
}

static int empty_teardown(void **state)
{
    struct fx_service *fx = *state;

    service_release(&fx->sv);
    fx->conn->driver->close(fx->conn);
    store_close(fx->store);
    free(fx);
    return 0;
}

static void seed_makes_an_owner_with_a_key_and_credit(void **state)
{
    struct fx_service *fx = *state;
    char token[TOKEN_BYTES_MAX] = "", again[TOKEN_BYTES_MAX] = "x";
    struct credit credit;
    struct me me;

    OK(service_seed(&fx->sv, TX, &seed, token, E));
    assert_int_equal(strncmp(token, "hgk_", 4), 0);
    assert_int_equal(strlen(token), 4 + 64);
    OK(key_authenticate(&fx->sv, TX, token, &fx->owner, E));
    assert_int_equal(fx->owner.role, ROLE_OWNER);
    assert_int_equal(fx->owner.staff_role, STAFF_NONE);
    OK(me_get(AS(owner), &me, E));
    assert_string_equal(me.organization.name, "Acme");
    assert_string_equal(me.project.name, "first");
    assert_string_equal(me.member.email, "ada@example.org");
    assert_string_equal(me.key_id, fx->owner.key_id);
    assert_int_equal(me.server_time_ms, FX_AT_MS);
    OK(credit_get(AS(owner), me.organization.id, &credit, E));
    assert_int_equal(credit.available.micros, FX_EUR(250));
    OK(service_seed(&fx->sv, TX, &seed, again, E));
    assert_string_equal(again, "");
    OK(ledger_audit(&fx->sv, TX, E));
}

/* What is given beyond an ordinary owner must be found by who looks for it. */
static void each_step_of_the_seed_has_its_record(void **state)
{
    struct fx_service *fx = *state;
    struct seed mine = seed;
    char token[TOKEN_BYTES_MAX];

    mine.staff_support = true;
    mine.currency = "USD";
    OK(service_seed(&fx->sv, TX, &mine, token, E));
    assert_int_equal(fx_audits(fx, "organization.create", ""), 2); /* made, and its currency */
    assert_int_equal(fx_audits(fx, "project.create", ""), 1);
    assert_int_equal(fx_audits(fx, "member.create", ""), 1);
    assert_int_equal(fx_audits(fx, "member.update", ""), 1); /* the staff role */
    assert_int_equal(fx_audits(fx, "grant.create", ""), 1);
    assert_int_equal(fx_audits(fx, "key.create", ""), 1);
}

static void seed_takes_a_token_that_was_chosen(void **state)
{
    struct fx_service *fx = *state;
    struct seed mine = seed;
    char token[TOKEN_BYTES_MAX] = "";

    mine.token = "too-short";
    REFUSED(ERR_INVALID, service_seed(&fx->sv, TX, &mine, token, E));
    mine.token = "hgk_a-token-that-somebody-chose-for-a-test";
    mine.staff_support = true;
    OK(service_seed(&fx->sv, TX, &mine, token, E));
    assert_string_equal(token, mine.token);
    OK(key_authenticate(&fx->sv, TX, token, &fx->owner, E));
    assert_int_equal(fx->owner.staff_role, STAFF_SUPPORT);
}

/* --- organizations and projects ------------------------------------------------------ */

static void only_support_creates_organizations(void **state)
{
    struct fx_service *fx = *state;
    struct organization_create in = {.name = "New", .country = "NL"};
    struct organization out;

    REFUSED(ERR_FORBIDDEN, organization_create(AS(owner), &in, &out, E));
    OK(organization_create(AS(support), &in, &out, E));
    assert_string_equal(out.currency, "EUR");
    assert_true(id_is(ID_ORGANIZATION, out.id));
    assert_int_equal(fx_audits(fx, "organization.create", out.id), 1);
    text_copy(in.country, sizeof in.country, "n1");
    REFUSED(ERR_INVALID, organization_create(AS(support), &in, &out, E));
    assert_pointer("/country");
    text_copy(in.country, sizeof in.country, "NL");
    text_copy(in.name, sizeof in.name, "  ");
    REFUSED(ERR_INVALID, organization_create(AS(support), &in, &out, E));
    assert_pointer("/name");
}

static void another_organization_is_not_found(void **state)
{
    struct fx_service *fx = *state;
    struct organization out;

    OK(organization_get(AS(owner), fx->org.id, &out, E));
    REFUSED(ERR_NOT_FOUND, organization_get(AS(owner), fx->other_org.id, &out, E));
    REFUSED(ERR_NOT_FOUND, organization_get(AS(owner), "org_nobody", &out, E));
    OK(organization_get(AS(support), fx->org.id, &out, E));
}

static void a_member_lists_one_organization_and_staff_all(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct organization *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(organization_list(AS(viewer), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_string_equal(items[0].id, fx->org.id);
    free(items);
    OK(organization_list(AS(support), &q, &items, &count, next, E));
    assert_int_equal(count, 2);
    free(items);
    q.limit = 0;
    REFUSED(ERR_INVALID, organization_list(AS(viewer), &q, &items, &count, next, E));
}

static void projects_stay_inside_their_organization(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 50};
    struct project_create in = {.name = "training"};
    struct project out, seen, *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;

    OK(project_create(AS(admin), &in, &out, E));
    assert_string_equal(out.organization_id, fx->org.id);
    REFUSED(ERR_FORBIDDEN, project_create(AS(member), &in, &out, E));
    OK(project_get(AS(viewer), out.id, &seen, E));
    REFUSED(ERR_NOT_FOUND, project_get(AS(other), out.id, &seen, E));
    assert_contains(fx->e.msg, "no project");
    OK(project_list(AS(other), &q, &items, &count, next, E));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(items[i].organization_id, fx->other_org.id);
    free(items);
    text_copy(in.name, sizeof in.name, "bell\a");
    REFUSED(ERR_INVALID, project_create(AS(admin), &in, &out, E));
    assert_pointer("/name");
}

/* --- members ------------------------------------------------------------------------- */

static void an_admin_adds_members_but_no_owner(void **state)
{
    struct fx_service *fx = *state;
    struct member_create in = {.name = "Bo", .email = "bo@example.org", .role = ROLE_MEMBER};
    struct member out;

    OK(member_create(AS(admin), &in, &out, E));
    assert_int_equal(out.staff_role, STAFF_NONE);
    assert_int_equal(fx_events(fx, "member.created", out.id), 1);
    REFUSED(ERR_FORBIDDEN, member_create(AS(member), &in, &out, E));
    in.role = ROLE_OWNER;
    REFUSED(ERR_FORBIDDEN, member_create(AS(admin), &in, &out, E));
    OK(member_create(AS(owner), &in, &out, E));
}

static void an_address_must_look_like_one(void **state)
{
    static const char *const bad[] = {"nobody", "@example.org", "a@", "a@b@c", "a b@c", "a@b\n"};
    struct fx_service *fx = *state;
    struct member_create in = {.name = "Bo", .role = ROLE_MEMBER};
    struct member out;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        text_copy(in.email, sizeof in.email, bad[i]);
        REFUSED(ERR_INVALID, member_create(AS(admin), &in, &out, E));
        assert_pointer("/email");
    }
}

static void the_last_owner_can_neither_leave_nor_step_down(void **state)
{
    struct fx_service *fx = *state;
    struct member_patch down = {.role = ROLE_ADMIN}, up = {.role = ROLE_OWNER};
    struct member out;

    REFUSED(ERR_CONFLICT, member_update(AS(owner), fx->owner.member_id, 0, &down, &out, E));
    assert_contains(fx->e.msg, "last owner");
    REFUSED(ERR_CONFLICT, member_delete(AS(owner), fx->owner.member_id, E));
    OK(member_update(AS(owner), fx->admin.member_id, 0, &up, &out, E));
    OK(member_update(AS(owner), fx->owner.member_id, 0, &down, &out, E));
    assert_int_equal(out.role, ROLE_ADMIN);
}

static void only_an_owner_changes_or_removes_an_owner(void **state)
{
    struct fx_service *fx = *state;
    struct member_patch down = {.role = ROLE_VIEWER}, up = {.role = ROLE_OWNER};
    struct member out;

    REFUSED(ERR_FORBIDDEN, member_update(AS(admin), fx->owner.member_id, 0, &down, &out, E));
    REFUSED(ERR_FORBIDDEN, member_update(AS(admin), fx->viewer.member_id, 0, &up, &out, E));
    REFUSED(ERR_FORBIDDEN, member_delete(AS(admin), fx->owner.member_id, E));
}

static void a_member_of_another_organization_is_not_found(void **state)
{
    struct fx_service *fx = *state;
    struct member_patch down = {.role = ROLE_VIEWER};
    struct member out;

    REFUSED(ERR_NOT_FOUND, member_get(AS(owner), fx->other.member_id, &out, E));
    REFUSED(ERR_NOT_FOUND, member_update(AS(owner), fx->other.member_id, 0, &down, &out, E));
    REFUSED(ERR_NOT_FOUND, member_delete(AS(owner), fx->other.member_id, E));
    /* Support may look; the role in their own organization gives no power here. */
    OK(member_get(AS(support), fx->owner.member_id, &out, E));
    REFUSED(ERR_FORBIDDEN, member_delete(AS(support), fx->viewer.member_id, E));
}

static void a_changed_member_needs_the_new_version(void **state)
{
    struct fx_service *fx = *state;
    struct member_patch to = {.role = ROLE_BILLING};
    struct member was, out;

    OK(member_get(AS(owner), fx->viewer.member_id, &was, E));
    OK(member_update(AS(owner), was.id, was.version, &to, &out, E));
    assert_int_equal(out.version, was.version + 1);
    REFUSED(ERR_PRECONDITION, member_update(AS(owner), was.id, was.version, &to, &out, E));
}

static void a_member_who_leaves_takes_their_keys_along(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "laptop"};
    struct api_key key, row;
    struct actor by;

    OK(key_create(AS(member), &in, &key, E));
    OK(key_authenticate(&fx->sv, TX, key.token, &by, E));
    OK(member_delete(AS(admin), fx->member.member_id, E));
    REFUSED(ERR_UNAUTHENTICATED, key_authenticate(&fx->sv, TX, key.token, &by, E));
    OK(row_api_key_get(TX, key.id, &row, E));
    assert_int_equal(row.revoked_at_ms, FX_AT_MS);
}

/* --- keys ---------------------------------------------------------------------------- */

static void a_key_answers_its_token_once_and_stores_only_a_hash(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "ci"};
    struct page_query q = {.limit = 10};
    struct api_key key, *items = NULL;
    char next[CURSOR_BYTES_MAX];
    struct actor by;
    size_t count = 0;

    OK(key_create(AS(member), &in, &key, E));
    assert_int_equal(strlen(key.token), 68);
    assert_int_equal(strncmp(key.token, key.hint, 12), 0);
    OK(key_list(AS(owner), &q, &items, &count, next, E));
    assert_int_equal(count, 1);
    assert_string_equal(items[0].token, "");
    free(items);
    OK(key_authenticate(&fx->sv, TX, key.token, &by, E));
    assert_string_equal(by.member_id, fx->member.member_id);
    assert_string_equal(by.project_id, fx->member.project_id);
    assert_string_equal(by.key_id, key.id);
    assert_int_equal(by.role, ROLE_MEMBER);
}

static void unknown_expired_and_revoked_keys_are_refused_alike(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "ci", .expires_at_ms = FX_AT_MS + 1000};
    struct api_key brief, revoked, out;
    char unknown[ERR_MSG_MAX];
    struct actor by;

    OK(key_create(AS(member), &in, &brief, E));
    in.expires_at_ms = 0;
    OK(key_create(AS(member), &in, &revoked, E));
    OK(key_revoke(AS(member), revoked.id, &out, E));
    REFUSED(ERR_UNAUTHENTICATED, key_authenticate(&fx->sv, TX, "hgk_nothing", &by, E));
    text_copy(unknown, sizeof unknown, fx->e.msg);
    REFUSED(ERR_UNAUTHENTICATED, key_authenticate(&fx->sv, TX, "", &by, E));
    REFUSED(ERR_UNAUTHENTICATED, key_authenticate(&fx->sv, TX, revoked.token, &by, E));
    assert_string_equal(fx->e.msg, unknown);
    OK(key_authenticate(&fx->sv, TX, brief.token, &by, E));
    fx_advance(fx, 1);
    REFUSED(ERR_UNAUTHENTICATED, key_authenticate(&fx->sv, TX, brief.token, &by, E));
    assert_string_equal(fx->e.msg, unknown);
}

static void revoking_twice_is_answered_the_same(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "ci"};
    struct api_key key, first, again;

    OK(key_create(AS(member), &in, &key, E));
    OK(key_revoke(AS(member), key.id, &first, E));
    fx_advance(fx, 10);
    OK(key_revoke(AS(member), key.id, &again, E));
    assert_int_equal(again.revoked_at_ms, first.revoked_at_ms);
    assert_int_equal(fx_audits(fx, "key.revoke", key.id), 1);
}

static void a_member_handles_only_their_own_keys(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "for another"};
    struct api_key key, out;

    text_copy(in.member_id, sizeof in.member_id, fx->viewer.member_id);
    REFUSED(ERR_FORBIDDEN, key_create(AS(member), &in, &key, E));
    OK(key_create(AS(admin), &in, &key, E));
    assert_string_equal(key.member_id, fx->viewer.member_id);
    REFUSED(ERR_FORBIDDEN, key_revoke(AS(member), key.id, &out, E));
    REFUSED(ERR_FORBIDDEN, key_revoke(AS(viewer), key.id, &out, E));
    REFUSED(ERR_NOT_FOUND, key_revoke(AS(other), key.id, &out, E));
    REFUSED(ERR_NOT_FOUND, key_revoke(AS(owner), "key_nothing", &out, E));
    OK(key_revoke(AS(owner), key.id, &out, E));
}

/* Why: a key for an owner would make its maker an owner. */
static void an_admin_makes_no_key_for_an_owner(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "for the owner"};
    struct api_key key;

    text_copy(in.member_id, sizeof in.member_id, fx->owner.member_id);
    REFUSED(ERR_FORBIDDEN, key_create(AS(admin), &in, &key, E));
    text_copy(in.member_id, sizeof in.member_id, fx->other.member_id);
    REFUSED(ERR_INVALID, key_create(AS(owner), &in, &key, E));
    assert_pointer("/member_id");
}

/* Why: it would let its maker, who is no staff, into every organization. */
static void nobody_else_makes_a_key_for_staff(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "for the staff"};
    struct api_key key, out;
    struct member m;

    OK(row_member_get(TX, fx->member.member_id, &m, E));
    m.staff_role = fx->member.staff_role = STAFF_SUPPORT;
    OK(row_member_update(TX, &m, E));
    text_copy(in.member_id, sizeof in.member_id, m.id);
    REFUSED(ERR_FORBIDDEN, key_create(AS(admin), &in, &key, E));
    REFUSED(ERR_FORBIDDEN, key_create(AS(owner), &in, &key, E));
    OK(key_create(AS(member), &in, &key, E));
    OK(key_revoke(AS(owner), key.id, &out, E));
}

static void a_key_needs_a_project_of_its_organization_and_a_future(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "ci"};
    struct api_key key;

    text_copy(in.project_id, sizeof in.project_id, fx->other.project_id);
    REFUSED(ERR_INVALID, key_create(AS(member), &in, &key, E));
    assert_pointer("/project_id");
    text_copy(in.project_id, sizeof in.project_id, fx->admin.project_id);
    in.expires_at_ms = FX_AT_MS;
    REFUSED(ERR_INVALID, key_create(AS(member), &in, &key, E));
    assert_pointer("/expires_at");
    in.expires_at_ms = FX_AT_MS + 1;
    OK(key_create(AS(member), &in, &key, E));
    assert_string_equal(key.project_id, fx->admin.project_id);
}

static void use_of_a_key_is_remembered_at_most_once_a_minute(void **state)
{
    struct fx_service *fx = *state;
    struct api_key_create in = {.name = "ci"};
    struct api_key key, row;
    bool due = false;

    OK(key_create(AS(member), &in, &key, E));
    OK(key_authenticate(&fx->sv, TX, key.token, &fx->member, E));
    OK(key_touch_due(AS(member), &due, E));
    assert_true(due);
    OK(key_touch(AS(member), E));
    fx_advance(fx, 59);
    OK(key_touch_due(AS(member), &due, E));
    assert_false(due);
    OK(key_touch(AS(member), E));
    OK(row_api_key_get(TX, key.id, &row, E));
    assert_int_equal(row.last_used_at_ms, FX_AT_MS);
    fx_advance(fx, 1);
    OK(key_touch(AS(member), E));
    OK(row_api_key_get(TX, key.id, &row, E));
    assert_int_equal(row.last_used_at_ms, FX_AT_MS + 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(seed_changes_nothing_when_an_organization_exists),
        cmocka_unit_test_setup_teardown(seed_makes_an_owner_with_a_key_and_credit, empty_setup,
                                        empty_teardown),
        cmocka_unit_test_setup_teardown(each_step_of_the_seed_has_its_record, empty_setup,
                                        empty_teardown),
        cmocka_unit_test_setup_teardown(seed_takes_a_token_that_was_chosen, empty_setup,
                                        empty_teardown),
        FX_TEST(only_support_creates_organizations),
        FX_TEST(another_organization_is_not_found),
        FX_TEST(a_member_lists_one_organization_and_staff_all),
        FX_TEST(projects_stay_inside_their_organization),
        FX_TEST(an_admin_adds_members_but_no_owner),
        FX_TEST(an_address_must_look_like_one),
        FX_TEST(the_last_owner_can_neither_leave_nor_step_down),
        FX_TEST(only_an_owner_changes_or_removes_an_owner),
        FX_TEST(a_member_of_another_organization_is_not_found),
        FX_TEST(a_changed_member_needs_the_new_version),
        FX_TEST(a_member_who_leaves_takes_their_keys_along),
        FX_TEST(a_key_answers_its_token_once_and_stores_only_a_hash),
        FX_TEST(unknown_expired_and_revoked_keys_are_refused_alike),
        FX_TEST(revoking_twice_is_answered_the_same),
        FX_TEST(a_member_handles_only_their_own_keys),
        FX_TEST(an_admin_makes_no_key_for_an_owner),
        FX_TEST(nobody_else_makes_a_key_for_staff),
        FX_TEST(a_key_needs_a_project_of_its_organization_and_a_future),
        FX_TEST(use_of_a_key_is_remembered_at_most_once_a_minute),
    };

    return T_RUN("service identity", tests);
}
