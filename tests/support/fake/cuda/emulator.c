/* Blocks one after another; the threads of a block on stacks that are switched by hand. A thread
 * that never waits runs to its end where it is, and the next one begins on the same stack: only
 * kernels that wait pay for waiting. */
#include "tests/support/fake/cuda/emulator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "gpu/cuda.h"
#include "tests/support/fake/cuda/fiber.h"
#include "tests/support/fake/cuda/machine.h"
#include "gpu/kernel/device.h"

#define THREADS_MAX 1024u
#define SHARED_MAX  (228u * 1024)

enum thread_state { THREAD_NEW, THREAD_RUNNING, THREAD_WAITING, THREAD_READY, THREAD_ENDED };

struct thread {
    enum thread_state state;
    struct fiber *fiber; /* while it waits */
    unsigned group;      /* size of the group it waits with */
    void *payload;
    emulator_meet_fn *work;
    void *ctx;
};

/* The launch that runs; one at a time in a process. */
static struct {
    const struct emulator_launch *launch;
    struct machine_gpu *gpu;
    u32 block, thread; /* that run now */
    u32 started;       /* threads of this block */
    u32 looked;        /* where the search for a thread that can go on begins */
    u32 sm;
    /* Memory of its own that was found to be allocated last, when nothing is wrong with it. */
    u64 window, window_bytes;
    struct thread threads[THREADS_MAX];
    struct fiber *idle[THREADS_MAX], *current;
    unsigned idle_count;
    int code;
    void *payloads[THREADS_MAX];
    _Alignas(1024) unsigned char shared[SHARED_MAX];
} run;

static u32 sm_id(u32 slot)
{
    return slot + slot / 2; /* 0 1 3 4 6 …: real ones have gaps, too */
}

/* --- threads --------------------------------------------------------------------------------- */

static void fiber_main(void)
{
    for (;;) {
        while (run.started < run.launch->threads) {
            u32 t = run.started++;

            run.thread = t;
            run.threads[t].state = THREAD_RUNNING;
            run.launch->enter(run.launch->args);
            run.threads[t].state = THREAD_ENDED;
        }
        run.idle[run.idle_count++] = run.current;
        fiber_leave(run.current);
    }
}

/* The threads that `self` waits with: from..to. */
static void group_of(u32 self, unsigned size, u32 *from, u32 *to)
{
    *from = size ? self / size * size : 0;
    *to = size ? *from + size : run.launch->threads;
    if (*to > run.launch->threads)
        *to = run.launch->threads;
}

static bool group_is_complete(u32 from, u32 to, unsigned size)
{
    for (u32 t = from; t < to; t++) {
        const struct thread *other = &run.threads[t];

        if (other->state == THREAD_ENDED)
            continue;
        if (other->state != THREAD_WAITING || other->group != size)
            return false;
    }
    return true;
}

/* Do what they met for, and let them go on. */
static void group_finish(u32 from, u32 to, const struct thread *last)
{
    for (u32 t = from; t < to; t++) {
        bool lives = run.threads[t].state == THREAD_WAITING;

        run.payloads[t - from] = lives ? run.threads[t].payload : NULL;
        if (lives)
            run.threads[t].state = THREAD_READY;
    }
    if (last->work)
        last->work(run.payloads, to - from, last->ctx);
}

void emulator_meet(unsigned threads, void *payload, emulator_meet_fn *work, void *ctx)
{
    u32 self = run.thread, from, to;
    struct thread *me = &run.threads[self];

    group_of(self, threads, &from, &to);
    *me = (struct thread){THREAD_WAITING, run.current, threads, payload, work, ctx};
    if (!group_is_complete(from, to, threads)) {
        fiber_leave(run.current);
        run.thread = self;
        return;
    }
    group_finish(from, to, me);
    me->state = THREAD_RUNNING;
}

void emulator_yield(void)
{
    u32 self = run.thread;

    run.threads[self].state = THREAD_READY;
    run.threads[self].fiber = run.current;
    fiber_leave(run.current);
    run.thread = self;
}

