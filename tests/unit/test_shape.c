/* What a shape refuses and how it says so; patches; schemas. Every code of a detail has
 * its test here. */
#include "tests/support/t.h"

#include "core/json.h"

enum tier { TIER_STATE, TIER_QUICK };
static const char *const tier_names[] = {"state", "quick", NULL};

struct pair {
    char name[12];
    char *value;
};

struct limits {
    int64_t hours;
    double watts;
};

struct order {
    char id[16];
    char name[8];
    char *command;
    int64_t gpus;
    double share;
    bool fast;
    int64_t deadline_ms;
    struct money budget;
    enum tier tier;
    struct limits limits;
    struct pair *env;
    size_t env_count;
    char (*zones)[8];
    size_t zone_count;
};

static const struct field pair_fields[] = {
    F_STRING(struct pair, name, FIELD_REQUIRED, 1, 0, "Name."),
    F_TEXT(struct pair, value, 0, 0, 20, "Value."),
};
static SHAPE(pair_shape, struct pair, "Pair", "A pair.", pair_fields);

static const struct field limits_fields[] = {
    F_INT(struct limits, hours, FIELD_REQUIRED, 1, 0, "Hours."),
    F_NUMBER(struct limits, watts, 0, 0, 700, "Watts."),
};
static SHAPE(limits_shape, struct limits, "Limits", "", limits_fields);

static const struct field order_fields[] = {
    F_STRING(struct order, id, FIELD_READ_ONLY, 0, 0, "Id."),
    F_STRING(struct order, name, FIELD_REQUIRED, 2, 0, "Name."),
    F_TEXT(struct order, command, 0, 1, 30, "Command."),
    F_INT(struct order, gpus, 0, 1, 8, "GPUs."),
    F_NUMBER(struct order, share, 0, -1, 1, "Share."),
    F_BOOL(struct order, fast, 0, "Fast."),
    F_TIME(struct order, deadline, 0, "Deadline."),
    F_MONEY(struct order, budget, 0, 0, 1000000, "Budget."),
    F_ENUM(struct order, tier, 0, tier_names, "Tier."),
    F_OBJECT(struct order, limits, 0, &limits_shape, "Limits."),
    F_LIST(struct order, env, env_count, 0, &pair_shape, 3, "Environment."),
    F_STRINGS(struct order, zones, zone_count, FIELD_SECRET, 8, 2, "Zones."),
};
static SHAPE(order_shape, struct order, "Order", "An order.", order_fields);

static json_t *parse(const char *text)
{
    json_t *tree = NULL;
    struct err e;

    assert_ok(json_parse(text, strlen(text), &tree, &e), &e);
    return tree;
}

static void assert_zeroed(const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert_int_equal(((const char *)bytes)[i], 0);
}

