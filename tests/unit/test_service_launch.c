/* Launches and estimates: every refusal, and what a launch takes and writes. */
#include "tests/support/fx_service.h"

static const char ssh_key[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJd0PJ1WbLwmvcyhJXY1xF4rZk1mQ8n1l3F5c5hT9abc ada@laptop";

static void instance_drop(struct instance *i)
{
    shape_release(&instance_shape, i);
}
static void estimate_drop(struct estimate *x)
{
    shape_release(&estimate_shape, x);
}

static void a_launch_takes_stock_and_credit_and_writes_the_intent(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .name = "blue", .network = true};
    struct instance i = {0};
    struct hold h = {0};
    struct credit c;

    text_copy(in.ssh_public_key, sizeof in.ssh_public_key, ssh_key);
    OK(instance_launch(AS(member), &in, &i, E));
    assert_true(id_is(ID_INSTANCE, i.id));
    assert_int_equal(i.state, INSTANCE_REQUESTED);
    assert_int_equal(i.desired_state, INSTANCE_WANT_RUNNING);
    assert_int_equal(i.billing, BILLING_OFF);
    assert_int_equal(i.price_per_hour.micros, FX_GPU_RATE);
    assert_int_equal(i.price_version, 7);
    assert_string_equal(i.created_by, fx->member.member_id);
    assert_string_equal(i.project_id, fx->member.project_id);
    assert_string_equal(i.ssh_public_key, ssh_key);
    assert_true(i.network);
    assert_int_equal(fx_pool_used(fx, "gpu"), 1);
    OK(row_hold_open(TX, i.id, &h, E));
    assert_int_equal(h.amount.micros, (FX_WINDOW + FX_RESERVE) * 1000);
    assert_int_equal(h.window_from_ms, 0);
    shape_release(&hold_shape, &h);
    fx_credit(fx, &c);
    assert_int_equal(c.held.micros, 3660000);
    assert_int_equal(c.available.micros, FX_GRANT - 3660000);
    assert_int_equal(fx_events(fx, "instance.state", i.id), 1);
    assert_int_equal(fx_events(fx, "credit.hold", ""), 1);
    assert_int_equal(fx_audits(fx, "instance.launch", i.id), 1);
    fx_check(fx);
    instance_drop(&i);
}

static void a_name_is_made_from_the_offer(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_launch(fx, &i);
    assert_int_equal(strncmp(i.name, "gpu-1-", 6), 0);
    assert_int_equal(strlen(i.name), 10);
    instance_drop(&i);
}

static void a_deadline_sooner_than_the_window_holds_less(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .deadline_at_ms = FX_AT_MS + 600000};
    struct instance i = {0};
    struct credit c;

    OK(instance_launch(AS(owner), &in, &i, E));
    fx_credit(fx, &c);
    assert_int_equal(c.held.micros, (600 + FX_RESERVE) * 1000);
    assert_int_equal(i.deadline_at_ms, FX_AT_MS + 600000);
    instance_drop(&i);
}

static void a_relative_deadline_is_shown_only_once_it_is_known(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .stop_after_seconds = 900};
    struct instance i = {0};

    OK(instance_launch(AS(owner), &in, &i, E));
    assert_int_equal(i.deadline_at_ms, 0);
    fx_advance(fx, 100);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.deadline_at_ms, i.running_at_ms + 900000);
    instance_drop(&i);
}

