/* Event streams of the client: in pieces, cut off, refused, silent, flooding. Time is a test's
 * clock: waiting for the next connection takes none. */
#include "tests/support/t.h"

#include <unistd.h>

#include "client/client.h"
#include "core/id.h"
#include "tests/support/peer.h"

#define HEAD      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define TELLS_MAX 64

static struct peer peer;

/* What a stream told, in order: "connecting open 1|log|data waiting ended". */
struct told {
    struct client *cl;
    struct clock_test clock;
    int number;
    char text[4096];
    int states[4], events;
    size_t bytes;
    enum err_code rc;
    char message[ERR_MSG_MAX];
    int64_t waits[TELLS_MAX];
    bool quiet; /* events are counted, not kept */
    /* what to do inside */
    bool cancel_in_event, close_in_event, call_in_event;
    bool act_in_state;
    enum stream_state cancel_in_state;
    bool close_in_state;
};

static void add(struct told *t, const char *word)
{
    size_t len = strlen(t->text);

    snprintf(t->text + len, sizeof t->text - len, "%s%s", len ? " " : "", word);
}

static void on_event(void *ctx, const char *id, const char *type, const char *data, size_t len)
{
    struct told *t = ctx;
    char word[300];

    assert_int_equal(strlen(data), len);
    t->events++;
    t->bytes += len;
    if (!t->quiet) {
        snprintf(word, sizeof word, "%s|%s|%s", id, type, data);
        add(t, word);
    }
    if (t->call_in_event) {
        struct answer a;
        struct err e;

        assert_ok(client_call(t->cl, "GET", "/v1/inside", NULL, NULL, &a, &e), &e);
        assert_string_equal(a.body, "inside");
        answer_release(&a);
    }
    if (t->cancel_in_event)
        client_cancel(t->cl, t->number);
    if (t->close_in_event)
        client_close(t->cl);
}

static void on_state(void *ctx, enum stream_state st, const struct err *err, int64_t retry_in_ms)
{
    static const char *const names[] = {"connecting", "open", "waiting", "ended"};
    struct told *t = ctx;

    add(t, names[st]);
    if (st == STREAM_WAITING && t->states[st] < TELLS_MAX)
        t->waits[t->states[st]] = retry_in_ms;
    t->states[st]++;
    if (st == STREAM_WAITING || st == STREAM_ENDED) {
        t->rc = err ? err->code : ERR_OK;
        snprintf(t->message, sizeof t->message, "%s", err ? err->msg : "");
    }
    if (st == STREAM_WAITING)
        clock_test_advance(&t->clock, retry_in_ms);
    if (t->act_in_state && st == t->cancel_in_state) {
        if (t->close_in_state)
            client_close(t->cl);
        else
            client_cancel(t->cl, t->number);
    }
}

static const struct stream_ops ops = {.event = on_event, .state = on_state};

static void follow(struct told *t, const char *last_id)
{
    char url[64];
    const struct client_config c = {.url = url, .token = "hgk_x", .clock = &t->clock.base};
    struct err e;

    clock_test_init(&t->clock, 1000000);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", peer.port);
    assert_ok(client_open(&c, &t->cl, &e), &e);
    t->number = client_stream(t->cl, "/v1/events", last_id, &ops, t);
    assert_true(t->number > 0);
}

/* Until the state was told so often; returns client_poll()'s code. */
static enum err_code poll_until(struct told *t, enum stream_state st, int times)
{
    struct err e;
    enum err_code rc = ERR_OK;

    for (int i = 0; !rc && t->states[st] < times; i++) {
        if (i == 20000)
            fail_msg("only: %s", t->text);
        rc = client_poll(t->cl, NULL, 0, 10000, &e);
    }
    return rc;
}

static void poll_until_events(struct told *t, int count)
{
    struct err e;

    for (int i = 0; t->events < count; i++) {
        if (i == 20000)
            fail_msg("only: %s", t->text);
        assert_ok(client_poll(t->cl, NULL, 0, 10000, &e), &e);
    }
}

