/* Contract of the rows of organizations, projects, members, API keys, pools, settings and
 * idempotency keys. */
#include "tests/support/rows.h"

static void member_of(struct rows_fx *fx, struct member *out, const char *name, enum role role)
{
    *out = (struct member){.role = role,
                           .staff_role = STAFF_NONE,
                           .created_at_ms = ROWS_AT_MS,
                           .version = 1,
                           .email = "someone@example.org"};
    id_new(ID_MEMBER, &fx->clock.base, out->id);
    text_copy(out->organization_id, sizeof out->organization_id, fx->organization.id);
    text_copy(out->name, sizeof out->name, name);
}

static void key_of(struct rows_fx *fx, struct api_key *out, uint8_t hash[KEY_HASH_BYTES])
{
    *out = (struct api_key){.name = "laptop",
                            .hint = "hgk_abcd",
                            .created_at_ms = ROWS_AT_MS,
                            .expires_at_ms = ROWS_AT_MS + 1000};
    id_new(ID_API_KEY, &fx->clock.base, out->id);
    id_new(ID_MEMBER, &fx->clock.base, out->member_id);
    id_new(ID_PROJECT, &fx->clock.base, out->project_id);
    text_copy(out->organization_id, sizeof out->organization_id, fx->organization.id);
    memset(hash, out->id[sizeof "key_" + 33], KEY_HASH_BYTES);
    memcpy(hash, out->id, KEY_HASH_BYTES - 8);
    memcpy(hash + KEY_HASH_BYTES - 12, out->id + strlen(out->id) - 12, 12);
}

static void organization_comes_back_as_it_was(void **state)
{
    struct rows_fx *fx = *state;
    struct organization got;

    assert_ok(row_organization_get(TX, fx->organization.id, &got, E), E);
    rows_assert_same(&organization_shape, &got, &fx->organization);
}

static void organization_with_a_taken_id_is_a_conflict(void **state)
{
    struct rows_fx *fx = *state;

    assert_err(ERR_CONFLICT, row_organization_insert(TX, &fx->organization, E), E);
    assert_contains(fx->e.msg, fx->organization.id);
}

static void missing_objects_are_not_found(void **state)
{
    struct rows_fx *fx = *state;
    struct organization o;
    struct project p;
    struct member m;
    struct api_key k;
    uint8_t hash[KEY_HASH_BYTES] = {1};

    assert_err(ERR_NOT_FOUND, row_organization_get(TX, "org_none", &o, E), E);
    assert_string_equal(fx->e.msg, "no organization org_none");
    assert_err(ERR_NOT_FOUND, row_project_get(TX, "prj_none", &p, E), E);
    assert_err(ERR_NOT_FOUND, row_member_get(TX, "mem_none", &m, E), E);
    assert_err(ERR_NOT_FOUND, row_api_key_get(TX, "key_none", &k, E), E);
    assert_err(ERR_NOT_FOUND, row_api_key_find(TX, hash, &k, E), E);
    assert_err(ERR_NOT_FOUND, row_member_delete(TX, "mem_none", E), E);
    assert_err(ERR_NOT_FOUND, row_api_key_revoke(TX, "key_none", 1, E), E);
    assert_err(ERR_NOT_FOUND, row_api_key_touch(TX, "key_none", 1, E), E);
}

static void update_raises_the_version_here_and_there(void **state)
{
    struct rows_fx *fx = *state;
    struct organization got;

    text_copy(fx->organization.name, sizeof fx->organization.name, "Renamed");
    assert_ok(row_organization_update(TX, &fx->organization, E), E);
    assert_int_equal(fx->organization.version, 2);
    assert_ok(row_organization_get(TX, fx->organization.id, &got, E), E);
    rows_assert_same(&organization_shape, &got, &fx->organization);
}

static void update_of_an_old_version_is_refused(void **state)
{
    struct rows_fx *fx = *state;
    struct organization old = fx->organization, got;

    assert_ok(row_organization_update(TX, &fx->organization, E), E);
    text_copy(old.name, sizeof old.name, "Lost");
    assert_err(ERR_PRECONDITION, row_organization_update(TX, &old, E), E);
    assert_int_equal(old.version, 1);
    assert_ok(row_organization_get(TX, fx->organization.id, &got, E), E);
    assert_string_equal(got.name, "Example");
}

