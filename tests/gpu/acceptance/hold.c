/* hold MIB SECONDS [LIBRARY]: open the first GPU, take all of its memory but so many MiB, say on
 * one line of JSON how long each step took, and hold it for so long. So that a check of all free
 * memory is small, which a memory checker needs. With MIB 0 it takes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "gpu/cuda.h"

#define PIECE_BYTES (256LL << 20)

static struct cuda cuda;

static double ms_since(int64_t from_ms)
{
    return (double)(clock_mono_ms(clock_real()) - from_ms);
}

static int context_open(double *init_ms, double *context_ms)
{
    int64_t from = clock_mono_ms(clock_real());
    struct cu_context *context;
    int device = 0, code = cuda.init(0);

    *init_ms = ms_since(from);
    from = clock_mono_ms(clock_real());
    if (!code)
        code = cuda.device_get(&device, 0);
    if (!code)
        code = cuda.context_create(&context, 0, device);
    *context_ms = ms_since(from);
    return code;
}

/* Never an error: what cannot be had is not held. */
static int64_t all_but(int64_t keep_bytes)
{
    size_t free_bytes = 0, total_bytes = 0;
    uint64_t address;
    int64_t held = 0;

    while (!cuda.memory_info(&free_bytes, &total_bytes) &&
           (int64_t)free_bytes > keep_bytes + PIECE_BYTES) {
        if (cuda.memory_take(&address, (size_t)PIECE_BYTES))
            break;
        held += PIECE_BYTES;
    }
    return held;
}

int main(int argc, char **argv)
{
    double init_ms = 0, context_ms = 0;
    size_t free_bytes = 0, total_bytes = 0;
    int64_t from, held = 0;
    struct err e;
    int code;

    if (argc < 3)
        return 2;
    if (cuda_open(&cuda, argc > 3 ? argv[3] : NULL, &e)) {
        printf("skipped: %s\n", e.msg);
        return 3;
    }
    code = context_open(&init_ms, &context_ms);
    if (!code)
        code = cuda.memory_info(&free_bytes, &total_bytes);
    if (code) {
        printf("skipped: %s (%d)\n", cuda_code_text(code), code);
        return 3;
    }
    from = clock_mono_ms(clock_real());
    if (strtol(argv[1], NULL, 10) > 0)
        held = all_but((int64_t)strtol(argv[1], NULL, 10) << 20);
    printf("{\"init_ms\":%.0f,\"context_ms\":%.0f,\"free_bytes\":%zu,\"total_bytes\":%zu,"
           "\"held_bytes\":%lld,\"take_ms\":%.0f}\n",
           init_ms, context_ms, free_bytes, total_bytes, (long long)held, ms_since(from));
    fflush(stdout);
    sleep((unsigned)strtol(argv[2], NULL, 10));
    return 0;
}