/* --- as it should be -------------------------------------------------------------------------- */

static void serve_pieces(struct peer *p)
{
    static const char events[] = ": hello\n\nid: 1\nevent: log\ndata: one\n\nid: 2\r\ndata: two\r\n"
                                 "data: more\r\n\r\n";
    int fd = peer_accept(p);

    if (!peer_request(p, fd))
        return;
    peer_send(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n");
    peer_wait(p); /* the head alone opens it */
    for (size_t i = 0; i < sizeof events - 1; i++) {
        char piece[8];

        peer_send(fd, "1\r\n");
        piece[0] = events[i];
        peer_send_bytes(fd, piece, 1);
        peer_send(fd, "\r\n");
    }
    peer_gone(fd);
    close(fd);
}

static void events_come_whole_whatever_the_pieces(void **state)
{
    struct told t = {0};

    (void)state;
    peer_start(&peer, serve_pieces, NULL);
    follow(&t, NULL);
    poll_until(&t, STREAM_OPEN, 1);
    assert_int_equal(t.events, 0);
    sem_post(&peer.go);
    poll_until_events(&t, 2);
    assert_string_equal(t.text, "connecting open 1|log|one 2|message|two\nmore");
    client_close(t.cl);
    peer_stop(&peer);
    assert_contains(peer.requests[0], "\r\nAccept: text/event-stream\r\n");
    assert_contains(peer.requests[0], "\r\nAuthorization: Bearer hgk_x\r\n");
    assert_null(strstr(peer.requests[0], "Last-Event-ID"));
}

static void serve_end(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_send(fd, HEAD "id: 5\nevent: end\ndata: {\"offset\":5}\n\n");
    close(fd);
}

static void the_servers_end_is_the_end(void **state)
{
    struct told t = {0};
    struct err e;

    (void)state;
    peer_start(&peer, serve_end, NULL);
    follow(&t, "3");
    poll_until(&t, STREAM_ENDED, 1);
    assert_string_equal(t.text, "connecting open 5|end|{\"offset\":5} ended");
    assert_int_equal(t.rc, ERR_OK);
    assert_ok(client_poll(t.cl, NULL, 0, 0, &e), &e);
    client_cancel(t.cl, t.number);
    client_close(t.cl);
    peer_stop(&peer);
    assert_contains(peer.requests[0], "\r\nLast-Event-ID: 3\r\n");
}

/* --- broken connections ----------------------------------------------------------------------- */

static void serve_cut(struct peer *p)
{
    static const char *const parts[] = {HEAD "id: 7\ndata: a\n\nid: 8\ndata: b\n\nid: 9\ndata: ha",
                                        HEAD "id: 9\ndata: whole\n\nevent: end\n\n"};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        int fd = peer_accept(p);

        if (peer_request(p, fd))
            peer_send(fd, parts[i]);
        close(fd);
    }
}

static void a_cut_stream_goes_on_where_it_was(void **state)
{
    struct told t = {0};

    (void)state;
    peer_start(&peer, serve_cut, NULL);
    follow(&t, NULL);
    poll_until(&t, STREAM_ENDED, 1);
    assert_string_equal(t.text, "connecting open 7|message|a 8|message|b waiting connecting open "
                                "9|message|whole ended");
    client_close(t.cl);
    peer_stop(&peer);
    assert_contains(peer.requests[1], "\r\nLast-Event-ID: 8\r\n");
}

static void serve_hang_ups(struct peer *p)
{
    for (int i = 0; i < 12; i++) {
        int fd = peer_accept(p);

        /* Some take the request, some answer and fall silent: no success either way. */
        if (peer_request(p, fd) && i % 2)
            peer_send(fd, HEAD);
        close(fd);
    }
}