/* A thread that ended may be the last that a group waited for. */
static void groups_release(void)
{
    for (u32 t = 0; t < run.launch->threads; t++) {
        u32 from, to;

        if (run.threads[t].state != THREAD_WAITING)
            continue;
        group_of(t, run.threads[t].group, &from, &to);
        if (group_is_complete(from, to, run.threads[t].group))
            group_finish(from, to, &run.threads[t]);
    }
}

static void fiber_run(struct fiber *f)
{
    run.current = f;
    fiber_enter(f);
}

static struct fiber *fiber_idle(void)
{
    return run.idle_count ? run.idle[--run.idle_count] : fiber_new(fiber_main);
}

/* Let one thread go on; false when there is none that can. */
static bool thread_next(void)
{
    for (u32 n = 0; n < run.started; n++) {
        u32 t = run.looked++ % run.started;
        struct thread *next = &run.threads[t];

        if (next->state != THREAD_READY)
            continue;
        next->state = THREAD_RUNNING;
        fiber_run(next->fiber);
        return true;
    }
    if (run.started == run.launch->threads)
        return false;
    fiber_run(fiber_idle());
    return true;
}

static void shared_spoil(void)
{
    for (u32 i = 0; i + 4 <= run.launch->shared_bytes; i += 4) {
        u32 noise = (i + 1) * 2654435761u + run.block;

        memcpy(run.shared + i, &noise, 4);
    }
}

static int block_run(u32 block)
{
    bool ended = false;

    memset(run.threads, 0, sizeof run.threads[0] * run.launch->threads);
    run.block = block;
    run.sm = sm_id(block % (run.gpu->sm_count - run.gpu->sms_idle));
    run.started = 0;
    run.looked = 0;
    shared_spoil();
    while (!run.code && !ended) {
        if (thread_next())
            continue;
        groups_release();
        ended = true;
        for (u32 t = 0; t < run.launch->threads; t++)
            ended = ended && run.threads[t].state == THREAD_ENDED;
        if (!ended && !thread_next())
            run.code = CUDA_LAUNCH_TIMEOUT; /* they wait for each other for ever */
    }
    return run.code;
}

int emulator_run(const struct emulator_launch *launch)
{
    if (launch->threads > THREADS_MAX || launch->shared_bytes > SHARED_MAX)
        return CUDA_INVALID_VALUE;
    run.launch = launch;
    run.gpu = launch->gpu;
    run.code = 0;
    run.window_bytes = 0;
    memset(&run.gpu->work, 0, sizeof run.gpu->work);
    for (u32 b = 0; b < launch->blocks && !run.code; b++)
        block_run(b);
    if (run.code) {
        /* Threads stopped where they were: their stacks cannot be used again. */
        fibers_forget();
        run.idle_count = 0;
    }
    return run.code;
}

void emulator_fail(int code)
{
    run.code = code;
    fiber_leave(run.current);
    abort();
}

/* --- what words are made of ------------------------------------------------------------------ */

/* Where this access goes, or the kernel fails. */
static struct machine_gpu *access_check(u64 address, u32 bytes)
{
    struct machine_gpu *g = machine_gpu_at(address);

    if (address % bytes)
        emulator_fail(CUDA_MISALIGNED_ADDRESS);
    if (!g || !cells_are_taken(g, address, bytes))
        emulator_fail(CUDA_ILLEGAL_ADDRESS);
    if (g != run.gpu) {
        if (!(run.gpu->peers >> g->index & 1))
            emulator_fail(CUDA_ILLEGAL_ADDRESS);
        run.gpu->work.peer_bytes += bytes;
    }
    return g;
}

/* The way of nearly all accesses. */
static unsigned char *window_find(u64 address, u32 bytes)
{
    if (address - run.window > run.window_bytes - bytes || run.window_bytes < bytes ||
        address % bytes)
        return NULL;
    return run.gpu->memory + (address & ((1ull << MACHINE_ADDRESS_BIT) - 1));
}

