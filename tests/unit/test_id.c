/* Ids: their form, their order, and that nobody gets the same one twice. */
#include "tests/support/t.h"

#include <pthread.h>

#include "core/id.h"

static void ids_have_a_prefix_and_the_form_of_a_uuid(void **state)
{
    char id[ID_MAX];

    (void)state;
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        id_new((enum id_kind)kind, clock_real(), id);
        assert_int_equal(strlen(id), 40);
        assert_memory_equal(id, id_prefix((enum id_kind)kind), 3);
        for (int other = 0; other < ID_KIND_COUNT; other++)
            assert_int_equal(id_is((enum id_kind)other, id), other == kind);
    }
}

static void other_texts_are_not_ids(void **state)
{
    static const char *const bad[] = {
        "",
        "i",
        "ins",
        "ins_",
        "ins_0192f3a1-7b2c-7def-8123-456789abcde",
        "ins_0192f3a1-7b2c-7def-8123-456789abcdef0",
        "ins_0192F3A1-7b2c-7def-8123-456789abcdef",
        "ins_0192f3a1-7b2c-4def-8123-456789abcdef",
        "ins_0192f3a1-7b2c-7def-c123-456789abcdef",
        "ins_0192f3a107b2c-7def-8123-456789abcdef",
        "ins-0192f3a1-7b2c-7def-8123-456789abcdef",
        "job_0192f3a1-7b2c-7def-8123-456789abcdef",
        "ins_0192f3a1-7b2c-7def-8123-456789abcdeg",
        "INS_0192f3a1-7b2c-7def-8123-456789abcdef",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(id_is(ID_INSTANCE, bad[i]));
    assert_true(id_is(ID_INSTANCE, "ins_0192f3a1-7b2c-7def-8123-456789abcdef"));
}

/* Why: pages are cut by id; a clock that steps must not make a row vanish from them. */
static void ids_increase_whatever_the_clock_does(void **state)
{
    static const int64_t steps_ms[] = {0, 1, -1, 0, -3600000, 60000, 5, 0, -500};
    struct clock_test clock;
    char before[ID_MAX], now[ID_MAX];

    (void)state;
    clock_test_init(&clock, clock_now_ms(clock_real()));
    id_new(ID_JOB, &clock.base, before);
    for (int i = 0; i < 20000; i++) {
        clock_test_advance(&clock, steps_ms[i % (int)ARRAY_SIZE(steps_ms)]);
        id_new(ID_JOB, &clock.base, now);
        assert_true(strcmp(before, now) < 0);
        memcpy(before, now, sizeof now);
    }
}

static void an_id_holds_its_time(void **state)
{
    struct clock_test clock;
    char id[ID_MAX], want[24];
    int64_t at_ms = clock_now_ms(clock_real()) + 86400000LL * 3650;

    (void)state;
    clock_test_init(&clock, at_ms);
    id_new(ID_REPORT, &clock.base, id);
    snprintf(want, sizeof want, "%08llx-%04llx", (unsigned long long)at_ms >> 16,
             (unsigned long long)at_ms & 0xFFFF);
    assert_memory_equal(id + 4, want, 13);
}

static void an_impossible_clock_still_gives_ids(void **state)
{
    struct clock_test clock;
    char id[ID_MAX];

    (void)state;
    clock_test_init(&clock, -5);
    assert_true(id_is(ID_GRANT, id_new(ID_GRANT, &clock.base, id)));
}

enum { THREADS = 4, IDS_EACH = 5000 };

struct worker {
    pthread_t thread;
    char (*ids)[ID_MAX];
};

static void *make_ids(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < IDS_EACH; i++)
        id_new(ID_ENTRY, clock_real(), w->ids[i]);
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void threads_never_share_an_id(void **state)
{
    char(*ids)[ID_MAX] = calloc(THREADS * IDS_EACH, ID_MAX);
    struct worker workers[THREADS];

    (void)state;
    assert_non_null(ids);
    for (int i = 0; i < THREADS; i++) {
        workers[i].ids = ids + i * IDS_EACH;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, make_ids, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < THREADS; i++)
        for (int k = 1; k < IDS_EACH; k++)
            assert_true(strcmp(workers[i].ids[k - 1], workers[i].ids[k]) < 0);
    qsort(ids, THREADS * IDS_EACH, ID_MAX, compare_ids);
    for (int i = 1; i < THREADS * IDS_EACH; i++)
        assert_true(strcmp(ids[i - 1], ids[i]) < 0);
    free(ids);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ids_have_a_prefix_and_the_form_of_a_uuid),
    cmocka_unit_test(other_texts_are_not_ids),
    cmocka_unit_test(ids_increase_whatever_the_clock_does),
    cmocka_unit_test(threads_never_share_an_id),
    cmocka_unit_test(an_impossible_clock_still_gives_ids),
    cmocka_unit_test(an_id_holds_its_time), /* last: it moves the process's ids far ahead */
};

int main(void)
{
    return T_RUN("id", tests);
}
