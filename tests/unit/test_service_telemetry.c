/* Telemetry that watchers post: who may, what is kept, for how long, and how much. */
#include "tests/support/fx_service.h"

#include <stdio.h>

static struct telemetry_reading readings[2] = {{"power_watts", 70.5}, {"sm_clock_mhz", 345}};
static struct telemetry_gpu gpus[1] = {
    {.index = 0, .uuid = "GPU-1", .readings = readings, .reading_count = 2}};

static struct telemetry_sample sample(const char *host, int64_t at_ms)
{
    struct telemetry_sample s = {.taken_at_ms = at_ms, .gpus = gpus, .gpu_count = 1};

    text_copy(s.host, sizeof s.host, host);
    return s;
}

struct listed {
    struct telemetry_sample *items;
    size_t count;
    char next[CURSOR_BYTES_MAX];
};
#define ITEMS(l) &(l).items, &(l).count, (l).next
#define DROP(l)  LIST_FREE(&telemetry_sample_shape, (l).items, (l).count)

static void the_newest_of_each_machine_is_listed_and_the_hour_of_one(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct listed l = {0};
    struct telemetry_sample s;

    for (int i = 0; i < 3; i++) {
        s = sample("node-1", FX_AT_MS - 60000 + i * 20000);
        OK(telemetry_post(AS(member), &s, E));
    }
    s = sample("node-2", FX_AT_MS);
    OK(telemetry_post(AS(member), &s, E));
    OK(telemetry_list(AS(viewer), &q, ITEMS(l), E));
    assert_int_equal(l.count, 2);
    assert_int_equal(l.items[0].taken_at_ms, FX_AT_MS - 20000);
    assert_int_equal(l.items[0].received_at_ms, FX_AT_MS);
    assert_int_equal(l.items[0].gpus[0].reading_count, 2);
    assert_float_equal(l.items[0].gpus[0].readings[0].value, 70.5, 1e-9);
    DROP(l);
    text_copy(q.text, sizeof q.text, "node-1");
    OK(telemetry_list(AS(viewer), &q, ITEMS(l), E));
    assert_int_equal(l.count, 3);
    assert_true(l.items[0].taken_at_ms > l.items[2].taken_at_ms);
    DROP(l);
    q.to_ms = FX_AT_MS - 20000;
    q.from_ms = FX_AT_MS - 50000;
    OK(telemetry_list(AS(viewer), &q, ITEMS(l), E));
    assert_int_equal(l.count, 1);
    DROP(l);
}

static void telemetry_of_others_is_not_seen_and_staff_sees_all(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10};
    struct listed l = {0};
    struct telemetry_sample s = sample("node-1", FX_AT_MS);

    OK(telemetry_post(AS(owner), &s, E));
    OK(telemetry_post(AS(other), &s, E)); /* the same name is another machine */
    OK(telemetry_list(AS(other), &q, ITEMS(l), E));
    assert_int_equal(l.count, 1);
    DROP(l);
    OK(telemetry_list(AS(support), &q, ITEMS(l), E));
    assert_int_equal(l.count, 2);
    DROP(l);
}

static void what_is_wrong_is_refused_with_its_place(void **state)
{
    struct fx_service *fx = *state;
    struct telemetry_sample s = sample("node-1", FX_AT_MS);
    struct instance i = {0};

    REFUSED(ERR_FORBIDDEN, telemetry_post(AS(viewer), &s, E));
    REFUSED(ERR_FORBIDDEN, telemetry_post(AS(billing), &s, E));
    s.taken_at_ms = FX_AT_MS - 3601 * 1000;
    REFUSED(ERR_INVALID, telemetry_post(AS(owner), &s, E));
    assert_pointer("/taken_at");
    s.taken_at_ms = FX_AT_MS + 301 * 1000;
    REFUSED(ERR_INVALID, telemetry_post(AS(owner), &s, E));
    assert_pointer("/taken_at");
    s = sample(" ", FX_AT_MS);
    REFUSED(ERR_INVALID, telemetry_post(AS(owner), &s, E));
    assert_pointer("/host");
    s = sample("node-1", FX_AT_MS);
    text_copy(readings[1].meter, sizeof readings[1].meter, "Power!");
    REFUSED(ERR_INVALID, telemetry_post(AS(owner), &s, E));
    assert_pointer("/gpus/0/readings/1/meter");
    text_copy(readings[1].meter, sizeof readings[1].meter, "sm_clock_mhz");
    fx_launch(fx, &i);
    text_copy(s.instance_id, sizeof s.instance_id, i.id);
    REFUSED(ERR_INVALID, telemetry_post(AS(other), &s, E));
    assert_pointer("/instance_id");
    OK(telemetry_post(AS(owner), &s, E));
    shape_release(&instance_shape, &i);
}