static const struct {
    const char *json, *pointer, *code, *text;
} mistakes[] = {
    {"[]", "", "wrong_type", "expected an object, got a list"},
    {"{}", "/name", "required", "field 'name' is required"},
    {"{\"name\":\"ab\",\"gpu\":1}", "/gpu", "unknown_field",
     "unknown field 'gpu', did you mean 'gpus'?"},
    {"{\"name\":\"ab\",\"color\":1}", "/color", "unknown_field", "unknown field 'color'"},
    {"{\"name\":\"ab\",\"a/b~c\":1}", "/a~1b~0c", "unknown_field", "unknown field 'a/b~c'"},
    {"{\"name\":\"ab\",\"id\":\"x\"}", "/id", "read_only", "field 'id' is read-only"},
    {"{\"name\":7}", "/name", "wrong_type", "expected a string, got an integer; put it in quotes"},
    {"{\"name\":null}", "/name", "wrong_type", "expected a string, got null"},
    {"{\"name\":\"a\"}", "/name", "too_short", "at least 2 bytes expected, got 1"},
    {"{\"name\":\"\"}", "/name", "too_short", "must not be empty"},
    {"{\"name\":\"12345678\"}", "/name", "too_long", "at most 7 bytes allowed, got 8"},
    {"{\"name\":\"a\\nb\"}", "/name", "bad_text", "control character U+000A is not allowed here"},
    {"{\"name\":\"a\\u009bb\"}", "/name", "bad_text",
     "control character U+009B is not allowed here"},
    {"{\"name\":\"ab\",\"command\":\"\\u001b[31m\"}", "/command", "bad_text",
     "control character U+001B is not allowed here"},
    {"{\"name\":\"ab\",\"command\":\"\"}", "/command", "too_short", "must not be empty"},
    {"{\"name\":\"ab\",\"gpus\":0}", "/gpus", "out_of_range", "must be between 1 and 8, got 0"},
    {"{\"name\":\"ab\",\"gpus\":9}", "/gpus", "out_of_range", "must be between 1 and 8, got 9"},
    {"{\"name\":\"ab\",\"gpus\":1.0}", "/gpus", "wrong_type", "expected an integer, got a number"},
    {"{\"name\":\"ab\",\"gpus\":\"1\"}", "/gpus", "wrong_type",
     "expected an integer, got a string"},
    {"{\"name\":\"ab\",\"share\":1.5}", "/share", "out_of_range",
     "must be between -1 and 1, got 1.5"},
    {"{\"name\":\"ab\",\"share\":\"1\"}", "/share", "wrong_type",
     "expected a number, got a string"},
    {"{\"name\":\"ab\",\"fast\":1}", "/fast", "wrong_type",
     "expected true or false, got an integer"},
    {"{\"name\":\"ab\",\"deadline\":\"soon\"}", "/deadline", "bad_time",
     "expected a time such as 2026-11-20T13:35:20Z, got 'soon'"},
    {"{\"name\":\"ab\",\"deadline\":\"1970-01-01T00:00:00Z\"}", "/deadline", "bad_time",
     "expected a time such as 2026-11-20T13:35:20Z, got '1970-01-01T00:00:00Z'"},
    {"{\"name\":\"ab\",\"deadline\":5}", "/deadline", "wrong_type",
     "expected a string with a time such as 2026-11-20T13:35:20Z, got an integer; put it in "
     "quotes"},
    {"{\"name\":\"ab\",\"budget\":5}", "/budget", "wrong_type",
     "expected an object with amount_micros and currency, got an integer"},
    {"{\"name\":\"ab\",\"budget\":{\"currency\":\"EUR\"}}", "/budget/amount_micros", "required",
     "field 'amount_micros' is required"},
    {"{\"name\":\"ab\",\"budget\":{\"amount_micros\":1}}", "/budget/currency", "required",
     "field 'currency' is required"},
    {"{\"name\":\"ab\",\"budget\":{\"amount_micros\":1,\"currency\":\"eur\"}}", "/budget/currency",
     "bad_currency", "expected a currency such as EUR, got 'eur'"},
    {"{\"name\":\"ab\",\"budget\":{\"amount_micros\":1,\"currency\":7}}", "/budget/currency",
     "wrong_type", "expected a string, got an integer; put it in quotes"},
    {"{\"name\":\"ab\",\"budget\":{\"amount_micros\":-1,\"currency\":\"EUR\"}}",
     "/budget/amount_micros", "out_of_range", "must be between 0 and 1000000, got -1"},
    {"{\"name\":\"ab\",\"budget\":{\"amount_micros\":1,\"currency\":\"EUR\",\"x\":1}}", "/budget/x",
     "unknown_field", "unknown field 'x'"},
    {"{\"name\":\"ab\",\"tier\":\"slow\"}", "/tier", "unknown_value",
     "unknown value 'slow', expected one of state, quick"},
    {"{\"name\":\"ab\",\"tier\":1}", "/tier", "wrong_type",
     "expected a string, got an integer; put it in quotes"},
    {"{\"name\":\"ab\",\"limits\":{}}", "/limits/hours", "required", "field 'hours' is required"},
    {"{\"name\":\"ab\",\"limits\":{\"hours\":0}}", "/limits/hours", "out_of_range",
     "must be at least 1, got 0"},
    {"{\"name\":\"ab\",\"limits\":null}", "/limits", "wrong_type", "expected an object, got null"},
    {"{\"name\":\"ab\",\"env\":{}}", "/env", "wrong_type", "expected a list, got an object"},
    {"{\"name\":\"ab\",\"env\":[{\"name\":\"A\"},{\"value\":\"x\"}]}", "/env/1/name", "required",
     "field 'name' is required"},
    {"{\"name\":\"ab\",\"env\":[{\"name\":\"A\"},3]}", "/env/1", "wrong_type",
     "expected an object, got an integer"},
    {"{\"name\":\"ab\",\"env\":[1,2,3,4]}", "/env", "too_long", "at most 3 items allowed, got 4"},
    {"{\"name\":\"ab\",\"zones\":[\"a\",7]}", "/zones/1", "wrong_type",
     "expected a string, got an integer; put it in quotes"},
    {"{\"name\":\"ab\",\"zones\":[\"12345678\"]}", "/zones/0", "too_long",
     "at most 7 bytes allowed, got 8"},
};