static void what_makes_no_sense_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *pointer;
        struct instance_create in;
    } rows[] = {
        {"/offer_id", {.offer_id = "nothing"}},
        {"/name", {.offer_id = "gpu-1.sim", .name = " "}},
        {"/name", {.offer_id = "gpu-1.sim", .name = "a\nb"}},
        {"/deadline_at", {.offer_id = "gpu-1.sim", .deadline_at_ms = FX_AT_MS}},
        {"/deadline_at", {.offer_id = "gpu-1.sim", .deadline_at_ms = FX_AT_MS * 2}},
        {"/stop_after_seconds",
         {.offer_id = "gpu-1.sim", .deadline_at_ms = FX_AT_MS + 1000, .stop_after_seconds = 1}},
        {"/stop_after_seconds", {.offer_id = "gpu-1.sim", .stop_after_seconds = -1}},
        {"/stop_after_seconds", {.offer_id = "gpu-1.sim", .stop_after_seconds = INT64_MAX}},
        {"/project_id", {.offer_id = "gpu-1.sim", .project_id = "prj_nothing"}},
        {"/price_max/currency", {.offer_id = "gpu-1.sim", .price_max = {1, "USD"}}},
        {"/ssh_public_key", {.offer_id = "gpu-1.sim", .ssh_public_key = "ssh-ed25519 AAAA"}},
        {"/ssh_public_key", {.offer_id = "gpu-1.sim", .ssh_public_key = "hello"}},
    };
    struct fx_service *fx = *state;
    struct estimate x = {0};
    struct instance i = {0};

    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        REFUSED(ERR_INVALID, instance_launch(AS(owner), &rows[n].in, &i, E));
        assert_pointer(rows[n].pointer);
        REFUSED(ERR_INVALID, instance_estimate(AS(owner), &rows[n].in, &x, E));
        assert_pointer(rows[n].pointer);
    }
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
}

/* Why: each of these would let a key do more than log in. */
static void an_ssh_key_with_options_or_a_second_line_is_refused(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    snprintf(in.ssh_public_key, sizeof in.ssh_public_key, "command=\"sh\" %s", ssh_key);
    REFUSED(ERR_INVALID, instance_launch(AS(owner), &in, &i, E));
    snprintf(in.ssh_public_key, sizeof in.ssh_public_key, "%s\n%s", ssh_key, ssh_key);
    REFUSED(ERR_INVALID, instance_launch(AS(owner), &in, &i, E));
}

static void a_project_of_another_organization_does_not_exist(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    text_copy(in.project_id, sizeof in.project_id, fx->other.project_id);
    REFUSED(ERR_INVALID, instance_launch(AS(owner), &in, &i, E));
    assert_pointer("/project_id");
}

static void a_viewer_may_not_launch(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    REFUSED(ERR_FORBIDDEN, instance_launch(AS(viewer), &in, &i, E));
    REFUSED(ERR_FORBIDDEN, instance_launch(AS(billing), &in, &i, E));
}

static void a_price_above_the_most_is_refused_with_both(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .price_max = {FX_GPU_RATE - 1, "EUR"}};
    struct instance i = {0};

    REFUSED(ERR_CONFLICT, instance_launch(AS(owner), &in, &i, E));
    assert_string_equal(fx->e.facts[0].key, "price_per_hour");
    assert_int_equal(fx->e.facts[0].value, FX_GPU_RATE);
    in.price_max.micros++;
    OK(instance_launch(AS(owner), &in, &i, E));
    instance_drop(&i);
}

static void without_stock_the_offers_that_have_some_are_named(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create four = {.offer_id = "gpu-4.sim"}, one = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    for (int n = 0; n < 2; n++) {
        OK(instance_launch(AS(owner), &four, &i, E));
        instance_drop(&i);
    }
    /* No GPU is left anywhere: anything with stock. */
    REFUSED(ERR_NO_STOCK, instance_launch(AS(owner), &one, &i, E));
    assert_int_equal(fx->e.fact_count, 1);
    assert_string_equal(fx->e.facts[0].key, "alternatives");
    assert_string_equal(fx->e.facts[0].text, "cpu-2.sim");
    assert_int_equal(fx_pool_used(fx, "gpu"), 8);
    fx_check(fx);
}

static void without_stock_the_same_gpu_is_named_first(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create four = {.offer_id = "gpu-4.sim"}, one = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    OK(instance_launch(AS(owner), &four, &i, E));
    instance_drop(&i);
    OK(instance_launch(AS(owner), &one, &i, E));
    instance_drop(&i);
    REFUSED(ERR_NO_STOCK, instance_launch(AS(owner), &four, &i, E));
    assert_int_equal(fx->e.fact_count, 2);
    assert_string_equal(fx->e.facts[0].text, "gpu-1.sim");
    assert_string_equal(fx->e.facts[1].text, "odd-1.sim");
}

