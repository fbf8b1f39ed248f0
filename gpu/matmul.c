/* Sizes, operands, launches, and who is wrong when words differ. */
#include "gpu/matmul.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TENSOR_PLAIN
#include "gpu/kernel/matmul.h"
#include "gpu/kernel/plain.h"

#define SEED_A             0x51ed270bU
#define SEED_B             0xc2b2ae35U
#define ROW_ELEMENTS_MAX   (SLICES_MAX * MATMUL_SLICE_WORDS * 2)
#define SLICES_MAX         64 /* elements of a row: 4096 of 16 bits */
#define COLS_MAX           32 /* a product takes milliseconds: starting it is nothing */
#define SMALL_MEMORY_BYTES (1LL << 30)
#define MEMORY_SHARE       2 /* of what is free, at most 1 / this is taken */
#define RUNS               3
#define FILL_BLOCKS_PER_SM 8
/* wgmma: what is beside the stages: barriers, and the way to a multiple of 1024. */
#define BARRIER_BYTES 2048

static const char *const names[][2] = {
    [TENSOR_BF16] = {"matmul_bf16", "matmul_sm90_bf16"},
    [TENSOR_FP16] = {"matmul_fp16", "matmul_sm90_fp16"},
    [TENSOR_TF32] = {"matmul_tf32", "matmul_sm90_tf32"},
};

static u32 words_per_row(const struct matmul *m)
{
    return m->size.slices * MATMUL_SLICE_WORDS;
}

static u32 elements_per_word(const struct matmul *m)
{
    return m->kind == TENSOR_TF32 ? 1 : 2;
}

static u32 tile_count(const struct matmul *m)
{
    return m->size.tile_rows * m->size.tile_cols;
}

/* wgmma where the GPU has it and the driver takes it, else mma.sync. */
static enum err_code kernel_choose(struct matmul *m, struct err *e)
{
    struct compute *c = m->c;
    enum err_code rc;

    if (c->major == 9 && c->minor == 0) {
        rc = compute_kernel(c, COMPUTE_MODULE_matmul_sm90, names[m->kind][1], &m->product, e);
        m->is_wgmma = rc == ERR_OK;
        if (rc && !compute_is_refusal(c->code))
            return rc;
    }
    rc = compute_kernel(c, COMPUTE_MODULE_matmul, "matmul_fill", &m->fill, e);
    if (!rc && !m->is_wgmma)
        rc = compute_kernel(c, COMPUTE_MODULE_matmul, names[m->kind][0], &m->product, e);
    m->shape = m->is_wgmma ? MATMUL_WARPGROUPS : MATMUL_WARPS;
    m->threads = MATMUL_THREADS + (m->is_wgmma ? 32 : 0);
    return rc;
}

static enum err_code stages_choose(struct matmul *m, struct err *e)
{
    int most = m->is_wgmma ? 4 : 3, beside = m->is_wgmma ? BARRIER_BYTES : 0;
    int fit = (m->c->shared_bytes_max - beside) / MATMUL_STAGE_BYTES;

    if (fit < 2)
        return err_set(e, ERR_NOT_FOUND, "too little shared memory for matrix products");
    m->stages = (unsigned)(fit < most ? fit : most);
    m->shared_bytes = m->stages * MATMUL_STAGE_BYTES + (unsigned)beside;
    return ERR_OK;
}

static int64_t bytes_needed(const struct matmul *m)
{
    int64_t blocks = (int64_t)(m->size.tile_rows + 2 * m->size.tile_cols) * m->size.slices;

    return blocks * MATMUL_BLOCK_BYTES +
           (int64_t)tile_count(m) * (MATMUL_THREADS + 1) * (int64_t)sizeof(u32) +
           MATMUL_SMS_MAX * (int64_t)sizeof(u32);
}

/* As many rows of tiles as SMs, so that every wave is full. */
static enum err_code size_choose(struct matmul *m, struct err *e)
{
    bool small = m->c->memory_bytes < SMALL_MEMORY_BYTES;
    int64_t free_bytes = 0;
    enum err_code rc = compute_free_bytes(m->c, &free_bytes, e);

    if (rc)
        return rc;
    m->size =
        (struct matmul_size){(u32)m->c->sm_count, small ? 1 : COLS_MAX, small ? 1 : SLICES_MAX};
    while (bytes_needed(m) > free_bytes / MEMORY_SHARE && m->size.slices > 1)
        m->size.slices /= 2;
    if (bytes_needed(m) > free_bytes / MEMORY_SHARE)
        return err_set(e, ERR_NOT_FOUND, "too little free memory for matrix products");
    return ERR_OK;
}

