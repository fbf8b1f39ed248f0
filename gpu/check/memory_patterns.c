/* Does memory keep what it is given? Nearly all of what is free is filled with patterns, read
 * and compared by kernels. With error correction on, the driver's counters tell more than what
 * is read, so they are asked before and after. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/compute.h"
#include "gpu/kernel/memory.h"
#include "gpu/memory_blame.h"

#define SHARE_MIN      0.95 /* of the free memory must be tested */
#define KEEP_SHARE     200  /* what the driver may still need: one part in so many… */
#define KEEP_BYTES_MAX (256LL << 20)
#define BLOCKS_PER_SM  5          /* of 256 threads: as many as fit on every GPU since 2020 */
#define WRONG_MANY     1000000ULL /* then all is said */
#define LOOK_BYTES     (2LL << 20)
#define SEAL           0x5ea15ea1U
#define COUNT_MAX      1000000000000LL

/* How long it may go on. One round is 99 traversals: 3.3 s on an H200 (141 GB at 4.2 TB/s). */
static const int64_t tier_ms[] = {
    [TIER_STATE] = 0,
    [TIER_QUICK] = 10 * 1000,
    [TIER_BURN] = 30 * 1000,
    [TIER_SOAK] = 5 * 60 * 1000,
};

/* The steps of a pattern, as in the notation of march tests: W write, T check and write the
 * inverse, R check; small letters from the last address to the first. M copies the lower half
 * of each piece onto the upper one and checks that. Patterns that matter most come first. */
static const struct plan {
    const char *name;
    enum memory_pattern pattern;
    unsigned seed_count; /* the pattern is run with each */
    const char *steps;
} plans[] = {
    {"own address", MEMORY_ADDRESS, 1, "WTtr"},
    {"zeros and ones", MEMORY_ZERO, 1, "WTTttR"}, /* March C- */
    {"random", MEMORY_RANDOM, 1, "WRRTtr"},       /* cells that reading wears out */
    {"walking bits", MEMORY_WALKING, 8, "WTr"},
    {"modulo 20", MEMORY_MODULO, 20, "WR"},
    {"block move", MEMORY_RANDOM, 1, "WM"},
};
#define PLANS_NEEDED 3 /* without these nothing is said about the memory */

struct test {
    struct compute *c;
    struct cu_function *fill, *check, *turn, *copy;
    struct compute_hoard hoard;
    uint64_t report; /* address */
    int64_t free_bytes, tested_bytes;
    int64_t until_ms; /* by the monotonic clock */
    unsigned round;
    bool is_damaged;        /* the report, by the memory it lies in */
    size_t plans_done;      /* of the first round */
    const char *failed;     /* name of the first pattern that did */
    struct memory_wrongs w; /* of all patterns */
};

struct counters {
    bool known;
    int64_t corrected, uncorrected, pending;
};

/* --- one pattern ----------------------------------------------------------------------------- */

static enum err_code piece_copy(struct test *x, struct memory_args a, struct err *e)
{
    unsigned blocks = (unsigned)x->c->sm_count * BLOCKS_PER_SM;
    enum err_code rc;

    a.tiles /= 2;
    a.from = a.address;
    a.address += (u64)a.tiles * MEMORY_TILE_BYTES;
    rc = compute_launch(x->c, x->copy, blocks, MEMORY_THREADS, 0, &a, e);
    return rc ? rc : compute_launch(x->c, x->check, blocks, MEMORY_THREADS, 0, &a, e);
}

static enum err_code step_run(struct test *x, char step, struct memory_args *a, struct err *e)
{
    unsigned blocks = (unsigned)x->c->sm_count * BLOCKS_PER_SM;
    struct cu_function *kernel = x->check;
    enum err_code rc = ERR_OK;

    a->down = step == 't' || step == 'r';
    if (step == 'W')
        kernel = x->fill;
    if (step == 'T' || step == 't')
        kernel = x->turn;
    for (size_t n = 0; n < x->hoard.count && !rc; n++) {
        size_t i = a->down ? x->hoard.count - 1 - n : n;

        a->address = x->hoard.address[i];
        a->first = a->address / 16;
        a->tiles = (u32)(x->hoard.size[i] / MEMORY_TILE_BYTES);
        rc = step == 'M' ? piece_copy(x, *a, e)
                         : compute_launch(x->c, kernel, blocks, MEMORY_THREADS, 0, a, e);
    }
    if (step == 'T' || step == 't')
        a->flip = ~a->flip;
    return rc;
}

