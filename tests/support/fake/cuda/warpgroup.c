/* The words of gpu/kernel/warpgroup.h: barriers that count, and wgmma with its descriptors and
 * its swizzle decoded from PTX's manual, not from how our kernel makes them. */
#include "gpu/kernel/warpgroup.h"
#include "gpu/kernel/plain_tensor.h"
#include "tests/support/fake/cuda/emulator.h"

#define TRIES_MAX   100000 /* nobody will come any more */
#define SWIZZLE_128 1
#define ROWS        64
#define COLS        256

/* As it lies in shared memory. */
struct barrier {
    unsigned short count, missing; /* arrivals of a phase; still to come */
    int bytes : 31;                /* announced, not yet there */
    unsigned phase : 1;
};
_Static_assert(sizeof(struct barrier) == 8, "as the hardware has it");

static struct barrier *barrier_at(u32 at)
{
    if (at % 8)
        emulator_fail(716);
    return emulator_shared(at, sizeof(struct barrier));
}

static void barrier_settle(struct barrier *b)
{
    if (b->missing || b->bytes)
        return;
    b->phase ^= 1;
    b->missing = b->count;
}

void barrier_init(u32 barrier, u32 count)
{
    *barrier_at(barrier) = (struct barrier){(unsigned short)count, (unsigned short)count, 0, 0};
}

void barriers_publish(void) {}

void barrier_expect(u32 barrier, u32 bytes)
{
    struct barrier *b = barrier_at(barrier);

    b->bytes += (int)bytes;
    barrier_arrive(barrier);
}

void barrier_arrive(u32 barrier)
{
    struct barrier *b = barrier_at(barrier);

    if (!b->missing)
        emulator_fail(719);
    b->missing--;
    barrier_settle(b);
}

void barrier_wait(u32 barrier, u32 parity)
{
    for (int tries = 0; barrier_at(barrier)->phase == parity; tries++) {
        if (tries == TRIES_MAX)
            emulator_fail(702);
        emulator_yield();
    }
}

void copy_bytes(u32 to, u64 from, u32 bytes, u32 barrier)
{
    struct barrier *b = barrier_at(barrier);

    if (to % 16 || from % 16 || bytes % 16)
        emulator_fail(716);
    for (u32 i = 0; i < bytes; i += 16)
        emulator_load_cached(from + i, emulator_shared(to + i, 16), 16);
    b->bytes -= (int)bytes;
    barrier_settle(b);
}

struct wgmma {
    u64 x, y;
    u32 adds, kind;
    u32 *d;
};

/* Word `word` (of 8: a step of 32 bytes) of a row of an operand without transposition. */
static u32 operand_word(u64 descriptor, u32 row, u32 word)
{
    u32 start = (u32)(descriptor & 0x3fff) << 4, stride = (u32)(descriptor >> 32 & 0x3fff) << 4;
    u32 at = start + row / 8 * stride + row % 8 * 128 + word * 4, out;

    if (descriptor >> 62 != SWIZZLE_128 || (descriptor >> 49 & 7) || stride % 1024)
        emulator_fail(715);
    at ^= (at >> 7 & 7) << 4;
    memcpy(&out, emulator_shared(at, 4), 4);
    return out;
}

static void operand_read(u32 kind, u64 descriptor, u32 rows, float (*out)[16])
{
    u32 per_word = plain_depth(kind) / 8;

    for (u32 row = 0; row < rows; row++) {
        for (u32 word = 0; word < 8; word++) {
            u32 bits = operand_word(descriptor, row, word);

            for (u32 i = 0; i < per_word; i++)
                out[row][word * per_word + i] = (float)plain_element(kind, bits, i);
        }
    }
}

static void step_multiply(const struct wgmma *w, u32 step, float (*sums)[COLS])
{
    static float x[ROWS][16], y[COLS][16];
    u32 depth = plain_depth(w->kind);

    operand_read(w->kind, w->x + step * 2, ROWS, x);
    operand_read(w->kind, w->y + step * 2, COLS, y);
    for (u32 i = 0; i < ROWS; i++) {
        for (u32 j = 0; j < COLS; j++) {
            float sum = 0;

            for (u32 k = 0; k < depth; k++)
                sum += x[i][k] * y[j][k];
            sums[i][j] += sum;
        }
    }
}

static u32 *accumulator(void *const *payloads, u32 row, u32 col)
{
    u32 thread = row / 16 * 32 + row % 8 * 4 + col % 8 / 2;
    struct wgmma *w = payloads[thread];

    return &w->d[col / 8 * 4 + row % 16 / 8 * 2 + col % 2];
}

static void group_multiply(void *const *payloads, unsigned count, void *ctx)
{
    static const enum emulator_unit units[] = {[TENSOR_BF16] = EMULATOR_bf16,
                                               [TENSOR_FP16] = EMULATOR_fp16,
                                               [TENSOR_TF32] = EMULATOR_tf32};
    static float sums[ROWS][COLS];
    const struct wgmma *w = ctx;

    for (unsigned i = 0; i < count; i++) {
        const struct wgmma *other = payloads[i];

        if (count != WARPGROUP_THREADS || !other || other->x != w->x || other->y != w->y)
            emulator_fail(719);
    }
    for (u32 i = 0; i < ROWS; i++) {
        for (u32 j = 0; j < COLS; j++)
            sums[i][j] = w->adds ? plain_float(*accumulator(payloads, i, j)) : 0;
    }
    for (u32 step = 0; step < 4; step++)
        step_multiply(w, step, sums);
    emulator_count(units[w->kind], 4ULL * 2 * ROWS * COLS * plain_depth(w->kind));
    for (u32 i = 0; i < ROWS; i++) {
        for (u32 j = 0; j < COLS; j++)
            *accumulator(payloads, i, j) =
                (u32)emulator_result(units[w->kind], plain_float_bits(sums[i][j]), 32);
    }
}

void warpgroup_multiply(u32 kind, u64 x, u64 y, u32 adds, u32 d[WARPGROUP_ELEMENTS])
{
    struct wgmma mine = {x, y, adds, kind, d};

    emulator_meet(WARPGROUP_THREADS, &mine, group_multiply, &mine);
}
