/* Who may do what, over HTTP: roles against the rules table, keys, other organizations. */
#include "tests/support/t.h"

#include <signal.h>
#include <sodium.h>

#include "api/resource/resource.h"
#include "api/service/service.h"
#include "core/id.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

struct fixture {
    struct fx_daemon d;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    fx->d.staff = true;
    fx_daemon_init(&fx->d);
    fx_daemon_start(&fx->d);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    fx_daemon_clear(&fx->d);
    free(fx);
    return 0;
}

/* A new member of this role, and a client with a key of theirs. */
static struct client *member_client(struct fx_daemon *d, const char *role, char member[ID_MAX])
{
    char body[256];
    json_t *m, *k;
    struct client *cl;

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"email\":\"%s@example.org\",\"role\":\"%s\"}",
             role, role, role);
    m = fx_must(d, "POST", "/v1/members", body);
    text_copy(member, ID_MAX, fx_text(m, "id"));
    snprintf(body, sizeof body, "{\"name\":\"k\",\"member_id\":\"%s\"}", member);
    k = fx_must(d, "POST", "/v1/keys", body);
    cl = fx_daemon_client(d, fx_text(k, "token"));
    json_decref(m);
    json_decref(k);
    return cl;
}

static enum err_code try(struct client *cl, const char *method, const char *path, const char *body,
                         struct err *e)
{
    json_t *tree = fx_ask_with(cl, method, path, body, NULL, e);

    json_decref(tree);
    return tree ? ERR_OK : e->code;
}

static const struct {
    enum rule_action action;
    const char *method, *path, *body;
} acts[] = {
    {ACTION_CATALOGUE_READ, "GET", "/v1/offers", NULL},
    {ACTION_INSTANCE_READ, "GET", "/v1/instances", NULL},
    {ACTION_INSTANCE_LAUNCH, "POST", "/v1/instances?dry_run=true",
     "{\"offer_id\":\"local-gpu-1.local\"}"},
    {ACTION_JOB_READ, "GET", "/v1/jobs", NULL},
    {ACTION_CREDIT_READ, "GET", "/v1/credit", NULL},
    {ACTION_KEY_READ, "GET", "/v1/keys", NULL},
    {ACTION_KEY_CREATE, "POST", "/v1/keys", "{\"name\":\"own\"}"},
    {ACTION_MEMBER_READ, "GET", "/v1/members", NULL},
    {ACTION_MEMBER_CREATE, "POST", "/v1/members",
     "{\"name\":\"x\",\"email\":\"x@example.org\",\"role\":\"viewer\"}"},
    {ACTION_PROJECT_CREATE, "POST", "/v1/projects", "{\"name\":\"p\"}"},
    {ACTION_ORGANIZATION_CREATE, "POST", "/v1/organizations",
     "{\"name\":\"o\",\"country\":\"FR\"}"},
    {ACTION_METRICS_READ, "GET", "/metrics", NULL},
    {ACTION_AUDIT_READ, "GET", "/v1/audit", NULL},
    {ACTION_EVENT_READ, "GET", "/v1/events", NULL},
    {ACTION_REPORT_READ, "GET", "/v1/reports", NULL},
    {ACTION_USAGE_READ, "GET", "/v1/usage", NULL},
    {ACTION_CASE_READ, "GET", "/v1/cases", NULL},
    {ACTION_NODE_READ, "GET", "/v1/nodes", NULL},
    {ACTION_NODE_READ, "GET", "/v1/nodes/nod_x", NULL},
    {ACTION_NODE_DRAIN, "POST", "/v1/nodes/nod_x/actions",
     "{\"action\":\"drain\",\"reason\":\"fan\"}"},
};

