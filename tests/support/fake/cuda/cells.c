/* Device memory: who has which part of it, and cells that do not keep what they are given. */
#include <string.h>

#include "gpu/cuda.h"
#include "tests/support/fake/cuda/machine.h"

#define UNIT_BYTES   512ull /* what the driver aligns allocations to */
#define SMALL_BYTES  (64ull << 10)
#define OFFSET_OF(a) ((a) & ((1ull << MACHINE_ADDRESS_BIT) - 1))

/* Where so many bytes are free: large ones from the start on, small ones from the end, so that
 * they do not make the large ones odd. Returns the place in the list; the count when full. */
static unsigned gap_find(const struct machine_gpu *g, u64 need, u64 *offset)
{
    bool is_small = need < SMALL_BYTES;
    unsigned found = MACHINE_BLOCKS_MAX;
    u64 from = 0;

    for (unsigned i = 0; i <= g->taken_count; i++) {
        u64 to = i < g->taken_count ? g->taken[i].offset : g->bytes;

        if (to - from >= need && (is_small || found == MACHINE_BLOCKS_MAX)) {
            *offset = is_small ? to - need : from;
            found = i;
        }
        if (i < g->taken_count)
            from = g->taken[i].offset + g->taken[i].bytes;
    }
    return found;
}

int cells_take(struct machine_gpu *g, u64 bytes, u64 *address)
{
    u64 need = (bytes + UNIT_BYTES - 1) / UNIT_BYTES * UNIT_BYTES, offset = 0;
    unsigned i;

    if (bytes == 0)
        return CUDA_INVALID_VALUE;
    if (bytes > g->bytes || g->taken_count == MACHINE_BLOCKS_MAX)
        return CUDA_OUT_OF_MEMORY;
    i = gap_find(g, need, &offset);
    if (i == MACHINE_BLOCKS_MAX)
        return CUDA_OUT_OF_MEMORY;
    memmove(&g->taken[i + 1], &g->taken[i], (g->taken_count - i) * sizeof g->taken[0]);
    g->taken[i].offset = offset;
    g->taken[i].bytes = need;
    g->taken_count++;
    *address = ((u64)(g->index + 1) << MACHINE_ADDRESS_BIT) + offset;
    return CUDA_OK;
}

int cells_give(u64 address)
{
    struct machine_gpu *g = machine_gpu_at(address);

    for (unsigned i = 0; g && i < g->taken_count; i++) {
        if (g->taken[i].offset != OFFSET_OF(address))
            continue;
        memmove(&g->taken[i], &g->taken[i + 1], (g->taken_count - i - 1) * sizeof g->taken[0]);
        g->taken_count--;
        return CUDA_OK;
    }
    return CUDA_INVALID_VALUE;
}

u64 cells_free_bytes(const struct machine_gpu *g)
{
    u64 taken = 0;

    for (unsigned i = 0; i < g->taken_count; i++)
        taken += g->taken[i].bytes;
    return g->bytes - taken;
}

bool cells_are_taken(struct machine_gpu *g, u64 address, u64 bytes)
{
    u64 offset = OFFSET_OF(address);

    /* Neighbours are asked for one after another: the last answer first. */
    for (unsigned n = 0; n < g->taken_count; n++) {
        unsigned i = (g->taken_last + n) % g->taken_count;

        if (offset < g->taken[i].offset || offset - g->taken[i].offset >= g->taken[i].bytes)
            continue;
        g->taken_last = i;
        return bytes <= g->taken[i].bytes - (offset - g->taken[i].offset);
    }
    return false;
}

/* --- one 32-bit word on a GPU with faults ---------------------------------------------------- */

static u64 word_place(const struct machine_gpu *g, u64 offset)
{
    for (unsigned i = 0; i < g->fault_count; i++) {
        const struct machine_fault *f = &g->faults[i];
        u64 line = f->kind == FAULT_ADDRESS_LINE ? 1ull << f->n[0] : 0;

        if (line && line < g->bytes)
            offset = f->n[1] ? offset | line : offset & ~line;
    }
    return offset < g->bytes ? offset : offset % g->bytes;
}

static void word_flip(struct machine_gpu *g, u64 offset, u32 mask)
{
    u32 word;

    if (offset + 4 > g->bytes)
        return;
    memcpy(&word, g->memory + offset, 4);
    word ^= mask;
    memcpy(g->memory + offset, &word, 4);
}

