/* HTTP itself over the real API: HEAD, tags, links, repetitions, arguments that nobody knows. */
#include "tests/support/t.h"

#include <poll.h>
#include <signal.h>

#include "api/resource/resource.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

struct fixture {
    struct fx_daemon d;
    struct raw_client c;
    struct raw_reply r;
    int keys;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    fx->d.staff = true;
    fx_daemon_init(&fx->d);
    fx_daemon_start(&fx->d);
    fx->c.fd = -1;
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    raw_close(&fx->c);
    raw_reply_release(&fx->r);
    fx_daemon_clear(&fx->d);
    free(fx);
    return 0;
}

/* Headers end in CRLF each; "" for none. Returns the status. */
static int ask(struct fixture *fx, const char *method, const char *path, const char *headers,
               const char *body)
{
    raw_close(&fx->c);
    assert_true(raw_open_unix(&fx->c, fx->d.socket));
    assert_true(raw_sendf(&fx->c, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s",
                          method, path, fx->d.token, headers));
    if (body)
        assert_true(raw_sendf(&fx->c,
                              "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                              strlen(body), body));
    else
        assert_true(raw_sendf(&fx->c, "\r\n"));
    return raw_read(&fx->c, &fx->r, strcmp(method, "HEAD") == 0);
}

static int post(struct fixture *fx, const char *path, const char *key, const char *body)
{
    char headers[128];

    snprintf(headers, sizeof headers, "Idempotency-Key: %s\r\n", key);
    return ask(fx, "POST", path, headers, body);
}

/* "id" of the last answer, and the whole of it. Caller owns. */
static json_t *answered(struct fixture *fx)
{
    json_t *tree = NULL;
    struct err e;

    assert_ok(json_parse(fx->r.body.data, fx->r.body.len, &tree, &e), &e);
    return tree;
}

static void header_keep(const struct fixture *fx, const char *name, char *out, size_t size)
{
    const char *value = raw_header(&fx->r, name);

    text_copy(out, size, value ? value : "(none)");
}

static void head_has_the_headers_of_get_and_no_body(void **state)
{
    struct fixture *fx = *state;
    static const char *const paths[] = {"/livez", "/v1/me", "/v1/offers", "/v1/zones",
                                        "/openapi.json"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        char length[32], type[64];

        assert_int_equal(ask(fx, "GET", paths[i], "", NULL), 200);
        header_keep(fx, "Content-Length", length, sizeof length);
        header_keep(fx, "Content-Type", type, sizeof type);
        assert_int_equal(ask(fx, "HEAD", paths[i], "", NULL), 200);
        assert_string_equal(raw_header(&fx->r, "Content-Type"), type);
        if (strcmp(paths[i], "/v1/me") !=
            0) /* which tells the time, in as many digits as it needs */
            assert_string_equal(raw_header(&fx->r, "Content-Length"), length);
        assert_true(raw_closes(&fx->c, 200) || fx->c.len == 0);
    }
    assert_int_equal(ask(fx, "HEAD", "/v1/instances/ins_none", "", NULL), 404);
}

/* --- tags ------------------------------------------------------------------------------------- */

static void offers_that_have_not_changed_are_304(void **state)
{
    struct fixture *fx = *state;
    char etag[80], headers[128], id[ID_MAX];

    assert_int_equal(ask(fx, "GET", "/v1/offers", "", NULL), 200);
    header_keep(fx, "ETag", etag, sizeof etag);
    snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", etag);
    assert_int_equal(ask(fx, "GET", "/v1/offers", headers, NULL), 304);
    assert_string_equal(raw_header(&fx->r, "ETag"), etag);
    fx_daemon_launch(&fx->d, "local-gpu-1.local", id); /* there is one less of it now */
    assert_int_equal(ask(fx, "GET", "/v1/offers", headers, NULL), 200);
    assert_string_not_equal(raw_header(&fx->r, "ETag"), etag);
    fx_daemon_delete(&fx->d, id);
    for (int waited = 0; ask(fx, "GET", "/v1/offers", headers, NULL) != 304; waited += 50) {
        if (waited > FX_DAEMON_WAIT_MS)
            fail_msg("the stock does not come back");
        poll(NULL, 0, 50);
    }
}

static void a_change_of_another_version_is_412_and_changes_nothing(void **state)
{
    struct fixture *fx = *state;
    char id[ID_MAX], path[128], etag[80], headers[128];

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    snprintf(path, sizeof path, "/v1/instances/%s", id);
    assert_int_equal(ask(fx, "GET", path, "", NULL), 200);
    header_keep(fx, "ETag", etag, sizeof etag);
    snprintf(headers, sizeof headers, "If-Match: %s\r\n", etag);
    assert_int_equal(ask(fx, "PATCH", path, headers, "{\"name\":\"renamed\"}"), 200);
    assert_int_equal(ask(fx, "PATCH", path, headers, "{\"name\":\"again\"}"), 412);
    assert_int_equal(ask(fx, "DELETE", path, headers, NULL), 412);
    assert_int_equal(ask(fx, "DELETE", path, "If-Match: \"abc\"\r\n", NULL), 412);
    assert_int_equal(ask(fx, "DELETE", path, "If-Match: W/\"1\"\r\n", NULL), 412);
    json_decref(fx_await_state(&fx->d, path, "running"));
    assert_int_equal(ask(fx, "DELETE", path, "If-Match: *\r\n", NULL), 202);
    json_decref(fx_await_state(&fx->d, path, "terminated"));
}

static void deleting_is_held_against_the_tag_as_well(void **state)
{
    struct fixture *fx = *state;
    json_t *m = fx_must(&fx->d, "POST", "/v1/members",
                        "{\"name\":\"v\",\"email\":\"v@example.org\",\"role\":\"viewer\"}");
    json_t *k = fx_must(&fx->d, "POST", "/v1/keys", "{\"name\":\"k\"}");
    char path[128];

    snprintf(path, sizeof path, "/v1/members/%s", fx_text(m, "id"));
    assert_int_equal(ask(fx, "DELETE", path, "If-Match: \"77\"\r\n", NULL), 412);
    assert_int_equal(ask(fx, "DELETE", path, "If-Match: \"1\"\r\n", NULL), 204);
    snprintf(path, sizeof path, "/v1/keys/%s", fx_text(k, "id"));
    assert_int_equal(ask(fx, "DELETE", path, "If-Match: \"1\"\r\n", NULL), 412);
    assert_int_equal(ask(fx, "DELETE", path, "", NULL), 200);
    json_decref(k);
    json_decref(m);
}

/* --- repetitions ------------------------------------------------------------------------------ */

static void a_repetition_gets_the_same_answer_with_its_headers(void **state)
{
    struct fixture *fx = *state;
    static const char body[] = "{\"offer_id\":\"local-cpu-2.local\"}";
    char location[160], etag[80];
    STRBUF first;

    assert_int_equal(post(fx, "/v1/instances", "k1", body), 201);
    header_keep(fx, "Location", location, sizeof location);
    header_keep(fx, "ETag", etag, sizeof etag);
    assert_null(raw_header(&fx->r, "Idempotency-Replayed"));
    strbuf_init(&first, 65536);
    strbuf_adds(&first, fx->r.body.data);
    assert_int_equal(post(fx, "/v1/instances", "k1", body), 201);
    assert_string_equal(fx->r.body.data, first.data);
    assert_string_equal(raw_header(&fx->r, "Location"), location);
    assert_string_equal(raw_header(&fx->r, "ETag"), etag);
    assert_string_equal(raw_header(&fx->r, "Idempotency-Replayed"), "true");
    assert_int_equal(ask(fx, "GET", location, "", NULL), 200);
}

static void a_key_belongs_to_one_request(void **state)
{
    struct fixture *fx = *state;

    assert_int_equal(post(fx, "/v1/projects", "k2", "{\"name\":\"p\"}"), 201);
    assert_int_equal(post(fx, "/v1/projects", "k2", "{\"name\":\"q\"}"), 422);
    assert_contains(fx->r.body.data, "idempotency-key-reused");
    /* Of another route it is another key. */
    assert_int_equal(post(fx, "/v1/keys", "k2", "{\"name\":\"p\"}"), 201);
    /* A refusal is not kept: the next try may succeed. */
    assert_int_equal(post(fx, "/v1/projects", "k3", "{\"name\":\"\"}"), 422);
    assert_int_equal(post(fx, "/v1/projects", "k3", "{\"name\":\"r\"}"), 201);
    /* Nor does a dry run use it up. */
    assert_int_equal(
        post(fx, "/v1/instances?dry_run=true", "k4", "{\"offer_id\":\"local-cpu-2.local\"}"), 200);
    assert_int_equal(post(fx, "/v1/instances", "k4", "{\"offer_id\":\"local-cpu-2.local\"}"), 201);
}

static int64_t events_about(struct fixture *fx, const char *id)
{
    char path[160];
    json_t *list;
    int64_t n;

    snprintf(path, sizeof path, "/v1/events?limit=200&instance_id=%s", id);
    list = fx_must(&fx->d, "GET", path, NULL);
    n = (int64_t)json_array_size(json_object_get(list, "items"));
    json_decref(list);
    return n;
}

static void deleting_and_acting_twice_does_no_more_than_once(void **state)
{
    struct fixture *fx = *state;
    char id[ID_MAX], path[128], actions[160];
    int64_t events;

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    snprintf(path, sizeof path, "/v1/instances/%s", id);
    snprintf(actions, sizeof actions, "%s/actions", path);
    assert_int_equal(ask(fx, "POST", actions, "", "{\"action\":\"stop\"}"), 202);
    assert_int_equal(ask(fx, "POST", actions, "", "{\"action\":\"stop\"}"), 409);
    json_decref(fx_await_state(&fx->d, path, "stopped"));
    assert_int_equal(ask(fx, "POST", actions, "", "{\"action\":\"stop\"}"), 409);
    assert_int_equal(ask(fx, "DELETE", path, "", NULL), 202);
    assert_int_equal(ask(fx, "DELETE", path, "", NULL), 409);
    json_decref(fx_await_state(&fx->d, path, "terminated"));
    events = events_about(fx, id);
    assert_int_equal(ask(fx, "DELETE", path, "", NULL), 409);
    assert_int_equal(ask(fx, "POST", actions, "", "{\"action\":\"start\"}"), 409);
    assert_int_equal(events_about(fx, id), events);
}

/* --- lists ------------------------------------------------------------------------------------ */

static void the_link_stays_in_the_list_that_was_asked_for(void **state)
{
    struct fixture *fx = *state;
    char link[600];
    int seen = 0;

    for (int i = 0; i < 3; i++) {
        json_decref(fx_must(&fx->d, "POST", "/v1/projects", "{\"name\":\"50% & more\"}"));
        json_decref(fx_must(&fx->d, "POST", "/v1/projects", "{\"name\":\"other\"}"));
    }
    text_copy(link, sizeof link, "/v1/projects?limit=1&text=%25%20%26");
    while (link[0]) {
        const char *next;
        json_t *list;

        assert_int_equal(ask(fx, "GET", link, "", NULL), 200);
        list = answered(fx);
        assert_string_equal(fx_text(json_array_get(json_object_get(list, "items"), 0), "name"),
                            "50% & more");
        json_decref(list);
        seen++;
        next = raw_header(&fx->r, "Link");
        link[0] = '\0';
        if (next) {
            assert_contains(next, "rel=\"next\"");
            snprintf(link, sizeof link, "%.*s", (int)strcspn(next + 1, ">"), next + 1);
        }
    }
    assert_int_equal(seen, 3);
}

/* A path with something in each {…}. */
static void path_of(const struct route *r, char out[256])
{
    size_t n = 0;

    for (const char *p = r->pattern; *p && n < 200; p++) {
        if (*p == '{') {
            memcpy(out + n, "x", 1);
            n++;
            p = strchr(p, '}');
        } else {
            out[n++] = *p;
        }
    }
    snprintf(out + n, 256 - n, "?colour=red");
}

static void no_route_ignores_an_argument_that_it_does_not_know(void **state)
{
    struct fixture *fx = *state;

    for (size_t i = 0; i < api_routes_count; i++) {
        const struct route *r = &api_routes[i];
        const char *headers = r->flags & ROUTE_TUNNEL
                                  ? "Connection: Upgrade\r\nUpgrade: hourglass-tunnel\r\n"
                                  : "Idempotency-Key: k\r\n";
        char path[256];
        int status;

        path_of(r, path);
        status = ask(fx, http_method_names[r->method], path, headers, r->in ? "{}" : NULL);
        if (status != 422 || !strstr(fx->r.body.data, "?colour"))
            fail_msg("%s %s: %d %s", http_method_names[r->method], path, status, fx->r.body.data);
    }
}

static void a_filter_that_a_list_has_not_is_refused(void **state)
{
    struct fixture *fx = *state;
    static const char *const paths[] = {"/v1/members?zone=local",
                                        "/v1/projects?state=running",
                                        "/v1/credit/entries?project_id=x",
                                        "/v1/offers?limit=5",
                                        "/v1/zones?limit=5",
                                        "/v1/me?x=1",
                                        "/v1/credit?limit=1",
                                        "/v1/instances?limit=5&limit=6"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (ask(fx, "GET", paths[i], "", NULL) != 422)
            fail_msg("%s: %d", paths[i], fx->r.status);
}

static void filters_filter(void **state)
{
    struct fixture *fx = *state;
    char id[ID_MAX];
    static const struct {
        const char *path;
        size_t count;
    } row[] = {
        {"/v1/instances?state=running", 1},
        {"/v1/instances?state=stopped", 0},
        {"/v1/instances?zone=local", 1},
        {"/v1/instances?zone=fr-par-1", 0},
        {"/v1/instances?gpu_model=h100", 0},
        {"/v1/instances?from=2001-01-01T00:00:00Z&to=2002-01-01T00:00:00Z", 0},
        {"/v1/instances?from=2001-01-01T00:00:00Z", 1},
        {"/v1/credit/holds?state=open", 1},
        {"/v1/credit/holds?state=open&instance_id=ins_other", 0},
    };

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        json_t *list = fx_must(&fx->d, "GET", row[i].path, NULL);

        if (json_array_size(json_object_get(list, "items")) != row[i].count)
            fail_msg("%s has %zu items", row[i].path,
                     json_array_size(json_object_get(list, "items")));
        json_decref(list);
    }
    assert_int_equal(ask(fx, "GET", "/v1/instances?from=yesterday", "", NULL), 422);
    fx_daemon_delete(&fx->d, id);
}

static void the_use_of_a_key_is_remembered(void **state)
{
    struct fixture *fx = *state;

    for (int waited = 0;; waited += 20) {
        json_t *list = fx_must(&fx->d, "GET", "/v1/keys", NULL);
        bool used = fx_text(json_array_get(json_object_get(list, "items"), 0), "last_used_at")[0];

        json_decref(list);
        if (used)
            return;
        if (waited > FX_DAEMON_WAIT_MS)
            fail_msg("the key seems never used");
        poll(NULL, 0, 20);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(head_has_the_headers_of_get_and_no_body),
        TEST(offers_that_have_not_changed_are_304),
        TEST(a_change_of_another_version_is_412_and_changes_nothing),
        TEST(deleting_is_held_against_the_tag_as_well),
        TEST(a_repetition_gets_the_same_answer_with_its_headers),
        TEST(a_key_belongs_to_one_request),
        TEST(deleting_and_acting_twice_does_no_more_than_once),
        TEST(the_link_stays_in_the_list_that_was_asked_for),
        TEST(no_route_ignores_an_argument_that_it_does_not_know),
        TEST(a_filter_that_a_list_has_not_is_refused),
        TEST(filters_filter),
        TEST(the_use_of_a_key_is_remembered),
    };
#undef TEST

    return T_RUN("api_http", tests);
}
