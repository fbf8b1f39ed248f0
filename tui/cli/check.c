/* check: run hourglass-gpu on this machine and post its report; list reports. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/process.h"
#include "model/report.h"
#include "tui/cli/report.h"

#define REPORT_BYTES_MAX HTTP_BODY_BYTES_MAX
#define CHECKER_SAYS_MAX 4096
#define CHECKER_USAGE    2 /* its exit code for words it does not know */

int cli_check_list(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"ID", "id", SHOW_TEXT},           {"RECEIVED", "received_at", SHOW_AGO},
        {"ORIGIN", "origin", SHOW_TEXT},   {"TIER", "tier", SHOW_TEXT},
        {"VERDICT", "verdict", SHOW_TEXT}, {"INSTANCE", "instance_id", SHOW_TEXT},
        {"HOST", "host", SHOW_TEXT},       {"SUMMARY", "summary", SHOW_TEXT},
    };

    return cli_list(c, "/v1/reports", columns, ARRAY_SIZE(columns));
}

/* The checker stands beside this program, or on the path. */
static void checker_path(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    char *slash;

    out[n > 0 ? n : 0] = '\0';
    slash = strrchr(out, '/');
    if (slash && (size_t)(slash - out) + sizeof "/hourglass-gpu" <= size) {
        snprintf(slash, size - (size_t)(slash - out), "/hourglass-gpu");
        if (access(out, X_OK) == 0)
            return;
    }
    text_copy(out, size, "hourglass-gpu");
}

/* It answers by the deadline of its tier, 4 s, 55 s and 7 min; this ends one that does not. */
static int64_t checker_ms_max(const char *tier)
{
    return strcmp(tier, tier_names[TIER_STATE]) == 0   ? 20000
           : strcmp(tier, tier_names[TIER_QUICK]) == 0 ? 70000
                                                       : 450000;
}

/* Its report in `out`; on a terminal its progress is seen. Its exit code says what the report says;
 * only "wrong use" has none. */
static enum err_code checker_run(const char *tier, struct strbuf *out, struct err *e)
{
    char path[PATH_MAX];
    const char *const argv[] = {path, "check", "--tier", tier, "-o", "json", NULL};
    STRBUF says;
    const struct process p = {.argv = argv,
                              .env = (const char *const *)environ,
                              .timeout_ms = checker_ms_max(tier),
                              .out = out,
                              .errors = &says,
                              .shows_errors = isatty(STDERR_FILENO)};
    enum err_code rc;
    int status = 0;

    strbuf_init(&says, CHECKER_SAYS_MAX);
    checker_path(path, sizeof path);
    rc = process_run(&p, &status, e);
    if (rc)
        return err_wrap(e, ERR_IO, "hourglass-gpu");
    if (!WIFEXITED(status) || WEXITSTATUS(status) == CHECKER_USAGE)
        return err_set(e, ERR_IO, "hourglass-gpu gave no report: %s",
                       says.len ? says.data : "it was killed");
    return ERR_OK;
}

static int post(struct cli *c, struct report *r)
{
    json_t *posted = NULL;
    STRBUF body;
    int rc;

    strbuf_init(&body, REPORT_BYTES_MAX);
    if (c->value[CLI_INSTANCE] &&
        !text_copy(r->instance_id, sizeof r->instance_id, c->value[CLI_INSTANCE]))
        return cli_usage(c, "--instance: that is not an id");
    shape_encode(&report_create_shape, r, &body);
    if (body.failed)
        return cli_usage(c, "the report is larger than a request may be");
    rc = cli_create(c, "/v1/reports", body.data, &posted);
    return rc ? rc : cli_verdict_print(c, posted);
}

int cli_check_run(struct cli *c)
{
    const char *tier = NULL;
    struct report r = {0};
    struct err e;
    STRBUF text;
    enum err_code bad;
    int rc = cli_tier(c, &tier);

    strbuf_init(&text, REPORT_BYTES_MAX);
    if (rc)
        return rc;
    err_clear(&e);
    bad = checker_run(tier ? tier : tier_names[TIER_STATE], &text, &e);
    if (!bad && answer_decode(text.data, text.len, &report_create_shape, &r, &e))
        bad = err_set(&e, ERR_IO, "hourglass-gpu gave no report that can be read");
    if (bad)
        return cli_fail(&e, bad);
    rc = post(c, &r);
    shape_release(&report_create_shape, &r);
    return rc;
}
