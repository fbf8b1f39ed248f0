/* summary FOLDER: from what tests/gpu/acceptance.sh left in FOLDER, a table of the goals (figure,
 * goal, met or missed or skipped and why), of the steps, and of every alarm, as Markdown. A goal
 * without its measurement is skipped, never met. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"

#define FILE_BYTES_MAX (16u << 20)
#define STEPS_MAX      128
#define MODEL          "NVIDIA H200" /* the goals are its */
#define PEAK_GBPS      4800.0        /* its data sheet */
#define MEMORY_GB      141.0
#define REPEATS        20

struct step {
    char name[64], status[64], detail[256];
    double seconds;
};

static struct step steps[STEPS_MAX];
static size_t step_count;
static const char *folder;

static bool text_read(const char *name, struct strbuf *out)
{
    char path[4096];
    struct err e;

    strbuf_init(out, FILE_BYTES_MAX);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return file_read(path, out, &e) == ERR_OK && out->len > 0;
}

/* NULL where the step left nothing that can be read. */
static json_t *json_file(const char *name)
{
    STRBUF text = {0};
    json_t *tree = NULL;
    struct err e;

    if (!text_read(name, &text) || json_parse(text.data, text.len, &tree, &e))
        return NULL;
    return tree;
}

/* One document a line; never NULL. */
static json_t *json_lines(const char *name)
{
    json_t *all = json_array();
    STRBUF text = {0};

    if (!text_read(name, &text))
        return all;
    for (char *line = text.data, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *tree = NULL;
        struct err e;

        if (json_parse(line, (size_t)(end - line), &tree, &e) == ERR_OK)
            json_array_append_new(all, tree);
    }
    return all;
}

/* name, status, seconds, detail, between tabs */
static void steps_read(void)
{
    STRBUF text = {0};
    char *at = text_read("steps.tsv", &text) ? text.data : NULL;

    while (at && *at && step_count < STEPS_MAX) {
        char *line = strsep(&at, "\n");
        const char *field[4] = {"", "", "", ""};
        struct step *s = &steps[step_count++];

        for (size_t i = 0; i < ARRAY_SIZE(field) && line; i++)
            field[i] = strsep(&line, "\t");
        text_copy(s->name, sizeof s->name, field[0]);
        text_copy(s->status, sizeof s->status, field[1]);
        s->seconds = strtod(field[2], NULL);
        text_copy(s->detail, sizeof s->detail, field[3]);
    }
}

static const struct step *step_find(const char *name)
{
    static const struct step none = {.status = "not run"};

    for (size_t i = 0; i < step_count; i++) {
        if (strcmp(steps[i].name, name) == 0)
            return &steps[i];
    }
    return &none;
}

static const char *text_of(const json_t *tree, const char *key)
{
    const char *text = json_string_value(json_object_get(tree, key));

    return text ? text : "";
}

static double number_of(const json_t *tree, const char *key)
{
    return json_number_value(json_object_get(tree, key));
}

/* The first GPU's finding of this check, or NULL. */
static const json_t *finding_of(const json_t *report, const char *check)
{
    const json_t *findings = json_object_get(report, "findings");

    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *f = json_array_get(findings, i);

        if (strcmp(text_of(f, "check"), check) == 0)
            return f;
    }
    return NULL;
}

static bool is_alarm(const json_t *finding)
{
    const char *result = text_of(finding, "result");

    return strcmp(result, "pass") != 0 && strcmp(result, "skip") != 0;
}

/* --- the goals ------------------------------------------------------------------------------- */

static bool judged; /* this is the GPU that the goals are for */

static void goal(const char *name, const char *wanted, bool measured, bool met,
                 const char *figure_or_why)
{
    if (!measured)
        printf("| %s | - | %s | skipped: %s |\n", name, wanted, figure_or_why);
    else
        printf("| %s | %s | %s | %s |\n", name, figure_or_why, wanted,
               !judged ? "skipped: the goal is for an " MODEL
               : met   ? "met"
                       : "missed");
}

static const char *why_not(const char *step, char *buf, size_t size)
{
    const struct step *s = step_find(step);

    if (s->detail[0])
        text_copy(buf, size, s->detail);
    else
        snprintf(buf, size, "%s: %s", step, s->status);
    return buf;
}

static void goal_speed(const json_t *quick, const char *check, double share)
{
    const json_t *f = finding_of(quick, check);
    double value = number_of(f, "value");
    char text[300], wanted[64];

    snprintf(wanted, sizeof wanted, ">= %.0f GB/s (%.0f %% of %.0f)", share * PEAK_GBPS,
             100 * share, PEAK_GBPS);
    if (value > 0)
        snprintf(text, sizeof text, "%.0f GB/s (%.1f %%)", value, 100 * value / PEAK_GBPS);
    else
        why_not("quick", text, sizeof text);
    goal(check, wanted, value > 0, value >= share * PEAK_GBPS, text);
}

