/* Every route that changes something leaves an audit record: who, with which key, what, to which
 * object, on which request. The route table says which routes those are. */
#include "tests/support/t.h"

#include <signal.h>

#include "api/resource/resource.h"
#include "core/json.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

/* In an order in which each finds what it needs. ID in a body: of what `of` names. */
static const struct change {
    enum http_method method;
    const char *pattern, *body, *of, *action;
} changes[] = {
    {HTTP_POST, "/v1/organizations", "{\"name\":\"o\",\"country\":\"DE\"}", "",
     "organization.create"},
    {HTTP_POST, "/v1/projects", "{\"name\":\"p\"}", "", "project.create"},
    {HTTP_POST, "/v1/members", "{\"name\":\"m\",\"email\":\"m@example.org\",\"role\":\"viewer\"}",
     "", "member.create"},
    {HTTP_PATCH, "/v1/members/{id}", "{\"role\":\"member\"}", "", "member.update"},
    {HTTP_DELETE, "/v1/members/{id}", "", "", "member.delete"},
    {HTTP_POST, "/v1/keys", "{\"name\":\"k\"}", "", "key.create"},
    {HTTP_DELETE, "/v1/keys/{id}", "", "", "key.revoke"},
    {HTTP_POST, "/v1/credit/grants",
     "{\"organization_id\":\"ID\",\"kind\":\"paid\","
     "\"amount\":{\"amount_micros\":1000000,\"currency\":\"EUR\"}}",
     "organizations", "grant.create"},
    {HTTP_POST, "/v1/reports",
     "{\"tier\":\"state\",\"verdict\":\"healthy\",\"summary\":\"fine\","
     "\"started_at\":\"2026-01-01T00:00:00Z\",\"ended_at\":\"2026-01-01T00:00:01Z\","
     "\"gpus\":[{\"index\":0,\"uuid\":\"GPU-x\",\"model\":\"m\"}],\"findings\":[]}",
     "", "report.post"},
    {HTTP_POST, "/v1/instances", "{\"offer_id\":\"local-cpu-2.local\"}", "", "instance.launch"},
    {HTTP_PATCH, "/v1/instances/{id}", "{\"name\":\"renamed\"}", "", "instance.update"},
    {HTTP_POST, "/v1/reports",
     "{\"tier\":\"state\",\"verdict\":\"unhealthy\",\"summary\":\"bad\","
     "\"started_at\":\"2026-01-01T00:00:00Z\",\"ended_at\":\"2026-01-01T00:00:01Z\","
     "\"instance_id\":\"ID\"}",
     "instances", "report.post"},
    {HTTP_POST, "/v1/cases/{id}/actions", "{\"action\":\"close\",\"note\":\"looked at\"}", "",
     "case.close"},
    {HTTP_POST, "/v1/jobs", "{\"instance_id\":\"ID\",\"command\":\"sleep 60\"}", "instances",
     "job.submit"},
    {HTTP_POST, "/v1/jobs/{id}/cancel", "", "", "job.cancel"},
    {HTTP_POST, "/v1/instances/{id}/actions", "{\"action\":\"stop\"}", "", "instance.stop"},
    {HTTP_DELETE, "/v1/instances/{id}", "", "", "instance.delete"},
    {HTTP_POST, "/v1/nodes/{id}/actions", "{\"action\":\"drain\",\"reason\":\"fan\"}", "",
     "node.drain"},
};

struct fixture {
    struct fx_daemon d;
    struct raw_client c;
    struct raw_reply r;
    char member[ID_MAX], key[ID_MAX];      /* who asks */
    char ids[ARRAY_SIZE(changes)][ID_MAX]; /* of what each change was made to */
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);
    json_t *me;

    fx->c.fd = -1;
    fx->d.staff = true;
    fx_daemon_init(&fx->d);
    fx_daemon_start(&fx->d);
    me = fx_must(&fx->d, "GET", "/v1/me", NULL);
    text_copy(fx->member, ID_MAX, fx_text(json_object_get(me, "member"), "id"));
    text_copy(fx->key, ID_MAX, fx_text(me, "key_id"));
    json_decref(me);
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

static int ask(struct fixture *fx, const char *method, const char *path, const char *request,
               const char *body)
{
    raw_close(&fx->c);
    assert_true(raw_open_unix(&fx->c, fx->d.socket));
    return raw_ask(&fx->c, &fx->r,
                   "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-Request-Id: %s\r\n"
                   "Idempotency-Key: %s\r\nContent-Type: application/json\r\n"
                   "Content-Length: %zu\r\n\r\n%s",
                   method, path, fx->d.token, request, request, strlen(body), body);
}

/* What nobody makes by a POST: the first of its list. */
static bool is_found(const char *collection)
{
    return strcmp(collection, "nodes") == 0 || strcmp(collection, "cases") == 0;
}

static const char *found(struct fixture *fx, const char *collection)
{
    static char id[ID_MAX];
    char path[64];
    json_t *list;

    snprintf(path, sizeof path, "/v1/%s", collection);
    list = fx_must(&fx->d, "GET", path, NULL);
    text_copy(id, sizeof id, fx_text(json_array_get(json_object_get(list, "items"), 0), "id"));
    json_decref(list);
    return id;
}

/* What the last POST to this collection ("instances") made before change n. */
static const char *made(struct fixture *fx, const char *collection, size_t n)
{
    if (is_found(collection))
        return found(fx, collection);
    while (n--) {
        const char *name = strrchr(changes[n].pattern, '/') + 1;

        if (changes[n].method == HTTP_POST && strcmp(name, collection) == 0)
            return fx->ids[n];
    }
    fail_msg("nothing made %s", collection);
    return "";
}

