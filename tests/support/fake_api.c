/* The answering, and the demonstration data. */
#include "tests/support/t.h"

#include "tests/support/fake_api.h"

#include <poll.h>
#include <sodium.h>

static struct fake_api *fake_of(struct transport *t)
{
    return CONTAINER_OF(t, struct fake_api, base);
}

static size_t remember(struct fake_api *f, const char *method, const char *path, const char *body,
                       const char *key)
{
    size_t at = f->request_count < FAKE_REQUESTS_MAX ? f->request_count++ : FAKE_REQUESTS_MAX - 1;
    struct fake_request *r = &f->requests[at];

    free(r->body);
    snprintf(r->what, sizeof r->what, "%s %s", method, path);
    r->body = strdup(body ? body : "");
    snprintf(r->key, sizeof r->key, "%s", key ? key : "");
    return at;
}

static int fake_send(struct transport *t, const char *method, const char *path, const char *body,
                     const struct request_options *o, reply_fn *done, void *ctx)
{
    struct fake_api *f = fake_of(t);
    size_t request = remember(f, method, path, body, o ? o->idempotency_key : NULL);

    if (f->pending_count == FAKE_PENDING_MAX)
        return 0;
    f->pending[f->pending_count].number = ++f->last_number;
    f->pending[f->pending_count].request = request;
    f->pending[f->pending_count].done = done;
    f->pending[f->pending_count].ctx = ctx;
    f->pending_count++;
    return f->last_number;
}

static int fake_stream(struct transport *t, const char *path, const char *last_event_id,
                       const struct stream_ops *ops, void *ctx)
{
    struct fake_api *f = fake_of(t);
    size_t at = f->stream_count;

    if (at == FAKE_STREAMS_MAX)
        return 0;
    remember(f, "STREAM", path, NULL, NULL);
    f->streams[at].number = ++f->last_number;
    snprintf(f->streams[at].path, sizeof f->streams[at].path, "%s", path);
    snprintf(f->streams[at].last_id, sizeof f->streams[at].last_id, "%s", last_event_id);
    f->streams[at].ops = ops;
    f->streams[at].ctx = ctx;
    f->streams[at].told = false;
    f->stream_count++;
    return f->last_number;
}

static void drop_pending(struct fake_api *f, size_t at)
{
    memmove(&f->pending[at], &f->pending[at + 1],
            (f->pending_count - at - 1) * sizeof f->pending[0]);
    f->pending_count--;
}

static void drop_stream(struct fake_api *f, size_t at)
{
    memmove(&f->streams[at], &f->streams[at + 1],
            (f->stream_count - at - 1) * sizeof f->streams[0]);
    f->stream_count--;
}

static void fake_cancel(struct transport *t, int call)
{
    struct fake_api *f = fake_of(t);

    for (size_t i = 0; i < f->pending_count; i++)
        if (f->pending[i].number == call) {
            drop_pending(f, i);
            return;
        }
    for (size_t i = 0; i < f->stream_count; i++)
        if (f->streams[i].number == call) {
            drop_stream(f, i);
            return;
        }
}

static enum err_code fake_poll(struct transport *t, struct pollfd *fds, size_t fd_count,
                               int timeout_ms, struct err *e)
{
    struct fake_api *f = fake_of(t);
    bool busy = !f->holding && f->pending_count > 0;

    (void)e;
    for (size_t i = 0; i < f->stream_count; i++)
        busy = busy || (!f->holding && !f->streams[i].told);
    if (poll(fds, fd_count, busy ? 0 : timeout_ms) < 0)
        for (size_t i = 0; i < fd_count; i++)
            fds[i].revents = 0;
    fake_api_deliver(f);
    return ERR_OK;
}

static const struct transport_ops fake_ops = {
    .send = fake_send, .stream = fake_stream, .cancel = fake_cancel, .poll = fake_poll};

