/* The words of gpu/kernel/shared.h. What is copied arrives as late as it may: when it is waited
 * for, so that a kernel that forgets to wait reads noise. */
#include "gpu/kernel/shared.h"
#include "gpu/kernel/plain_tensor.h"
#include "tests/support/fake/cuda/emulator.h"

#define THREADS_MAX 1024
#define COPIES_MAX  64 /* of a thread on their way */

struct copies {
    struct {
        u32 to, group;
        u64 from;
    } list[COPIES_MAX];
    u32 count, group; /* that is open */
};
static struct copies copies[THREADS_MAX];

u32 shared_start(void)
{
    copies[thread_index()] = (struct copies){0}; /* kernels ask once, when they begin */
    return 0;
}

void copy16_start(u32 to, u64 from)
{
    struct copies *c = &copies[thread_index()];

    if (c->count == COPIES_MAX || to % 16)
        emulator_fail(716);
    c->list[c->count].to = to;
    c->list[c->count].from = from;
    c->list[c->count++].group = c->group;
}

void copies_close(void)
{
    copies[thread_index()].group++;
}

/* Groups before `group` arrive. */
static void copies_arrive(struct copies *c, u32 group)
{
    u32 left = 0;

    for (u32 i = 0; i < c->count; i++) {
        if (c->list[i].group < group)
            emulator_load_cached(c->list[i].from, emulator_shared(c->list[i].to, 16), 16);
        else
            c->list[left++] = c->list[i];
    }
    c->count = left;
}

void copies_wait_but_one(void)
{
    struct copies *c = &copies[thread_index()];

    copies_arrive(c, c->group ? c->group - 1 : 0);
}

void copies_wait(void)
{
    copies_arrive(&copies[thread_index()], copies[thread_index()].group);
}

struct piece_load {
    u32 row;
    u32 *out;
};

static void pieces_load(void *const *payloads, unsigned count, void *ctx)
{
    struct piece_load *const *lanes = (struct piece_load *const *)payloads;

    for (unsigned i = 0; i < count; i++) {
        if (count != WARP_THREADS || !lanes[i])
            emulator_fail(719);
        if (lanes[i]->row % 16)
            emulator_fail(716);
    }
    for (unsigned i = 0; i < count; i++) {
        for (u32 piece = 0; piece < 4; piece++)
            memcpy(&lanes[i]->out[piece],
                   emulator_shared(lanes[piece * 8 + i / 4]->row + i % 4 * 4, 4), 4);
    }
}

void load_pieces(u32 row, u32 out[4])
{
    struct piece_load mine = {row, out};

    emulator_meet(WARP_THREADS, &mine, pieces_load, NULL);
}
