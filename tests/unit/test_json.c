/* JSON by description: what a document must be, and both directions of a shape with
 * every field kind. Mistakes, patches and schemas are in test_shape.c. */
#include "tests/support/t.h"

#include <float.h>
#include <math.h>

#include "core/json.h"

static json_t *parse(const char *text)
{
    json_t *tree = NULL;
    struct err e;

    assert_ok(json_parse(text, strlen(text), &tree, &e), &e);
    return tree;
}

static void refuse(const char *bytes, size_t len, const char *sentence)
{
    json_t *tree = NULL;
    struct err e;

    assert_err(ERR_BAD_REQUEST, json_parse(bytes, len, &tree, &e), &e);
    assert_string_equal(e.msg, sentence);
    assert_null(tree);
}

static void whole_documents_are_parsed(void **state)
{
    json_t *tree = parse(" {\"a\": [1, -2, 3.5, true, null, \"\\u20ac\"]} \n");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(tree, "a")), 6);
    json_decref(tree);
    tree = parse("{\"n\":[9223372036854775807,-9223372036854775808]}");
    assert_true(json_integer_value(json_array_get(json_object_get(tree, "n"), 0)) == INT64_MAX);
    assert_true(json_integer_value(json_array_get(json_object_get(tree, "n"), 1)) == INT64_MIN);
    json_decref(tree);
}