static void each_role_may_do_what_the_table_says_and_nothing_else(void **state)
{
    struct fixture *fx = *state;

    for (int role = ROLE_ADMIN; role < ROLE_COUNT; role++) {
        char member[ID_MAX];
        struct client *cl = member_client(&fx->d, role_names[role], member);

        for (size_t i = 0; i < ARRAY_SIZE(acts); i++) {
            struct err e;
            enum err_code rc = try(cl, acts[i].method, acts[i].path, acts[i].body, &e);
            bool may = rule_allows(acts[i].action, (enum role)role, STAFF_NONE);

            /* metrics are no JSON: what counts is that they were not refused */
            if (may != (rc != ERR_FORBIDDEN))
                fail_msg("%s %s as %s: %s", acts[i].method, acts[i].path, role_names[role],
                         rc ? e.msg : "allowed");
            if (!may)
                assert_contains(e.msg, role_names[role]);
        }
        client_close(cl);
    }
}

static void a_revoked_key_stops_working_at_once(void **state)
{
    struct fixture *fx = *state;
    json_t *k = fx_must(&fx->d, "POST", "/v1/keys", "{\"name\":\"short\"}");
    struct client *cl = fx_daemon_client(&fx->d, fx_text(k, "token"));
    char path[128];
    struct err e;

    assert_int_equal(try(cl, "GET", "/v1/me", NULL, &e), ERR_OK);
    snprintf(path, sizeof path, "/v1/keys/%s", fx_text(k, "id"));
    json_decref(fx_must(&fx->d, "DELETE", path, NULL));
    assert_int_equal(try(cl, "GET", "/v1/me", NULL, &e), ERR_UNAUTHENTICATED);
    client_close(cl);
    json_decref(k);
}

static void a_revoked_key_ends_the_logins_it_let_in(void **state)
{
    static const char launch[] =
        "{\"offer_id\":\"local-cpu-2.local\",\"ssh_public_key\":\"ssh-ed25519 "
        "AAAAC3NzaC1lZDI1NTE5AAAAIJ0kx0ZcX2cS9mJ1kF1J2m0b3cY4Gk5eY6T7hU8iV9jW\"}";
    struct fixture *fx = *state;
    json_t *in = fx_must(&fx->d, "POST", "/v1/instances", launch);
    json_t *k = fx_must(&fx->d, "POST", "/v1/keys", "{\"name\":\"login\"}");
    struct raw_client c = {.fd = -1};
    struct raw_reply r = {0};
    char path[128];

    snprintf(path, sizeof path, "/v1/instances/%s", fx_text(in, "id"));
    json_decref(fx_await_state(&fx->d, path, "running"));
    assert_true(raw_open_unix(&c, fx->d.socket));
    assert_true(raw_sendf(&c,
                          "GET %s/tunnel HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
                          "Connection: Upgrade\r\nUpgrade: hourglass-tunnel\r\n\r\n",
                          path, fx_text(k, "token")));
    assert_int_equal(raw_head_read(&c, &r), 101);
    snprintf(path, sizeof path, "/v1/keys/%s", fx_text(k, "id"));
    json_decref(fx_must(&fx->d, "DELETE", path, NULL));
    for (char said[256]; raw_recv(&c, said, sizeof said, RAW_WAIT_MS) > 0;)
        ; /* sshd's greeting */
    assert_true(raw_closes(&c, 0));
    raw_close(&c);
    raw_reply_release(&r);
    fx_daemon_delete(&fx->d, fx_text(in, "id"));
    json_decref(k);
    json_decref(in);
}

static void a_key_is_shown_once(void **state)
{
    struct fixture *fx = *state;
    json_t *first =
        fx_ask_with(fx->d.client, "POST", "/v1/keys", "{\"name\":\"once\"}", "same", &fx->d.e);
    json_t *again =
        fx_ask_with(fx->d.client, "POST", "/v1/keys", "{\"name\":\"once\"}", "same", &fx->d.e);
    json_t *list = fx_must(&fx->d, "GET", "/v1/keys?limit=200", NULL);
    char *text = json_dumps(list, 0);

    assert_int_equal(strncmp(fx_text(first, "token"), "hgk_", 4), 0);
    assert_string_equal(fx_text(first, "id"), fx_text(again, "id"));
    assert_string_equal(fx_text(again, "token"), "");
    assert_null(strstr(text, fx_text(first, "token")));
    free(text);
    json_decref(first);
    json_decref(again);
    json_decref(list);
}

