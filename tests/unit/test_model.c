/* Every shape of include/model is encoded and decoded with values it has never seen, so
 * that a row that is wrong cannot hide. */
#include "tests/support/t.h"

#include <ctype.h>

#include "model/catalogue.h"
#include "model/credit.h"
#include "model/event.h"
#include "model/identity.h"
#include "model/instance.h"
#include "model/job.h"
#include "model/page.h"
#include "model/case.h"
#include "model/node.h"
#include "model/report.h"
#include "model/telemetry.h"

#define ROUNDS       50
#define ITEMS_MAX    3
#define TEXT_TRY_MAX 200
#define STRUCT_MAX   16384

/* `whole`: every member of the struct has a row. */
static const struct {
    const struct shape *shape;
    bool whole;
} shapes[] = {
    {&cloud_operator_shape, true},
    {&zone_shape, true},
    {&gpu_model_shape, true},
    {&pool_shape, true},
    {&offer_shape, true},
    {&catalogue_shape, true},
    {&grant_shape, true},
    {&grant_create_shape, true},
    {&hold_part_shape, true},
    {&hold_shape, true},
    {&entry_shape, true},
    {&credit_shape, true},
    {&usage_shape, true},
    {&burn_part_shape, true},
    {&estimate_shape, true},
    {&event_shape, true},
    {&audit_record_shape, true},
    {&organization_shape, true},
    {&project_shape, true},
    {&member_shape, true},
    {&api_key_shape, true},
    {&me_shape, true},
    {&organization_create_shape, true},
    {&project_create_shape, true},
    {&member_create_shape, true},
    {&member_patch_shape, true},
    {&api_key_create_shape, true},
    {&action_shape, true},
    {&gpu_slot_shape, true},
    {&instance_shape, true},
    {&instance_create_shape, true},
    {&instance_patch_shape, true},
    {&instance_act_shape, true},
    {&node_shape, true},
    {&node_act_shape, true},
    {&support_case_shape, true},
    {&case_act_shape, true},
    {&env_entry_shape, true},
    {&job_shape, true},
    {&job_create_shape, true},
    {&log_event_shape, true},
    {&report_gpu_shape, true},
    {&finding_shape, true},
    {&report_shape, true},
    {&report_create_shape, false}, /* the API adds the rest */
    {&telemetry_reading_shape, true},
    {&telemetry_gpu_shape, true},
    {&telemetry_sample_shape, true},
    {&telemetry_create_shape, false}, /* the same */
};

/* Repeatable: the same values on every run (xorshift64). */
static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static int64_t between(uint64_t *seed, int64_t lo, int64_t hi)
{
    uint64_t span = (uint64_t)hi - (uint64_t)lo;

    return (int64_t)((uint64_t)lo + (span == UINT64_MAX ? next(seed) : next(seed) % (span + 1)));
}

/* Text that JSON has to escape, and that is more than one byte wide. */
static void fill_text(uint64_t *seed, char *out, int64_t lo, int64_t hi)
{
    static const char *const letters[] = {"a", "Z", "7", "\"", "\\", "/", " ", "é", "漢", "-"};
    int64_t want = between(seed, lo, hi), len = 0;

    while (len < want) {
        const char *letter = letters[next(seed) % ARRAY_SIZE(letters)];
        int64_t size = (int64_t)strlen(letter);

        if (len + size > want)
            letter = "x", size = 1;
        memcpy(out + len, letter, (size_t)size);
        len += size;
    }
    out[len] = '\0';
}

static void fill(const struct shape *s, void *obj, uint64_t *seed, bool all);

static bool list_is_inline(const struct field *f)
{
    return f->size != sizeof(void *);
}

static void *list_items(const struct field *f, const void *obj)
{
    char *at = (char *)(uintptr_t)obj + f->offset;

    return list_is_inline(f) ? at : *(char **)(void *)at;
}

static size_t *list_count(const struct field *f, const void *obj)
{
    return (size_t *)(void *)((char *)(uintptr_t)obj + f->count_offset);
}

static void fill_list(const struct field *f, void *obj, uint64_t *seed, bool all)
{
    int64_t most = f->max < ITEMS_MAX ? f->max : ITEMS_MAX;
    size_t count = (size_t)between(seed, 0, most);
    char *items;

    assert_true(f->max > 0);
    assert_non_null(f->of);
    if (!list_is_inline(f))
        *(void **)(void *)((char *)obj + f->offset) = count ? calloc(count, f->of->size) : NULL;
    *list_count(f, obj) = count;
    items = list_items(f, obj);
    for (size_t i = 0; i < count; i++)
        fill(f->of, items + i * f->of->size, seed, all);
}