static enum err_code memory_take(struct matmul *m, struct err *e)
{
    int64_t row_bytes = (int64_t)m->size.slices * MATMUL_BLOCK_BYTES, tiles = tile_count(m);
    const struct {
        uint64_t *address;
        int64_t bytes;
    } parts[] = {
        {&m->a, m->size.tile_rows * row_bytes},
        {&m->b, m->size.tile_cols * 2 * row_bytes},
        {&m->sums, tiles * MATMUL_THREADS * (int64_t)sizeof(u32)},
        {&m->sms, tiles * (int64_t)sizeof(u32)},
        {&m->wrong, MATMUL_SMS_MAX * (int64_t)sizeof(u32)},
    };
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < ARRAY_SIZE(parts) && !rc; i++)
        rc = compute_take(m->c, parts[i].bytes, parts[i].address, e);
    return rc ? rc : compute_zero(m->c, m->wrong, MATMUL_SMS_MAX * sizeof(u32), e);
}

enum err_code matmul_open(struct compute *c, u32 kind, const struct matmul_size *size,
                          struct matmul *out, struct err *e)
{
    enum err_code rc;

    *out = (struct matmul){.c = c, .kind = kind};
    if (size)
        out->size = *size;
    rc = kernel_choose(out, e);
    if (!rc)
        rc = stages_choose(out, e);
    if (!rc && !size)
        rc = size_choose(out, e);
    out->operations = 2.0 * tile_count(out) * MATMUL_ROWS * MATMUL_COLS * words_per_row(out) *
                      elements_per_word(out);
    return rc ? rc : memory_take(out, e);
}

void matmul_close(struct matmul *m)
{
    const uint64_t parts[] = {m->a, m->b, m->sums, m->sms, m->wrong};

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        compute_give(m->c, parts[i]);
    m->a = m->b = m->sums = m->sms = m->wrong = 0;
}

enum err_code matmul_operands(struct matmul *m, u32 set, struct err *e)
{
    unsigned blocks = (unsigned)m->c->sm_count * FILL_BLOCKS_PER_SM;
    struct matmul_fill_args a = {m->a, m->size.tile_rows, m->size.slices, m->kind, set, SEED_A};
    struct matmul_fill_args b = {m->b, m->size.tile_cols * 2, m->size.slices, m->kind, set, SEED_B};
    enum err_code rc = compute_launch(m->c, m->fill, blocks, MATMUL_THREADS, 0, &a, e);

    return rc ? rc : compute_launch(m->c, m->fill, blocks, MATMUL_THREADS, 0, &b, e);
}

static enum err_code product_launch(struct matmul *m, bool compares, struct err *e)
{
    struct matmul_args args = {
        .a = m->a,
        .b = m->b,
        .sums = m->sums,
        .sms = m->sms,
        .wrong = m->wrong,
        .compares = compares,
        .tile_rows = m->size.tile_rows,
        .tile_cols = m->size.tile_cols,
        .slices = m->size.slices,
        .stages = m->stages,
        .rotation = m->turn++ % tile_count(m),
    };

    return compute_launch(m->c, m->product, (unsigned)m->c->sm_count, m->threads, m->shared_bytes,
                          &args, e);
}

enum err_code matmul_queue(struct matmul *m, unsigned count, struct err *e)
{
    enum err_code rc = ERR_OK;

    for (unsigned i = 0; i < count && !rc; i++)
        rc = product_launch(m, true, e);
    return rc;
}

enum err_code matmul_differences(struct matmul *m, struct votes *v, struct err *e)
{
    u32 wrong[MATMUL_SMS_MAX];
    enum err_code rc = compute_wait(m->c, e);

    if (!rc)
        rc = compute_read(m->c, wrong, m->wrong, sizeof wrong, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < MATMUL_SMS_MAX; i++)
        votes_wrong(v, 0, (uint32_t)i, wrong[i]);
    return compute_zero(m->c, m->wrong, sizeof wrong, e);
}

/* --- what the processor says ------------------------------------------------------------------ */

/* Element of a row of an operand of set 0, from -7 to 7, by the generator's bits alone: not by
 * the formats, which the GPU has to get right. */
static void row_read(const struct matmul *m, u32 seed, u32 row, int16_t *out)
{
    u32 per_word = elements_per_word(m);

    for (u32 word = 0; word < words_per_row(m); word++) {
        u32 random = matmul_random(seed, row, word);

        for (u32 i = 0; i < per_word; i++, random >>= 4)
            out[word * per_word + i] =
                (int16_t)(random & 8 ? -(int)(random & 7) : (int)(random & 7));
    }
}

static int32_t dot(const int16_t *x, const int16_t *y, u32 count)
{
    int32_t sum = 0;

    for (u32 i = 0; i < count; i++)
        sum += x[i] * y[i];
    return sum;
}