/* --- rows that no route makes ----------------------------------------------------------------- */

/* A member of an organization and a key of theirs, written beside the running daemon: an
 * organization's first member cannot be made over HTTP, nor a key that has expired. */
struct stranger {
    struct member m;
    struct api_key k;
};

static enum err_code stranger_insert(struct tx *tx, void *ctx, struct err *e)
{
    const struct stranger *s = ctx;
    uint8_t hash[KEY_HASH_BYTES];
    enum err_code rc = row_member_insert(tx, &s->m, e);

    crypto_generichash(hash, sizeof hash, (const unsigned char *)s->k.token, strlen(s->k.token),
                       NULL, 0);
    return rc ? rc : row_api_key_insert(tx, &s->k, hash, e);
}

static struct client *stranger_client(struct fx_daemon *d, const char *organization,
                                      int64_t expires_at_ms, struct stranger *s)
{
    char url[URL_BYTES_MAX];
    struct store_config c = {.url = url, .clock = clock_real(), .reader_count = 1};
    struct store *store;

    *s = (struct stranger){.m = {.name = "Mallory",
                                 .email = "mallory@example.org",
                                 .role = ROLE_OWNER,
                                 .created_at_ms = 1,
                                 .version = 1},
                           .k = {.name = "theirs", .created_at_ms = 1}};
    id_new(ID_MEMBER, clock_real(), s->m.id);
    id_new(ID_API_KEY, clock_real(), s->k.id);
    text_copy(s->m.organization_id, ID_MAX, organization);
    text_copy(s->k.organization_id, ID_MAX, organization);
    text_copy(s->k.member_id, ID_MAX, s->m.id);
    s->k.expires_at_ms = expires_at_ms;
    token_make(s->k.token);
    snprintf(url, sizeof url, "sqlite:%s/hourglass.db", d->dir);
    assert_ok(store_open(&c, &store, &d->e), &d->e);
    assert_ok(store_write(store, stranger_insert, s, &d->e), &d->e);
    store_close(store);
    return fx_daemon_client(d, s->k.token);
}

static void an_expired_key_is_401(void **state)
{
    struct fixture *fx = *state;
    json_t *o =
        fx_must(&fx->d, "POST", "/v1/organizations", "{\"name\":\"Expired\",\"country\":\"FR\"}");
    struct stranger s;
    struct client *late = stranger_client(&fx->d, fx_text(o, "id"), 1, &s);
    struct err e;

    assert_int_equal(try(late, "GET", "/v1/me", NULL, &e), ERR_UNAUTHENTICATED);
    /* not accepted in the past at all */
    assert_int_equal(try(fx->d.client, "POST", "/v1/keys",
                         "{\"name\":\"old\",\"expires_at\":\"2001-01-01T00:00:00Z\"}", &e),
                     ERR_INVALID);
    client_close(late);
    json_decref(o);
}

static void a_changed_role_counts_at_once(void **state)
{
    struct fixture *fx = *state;
    char member[ID_MAX], path[128];
    struct client *cl = member_client(&fx->d, "member", member);
    struct err e;
    static const char launch[] = "{\"offer_id\":\"local-gpu-1.local\"}";

    assert_int_equal(try(cl, "POST", "/v1/instances?dry_run=true", launch, &e), ERR_OK);
    snprintf(path, sizeof path, "/v1/members/%s", member);
    json_decref(fx_must(&fx->d, "PATCH", path, "{\"role\":\"viewer\"}"));
    assert_int_equal(try(cl, "POST", "/v1/instances?dry_run=true", launch, &e), ERR_FORBIDDEN);
    client_close(cl);
}

static void a_stale_tag_is_412(void **state)
{
    struct fixture *fx = *state;
    char member[ID_MAX], path[128];
    struct request_options o = {.if_match = "\"1\"",
                                .content_type = "application/merge-patch+json"};
    struct err e;

    client_close(member_client(&fx->d, "billing", member));
    snprintf(path, sizeof path, "/v1/members/%s", member);
    err_clear(&e);
    assert_ok(client_call(fx->d.client, "PATCH", path, "{\"role\":\"viewer\"}", &o, NULL, &e), &e);
    assert_err(ERR_PRECONDITION,
               client_call(fx->d.client, "PATCH", path, "{\"role\":\"admin\"}", &o, NULL, &e), &e);
}