void fake_api_init(struct fake_api *f)
{
    memset(f, 0, sizeof *f);
    f->base.ops = &fake_ops;
}

void fake_api_release(struct fake_api *f)
{
    for (size_t i = 0; i < f->answer_count; i++)
        free(f->answers[i].body);
    for (size_t i = 0; i < f->request_count; i++)
        free(f->requests[i].body);
}

void fake_api_on(struct fake_api *f, const char *what, int status, const char *body)
{
    size_t at;

    for (at = 0; at < f->answer_count; at++)
        if (strcmp(f->answers[at].what, what) == 0)
            break;
    if (at == FAKE_ANSWERS_MAX)
        fail_msg("more than %d answers", FAKE_ANSWERS_MAX);
    if (at == f->answer_count)
        f->answer_count++;
    free(f->answers[at].body);
    snprintf(f->answers[at].what, sizeof f->answers[at].what, "%s", what);
    f->answers[at].status = status;
    f->answers[at].body = strdup(body);
}

void fake_api_problem(struct fake_api *f, const char *what, int status, const char *slug,
                      const char *detail)
{
    char body[512];

    snprintf(body, sizeof body, "%s|%s", slug, detail);
    fake_api_on(f, what, status, body);
}

static int answer_for(const struct fake_api *f, const char *what)
{
    int best = -1;

    for (size_t i = 0; i < f->answer_count; i++) {
        size_t len = strlen(f->answers[i].what);

        if (strncmp(what, f->answers[i].what, len) == 0 &&
            (best < 0 || len > strlen(f->answers[best].what)))
            best = (int)i;
    }
    return best;
}

/* Problems are kept as "slug|sentence": the real client has decoded them by now. */
static void reply_to(struct fake_api *f, const char *what, struct reply *r, struct err *e)
{
    int at = answer_for(f, what);

    err_clear(e);
    *r = (struct reply){.err = e, .body = "", .etag = "", .request_id = "req_fake"};
    if (f->away) {
        r->request_id = "";
        r->rc = err_set(e, ERR_UNREACHABLE, "cannot reach the server: connection refused");
    } else if (at < 0) {
        r->status = 404;
        r->rc = err_set(e, ERR_NOT_FOUND, "no answer for %s", what);
    } else if (f->answers[at].status >= 400) {
        const char *bar = strchr(f->answers[at].body, '|');
        char slug[64];

        snprintf(slug, sizeof slug, "%.*s", (int)(bar - f->answers[at].body), f->answers[at].body);
        r->status = f->answers[at].status;
        r->rc = err_set(e, err_from_slug(slug), "%s", bar + 1);
    } else {
        r->status = f->answers[at].status;
        r->body = f->answers[at].body;
        r->len = strlen(r->body);
    }
}

static void tell_streams(struct fake_api *f)
{
    for (size_t i = 0; i < f->stream_count; i++) {
        const struct stream_ops *ops = f->streams[i].ops;
        struct err e;

        if (f->streams[i].told)
            continue;
        f->streams[i].told = true;
        if (f->away) {
            err_set(&e, ERR_UNREACHABLE, "cannot reach the server: connection refused");
            ops->state(f->streams[i].ctx, STREAM_WAITING, &e, 1000);
        } else {
            ops->state(f->streams[i].ctx, STREAM_OPEN, NULL, 0);
        }
    }
}

void fake_api_deliver(struct fake_api *f)
{
    size_t many = f->pending_count;

    if (f->holding)
        return;
    tell_streams(f);
    /* What is asked by an answer waits for the next time. */
    while (many-- > 0 && f->pending_count > 0) {
        reply_fn *done = f->pending[0].done;
        void *ctx = f->pending[0].ctx;
        struct reply r;
        struct err e;

        reply_to(f, f->requests[f->pending[0].request].what, &r, &e);
        drop_pending(f, 0);
        done(ctx, &r);
    }
}