static u32 fault_read(struct machine_gpu *g, struct machine_fault *f, u32 word, int *code)
{
    u32 bit = 1u << (f->n[1] & 31);
    double now_ns = g->now_ns + machine_work_ns(g);

    if (f->kind == FAULT_UNCORRECTABLE)
        *code = CUDA_ECC_UNCORRECTABLE;
    if (f->kind == FAULT_STUCK)
        return f->n[2] ? word | bit : word & ~bit;
    if (f->kind == FAULT_FORGET && now_ns - f->written_ns >= (double)f->n[2])
        return word & ~bit;
    if (f->kind == FAULT_WEAR && ++f->seen >= (u64)f->n[2]) {
        f->seen = 0;
        return word ^ bit;
    }
    if (f->kind == FAULT_FLIP && !f->done && ++f->seen >= (u64)f->n[2]) {
        f->done = true;
        return word ^ bit;
    }
    return word;
}

static bool fault_is_of_cell(const struct machine_fault *f, u64 offset)
{
    return f->kind <= FAULT_UNCORRECTABLE && f->kind != FAULT_ADDRESS_LINE &&
           f->kind != FAULT_COUPLE && (u64)f->n[0] == offset;
}

static int word_read(struct machine_gpu *g, u64 offset, u32 *out)
{
    int code = CUDA_OK;
    u32 word;

    offset = word_place(g, offset);
    memcpy(&word, g->memory + offset, 4);
    for (unsigned i = 0; i < g->fault_count; i++) {
        if (fault_is_of_cell(&g->faults[i], offset))
            word = fault_read(g, &g->faults[i], word, &code);
    }
    memcpy(g->memory + offset, &word, 4);
    *out = word;
    return code;
}

static void word_write(struct machine_gpu *g, u64 offset, u32 word)
{
    u32 old;

    offset = word_place(g, offset);
    memcpy(&old, g->memory + offset, 4);
    memcpy(g->memory + offset, &word, 4);
    for (unsigned i = 0; i < g->fault_count; i++) {
        struct machine_fault *f = &g->faults[i];

        if (f->kind == FAULT_COUPLE && (u64)f->n[0] == offset && old != word)
            word_flip(g, (u64)f->n[1], 1u << (f->n[2] & 31));
        if (!fault_is_of_cell(f, offset))
            continue;
        f->written_ns = g->now_ns + machine_work_ns(g);
        if (f->kind == FAULT_WEAR)
            f->seen = 0;
    }
}

int cells_read(struct machine_gpu *g, u64 address, void *out, u64 bytes)
{
    u64 offset = OFFSET_OF(address);
    unsigned char *to = out;

    if (!g->memory_is_faulty) {
        memcpy(out, g->memory + offset, bytes);
        return CUDA_OK;
    }
    while (bytes) {
        u64 inside = offset & 3, n = 4 - inside < bytes ? 4 - inside : bytes;
        u32 word;
        int code = word_read(g, offset - inside, &word);

        if (code)
            return code;
        memcpy(to, (unsigned char *)&word + inside, n);
        to += n;
        offset += n;
        bytes -= n;
    }
    return CUDA_OK;
}

int cells_write(struct machine_gpu *g, u64 address, const void *from, u64 bytes)
{
    const unsigned char *source = from;
    u64 offset = OFFSET_OF(address);

    if (!g->memory_is_faulty) {
        memcpy(g->memory + offset, from, bytes);
        return CUDA_OK;
    }
    while (bytes) {
        u64 inside = offset & 3, n = 4 - inside < bytes ? 4 - inside : bytes;
        u32 word = 0;

        if (n < 4)
            memcpy(&word, g->memory + word_place(g, offset - inside), 4);
        memcpy((unsigned char *)&word + inside, source, n);
        word_write(g, offset - inside, word);
        source += n;
        offset += n;
        bytes -= n;
    }
    return CUDA_OK;
}

void cells_link(struct machine_gpu *g, enum fault_kind link, void *bytes, u64 count)
{
    unsigned char *b = bytes;

    for (unsigned i = 0; i < g->fault_count; i++) {
        struct machine_fault *f = &g->faults[i];
        u64 step = f->kind == link && f->n[1] > 0 ? (u64)f->n[1] : 0;

        if (!step)
            continue;
        for (u64 at = step - 1 - f->seen % step; at < count; at += step)
            b[at] ^= (unsigned char)(1u << (f->n[0] & 7));
        f->seen += count;
    }
}
