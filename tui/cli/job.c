/* job: submit a file, look, cancel. Its output is in job_logs.c. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/yaml.h"
#include "model/job.h"
#include "tui/cli/cli.h"
#include "tui/cli/estimate.h"

static const struct cli_column list_columns[] = {
    {"ID", "id", SHOW_TEXT},
    {"NAME", "name", SHOW_TEXT},
    {"STATE", "state", SHOW_TEXT},
    {"REASON", "state_reason", SHOW_TEXT},
    {"EXIT", "exit_code", SHOW_EXIT},
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
    {"exit code", "exit_code", SHOW_EXIT},
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

static int path_of(const struct cli *c, struct strbuf *path, const char *id, const char *rest)
{
    return cli_path(c, path, "/v1/jobs/", id, rest);
}

int cli_job_show(struct cli *c)
{
    json_t *job = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = path_of(c, &path, c->args[0], "");
    if (!rc)
        rc = cli_get(c, path.data, &job);
    return rc ? rc : cli_print_object(c, job, show_columns, ARRAY_SIZE(show_columns));
}

/* --- submit ----------------------------------------------------------------------------------- */

static enum err_code input_read(struct strbuf *out, struct err *e)
{
    char bytes[8192];
    ssize_t n = 0;

    while (!out->failed && (n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        strbuf_add(out, bytes, (size_t)n);
    if (n < 0)
        return err_set(e, ERR_IO, "standard input: %s", strerror(errno));
    return out->failed
               ? err_set(e, ERR_TOO_LARGE, "standard input is longer than a job file may be")
               : ERR_OK;
}

static enum err_code file_parse(const char *path, struct yaml_doc **out, struct err *e)
{
    bool input = strcmp(path, "-") == 0;
    STRBUF text;
    enum err_code rc;

    strbuf_init(&text, JOB_FILE_BYTES_MAX);
    rc = input ? input_read(&text, e) : file_read(path, &text, e);
    return rc ? rc : yaml_parse(input ? "standard input" : path, text.data, text.len, out, e);
}

static int flags_apply(struct cli *c, struct job_create *in)
{
    if (c->value[CLI_INSTANCE]) {
        if (!text_copy(in->instance_id, sizeof in->instance_id, c->value[CLI_INSTANCE]))
            return cli_usage(c, "--instance: that is not an id");
        /* What the file said of a machine of its own no longer holds. */
        in->offer_id[0] = '\0';
        in->network = false;
    }
    if (c->value[CLI_NAME] && !text_copy(in->name, sizeof in->name, c->value[CLI_NAME]))
        return cli_usage(c, "--name: longer than allowed");
    if (!in->instance_id[0] && !in->offer_id[0])
        return cli_usage(c, "say where: instance_id or offer_id in the file, or --instance ID");
    return CLI_OK;
}

/* The file, read by the same description as the server reads the request: a mistake is told with
 * its line before anything is sent. */
static int file_decode(struct cli *c, struct job_create *in)
{
    struct yaml_doc *doc = NULL;
    struct err e;
    enum err_code rc;
    int bad = CLI_OK;

    err_clear(&e);
    rc = file_parse(c->args[0], &doc, &e);
    if (!rc)
        rc = yaml_decode(doc, &job_create_shape, in, &e);
    if (!rc)
        bad = flags_apply(c, in);
    if (!rc && !bad && job_create_check(in, &e))
        rc = yaml_locate(doc, &e);
    yaml_doc_free(doc);
    return rc ? cli_fail(&e, rc) : bad;
}

static int submit(struct cli *c, const char *body)
{
    STRBUF path;
    json_t *job = NULL;
    int rc = cli_create(c, "/v1/jobs", body, &job), printed;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    if (!rc && c->value[CLI_WAIT]) {
        rc = path_of(c, &path, json_string_value(json_object_get(job, "id")), "");
        json_decref(job);
        job = NULL;
        if (!rc)
            rc = cli_wait(c, path.data, "succeeded", JOB_OVER_BAD, &job);
    }
    printed = cli_print_object(c, job, show_columns, ARRAY_SIZE(show_columns));
    return rc ? rc : printed;
}

static int estimate_and_submit(struct cli *c, const struct job_create *in)
{
    STRBUF body;
    int rc = CLI_OK;

    strbuf_init(&body, HTTP_BODY_BYTES_MAX);
    shape_encode(&job_create_shape, in, &body);
    if (body.failed)
        return cli_usage(c, "the job is larger than a request may be");
    if (c->value[CLI_DRY_RUN])
        return cli_estimate(c, "/v1/jobs", body.data, true);
    if (in->offer_id[0] && !c->value[CLI_YES]) {
        rc = cli_estimate(c, "/v1/jobs", body.data, false);
        if (!rc)
            rc = cli_confirm(c, "Launch a machine for this job?");
    }
    return rc ? rc : submit(c, body.data);
}

int cli_job_submit(struct cli *c)
{
    struct job_create in = {0};
    int rc = file_decode(c, &in);

    if (!rc)
        rc = estimate_and_submit(c, &in);
    shape_release(&job_create_shape, &in);
    return rc;
}

int cli_job_cancel(struct cli *c)
{
    int worst = CLI_OK;
    int rc = cli_confirm(c, "They get time to clean up, then they end. Cancel %d job%s?",
                         c->arg_count, c->arg_count == 1 ? "" : "s");
    STRBUF path;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    for (int i = 0; !rc && i < c->arg_count; i++) {
        json_t *job = NULL;
        int one = path_of(c, &path, c->args[i], "/cancel");

        if (!one)
            one = cli_send(c, "POST", path.data, NULL, &job);
        if (!one && c->value[CLI_WAIT]) {
            json_decref(job);
            job = NULL;
            one = path_of(c, &path, c->args[i], "");
            if (!one)
                one = cli_wait(c, path.data, "cancelled succeeded failed timed_out lost", "", &job);
        }
        cli_print_object(c, job, show_columns, ARRAY_SIZE(show_columns));
        worst = one > worst ? one : worst;
    }
    return rc ? rc : worst;
}