size_t fake_api_event(struct fake_api *f, const char *path, const char *id, const char *type,
                      const char *data)
{
    size_t told = 0;

    for (size_t i = 0; i < f->stream_count; i++)
        if (strncmp(f->streams[i].path, path, strlen(path)) == 0) {
            f->streams[i].ops->event(f->streams[i].ctx, id, type, data, strlen(data));
            told++;
        }
    return told;
}

void fake_api_log(struct fake_api *f, int64_t offset, const char *bytes)
{
    size_t len = strlen(bytes),
           size = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
    char *b64 = malloc(size), *data = malloc(size + 128);

    assert_non_null(b64);
    assert_non_null(data);
    sodium_bin2base64(b64, size, (const unsigned char *)bytes, len, sodium_base64_VARIANT_ORIGINAL);
    snprintf(data, size + 128, "{\"offset\":%lld,\"stream\":\"stdout\",\"b64\":\"%s\"}",
             (long long)offset, b64);
    fake_api_event(f, "/v1/jobs/", "", "log", data);
    free(b64);
    free(data);
}

void fake_api_end(struct fake_api *f, const char *path)
{
    for (size_t i = f->stream_count; i-- > 0;)
        if (strncmp(f->streams[i].path, path, strlen(path)) == 0) {
            const struct stream_ops *ops = f->streams[i].ops;
            void *ctx = f->streams[i].ctx;

            drop_stream(f, i);
            ops->state(ctx, STREAM_ENDED, NULL, 0);
        }
}

void fake_api_break(struct fake_api *f)
{
    for (size_t i = 0; i < f->stream_count; i++)
        f->streams[i].told = false;
    fake_api_deliver(f);
}

const struct fake_request *fake_api_asked(const struct fake_api *f, const char *what)
{
    for (size_t i = f->request_count; i-- > 0;)
        if (strncmp(f->requests[i].what, what, strlen(what)) == 0)
            return &f->requests[i];
    return NULL;
}

size_t fake_api_count(const struct fake_api *f, const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < f->request_count; i++)
        n += strncmp(f->requests[i].what, what, strlen(what)) == 0;
    return n;
}

/* --- the demonstration ------------------------------------------------------------------------ */

#define EUR(micros) "{\"amount_micros\":" #micros ",\"currency\":\"EUR\"}"
#define ME                                                                                         \
    "{\"organization\":{\"id\":\"org_1\",\"name\":\"Aurora "                                       \
    "Labs\",\"country\":\"FR\",\"currency\":\"EUR\"},"                                             \
    "\"project\":{\"id\":\"prj_1\",\"organization_id\":\"org_1\",\"name\":\"default\"},"           \
    "\"member\":{\"id\":\"mem_1\",\"organization_id\":\"org_1\",\"name\":\"Ada\",\"email\":\"ada@" \
    "example.org\","                                                                               \
    "\"role\":\"owner\",\"staff_role\":\"none\"},\"key_id\":\"key_1\",\"server_version\":\"0.1."   \
    "0\","                                                                                         \
    "\"server_time\":\"2026-11-20T14:00:00Z\"}"
#define CREDIT                                                                                                                                                                                                       \
    "{\"as_of\":\"2026-11-20T14:00:00Z\",\"granted\":" EUR(2000000000) ",\"consumed\":" EUR(740500000) ",\"expired\":" EUR(0) ",\"held\":" EUR(                                                                      \
        10960000) ",\"available\":" EUR(1248540000) ",\"accrued\":" EUR(4100000) ",\"left\":" EUR(1255400000) ",\"burn_per_hour\":" EUR(5460000) ",\"running_count\":1,\"runway_ends_at\":\"2026-11-30T03:55:00Z\"," \
                                                                                                                                                 "\"runway_basis\":\"what runs now goes on; no grant expires before\"}"