/* Where an address lies: fills offset, and the number of the unit in its piece. */
static bool place_find(const struct test *x, struct memory_wrong *w, u32 *place)
{
    w->offset = 0;
    for (size_t i = 0; i < x->hoard.count; i++) {
        uint64_t inside = w->address - x->hoard.address[i];

        if (inside < (uint64_t)x->hoard.size[i]) {
            w->offset += inside;
            *place = (u32)(inside / 16);
            return true;
        }
        w->offset += (uint64_t)x->hoard.size[i];
    }
    return false;
}

static u32 word_expected(const struct memory_wrong *w, u32 place)
{
    struct words4 v = memory_unit(w->pattern, w->seed, w->address / 16, place);
    const u32 words[] = {v.x, v.y, v.z, v.w};

    return words[w->address / 4 % 4];
}

/* Could this entry have been written so? */
static bool entry_holds(const struct test *x, struct memory_wrong *w)
{
    u32 place = 0;

    return w->expected != w->got && w->address % 4 == 0 && place_find(x, w, &place) &&
           (w->expected == word_expected(w, place) || w->expected == ~word_expected(w, place));
}

/* What the kernels report lies in the memory under test. False: that did not keep it. */
static bool report_take(struct test *x, const struct plan *p, u32 seed, const u32 *words)
{
    size_t entries = words[MEMORY_REPORT_ENTRIES];

    if (words[MEMORY_REPORT_SEAL] != SEAL || words[MEMORY_REPORT_WRONG] > 2U * MEMORY_WRONG_MAX)
        return false;
    x->w.found += words[MEMORY_REPORT_WRONG];
    /* A copy shows the errors of its source at a second place. */
    if (x->w.count && strchr(p->steps, 'M'))
        return true;
    for (size_t i = 0; i < entries && i < MEMORY_ENTRIES_MAX && x->w.count < MEMORY_WRONGS_MAX;
         i++) {
        const u32 *entry = words + MEMORY_REPORT_HEAD + i * MEMORY_ENTRY_WORDS;
        struct memory_wrong wrong = {
            .pattern = p->pattern,
            .seed = seed,
            .address = entry[MEMORY_ENTRY_LOW] | (uint64_t)entry[MEMORY_ENTRY_HIGH] << 32,
            .expected = entry[MEMORY_ENTRY_EXPECTED],
            .got = entry[MEMORY_ENTRY_GOT],
            .again = entry[MEMORY_ENTRY_AGAIN],
            .sm = entry[MEMORY_ENTRY_SM],
        };

        if (strchr(p->steps, 'M') == NULL && !entry_holds(x, &wrong))
            return false;
        x->w.list[x->w.count++] = wrong;
    }
    return true;
}

/* Look without a report: write, and compare here what comes back. */
static enum err_code host_look(struct test *x, struct err *e)
{
    size_t bytes = (size_t)(x->hoard.size[0] < LOOK_BYTES ? x->hoard.size[0] : LOOK_BYTES);
    struct memory_args a = {.pattern = MEMORY_ADDRESS};
    u32 *words = malloc(bytes);
    enum err_code rc = words ? step_run(x, 'W', &a, e) : err_set(e, ERR_IO, "out of memory");

    if (!rc)
        rc = compute_read(x->c, words, x->hoard.address[0], bytes, e);
    x->w.count = x->w.found = 0;
    for (size_t i = 0; i < bytes / sizeof *words && !rc; i++) {
        struct memory_wrong wrong = {.pattern = MEMORY_ADDRESS,
                                     .address = x->hoard.address[0] + i * sizeof *words,
                                     .got = words[i],
                                     .again = words[i],
                                     .sm = MEMORY_SM_UNKNOWN};

        wrong.expected = word_expected(&wrong, (u32)(i / 4));
        wrong.offset = i * sizeof *words;
        if (wrong.expected == wrong.got)
            continue;
        x->w.found++;
        if (x->w.count < MEMORY_WRONGS_MAX)
            x->w.list[x->w.count++] = wrong;
    }
    free(words);
    x->w.found += x->w.found == 0; /* the report's own */
    return rc;
}