static void a_zone_without_an_engine_cannot_be_launched_in(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.far"};
    struct instance i = {0};

    REFUSED(ERR_NO_STOCK, instance_launch(AS(owner), &in, &i, E));
    assert_contains(fx->e.msg, "not connected");
    assert_string_equal(fx->e.facts[0].text, "gpu-1.sim");
}

static void without_credit_nothing_is_taken(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    REFUSED(ERR_NO_CREDIT, instance_launch(AS(other), &in, &i, E));
    assert_string_equal(fx->e.facts[0].key, "available");
    assert_int_equal(fx->e.facts[0].value, 0);
    assert_string_equal(fx->e.facts[1].key, "required");
    assert_int_equal(fx->e.facts[1].value, 3660000);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    fx_check(fx);
}

static void a_free_offer_needs_no_credit(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    fx_catalogue_write(fx, 0, FX_SLOTS, 0);
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    OK(instance_launch(AS(other), &in, &i, E));
    fx_step(fx);
    fx_advance(fx, 10 * FX_WINDOW);
    fx_step(fx);
    fx_look(fx, &i);
    assert_int_equal(i.state, INSTANCE_RUNNING);
    assert_int_equal(i.cost.micros, 0);
    fx_check(fx);
    instance_drop(&i);
}

static void an_offer_in_another_currency_is_refused(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct instance i = {0};

    text_copy(fx->other_org.currency, CURRENCY_MAX, "USD");
    OK(row_organization_update(TX, &fx->other_org, E));
    REFUSED(ERR_INVALID, instance_launch(AS(other), &in, &i, E));
    assert_pointer("/offer_id");
    assert_contains(fx->e.msg, "USD");
}

/* --- estimates ----------------------------------------------------------------------- */

static void an_estimate_says_all_before_the_yes_and_takes_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim", .deadline_at_ms = FX_AT_MS + 7200000};
    struct estimate x = {0};
    struct credit c;

    OK(instance_estimate(AS(owner), &in, &x, E));
    assert_true(x.accepted);
    assert_string_equal(x.refusal_code, "");
    assert_int_equal(x.price_per_hour.micros, FX_GPU_RATE);
    assert_int_equal(x.price_per_day.micros, 24 * FX_GPU_RATE);
    assert_int_equal(x.cost_to_deadline.micros, 2 * FX_GPU_RATE);
    assert_int_equal(x.hold.micros, 3660000);
    assert_int_equal(x.available_before.micros, FX_GRANT);
    assert_int_equal(x.available_after.micros, FX_GRANT - 3660000);
    assert_int_equal(x.runway_before_at_ms, 0);
    assert_int_equal(x.runway_after_at_ms, 0); /* it ends before the credit does */
    assert_int_equal(x.stock, 8);
    assert_string_equal(x.country, "FR");
    assert_string_equal(x.jurisdiction, "US");
    assert_true(x.carbon_g_per_hour > 59.9 && x.carbon_g_per_hour < 60.1);
    assert_int_equal(x.grant_count, 1);
    assert_string_equal(x.grants[0].grant_id, fx->grant.id);
    assert_int_equal(x.grants[0].kind, GRANT_PROMOTIONAL);
    assert_int_equal(x.grants[0].amount.micros, 3660000);
    assert_contains(x.rounding, "whole seconds");
    estimate_drop(&x);
    fx_credit(fx, &c);
    assert_int_equal(c.held.micros, 0);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    assert_int_equal(fx_events(fx, "credit.hold", ""), 0);
}

static void an_estimate_without_a_deadline_shows_the_runway(void **state)
{
    struct fx_service *fx = *state;
    struct instance_create in = {.offer_id = "gpu-1.sim"};
    struct estimate x = {0};

    OK(instance_estimate(AS(owner), &in, &x, E));
    assert_int_equal(x.cost_to_deadline.micros, 0);
    assert_int_equal(x.runway_after_at_ms, FX_AT_MS + FX_GRANT / 1000 * 1000);
    estimate_drop(&x);
}

