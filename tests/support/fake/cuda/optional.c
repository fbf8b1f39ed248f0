/* The functions that not every driver has: those that gpu/cuda.def.h calls not required. */
#include "tests/support/fake/cuda/driver.h"

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