static enum err_code pattern_run(struct test *x, const struct plan *p, u32 seed, struct err *e)
{
    struct memory_args a = {.report = x->report, .pattern = p->pattern, .seed = seed};
    u32 words[MEMORY_REPORT_WORDS] = {[MEMORY_REPORT_SEAL] = SEAL};
    enum err_code rc = compute_write(x->c, x->report, words, sizeof words, e);

    for (const char *step = p->steps; *step && !rc; step++)
        rc = step_run(x, *step, &a, e);
    if (!rc)
        rc = compute_read(x->c, words, x->report, MEMORY_REPORT_HEAD * sizeof *words, e);
    if (rc || (!words[MEMORY_REPORT_WRONG] && words[MEMORY_REPORT_SEAL] == SEAL))
        return rc;
    rc = compute_read(x->c, words, x->report, sizeof words, e);
    if (!x->failed)
        x->failed = p->name;
    if (rc || report_take(x, p, seed, words))
        return rc;
    x->is_damaged = true;
    return host_look(x, e);
}

static bool is_over(const struct test *x, const struct gpu_target *t)
{
    return clock_mono_ms(t->options->clock) >= x->until_ms || x->w.found >= WRONG_MANY ||
           x->is_damaged;
}

/* Rounds differ in what is random. Quick runs one. */
static enum err_code rounds_run(struct test *x, const struct gpu_target *t, struct err *e)
{
    enum err_code rc = ERR_OK;

    for (x->round = 0; x->round == 0 || t->tier > TIER_QUICK; x->round++) {
        for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
            for (unsigned s = 0; s < plans[i].seed_count && !rc; s++) {
                u32 seed = plans[i].pattern == MEMORY_RANDOM ? x->round * 2 + (i > 3) + 1 : s;

                if (is_over(x, t))
                    return ERR_OK;
                rc = pattern_run(x, &plans[i], seed, e);
            }
            if (rc)
                return rc;
            x->plans_done += x->round == 0;
        }
    }
    return ERR_OK;
}

/* --- the driver's counters ------------------------------------------------------------------- */

static void counters_read(const struct gpu_target *t, struct counters *out)
{
    const struct {
        unsigned field;
        int64_t *value;
    } asked[] = {
        {NVML_FIELD_ECC_SBE_VOLATILE, &out->corrected},
        {NVML_FIELD_ECC_DBE_VOLATILE, &out->uncorrected},
        {NVML_FIELD_REMAP_PENDING, &out->pending},
    };

    *out = (struct counters){.known = true};
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        int code = nvml_field_read(t->nvml, t->device, asked[i].field, asked[i].value);

        if (code != NVML_OK || *asked[i].value < 0 || *asked[i].value > COUNT_MAX)
            out->known = false;
    }
}

/* True when the counters alone decide. */
static bool counters_judge(const struct counters *before, const struct counters *after,
                           struct finding *f)
{
    int64_t worse = after->uncorrected - before->uncorrected;
    int64_t corrected = after->corrected - before->corrected;

    if (!before->known || !after->known)
        return false;
    if (worse > 0)
        gpu_fail(f, REMEDY_RESET, "reset the GPU; if it comes back, have it replaced",
                 "%" PRId64 " uncorrectable memory error%s during the test", worse,
                 worse == 1 ? "" : "s");
    else if (after->pending > before->pending)
        gpu_fail(f, REMEDY_RESET, "reset the GPU, so that its spare rows are used",
                 "a memory row had to be replaced during the test");
    else if (corrected > 0)
        gpu_warn(f, REMEDY_RETRY, "check again later; if it stays, have the GPU inspected",
                 "%" PRId64 " memory error%s had to be corrected during the test", corrected,
                 corrected == 1 ? "" : "s");
    else
        return false;
    return true;
}

/* --- all of it ------------------------------------------------------------------------------- */

static enum err_code test_open(struct test *x, struct err *e)
{
    const struct {
        const char *name;
        struct cu_function **kernel;
    } kernels[] = {
        {"memory_fill", &x->fill},
        {"memory_check", &x->check},
        {"memory_turn", &x->turn},
        {"memory_copy", &x->copy},
    };
    enum err_code rc = ERR_OK;
    int64_t keep;

