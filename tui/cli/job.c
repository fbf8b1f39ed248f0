/* job: submit a file, look, follow its output, cancel. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/yaml.h"
#include "model/job.h"
#include "tui/cli/cli.h"
#include "tui/cli/estimate.h"

static const struct cli_column list_columns[] = {
    {"ID", "id", SHOW_TEXT},
    {"NAME", "name", SHOW_TEXT},
    {"STATE", "state", SHOW_TEXT},
    {"REASON", "state_reason", SHOW_TEXT},
    {"EXIT", "exit_code", SHOW_TEXT},
    {"INSTANCE", "instance_id", SHOW_TEXT},
    {"CREATED", "created_at", SHOW_AGO},
    {"LOG BYTES", "log_bytes", SHOW_NUMBER},
};

static const struct cli_column show_columns[] = {
    {"id", "id", SHOW_TEXT},
    {"name", "name", SHOW_TEXT},
    {"state", "state", SHOW_TEXT},
    {"reason", "state_reason", SHOW_TEXT},
    {"detail", "state_detail", SHOW_TEXT},
    {"exit code", "exit_code", SHOW_TEXT},
    {"signal", "signal", SHOW_TEXT},
    {"instance", "instance_id", SHOW_TEXT},
    {"time limit", "time_limit_seconds", SHOW_DURATION},
    {"created", "created_at", SHOW_TIME},
    {"started", "started_at", SHOW_TIME},
    {"ended", "ended_at", SHOW_TIME},
    {"log bytes", "log_bytes", SHOW_NUMBER},
};

#define JOB_OVER_BAD "failed timed_out cancelled lost"

int cli_job_list(struct cli *c)
{
    return cli_list(c, "/v1/jobs", list_columns, ARRAY_SIZE(list_columns));
}

static void path_of(struct strbuf *path, const char *id, const char *rest)
{
    strbuf_reset(path);
    strbuf_adds(path, "/v1/jobs/");
    url_encode(path, id);
    strbuf_adds(path, rest);
}

int cli_job_show(struct cli *c)
{
    json_t *job = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    path_of(&path, c->args[0], "");
    rc = cli_get(c, path.data, &job);
    return rc ? rc : cli_print_object(c, job, show_columns, ARRAY_SIZE(show_columns));
}

/* --- submit -------------------------------------------------------------------------------------
 */

/* The file, read by the same description as the server reads the request: a mistake is told with
 * its line before anything is sent. */
static int file_decode(struct cli *c, struct job_create *in)
{
    struct yaml_doc *doc = NULL;
    struct err e;
    enum err_code rc;

    err_clear(&e);
    rc = yaml_load(c->args[0], &doc, &e);
    if (!rc)
        rc = yaml_decode(doc, &job_create_shape, in, &e);
    yaml_doc_free(doc);
    return rc ? cli_fail(&e, rc) : CLI_OK;
}

static int flags_apply(struct cli *c, struct job_create *in)
{
    if (c->value[CLI_INSTANCE]) {
        if (!text_copy(in->instance_id, sizeof in->instance_id, c->value[CLI_INSTANCE]))
            return cli_usage(c, "--instance: that is not an id");
        in->offer_id[0] = '\0';
    }
    if (c->value[CLI_NAME] && !text_copy(in->name, sizeof in->name, c->value[CLI_NAME]))
        return cli_usage(c, "--name: longer than allowed");
    if (!in->instance_id[0] && !in->offer_id[0])
        return cli_usage(c, "say where: instance_id or offer_id in the file, or --instance ID");
    return CLI_OK;
}

static int submit(struct cli *c, const struct job_create *in)
{
    STRBUF body, path;
    json_t *job = NULL;
    int rc = CLI_OK;

    strbuf_init(&body, HTTP_BODY_BYTES_MAX);
    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    shape_encode(&job_create_shape, in, &body);
    if (c->value[CLI_DRY_RUN])
        return cli_estimate(c, "/v1/jobs", body.data, true);
    if (in->offer_id[0] && !c->value[CLI_YES]) {
        rc = cli_estimate(c, "/v1/jobs", body.data, false);
        if (!rc && !cli_confirm(c, "Launch a machine for this job?"))
            return CLI_USAGE;
    }
    if (!rc)
        rc = cli_send(c, "POST", "/v1/jobs", body.data, &job);
    if (!rc && c->value[CLI_WAIT]) {
        path_of(&path, json_string_value(json_object_get(job, "id")), "");
        json_decref(job);
        job = NULL;
        rc = cli_wait(c, path.data, "succeeded", JOB_OVER_BAD, &job);
    }
    if (job)
        cli_print_object(c, job, show_columns, ARRAY_SIZE(show_columns));
    return rc;
}

