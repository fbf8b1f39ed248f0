/* Memory of the GPU, and of the host where the GPU reads it. */
#include <string.h>

#include "gpu/compute.h"

#define PIECE_BYTES_MAX  (1LL << 30)
#define PIECE_BYTES_STEP (64LL << 10)

enum err_code compute_take(struct compute *c, int64_t bytes, uint64_t *address, struct err *e)
{
    return compute_code(c, c->cuda.memory_take(address, (size_t)bytes), "take memory of the GPU",
                        e);
}

void compute_give(struct compute *c, uint64_t address)
{
    if (address)
        c->cuda.memory_give(address);
}

enum err_code compute_host_take(struct compute *c, int64_t bytes, void **host, struct err *e)
{
    return compute_code(c, c->cuda.host_take(host, (size_t)bytes, 0), "take memory of the host", e);
}

void compute_host_give(struct compute *c, void *host)
{
    if (host)
        c->cuda.host_give(host);
}

enum err_code compute_read(struct compute *c, void *to, uint64_t from, size_t bytes, struct err *e)
{
    enum err_code rc =
        compute_code(c, c->cuda.copy_out(to, from, bytes, c->stream), "read memory of the GPU", e);

    return rc ? rc : compute_wait(c, e);
}

enum err_code compute_write(struct compute *c, uint64_t to, const void *from, size_t bytes,
                            struct err *e)
{
    enum err_code rc =
        compute_code(c, c->cuda.copy_in(to, from, bytes, c->stream), "write memory of the GPU", e);

    return rc ? rc : compute_wait(c, e);
}

enum err_code compute_zero(struct compute *c, uint64_t to, size_t bytes, struct err *e)
{
    /* The driver counts in words; what is left of the last one is written by itself. */
    static const unsigned char zeros[4];
    size_t left = bytes % 4;
    enum err_code rc = ERR_OK;

    if (bytes >= 4)
        rc = compute_code(c, c->cuda.set_words(to, 0, bytes / 4, c->stream),
                          "clear memory of the GPU", e);
    if (!rc && left)
        rc = compute_code(c, c->cuda.copy_in(to + (bytes - left), zeros, left, c->stream),
                          "clear memory of the GPU", e);
    return rc ? rc : compute_wait(c, e);
}

enum err_code compute_free_bytes(struct compute *c, int64_t *out, struct err *e)
{
    size_t free_bytes = 0, total_bytes = 0;
    enum err_code rc =
        compute_code(c, c->cuda.memory_info(&free_bytes, &total_bytes), "ask for free memory", e);

    if (!rc)
        *out = free_bytes > INT64_MAX ? INT64_MAX : (int64_t)free_bytes;
    return rc;
}

/* A piece that does not fit is tried at half its size: what looks free may be scattered. */
void compute_hoard_take(struct compute *c, int64_t keep_bytes, struct compute_hoard *out)
{
    int64_t piece = PIECE_BYTES_MAX, free_bytes = 0;

    memset(out, 0, sizeof *out);
    while (out->count < COMPUTE_PIECES_MAX && piece >= PIECE_BYTES_STEP) {
        uint64_t address = 0;

        if (compute_free_bytes(c, &free_bytes, NULL))
            return;
        while (piece > free_bytes - keep_bytes && piece >= PIECE_BYTES_STEP)
            piece /= 2;
        if (piece < PIECE_BYTES_STEP)
            return;
        if (compute_take(c, piece, &address, NULL)) {
            if (c->broken)
                return;
            piece /= 2;
            continue;
        }
        out->address[out->count] = address;
        out->size[out->count++] = piece;
        out->bytes += piece;
    }
}

void compute_hoard_give(struct compute *c, struct compute_hoard *h)
{
    for (size_t i = 0; i < h->count; i++)
        compute_give(c, h->address[i]);
    memset(h, 0, sizeof *h);
}
