/* Counts wrong answers by SM and puts them into a sentence. */
#include "gpu/votes.h"

#include <inttypes.h>
#include <stdlib.h>

#define SMS_NAMED_MAX 6
#define ECHO_SHARE    4
#define WRONG_ACTION  "take the GPU out of use and have it replaced: it computes wrong results"
#define MEMORY_ACTION "see what the memory checks say; have the GPU replaced"
#define SETUP_ACTION  "see the memory checks: GPU, driver's compiler or processor is wrong"

void votes_init(struct votes *v, const char *const *kinds, size_t kind_count)
{
    *v = (struct votes){.kinds = kinds, .kind_count = kind_count};
}

void votes_block(struct votes *v, uint32_t sm)
{
    if (sm >= VOTES_SMS_MAX)
        v->strays++;
    else
        v->blocks[sm]++;
}

static int word_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* What more than half of the blocks say; false when there is no such number. */
static bool majority(const uint32_t *words, size_t stride, size_t count, uint32_t *out)
{
    uint32_t *sorted = calloc(count + 1, sizeof *sorted);
    size_t same = 0;
    bool found;

    if (!sorted)
        return false;
    for (size_t i = 0; i < count; i++)
        sorted[i] = words[i * stride];
    qsort(sorted, count, sizeof *sorted, word_order);
    *out = sorted[count / 2];
    for (size_t i = 0; i < count; i++)
        same += sorted[i] == *out;
    found = same * 2 > count;
    free(sorted);
    return found;
}

void votes_count(struct votes *v, size_t kind, const uint32_t *words, size_t stride,
                 const uint32_t *sms, size_t count, const uint32_t *right)
{
    uint32_t most = 0;

    if (!right && !majority(words, stride, count, &most)) {
        v->split[kind] = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (sms[i] < VOTES_SMS_MAX && words[i * stride] != (right ? *right : most))
            v->wrong[kind][sms[i]]++;
    }
}

void votes_wrong(struct votes *v, size_t kind, uint32_t sm, uint32_t count)
{
    if (sm >= VOTES_SMS_MAX)
        v->strays += count;
    else if (__builtin_add_overflow(v->wrong[kind][sm], count, &v->wrong[kind][sm]))
        v->wrong[kind][sm] = UINT32_MAX;
}

void votes_still_echo(struct votes *v)
{
    for (size_t k = 0; k < v->kind_count; k++) {
        uint32_t worst = 0;

        for (size_t i = 0; i < VOTES_SMS_MAX; i++)
            worst = v->wrong[k][i] > worst ? v->wrong[k][i] : worst;
        for (size_t i = 0; i < VOTES_SMS_MAX; i++) {
            if ((uint64_t)v->wrong[k][i] * ECHO_SHARE < worst)
                v->wrong[k][i] = 0;
        }
    }
}

size_t votes_sm_count(const struct votes *v)
{
    size_t n = 0;

    for (size_t i = 0; i < VOTES_SMS_MAX; i++)
        n += v->blocks[i] > 0;
    return n;
}

static uint32_t sm_wrong(const struct votes *v, size_t sm)
{
    uint32_t n = 0;

    for (size_t k = 0; k < v->kind_count; k++)
        n += v->wrong[k][sm];
    return n;
}

static void sms_name(const struct votes *v, size_t wrong_sms, struct strbuf *out)
{
    size_t named = 0;

    strbuf_adds(out, wrong_sms == 1 ? "SM" : "SMs");
    for (size_t i = 0; i < VOTES_SMS_MAX && named < SMS_NAMED_MAX; i++) {
        if (sm_wrong(v, i))
            strbuf_addf(out, "%s %zu", named++ ? "," : "", i);
    }
    if (wrong_sms > named)
        strbuf_addf(out, " and %zu more", wrong_sms - named);
}

static void kinds_name(const struct votes *v, bool split, struct strbuf *out)
{
    bool first = true;

    for (size_t k = 0; k < v->kind_count; k++) {
        bool named = split && v->split[k];

        for (size_t i = 0; i < VOTES_SMS_MAX && !split && !named; i++)
            named = v->wrong[k][i] > 0;
        if (named)
            strbuf_addf(out, "%s%s", first ? "" : ", ", v->kinds[k]);
        first = first && !named;
    }
}

static bool any_split(const struct votes *v)
{
    bool split = false;

    for (size_t k = 0; k < v->kind_count; k++)
        split = split || v->split[k];
    return split;
}

bool votes_answered(const struct votes *v, struct finding *f)
{
    size_t seen = votes_sm_count(v), wrong_sms = 0;
    uint64_t blocks = 0, results = 0;
    bool is_garbage = false; /* an SM that was never there */
    STRBUF text;

    for (size_t i = 0; i < VOTES_SMS_MAX; i++) {
        wrong_sms += sm_wrong(v, i) > 0;
        is_garbage = is_garbage || (sm_wrong(v, i) && !v->blocks[i]);
        results += sm_wrong(v, i);
        blocks += sm_wrong(v, i) ? v->blocks[i] : 0;
    }
    strbuf_init(&text, TEXT_BYTES_MAX);
    kinds_name(v, wrong_sms == 0, &text);
    if (is_garbage) {
        gpu_fail(f, REMEDY_REPLACE, MEMORY_ACTION,
                 "what the GPU left in its memory for %s makes no sense", text.data);
    } else if (wrong_sms && wrong_sms == seen && seen > 1) {
        gpu_fail(f, REMEDY_INSPECT, SETUP_ACTION,
                 "all %zu SMs compute %s differently from the "
                 "processor",
                 seen, text.data);
    } else if (wrong_sms) {
        strbuf_adds(&text, " wrong on ");
        sms_name(v, wrong_sms, &text);
        gpu_fail(f, REMEDY_REPLACE, WRONG_ACTION,
                 "%s (of %zu; %" PRIu64 " wrong sums in %" PRIu64 " blocks)", text.data, seen,
                 results, blocks);
    } else if (any_split(v)) {
        gpu_fail(f, REMEDY_REPLACE, WRONG_ACTION, "the SMs do not agree on %s", text.data);
    } else if (v->strays) {
        gpu_error(f, "%" PRIu32 " blocks ran on SMs with numbers that make no sense", v->strays);
    } else {
        return true;
    }
    return false;
}