static void organizations_page_newest_first_to_the_end(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 2};
    struct organization o, *items;
    char seen[5][ID_MAX], next[CURSOR_BYTES_MAX];
    size_t count, total = 0;

    for (int i = 0; i < 4; i++) {
        rows_organization(fx, &o);
        assert_ok(row_organization_insert(TX, &o, E), E);
    }
    do {
        assert_ok(row_organization_list(TX, &q, &items, &count, next, E), E);
        for (size_t i = 0; i < count; i++)
            text_copy(seen[total++], ID_MAX, items[i].id);
        LIST_FREE(&organization_shape, items, count);
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    assert_int_equal(total, 5);
    assert_string_equal(seen[0], o.id);
    assert_string_equal(seen[4], fx->organization.id);
    for (size_t i = 1; i < total; i++)
        assert_true(strcmp(seen[i - 1], seen[i]) > 0);
}

static void an_exactly_full_last_page_has_no_next(void **state)
{
    struct rows_fx *fx = *state;
    struct page_query q = {.limit = 1};
    struct organization *items;
    char next[CURSOR_BYTES_MAX] = "x";
    size_t count;

    assert_ok(row_organization_list(TX, &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    assert_string_equal(next, "");
    LIST_FREE(&organization_shape, items, count);
}

static void cursors_that_no_list_gave_are_refused(void **state)
{
    static const char *const bad[] = {"x",       "aW9yZ18",       "!!!!",         "czEy",
                                      "aQ",      "YW9yZ18x",      "aW9yZ18xAA==", "aSUlJQ",
                                      "aQBvcmc", "aSdvciAxPTEtLQ"};
    struct rows_fx *fx = *state;
    struct organization *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0, refused = 0;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct page_query q = {.limit = 1};

        text_copy(q.cursor, sizeof q.cursor, bad[i]);
        if (strcmp(bad[i], "aW9yZ18") == 0) { /* "iorg_": well formed */
            assert_ok(row_organization_list(TX, &q, &items, &count, next, E), E);
            LIST_FREE(&organization_shape, items, count);
            continue;
        }
        assert_err(ERR_INVALID, row_organization_list(TX, &q, &items, &count, next, E), E);
        refused++;
    }
    assert_int_equal(refused, ARRAY_SIZE(bad) - 1);
}

static void limits_outside_a_page_are_refused(void **state)
{
    static const int64_t bad[] = {-1, PAGE_ITEMS_MAX + 1, INT64_MAX, INT64_MIN};
    struct rows_fx *fx = *state;
    struct organization *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct page_query q = {.limit = bad[i]};

        assert_err(ERR_INVALID, row_organization_list(TX, &q, &items, &count, next, E), E);
    }
}

static void filter_text_is_taken_literally(void **state)
{
    static const struct {
        const char *text;
        size_t want;
    } row[] = {{"50%", 1},  {"%", 1},       {"_", 4} /* in every id */, {"b\\a", 1}, {"example", 1},
               {"ORG_", 4}, {"nothing", 0}, {"' OR 1=1 --", 0}};
    static const char *const names[] = {"50% off", "b\\a", "under"};
    struct rows_fx *fx = *state;
    struct organization o, *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        rows_organization(fx, &o);
        text_copy(o.name, sizeof o.name, names[i]);
        assert_ok(row_organization_insert(TX, &o, E), E);
    }
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct page_query q = {.limit = 10};

        text_copy(q.text, sizeof q.text, row[i].text);
        assert_ok(row_organization_list(TX, &q, &items, &count, next, E), E);
        if (count != row[i].want)
            fail_msg("filter '%s' found %zu, expected %zu", row[i].text, count, row[i].want);
        LIST_FREE(&organization_shape, items, count);
    }
}

static void from_is_inclusive_and_to_exclusive(void **state)
{
    static const struct {
        int64_t from_ms, to_ms;
        size_t want;
    } row[] = {{0, 0, 1},
               {ROWS_AT_MS, 0, 1},
               {ROWS_AT_MS + 1, 0, 0},
               {0, ROWS_AT_MS, 0},
               {0, ROWS_AT_MS + 1, 1}};
    struct rows_fx *fx = *state;
    struct organization *items;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct page_query q = {.limit = 10, .from_ms = row[i].from_ms, .to_ms = row[i].to_ms};

        assert_ok(row_organization_list(TX, &q, &items, &count, next, E), E);
        assert_int_equal(count, row[i].want);
        LIST_FREE(&organization_shape, items, count);
    }
}

