/* Which thread serves whom. */
#include "tests/support/t.h"

#include <pthread.h>
#include <string.h>

#include "api/http/http.h"
#include "tests/support/http_client.h"

#define THREADS 2
#define CLIENTS 8

static struct {
    pthread_mutex_t lock;
    pthread_t by[CLIENTS]; /* who ran the handler, in order */
    int count;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static enum err_code who_route(struct request *req, struct response *resp, struct err *e)
{
    UNUSED(req);
    UNUSED(e);
    pthread_mutex_lock(&seen.lock);
    if (seen.count < CLIENTS)
        seen.by[seen.count++] = pthread_self();
    pthread_mutex_unlock(&seen.lock);
    strbuf_adds(&resp->body, "{}");
    return ERR_OK;
}

static const struct route routes[] = {
    {HTTP_GET, "/who", "who", who_route, ROUTE_PUBLIC, 0, NULL, NULL, "Who serves", NULL, 0, NULL},
};

/* Client and server are one process here, so that all descriptors of the server's side are even
 * or all are odd. */
static void connections_are_shared_equally_whatever_their_descriptors_are(void **state)
{
    struct http_app app = {.routes = routes, .route_count = 1, .clock = clock_real()};
    struct http_config c = {.listen = "127.0.0.1:0", .threads = THREADS, .app = &app};
    struct raw_client *clients = calloc(CLIENTS, sizeof *clients);
    struct raw_reply reply = {0};
    struct http_server *s;
    int of_first = 0;
    struct err e;

    UNUSED(state);
    seen.count = 0;
    assert_ok(http_start(&c, &s, &e), &e);
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(raw_open(&clients[i], http_port(s)));
        assert_int_equal(raw_ask(&clients[i], &reply, "GET /who HTTP/1.1\r\nHost: t\r\n\r\n"), 200);
    }
    assert_int_equal(seen.count, CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        of_first += pthread_equal(seen.by[i], seen.by[0]) != 0;
    assert_int_equal(of_first, CLIENTS / THREADS);
    for (int i = 0; i < CLIENTS; i++)
        raw_close(&clients[i]);
    http_stop(s, 0);
    raw_reply_release(&reply);
    free(clients);
}

static void more_threads_than_there_may_be_are_refused(void **state)
{
    struct http_app app = {.routes = routes, .route_count = 1, .clock = clock_real()};
    struct http_config c = {.listen = "127.0.0.1:0", .threads = HTTP_THREADS_MAX + 1, .app = &app};
    struct http_server *s;
    struct err e;

    UNUSED(state);
    assert_err(ERR_INVALID, http_start(&c, &s, &e), &e);
    assert_contains(e.msg, "65 HTTP threads");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(connections_are_shared_equally_whatever_their_descriptors_are),
    cmocka_unit_test(more_threads_than_there_may_be_are_refused),
};

int main(void)
{
    return T_RUN("http_threads", tests);
}