static void the_last_owner_stays(void **state)
{
    struct fixture *fx = *state;
    json_t *me = fx_must(&fx->d, "GET", "/v1/me", NULL);
    char path[128];
    struct err e;

    snprintf(path, sizeof path, "/v1/members/%s", fx_text(json_object_get(me, "member"), "id"));
    assert_int_equal(try(fx->d.client, "DELETE", path, NULL, &e), ERR_CONFLICT);
    assert_int_equal(try(fx->d.client, "PATCH", path, "{\"role\":\"viewer\"}", &e), ERR_CONFLICT);
    json_decref(me);
}

/* --- another organization --------------------------------------------------------------------- */

/* What is asked for of somebody else's; `of` says which id stands for {id}. */
static const struct foreign {
    enum http_method method;
    const char *pattern, *body, *headers;
    enum {
        OF_ORGANIZATION,
        OF_PROJECT,
        OF_MEMBER,
        OF_KEY,
        OF_INSTANCE,
        OF_JOB,
        OF_CASE,
        OF_REPORT,
        OF_COUNT
    } of;
} foreign[] = {
    {HTTP_GET, "/v1/organizations/{id}", "", "", OF_ORGANIZATION},
    {HTTP_GET, "/v1/projects/{id}", "", "", OF_PROJECT},
    {HTTP_GET, "/v1/members/{id}", "", "", OF_MEMBER},
    {HTTP_PATCH, "/v1/members/{id}", "{\"role\":\"viewer\"}", "", OF_MEMBER},
    {HTTP_DELETE, "/v1/members/{id}", "", "", OF_MEMBER},
    {HTTP_DELETE, "/v1/keys/{id}", "", "", OF_KEY},
    {HTTP_GET, "/v1/instances/{id}", "", "", OF_INSTANCE},
    {HTTP_PATCH, "/v1/instances/{id}", "{\"name\":\"mine\"}", "", OF_INSTANCE},
    {HTTP_DELETE, "/v1/instances/{id}", "", "", OF_INSTANCE},
    {HTTP_POST, "/v1/instances/{id}/actions", "{\"action\":\"stop\"}", "", OF_INSTANCE},
    {HTTP_POST, "/v1/instances/{id}/actions", "{\"action\":\"start\"}", "", OF_INSTANCE},
    {HTTP_POST, "/v1/instances/{id}/actions", "{\"action\":\"delete\"}", "", OF_INSTANCE},
    {HTTP_POST, "/v1/instances/{id}/actions", "{\"action\":\"check\"}", "", OF_INSTANCE},
    {HTTP_GET, "/v1/cases/{id}", "", "", OF_CASE},
    {HTTP_GET, "/v1/reports/{id}", "", "", OF_REPORT},
    {HTTP_POST, "/v1/cases/{id}/actions", "{\"action\":\"close\",\"note\":\"x\"}", "", OF_CASE},
    {HTTP_GET, "/v1/instances/{id}/tunnel", "",
     "Connection: Upgrade\r\nUpgrade: hourglass-tunnel\r\n", OF_INSTANCE},
    {HTTP_GET, "/v1/jobs/{id}", "", "", OF_JOB},
    {HTTP_POST, "/v1/jobs/{id}/cancel", "", "", OF_JOB},
    {HTTP_GET, "/v1/jobs/{id}/log", "", "", OF_JOB},
    {HTTP_GET, "/v1/jobs/{id}/log", "", "Accept: text/event-stream\r\n", OF_JOB},
};

/* Staff's own objects are refused to everybody else before they are looked for: see acts[]. */
static bool is_for_staff(const struct route *r)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        if (rule_allows((enum rule_action)r->action, (enum role)role, STAFF_NONE))
            return false;
    return true;
}