/* Watts at most and on average over what is near it, of the first GPU. */
static double power_read(const char *who, const char *kind)
{
    char name[64];
    double most = 0;
    json_t *lines;

    snprintf(name, sizeof name, "power-%s-%s.jsonl", who, kind);
    lines = json_lines(name);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *gpu = json_array_get(json_object_get(json_array_get(lines, i), "gpus"), 0);
        const json_t *readings = json_object_get(gpu, "readings");

        for (size_t n = 0; n < json_array_size(readings); n++) {
            const json_t *r = json_array_get(readings, n);

            if (strcmp(text_of(r, "meter"), "power_watts") == 0 && number_of(r, "value") > most)
                most = number_of(r, "value");
        }
    }
    json_decref(lines);
    return most;
}

/* Rates held for the same time, one after the other; the better of cuBLAS's shapes. */
static void goal_matmul(const char *kind, const json_t *burn)
{
    char name[64], text[400], label[64];
    double theirs = 0, ours, share = number_of(finding_of(burn, "burn_power"), "value");
    json_t *mine, *lines;

    snprintf(name, sizeof name, "ours-%s.json", kind);
    mine = json_file(name);
    snprintf(name, sizeof name, "matmul_%s", kind);
    ours = number_of(finding_of(mine, name), "value");
    snprintf(name, sizeof name, "cublas-%s.jsonl", kind);
    lines = json_lines(name);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        double rate = number_of(json_array_get(lines, i), "held_tflops");

        theirs = rate > theirs ? rate : theirs;
    }
    if (ours > 0 && theirs > 0)
        snprintf(text, sizeof text,
                 "%.0f of %.0f TFLOP/s (%.1f %%), %.0f W beside its %.0f W; burn drew %.0f %% of "
                 "the limit",
                 ours, theirs, 100 * ours / theirs, power_read("ours", kind),
                 power_read("cublas", kind), share);
    else if (ours > 0)
        snprintf(name, sizeof name, "cublas-%s", kind), why_not(name, text, sizeof text);
    else
        snprintf(name, sizeof name, "compare-%s", kind), why_not(name, text, sizeof text);
    snprintf(label, sizeof label, "%s products beside cuBLAS", kind);
    goal(label, ">= 85 % of its rate, or power within 5 % of the limit", ours > 0 && theirs > 0,
         theirs > 0 && (ours / theirs >= 0.85 || share >= 95), text);
    json_decref(mine);
    json_decref(lines);
}

static void goal_patterns(void)
{
    json_t *report = json_file("patterns.json");
    const json_t *f = finding_of(report, "memory_patterns");
    bool passed = strcmp(text_of(f, "result"), "pass") == 0;
    double seconds = step_find("patterns")->seconds, gb = number_of(f, "value");
    char text[700];

    if (f)
        snprintf(text, sizeof text, "%.2f s with the start of the program, %.4g GB: %s", seconds,
                 gb, text_of(f, "detail"));
    else
        why_not("patterns", text, sizeof text);
    goal("all memory patterns", "<= 10 s over >= 134 GB (95 % of 141)", f != NULL,
         passed && seconds <= 10 && gb >= 0.95 * MEMORY_GB && !strstr(text, "no time"), text);
    json_decref(report);
}

static void goal_quick(const json_t *quick, const char *step, const char *label)
{
    double seconds = step_find(step)->seconds;
    char text[300];

    if (quick)
        snprintf(text, sizeof text, "%.2f s, %s", seconds, text_of(quick, "verdict"));
    else
        why_not(step, text, sizeof text);
    goal(label, "<= 15 s", quick != NULL, seconds <= 15, text);
}

static void goal_repeats(const json_t *repeats)
{
    size_t count = json_array_size(repeats), bad = 0;
    double least = 1e9, most = 0;
    char text[300], name[32];

    for (size_t i = 0; i < count; i++) {
        const char *verdict = text_of(json_array_get(repeats, i), "verdict");

        bad += strcmp(verdict, "healthy") != 0;
        snprintf(name, sizeof name, "repeat-%zu", i + 1);
        least = step_find(name)->seconds < least ? step_find(name)->seconds : least;
        most = step_find(name)->seconds > most ? step_find(name)->seconds : most;
    }
    if (count)
        snprintf(text, sizeof text, "%zu runs, %zu not healthy, %.2f to %.2f s", count, bad, least,
                 most);
    else
        why_not("repeats", text, sizeof text);
    goal("quick, again and again", "20 runs, each healthy", count > 0, count >= REPEATS && !bad,
         text);
}