static void waits_grow_with_jitter_up_to_a_limit(void **state)
{
    struct told t = {0};
    int64_t least = 125;

    (void)state;
    peer_start(&peer, serve_hang_ups, NULL);
    follow(&t, NULL);
    poll_until(&t, STREAM_WAITING, 12);
    for (int i = 0; i < 12; i++) {
        assert_in_range(t.waits[i], least, 2 * least);
        least = 2 * least > 15000 ? 15000 : 2 * least;
    }
    assert_int_equal(t.events, 0);
    client_close(t.cl);
    peer_stop(&peer);
}

static void serve_event_each(struct peer *p)
{
    for (int i = 0; i < 6; i++) {
        int fd = peer_accept(p);

        if (peer_request(p, fd))
            peer_send(fd, HEAD "data: x\n\n");
        close(fd);
    }
}

static void an_event_makes_the_next_wait_short_again(void **state)
{
    struct told t = {0};

    (void)state;
    peer_start(&peer, serve_event_each, NULL);
    follow(&t, NULL);
    poll_until(&t, STREAM_WAITING, 6);
    for (int i = 0; i < 6; i++)
        assert_in_range(t.waits[i], 125, 250);
    client_close(t.cl);
    peer_stop(&peer);
}

static void nobody_there_is_waited_for(void **state)
{
    struct told t = {0};

    (void)state;
    peer_start(&peer, serve_end, NULL);
    follow(&t, NULL);
    poll_until(&t, STREAM_ENDED, 1);
    client_close(t.cl);
    peer_stop(&peer);
    memset(&t, 0, sizeof t);
    follow(&t, NULL);
    poll_until(&t, STREAM_WAITING, 3);
    assert_int_equal(t.rc, ERR_UNREACHABLE);
    assert_contains(t.message, "cannot be reached");
    client_close(t.cl);
}

/* --- answers that are no stream --------------------------------------------------------------- */

static void serve_ctx(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_send(fd, p->ctx);
    close(fd);
}

static void told_for(const char *answer, struct told *t, enum stream_state until)
{
    memset(t, 0, sizeof *t);
    peer_start(&peer, serve_ctx, (void *)(uintptr_t)answer);
    follow(t, NULL);
    poll_until(t, until, 1);
    client_close(t->cl);
    peer_stop(&peer);
}

static void a_refusal_ends_it(void **state)
{
    static const struct {
        const char *answer;
        enum err_code want;
    } rows[] = {
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ERR_NOT_FOUND},
        {"HTTP/1.1 401 Who\r\nContent-Length: 0\r\n\r\n", ERR_UNAUTHENTICATED},
        {"HTTP/1.1 410 Gone\r\nContent-Length: 30\r\n\r\n{\"code\":\"gone\",\"detail\":\"old\"} ",
         ERR_GONE},
        {"HTTP/1.1 204 No Content\r\n\r\n", ERR_OK},
    };
    struct told t;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        told_for(rows[i].answer, &t, STREAM_ENDED);
        assert_string_equal(t.text, "connecting ended");
        assert_int_equal(t.rc, rows[i].want);
    }
}

static void later_is_no_refusal(void **state)
{
    static const struct {
        const char *answer;
        enum err_code want;
        int64_t least_ms;
    } rows[] = {
        {"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", ERR_BUSY, 5000},
        {"HTTP/1.1 429 Slow\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", ERR_RATE, 60000},
        {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", ERR_INTERNAL, 125},
        {"HTTP/1.1 302 There\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", ERR_UNREACHABLE, 125},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 10\r\n\r\ndata: x\n\n ",
         ERR_UNREACHABLE, 125},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ERR_UNREACHABLE, 125},
        {HEAD "retry: 4000\n\n", ERR_OK, 4000},
        {HEAD "retry: 99999999\n\n", ERR_OK, 30000},
    };
    struct told t;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        told_for(rows[i].answer, &t, STREAM_WAITING);
        assert_int_equal(t.events, 0);
        assert_int_equal(t.rc, rows[i].want);
        assert_in_range(t.waits[0], rows[i].least_ms,
                        rows[i].least_ms == 125 ? 250 : rows[i].least_ms);
    }
}