    for (size_t i = 0; i < ARRAY_SIZE(kernels) && !rc; i++)
        rc = compute_kernel(x->c, COMPUTE_MODULE_memory, kernels[i].name, kernels[i].kernel, e);
    if (!rc)
        rc = compute_take(x->c, MEMORY_REPORT_WORDS * sizeof(u32), &x->report, e);
    if (!rc)
        rc = compute_free_bytes(x->c, &x->free_bytes, e);
    if (rc)
        return rc;
    keep = x->free_bytes / KEEP_SHARE;
    compute_hoard_take(x->c, keep < KEEP_BYTES_MAX ? keep : KEEP_BYTES_MAX, &x->hoard);
    x->tested_bytes = x->hoard.bytes;
    return ERR_OK;
}

static void test_close(struct test *x)
{
    if (x->c->broken)
        return; /* nothing can be given back any more */
    compute_hoard_give(x->c, &x->hoard);
    compute_give(x->c, x->report);
}

static void wrongs_judge(const struct test *x, struct finding *f)
{
    char why[TEXT_BYTES_MAX / 2];

    memory_blame(&x->w, why, sizeof why);
    gpu_fail(f, REMEDY_REPLACE, "ask the provider to replace the GPU",
             "%" PRIu64 "%s word%s wrong in pattern '%s': %s", x->w.found,
             x->w.found >= WRONG_MANY ? " or more" : "", x->w.found == 1 ? "" : "s", x->failed,
             why);
}

/* Nothing was wrong: how much of the memory does that say something about? */
static void coverage_judge(const struct test *x, struct finding *f)
{
    double share = x->free_bytes > 0 ? (double)x->tested_bytes / (double)x->free_bytes : 0;
    char left[TEXT_BYTES_MAX / 2] = "";
    double gb = (double)x->tested_bytes / 1e9;
    size_t used = 0;

    for (size_t i = x->plans_done; i < ARRAY_SIZE(plans) && used < sizeof left; i++)
        used += (size_t)snprintf(left + used, sizeof left - used, "%s%s", used ? ", " : "",
                                 plans[i].name);
    if (share < SHARE_MIN)
        gpu_error(f, "only %.3g GB could be tested, %.1f %% of what is free", gb, 100 * share);
    else if (x->plans_done < PLANS_NEEDED)
        gpu_error(f, "no time for the patterns that matter: %s", left);
    else
        gpu_pass(f, "%.3g GB hold %zu patterns (%.1f %% of free memory)%s%s", gb, x->plans_done,
                 100 * share, left[0] ? "; no time for " : "", left);
}

/* The deadline grows by --burn once, and that is the matrix products': it makes this shorter only.
 */
static int64_t time_ms(const struct gpu_target *t)
{
    int64_t ms = tier_ms[t->tier], burn_ms = t->options->burn_ms;

    return t->tier > TIER_QUICK && burn_ms && burn_ms < ms ? burn_ms : ms;
}

static void memory_patterns_run(struct gpu_target *t, struct finding *f)
{
    struct counters before, after;
    struct test *x = calloc(1, sizeof *x);
    enum err_code rc;
    struct err e;

    if (!x) {
        gpu_error(f, "out of memory");
        return;
    }
    x->c = t->compute;
    x->until_ms = clock_mono_ms(t->options->clock) + time_ms(t);
    counters_read(t, &before);
    rc = test_open(x, &e);
    if (!rc)
        rc = rounds_run(x, t, &e);
    test_close(x);
    counters_read(t, &after);
    gpu_figure(f, (double)x->tested_bytes / 1e9, 0, "GB");
    /* A broken GPU may fail later calls; what was read before still counts. */
    if (x->w.found)
        wrongs_judge(x, f);
    else if (!counters_judge(&before, &after, f) && compute_answered(t, f, rc, &e))
        coverage_judge(x, f);
    free(x);
}

const struct gpu_check gpu_check_memory_patterns = {
    .name = "memory_patterns",
    .help = "all free memory keeps what is written into it",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .needs_compute = true,
    .run = memory_patterns_run,
};
