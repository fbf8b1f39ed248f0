/* The tables of exit codes. */
#include "gpu/exit.h"

const char *const gpu_exit_scheme_names[] = {
#define X(id, name) name,
    GPU_EXIT_SCHEME_LIST(X)
#undef X
        NULL};

#define CODES(healthy, degraded, unhealthy, inconclusive)                   \
    {                                                                       \
        [VERDICT_NONE] = (inconclusive), [VERDICT_HEALTHY] = (healthy),     \
        [VERDICT_DEGRADED] = (degraded), [VERDICT_UNHEALTHY] = (unhealthy), \
        [VERDICT_INCONCLUSIVE] = (inconclusive)                             \
    }

int gpu_exit_code(enum gpu_exit_scheme scheme, enum verdict verdict, bool strict)
{
    static const int codes[][2][VERDICT_INCONCLUSIVE + 1] = {
        [GPU_EXITS_DEFAULT] = {CODES(GPU_EXIT_HEALTHY, GPU_EXIT_DEGRADED, GPU_EXIT_UNHEALTHY,
                                     GPU_EXIT_INCONCLUSIVE),
                               CODES(GPU_EXIT_HEALTHY, GPU_EXIT_DEGRADED, GPU_EXIT_UNHEALTHY,
                                     GPU_EXIT_INCONCLUSIVE)},
        [GPU_EXITS_NAGIOS] = {CODES(0, 1, 2, 3), CODES(0, 1, 2, 3)},
        [GPU_EXITS_NPD] = {CODES(0, 0, 1, 2), CODES(0, 1, 1, 2)},
        [GPU_EXITS_SLURM] = {CODES(0, 0, 1, 0), CODES(0, 1, 1, 1)},
    };

    return codes[scheme][strict][verdict];
}