static void broken_documents_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *text, *sentence;
    } row[] = {
        {"", "line 1, column 1: the document is empty"},
        {"{\"a\":1}x", "line 1, column 8: there is more text after the document"},
        {"{\"a\":1} {}", "line 1, column 9: there is more text after the document"},
        {"{\n\"a\": 1,\n\"a\": 2}", "line 3, column 3: the same field occurs twice in one object"},
        {"{\"a\":\"x\\u0000y\"}", "line 1, column 15: \\u0000 is not allowed in text"},
        {"{\"a\":9223372036854775808}",
         "line 1, column 24: the number is too large (integers must fit in 64 bits)"},
        {"{\"a\":-9223372036854775809}",
         "line 1, column 25: the number is too large (integers must fit in 64 bits)"},
        {"{\"a\":1e999}",
         "line 1, column 10: the number is too large (integers must fit in 64 bits)"},
        {"{\"a\":", "line 1, column 5: the document ends too early"},
        {"{\"a\":\"\xff\"}", "line 1, column 7: the text is not valid UTF-8"},
        {"{\"a\":\"\xed\xa0\x80\"}", "line 1, column 7: the text is not valid UTF-8"},
        {"{\n \"\xc0\xaf\": 1}", "line 2, column 3: the text is not valid UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        refuse(row[i].text, strlen(row[i].text), row[i].sentence);
    refuse("{\"a\":1\0}", 8, "line 1, column 7: a NUL byte is not allowed");
}

/* Why: a program that sent the document looks for the member, not for the column. */
static void a_refusal_points_to_the_member_as_far_as_it_is_known(void **state)
{
    static const struct {
        const char *text, *pointer, *code;
    } row[] = {
        {"", "", "bad_json"},
        {"{\"a\":{\"b\":[1,{\"c\":\"\xff\"}]}}", "/a/b/1/c", "bad_text"},
        {"{\"a\":1,\"\xff\":2}", "", "bad_text"},
        {"{\"a\":{\"b\":\"x\\u0000\"}}", "/a/b", "bad_text"},
        {"{\"a\":{\"b\\u0000\":1}}", "/a", "bad_text"},
        {"{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", "/a/b", "duplicate_field"},
        {"{\"a\":[0,99999999999999999999]}", "/a/1", "out_of_range"},
        {"{\"a\":{\"b\":1e999}}", "/a/b", "out_of_range"},
        {"{\"a\":[{},{\"b\":1,}]}", "/a/1", "bad_json"},
        {"{\"a\":{\"b\":tru}}", "/a/b", "bad_json"},
        {"{\"a\":{\"b\":", "/a/b", "bad_json"},
        {"{\"a\":[1,", "/a/1", "bad_json"},
        {"{\"a\":1}x", "", "bad_json"},
        {"]", "", "bad_json"},
        {"{\"a,{\\\"\":{\"b/~\":+1}}", "/a,{\"/b~1~0", "bad_json"},
        {"{\"\\u0061\":\"\xff\"}", "/a", "bad_text"},
        {"[[[[[[[[[[[[[[[[[", "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0", "too_deep"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        json_t *tree = NULL;
        struct err e;

        assert_err(ERR_BAD_REQUEST, json_parse(row[i].text, strlen(row[i].text), &tree, &e), &e);
        assert_int_equal(e.detail_count, 1);
        assert_string_equal(e.details[0].pointer, row[i].pointer);
        assert_string_equal(e.details[0].code, row[i].code);
        assert_contains(e.msg, e.details[0].text);
    }
}

static void a_name_too_long_for_a_pointer_is_left_out(void **state)
{
    char text[ERR_POINTER_MAX + 64];
    json_t *tree = NULL;
    struct err e;

    (void)state;
    snprintf(text, sizeof text, "{\"a\":{\"%0*d\":nan}}", ERR_POINTER_MAX, 7);
    assert_err(ERR_BAD_REQUEST, json_parse(text, strlen(text), &tree, &e), &e);
    assert_string_equal(e.details[0].pointer, "/a");
}

static void what_is_not_json_is_refused(void **state)
{
    static const char *const bad[] = {
        "null",
        "1",
        "\"x\"",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "{\"a\":nan}",
        "{\"a\":Infinity}",
        "[\"\t\"]",
        "[\"\\x\"]",
        "[\"\\ud800\"]",
        "//x\n{}",
        "]",
        "}",
        "[}",
        "\"",
        "[\"",
        "\\",
        "{\"a\":tru}",
        "\xef\xbb\xbf{}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        json_t *tree = NULL;
        struct err e;

        assert_err(ERR_BAD_REQUEST, json_parse(bad[i], strlen(bad[i]), &tree, &e), &e);
        assert_contains(e.msg, "line ");
        assert_null(tree);
    }
}

/* Why: a sentence goes to logs and terminals, whatever the document holds. */
static void a_refusal_never_repeats_control_characters(void **state)
{
    const char text[] = "{\"a\": \033[31m}";
    json_t *tree;
    struct err e;

    (void)state;
    assert_err(ERR_BAD_REQUEST, json_parse(text, sizeof text - 1, &tree, &e), &e);
    assert_null(strchr(e.msg, '\033'));
}

static void depth_is_bounded_and_brackets_in_text_do_not_count(void **state)
{
    char text[200000];
    json_t *tree;
    struct err e;
    int n;

    (void)state;
    n = snprintf(text, sizeof text, "%.*s%.*s", JSON_DEPTH_MAX, "[[[[[[[[[[[[[[[[[[[[",
                 JSON_DEPTH_MAX, "]]]]]]]]]]]]]]]]]]]]");
    assert_ok(json_parse(text, (size_t)n, &tree, &e), &e);
    json_decref(tree);
    memset(text, '[', sizeof text);
    refuse(text, sizeof text, "line 1, column 17: nested deeper than 16 levels");
    tree = parse("[\"[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[[\"]");
    json_decref(tree);
}

/* --- a shape with every kind ------------------------------------------------------- */

enum color { COLOR_RED, COLOR_GREEN };
static const char *const color_names[] = {"red", "green", NULL};

struct part {
    char name[8];
    int64_t weight;
};

struct thing {
    char id[16];
    char *note;
    bool fast;
    int64_t gpus;
    double power;
    int64_t created_at_ms;
    struct money price;
    enum color color;
    struct part main;
    struct part *parts;
    size_t part_count;
    char (*zones)[12];
    size_t zone_count;
    char token[20];
};

static const struct field part_fields[] = {
    F_STRING(struct part, name, FIELD_REQUIRED, 1, 0, "Name."),
    F_INT(struct part, weight, 0, 0, 100, "Weight."),
};
static SHAPE(part_shape, struct part, "Part", "A part.", part_fields);

static const struct field thing_fields[] = {
    F_STRING(struct thing, id, FIELD_REQUIRED, 1, 0, "Id."),
    F_TEXT(struct thing, note, 0, 0, 4000, "Note."),
    F_BOOL(struct thing, fast, 0, "Fast."),
    F_INT(struct thing, gpus, 0, 1, 8, "GPUs."),
    F_NUMBER(struct thing, power, FIELD_OMIT, 0, 0, "Power."),
    F_TIME(struct thing, created_at, 0, "Created."),
    F_MONEY(struct thing, price, 0, 0, 0, "Price."),
    F_ENUM(struct thing, color, 0, color_names, "Color."),
    F_OBJECT(struct thing, main, FIELD_OMIT, &part_shape, "Main part."),
    F_LIST(struct thing, parts, part_count, FIELD_OMIT, &part_shape, 3, "Parts."),
    F_STRINGS(struct thing, zones, zone_count, FIELD_OMIT, 12, 4, "Zones."),
    F_STRING(struct thing, token, FIELD_SECRET, 0, 0, "Token."),
};
static SHAPE(thing_shape, struct thing, "Thing", "A thing.", thing_fields);

static const char full[] =
    "{\"id\":\"a\",\"note\":\"two\\nlines\",\"fast\":true,\"gpus\":8,\"power\":0.1,"
    "\"created_at\":\"2026-11-20T13:35:20.123Z\","
    "\"price\":{\"amount_micros\":-2730000,\"currency\":\"EUR\"},\"color\":\"green\","
    "\"main\":{\"name\":\"m\",\"weight\":1},\"parts\":[{\"name\":\"x\",\"weight\":100},"
    "{\"name\":\"y\",\"weight\":0}],\"zones\":[\"fr-par-1\",\"\"]}";

static void decode(const char *text, struct thing *out)
{
    json_t *tree = parse(text);
    struct err e;

    memset(out, 0, sizeof *out);
    assert_ok(shape_decode(&thing_shape, tree, out, &e), &e);
    json_decref(tree);
}

static void assert_encodes(const struct thing *t, const char *want)
{
    STRBUF out;

    strbuf_init(&out, 100000);
    shape_encode(&thing_shape, t, &out);
    assert_false(out.failed);
    assert_string_equal(out.data, want);
}

static void every_kind_decodes(void **state)
{
    struct thing t;

    (void)state;
    decode(full, &t);
    assert_string_equal(t.id, "a");
    assert_string_equal(t.note, "two\nlines");
    assert_true(t.fast);
    assert_int_equal(t.gpus, 8);
    assert_true(t.power == 0.1);
    assert_int_equal(t.created_at_ms, 1795181720123);
    assert_int_equal(t.price.micros, -2730000);
    assert_string_equal(t.price.currency, "EUR");
    assert_int_equal(t.color, COLOR_GREEN);
    assert_string_equal(t.main.name, "m");
    assert_int_equal(t.part_count, 2);
    assert_string_equal(t.parts[1].name, "y");
    assert_int_equal(t.zone_count, 2);
    assert_string_equal(t.zones[0], "fr-par-1");
    shape_release(&thing_shape, &t);
    assert_null(t.note);
    assert_null(t.parts);
    assert_int_equal(t.zone_count, 0);
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
    struct thing t;

    (void)state;
    decode(full, &t);
    assert_encodes(&t, full);
    shape_release(&thing_shape, &t);
}

static void absent_values_are_null_or_left_out_and_secrets_never_shown(void **state)
{
    struct thing t = {.id = "z", .token = "hush"};

    (void)state;
    assert_encodes(&t, "{\"id\":\"z\",\"note\":null,\"fast\":false,\"gpus\":0,\"created_at\":null,"
                       "\"price\":null,\"color\":\"red\"}");
    decode("{\"id\":\"z\",\"note\":null,\"created_at\":null,\"price\":null,\"token\":\"hush\"}",
           &t);
    assert_null(t.note);
    assert_int_equal(t.created_at_ms, 0);
    assert_string_equal(t.price.currency, "");
    assert_string_equal(t.token, "hush");
    shape_release(&thing_shape, &t);
}

static void damaged_memory_is_encoded_without_harm(void **state)
{
    struct thing t = {.color = (enum color)77, .power = NAN};

    (void)state;
    memset(t.id, 'x', sizeof t.id); /* no NUL */
    memset(t.price.currency, 'E', sizeof t.price.currency);
    assert_encodes(&t, "{\"id\":\"xxxxxxxxxxxxxxxx\",\"note\":null,\"fast\":false,\"gpus\":0,"
                       "\"power\":null,\"created_at\":null,"
                       "\"price\":{\"amount_micros\":0,\"currency\":\"EEEE\"},\"color\":null}");
}

static void text_is_quoted_as_json_wants_it(void **state)
{
    static const struct {
        const char *text, *want;
    } row[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\b\f\n\r\t\001\037\177", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\177\""},
        {"\u20AC\U0001F600", "\"\u20AC\U0001F600\""},
        {"a\xff\xc3(\xed\xa0\x80z", "\"a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFDz\""},
        {"\xe2\x82", "\"\uFFFD\uFFFD\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        STRBUF out;

        strbuf_init(&out, 1000);
        json_quote(&out, row[i].text);
        assert_string_equal(out.data, row[i].want);
    }
}

struct number {
    double n;
    int64_t i;
};
static const struct field number_fields[] = {
    F_NUMBER(struct number, n, 0, 0, 0, "N."),
    F_INT(struct number, i, 0, 0, 0, "I."),
};
static SHAPE(number_shape, struct number, "Number", "", number_fields);

static void numbers_survive_the_round_trip(void **state)
{
    static const double values[] = {
        0,
        1,
        -1,
        0.1,
        1.0 / 3,
        2.5,
        1e15,
        1e16,
        123456789012345680.0,
        1e-7,
        1e300,
        DBL_MAX,
        DBL_MIN,
        5e-324,
        -1234.5678,
        4294967296.0,
        0.30000000000000004,
    };
    static const int64_t integers[] = {0, 1, -1, 10, -10, 99999, INT64_MAX, INT64_MIN};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        struct number in = {values[i], integers[i % ARRAY_SIZE(integers)]}, out = {0};
        json_t *tree = shape_to_json(&number_shape, &in);
        struct err e;

        assert_non_null(tree);
        assert_ok(shape_decode(&number_shape, tree, &out, &e), &e);
        assert_memory_equal(&in, &out, sizeof in);
        json_decref(tree);
    }
}

static void numbers_are_written_short_and_with_a_point(void **state)
{
    struct number n = {0.1, -42};
    STRBUF out;

    (void)state;
    strbuf_init(&out, 1000);
    shape_encode(&number_shape, &n, &out);
    assert_string_equal(out.data, "{\"n\":0.1,\"i\":-42}");
}

static void lists_are_encoded_with_their_cursor(void **state)
{
    struct part parts[] = {{"a", 1}, {"b", 2}};
    STRBUF out;

    (void)state;
    strbuf_init(&out, 1000);
    shape_encode_list(&part_shape, parts, 2, "c/1", &out);
    assert_string_equal(out.data, "{\"items\":[{\"name\":\"a\",\"weight\":1},"
                                  "{\"name\":\"b\",\"weight\":2}],\"next_cursor\":\"c/1\"}");
    strbuf_reset(&out);
    shape_encode_list(&part_shape, NULL, 0, "", &out);
    assert_string_equal(out.data, "{\"items\":[]}");
}

static void a_full_buffer_is_a_failure_not_a_cut(void **state)
{
    struct part p = {"abc", 1};
    STRBUF out;

    (void)state;
    strbuf_init(&out, 10);
    shape_encode(&part_shape, &p, &out);
    assert_true(out.failed);
}

static void names_are_found_by_text(void **state)
{
    (void)state;
    assert_int_equal(names_find(color_names, "green"), COLOR_GREEN);
    assert_int_equal(names_find(color_names, "blue"), -1);
    assert_int_equal(names_find(color_names, ""), -1);
    assert_int_equal(names_count(color_names), 2);
}

static void a_value_is_found_on_its_line(void **state)
{
    static const char text[] = "{\"a\": [1,\n"
                               "  {\"b\\\"c\": \"x\\ny\",\n"
                               "   \"d/e\":\n"
                               "    null}, []],\n"
                               " \"f\": true}\n";
    static const struct {
        const char *pointer;
        size_t line;
    } cases[] = {{"", 1},        {"/a", 1},      {"/a/0", 1},    {"/a/1", 2}, {"/a/1/b\"c", 2},
                 {"/a/2", 4},    {"/f", 5},      {"/g", 1},      {"/a/9", 1}, {"/a/1/d~1e", 4},
                 {"/a/1/zz", 2}, {"/f/deep", 5}, {"no slash", 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t line = json_line(text, sizeof text - 1, cases[i].pointer);

        if (line != cases[i].line)
            fail_msg("'%s' is on line %zu", cases[i].pointer, line);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_value_is_found_on_its_line),
    cmocka_unit_test(whole_documents_are_parsed),
    cmocka_unit_test(broken_documents_are_refused_with_their_place),
    cmocka_unit_test(a_refusal_points_to_the_member_as_far_as_it_is_known),
    cmocka_unit_test(a_name_too_long_for_a_pointer_is_left_out),
    cmocka_unit_test(what_is_not_json_is_refused),
    cmocka_unit_test(a_refusal_never_repeats_control_characters),
    cmocka_unit_test(depth_is_bounded_and_brackets_in_text_do_not_count),
    cmocka_unit_test(every_kind_decodes),
    cmocka_unit_test(what_is_encoded_decodes_to_the_same),
    cmocka_unit_test(absent_values_are_null_or_left_out_and_secrets_never_shown),
    cmocka_unit_test(damaged_memory_is_encoded_without_harm),
    cmocka_unit_test(text_is_quoted_as_json_wants_it),
    cmocka_unit_test(numbers_survive_the_round_trip),
    cmocka_unit_test(numbers_are_written_short_and_with_a_point),
    cmocka_unit_test(lists_are_encoded_with_their_cursor),
    cmocka_unit_test(a_full_buffer_is_a_failure_not_a_cut),
    cmocka_unit_test(names_are_found_by_text),
};

int main(void)
{
    return T_RUN("json", tests);
}