static void projects_are_confined_to_their_organization(void **state)
{
    struct rows_fx *fx = *state;
    struct project p = {.name = "main", .created_at_ms = ROWS_AT_MS, .version = 1}, got, *items;
    struct page_query q = {.limit = 10};
    struct organization other;
    char next[CURSOR_BYTES_MAX];
    size_t count;

    rows_organization(fx, &other);
    assert_ok(row_organization_insert(TX, &other, E), E);
    id_new(ID_PROJECT, &fx->clock.base, p.id);
    text_copy(p.organization_id, sizeof p.organization_id, fx->organization.id);
    assert_ok(row_project_insert(TX, &p, E), E);
    assert_ok(row_project_get(TX, p.id, &got, E), E);
    rows_assert_same(&project_shape, &got, &p);
    assert_err(ERR_CONFLICT, row_project_insert(TX, &p, E), E);

    assert_ok(row_project_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    LIST_FREE(&project_shape, items, count);
    assert_ok(row_project_list(TX, other.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 0);
    LIST_FREE(&project_shape, items, count);
    assert_ok(row_project_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    LIST_FREE(&project_shape, items, count);
}

static void an_object_of_no_organization_is_refused(void **state)
{
    struct rows_fx *fx = *state;
    struct project p = {.id = "prj_1", .organization_id = "org_none", .version = 1};

    assert_err(ERR_CONFLICT, row_project_insert(TX, &p, E), E);
    assert_contains(fx->e.msg, "does not exist");
}

static void members_are_kept_counted_and_deleted(void **state)
{
    struct rows_fx *fx = *state;
    struct member owner, viewer, got, *items;
    struct page_query q = {.limit = 10, .text = "someone@"};
    char next[CURSOR_BYTES_MAX];
    int64_t owners;
    size_t count;

    member_of(fx, &owner, "Ada", ROLE_OWNER);
    member_of(fx, &viewer, "Bob", ROLE_VIEWER);
    assert_ok(row_member_insert(TX, &owner, E), E);
    assert_ok(row_member_insert(TX, &viewer, E), E);
    assert_err(ERR_CONFLICT, row_member_insert(TX, &viewer, E), E);
    viewer.role = ROLE_ADMIN;
    viewer.staff_role = STAFF_SUPPORT;
    assert_ok(row_member_update(TX, &viewer, E), E);
    assert_ok(row_member_get(TX, viewer.id, &got, E), E);
    rows_assert_same(&member_shape, &got, &viewer);
    got.version = 1;
    assert_err(ERR_PRECONDITION, row_member_update(TX, &got, E), E);

    assert_ok(row_member_count(TX, fx->organization.id, ROLE_OWNER, &owners, E), E);
    assert_int_equal(owners, 1);
    assert_ok(row_member_count(TX, "", ROLE_ADMIN, &owners, E), E);
    assert_int_equal(owners, 1);
    assert_ok(row_member_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 2);
    LIST_FREE(&member_shape, items, count);
    assert_ok(row_member_delete(TX, owner.id, E), E);
    assert_err(ERR_NOT_FOUND, row_member_get(TX, owner.id, &got, E), E);
    assert_err(ERR_INTERNAL, row_member_count(TX, "", ROLE_COUNT, &owners, E), E);
}

static void a_role_without_a_name_is_not_stored(void **state)
{
    struct rows_fx *fx = *state;
    struct member m;

    member_of(fx, &m, "Eve", (enum role)77);
    assert_err(ERR_INTERNAL, row_member_insert(TX, &m, E), E);
    assert_contains(fx->e.msg, "role 77");
}

static void api_key_is_found_by_its_hash_and_without_its_token(void **state)
{
    struct rows_fx *fx = *state;
    struct api_key k, got, *items;
    struct page_query q = {.limit = 10};
    uint8_t hash[KEY_HASH_BYTES];
    char next[CURSOR_BYTES_MAX];
    size_t count;

    key_of(fx, &k, hash);
    text_copy(k.token, sizeof k.token, "hgk_secret");
    assert_ok(row_api_key_insert(TX, &k, hash, E), E);
    assert_ok(row_api_key_find(TX, hash, &got, E), E);
    assert_string_equal(got.token, "");
    memset(k.token, 0, sizeof k.token);
    rows_assert_same(&api_key_shape, &got, &k);
    hash[31] ^= 1;
    assert_err(ERR_NOT_FOUND, row_api_key_find(TX, hash, &got, E), E);
    assert_ok(row_api_key_list(TX, fx->organization.id, &q, &items, &count, next, E), E);
    assert_int_equal(count, 1);
    LIST_FREE(&api_key_shape, items, count);
    text_copy(q.project_id, sizeof q.project_id, "prj_other");
    assert_ok(row_api_key_list(TX, "", &q, &items, &count, next, E), E);
    assert_int_equal(count, 0);
    LIST_FREE(&api_key_shape, items, count);
}

static void two_api_keys_cannot_share_a_hash(void **state)
{
    struct rows_fx *fx = *state;
    struct api_key a, b;
    uint8_t hash[KEY_HASH_BYTES], other[KEY_HASH_BYTES];

    key_of(fx, &a, hash);
    key_of(fx, &b, other);
    assert_ok(row_api_key_insert(TX, &a, hash, E), E);
    assert_err(ERR_CONFLICT, row_api_key_insert(TX, &b, hash, E), E);
    assert_ok(row_api_key_insert(TX, &b, other, E), E);
}

static void revoking_keeps_the_first_moment_and_touching_the_last(void **state)
{
    struct rows_fx *fx = *state;
    struct api_key k;
    uint8_t hash[KEY_HASH_BYTES];

    key_of(fx, &k, hash);
    assert_ok(row_api_key_insert(TX, &k, hash, E), E);
    assert_ok(row_api_key_revoke(TX, k.id, 100, E), E);
    assert_ok(row_api_key_revoke(TX, k.id, 200, E), E);
    assert_ok(row_api_key_touch(TX, k.id, 300, E), E);
    assert_ok(row_api_key_touch(TX, k.id, 250, E), E);
    assert_ok(row_api_key_get(TX, k.id, &k, E), E);
    assert_int_equal(k.revoked_at_ms, 100);
    assert_int_equal(k.last_used_at_ms, 300);
}

static void a_pool_gives_no_more_than_it_has(void **state)
{
    struct rows_fx *fx = *state;
    struct pool_row *items;
    size_t count;

    assert_ok(row_pool_set(TX, "h100", 8, E), E);
    assert_ok(row_pool_set(TX, "a100", 2, E), E);
    assert_ok(row_pool_take(TX, "h100", 5, E), E);
    assert_err(ERR_NO_STOCK, row_pool_take(TX, "h100", 4, E), E);
    assert_ok(row_pool_take(TX, "h100", 3, E), E);
    assert_err(ERR_NO_STOCK, row_pool_take(TX, "h100", 1, E), E);
    assert_ok(row_pool_list(TX, &items, &count, E), E);
    assert_int_equal(count, 2);
    assert_string_equal(items[0].name, "a100");
    assert_int_equal(items[1].used_units, 8);
    free(items);
}

static void a_pool_that_shrank_can_still_be_given_back_to(void **state)
{
    struct rows_fx *fx = *state;
    struct pool_row *items;
    size_t count;

    assert_ok(row_pool_set(TX, "h100", 8, E), E);
    assert_ok(row_pool_take(TX, "h100", 6, E), E);
    assert_ok(row_pool_set(TX, "h100", 4, E), E);
    assert_err(ERR_NO_STOCK, row_pool_take(TX, "h100", 1, E), E);
    assert_ok(row_pool_give(TX, "h100", 3, E), E);
    assert_ok(row_pool_take(TX, "h100", 1, E), E);
    assert_ok(row_pool_list(TX, &items, &count, E), E);
    assert_int_equal(items[0].capacity_units, 4);
    assert_int_equal(items[0].used_units, 4);
    free(items);
}

static void units_that_were_not_taken_cannot_be_given_back(void **state)
{
    struct rows_fx *fx = *state;

    assert_ok(row_pool_set(TX, "h100", 8, E), E);
    assert_ok(row_pool_take(TX, "h100", 1, E), E);
    assert_err(ERR_CONFLICT, row_pool_give(TX, "h100", 2, E), E);
    assert_ok(row_pool_give(TX, "h100", 1, E), E);
    assert_err(ERR_INVALID, row_pool_give(TX, "h100", -1, E), E);
    assert_err(ERR_INVALID, row_pool_take(TX, "h100", 0, E), E);
    assert_err(ERR_NO_STOCK, row_pool_take(TX, "h100", INT64_MAX, E), E);
    assert_err(ERR_INVALID, row_pool_set(TX, "h100", -1, E), E);
    assert_err(ERR_NOT_FOUND, row_pool_take(TX, "none", 1, E), E);
    assert_err(ERR_NOT_FOUND, row_pool_give(TX, "none", 1, E), E);
}

static void settings_are_set_replaced_and_bounded(void **state)
{
    struct rows_fx *fx = *state;
    char value[8];

    assert_err(ERR_NOT_FOUND, row_setting_get(TX, "seeded", value, sizeof value, E), E);
    assert_ok(row_setting_set(TX, "seeded", "1", E), E);
    assert_ok(row_setting_set(TX, "seeded", "1234567", E), E);
    assert_ok(row_setting_get(TX, "seeded", value, sizeof value, E), E);
    assert_string_equal(value, "1234567");
    assert_err(ERR_LIMIT, row_setting_get(TX, "seeded", value, 7, E), E);
    assert_string_equal(value, "1234567");
}

static void an_idempotency_key_is_kept_once_until_trimmed(void **state)
{
    struct rows_fx *fx = *state;
    char body[] = "{\"id\":\"ins_1\"}";
    struct idempotency in = {.scope = "key_1 POST /v1/instances",
                             .key = "abc",
                             .fingerprint = {1, 2, 3},
                             .status = 201,
                             .body = body,
                             .object_id = "ins_1",
                             .created_at_ms = 1000},
                       got;

    assert_err(ERR_NOT_FOUND, row_idempotency_find(TX, in.scope, in.key, &got, E), E);
    assert_ok(row_idempotency_insert(TX, &in, E), E);
    assert_err(ERR_CONFLICT, row_idempotency_insert(TX, &in, E), E);
    assert_ok(row_idempotency_find(TX, in.scope, in.key, &got, E), E);
    assert_string_equal(got.body, body);
    assert_memory_equal(got.fingerprint, in.fingerprint, sizeof in.fingerprint);
    assert_int_equal(got.status, 201);
    assert_string_equal(got.object_id, "ins_1");
    free(got.body);
    assert_err(ERR_NOT_FOUND, row_idempotency_find(TX, "other", in.key, &got, E), E);
    assert_ok(row_idempotency_trim(TX, 1000, E), E);
    assert_ok(row_idempotency_find(TX, in.scope, in.key, &got, E), E);
    free(got.body);
    assert_ok(row_idempotency_trim(TX, 1001, E), E);
    assert_err(ERR_NOT_FOUND, row_idempotency_find(TX, in.scope, in.key, &got, E), E);
}

static void an_answer_without_a_body_stays_without(void **state)
{
    struct rows_fx *fx = *state;
    struct idempotency in = {.scope = "s", .key = "k", .status = 204}, got;

    assert_ok(row_idempotency_insert(TX, &in, E), E);
    assert_ok(row_idempotency_find(TX, "s", "k", &got, E), E);
    assert_null(got.body);
}

static void a_write_in_a_read_transaction_is_refused(void **state)
{
    struct rows_fx *fx = *state;

    fx->tx.is_write = false;
    assert_err(ERR_INTERNAL, row_pool_set(TX, "h100", 8, E), E);
    fx->tx.is_write = true;
    assert_ok(row_pool_set(TX, "h100", 8, E), E);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        ROWS_TEST(organization_comes_back_as_it_was),
        ROWS_TEST(organization_with_a_taken_id_is_a_conflict),
        ROWS_TEST(missing_objects_are_not_found),
        ROWS_TEST(update_raises_the_version_here_and_there),
        ROWS_TEST(update_of_an_old_version_is_refused),
        ROWS_TEST(organizations_page_newest_first_to_the_end),
        ROWS_TEST(an_exactly_full_last_page_has_no_next),
        ROWS_TEST(cursors_that_no_list_gave_are_refused),
        ROWS_TEST(limits_outside_a_page_are_refused),
        ROWS_TEST(filter_text_is_taken_literally),
        ROWS_TEST(from_is_inclusive_and_to_exclusive),
        ROWS_TEST(projects_are_confined_to_their_organization),
        ROWS_TEST(an_object_of_no_organization_is_refused),
        ROWS_TEST(members_are_kept_counted_and_deleted),
        ROWS_TEST(a_role_without_a_name_is_not_stored),
        ROWS_TEST(api_key_is_found_by_its_hash_and_without_its_token),
        ROWS_TEST(two_api_keys_cannot_share_a_hash),
        ROWS_TEST(revoking_keeps_the_first_moment_and_touching_the_last),
        ROWS_TEST(a_pool_gives_no_more_than_it_has),
        ROWS_TEST(a_pool_that_shrank_can_still_be_given_back_to),
        ROWS_TEST(units_that_were_not_taken_cannot_be_given_back),
        ROWS_TEST(settings_are_set_replaced_and_bounded),
        ROWS_TEST(an_idempotency_key_is_kept_once_until_trimmed),
        ROWS_TEST(an_answer_without_a_body_stays_without),
        ROWS_TEST(a_write_in_a_read_transaction_is_refused),
    };

    return T_RUN("rows_identity", tests);
}