static void each_mistake_has_a_pointer_a_code_and_a_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        json_t *tree = parse(mistakes[i].json);
        struct order o = {0};
        struct err e;
        char sentence[ERR_MSG_MAX];

        assert_err(ERR_INVALID, shape_decode(&order_shape, tree, &o, &e), &e);
        assert_int_equal(e.detail_count, 1);
        assert_string_equal(e.details[0].pointer, mistakes[i].pointer);
        assert_string_equal(e.details[0].code, mistakes[i].code);
        assert_string_equal(e.details[0].text, mistakes[i].text);
        snprintf(sentence, sizeof sentence, "%s%s%s", mistakes[i].pointer,
                 mistakes[i].pointer[0] ? ": " : "", mistakes[i].text);
        assert_string_equal(e.msg, sentence);
        assert_zeroed(&o, sizeof o);
        assert_err(ERR_INVALID, shape_decode(&order_shape, tree, &o, NULL), NULL);
        json_decref(tree);
    }
}

static void mistakes_are_collected_and_nothing_is_left_to_release(void **state)
{
    json_t *tree = parse("{\"nam\":\"x\",\"command\":\"echo\",\"gpus\":99,\"tier\":\"x\","
                         "\"env\":[{\"name\":\"A\",\"value\":\"kept?\"},{\"name\":\"\"}]}");
    struct order o = {0};
    struct err e;

    (void)state;
    assert_err(ERR_INVALID, shape_decode(&order_shape, tree, &o, &e), &e);
    assert_int_equal(e.detail_count, 5);
    assert_string_equal(e.msg, "/nam: unknown field 'nam', did you mean 'name'? (and 4 more)");
    assert_string_equal(e.details[1].pointer, "/name");
    assert_string_equal(e.details[2].pointer, "/gpus");
    assert_string_equal(e.details[3].pointer, "/tier");
    assert_string_equal(e.details[4].pointer, "/env/1/name");
    assert_zeroed(&o, sizeof o);
    json_decref(tree);
}

static void only_the_first_mistakes_are_kept(void **state)
{
    json_t *tree = parse("{\"name\":\"ab\",\"q1\":1,\"q2\":1,\"q3\":1,\"q4\":1,\"q5\":1,\"q6\":1,"
                         "\"q7\":1,\"q8\":1,\"q9\":1,\"q10\":1}");
    struct order o = {0};
    struct err e;

    (void)state;
    assert_err(ERR_INVALID, shape_decode(&order_shape, tree, &o, &e), &e);
    assert_int_equal(e.detail_count, ERR_DETAILS_MAX);
    assert_contains(e.msg, "(and 9 more)");
    json_decref(tree);
}

