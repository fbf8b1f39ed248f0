/* cublas KIND SECONDS LIBRARY [CUDA-LIBRARY]: the rate of NVIDIA's own matrix product on the data
 * that ours multiplies (gpu/kernel/matmul.h, set 1), for two shapes, a JSON object a line: what
 * ours is measured against. KIND: bf16, fp16, tf32. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/cuda.h"

#define TENSOR_PLAIN
#include "gpu/kernel/matmul.h"

#define BATCH_SECONDS 0.2 /* as gpu/check/matmul.c */
#define BATCH_MAX     4096

/* Numbers of cublas_api.h and library_types.h. */
enum { TRANSPOSED = 1, PLAIN = 0, COMPUTE_32F = 68, COMPUTE_TF32 = 77, ALGORITHM = -1 };

static const struct kind {
    const char *name;
    int type, compute, bytes; /* cudaDataType_t, cublasComputeType_t, of an element */
    u32 tensor;
} kinds[] = {
    {"bf16", 14, COMPUTE_32F, 2, TENSOR_BF16},
    {"fp16", 2, COMPUTE_32F, 2, TENSOR_FP16},
    {"tf32", 0, COMPUTE_TF32, 4, TENSOR_TF32},
};

static const struct shape_mnk {
    int m, n, k_bytes;
} shapes[] = {
    {8192, 8192, 16384}, {16896, 2048, 8192}, /* ours on 132 SMs */
};

static struct peer {
    struct cuda cuda;
    struct cu_stream *stream;
    void *handle;
    int (*create)(void **handle);
    int (*stream_set)(void *handle, struct cu_stream *stream);
    int (*product)(void *handle, int ta, int tb, int m, int n, int k, const void *alpha,
                   const void *a, int a_type, int lda, const void *b, int b_type, int ldb,
                   const void *beta, void *c, int c_type, int ldc, int compute, int algorithm);
    const struct kind *kind;
    struct shape_mnk shape;
    uint64_t a, b, c;
} peer;

static int fail(const char *what, int code)
{
    printf("skipped: %s (%d)\n", what, code);
    return 3;
}

/* cuBLAS works in the device's primary context. */
static int device_open(const char *library)
{
    int (*retain)(struct cu_context **, int);
    struct cu_context *context = NULL;
    struct err e;
    int device = 0, code;

    if (cuda_open(&peer.cuda, library, &e))
        return fail(e.msg, 0);
    *(void **)&retain = dlsym(peer.cuda.library, "cuDevicePrimaryCtxRetain");
    if (!retain)
        return fail("the driver has no primary context", 0);
    code = peer.cuda.init(0);
    if (!code)
        code = peer.cuda.device_get(&device, 0);
    if (!code)
        code = retain(&context, device);
    if (!code)
        code = peer.cuda.context_use(context);
    if (!code)
        code = peer.cuda.stream_create(&peer.stream, CUDA_STREAM_NON_BLOCKING);
    return code ? fail(cuda_code_text(code), code) : 0;
}

static int library_open(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
    int code;

    if (!library)
        return fail(dlerror(), 0);
    *(void **)&peer.create = dlsym(library, "cublasCreate_v2");
    *(void **)&peer.stream_set = dlsym(library, "cublasSetStream_v2");
    *(void **)&peer.product = dlsym(library, "cublasGemmEx");
    if (!peer.create || !peer.stream_set || !peer.product)
        return fail("this is no cuBLAS", 0);
    code = peer.create(&peer.handle);
    if (!code)
        code = peer.stream_set(peer.handle, peer.stream);
    return code ? fail("cuBLAS does not start", code) : 0;
}

