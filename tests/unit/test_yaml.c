/* YAML files: what they become, what is refused and where, and that what is written is
 * read back to the same tree. */
#include "tests/support/t.h"

#include <unistd.h>

#include "core/file.h"
#include "core/text.h"
#include "core/yaml.h"

static struct yaml_doc *parse(const char *text)
{
    struct yaml_doc *d = NULL;
    struct err e;

    assert_ok(yaml_parse("f.yaml", text, strlen(text), &d, &e), &e);
    return d;
}

static void assert_reads_as(const char *yaml, const char *json)
{
    struct yaml_doc *d = parse(yaml);
    json_t *want = json_loads(json, JSON_DECODE_ANY, NULL);

    assert_non_null(want);
    if (!json_equal(yaml_root(d), want))
        print_error("%s\n", yaml);
    assert_true(json_equal(yaml_root(d), want));
    json_decref(want);
    yaml_doc_free(d);
}

static void files_become_the_same_tree_as_json(void **state)
{
    static const struct {
        const char *yaml, *json;
    } row[] = {
        {"a: 1\nb: [x, 2.5, true]\n", "{\"a\":1,\"b\":[\"x\",2.5,true]}"},
        {"- a: 1\n  b: {c: ~}\n-\n  - null\n", "[{\"a\":1,\"b\":{\"c\":null}},[null]]"},
        {"a:\nb: ''\n", "{\"a\":null,\"b\":\"\"}"},
        {"a: false\nb: \"false\"\nc: 'null'\n", "{\"a\":false,\"b\":\"false\",\"c\":\"null\"}"},
        {"a: |\n  one\n  two\nb: >-\n  x\n  y\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"x y\"}"},
        {"a: |\n  5\n", "{\"a\":\"5\\n\"}"},
        {"1: x\ntrue: y\n", "{\"1\":\"x\",\"true\":\"y\"}"},
        {"# a comment\n---\na: 1\n...\n", "{\"a\":1}"},
        {"\xef\xbb\xbf{a: \"\\u20ac\"}", "{\"a\":\"\u20AC\"}"},
        {"<<: 1\n=: 2\n", "{\"<<\":1,\"=\":2}"},
        {"[]", "[]"},
        {"word", "\"word\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        assert_reads_as(row[i].yaml, row[i].json);
}

static void only_plain_json_numbers_and_words_are_not_strings(void **state)
{
    static const char *const strings[] = {
        "yes",  "no",   "on",         "off",   "True", "FALSE", "Null", "0x1f", "0o17", "017",
        "00",   "-01",  "1_000",      "12:30", ".5",   "5.",    "+5",   "1e",   "1e+",  "-a",
        ".inf", ".nan", "2026-11-20", "1.2.3", "5 GB", "1,5",   "--1",  "1e5x",
    };
    static const struct {
        const char *yaml, *json;
    } values[] = {
        {"0", "0"},
        {"-0", "0"},
        {"-17", "-17"},
        {"1.50", "1.5"},
        {"1e3", "1000.0"},
        {"-2.5E-1", "-0.25"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"~", "null"},
        {"true", "true"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++) {
        char yaml[64], json[64];

        snprintf(yaml, sizeof yaml, "a: %s", strings[i]);
        snprintf(json, sizeof json, "{\"a\":\"%s\"}", strings[i]);
        assert_reads_as(yaml, json);
    }
    for (size_t i = 0; i < ARRAY_SIZE(values); i++)
        assert_reads_as(values[i].yaml, values[i].json);
}

static void refuse(const char *bytes, size_t len, const char *sentence)
{
    struct yaml_doc *d = NULL;
    struct err e;

    assert_err(ERR_INVALID, yaml_parse("f.yaml", bytes, len, &d, &e), &e);
    assert_string_equal(e.msg, sentence);
    assert_null(d);
}

static void mistakes_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *yaml, *sentence;
    } row[] = {
        {"", "f.yaml:1:1: the file is empty"},
        {"# nothing\n", "f.yaml:1:1: the file is empty"},
        {"a: &x 1\n", "f.yaml:1:4: anchors (&) are not supported"},
        {"a: 1\nb: *x\n", "f.yaml:2:4: aliases (*) are not supported"},
        {"a: &x {b: 1}\n", "f.yaml:1:4: anchors (&) are not supported"},
        {"a: &x [1]\n", "f.yaml:1:4: anchors (&) are not supported"},
        {"&k a: 1\n", "f.yaml:1:1: anchors (&) are not supported"},
        {"a: !!str 1\n", "f.yaml:1:4: tags (!) are not supported"},
        {"a: ! 1\n", "f.yaml:1:4: tags (!) are not supported"},
        {"a: !x {}\n", "f.yaml:1:4: tags (!) are not supported"},
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: 'a' occurs twice in one mapping"},
        {"{a: 1, \"a\": 2}", "f.yaml:1:8: 'a' occurs twice in one mapping"},
        {"a: 1\n---\nb: 2\n", "f.yaml:2:1: a file must hold one document only"},
        {"a: 9223372036854775808\n",
         "f.yaml:1:4: the number is too large (integers must fit in 64 bits)"},
        {"- 1\n- -9223372036854775809\n",
         "f.yaml:2:3: the number is too large (integers must fit in 64 bits)"},
        {"a: 1e999\n", "f.yaml:1:4: the number is too large (integers must fit in 64 bits)"},
        {"? [a]\n: 1\n", "f.yaml:1:3: a name must be plain text"},
        {"{a: 1}: 2\n", "f.yaml:1:1: a name must be plain text"},
        {"a: \"x\\0y\"\n", "f.yaml:1:4: a NUL character is not allowed in text"},
        {"\"x\\0\": 1\n", "f.yaml:1:1: a NUL character is not allowed in a name"},
        {"a: 1\n b: 2\n", "f.yaml:2:3: mapping values are not allowed in this context"},
        {"a: [1, 2\n",
         "f.yaml:2:1: did not find expected ',' or ']', while parsing a flow sequence"},
        {"a:\n\t- 1\n", "f.yaml:2:1: found character that cannot start any token, "
                        "while scanning for the next token"},
        {"ok: 1\nbad: \xff\n", "f.yaml:2:6: the text is not valid UTF-8"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        refuse(row[i].yaml, strlen(row[i].yaml), row[i].sentence);
    refuse("a: 1\nb\0: 2", 9, "f.yaml:2:2: a NUL byte is not allowed");
}

static void depth_is_bounded(void **state)
{
    char text[2000];
    struct yaml_doc *d;

    (void)state;
    memset(text, '[', sizeof text);
    refuse(text, sizeof text, "f.yaml:1:17: nested deeper than 16 levels");
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    text[2 * JSON_DEPTH_MAX] = '\0';
    d = parse(text);
    yaml_doc_free(d);
}

static void the_number_of_values_is_bounded(void **state)
{
    STRBUF text;
    struct yaml_doc *d;
    struct err e;

    (void)state;
    strbuf_init(&text, YAML_BYTES_MAX + 2);
    for (int i = 0; i < YAML_NODES_MAX; i++)
        strbuf_adds(&text, "- 1\n");
    assert_err(ERR_INVALID, yaml_parse("f.yaml", text.data, text.len, &d, &e), &e);
    assert_contains(e.msg, "more than 200000 values in one file");
    strbuf_reset(&text);
    strbuf_addc(&text, '"');
    while (text.len <= YAML_BYTES_MAX)
        strbuf_addc(&text, 'a');
    assert_err(ERR_INVALID, yaml_parse("f.yaml", text.data, text.len, &d, &e), &e);
    assert_contains(e.msg, "larger than");
}

static void places_are_those_of_the_values(void **state)
{
    struct yaml_doc *d = parse("jobs:\n  - name: a\n    a/b~: {x: 1}\n  - name: b\nlast:\n");
    static const struct {
        const char *pointer, *place;
    } row[] = {
        {"", "f.yaml:1:1"},
        {"/jobs", "f.yaml:2:3"},
        {"/jobs/0", "f.yaml:2:5"},
        {"/jobs/0/name", "f.yaml:2:11"},
        {"/jobs/0/a~1b~0/x", "f.yaml:3:15"},
        {"/jobs/1/name", "f.yaml:4:11"},
        {"/jobs/1/missing", "f.yaml:4:5"},
        {"/jobs/7/name", "f.yaml:2:3"},
        {"/nothing/here", "f.yaml:1:1"},
        {"not a pointer", "f.yaml:1:1"},
    };
    char buf[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        assert_string_equal(yaml_place(d, row[i].pointer, buf, sizeof buf), row[i].place);
    yaml_doc_free(d);
}

/* --- decoding ---------------------------------------------------------------------- */

struct item {
    char name[16];
    int64_t count;
    char version[8];
};
struct config {
    struct item *items;
    size_t item_count;
};
static const struct field item_fields[] = {
    F_STRING(struct item, name, FIELD_REQUIRED, 1, 0, "Name."),
    F_INT(struct item, count, 0, 1, 9, "Count."),
    F_STRING(struct item, version, 0, 0, 0, "Version."),
};
static SHAPE(item_shape, struct item, "Item", "", item_fields);
static const struct field config_fields[] = {
    F_LIST(struct config, items, item_count, FIELD_REQUIRED, &item_shape, 10, "Items."),
};
static SHAPE(config_shape, struct config, "Config", "", config_fields);

static void a_good_file_decodes(void **state)
{
    struct yaml_doc *d = parse("items:\n  - {name: a, count: 3}\n  - name: b\n");
    struct config c = {0};
    struct err e;

    (void)state;
    assert_ok(yaml_decode(d, &config_shape, &c, &e), &e);
    assert_int_equal(c.item_count, 2);
    assert_int_equal(c.items[0].count, 3);
    assert_string_equal(c.items[1].name, "b");
    shape_release(&config_shape, &c);
    yaml_doc_free(d);
}

static void a_mistake_in_a_file_names_file_line_and_column(void **state)
{
    static const struct {
        const char *yaml, *sentence;
    } row[] = {
        {"items:\n  - name: a\n    count: 12\n", "f.yaml:3:12: must be between 1 and 9, got 12"},
        {"items:\n  - count: 1\n", "f.yaml:2:5: field 'name' is required"},
        {"items:\n  - name: a\n    cuont: 1\n",
         "f.yaml:3:5: unknown field 'cuont', did you mean 'count'?"},
        {"items:\n  - name: a\n    version: 1.10\n",
         "f.yaml:3:14: expected a string, got a number; put it in quotes"},
        {"items:\n  name: a\n", "f.yaml:2:3: expected a list, got an object"},
        {"hello\n", "f.yaml:1:1: expected an object, got a string"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct yaml_doc *d = parse(row[i].yaml);
        struct config c = {0};
        struct err e;

        assert_err(ERR_INVALID, yaml_decode(d, &config_shape, &c, &e), &e);
        assert_string_equal(e.msg, row[i].sentence);
        assert_string_equal(e.details[0].text, row[i].sentence);
        assert_err(ERR_INVALID, yaml_decode(d, &config_shape, &c, NULL), NULL);
        yaml_doc_free(d);
    }
}

static void a_later_check_is_located_too(void **state)
{
    struct yaml_doc *d = parse("items:\n  - name: a\n  - name: a\n");
    struct err e;

    (void)state;
    err_set(&e, ERR_INVALID, "x");
    err_detail(&e, "/items/1/name", "duplicate", "'a' is taken");
    assert_int_equal(yaml_locate(d, &e), ERR_INVALID);
    assert_string_equal(e.msg, "f.yaml:3:11: 'a' is taken");
    assert_string_equal(e.details[0].code, "duplicate");
    assert_string_equal(e.details[0].pointer, "/items/1/name");
    yaml_doc_free(d);
}

static void of_a_long_path_the_end_is_shown(void **state)
{
    char path[400], place[500];
    struct yaml_doc *d;
    struct err e;

    (void)state;
    memset(path, 'd', sizeof path);
    snprintf(path + 380, sizeof path - 380, "/catalogue.yaml");
    assert_ok(yaml_parse(path, "a: 1", 4, &d, &e), &e);
    assert_contains(yaml_place(d, "/a", place, sizeof place), "ddd/catalogue.yaml:1:4");
    assert_true(strlen(place) < 140);
    yaml_doc_free(d);
}

static void files_are_loaded_by_path(void **state)
{
    char path[300];
    struct yaml_doc *d;
    struct err e;

    (void)state;
    snprintf(path, sizeof path, "%s/x.yaml", t_dir());
    assert_err(ERR_NOT_FOUND, yaml_load(path, &d, &e), &e);
    assert_ok(file_write(path, "a: 1\n", 5, 0644, &e), &e);
    assert_ok(yaml_load(path, &d, &e), &e);
    assert_int_equal(json_integer_value(json_object_get(yaml_root(d), "a")), 1);
    yaml_doc_free(d);
    assert_int_equal(truncate(path, YAML_BYTES_MAX + 1), 0);
    assert_err(ERR_TOO_LARGE, yaml_load(path, &d, &e), &e);
}

/* --- writing ----------------------------------------------------------------------- */

static void assert_writes(const char *json, const char *yaml)
{
    json_t *tree = json_loads(json, JSON_DECODE_ANY, NULL);
    STRBUF out;

    strbuf_init(&out, 100000);
    assert_non_null(tree);
    yaml_write(tree, &out);
    assert_string_equal(out.data, yaml);
    assert_reads_as(yaml, json);
    json_decref(tree);
}

static void trees_are_written_for_people(void **state)
{
    static const struct {
        const char *json, *yaml;
    } row[] = {
        {"{\"id\":\"ins_0192\",\"gpus\":8,\"on\":true,\"note\":null}",
         "id: ins_0192\ngpus: 8\n\"on\": true\nnote: null\n"},
        {"{\"env\":[{\"name\":\"A\",\"value\":\"1\"},{\"name\":\"B\"}],\"x\":[],\"z\":{}}",
         "env:\n  - name: A\n    value: \"1\"\n  - name: B\nx: []\nz: {}\n"},
        {"[[1,2],[[]],{\"a\":{\"b\":1}}]", "- - 1\n  - 2\n- - []\n- a:\n    b: 1\n"},
        {"{\"command\":\"set -e\\nmake all\\n\",\"tail\":\"a\\n\\nb\"}",
         "command: |\n  set -e\n  make all\ntail: |-\n  a\n\n  b\n"},
        {"{\"at\":\"2026-11-20T13:35:20Z\",\"s\":\"a: b #c\",\"e\":\"\",\"t\":\"\\t\",\"r\":1.0}",
         "at: \"2026-11-20T13:35:20Z\"\ns: \"a: b #c\"\ne: \"\"\nt: \"\\t\"\nr: 1.0\n"},
        {"\"yes\"", "\"yes\"\n"},
        {"[]", "[]\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        assert_writes(row[i].json, row[i].yaml);
}

static uint64_t seed = 7364529176530163u;

static unsigned next_random(unsigned below)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (unsigned)((seed * 2685821657736338717u >> 33) % below);
}

/* Text out of pieces that mean something to YAML, or to somebody's YAML. */
static void random_text(struct strbuf *out)
{
    static const char *const pieces[] = {
        "a",      "B7",     " ",          "\n",         "\t",       ":",      ": ",     " #",
        "#",      "-",      "- ",         "? ",         "!",        "&",      "*",      "|",
        ">",      "'",      "\"",         "\\",         "{",        "}",      "[",      "]",
        ",",      "%",      "@",          "`",          "~",        "null",   "true",   "No",
        "0",      "1",      ".",          "1e5",        "0x",       "=",      "<<",     "---",
        "...",    "\r",     "\x01",       "\x7f",       "\xc2\x85", "\u00a0", "\u2028", "\u20AC",
        "\uFEFF", "\uFFFE", "\U0001F600", "\U0010FFFF", "word",     "/",      "(",      ")",
    };

    strbuf_reset(out);
    for (unsigned n = next_random(8); n > 0; n--)
        strbuf_adds(out, pieces[next_random(ARRAY_SIZE(pieces))]);
    if (next_random(40) == 0)
        for (int i = 0; i < 700; i++)
            strbuf_adds(out, pieces[next_random(3)]);
}

static json_t *random_tree(int depth)
{
    unsigned kind = next_random(depth > 0 ? 9 : 7);
    STRBUF text;
    json_t *tree;

    strbuf_init(&text, 10000);
    switch (kind) {
    case 0:
        return json_integer((json_int_t)(seed >> next_random(64)));
    case 1:
        return json_real((double)(int64_t)seed / (double)(1 + next_random(100000)));
    case 2:
        return json_boolean(next_random(2));
    case 3:
        return json_null();
    case 7:
        tree = json_array();
        for (unsigned n = next_random(5); n > 0; n--)
            json_array_append_new(tree, random_tree(depth - 1));
        return tree;
    case 8:
        tree = json_object();
        for (unsigned n = next_random(5); n > 0; n--) {
            random_text(&text);
            json_object_set_new(tree, text.data, random_tree(depth - 1));
        }
        return tree;
    default:
        random_text(&text);
        return json_string(text.data);
    }
}

static void whatever_is_written_is_read_back_to_the_same_tree(void **state)
{
    (void)state;
    for (int i = 0; i < 4000; i++) {
        json_t *tree = random_tree(5);
        struct yaml_doc *d = NULL;
        STRBUF out;
        struct err e;

        strbuf_init(&out, 4000000);
        yaml_write(tree, &out);
        assert_false(out.failed);
        if (yaml_parse("f", out.data, out.len, &d, &e) || !json_equal(yaml_root(d), tree)) {
            print_error("%s\n%s\n", d ? "reads back differently" : e.msg, out.data);
            fail();
        }
        yaml_doc_free(d);
        json_decref(tree);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(files_become_the_same_tree_as_json),
    cmocka_unit_test(only_plain_json_numbers_and_words_are_not_strings),
    cmocka_unit_test(mistakes_are_refused_with_their_place),
    cmocka_unit_test(depth_is_bounded),
    cmocka_unit_test(the_number_of_values_is_bounded),
    cmocka_unit_test(places_are_those_of_the_values),
    cmocka_unit_test(a_good_file_decodes),
    cmocka_unit_test(a_mistake_in_a_file_names_file_line_and_column),
    cmocka_unit_test(a_later_check_is_located_too),
    cmocka_unit_test(of_a_long_path_the_end_is_shown),
    cmocka_unit_test(files_are_loaded_by_path),
    cmocka_unit_test(trees_are_written_for_people),
    cmocka_unit_test(whatever_is_written_is_read_back_to_the_same_tree),
};

int main(void)
{
    return T_RUN("yaml", tests);
}
