/* Checks that are asked for, nodes and cases over the real API, store, worker and engine. */
#include "tests/support/t.h"

#include <poll.h>

#include "core/id.h"
#include "core/strbuf.h"
#include "tests/support/fx_daemon.h"

static int setup(void **state)
{
    struct fx_daemon *d = calloc(1, sizeof *d);

    d->staff = true;
    fx_daemon_init(d);
    fx_daemon_start(d);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct fx_daemon *d = *state;

    fx_daemon_clear(d);
    assert_int_equal(fx_daemon_check(d), 0);
    free(d);
    return 0;
}

/* Ask, and expect this refusal with a detail at this pointer (NULL: none). */
static void refused(struct fx_daemon *d, const char *path, const char *body, enum err_code want,
                    const char *pointer)
{
    json_t *v = fx_ask(d, "POST", path, body);

    if (v)
        fail_msg("%s %s was not refused", path, body);
    assert_int_equal(d->e.code, want);
    if (!pointer)
        return;
    assert_true(d->e.detail_count > 0);
    assert_string_equal(d->e.details[0].pointer, pointer);
}

static void launch(struct fx_daemon *d, char path[128], char actions[160])
{
    char id[ID_MAX];

    fx_daemon_launch(d, "local-gpu-1.local", id);
    snprintf(path, 128, "/v1/instances/%s", id);
    snprintf(actions, 160, "%s/actions", path);
}

/* Until its check is over. Caller owns. */
static json_t *await_checked(struct fx_daemon *d, const char *path)
{
    json_t *v = fx_must(d, "GET", path, NULL);

    for (int i = 0; i < 1500 && fx_text(v, "check_id")[0]; i++) {
        json_decref(v);
        poll(NULL, 0, 20);
        v = fx_must(d, "GET", path, NULL);
    }
    assert_string_equal(fx_text(v, "check_id"), "");
    return v;
}

static void a_check_that_was_asked_for_is_a_report_with_its_id(void **state)
{
    struct fx_daemon *d = *state;
    char path[128], actions[160], check[ID_MAX];
    json_t *v, *list;

    launch(d, path, actions);
    v = fx_must(d, "POST", actions, "{\"action\":\"check\",\"tier\":\"state\"}");
    text_copy(check, sizeof check, fx_text(v, "check_id"));
    assert_true(id_is(ID_REPORT, check));
    assert_string_equal(fx_text(v, "check_tier"), "state");
    json_decref(v);
    v = await_checked(d, path);
    assert_string_not_equal(fx_text(v, "check_verdict"), "none");
    assert_true(fx_text(v, "checked_at")[0]);
    json_decref(v);
    list = fx_must(d, "GET", "/v1/reports?limit=1", NULL);
    v = json_array_get(json_object_get(list, "items"), 0);
    assert_string_equal(fx_text(v, "id"), check);
    assert_string_equal(fx_text(v, "origin"), "check");
    assert_contains(path, fx_text(v, "instance_id"));
    json_decref(list);
}

static void what_no_check_can_be_is_refused_with_its_place(void **state)
{
    struct fx_daemon *d = *state;
    char path[128], actions[160];

    launch(d, path, actions);
    refused(d, actions, "{\"action\":\"check\",\"tier\":\"soak\"}", ERR_INVALID, "/tier");
    refused(d, actions, "{\"action\":\"check\",\"tier\":\"deep\"}", ERR_INVALID, "/tier");
    refused(d, actions, "{\"action\":\"check\",\"colour\":1}", ERR_INVALID, "/colour");
    /* What would not be done is not taken silently. */
    refused(d, actions, "{\"action\":\"stop\",\"tier\":\"quick\"}", ERR_INVALID, "/tier");
    refused(d, actions, "{\"action\":\"stop\",\"disturb\":true}", ERR_INVALID, "/disturb");
}