#define OFFER(id, name, zone, gpu, gpus, vcpus, gib, price, example, stock, avail, in, law, op, g) \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"zone\":\"" zone "\",\"gpu_model\":\"" gpu          \
    "\",\"gpu_count\":" #gpus ",\"vcpu_count\":" #vcpus ",\"memory_gib\":" #gib                    \
    ",\"scratch_gib\":100,\"price_per_hour\":" EUR(                                                \
        price) ",\"price_is_example\":" example                                                    \
               ",\"price_source\":\"price "                                                        \
               "list\",\"pool\":\"p\",\"pool_units\":1,\"stock\":" #stock                          \
               ",\"availability\":\"" avail "\",\"country\":\"" in "\",\"jurisdiction\":\"" law    \
               "\",\"operator\":\"" op "\",\"carbon_g_per_hour\":" #g "}"
#define OFFERS                                                                                   \
    "{\"items\":[" OFFER(                                                                        \
        "h100-1-80g.fr-par-2", "H100-1-80G", "fr-par-2", "h100-pcie-80g", 1, 24, 240, 2730000,   \
        "false", 3, "available", "FR", "FR", "scaleway",                                         \
        21) "," OFFER("l40s-1-48g.fr-par-2", "L40S-1-48G", "fr-par-2", "l40s-48g", 1, 8, 96,     \
                      1400000, "false", 1, "scarce", "FR", "FR", "scaleway",                     \
                      18) "," OFFER("h200-8.eu-north", "H200-8", "eu-north", "h200-sxm-141g", 8, \
                                    128, 2000, 40000000, "true", 0, "not_connected", "NO", "US", \
                                    "coreweave",                                                 \
                                    190) "," OFFER("local-gpu-1.local", "LOCAL-GPU-1", "local",  \
                                                   "virtual-80g", 1, 2, 4, 250000, "true", 4,    \
                                                   "available", "FR", "FR", "here", 5) "]}"
#define ACTIONS                                                                                   \
    "[{\"name\":\"stop\",\"available\":true},{\"name\":\"start\",\"available\":false,\"reason\":" \
    "\"it is running\"},{\"name\":\"delete\",\"available\":true}]"
#define INSTANCE_1                                                                                \
    "{\"id\":\"ins_1\",\"organization_id\":\"org_1\",\"project_id\":\"prj_1\",\"created_by\":"    \
    "\"mem_1\","                                                                                  \
    "\"name\":\"train-1\",\"offer_id\":\"h100-1-80g.fr-par-2\",\"zone\":\"fr-par-2\","            \
    "\"gpu_model\":\"h100-pcie-80g\",\"gpu_count\":1,\"vcpu_count\":24,\"memory_gib\":240,"       \
    "\"state\":\"running\",\"desired_state\":\"running\",\"state_reason\":\"none\","              \
    "\"state_since\":\"2026-11-20T12:30:00Z\",\"billing\":\"on\",\"price_per_hour\":" EUR(        \
        2730000) ",\"price_version\":3,\"cost\":" EUR(4095000) ",\"cost_at\":\"2026-11-20T14:00:" \
                                                               "00Z\","                           \
                                                               "\"created_at\":\"2026-11-20T12:"  \
                                                               "28:00Z\",\"running_at\":\"2026-"  \
                                                               "11-20T12:30:00Z\","               \
                                                               "\"gate_verdict\":\"healthy\","    \
                                                               "\"gate_summary\":\"1 GPU, 9 "     \
                                                               "checks "                          \
                                                               "passed\",\"limits\":\"cgroup2\"," \
                                                               "\"network\":true,\"slots\":[{"    \
                                                               "\"index\":0,\"label\":\"NVIDIA "  \
                                                               "H100 "                            \
                                                               "PCIe\",\"uuid\":\"GPU-5f2e\","    \
                                                               "\"is_virtual\":false}],"          \
                                                               "\"actions\":" ACTIONS             \
                                                               ",\"version\":4}"