static void an_estimate_refuses_what_a_launch_would_with_the_same_code(void **state)
{
    struct fx_service *fx = *state;
    struct {
        const struct actor *by;
        struct instance_create in;
    } rows[] = {
        {&fx->viewer, {.offer_id = "gpu-1.sim"}},
        {&fx->owner, {.offer_id = "gpu-1.sim", .price_max = {1, "EUR"}}},
        {&fx->owner, {.offer_id = "gpu-1.far"}},
        {&fx->other, {.offer_id = "gpu-1.sim"}},
    };
    static const enum err_code want[] = {ERR_FORBIDDEN, ERR_CONFLICT, ERR_NO_STOCK, ERR_NO_CREDIT};

    for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
        struct estimate x = {0};
        struct instance i = {0};

        REFUSED(want[n], instance_launch(&fx->sv, TX, rows[n].by, &rows[n].in, &i, E));
        {
            char said[ERR_MSG_MAX];

            text_copy(said, sizeof said, fx->e.msg);
            OK(instance_estimate(&fx->sv, TX, rows[n].by, &rows[n].in, &x, E));
            assert_false(x.accepted);
            assert_string_equal(x.refusal_code, err_slug(want[n]));
            assert_int_equal(strncmp(x.refusal, said, TEXT_BYTES_MAX - 1), 0);
        }
        assert_true(x.price_per_hour.micros > 0); /* the figures are there all the same */
        estimate_drop(&x);
    }
}

/* --- stock and the catalogue --------------------------------------------------------- */

static void offers_show_stock_and_availability(void **state)
{
    static const struct {
        const char *id;
        int64_t stock;
        enum availability availability;
    } want[] = {{"gpu-1.sim", 2, AVAILABILITY_SCARCE},
                {"gpu-4.sim", 0, AVAILABILITY_SHORTAGE},
                {"odd-1.sim", 2, AVAILABILITY_SCARCE},
                {"cpu-2.sim", 2, AVAILABILITY_AVAILABLE},
                {"gpu-1.far", 0, AVAILABILITY_NOT_CONNECTED}};
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct offer *items = NULL;
    size_t count = 0;

    OK(row_pool_take(TX, "gpu", 6, E));
    OK(offer_list(AS(viewer), &q, &items, &count, E));
    assert_int_equal(count, ARRAY_SIZE(want));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(items[i].id, want[i].id);
        assert_int_equal(items[i].stock, want[i].stock);
        assert_int_equal(items[i].availability, want[i].availability);
    }
    free(items);
}

static void offers_filter_by_zone_gpu_and_text(void **state)
{
    struct fx_service *fx = *state;
    struct page_query zone = {.limit = 10, .zone = "far"};
    struct page_query gpu = {.limit = 10, .gpu_model = "h100"};
    struct page_query text = {.limit = 10, .text = "CPU"};
    struct offer *items = NULL;
    size_t count = 0;

    OK(offer_list(AS(viewer), &zone, &items, &count, E));
    assert_int_equal(count, 1);
    free(items);
    OK(offer_list(AS(viewer), &gpu, &items, &count, E));
    assert_int_equal(count, 4);
    free(items);
    OK(offer_list(AS(viewer), &text, &items, &count, E));
    assert_int_equal(count, 1);
    assert_string_equal(items[0].id, "cpu-2.sim");
    free(items);
}

static void a_pool_has_no_more_than_the_engine(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10, .text = "gpu-1.sim"};
    struct offer *items = NULL;
    size_t count = 0;

    sim_slots(fx->engine, 3, true);
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    OK(offer_list(AS(viewer), &q, &items, &count, E));
    assert_int_equal(items[0].stock, 3);
    free(items);
}

