/* Environment variables that change what CUDA and ROCm programs see or how fast they are: name,
 * what it does. They are inherited from whoever starts programs here. After the list that
 * NVIDIA's DCGM refuses, and CUDA's programming guide. */
#ifdef ENVIRONMENT_FLAG /* of no effect when "0" */
ENVIRONMENT_FLAG("CUDA_LAUNCH_BLOCKING", "every launch waits for its end")
ENVIRONMENT_FLAG("CUDA_DEVICE_WAITS_ON_EXCEPTION", "a GPU stands still after an error")
ENVIRONMENT_FLAG("CUDA_ENABLE_COREDUMP_ON_EXCEPTION", "an error writes a dump first")
ENVIRONMENT_FLAG("CUDA_PROFILE", "programs are profiled")
ENVIRONMENT_FLAG("COMPUTE_PROFILE", "programs are profiled")
ENVIRONMENT_FLAG("OPENCL_PROFILE", "programs are profiled")
ENVIRONMENT_FLAG("CUDA_DISABLE_PTX_JIT", "kernels without machine code do not load")
ENVIRONMENT_FLAG("CUDA_FORCE_PTX_JIT", "machine code is not used")
ENVIRONMENT_FLAG("AMD_SERIALIZE_KERNEL", "every launch waits for its end")
ENVIRONMENT_FLAG("HIP_LAUNCH_BLOCKING", "every launch waits for its end")
#endif
#ifdef ENVIRONMENT_PATH /* of effect with any value */
ENVIRONMENT_PATH("CUDA_INJECTION64_PATH", "a library is loaded into every program")
ENVIRONMENT_PATH("CUDA_INJECTION32_PATH", "a library is loaded into every program")
ENVIRONMENT_PATH("NSIGHT_CUDA_DEBUGGER", "a debugger is attached")
#endif
#ifdef ENVIRONMENT_GPUS /* a list of the GPUs that programs may see */
ENVIRONMENT_GPUS("CUDA_VISIBLE_DEVICES", GPU_VENDOR_NVIDIA)
ENVIRONMENT_GPUS("ROCR_VISIBLE_DEVICES", GPU_VENDOR_AMD)
ENVIRONMENT_GPUS("HIP_VISIBLE_DEVICES", GPU_VENDOR_AMD)
#endif