#define INSTANCE_2                                                                                 \
    "{\"id\":\"ins_2\",\"organization_id\":\"org_1\",\"project_id\":\"prj_1\",\"created_by\":"     \
    "\"mem_1\","                                                                                   \
    "\"name\":\"old\",\"offer_id\":\"l40s-1-48g.fr-par-2\",\"zone\":\"fr-par-2\","                 \
    "\"gpu_model\":\"l40s-48g\",\"gpu_count\":1,\"vcpu_count\":8,\"memory_gib\":96,"               \
    "\"state\":\"terminated\",\"desired_state\":\"terminated\",\"state_reason\":\"by_member\","    \
    "\"state_since\":\"2026-11-19T09:00:00Z\",\"billing\":\"off\",\"price_per_hour\":" EUR(        \
        1400000) ",\"price_version\":3,\"cost\":" EUR(12600000) ",\"cost_at\":\"2026-11-19T09:00:" \
                                                                "00Z\","                           \
                                                                "\"created_at\":\"2026-11-19T00:"  \
                                                                "00:00Z\",\"ended_at\":\"2026-11-" \
                                                                "19T09:00:00Z\","                  \
                                                                "\"gate_verdict\":\"healthy\","    \
                                                                "\"actions\":[{\"name\":\"stop\"," \
                                                                "\"available\":false,"             \
                                                                "\"reason\":\"it is "              \
                                                                "gone\"}],\"version\":9}"
#define JOB(id, name, state, reason, exit, more)                                           \
    "{\"id\":\"" id                                                                        \
    "\",\"organization_id\":\"org_1\",\"project_id\":\"prj_1\",\"created_by\":\"mem_1\","  \
    "\"name\":\"" name                                                                     \
    "\",\"instance_id\":\"ins_1\",\"command\":\"python train.py\",\"state\":\"" state      \
    "\",\"state_reason\":\"" reason "\",\"exit_code\":" #exit ",\"log_bytes\":2048,"       \
    "\"created_at\":\"2026-11-20T13:00:00Z\",\"started_at\":\"2026-11-20T13:00:05Z\"" more \
    ",\"version\":2}"
#define CAN_CANCEL ",\"actions\":[{\"name\":\"cancel\",\"available\":true}]"
#define IS_OVER                                                                               \
    ",\"ended_at\":\"2026-11-20T13:10:05Z\",\"actions\":[{\"name\":\"cancel\",\"available\":" \
    "false,"                                                                                  \
    "\"reason\":\"it has ended\"}]"
#define JOB_1 JOB("job_1", "finetune", "running", "none", -1, CAN_CANCEL)
#define EVENT(seq, at, kind, object, text)                                            \
    "{\"seq\":" #seq ",\"at\":\"2026-11-20T" at                                       \
    "Z\",\"organization_id\":\"org_1\",\"kind\":\"" kind "\",\"object_id\":\"" object \
    "\",\"request_id\":\"req_9\",\"summary\":\"" text "\"}"

