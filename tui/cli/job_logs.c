/* job logs: what a job has written, byte for byte, at once or as it comes. */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/job.h"
#include "tui/cli/cli.h"

#define JOB_OVER_GOOD "succeeded"
#define JOB_OVER_BAD  "failed timed_out cancelled lost"

struct follow {
    int64_t at; /* offset of the next byte that has not been written */
    bool ended, broken;
    int rc;
};

/* False when nobody takes it. A reader that has enough (head, less) is no error. */
static bool write_all(int fd, const char *bytes, size_t len, int *rc)
{
    while (len) {
        ssize_t n = write(fd, bytes, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (errno != EPIPE) {
                cli_say("the output cannot be written: %s", strerror(errno));
                *rc = CLI_FAILED;
            }
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static int offset_read(const struct cli *c, int64_t *out)
{
    const char *text = c->value[CLI_OFFSET] ? c->value[CLI_OFFSET] : "0";

    *out = strtoll(text, NULL, 10);
    if (!text[0] || text[strspn(text, "0123456789")] || strlen(text) > 18)
        return cli_usage(c, "--offset: expected a number of bytes from 0");
    return CLI_OK;
}

static int path_of(const struct cli *c, struct strbuf *path, const char *rest)
{
    return cli_path(c, path, "/v1/jobs/", c->args[0], rest);
}

/* --- following -------------------------------------------------------------------------------- */

/* After a broken connection the server may begin with bytes that were already here. */
static void piece_write(struct follow *f, const struct log_event *ev, const char *bytes, size_t n)
{
    int64_t seen = f->at - ev->offset;
    size_t skip = seen <= 0 ? 0 : (uint64_t)seen < n ? (size_t)seen : n;
    int fd = strcmp(ev->stream, "stderr") == 0 ? STDERR_FILENO : STDOUT_FILENO;

    if (seen < 0)
        cli_say("%lld bytes of the output are no longer kept", (long long)-seen);
    f->broken = !write_all(fd, bytes + skip, n - skip, &f->rc);
    f->at = seen > (int64_t)n ? f->at : ev->offset + (int64_t)n;
}

static void on_log(void *ctx, const char *id, const char *type, const char *data, size_t len)
{
    struct follow *f = ctx;
    struct log_event ev = {0};
    unsigned char *bytes;
    size_t n = 0, most;

    UNUSED(id);
    if (f->broken || strcmp(type, "log") != 0 ||
        answer_decode(data, len, &log_event_shape, &ev, NULL))
        return;
    most = ev.b64 ? strlen(ev.b64) : 0;
    bytes = malloc(most + 1);
    if (bytes && ev.offset >= 0 &&
        sodium_base642bin(bytes, most, ev.b64 ? ev.b64 : "", most, NULL, &n, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0)
        piece_write(f, &ev, (const char *)bytes, n);
    free(bytes);
    shape_release(&log_event_shape, &ev);
}

static void on_state(void *ctx, enum stream_state st, const struct err *err, int64_t retry_in_ms)
{
    struct follow *f = ctx;

    UNUSED(retry_in_ms);
    if (st == STREAM_WAITING && err)
        cli_say("%s; trying again", err->msg);
    if (st != STREAM_ENDED)
        return;
    f->ended = true;
    f->rc = err ? cli_fail(err, err->code) : CLI_OK;
}

/* The job's end decides the exit code: `logs -f` in a script is as good as waiting. */
static int job_result(struct cli *c)
{
    json_t *job = NULL;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = path_of(c, &path, "");
    if (!rc)
        rc = cli_wait(c, path.data, JOB_OVER_GOOD, JOB_OVER_BAD, &job);
    json_decref(job);
    return rc;
}

static int follow(struct cli *c, int64_t offset)
{
    static const struct stream_ops ops = {.event = on_log, .state = on_state};
    struct follow f = {.at = offset};
    char from[24];
    struct err e;
    STRBUF path;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = path_of(c, &path, "/log?follow=true");
    if (rc)
        return rc;
    snprintf(from, sizeof from, "%lld", (long long)offset);
    if (!client_stream(c->client, path.data, from, &ops, &f))
        return CLI_FAILED;
    while (!f.ended && !f.broken) {
        enum err_code bad = client_poll(c->client, NULL, 0, -1, &e);

        if (bad)
            return cli_fail(&e, bad);
    }
    return f.broken || f.rc ? f.rc : job_result(c);
}

/* --- what there is ---------------------------------------------------------------------------- */

static int print_bytes(struct cli *c, int64_t at)
{
    STRBUF path, rest;
    int rc = CLI_OK;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    strbuf_init(&rest, 64);
    for (;;) {
        struct answer a;
        struct err e;
        enum err_code bad;
        bool more;

        strbuf_reset(&rest);
        strbuf_addf(&rest, "/log?offset=%lld", (long long)at);
        rc = path_of(c, &path, rest.data);
        if (rc)
            return rc;
        err_clear(&e);
        bad = client_call(c->client, "GET", path.data, NULL, NULL, &a, &e);
        if (bad)
            return cli_fail(&e, bad);
        more = a.len > 0 && write_all(STDOUT_FILENO, a.body, a.len, &rc);
        at += (int64_t)a.len;
        answer_release(&a);
        if (!more)
            return rc;
    }
}

int cli_job_logs(struct cli *c)
{
    int64_t offset;
    int rc = offset_read(c, &offset);

    if (rc)
        return rc;
    return c->value[CLI_FOLLOW] ? follow(c, offset) : print_bytes(c, offset);
}
