/* Many at once: writers, readers, followers and changes of identity. What followers see is
 * everything, once, in order. Its main use is under the thread sanitizer. */
#include "tests/support/t.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "core/id.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

#define WRITERS       4
#define READERS       2
#define FOLLOWERS     3
#define WRITES_EACH   30
#define WRITES        (WRITERS * WRITES_EACH)
#define FAILURE_BYTES 256

struct hand {
    struct fx_daemon *d;
    int number;
    bool *stop;
    int done;
    char failure[FAILURE_BYTES]; /* the first thing that went wrong, or "" */
};

static json_t *call(struct hand *h, struct client *cl, const char *method, const char *path,
                    const char *body)
{
    char key[ID_MAX];
    struct err e;
    json_t *v;

    id_new(ID_REQUEST, clock_real(), key);
    v = fx_ask_with(cl, method, path, body, strcmp(method, "POST") == 0 ? key : NULL, &e);
    if (!v && !h->failure[0])
        snprintf(h->failure, sizeof h->failure, "%s %s: %.150s", method, path, e.msg);
    return v;
}

static struct client *client_of(struct hand *h)
{
    struct client_config c = {.url = h->d->url, .token = h->d->token};
    struct client *cl = NULL;
    struct err e;

    if (client_open(&c, &cl, &e))
        snprintf(h->failure, sizeof h->failure, "%.200s", e.msg);
    return cl;
}

static void *writer_main(void *arg)
{
    struct hand *h = arg;
    struct client *cl = client_of(h);

    for (int i = 0; i < WRITES_EACH && !h->failure[0]; i++) {
        char body[64];

        snprintf(body, sizeof body, "{\"name\":\"w-%d-%d\"}", h->number, i);
        json_decref(call(h, cl, "POST", "/v1/projects", body));
        h->done++;
    }
    client_close(cl);
    return NULL;
}

static void *reader_main(void *arg)
{
    static const char *const paths[] = {"/v1/offers", "/v1/projects?limit=200", "/v1/credit",
                                        "/v1/events", "/v1/me"};
    struct hand *h = arg;
    struct client *cl = client_of(h);

    while (!__atomic_load_n(h->stop, __ATOMIC_RELAXED) && !h->failure[0]) {
        json_decref(call(h, cl, "GET", paths[h->done % (int)ARRAY_SIZE(paths)], NULL));
        h->done++;
    }
    client_close(cl);
    return NULL;
}

/* Keys come and go: each time everybody is looked up again. */
static void *changer_main(void *arg)
{
    struct hand *h = arg;
    struct client *cl = client_of(h);

    while (!__atomic_load_n(h->stop, __ATOMIC_RELAXED) && !h->failure[0]) {
        json_t *key = call(h, cl, "POST", "/v1/keys", "{\"name\":\"k\"}");
        char path[128];

        snprintf(path, sizeof path, "/v1/keys/%s", key ? fx_text(key, "id") : "");
        json_decref(key);
        json_decref(call(h, cl, "DELETE", path, NULL));
        h->done++;
    }
    client_close(cl);
    return NULL;
}

/* Count what is whole in `seen`, check that the numbers grow, and drop it. */
static bool events_count(struct hand *h, struct strbuf *seen, long long *last)
{
    char *from = seen->data, *end;

    while (seen->len && (end = strstr(from, "\n\n"))) {
        const char *id = strstr(from, "id: ");

        *end = '\0';
        if (id && strstr(from, "event: project.created") && strstr(from, "w-")) {
            long long seq = strtoll(id + 4, NULL, 10);

            if (seq <= *last)
                snprintf(h->failure, sizeof h->failure, "event %lld after %lld", seq, *last);
            *last = seq;
            h->done++;
        }
        from = end + 2;
    }
    if (from > seen->data) {
        memmove(seen->data, from, strlen(from) + 1);
        seen->len = strlen(seen->data);
    }
    return h->done < WRITES && !h->failure[0];
}

static void *follower_main(void *arg)
{
    struct hand *h = arg;
    struct raw_client *c = calloc(1, sizeof *c);
    struct raw_reply *r = calloc(1, sizeof *r);
    long long last = 0;
    STRBUF seen;

    strbuf_init(&seen, 1024 * 1024);
    if (!raw_open_unix(c, h->d->socket) ||
        !raw_sendf(c,
                   "GET /v1/events?after=0 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n"
                   "Authorization: Bearer %s\r\n\r\n",
                   h->d->token) ||
        raw_head_read(c, r) != 200)
        snprintf(h->failure, sizeof h->failure, "cannot follow: %d", r->status);
    while (events_count(h, &seen, &last))
        if (!raw_follow(c, r, &seen, "\n\n", RAW_WAIT_MS))
            snprintf(h->failure, sizeof h->failure, "no event came after the %dth", h->done);
    raw_close(c);
    raw_reply_release(r);
    free(r);
    free(c);
    return NULL;
}