/* Why: names come from outside; they must not break the message or overrun the pointer. */
static void hostile_names_are_shown_short_and_harmless(void **state)
{
    json_t *tree = json_object();
    char name[600];
    struct order o = {0};
    struct err e;

    (void)state;
    memset(name, '/', sizeof name);
    name[sizeof name - 1] = '\0';
    json_object_set_new(tree, name, json_null());
    assert_err(ERR_INVALID, shape_decode(&order_shape, tree, &o, &e), &e);
    assert_string_equal(e.details[0].pointer, ""); /* the nearest parent that fits */
    assert_contains(e.details[0].text, "…'");
    json_object_clear(tree);
    json_object_set_new(tree, "\033]0;x\a\n\u202E", json_null());
    assert_err(ERR_INVALID, shape_decode(&order_shape, tree, &o, &e), &e);
    assert_string_equal(e.details[0].text, "unknown field '^[]0;x^G\u21B5'");
    json_decref(tree);
}

static void limits_are_inclusive(void **state)
{
    static const char *const good[] = {
        "{\"name\":\"ab\",\"gpus\":1,\"share\":-1}",
        "{\"name\":\"1234567\",\"gpus\":8,\"share\":1}",
        "{\"name\":\"ab\",\"limits\":{\"hours\":9223372036854775807,\"watts\":700}}",
        "{\"name\":\"ab\",\"command\":\"a\\n\\tb\",\"env\":[],\"zones\":[\"1234567\",\"\"]}",
        "{\"name\":\"ab\",\"budget\":{\"amount_micros\":1000000,\"currency\":\"USD\"}}",
        "{\"name\":\"ab\",\"budget\":null,\"deadline\":null,\"command\":null}",
        "{\"name\":\"ab\",\"env\":[{\"name\":\"A\"},{\"name\":\"A\"},{\"name\":\"A\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        json_t *tree = parse(good[i]);
        struct order o = {0};
        struct err e;

        assert_ok(shape_decode(&order_shape, tree, &o, &e), &e);
        shape_release(&order_shape, &o);
        json_decref(tree);
    }
}

static void what_a_newer_program_wrote_is_read(void **state)
{
    json_t *tree = parse("{\"id\":\"o-1\",\"name\":\"\",\"new_field\":[1],\"gpus\":99,"
                         "\"tier\":\"soak\",\"fast\":null,\"limits\":{\"hours\":null},"
                         "\"command\":\"a\\u0007\",\"share\":2.5,"
                         "\"budget\":{\"amount_micros\":-1,\"currency\":\"EUR\",\"vat\":0}}");
    struct order o = {0};
    struct err e;

    (void)state;
    assert_ok(shape_read(&order_shape, tree, &o, &e), &e);
    assert_string_equal(o.id, "o-1");
    assert_string_equal(o.name, "");
    assert_int_equal(o.gpus, 99);
    assert_int_equal(o.tier, TIER_STATE);
    assert_true(o.share == 2.5);
    assert_string_equal(o.command, "a\a");
    assert_int_equal(o.budget.micros, -1);
    shape_release(&order_shape, &o);
    json_decref(tree);
    tree = parse("{}");
    assert_ok(shape_read(&order_shape, tree, &o, &e), &e);
    json_decref(tree);
}