static void body_of(struct fixture *fx, size_t n, char out[512])
{
    const struct change *c = &changes[n];
    size_t len = c->of[0] ? (size_t)(strstr(c->body, "ID") - c->body) : strlen(c->body);

    snprintf(out, 512, "%.*s%s%s", (int)len, c->body, c->of[0] ? made(fx, c->of, n) : "",
             c->of[0] ? c->body + len + strlen("ID") : "");
}

static void change(struct fixture *fx, size_t n, const char *request)
{
    const struct change *c = &changes[n];
    const char *id = strstr(c->pattern, "/{id}");
    char path[256], collection[32], body[512];

    text_copy(path, sizeof path, c->pattern);
    if (id) {
        snprintf(collection, sizeof collection, "%.*s", (int)(id - c->pattern - 4), c->pattern + 4);
        text_copy(fx->ids[n], ID_MAX, made(fx, collection, n));
        snprintf(path, sizeof path, "%.*s/%s%s", (int)(id - c->pattern), c->pattern, fx->ids[n],
                 id + strlen("/{id}"));
    }
    body_of(fx, n, body);
    if (ask(fx, http_method_names[c->method], path, request, body) / 100 != 2)
        fail_msg("%s %s: %s", http_method_names[c->method], path, fx->r.body.data);
    if (!id) {
        json_t *v = NULL;

        assert_ok(json_parse(fx->r.body.data, fx->r.body.len, &v, &fx->d.e), &fx->d.e);
        text_copy(fx->ids[n], ID_MAX, fx_text(v, "id"));
        json_decref(v);
    }
}

/* Records of a request, and the one of this action (NULL: any); borrowed from `list`. */
static size_t records(const json_t *list, const char *request, const char *action,
                      const json_t **out)
{
    size_t i, n = 0;
    json_t *r;

    json_array_foreach(json_object_get(list, "items"), i, r)
    {
        if (strcmp(fx_text(r, "request_id"), request) != 0)
            continue;
        n++;
        if (out && strcmp(fx_text(r, "action"), action) == 0)
            *out = r;
    }
    return n;
}

static void each_route_that_changes_something_is_changed_here(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_routes_count; i++) {
        const struct route *r = &api_routes[i];
        bool found = !(r->flags & ROUTE_WRITE);

        for (size_t k = 0; k < ARRAY_SIZE(changes) && !found; k++)
            found = changes[k].method == r->method && strcmp(changes[k].pattern, r->pattern) == 0;
        if (!found)
            fail_msg("%s %s has no row", http_method_names[r->method], r->pattern);
    }
}

static void each_change_has_a_record_with_actor_action_object_and_request(void **state)
{
    struct fixture *fx = *state;

    for (size_t n = 0; n < ARRAY_SIZE(changes); n++) {
        const json_t *record = NULL;
        char request[32], path[128];
        json_t *list;

        snprintf(request, sizeof request, "change-%zu", n);
        change(fx, n, request);
        if (strcmp(changes[n].action, "instance.launch") == 0) {
            snprintf(path, sizeof path, "/v1/instances/%s", fx->ids[n]);
            json_decref(fx_await_state(&fx->d, path, "running"));
        }
        list = fx_must(&fx->d, "GET", "/v1/audit?limit=200", NULL);
        records(list, request, changes[n].action, &record);
        if (!record)
            fail_msg("%s left no record", changes[n].action);
        assert_string_equal(fx_text(record, "object_id"), fx->ids[n]);
        assert_string_equal(fx_text(record, "member_id"), fx->member);
        assert_string_equal(fx_text(record, "key_id"), fx->key);
        if (strncmp(changes[n].action, "node.", 5) != 0) /* nodes are nobody's */
            assert_true(fx_text(record, "organization_id")[0] != '\0');
        assert_true(fx_text(record, "detail")[0] != '\0');
        json_decref(list);
    }
}

static void what_is_refused_or_only_asked_leaves_none(void **state)
{
    struct fixture *fx = *state;
    json_t *list;

    assert_int_equal(ask(fx, "POST", "/v1/instances", "none-1", "{\"offer_id\":\"no-such\"}"), 422);
    assert_int_equal(ask(fx, "POST", "/v1/instances?dry_run=true", "none-2",
                         "{\"offer_id\":\"local-cpu-2.local\"}"),
                     200);
    list = fx_must(&fx->d, "GET", "/v1/audit?limit=200", NULL);
    assert_int_equal(records(list, "none-1", "", NULL), 0);
    assert_int_equal(records(list, "none-2", "", NULL), 0);
    json_decref(list);
}

static void the_catalogue_that_was_loaded_has_a_record_for_staff(void **state)
{
    struct fixture *fx = *state;
    json_t *list = fx_must(&fx->d, "GET", "/v1/audit?limit=200", NULL);
    const json_t *record = NULL;

    records(list, "", "catalogue.load", &record);
    assert_non_null(record);
    assert_string_equal(fx_text(record, "organization_id"), "");
    assert_contains(fx_text(record, "detail"), "catalogue version 1 loaded");
    assert_contains(fx_text(record, "detail"), "/share/catalogue.yaml");
    json_decref(list);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_that_changes_something_is_changed_here),
        cmocka_unit_test(the_catalogue_that_was_loaded_has_a_record_for_staff),
        cmocka_unit_test(each_change_has_a_record_with_actor_action_object_and_request),
        cmocka_unit_test(what_is_refused_or_only_asked_leaves_none),
    };

    return t_run("api_audit", tests, ARRAY_SIZE(tests), setup, teardown);
}