static void of_one_step_the_last_is_kept_and_after_an_hour_nothing(void **state)
{
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 10, .text = "node-1"};
    struct listed l = {0};
    struct telemetry_sample s;

    for (int i = 0; i < 5; i++) {
        s = sample("node-1", FX_AT_MS + i * 1000);
        OK(telemetry_post(AS(owner), &s, E));
    }
    s = sample("node-1", FX_AT_MS + 2000); /* late: what is newer stays */
    OK(telemetry_post(AS(owner), &s, E));
    OK(telemetry_list(AS(owner), &q, ITEMS(l), E));
    assert_int_equal(l.count, 1);
    assert_int_equal(l.items[0].taken_at_ms, FX_AT_MS + 4000);
    DROP(l);
    clock_test_advance(&fx->clock, 3605 * 1000);
    OK(telemetry_list(AS(owner), &q, ITEMS(l), E));
    assert_int_equal(l.count, 0);
    DROP(l);
}

static void an_organization_cannot_fill_the_memory_with_machines(void **state)
{
    struct fx_service *fx = *state;
    struct telemetry_sample s;
    char host[NAME_BYTES_MAX];

    for (int i = 0; i < 128; i++) {
        snprintf(host, sizeof host, "node-%d", i);
        s = sample(host, FX_AT_MS);
        OK(telemetry_post(AS(owner), &s, E));
    }
    s = sample("one-more", FX_AT_MS);
    REFUSED(ERR_LIMIT, telemetry_post(AS(owner), &s, E));
    OK(telemetry_post(AS(other), &s, E));
    clock_test_advance(&fx->clock, 3601 * 1000); /* the others are forgotten */
    s.taken_at_ms = FX_AT_MS + 3601 * 1000;
    OK(telemetry_post(AS(owner), &s, E));
}

/* 64 GPUs with 64 readings are 200 kB a sample: 64 MiB are full after some 300 of them. */
static void who_posts_the_most_loses_the_oldest_and_others_nothing(void **state)
{
    static struct telemetry_reading many[64];
    static struct telemetry_gpu large[64];
    struct fx_service *fx = *state;
    struct page_query q = {.limit = 200, .text = "hog"};
    struct listed l = {0};
    struct telemetry_sample s = sample("small", FX_AT_MS);

    for (size_t i = 0; i < 64; i++) {
        snprintf(many[i].meter, sizeof many[i].meter, "meter_%zu", i);
        large[i] =
            (struct telemetry_gpu){.index = (int64_t)i, .readings = many, .reading_count = 64};
    }
    OK(telemetry_post(AS(other), &s, E));
    fx_begin(fx);
    for (int i = 0; i < 355; i++) {
        s = sample("hog", FX_AT_MS - 3550000 + i * 10000);
        s.gpus = large;
        s.gpu_count = 64;
        assert_ok(telemetry_post(AS(owner), &s, E), E);
    }
    fx_end(fx, ERR_OK, ERR_OK, "posts", __FILE__, __LINE__);
    q.to_ms = FX_AT_MS - 3500000; /* the oldest are gone */
    OK(telemetry_list(AS(owner), &q, ITEMS(l), E));
    assert_int_equal(l.count, 0);
    DROP(l);
    q.to_ms = 0;
    OK(telemetry_list(AS(owner), &q, ITEMS(l), E));
    assert_in_range(l.count, 2, 40); /* an answer is bounded, too */
    assert_int_equal(l.items[0].taken_at_ms, FX_AT_MS - 10000);
    DROP(l);
    text_copy(q.text, sizeof q.text, "small");
    OK(telemetry_list(AS(other), &q, ITEMS(l), E));
    assert_int_equal(l.count, 1);
    DROP(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FX_TEST(the_newest_of_each_machine_is_listed_and_the_hour_of_one),
        FX_TEST(telemetry_of_others_is_not_seen_and_staff_sees_all),
        FX_TEST(what_is_wrong_is_refused_with_its_place),
        FX_TEST(of_one_step_the_last_is_kept_and_after_an_hour_nothing),
        FX_TEST(an_organization_cannot_fill_the_memory_with_machines),
        FX_TEST(who_posts_the_most_loses_the_oldest_and_others_nothing),
    };

    return T_RUN("service telemetry", tests);
}