static void what_does_not_fit_is_not_read(void **state)
{
    static const struct {
        const char *json, *pointer, *code;
    } row[] = {
        {"{\"name\":7}", "/name", "wrong_type"},
        {"{\"name\":\"12345678\"}", "/name", "too_long"},
        {"{\"env\":[{},{},{},{}]}", "/env", "too_long"},
        {"{\"zones\":[\"12345678\"]}", "/zones/0", "too_long"},
        {"{\"deadline\":\"soon\"}", "/deadline", "bad_time"},
        {"{\"budget\":{\"amount_micros\":1,\"currency\":\"EURO\"}}", "/budget/currency",
         "bad_currency"},
        {"[]", "", "wrong_type"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        json_t *tree = parse(row[i].json);
        struct order o = {0};
        struct err e;

        assert_err(ERR_INVALID, shape_read(&order_shape, tree, &o, &e), &e);
        assert_string_equal(e.details[0].pointer, row[i].pointer);
        assert_string_equal(e.details[0].code, row[i].code);
        assert_zeroed(&o, sizeof o);
        json_decref(tree);
    }
}

/* --- patches ----------------------------------------------------------------------- */

static void order_init(struct order *o)
{
    json_t *tree = parse("{\"name\":\"blue\",\"command\":\"run\",\"gpus\":2,\"fast\":true,"
                         "\"limits\":{\"hours\":5,\"watts\":300},\"zones\":[\"a\"],"
                         "\"env\":[{\"name\":\"A\",\"value\":\"1\"}]}");
    struct err e;

    memset(o, 0, sizeof *o);
    assert_ok(shape_decode(&order_shape, tree, o, &e), &e);
    json_decref(tree);
}

static enum err_code patch(struct order *o, const char *text, uint64_t *present, struct err *e)
{
    json_t *tree = parse(text);
    enum err_code rc = shape_patch(&order_shape, tree, o, present, e);

    json_decref(tree);
    return rc;
}

static void a_patch_changes_only_what_it_names(void **state)
{
    struct order o;
    uint64_t present = 99;
    struct err e;

    (void)state;
    order_init(&o);
    assert_ok(patch(&o, "{}", &present, &e), &e);
    assert_int_equal(present, 0);
    assert_ok(patch(&o, "{\"gpus\":4,\"fast\":false,\"command\":\"other\"}", &present, &e), &e);
    assert_int_equal(present, 1 << 2 | 1 << 3 | 1 << 5);
    assert_int_equal(o.gpus, 4);
    assert_false(o.fast);
    assert_string_equal(o.command, "other");
    assert_string_equal(o.name, "blue");
    assert_int_equal(o.env_count, 1);
    shape_release(&order_shape, &o);
}

static void a_patch_merges_objects_and_replaces_lists(void **state)
{
    struct order o;
    struct err e;

    (void)state;
    order_init(&o);
    assert_ok(patch(&o,
                    "{\"limits\":{\"watts\":500},\"zones\":[\"b\",\"c\"],"
                    "\"env\":[{\"name\":\"B\",\"value\":\"2\"},{\"name\":\"C\"}]}",
                    NULL, &e),
              &e);
    assert_int_equal(o.limits.hours, 5);
    assert_true(o.limits.watts == 500);
    assert_int_equal(o.env_count, 2);
    assert_string_equal(o.env[0].value, "2");
    assert_null(o.env[1].value);
    assert_string_equal(o.zones[1], "c");
    shape_release(&order_shape, &o);
}

static void a_patch_brings_a_new_object_whole_or_not_at_all(void **state)
{
    struct order o;
    struct err e;

    (void)state;
    order_init(&o);
    assert_ok(patch(&o, "{\"limits\":null}", NULL, &e), &e);
    assert_err(ERR_INVALID, patch(&o, "{\"limits\":{\"watts\":5}}", NULL, &e), &e);
    assert_string_equal(e.details[0].pointer, "/limits/hours");
    assert_string_equal(e.details[0].code, "required");
    assert_ok(patch(&o, "{\"limits\":{\"hours\":1,\"watts\":5}}", NULL, &e), &e);
    assert_int_equal(o.limits.hours, 1);
    shape_release(&order_shape, &o);
}

static void null_in_a_patch_removes_what_is_optional(void **state)
{
    struct order o;
    uint64_t present;
    struct err e;

    (void)state;
    order_init(&o);
    assert_ok(
        patch(&o, "{\"command\":null,\"env\":null,\"limits\":null,\"gpus\":null}", &present, &e),
        &e);
    assert_int_equal(present, 1 << 2 | 1 << 10 | 1 << 9 | 1 << 3);
    assert_null(o.command);
    assert_int_equal(o.env_count, 0);
    assert_null(o.env);
    assert_int_equal(o.limits.hours, 0);
    assert_int_equal(o.gpus, 0);
    shape_release(&order_shape, &o);
}

static void a_refused_patch_changes_nothing(void **state)
{
    static const struct {
        const char *json, *pointer, *code;
    } row[] = {
        {"{\"gpus\":4,\"name\":null}", "/name", "required"},
        {"{\"gpus\":4,\"limits\":{\"hours\":null}}", "/limits/hours", "required"},
        {"{\"gpus\":4,\"id\":\"x\"}", "/id", "read_only"},
        {"{\"gpus\":4,\"command\":\"new\",\"fast\":3}", "/fast", "wrong_type"},
        {"{\"gpus\":4,\"env\":[{\"value\":\"x\"}]}", "/env/0/name", "required"},
        {"{\"gpus\":4,\"speed\":1}", "/speed", "unknown_field"},
        {"[]", "", "wrong_type"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct order o;
        uint64_t present = 77;
        struct err e;

        order_init(&o);
        assert_err(ERR_INVALID, patch(&o, row[i].json, &present, &e), &e);
        assert_int_equal(e.detail_count, 1);
        assert_string_equal(e.details[0].pointer, row[i].pointer);
        assert_string_equal(e.details[0].code, row[i].code);
        assert_int_equal(present, 77);
        assert_int_equal(o.gpus, 2);
        assert_string_equal(o.command, "run");
        assert_int_equal(o.env_count, 1);
        shape_release(&order_shape, &o);
    }
}

/* --- lists inside the struct ------------------------------------------------------- */

struct box {
    struct pair pairs[2];
    size_t pair_count;
};
static const struct field box_fields[] = {
    F_LIST(struct box, pairs, pair_count, 0, &pair_shape, 2, "Pairs."),
};
static SHAPE(box_shape, struct box, "Box", "", box_fields);

static void lists_of_fixed_size_lie_inside_the_struct(void **state)
{
    static const char text[] = "{\"pairs\":[{\"name\":\"A\",\"value\":\"1\"},"
                               "{\"name\":\"B\",\"value\":null}]}";
    json_t *tree = parse(text), *more = parse("{\"pairs\":[{\"name\":\"C\",\"value\":\"3\"}]}"),
           *many = parse("{\"pairs\":[{\"name\":\"A\",\"value\":\"1\"},{},{}]}");
    struct box b = {0};
    struct err e;
    STRBUF out;

    (void)state;
    assert_ok(shape_decode(&box_shape, tree, &b, &e), &e);
    assert_int_equal(b.pair_count, 2);
    assert_string_equal(b.pairs[1].name, "B");
    strbuf_init(&out, 1000);
    shape_encode(&box_shape, &b, &out);
    assert_string_equal(out.data, text);
    assert_ok(shape_patch(&box_shape, more, &b, NULL, &e), &e);
    assert_int_equal(b.pair_count, 1);
    assert_string_equal(b.pairs[0].value, "3");
    assert_err(ERR_INVALID, shape_patch(&box_shape, many, &b, NULL, &e), &e);
    assert_string_equal(e.details[0].code, "too_long");
    assert_int_equal(b.pair_count, 1);
    shape_release(&box_shape, &b);
    json_decref(tree);
    json_decref(more);
    json_decref(many);
}

/* --- schemas ----------------------------------------------------------------------- */

static void the_schema_says_what_decoding_enforces(void **state)
{
    STRBUF out;
    json_t *got,
        *want = parse(
            "{\"type\":\"object\",\"description\":\"An order.\",\"properties\":{"
            "\"id\":{\"description\":\"Id.\",\"type\":\"string\",\"maxLength\":15,\"readOnly\":"
            "true},"
            "\"name\":{\"description\":\"Name.\",\"type\":\"string\",\"maxLength\":7},"
            "\"command\":{\"description\":\"Command.\",\"type\":[\"string\",\"null\"],"
            "\"minLength\":1,"
            "\"maxLength\":30},"
            "\"gpus\":{\"description\":\"GPUs.\",\"type\":\"integer\",\"format\":\"int64\","
            "\"minimum\":1,\"maximum\":8},"
            "\"share\":{\"description\":\"Share.\",\"type\":\"number\",\"minimum\":-1,\"maximum\":"
            "1},"
            "\"fast\":{\"description\":\"Fast.\",\"type\":\"boolean\"},"
            "\"deadline\":{\"description\":\"Deadline.\",\"type\":[\"string\",\"null\"],"
            "\"format\":\"date-time\"},"
            "\"budget\":{\"description\":\"Budget.\",\"anyOf\":["
            "{\"$ref\":\"#/components/schemas/Money\"},{\"type\":\"null\"}]},"
            "\"tier\":{\"description\":\"Tier.\",\"type\":\"string\",\"enum\":[\"state\",\"quick\"]"
            "},"
            "\"limits\":{\"description\":\"Limits.\",\"$ref\":\"#/components/schemas/Limits\"},"
            "\"env\":{\"description\":\"Environment.\",\"type\":\"array\","
            "\"items\":{\"$ref\":\"#/components/schemas/Pair\"},\"maxItems\":3},"
            "\"zones\":{\"description\":\"Zones.\",\"type\":\"array\","
            "\"items\":{\"type\":\"string\",\"maxLength\":7},\"maxItems\":2,\"writeOnly\":true}},"
            "\"required\":[\"name\"],\"additionalProperties\":false}");

    (void)state;
    strbuf_init(&out, 100000);
    shape_schema(&order_shape, &out);
    got = parse(out.data);
    if (!json_equal(got, want))
        print_error("%s\n", out.data);
    assert_true(json_equal(got, want));
    json_decref(got);
    json_decref(want);
}

static void remember(const struct shape *s, void *ctx)
{
    strbuf_addf(ctx, "%s ", s->name);
}

static void each_mentioned_shape_is_visited_once(void **state)
{
    static const struct field twice_fields[] = {
        {.name = "a", .kind = FIELD_OBJECT, .of = &order_shape},
        {.name = "b", .kind = FIELD_LIST, .of = &pair_shape},
        {.name = "c", .kind = FIELD_OBJECT, .of = &order_shape},
    };
    static const struct shape twice = {.name = "Twice", .fields = twice_fields, .field_count = 3};
    STRBUF names;

    (void)state;
    strbuf_init(&names, 1000);
    shape_each(&twice, remember, &names);
    assert_string_equal(names.data, "Twice Order Pair Limits ");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_mistake_has_a_pointer_a_code_and_a_text),
    cmocka_unit_test(mistakes_are_collected_and_nothing_is_left_to_release),
    cmocka_unit_test(only_the_first_mistakes_are_kept),
    cmocka_unit_test(hostile_names_are_shown_short_and_harmless),
    cmocka_unit_test(limits_are_inclusive),
    cmocka_unit_test(what_a_newer_program_wrote_is_read),
    cmocka_unit_test(what_does_not_fit_is_not_read),
    cmocka_unit_test(lists_of_fixed_size_lie_inside_the_struct),
    cmocka_unit_test(a_patch_changes_only_what_it_names),
    cmocka_unit_test(a_patch_merges_objects_and_replaces_lists),
    cmocka_unit_test(a_patch_brings_a_new_object_whole_or_not_at_all),
    cmocka_unit_test(null_in_a_patch_removes_what_is_optional),
    cmocka_unit_test(a_refused_patch_changes_nothing),
    cmocka_unit_test(the_schema_says_what_decoding_enforces),
    cmocka_unit_test(each_mentioned_shape_is_visited_once),
};

int main(void)
{
    return T_RUN("shape", tests);
}