void fake_api_demo(struct fake_api *f)
{
    fake_api_on(f, "GET /v1/me", 200, ME);
    fake_api_on(f, "GET /v1/credit", 200, CREDIT);
    fake_api_on(f, "GET /v1/offers", 200, OFFERS);
    fake_api_on(f, "GET /v1/instances", 200, "{\"items\":[" INSTANCE_1 "," INSTANCE_2 "]}");
    fake_api_on(f, "GET /v1/instances/ins_1", 200, INSTANCE_1);
    fake_api_on(f, "GET /v1/jobs", 200,
                "{\"items\":[" JOB_1
                "," JOB("job_2", "prepare", "succeeded", "exited", 0,
                        IS_OVER) "," JOB("job_3", "broken", "failed", "exited", 3, IS_OVER) "]}");
    fake_api_on(f, "GET /v1/jobs/job_1", 200, JOB_1);
    fake_api_on(
        f, "GET /v1/events", 200,
        "{\"items\":[" EVENT(12, "13:00:05", "job.state", "job_1", "finetune is running") "," EVENT(
            11, "12:30:00", "instance.state", "ins_1", "train-1 is running") "]}");
    fake_api_on(
        f, "GET /v1/credit/grants", 200,
        "{\"items\":[{\"id\":\"grt_1\",\"organization_id\":\"org_1\",\"kind\":\"programme\","
        "\"note\":\"Startup call 7\",\"amount\":" EUR(2000000000) ",\"available\":" EUR(
            1248540000) ",\"held\":" EUR(10960000) ",\"consumed\":" EUR(740500000) ",\"priority\":"
                                                                                   "10,\"expires_"
                                                                                   "at\":\"2027-06-"
                                                                                   "30T00:00:00Z\"}"
                                                                                   "]}");
    fake_api_on(
        f, "GET /v1/credit/holds", 200,
        "{\"items\":[{\"id\":\"hld_1\",\"organization_id\":\"org_1\",\"instance_id\":\"ins_1\","
        "\"state\":\"open\",\"amount\":" EUR(2730000) ",\"captured\":" EUR(
            0) ",\"window_from\":\"2026-11-20T13:30:00Z\"}]}");
    fake_api_on(
        f, "GET /v1/credit/entries", 200,
        "{\"items\":[{\"id\":\"ent_1\",\"transaction_id\":\"txn_1\",\"organization_id\":"
        "\"org_1\",\"kind\":\"hold\",\"account\":\"held\",\"amount\":" EUR(
            2730000) ",\"at\":\"2026-11-20T13:30:00Z\",\"detail\":\"one hour of train-1\"}]}");
    fake_api_on(f, "GET /v1/reports", 200,
                "{\"items\":[{\"id\":\"rep_1\",\"organization_id\":\"org_1\",\"origin\":\"gate\","
                "\"tier\":\"quick\",\"verdict\":\"healthy\",\"summary\":\"1 GPU, 9 checks passed\","
                "\"host\":\"node-7\",\"received_at\":\"2026-11-20T12:29:58Z\",\"gpus\":[],"
                "\"findings\":[{\"check\":\"ecc\",\"gpu_index\":0,\"result\":\"pass\"}]}]}");
    fake_api_on(
        f, "POST /v1/instances?dry_run=true", 200,
        "{\"offer_id\":\"h100-1-80g.fr-par-2\",\"accepted\":true,\"price_per_hour\":" EUR(2730000) ",\"price_per_day\":" EUR(65520000) ",\"hold\":" EUR(2910000) ",\"available_before\":" EUR(
            1248540000) ",\"available_after\":" EUR(1245630000) ",\"runway_before_at\":\"2026-11-"
                                                                "30T03:55:00Z\",\"runway_after_"
                                                                "at\":"
                                                                "\"2026-11-26T21:00:00Z\","
                                                                "\"stock\":3,\"country\":\"FR\","
                                                                "\"jurisdiction\":\"FR\","
                                                                "\"operator\":\"scaleway\","
                                                                "\"carbon_g_per_hour\":21.4,"
                                                                "\"grants\":[{\"grant_id\":"
                                                                "\"grt_1\",\"kind\":\"programme\","
                                                                "\"amount\":" EUR(
                                                                    2910000) "}],\"rounding\":"
                                                                             "\"exact by the "
                                                                             "second, to the "
                                                                             "micro-unit\"}");
    fake_api_on(f, "POST /v1/instances", 201, INSTANCE_1);
    fake_api_on(f, "POST /v1/instances/ins_1/actions", 200, INSTANCE_1);
    fake_api_on(f, "DELETE /v1/instances/ins_1", 202, INSTANCE_1);
    fake_api_on(f, "POST /v1/jobs", 201, JOB_1);
    fake_api_on(f, "POST /v1/jobs/job_1/cancel", 200, JOB_1);
}