static void window_open(struct machine_gpu *g)
{
    u64 base = (u64)(g->index + 1) << MACHINE_ADDRESS_BIT;

    if (g != run.gpu || g->memory_is_faulty)
        return;
    run.window = base + g->taken[g->taken_last].offset;
    run.window_bytes = g->taken[g->taken_last].bytes;
}

static void load_slowly(u64 address, void *out, u32 bytes)
{
    struct machine_gpu *g = access_check(address, bytes);
    int code = cells_read(g, address, out, bytes);

    if (code)
        emulator_fail(code);
    window_open(g);
    run.gpu->work.loaded_bytes += g == run.gpu ? bytes : 0;
}

void emulator_load(u64 address, void *out, u32 bytes)
{
    const unsigned char *cell = window_find(address, bytes);

    if (cell) {
        memcpy(out, cell, bytes);
        run.gpu->work.loaded_bytes += bytes;
        return;
    }
    load_slowly(address, out, bytes);
}

static void store_slowly(u64 address, const void *from, u32 bytes)
{
    struct machine_gpu *g = access_check(address, bytes);
    int code = cells_write(g, address, from, bytes);

    if (code)
        emulator_fail(code);
    window_open(g);
    run.gpu->work.stored_bytes += g == run.gpu ? bytes : 0;
}

void emulator_store(u64 address, const void *from, u32 bytes)
{
    unsigned char *cell = window_find(address, bytes);

    if (cell) {
        memcpy(cell, from, bytes);
        run.gpu->work.stored_bytes += bytes;
        return;
    }
    store_slowly(address, from, bytes);
}

void emulator_load_cached(u64 address, void *out, u32 bytes)
{
    u64 before = run.gpu->work.loaded_bytes;

    emulator_load(address, out, bytes);
    run.gpu->work.loaded_bytes = before;
}

void *emulator_shared(u32 offset, u32 bytes)
{
    if (offset > run.launch->shared_bytes || bytes > run.launch->shared_bytes - offset)
        emulator_fail(CUDA_ILLEGAL_ADDRESS);
    return run.shared + offset;
}

u64 emulator_result(enum emulator_unit unit, u64 bits, unsigned width)
{
    if (!run.gpu->units_are_faulty)
        return bits;
    for (unsigned i = 0; i < run.gpu->fault_count; i++) {
        struct machine_fault *f = &run.gpu->faults[i];

        if (f->kind < FAULT_WRONG || f->n[0] != (long long)unit ||
            (f->n[1] >= 0 && f->n[1] != (long long)run.sm) || f->n[2] >= (long long)width)
            continue;
        if (f->kind == FAULT_WRONG || ++f->seen % (u64)f->n[3] == 0)
            bits ^= 1ull << f->n[2];
    }
    return bits;
}

void emulator_count(enum emulator_unit unit, u64 operations)
{
    run.gpu->work.operations[unit] += operations;
}

/* --- the words of gpu/kernel/device.h -------------------------------------------------------- */

u32 thread_index(void)
{
    return run.thread;
}

u32 thread_count(void)
{
    return run.launch->threads;
}

u32 block_index(void)
{
    return run.block;
}

u32 block_count(void)
{
    return run.launch->blocks;
}

u32 sm_index(void)
{
    return run.sm;
}

void block_barrier(void)
{
    emulator_meet(0, NULL, NULL, NULL);
}

struct words4 load4(u64 address)
{
    struct words4 v;

    emulator_load(address, &v, sizeof v);
    return v;
}

void store4(u64 address, struct words4 v)
{
    emulator_store(address, &v, sizeof v);
}

u32 load1(u64 address)
{
    u32 v;

    emulator_load(address, &v, sizeof v);
    return v;
}

void store1(u64 address, u32 v)
{
    emulator_store(address, &v, sizeof v);
}

u32 add1(u64 address, u32 v)
{
    u32 old = load1(address);

    store1(address, old + v);
    return old;
}
