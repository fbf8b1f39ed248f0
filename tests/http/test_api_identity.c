/* Who may do what, over HTTP: roles against the rules table, keys, other organizations. */
#include "tests/support/t.h"

#include <signal.h>

#include "api/service/service.h"
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

static void an_expired_key_is_401(void **state)
{
    struct fixture *fx = *state;
    struct err e;

    /* not accepted in the past at all */
    assert_int_equal(try(fx->d.client, "POST", "/v1/keys",
                         "{\"name\":\"old\",\"expires_at\":\"2001-01-01T00:00:00Z\"}", &e),
                     ERR_INVALID);
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

static void every_change_has_its_audit_record(void **state)
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
        cmocka_unit_test(every_change_has_its_audit_record),
    };

    return t_run("api_identity", tests, ARRAY_SIZE(tests), setup, teardown);
}