static int64_t in_range(const struct field *f, uint64_t *seed)
{
    bool unlimited = f->min == 0 && f->max == 0;

    return between(seed, unlimited ? INT64_MIN : f->min, unlimited ? INT64_MAX : f->max);
}

static void fill_string(const struct field *f, char *at, uint64_t *seed)
{
    int64_t most = f->max ? f->max : (int64_t)f->size - 1;

    assert_true(most <= (int64_t)f->size - 1);
    fill_text(seed, at, f->min, most);
}

static void fill_allocated(const struct field *f, char **at, uint64_t *seed)
{
    int64_t most = f->max < TEXT_TRY_MAX ? f->max : TEXT_TRY_MAX;

    assert_true(f->max > 0);
    *at = calloc(1, TEXT_TRY_MAX + 1);
    fill_text(seed, *at, f->min, most);
}

static void fill_field(const struct field *f, void *obj, uint64_t *seed, bool all)
{
    void *at = (char *)obj + f->offset;

    switch (f->kind) {
    case FIELD_STRING:
        fill_string(f, at, seed);
        break;
    case FIELD_TEXT:
        fill_allocated(f, at, seed);
        break;
    case FIELD_BOOL:
        *(bool *)at = next(seed) & 1;
        break;
    case FIELD_INT:
        *(int64_t *)at = in_range(f, seed);
        break;
    case FIELD_NUMBER:
        *(double *)at =
            (double)between(seed, f->min * 1000, f->max ? f->max * 1000 : 1000000) / 1000;
        break;
    case FIELD_TIME:
        *(int64_t *)at = between(seed, 1, INT64_C(4102444800000));
        break;
    case FIELD_MONEY:
        *(struct money *)at = money_of(in_range(f, seed), "EUR");
        break;
    case FIELD_ENUM:
        *(int *)at = (int)between(seed, 0, (int64_t)names_count(f->names) - 1);
        break;
    case FIELD_OBJECT:
        fill(f->of, at, seed, all);
        break;
    case FIELD_LIST:
        fill_list(f, obj, seed, all);
        break;
    }
}

/* Every field, or only those without which decoding fails. */
static void fill(const struct shape *s, void *obj, uint64_t *seed, bool all)
{
    for (size_t i = 0; i < s->field_count; i++)
        if (all || s->fields[i].flags & FIELD_REQUIRED)
            fill_field(&s->fields[i], obj, seed, all);
}

static void assert_same(const struct shape *s, const void *a, const void *b);

static void assert_same_list(const struct field *f, const void *a, const void *b)
{
    const char *ia = list_items(f, a), *ib = list_items(f, b);

    assert_int_equal(*list_count(f, a), *list_count(f, b));
    for (size_t i = 0; i < *list_count(f, a); i++)
        assert_same(f->of, ia + i * f->of->size, ib + i * f->of->size);
}

static void assert_same_field(const struct field *f, const void *a, const void *b)
{
    const char *pa = (const char *)a + f->offset, *pb = (const char *)b + f->offset;

    switch (f->kind) {
    case FIELD_STRING:
        assert_string_equal(pa, pb);
        break;
    case FIELD_TEXT:
        pa = *(char *const *)(const void *)pa;
        pb = *(char *const *)(const void *)pb;
        assert_string_equal(pa ? pa : "", pb ? pb : "");
        break;
    case FIELD_MONEY:
        assert_int_equal(((const struct money *)(const void *)pa)->micros,
                         ((const struct money *)(const void *)pb)->micros);
        assert_string_equal(((const struct money *)(const void *)pa)->currency,
                            ((const struct money *)(const void *)pb)->currency);
        break;
    case FIELD_OBJECT:
        assert_same(f->of, pa, pb);
        break;
    case FIELD_LIST:
        assert_same_list(f, a, b);
        break;
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_NUMBER:
    case FIELD_TIME:
    case FIELD_ENUM:
        assert_memory_equal(pa, pb, f->size);
        break;
    }
}