/* --- silence and flood ------------------------------------------------------------------------ */

static void serve_silence(struct peer *p)
{
    int fd = peer_accept(p);

    if (peer_request(p, fd))
        peer_send(fd, HEAD);
    peer_wait(p);
    peer_send(fd, ": keep-alive\n\n");
    peer_gone(fd);
    close(fd);
}

static void silence_for_three_heartbeats_is_a_broken_connection(void **state)
{
    struct told t = {0};
    struct err e;

    (void)state;
    peer_start(&peer, serve_silence, NULL);
    follow(&t, NULL);
    poll_until(&t, STREAM_OPEN, 1);
    clock_test_advance(&t.clock, 44000);
    assert_ok(client_poll(t.cl, NULL, 0, 0, &e), &e);
    assert_int_equal(t.states[STREAM_WAITING], 0);
    sem_post(&peer.go); /* a heartbeat, and the count begins again */
    assert_ok(client_poll(t.cl, NULL, 0, 10000, &e), &e);
    clock_test_advance(&t.clock, 44000);
    assert_ok(client_poll(t.cl, NULL, 0, 0, &e), &e);
    assert_int_equal(t.states[STREAM_WAITING], 0);
    clock_test_advance(&t.clock, 1000);
    poll_until(&t, STREAM_WAITING, 1);
    assert_int_equal(t.rc, ERR_TIMEOUT);
    assert_contains(t.message, "silent for 45 seconds");
    t.text[0] = '\0';
    client_close(t.cl);
    assert_string_equal(t.text, ""); /* closing tells nobody */
    peer_stop(&peer);
}

#define FLOOD_EVENTS 4000

static void serve_flood(struct peer *p)
{
    static char event[4096];
    int fd = peer_accept(p);

    memset(event, 'x', sizeof event);
    memcpy(event, "data: ", 6);
    memcpy(event + sizeof event - 2, "\n\n", 2);
    if (peer_request(p, fd)) {
        peer_send(fd, HEAD);
        for (int i = 0; i < FLOOD_EVENTS; i++)
            peer_send_bytes(fd, event, sizeof event);
        peer_send(fd, "event: end\n\n");
    }
    close(fd);
}

static void a_flood_arrives_whole(void **state)
{
    struct told t = {.quiet = true};

    (void)state;
    peer_start(&peer, serve_flood, NULL);
    follow(&t, NULL);
    poll_until(&t, STREAM_ENDED, 1);
    assert_int_equal(t.events, FLOOD_EVENTS);
    assert_int_equal(t.bytes, (size_t)FLOOD_EVENTS * (4096 - 8));
    assert_string_equal(t.text, "connecting open ended");
    client_close(t.cl);
    peer_stop(&peer);
}

/* --- callbacks -------------------------------------------------------------------------------- */

static void serve_many(struct peer *p)
{
    int fd = peer_accept(p), other;

    if (peer_request(p, fd))
        peer_send(fd, HEAD "data: 1\n\ndata: 2\n\ndata: 3\n\n");
    if (p->ctx) {
        other = peer_accept(p);
        for (int i = 0; i < 3 && peer_request(p, other); i++)
            peer_answer(other, "200 OK", "", "inside");
        close(other);
    }
    peer_gone(fd);
    close(fd);
}

static void an_event_may_cancel_its_stream(void **state)
{
    struct told t = {.cancel_in_event = true};
    struct err e;

    (void)state;
    peer_start(&peer, serve_many, NULL);
    follow(&t, NULL);
    poll_until_events(&t, 1);
    assert_ok(client_poll(t.cl, NULL, 0, 0, &e), &e);
    assert_string_equal(t.text, "connecting open |message|1");
    peer_stop(&peer); /* it saw the connection close, though the client lives */
    client_close(t.cl);
}