static void each_route_to_an_object_is_tried_by_a_stranger(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_routes_count; i++) {
        const struct route *r = &api_routes[i];
        bool found = !strchr(r->pattern, '{') || is_for_staff(r);

        for (size_t k = 0; k < ARRAY_SIZE(foreign) && !found; k++)
            found = foreign[k].method == r->method && strcmp(foreign[k].pattern, r->pattern) == 0;
        if (!found)
            fail_msg("%s %s has no row", http_method_names[r->method], r->pattern);
    }
}

static void made(struct fx_daemon *d, const char *path, const char *body, char id[ID_MAX])
{
    json_t *v = fx_must(d, "POST", path, body);

    text_copy(id, ID_MAX, fx_text(v, "id"));
    json_decref(v);
}

/* Member and key are not those that made the other organization: its records name them. */
static void own_things(struct fx_daemon *d, char ids[OF_COUNT][ID_MAX])
{
    char body[256];
    json_t *me = fx_must(d, "GET", "/v1/me", NULL), *list;

    text_copy(ids[OF_ORGANIZATION], ID_MAX, fx_text(json_object_get(me, "organization"), "id"));
    text_copy(ids[OF_PROJECT], ID_MAX, fx_text(json_object_get(me, "project"), "id"));
    made(d, "/v1/members", "{\"name\":\"m\",\"email\":\"own@example.org\",\"role\":\"member\"}",
         ids[OF_MEMBER]);
    snprintf(body, sizeof body, "{\"name\":\"k\",\"member_id\":\"%s\"}", ids[OF_MEMBER]);
    made(d, "/v1/keys", body, ids[OF_KEY]);
    fx_daemon_launch(d, "local-cpu-2.local", ids[OF_INSTANCE]);
    snprintf(body, sizeof body, "{\"instance_id\":\"%s\",\"command\":\"sleep 60\"}",
             ids[OF_INSTANCE]);
    made(d, "/v1/jobs", body, ids[OF_JOB]);
    snprintf(body, sizeof body,
             "{\"instance_id\":\"%s\",\"tier\":\"state\",\"verdict\":\"degraded\","
             "\"started_at\":\"2026-01-01T00:00:00Z\",\"ended_at\":\"2026-01-01T00:00:01Z\"}",
             ids[OF_INSTANCE]);
    made(d, "/v1/reports", body, ids[OF_REPORT]);
    list = fx_must(d, "GET", "/v1/cases", NULL);
    text_copy(ids[OF_CASE], ID_MAX,
              fx_text(json_array_get(json_object_get(list, "items"), 0), "id"));
    json_decref(list);
    json_decref(me);
}

static void foreign_path(const struct foreign *f, const char *id, char out[256])
{
    const char *at = strchr(f->pattern, '{');

    snprintf(out, 256, "%.*s%s%s", (int)(at - f->pattern), f->pattern, id, at + strlen("{id}"));
}

/* The refusal must not tell that the object is there: 404, and no word beyond the id. */
static void foreign_try(struct fx_daemon *d, const struct foreign *f, const char *id,
                        const char *token)
{
    struct raw_client c = {.fd = -1};
    struct raw_reply r = {0};
    char path[256];

    foreign_path(f, id, path);
    assert_true(raw_open_unix(&c, d->socket));
    raw_sendf(&c,
              "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s"
              "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
              http_method_names[f->method], path, token, f->headers, strlen(f->body), f->body);
    if (raw_read(&c, &r, false) != 404)
        fail_msg("%s %s: status %d", http_method_names[f->method], path, r.status);
    assert_contains(r.body.data, "\"code\":\"not-found\"");
    assert_contains(r.body.data, "\"detail\":\"no ");
    raw_close(&c);
    raw_reply_release(&r);
}