/* A thread's elements lie in few rows and columns: each is made once. Of this memory a process
 * touches what it uses. */
struct row_cache {
    bool is_made[MATMUL_COLS];
    int16_t rows[MATMUL_COLS][ROW_ELEMENTS_MAX];
};

static const int16_t *row_of(const struct matmul *m, struct row_cache *cache, u32 seed, u32 first,
                             u32 row)
{
    if (!cache->is_made[row])
        row_read(m, seed, first + row, cache->rows[row]);
    cache->is_made[row] = true;
    return cache->rows[row];
}

u32 matmul_word_known(const struct matmul *m, u32 tile, u32 thread)
{
    static struct row_cache xs, ys;
    u32 first_row = tile / m->size.tile_cols * MATMUL_ROWS,
        first_col = tile % m->size.tile_cols * MATMUL_COLS;
    u32 count = words_per_row(m) * elements_per_word(m), sum = 0;

    assert(count <= ROW_ELEMENTS_MAX);
    memset(xs.is_made, 0, sizeof xs.is_made);
    memset(ys.is_made, 0, sizeof ys.is_made);
    for (u32 n = 0; n < MATMUL_THREAD_ELEMENTS; n++) {
        u32 row, col;

        matmul_element(m->shape, thread, n, &row, &col);
        sum = matmul_fold(
            sum, plain_float_bits((float)dot(row_of(m, &xs, SEED_A, first_row, row),
                                             row_of(m, &ys, SEED_B, first_col, col), count)));
    }
    return sum;
}

/* --- who is wrong ----------------------------------------------------------------------------- */

/* What a product left, here. */
struct product {
    u32 *sums, *sms;
};

static enum err_code product_run(struct matmul *m, struct product *p, struct votes *v,
                                 struct err *e)
{
    size_t tiles = tile_count(m);
    enum err_code rc = product_launch(m, false, e);

    p->sums = calloc(tiles * MATMUL_THREADS, sizeof *p->sums);
    p->sms = calloc(tiles, sizeof *p->sms);
    if (!p->sums || !p->sms)
        return err_set(e, ERR_IO, "out of memory");
    if (!rc)
        rc = compute_wait(m->c, e);
    if (!rc)
        rc = compute_read(m->c, p->sums, m->sums, tiles * MATMUL_THREADS * sizeof *p->sums, e);
    if (!rc)
        rc = compute_read(m->c, p->sms, m->sms, tiles * sizeof *p->sms, e);
    for (size_t i = 0; i < tiles && !rc; i++)
        votes_block(v, p->sms[i]);
    return rc;
}

static void product_release(struct product *p)
{
    free(p->sums);
    free(p->sms);
}

enum err_code matmul_known(struct matmul *m, struct votes *v, struct err *e)
{
    bool is_asked[MATMUL_SMS_MAX] = {false};
    struct product p = {0};
    enum err_code rc = product_run(m, &p, v, e);

    for (u32 tile = 0; tile < tile_count(m) && !rc; tile++) {
        u32 sm = p.sms[tile], thread = (tile * 37 + 11) % MATMUL_THREADS;

        if (sm >= MATMUL_SMS_MAX || is_asked[sm])
            continue;
        is_asked[sm] = true;
        if (p.sums[tile * MATMUL_THREADS + thread] != matmul_word_known(m, tile, thread))
            votes_wrong(v, 0, sm, 1);
    }
    product_release(&p);
    return rc;
}

/* Two of three are right; when all differ, all three are suspects. */
static u32 word_settle(const struct product *p, size_t i, struct votes *v)
{
    size_t tile = i / MATMUL_THREADS;
    u32 x = p[0].sums[i], y = p[1].sums[i], z = p[2].sums[i];
    u32 right = x == y || x == z ? x : y;

    for (size_t run = 0; run < RUNS; run++) {
        if (p[run].sums[i] != right || (x != y && y != z && x != z))
            votes_wrong(v, 0, p[run].sms[tile], 1);
    }
    return right;
}

enum err_code matmul_agreed(struct matmul *m, struct votes *v, struct err *e)
{
    size_t words = (size_t)tile_count(m) * MATMUL_THREADS;
    struct product p[RUNS] = {{0}};
    enum err_code rc = ERR_OK;

    for (size_t run = 0; run < RUNS && !rc; run++)
        rc = product_run(m, &p[run], v, e);
    for (size_t i = 0; i < words && !rc; i++)
        p[0].sums[i] = word_settle(p, i, v);
    votes_still_echo(v);
    if (!rc)
        rc = compute_write(m->c, m->sums, p[0].sums, words * sizeof *p[0].sums, e);
    for (size_t run = 0; run < RUNS; run++)
        product_release(&p[run]);
    return rc;
}
