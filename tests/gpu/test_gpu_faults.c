/* Every fault x every check: what is wrong with a machine must be found by the checks that are
 * meant to, and by no other; nothing fires where nothing is wrong. Prints the table; docs/checks.md
 * has it, too. */
#include "tests/support/t.h"

#include "core/file.h"
#include "core/text.h"
#include "gpu/check.h"
#include "tests/support/fx_gpu.h"

#define LINE_MAX_BYTES 512
#define FOUND_BYTES    2048

static const struct fault {
    const char *id, *words;
    int gpus;
    const char *script, *expected;
} faults[] = {
#define FAULT(id, words, gpus, script, expected) {#id, words, gpus, script, expected},
#include "tests/gpu/faults.def.h"
#undef FAULT
};

/* What fired, in the order of the table of checks. */
static char found[ARRAY_SIZE(faults)][FOUND_BYTES];
static bool was_played[ARRAY_SIZE(faults)];

/* A line of a script that is about the machine. */
static void machine_line(struct fx_gpu *fx, const char *line)
{
    static char deadline[16];
    char word[16] = "", rest[LINE_MAX_BYTES] = "", address[32] = "", driver[32] = "";

    assert_int_equal(sscanf(line, "@%15s %511[^\n]", word, rest), 2);
    if (strcmp(word, "log") == 0) {
        fx_gpu_log(fx, 3, 60, rest);
    } else if (strcmp(word, "bus") == 0) {
        assert_int_equal(sscanf(rest, "%31s %31s", address, driver), 2);
        fx_gpu_bus_add(fx, address, strcmp(driver, "none") == 0 ? NULL : driver);
    } else if (strcmp(word, "deadline") == 0) {
        text_copy(deadline, sizeof deadline, rest);
        fx->deadline = deadline;
    } else if (strcmp(word, "nvml") == 0 || strcmp(word, "cuda") == 0) {
        char name[LINE_MAX_BYTES + 8];

        snprintf(name, sizeof name, "fake/%s", rest);
        text_copy(word[0] == 'n' ? fx->library : fx->cuda, sizeof fx->cuda, t_program(name));
    } else {
        fail_msg("what is '%s'?", line);
    }
}

static void machine_make(struct fx_gpu *fx, const struct fault *x)
{
    char script[4096];
    size_t used;

    fx_gpu_init(fx, x->gpus);
    fx->tier = "quick";
    fx->deadline = "40s";
    used = (size_t)snprintf(script, sizeof script, "count %d\n", x->gpus);
    for (const char *at = x->script; *at; at += strcspn(at, "\n") + 1) {
        if (*at == '@')
            machine_line(fx, at);
        else
            used += (size_t)snprintf(script + used, sizeof script - used, "%.*s\n",
                                     (int)strcspn(at, "\n"), at);
    }
    fx_gpu_script(fx, script);
}

static bool is_firing(enum check_result result)
{
    return result != CHECK_PASS && result != CHECK_SKIP;
}

static void found_add(char *out, const struct finding *f)
{
    size_t used = strlen(out);

    snprintf(out + used, FOUND_BYTES - used, "%s%s:%d:%s", used ? " " : "", f->check,
             (int)f->gpu_index, check_result_names[f->result]);
}

static size_t fault_find(const char *id)
{
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        if (strcmp(faults[i].id, id) == 0)
            return i;
    }
    fail_msg("no fault is called %s", id);
    return 0;
}