static int operand_make(uint64_t *out, int rows, u32 seed)
{
    u32 words = (u32)peer.shape.k_bytes / 4, *bytes = malloc((size_t)rows * words * 4);
    int code = bytes ? peer.cuda.memory_take(out, (size_t)rows * words * 4) : CUDA_OUT_OF_MEMORY;

    for (int row = 0; row < rows && !code; row++)
        for (u32 i = 0; i < words; i++)
            bytes[(size_t)row * words + i] = matmul_word(peer.kind->tensor, 1, seed, (u32)row, i);
    if (!code)
        code = peer.cuda.copy_in(*out, bytes, (size_t)rows * words * 4, peer.stream);
    if (!code)
        code = peer.cuda.stream_wait(peer.stream);
    free(bytes);
    return code;
}

/* C = A' * B by columns: both operands with rows of k elements, as ours. */
static int product_queue(void)
{
    const float one = 1, zero = 0;
    const struct kind *x = peer.kind;
    int m = peer.shape.m, n = peer.shape.n, k = peer.shape.k_bytes / x->bytes;

    return peer.product(peer.handle, TRANSPOSED, PLAIN, m, n, k, &one,
                        (const void *)(uintptr_t)peer.a, x->type, k,
                        (const void *)(uintptr_t)peer.b, x->type, k, &zero,
                        (void *)(uintptr_t)peer.c, x->type, m, x->compute, ALGORITHM);
}

static int batch_run(int count, double *seconds)
{
    const struct cuda *u = &peer.cuda;
    struct cu_event *from, *to;
    float ms = 0;
    int code = u->event_create(&from, 0) || u->event_create(&to, 0);

    if (!code)
        code = u->event_record(from, peer.stream);
    for (int i = 0; i < count && !code; i++)
        code = product_queue();
    if (!code)
        code = u->event_record(to, peer.stream);
    if (!code)
        code = u->event_wait(to);
    if (!code)
        code = u->event_elapsed(&ms, from, to);
    *seconds = (double)ms / 1000;
    return code || ms <= 0 ? fail("the product failed", code) : 0;
}

static int shape_run(double wanted_s)
{
    double operations = 2.0 * peer.shape.m * peer.shape.n * peer.shape.k_bytes / peer.kind->bytes;
    double seconds = 0, all = 0, best = 0, products = 0;
    int count, code = operand_make(&peer.a, peer.shape.m, 0x51ed270bU);

    if (!code)
        code = operand_make(&peer.b, peer.shape.n, 0xc2b2ae35U);
    if (!code)
        code = peer.cuda.memory_take(&peer.c, (size_t)peer.shape.m * (size_t)peer.shape.n * 4);
    if (code)
        return fail(cuda_code_text(code), code);
    for (int i = 0; i < 5 && !code; i++) /* warms up */
        code = batch_run(1, &seconds);
    if (code)
        return code;
    count = (int)(BATCH_SECONDS / seconds) + 1;
    count = count > BATCH_MAX ? BATCH_MAX : count;
    while (all < wanted_s && !(code = batch_run(count, &seconds))) {
        best = count * operations / seconds > best ? count * operations / seconds : best;
        all += seconds;
        products += count;
    }
    if (!code)
        printf("{\"kind\":\"%s\",\"m\":%d,\"n\":%d,\"k\":%d,\"best_tflops\":%.1f,"
               "\"held_tflops\":%.1f,\"seconds\":%.2f}\n",
               peer.kind->name, peer.shape.m, peer.shape.n, peer.shape.k_bytes / peer.kind->bytes,
               best / 1e12, products * operations / all / 1e12, all);
    fflush(stdout);
    peer.cuda.memory_give(peer.a);
    peer.cuda.memory_give(peer.b);
    peer.cuda.memory_give(peer.c);
    return code;
}

int main(int argc, char **argv)
{
    int code;

    for (size_t i = 0; argc > 3 && i < sizeof kinds / sizeof kinds[0]; i++)
        peer.kind = strcmp(argv[1], kinds[i].name) == 0 ? &kinds[i] : peer.kind;
    if (!peer.kind)
        return 2;
    code = device_open(argc > 4 ? argv[4] : NULL);
    if (!code)
        code = library_open(argv[3]);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] && !code; i++) {
        peer.shape = shapes[i];
        code = shape_run(strtod(argv[2], NULL) / 2);
    }
    return code;
}