struct crowd {
    struct hand hands[WRITERS + READERS + FOLLOWERS + 1];
    pthread_t threads[WRITERS + READERS + FOLLOWERS + 1];
    size_t count;
    bool stop;
};

static void begin(struct crowd *w, struct fx_daemon *d, void *(*fn)(void *), int how_many)
{
    for (int i = 0; i < how_many; i++) {
        struct hand *h = &w->hands[w->count];

        *h = (struct hand){.d = d, .number = i, .stop = &w->stop};
        assert_int_equal(pthread_create(&w->threads[w->count++], NULL, fn, h), 0);
    }
}

static void join(struct crowd *w, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        pthread_join(w->threads[i], NULL);
    for (size_t i = from; i < to; i++)
        if (w->hands[i].failure[0])
            fail_msg("%s", w->hands[i].failure);
}

static void followers_see_every_event_once_and_in_order(void **state)
{
    struct fx_daemon d = {.engine = "none"};
    struct crowd w = {.count = 0};

    (void)state;
    fx_daemon_init(&d);
    fx_daemon_start(&d);
    begin(&w, &d, follower_main, FOLLOWERS);
    begin(&w, &d, writer_main, WRITERS);
    begin(&w, &d, reader_main, READERS);
    begin(&w, &d, changer_main, 1);
    join(&w, 0, FOLLOWERS + WRITERS);
    __atomic_store_n(&w.stop, true, __ATOMIC_RELAXED);
    join(&w, FOLLOWERS + WRITERS, w.count);
    for (size_t i = 0; i < FOLLOWERS + WRITERS; i++)
        assert_int_equal(w.hands[i].done, i < FOLLOWERS ? WRITES : WRITES_EACH);
    fx_daemon_stop(&d);
    assert_int_equal(fx_daemon_check(&d), 0);
}

/* The end of the server in the middle of it. */
static void it_ends_cleanly_in_the_middle_of_everything(void **state)
{
    struct fx_daemon d = {.engine = "none"};
    struct crowd w = {.count = 0};

    (void)state;
    fx_daemon_init(&d);
    fx_daemon_start(&d);
    begin(&w, &d, reader_main, READERS);
    begin(&w, &d, changer_main, 1);
    begin(&w, &d, follower_main, FOLLOWERS);
    for (int i = 0; i < 20; i++)
        json_decref(fx_must(&d, "POST", "/v1/projects", "{\"name\":\"p\"}"));
    fx_daemon_stop(&d);
    for (size_t i = 0; i < w.count; i++)
        pthread_join(w.threads[i], NULL); /* that each of them failed is right */
    fx_daemon_start(&d);
    fx_daemon_stop(&d);
    assert_int_equal(fx_daemon_check(&d), 0);
}

/* As started from a shell with its usual limits, here of 256 descriptors. */
static void idle_connections_leave_descriptors_for_the_work(void **state)
{
    enum { IDLE = 400 };
    struct fx_daemon d = {.engine = "none"};
    struct raw_client *idle = calloc(IDLE, sizeof *idle);
    struct raw_client c = {.fd = -1};
    struct raw_reply r = {0};
    struct rlimit was, low;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    if (was.rlim_max < 2 * IDLE)
        skip();
    low = was;
    low.rlim_cur = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    fx_daemon_init(&d);
    fx_daemon_start(&d);
    low.rlim_cur = 2 * IDLE;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    for (int i = 0; i < IDLE; i++)
        assert_true(raw_open_unix(&idle[i], d.socket));
    assert_true(raw_open_unix(&c, d.socket));
    raw_sendf(&c, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    raw_read(&c, &r, false);
    assert_int_equal(r.status, 200);
    raw_close(&c);
    raw_reply_release(&r);
    for (int i = 0; i < IDLE; i++)
        raw_close(&idle[i]);
    free(idle);
    fx_daemon_stop(&d);
    setrlimit(RLIMIT_NOFILE, &was);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(followers_see_every_event_once_and_in_order),
        cmocka_unit_test(it_ends_cleanly_in_the_middle_of_everything),
        cmocka_unit_test(idle_connections_leave_descriptors_for_the_work),
    };

    return T_RUN("api_load", tests);
}