/* Clean: the tool says so, and our program ended as it does on a healthy GPU. */
static void goal_sanitizer(const char *tool)
{
    char name[64], text[400], label[64];
    const char *line;
    STRBUF log = {0};
    bool told;

    snprintf(name, sizeof name, "%s.log", tool);
    told = text_read(name, &log);
    line = told ? strstr(log.data, "SUMMARY: ") : NULL;
    snprintf(name, sizeof name, "sanitizer-%s", tool);
    if (line)
        snprintf(text, sizeof text, "%.*s; %s", (int)strcspn(line, "\n"), line,
                 step_find(name)->status);
    else
        why_not(name, text, sizeof text);
    snprintf(label, sizeof label, "compute-sanitizer %s", tool);
    judged = judged || line; /* this one is for every GPU */
    goal(label, "0 errors", line != NULL,
         line && strncmp(line, "SUMMARY: 0 ", 11) == 0 &&
             strcmp(step_find(name)->status, "ok") == 0,
         text);
}

/* --- the rest -------------------------------------------------------------------------------- */

static void alarms_print(const json_t *report, const char *run)
{
    const json_t *findings = json_object_get(report, "findings");

    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *f = json_array_get(findings, i);

        if (is_alarm(f))
            printf("| %s | %s | %s | %s |\n", run, text_of(f, "check"), text_of(f, "result"),
                   text_of(f, "detail"));
    }
}

static void figures_print(const json_t *report)
{
    const json_t *findings = json_object_get(report, "findings");

    printf("\n## The first quick run\n\n| check | is | figure | floor | what |\n"
           "|---|---|---:|---:|---|\n");
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *f = json_array_get(findings, i);

        printf("| %s | %s | %g %s | %g | %s |\n", text_of(f, "check"), text_of(f, "result"),
               number_of(f, "value"), text_of(f, "unit"), number_of(f, "floor"),
               text_of(f, "detail"));
    }
}

static void goals_print(const json_t *quick, const json_t *repeats)
{
    static const char *const tools[] = {"memcheck", "racecheck", "synccheck", "initcheck"};
    json_t *burn = json_file("burn.json"), *cold = json_file("ptx-cold.json");
    const json_t *gpu = json_array_get(json_object_get(quick, "gpus"), 0);

    judged = strcmp(text_of(gpu, "model"), MODEL) == 0;
    printf("# hourglass-gpu on a GPU\n\n%s, driver %s\n\n", gpu ? text_of(gpu, "model") : "no GPU",
           text_of(quick, "driver_version"));
    printf("| goal | figure | wanted | result |\n|---|---|---|---|\n");
    goal_speed(quick, "memory_read", 0.95);
    goal_speed(quick, "memory_copy", 0.88);
    goal_matmul("bf16", burn);
    goal_matmul("fp16", burn);
    goal_matmul("tf32", burn);
    goal_patterns();
    goal_quick(quick, "quick", "quick tier");
    goal_quick(cold, "ptx-cold", "quick tier, kernels compiled by the driver");
    goal_repeats(repeats);
    for (size_t i = 0; i < ARRAY_SIZE(tools); i++)
        goal_sanitizer(tools[i]);
    json_decref(burn);
    json_decref(cold);
}

int main(int argc, char **argv)
{
    json_t *quick, *repeats;

    if (argc != 2) {
        fputs("usage: summary FOLDER\n", stderr);
        return 2;
    }
    folder = argv[1];
    steps_read();
    quick = json_file("quick.json");
    repeats = json_lines("repeats.jsonl");
    goals_print(quick, repeats);
    printf("\n## Alarms\n\n| run | check | is | what |\n|---|---|---|---|\n");
    alarms_print(quick, "quick");
    for (size_t i = 0; i < json_array_size(repeats); i++) {
        char run[32];

        snprintf(run, sizeof run, "repeat %zu", i + 1);
        alarms_print(json_array_get(repeats, i), run);
    }
    figures_print(quick);
    printf("\n## Steps\n\n| step | ended | seconds | said |\n|---|---|---:|---|\n");
    for (size_t i = 0; i < step_count; i++)
        printf("| %s | %s | %.2f | %s |\n", steps[i].name, steps[i].status, steps[i].seconds,
               steps[i].detail);
    json_decref(quick);
    json_decref(repeats);
    return 0;
}
