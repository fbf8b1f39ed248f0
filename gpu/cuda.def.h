/* The CUDA driver's functions that the checks and tests/gpu/acceptance/ call: member, exported
 * symbol, whether nothing works without it, parameters. NVIDIA's header maps plain names to the
 * suffixed exports by macro; the plain exports are an older ABI. Handles are the driver's own
 * pointers. */
CUDA(init, "cuInit", true, (unsigned flags))
CUDA(device_get, "cuDeviceGet", true, (int *device, int ordinal))
CUDA(device_by_pci, "cuDeviceGetByPCIBusId", true, (int *device, const char *address))
CUDA(device_attribute, "cuDeviceGetAttribute", true, (int *value, int attribute, int device))
CUDA(can_access_peer, "cuDeviceCanAccessPeer", false, (int *can, int device, int peer))
CUDA(context_create, "cuCtxCreate_v2", true,
     (struct cu_context **context, unsigned flags, int device))
CUDA(context_destroy, "cuCtxDestroy_v2", true, (struct cu_context *context))
CUDA(context_use, "cuCtxSetCurrent", true, (struct cu_context *context))
CUDA(peer_enable, "cuCtxEnablePeerAccess", false, (struct cu_context *peer, unsigned flags))
CUDA(module_load, "cuModuleLoadDataEx", true,
     (struct cu_module **module, const void *image, unsigned option_count, int *options,
      void **values))
CUDA(module_function, "cuModuleGetFunction", true,
     (struct cu_function **function, struct cu_module *module, const char *name))
CUDA(function_set, "cuFuncSetAttribute", false,
     (struct cu_function *function, int attribute, int value))
CUDA(launch, "cuLaunchKernel", true,
     (struct cu_function *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
      unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
      struct cu_stream *stream, void **parameters, void **extra))
CUDA(memory_info, "cuMemGetInfo_v2", true, (size_t *free_bytes, size_t *total_bytes))
CUDA(memory_take, "cuMemAlloc_v2", true, (uint64_t *address, size_t bytes))
CUDA(memory_give, "cuMemFree_v2", true, (uint64_t address))
CUDA(host_take, "cuMemHostAlloc", true, (void **host, size_t bytes, unsigned flags))
CUDA(host_give, "cuMemFreeHost", true, (void *host))
CUDA(copy_in, "cuMemcpyHtoDAsync_v2", true,
     (uint64_t to, const void *from, size_t bytes, struct cu_stream *stream))
CUDA(copy_out, "cuMemcpyDtoHAsync_v2", true,
     (void *to, uint64_t from, size_t bytes, struct cu_stream *stream))
CUDA(copy_peer, "cuMemcpyPeerAsync", false,
     (uint64_t to, struct cu_context *to_context, uint64_t from,
      struct cu_context *from_context, size_t bytes, struct cu_stream *stream))
CUDA(set_words, "cuMemsetD32Async", true,
     (uint64_t to, unsigned word, size_t count, struct cu_stream *stream))
CUDA(stream_create, "cuStreamCreate", true, (struct cu_stream **stream, unsigned flags))
CUDA(stream_destroy, "cuStreamDestroy_v2", true, (struct cu_stream *stream))
CUDA(stream_wait, "cuStreamSynchronize", true, (struct cu_stream *stream))
CUDA(stream_wait_event, "cuStreamWaitEvent", true,
     (struct cu_stream *stream, struct cu_event *event, unsigned flags))
CUDA(event_create, "cuEventCreate", true, (struct cu_event **event, unsigned flags))
CUDA(event_destroy, "cuEventDestroy_v2", true, (struct cu_event *event))
CUDA(event_record, "cuEventRecord", true, (struct cu_event *event, struct cu_stream *stream))
CUDA(event_wait, "cuEventSynchronize", true, (struct cu_event *event))
CUDA(event_elapsed, "cuEventElapsedTime", true,
     (float *ms, struct cu_event *from, struct cu_event *to))