static void assert_same(const struct shape *s, const void *a, const void *b)
{
    for (size_t i = 0; i < s->field_count; i++)
        assert_same_field(&s->fields[i], a, b);
}

static void round_trip(const struct shape *s, uint64_t *seed, bool all)
{
    void *in = calloc(1, s->size), *out = calloc(1, s->size);
    json_t *tree = NULL;
    struct err e;
    STRBUF text, again;

    err_clear(&e);
    strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
    strbuf_init(&again, HTTP_RESPONSE_BYTES_MAX);
    fill(s, in, seed, all);
    shape_encode(s, in, &text);
    assert_false(text.failed);
    assert_ok(json_parse(text.data, text.len, &tree, &e), &e);
    assert_ok(shape_read(s, tree, out, &e), &e);
    assert_same(s, in, out);
    shape_encode(s, out, &again);
    assert_string_equal(text.data, again.data);
    json_decref(tree);
    shape_release(s, in);
    shape_release(s, out);
    free(in);
    free(out);
}

static void every_shape_decodes_to_what_was_encoded(void **state)
{
    uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
        for (int round = 0; round < ROUNDS; round++)
            round_trip(shapes[i].shape, &seed, true);
}

/* A row whose empty value its own bounds refuse would make answers that clients reject. */
static void an_object_with_its_required_fields_alone_decodes(void **state)
{
    uint64_t seed = UINT64_C(0xD1B54A32D192ED03);

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
        for (int round = 0; round < ROUNDS; round++)
            round_trip(shapes[i].shape, &seed, false);
}

static bool is_snake_case(const char *name)
{
    return islower((unsigned char)name[0]) &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static void every_field_has_a_unique_name_and_a_sentence(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        const struct shape *s = shapes[i].shape;

        assert_true(s->help[strlen(s->help) - 1] == '.');
        assert_true(s->field_count <= 64); /* shape_patch() marks them in 64 bits */
        for (size_t k = 0; k < s->field_count; k++) {
            const struct field *f = &s->fields[k];

            assert_true(is_snake_case(f->name));
            assert_non_null(f->help);
            assert_true(isupper((unsigned char)f->help[0]) || strncmp(f->help, "stdout", 6) == 0);
            assert_true(f->help[strlen(f->help) - 1] == '.');
            for (size_t n = 0; n < k; n++)
                assert_string_not_equal(f->name, s->fields[n].name);
        }
    }
}

static void every_shape_has_its_own_name(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        assert_true(isupper((unsigned char)shapes[i].shape->name[0]));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(shapes[i].shape->name, shapes[k].shape->name);
    }
}

/* A member that was forgotten leaves a hole; what is smaller than eight bytes is padding. */
static void every_member_has_a_row(void **state)
{
    static char used[STRUCT_MAX];

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        const struct shape *s = shapes[i].shape;
        size_t hole = 0;

        assert_true(s->size <= sizeof used);
        memset(used, 0, sizeof used);
        for (size_t k = 0; k < s->field_count; k++) {
            const struct field *f = &s->fields[k];

            assert_true(f->offset + f->size <= s->size);
            assert_null(memchr(used + f->offset, 1, f->size)); /* no member twice */
            memset(used + f->offset, 1, f->size);
            if (f->kind == FIELD_LIST)
                memset(used + f->count_offset, 1, sizeof(size_t));
        }
        for (size_t at = 0; shapes[i].whole && at < s->size; at++) {
            hole = used[at] ? 0 : hole + 1;
            if (hole >= 8)
                fail_msg("%s: no row for the member at offset %zu", s->name, at + 1 - hole);
        }
    }
}

static void every_schema_is_json(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        json_t *tree = NULL;
        struct err e;
        STRBUF text;

        err_clear(&e);
        strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
        shape_schema(shapes[i].shape, &text);
        assert_ok(json_parse(text.data, text.len, &tree, &e), &e);
        assert_int_equal(json_object_size(json_object_get(tree, "properties")),
                         shapes[i].shape->field_count);
        json_decref(tree);
    }
}

