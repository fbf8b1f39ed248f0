/* The functions that not every driver has: those that gpu/cuda.def.h calls not required. */
#include "tests/support/fake/cuda/driver.h"

API(cuGetErrorName, int code, const char **name)
{
    ENTER(-1);
    *name = code == CUDA_OK ? "CUDA_SUCCESS" : "CUDA_ERROR_PLAYED";
    return CUDA_OK;
}

API(cuDeviceGetUuid_v2, unsigned char uuid[16], int device)
{
    int gpu = machine_gpu_count() - 1 - device;
    char digits[16];

    DRIVER(gpu);
    if (!machine_gpu(gpu))
        return CUDA_INVALID_DEVICE;
    /* As fake NVML writes it: GPU-00000000-0000-4000-8000- and the number in decimal. */
    memset(uuid, 0, 16);
    uuid[6] = 0x40;
    uuid[8] = 0x80;
    snprintf(digits, sizeof digits, "%02d", gpu % 100);
    uuid[15] = (unsigned char)((digits[0] - '0') << 4 | (digits[1] - '0'));
    return CUDA_OK;
}

API(cuDeviceCanAccessPeer, int *can, int device, int peer)
{
    int gpu = machine_gpu_count() - 1 - device, other = machine_gpu_count() - 1 - peer;
    char key[32];

    DRIVER(gpu);
    if (!machine_gpu(gpu) || !machine_gpu(other))
        return CUDA_INVALID_DEVICE;
    snprintf(key, sizeof key, "peer.%d", other);
    *can = gpu != other && number(gpu, key, number(gpu, "peer", 1));
    return CUDA_OK;
}

API(cuCtxEnablePeerAccess, struct cu_context *peer, unsigned flags)
{
    struct machine_gpu *g;
    char key[32];

    (void)flags;
    DRIVER_CONTEXT();
    g = context_current->gpu;
    snprintf(key, sizeof key, "peer.%d", peer->gpu->index);
    if (peer->gpu == g || !number(g->index, key, number(g->index, "peer", 1)))
        return CUDA_PEER_ACCESS_UNSUPPORTED;
    if (g->peers >> peer->gpu->index & 1)
        return CUDA_PEER_ACCESS_ALREADY_ENABLED;
    g->peers |= 1u << peer->gpu->index;
    return CUDA_OK;
}

API(cuModuleUnload, struct cu_module *module)
{
    struct cu_module **at;

    DRIVER_CONTEXT();
    for (at = &context_current->modules; *at && *at != module;)
        at = &(*at)->next;
    if (!*at)
        return CUDA_INVALID_VALUE;
    *at = module->next;
    module_free(module);
    return CUDA_OK;
}

API(cuFuncSetAttribute, struct cu_function *function, int attribute, int value)
{
    DRIVER_CONTEXT();
    if (attribute != CUDA_FUNCTION_SHARED_BYTES || value < 0 ||
        value > number(gpu_current(), "shared_bytes", SHARED_BYTES_MAX))
        return CUDA_INVALID_VALUE;
    function->shared_bytes_max = (unsigned)value;
    return CUDA_OK;
}

API(cuMemcpyPeerAsync, uint64_t to, struct cu_context *to_context, uint64_t from,
    struct cu_context *from_context, size_t bytes, struct cu_stream *stream)
{
    DRIVER_CONTEXT();
    if (!to_context->gpu || !from_context->gpu)
        return CUDA_INVALID_CONTEXT;
    return copy_between(to_context->gpu, to, from_context->gpu, from, bytes, stream);
}

API(cuTensorMapEncodeTiled, void *map, int type, unsigned rank, void *address,
    const uint64_t *sizes, const uint64_t *strides, const unsigned *box,
    const unsigned *element_strides, int interleave, int swizzle, int l2_promotion, int fill)
{
    struct emulator_tensor_map m;

    (void)l2_promotion;
    (void)fill;
    DRIVER(-1);
    if (rank < 1 || rank > 5 || (uintptr_t)map % 64)
        return CUDA_INVALID_VALUE;
    m = (struct emulator_tensor_map){.address = (u64)(uintptr_t)address,
                                     .type = (u32)type,
                                     .rank = rank,
                                     .interleave = (u32)interleave,
                                     .swizzle = (u32)swizzle};
    for (unsigned i = 0; i < rank; i++) {
        m.sizes[i] = sizes[i];
        m.box[i] = box[i];
        m.steps[i] = element_strides[i];
        if (i + 1 < rank)
            m.strides[i] = strides[i];
    }
    tensor_map_keep(map, &m);
    return CUDA_OK;
}