/* Play the machine of the fault that the test is named after. */
static void the_checks_that_must_find_it_do_and_no_other_fires(void **state)
{
    size_t n = fault_find(*state);
    const struct fault *x = &faults[n];
    struct fx_gpu fx;
    struct report report;

    machine_make(&fx, x);
    was_played[n] = true;
    fx_gpu_check(&fx, &report);
    for (size_t i = 0; i < report.finding_count; i++) {
        const struct finding *f = &report.findings[i];

        if (!is_firing(f->result))
            continue;
        found_add(found[n], f);
        if (f->result == CHECK_FAIL || f->result == CHECK_WARN)
            assert_true(f->action[0]);
    }
    if (strcmp(found[n], x->expected) != 0) {
        for (size_t i = 0; i < report.finding_count; i++) {
            if (is_firing(report.findings[i].result))
                print_message("  %s gpu%d %s: %s\n", report.findings[i].check,
                              (int)report.findings[i].gpu_index,
                              check_result_names[report.findings[i].result],
                              report.findings[i].detail);
        }
        print_error("%s\n  expected: %s\n  found:    %s\n", x->words, x->expected, found[n]);
    }
    shape_release(&report_shape, &report);
    fx_gpu_release(&fx);
    assert_string_equal(found[n], x->expected);
}

/* "`nvlink` fails, `clocks` warns": what is expected, for a person; each check once. */
static void answer_text(const struct fault *x, char *out, size_t size)
{
    static const char *const verbs[] = {
        [CHECK_PASS] = "passes",       [CHECK_WARN] = "warns", [CHECK_FAIL] = "fails",
        [CHECK_ERROR] = "cannot tell", [CHECK_SKIP] = "skips",
    };
    size_t used = 0;

    out[0] = '\0';
    for (const char *at = x->expected; *at; at += strcspn(at, " "), at += *at == ' ') {
        char check[64] = "", result[16] = "", named[80];
        int verb = 0, gpu;

        assert_int_equal(sscanf(at, "%63[^:]:%d:%15[a-z]", check, &gpu, result), 3);
        while (strcmp(check_result_names[verb], result) != 0)
            assert_true(++verb < (int)ARRAY_SIZE(verbs));
        snprintf(named, sizeof named, "`%s` %s", check, verbs[verb]);
        if (!strstr(out, named) && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", named);
    }
    if (!out[0])
        text_copy(out, size, "no check");
}

static void row_text(const struct fault *x, char *out, size_t size)
{
    char answer[FOUND_BYTES];

    answer_text(x, answer, sizeof answer);
    snprintf(out, size, "| %s | %s |\n", x->words, answer);
}

static void the_document_has_the_same_table(void **state)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    char path[1024], row[FOUND_BYTES + 256];
    const char *begin, *end;
    size_t rows = 0;
    STRBUF text;
    struct err e;

    UNUSED(state);
    snprintf(path, sizeof path, "%s/docs/checks.md", source ? source : ".");
    strbuf_init(&text, 1024 * 1024);
    assert_ok(file_read(path, &text, &e), &e);
    begin = strstr(text.data, "| wrong |");
    assert_non_null(begin);
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        row_text(&faults[i], row, sizeof row);
        if (!strstr(begin, row))
            fail_msg("docs/checks.md lacks this row: %s", row);
    }
    end = strstr(begin, "\n\n");
    for (const char *at = begin; at && at < end; at = strchr(at + 1, '\n'))
        rows++;
    assert_int_equal(rows, ARRAY_SIZE(faults) + 2); /* head and line */
}

/* What fired, fault by fault: what must not is a false alarm, what did not is missed. */
static void table_print(void)
{
    print_message("\n| wrong | found by |\n|---|---|\n");
    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        char row[FOUND_BYTES + 256];

        row_text(&faults[i], row, sizeof row);
        print_message("%s", row);
        if (was_played[i] && strcmp(found[i], faults[i].expected) != 0)
            print_message("  ^ MISSED OR FALSE ALARM: %s\n", found[i]);
    }
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_SIZE(faults) + 1] = {
        cmocka_unit_test(the_document_has_the_same_table)};
    char names[ARRAY_SIZE(faults)][128];
    int rc;

    for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
        snprintf(names[i], sizeof names[i], "%s", faults[i].id);
        tests[i + 1] = (struct CMUnitTest){
            names[i], the_checks_that_must_find_it_do_and_no_other_fires, NULL, NULL, names[i]};
    }
    rc = t_run("gpu_faults", tests, ARRAY_SIZE(tests), NULL, NULL);
    table_print();
    return rc;
}