static void every_list_of_names_is_complete_and_unique(void **state)
{
    static const struct {
        const char *const *names;
        size_t count;
    } lists[] = {
#define ONE(...) +1
        {availability_names, 0 AVAILABILITY_LIST(ONE)},
        {grant_kind_names, 0 GRANT_KIND_LIST(ONE)},
        {hold_state_names, 0 HOLD_STATE_LIST(ONE)},
        {entry_kind_names, 0 ENTRY_KIND_LIST(ONE)},
        {account_names, ACCOUNT_COUNT},
        {role_names, ROLE_COUNT},
        {staff_role_names, STAFF_ROLE_COUNT},
        {instance_state_names, INSTANCE_STATE_COUNT},
        {instance_desired_names, 0 INSTANCE_DESIRED_LIST(ONE)},
        {instance_reason_names, 0 INSTANCE_REASON_LIST(ONE)},
        {billing_names, 0 BILLING_LIST(ONE)},
        {instance_action_names, INSTANCE_ACTION_COUNT},
        {job_state_names, JOB_STATE_COUNT},
        {job_reason_names, 0 JOB_REASON_LIST(ONE)},
        {verdict_names, 0 VERDICT_LIST(ONE)},
        {check_result_names, 0 CHECK_RESULT_LIST(ONE)},
        {node_state_names, NODE_STATE_COUNT},
        {node_action_names, NODE_ACTION_COUNT},
        {case_state_names, 0 CASE_STATE_LIST(ONE)},
        {case_action_names, CASE_ACTION_COUNT},
        {tier_names, 0 TIER_LIST(ONE)},
        {report_origin_names, 0 REPORT_ORIGIN_LIST(ONE)},
#undef ONE
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        assert_int_equal(names_count(lists[i].names), lists[i].count);
        for (size_t k = 0; k < lists[i].count; k++) {
            assert_true(is_snake_case(lists[i].names[k]));
            assert_int_equal(names_find(lists[i].names, lists[i].names[k]), k);
        }
    }
}

static void members_in_milliseconds_are_named_without_their_unit(void **state)
{
    struct instance in = {.id = "ins_1", .created_at_ms = INT64_C(1763646920000)};
    struct me me = {.server_time_ms = INT64_C(1763646920000)};
    struct credit credit = {.as_of_ms = INT64_C(1763646920000)};
    STRBUF text;

    UNUSED(state);
    strbuf_init(&text, JSON_TEXT_BYTES_MAX);
    shape_encode(&instance_shape, &in, &text);
    assert_contains(text.data, "\"created_at\":\"2025-11-20T13:55:20");
    strbuf_reset(&text);
    shape_encode(&me_shape, &me, &text);
    assert_contains(text.data, "\"server_time\":\"2025-11-20T13:55:20");
    strbuf_reset(&text);
    shape_encode(&credit_shape, &credit, &text);
    assert_contains(text.data, "\"as_of\":\"2025-11-20T13:55:20");
}

static void the_operator_of_a_zone_is_called_operator(void **state)
{
    struct zone zone = {.cloud_operator = "scaleway"};
    struct offer offer = {.cloud_operator = "scaleway"};
    struct estimate estimate = {.cloud_operator = "scaleway"};
    STRBUF text;

    UNUSED(state);
    strbuf_init(&text, JSON_TEXT_BYTES_MAX);
    shape_encode(&zone_shape, &zone, &text);
    shape_encode(&offer_shape, &offer, &text);
    shape_encode(&estimate_shape, &estimate, &text);
    assert_null(strstr(text.data, "cloud_operator"));
    assert_contains(text.data, "\"operator\":\"scaleway\"");
}

static void a_key_without_its_token_does_not_mention_it(void **state)
{
    struct api_key key = {.id = "key_1"};
    STRBUF text;

    UNUSED(state);
    strbuf_init(&text, JSON_TEXT_BYTES_MAX);
    shape_encode(&api_key_shape, &key, &text);
    assert_null(strstr(text.data, "token"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_shape_decodes_to_what_was_encoded),
    cmocka_unit_test(an_object_with_its_required_fields_alone_decodes),
    cmocka_unit_test(every_field_has_a_unique_name_and_a_sentence),
    cmocka_unit_test(every_shape_has_its_own_name),
    cmocka_unit_test(every_member_has_a_row),
    cmocka_unit_test(every_schema_is_json),
    cmocka_unit_test(every_list_of_names_is_complete_and_unique),
    cmocka_unit_test(members_in_milliseconds_are_named_without_their_unit),
    cmocka_unit_test(the_operator_of_a_zone_is_called_operator),
    cmocka_unit_test(a_key_without_its_token_does_not_mention_it),
};

int main(void)
{
    return T_RUN("model", tests);
}