int cli_job_submit(struct cli *c)
{
    struct job_create in = {0};
    int rc = file_decode(c, &in);

    if (!rc)
        rc = flags_apply(c, &in);
    if (!rc)
        rc = submit(c, &in);
    shape_release(&job_create_shape, &in);
    return rc;
}

/* --- output
 * --------------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);

        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

struct follow {
    bool ended, broken;
    int rc;
};

static void on_log(void *ctx, const char *id, const char *type, const char *data, size_t len)
{
    struct follow *f = ctx;
    struct log_event ev = {0};
    unsigned char *bytes;
    size_t n = 0;

    UNUSED(id);
    if (strcmp(type, "log") != 0 || answer_decode(data, len, &log_event_shape, &ev, NULL))
        return;
    bytes = malloc(strlen(ev.b64 ? ev.b64 : "") + 1);
    if (bytes && ev.b64 &&
        sodium_base642bin(bytes, strlen(ev.b64), ev.b64, strlen(ev.b64), NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0) {
        int fd = strcmp(ev.stream, "stderr") == 0 ? STDERR_FILENO : STDOUT_FILENO;

        f->broken = !write_all(fd, (const char *)bytes, n);
    }
    free(bytes);
    shape_release(&log_event_shape, &ev);
}

static void on_state(void *ctx, enum stream_state st, const struct err *err, int64_t retry_in_ms)
{
    struct follow *f = ctx;

    UNUSED(retry_in_ms);
    if (st == STREAM_WAITING && err)
        fprintf(stderr, "hourglass: %s; trying again\n", err->msg);
    if (st != STREAM_ENDED)
        return;
    f->ended = true;
    f->rc = err ? cli_fail(err, err->code) : CLI_OK;
}

static const struct stream_ops follow_ops = {.event = on_log, .state = on_state};

/* The job's end decides the exit code: `logs -f` in a script is as good as waiting. */
static int job_result(struct cli *c)
{
    json_t *job = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    path_of(&path, c->args[0], "");
    rc = cli_wait(c, path.data, "succeeded", JOB_OVER_BAD, &job);
    json_decref(job);
    return rc;
}

static int follow(struct cli *c)
{
    struct follow f = {0};
    struct err e;
    STRBUF path;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    path_of(&path, c->args[0], "/log?follow=true");
    if (!client_stream(c->client, path.data, c->value[CLI_OFFSET], &follow_ops, &f))
        return CLI_FAILED;
    while (!f.ended && !f.broken) {
        enum err_code rc = client_poll(c->client, NULL, 0, -1, &e);

        if (rc)
            return cli_fail(&e, rc);
    }
    if (f.broken)
        return CLI_OK; /* the reader (head, less) has enough */
    return f.rc ? f.rc : job_result(c);
}

static int print_bytes(struct cli *c)
{
    int64_t at = c->value[CLI_OFFSET] ? strtoll(c->value[CLI_OFFSET], NULL, 10) : 0;
    STRBUF path;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    for (;;) {
        struct answer a;
        struct err e;
        enum err_code rc;
        bool more;

        path_of(&path, c->args[0], "/log");
        strbuf_addf(&path, "?offset=%lld", (long long)at);
        err_clear(&e);
        rc = client_call(c->client, "GET", path.data, NULL, NULL, &a, &e);
        if (rc)
            return cli_fail(&e, rc);
        more = a.len > 0 && write_all(STDOUT_FILENO, a.body, a.len);
        at += (int64_t)a.len;
        answer_release(&a);
        if (!more)
            return CLI_OK;
    }
}

int cli_job_logs(struct cli *c)
{
    return c->value[CLI_FOLLOW] ? follow(c) : print_bytes(c);
}

int cli_job_cancel(struct cli *c)
{
    int worst = CLI_OK;
    STRBUF path;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    if (!cli_confirm(c, "They end at once, after their time to clean up. Cancel %d?", c->arg_count))
        return CLI_USAGE;
    for (int i = 0; i < c->arg_count; i++) {
        json_t *job = NULL;
        int rc;

        path_of(&path, c->args[i], "/cancel");
        rc = cli_send(c, "POST", path.data, NULL, &job);
        if (!rc && c->value[CLI_WAIT]) {
            json_decref(job);
            job = NULL;
            path_of(&path, c->args[i], "");
            rc = cli_wait(c, path.data, "cancelled succeeded failed timed_out lost", "", &job);
        }
        if (job)
            cli_print_object(c, job, show_columns, ARRAY_SIZE(show_columns));
        worst = rc > worst ? rc : worst;
    }
    return worst;
}