static void an_event_may_close_the_client(void **state)
{
    struct told t = {.close_in_event = true};

    (void)state;
    peer_start(&peer, serve_many, NULL);
    follow(&t, NULL);
    assert_int_equal(poll_until(&t, STREAM_WAITING, 1), ERR_GONE);
    assert_string_equal(t.text, "connecting open |message|1");
    peer_stop(&peer);
}

static void an_event_may_call_and_the_next_ones_follow_in_order(void **state)
{
    struct told t = {.call_in_event = true};

    (void)state;
    peer_start(&peer, serve_many, &t);
    follow(&t, NULL);
    poll_until_events(&t, 3);
    assert_string_equal(t.text, "connecting open |message|1 |message|2 |message|3");
    client_close(t.cl);
    peer_stop(&peer);
    assert_int_equal(peer.request_count, 4);
}

static void serve_open_then_close(struct peer *p)
{
    int fd = peer_accept(p);

    if (fd >= 0 && peer_request(p, fd))
        peer_send(fd, HEAD "data: 1\n\n");
    close(fd);
}

static void every_state_may_cancel_or_close(void **state)
{
    static const enum stream_state states[] = {STREAM_CONNECTING, STREAM_OPEN, STREAM_WAITING};

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(states); i++) {
        struct told t = {
            .act_in_state = true, .cancel_in_state = states[i / 2], .close_in_state = i % 2};
        enum err_code rc;
        struct err e;

        peer_start(&peer, serve_open_then_close, NULL);
        follow(&t, NULL);
        rc = poll_until(&t, states[i / 2], 1);
        assert_int_equal(rc, i % 2 ? ERR_GONE : ERR_OK);
        if (!rc) {
            size_t len = strlen(t.text);

            assert_ok(client_poll(t.cl, NULL, 0, 0, &e), &e);
            assert_int_equal(strlen(t.text), len); /* not a word more */
            client_close(t.cl);
        }
        if (states[i / 2] == STREAM_CONNECTING) { /* nobody came: let the server go */
            struct told visit = {0};

            follow(&visit, NULL);
            assert_int_equal(poll_until(&visit, STREAM_OPEN, 1), ERR_OK);
            client_close(visit.cl);
        }
        peer_stop(&peer);
    }
}

static void a_stream_that_cannot_be_asked_for_ends(void **state)
{
    const struct client_config c = {.url = "http://127.0.0.1:1"};
    struct told t = {0};
    struct err e;

    (void)state;
    assert_ok(client_open(&c, &t.cl, &e), &e);
    t.number = client_stream(t.cl, "/v1/bad path", NULL, &ops, &t);
    poll_until(&t, STREAM_ENDED, 1);
    assert_int_equal(t.rc, ERR_INVALID);
    t.number = client_stream(t.cl, "/v1/x", "1\r\nX: y", &ops, &t);
    poll_until(&t, STREAM_ENDED, 2);
    assert_int_equal(t.rc, ERR_INVALID);
    client_close(t.cl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_whole_whatever_the_pieces),
        cmocka_unit_test(the_servers_end_is_the_end),
        cmocka_unit_test(a_cut_stream_goes_on_where_it_was),
        cmocka_unit_test(waits_grow_with_jitter_up_to_a_limit),
        cmocka_unit_test(an_event_makes_the_next_wait_short_again),
        cmocka_unit_test(nobody_there_is_waited_for),
        cmocka_unit_test(a_refusal_ends_it),
        cmocka_unit_test(later_is_no_refusal),
        cmocka_unit_test(silence_for_three_heartbeats_is_a_broken_connection),
        cmocka_unit_test(a_flood_arrives_whole),
        cmocka_unit_test(an_event_may_cancel_its_stream),
        cmocka_unit_test(an_event_may_close_the_client),
        cmocka_unit_test(an_event_may_call_and_the_next_ones_follow_in_order),
        cmocka_unit_test(every_state_may_cancel_or_close),
        cmocka_unit_test(a_stream_that_cannot_be_asked_for_ends),
    };

    return T_RUN("client stream", tests);
}
