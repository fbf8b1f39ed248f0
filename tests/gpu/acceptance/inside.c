/* inside NAMES [NVML-LIBRARY CUDA-LIBRARY]: run these checks ("tensor,matmul_bf16") on the first
 * GPU in this very process, one line each; exit 1 when one fails. hourglass-gpu does it in a child
 * that it forks, where a memory checker may lose sight of the driver. */
#include <stdio.h>

#include "gpu/compute.h"
#include "gpu/probe.h"

int main(int argc, char **argv)
{
    struct gpu_options options = gpu_options_default();
    struct gpu_inventory inventory = {.gpu_count = 1, .listed_count = 1};
    struct gpu_info info = {.vendor = GPU_VENDOR_NVIDIA};
    struct compute compute = {0};
    struct gpu_target t = {.options = &options, .inventory = &inventory, .tier = TIER_QUICK};
    struct gpu_library library;
    bool failed = false;

    if (argc < 2)
        return 2;
    options.deadline_ms = 600000;
    options.nvml_path = argc > 3 ? argv[2] : NULL;
    options.cuda_path = argc > 3 ? argv[3] : NULL;
    if (!gpu_library_open(&t, &info, &library)) {
        printf("skipped: NVML does not start\n");
        return 3;
    }
    gpu_identify(&t, &info);
    t.info = &info;
    t.compute = &compute;
    for (size_t i = 0; i < gpu_check_count; i++) {
        struct finding f;

        if (!gpu_check_is_among(argv[1], gpu_checks[i]))
            continue;
        gpu_check_run(gpu_checks[i], &t, &f);
        printf("%s: %s, %g %s: %s\n", f.check, check_result_names[f.result], f.value, f.unit,
               f.detail);
        fflush(stdout);
        failed = failed || f.result == CHECK_FAIL || f.result == CHECK_ERROR;
    }
    compute_close(&compute);
    return failed;
}