static void a_bad_catalogue_changes_nothing(void **state)
{
    struct fx_service *fx = *state;
    const struct catalogue *before = catalogue_hold(&fx->sv), *after;
    FILE *f = fopen(fx->catalogue_path, "a");

    assert_non_null(f);
    fprintf(f, "surprise: 1\n");
    fclose(f);
    assert_err(ERR_INVALID, catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    assert_contains(fx->e.msg, "catalogue.yaml:");
    sim_fail(fx->engine, SIM_CAPACITY, 1, ERR_ENGINE, "away");
    fx_catalogue_write(fx, 1, FX_SLOTS, 0);
    assert_err(ERR_ENGINE, catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    after = catalogue_hold(&fx->sv);
    assert_ptr_equal(before, after);
    catalogue_put(&fx->sv, before);
    catalogue_put(&fx->sv, after);
}

static void a_catalogue_in_use_lives_until_it_is_given_back(void **state)
{
    struct fx_service *fx = *state;
    const struct catalogue *before = catalogue_hold(&fx->sv), *after;

    fx_catalogue_write(fx, 1234567, FX_SLOTS, 0);
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    assert_int_equal(catalogue_offer(before, "gpu-1.sim")->price_per_hour.micros, FX_GPU_RATE);
    after = catalogue_hold(&fx->sv);
    assert_int_equal(catalogue_offer(after, "gpu-1.sim")->price_per_hour.micros, 1234567);
    catalogue_put(&fx->sv, before);
    catalogue_put(&fx->sv, after);
}

static void a_new_price_does_not_touch_what_runs(void **state)
{
    struct fx_service *fx = *state;
    struct instance i = {0};

    fx_running(fx, &i);
    fx_catalogue_write(fx, 9000000, FX_SLOTS, 0);
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    fx_advance(fx, 100);
    fx_look(fx, &i);
    assert_int_equal(i.price_per_hour.micros, FX_GPU_RATE);
    assert_int_equal(i.cost.micros, 100 * 1000);
    instance_drop(&i);
}

/* Why: units given back by the new file must be those that the new file says are taken. */
static void stock_is_counted_again_when_units_change(void **state)
{
    struct fx_service *fx = *state;
    struct instance a = {0}, b = {0};
    char text[8192];
    FILE *f;
    size_t n;
    char *at;

    fx_running(fx, &a);
    fx_launch(fx, &b);
    f = fopen(fx->catalogue_path, "r");
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    at = strstr(text, "pool_units: 1,");
    assert_non_null(at);
    at[strlen("pool_units: ")] = '3';
    f = fopen(fx->catalogue_path, "w");
    fwrite(text, 1, n, f);
    fclose(f);
    assert_ok(catalogue_replace(&fx->sv, fx->catalogue_path, E), E);
    assert_int_equal(fx_pool_used(fx, "gpu"), 6);
    fx_act(fx, &a, INSTANCE_DELETE);
    fx_act(fx, &b, INSTANCE_DELETE);
    fx_step(fx);
    fx_step(fx);
    assert_int_equal(fx_pool_used(fx, "gpu"), 0);
    instance_drop(&a);
    instance_drop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(a_launch_takes_stock_and_credit_and_writes_the_intent),
        FX_TEST(a_name_is_made_from_the_offer),
        FX_TEST(a_deadline_sooner_than_the_window_holds_less),
        FX_TEST(a_relative_deadline_is_shown_only_once_it_is_known),
        FX_TEST(what_makes_no_sense_is_refused_with_its_place),
        FX_TEST(an_ssh_key_with_options_or_a_second_line_is_refused),
        FX_TEST(a_project_of_another_organization_does_not_exist),
        FX_TEST(a_viewer_may_not_launch),
        FX_TEST(a_price_above_the_most_is_refused_with_both),
        FX_TEST(without_stock_the_offers_that_have_some_are_named),
        FX_TEST(without_stock_the_same_gpu_is_named_first),
        FX_TEST(a_zone_without_an_engine_cannot_be_launched_in),
        FX_TEST(without_credit_nothing_is_taken),
        FX_TEST(a_free_offer_needs_no_credit),
        FX_TEST(an_offer_in_another_currency_is_refused),
        FX_TEST(an_estimate_says_all_before_the_yes_and_takes_nothing),
        FX_TEST(an_estimate_without_a_deadline_shows_the_runway),
        FX_TEST(an_estimate_refuses_what_a_launch_would_with_the_same_code),
        FX_TEST(offers_show_stock_and_availability),
        FX_TEST(offers_filter_by_zone_gpu_and_text),
        FX_TEST(a_pool_has_no_more_than_the_engine),
        FX_TEST(a_bad_catalogue_changes_nothing),
        FX_TEST(a_catalogue_in_use_lives_until_it_is_given_back),
        FX_TEST(a_new_price_does_not_touch_what_runs),
        FX_TEST(stock_is_counted_again_when_units_change),
    };

    return T_RUN("service launch", tests);
}
