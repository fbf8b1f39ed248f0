/* Products of matrices as large as the GPU is wide: rate, and results bit for bit. The kernels
 * and how operands lie are in gpu/kernel/matmul.h. */
#ifndef GPU_MATMUL_H
#define GPU_MATMUL_H

#include "gpu/compute.h"
#include "gpu/kernel/args.h"
#include "gpu/votes.h"

/* In tiles of 128 by 256, and slices of 128 bytes of a row. */
struct matmul_size {
    u32 tile_rows, tile_cols, slices;
};

struct matmul {
    struct compute *c;
    u32 kind;      /* enum tensor_kind: bf16, fp16 or tf32 */
    u32 shape;     /* enum matmul_shape */
    bool is_wgmma; /* else mma.sync, which reaches the chip's ceiling on 8.x only */
    unsigned threads, stages, shared_bytes;
    struct matmul_size size;
    struct cu_function *fill, *product;
    uint64_t a, b, sums, sms, wrong;
    u32 turn;          /* products so far: each begins one tile later than the one before */
    double operations; /* of a product */
};

/* Choose kernel and size (NULL: for full load), take memory. Errors: compute.h's; ERR_NOT_FOUND
 * too little memory. matmul_close() in any case. */
enum err_code matmul_open(struct compute *c, u32 kind, const struct matmul_size *size,
                          struct matmul *out, struct err *e) MUST_CHECK;
void matmul_close(struct matmul *m);

/* Operands: set 0 small integers, whose product is exact; set 1 signs and mantissas random,
 * magnitudes 0.5 to 2, evenly over both powers of two. */
enum err_code matmul_operands(struct matmul *m, u32 set, struct err *e) MUST_CHECK;

/* Queue `count` products; each compares its words with those kept. */
enum err_code matmul_queue(struct matmul *m, unsigned count, struct err *e) MUST_CHECK;
/* How many words differed since the last call, by SM, into the votes. Waits. */
enum err_code matmul_differences(struct matmul *m, struct votes *v, struct err *e) MUST_CHECK;

/* With operands of set 0: one product, of which the processor computes a word of a tile of every
 * SM. */
enum err_code matmul_known(struct matmul *m, struct votes *v, struct err *e) MUST_CHECK;
/* With any operands: three products, each tile on three SMs; what two of them say is kept. */
enum err_code matmul_agreed(struct matmul *m, struct votes *v, struct err *e) MUST_CHECK;

/* What the processor says of a thread's word of a tile, of operands of set 0. One thread at a time.
 */
u32 matmul_word_known(const struct matmul *m, u32 tile, u32 thread);

#endif
