/* Launches, reads back, counts votes. */
#include "gpu/units.h"

#include <stdlib.h>

#include "gpu/kernel/unit.h"
#include "gpu/votes.h"

#define SEED               7
#define ROUNDS_MAX         5 /* of launching, until every SM was given a block */
#define SMALL_MEMORY_BYTES (1LL << 30)

struct unit_run {
    const struct unit_work *work;
    const struct unit_size *size;
    struct cu_function *kernel;
    unsigned blocks;
    size_t words;     /* per block */
    uint64_t results; /* on the GPU */
    uint32_t *copy;   /* here: blocks * words */
    uint32_t *sms;    /* per block */
    uint32_t answers[VOTES_KINDS_MAX][UNIT_SETS];
    bool is_known[VOTES_KINDS_MAX][UNIT_SETS];
    struct votes votes;
};

/* All shared memory of an SM, so that no second block fits beside it. */
static enum err_code round_run(struct compute *c, struct unit_run *r, struct err *e)
{
    size_t bytes = r->blocks * r->words * sizeof *r->copy;
    struct unit_args args = {r->results, SEED, r->size->steps_known, r->size->steps};
    enum err_code rc = compute_zero(c, r->results, bytes, e);

    if (!rc)
        rc = compute_launch(c, r->kernel, r->blocks, r->size->threads,
                            (unsigned)c->shared_bytes_max, &args, e);
    if (!rc)
        rc = compute_wait(c, e);
    return rc ? rc : compute_read(c, r->copy, r->results, bytes, e);
}

static void round_count(struct unit_run *r)
{
    for (unsigned i = 0; i < r->blocks; i++) {
        r->sms[i] = r->copy[i * r->words] - 1; /* none: makes no sense, a stray */
        votes_block(&r->votes, r->sms[i]);
    }
    for (u32 kind = 0; kind < r->work->kind_count; kind++) {
        for (u32 set = 0; set < UNIT_SETS; set++) {
            for (u32 phase = 0; phase < UNIT_PHASES; phase++)
                votes_count(&r->votes, kind, r->copy + UNIT_WORD(kind, set, phase), r->words,
                            r->sms, r->blocks,
                            phase == 0 && r->is_known[kind][set] ? &r->answers[kind][set] : NULL);
        }
    }
}

static enum err_code rounds_run(struct compute *c, struct unit_run *r, struct err *e)
{
    enum err_code rc = compute_kernel(c, r->work->module, r->work->kernel, &r->kernel, e);

    for (u32 kind = 0; kind < r->work->kind_count; kind++) {
        for (u32 set = 0; set < UNIT_SETS; set++)
            r->is_known[kind][set] =
                r->work->known(kind, set, SEED, r->size, &r->answers[kind][set]);
    }
    if (!rc)
        rc = compute_take(c, (int64_t)(r->blocks * r->words * sizeof *r->copy), &r->results, e);
    for (int round = 0; round < ROUNDS_MAX && !rc; round++) {
        rc = round_run(c, r, e);
        if (!rc)
            round_count(r);
        if (votes_sm_count(&r->votes) >= (size_t)c->sm_count)
            break;
    }
    compute_give(c, r->results);
    return rc;
}

static void judge(const struct compute *c, const struct unit_run *r, struct finding *f)
{
    size_t seen = votes_sm_count(&r->votes);

    gpu_figure(f, (double)seen, 0, "SMs");
    if (!votes_answered(&r->votes, f))
        return;
    if (seen < (size_t)c->sm_count)
        gpu_error(f, "only %zu of %d SMs were given work; those computed right", seen, c->sm_count);
    else
        gpu_pass(f, "all %zu SMs compute right", seen);
}

void units_run(struct gpu_target *t, struct finding *f, const struct unit_work *w)
{
    struct compute *c = t->compute;
    struct unit_run r = {.work = w, .words = UNIT_WORDS(w->kind_count)};
    struct err e = {0};
    enum err_code rc;

    r.size = c->memory_bytes < SMALL_MEMORY_BYTES ? &w->small : &w->full;
    r.blocks = (unsigned)c->sm_count * r.size->waves;
    votes_init(&r.votes, w->kinds, w->kind_count);
    r.copy = calloc(r.blocks * r.words, sizeof *r.copy);
    r.sms = calloc(r.blocks, sizeof *r.sms);
    rc = r.copy && r.sms ? rounds_run(c, &r, &e) : err_set(&e, ERR_IO, "out of memory");
    if (compute_answered(t, f, rc, &e))
        judge(c, &r, f);
    free(r.copy);
    free(r.sms);
}