static void a_check_beside_a_job_needs_leave_to_disturb(void **state)
{
    struct fx_daemon *d = *state;
    char path[128], actions[160], body[256], job[128];
    json_t *v;

    launch(d, path, actions);
    snprintf(body, sizeof body, "{\"instance_id\":\"%s\",\"command\":\"sleep 60\"}",
             strrchr(path, '/') + 1);
    v = fx_must(d, "POST", "/v1/jobs", body);
    snprintf(job, sizeof job, "/v1/jobs/%s", fx_text(v, "id"));
    json_decref(v);
    json_decref(fx_await_state(d, job, "running"));
    refused(d, actions, "{\"action\":\"check\"}", ERR_CONFLICT, NULL);
    assert_contains(d->e.msg, "disturb");
    v = fx_must(d, "POST", actions, "{\"action\":\"check\",\"disturb\":true}");
    assert_string_equal(fx_text(v, "check_tier"), "quick"); /* when left out */
    json_decref(v);
    json_decref(await_checked(d, path));
    json_decref(fx_await_state(d, job, "running"));
}

/* The worker finds it in its first step, which may come after the first answer. */
static void the_node(struct fx_daemon *d, char path[128], char actions[160])
{
    for (int i = 0; i < 1500; i++) {
        json_t *list = fx_must(d, "GET", "/v1/nodes", NULL);
        const json_t *n = json_array_get(json_object_get(list, "items"), 0);

        snprintf(path, 128, "/v1/nodes/%s", n ? fx_text(n, "id") : "");
        snprintf(actions, 160, "%s/actions", path);
        json_decref(list);
        if (n)
            return;
        poll(NULL, 0, 20);
    }
    fail_msg("no node came");
}

static void a_drained_node_has_no_stock_until_it_is_resumed(void **state)
{
    static const char wish[] = "{\"offer_id\":\"local-cpu-2.local\"}";
    struct fx_daemon *d = *state;
    char path[128], actions[160];
    json_t *v;

    the_node(d, path, actions);
    refused(d, actions, "{\"action\":\"drain\"}", ERR_INVALID, "/reason");
    refused(d, actions, "{\"action\":\"reboot\"}", ERR_INVALID, "/action");
    refused(d, "/v1/nodes/nod_none/actions", "{\"action\":\"resume\"}", ERR_NOT_FOUND, NULL);
    json_decref(fx_must(d, "POST", actions, "{\"action\":\"drain\",\"reason\":\"fan 3\"}"));
    json_decref(fx_await_state(d, path, "drained"));
    refused(d, "/v1/instances", wish, ERR_NO_STOCK, NULL);
    assert_null(strstr(d->e.msg, "fan"));
    v = fx_must(d, "POST", actions, "{\"action\":\"resume\"}");
    assert_string_equal(fx_text(v, "state"), "ready");
    json_decref(v);
    json_decref(fx_must(d, "POST", "/v1/instances", wish));
}

/* Why: the engine forgets who drains when it is opened anew. */
static void a_drain_outlives_the_daemon(void **state)
{
    struct fx_daemon *d = *state;
    char path[128], actions[160];

    the_node(d, path, actions);
    json_decref(fx_must(d, "POST", actions, "{\"action\":\"drain\",\"reason\":\"fan 3\"}"));
    fx_daemon_stop(d);
    fx_daemon_start(d);
    json_decref(fx_await_state(d, path, "drained"));
    refused(d, "/v1/instances", "{\"offer_id\":\"local-cpu-2.local\"}", ERR_NO_STOCK, NULL);
    json_decref(fx_must(d, "POST", actions, "{\"action\":\"resume\"}"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_check_that_was_asked_for_is_a_report_with_its_id, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_no_check_can_be_is_refused_with_its_place, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_check_beside_a_job_needs_leave_to_disturb, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_drained_node_has_no_stock_until_it_is_resumed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_drain_outlives_the_daemon, setup, teardown),
    };

    return T_RUN("api_check", tests);
}