static void lists_are_empty_of(struct client *stranger, char ids[OF_COUNT][ID_MAX])
{
    static const char *const lists[] = {"organizations", "projects", "members", "keys",
                                        "instances",     "jobs",     "events",  "audit",
                                        "usage",         "reports",  "cases"};

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        char path[64], *text;
        struct err e;
        json_t *list;

        snprintf(path, sizeof path, "/v1/%s", lists[i]);
        list = fx_ask_with(stranger, "GET", path, NULL, NULL, &e);
        assert_non_null(list);
        text = json_dumps(list, 0);
        for (int of = 0; of < OF_COUNT; of++)
            if (strstr(text, ids[of]))
                fail_msg("%s shows %s", path, ids[of]);
        free(text);
        json_decref(list);
    }
}

static void key_is_good(struct fx_daemon *d, const char *id)
{
    json_t *list = fx_must(d, "GET", "/v1/keys?limit=200", NULL), *k;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(list, "items"), i, k)
    {
        if (strcmp(fx_text(k, "id"), id) == 0 && !fx_text(k, "revoked_at")[0])
            found = true;
    }
    assert_true(found);
    json_decref(list);
}

static void somebody_elses_object_is_404_and_stays_as_it_is(void **state)
{
    struct fixture *fx = *state;
    json_t *o =
        fx_must(&fx->d, "POST", "/v1/organizations", "{\"name\":\"Other\",\"country\":\"FR\"}");
    char ids[OF_COUNT][ID_MAX], path[128];
    struct stranger s;
    struct client *stranger = stranger_client(&fx->d, fx_text(o, "id"), 0, &s);
    json_t *m;
    struct err e;

    assert_int_equal(try(stranger, "GET", "/v1/me", NULL, &e), ERR_OK);
    own_things(&fx->d, ids);
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        foreign_try(&fx->d, &foreign[i], ids[foreign[i].of], s.k.token);
    lists_are_empty_of(stranger, ids);
    snprintf(path, sizeof path, "/v1/members/%s", ids[OF_MEMBER]);
    m = fx_must(&fx->d, "GET", path, NULL);
    assert_string_equal(fx_text(m, "role"), "member");
    key_is_good(&fx->d, ids[OF_KEY]);
    snprintf(path, sizeof path, "/v1/jobs/%s", ids[OF_JOB]);
    json_decref(fx_await_state(&fx->d, path, "running"));
    snprintf(path, sizeof path, "/v1/instances/%s", ids[OF_INSTANCE]);
    json_decref(fx_await_state(&fx->d, path, "running"));
    fx_daemon_delete(&fx->d, ids[OF_INSTANCE]);
    client_close(stranger);
    json_decref(m);
    json_decref(o);
}

/* Each change over HTTP is in test_api_audit. */
static void a_change_is_recorded_under_the_id_that_its_request_was_given(void **state)
{
    struct fixture *fx = *state;
    json_t *p = fx_must(&fx->d, "POST", "/v1/projects", "{\"name\":\"audited\"}");
    json_t *list = fx_must(&fx->d, "GET", "/v1/audit?limit=1", NULL);
    json_t *record = json_array_get(json_object_get(list, "items"), 0);

    assert_string_equal(fx_text(record, "action"), "project.create");
    assert_string_equal(fx_text(record, "object_id"), fx_text(p, "id"));
    assert_int_equal(strncmp(fx_text(record, "request_id"), "req_", 4), 0);
    assert_true(fx_text(record, "key_id")[0] != '\0');
    json_decref(list);
    json_decref(p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_role_may_do_what_the_table_says_and_nothing_else),
        cmocka_unit_test(a_revoked_key_stops_working_at_once),
        cmocka_unit_test(a_revoked_key_ends_the_logins_it_let_in),
        cmocka_unit_test(a_key_is_shown_once),
        cmocka_unit_test(an_expired_key_is_401),
        cmocka_unit_test(a_changed_role_counts_at_once),
        cmocka_unit_test(a_stale_tag_is_412),
        cmocka_unit_test(the_last_owner_stays),
        cmocka_unit_test(each_route_to_an_object_is_tried_by_a_stranger),
        cmocka_unit_test(somebody_elses_object_is_404_and_stays_as_it_is),
        cmocka_unit_test(a_change_is_recorded_under_the_id_that_its_request_was_given),
    };

    return t_run("api_identity", tests, ARRAY_SIZE(tests), setup, teardown);
}
