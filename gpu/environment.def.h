/* Environment variables that change how programs run: name, what it does, whether "0" switches it
 * off (else any value has its effect). They are inherited from whoever starts programs here.
 * After the list that NVIDIA's DCGM refuses, and CUDA's programming guide. */
ENVIRONMENT("CUDA_LAUNCH_BLOCKING", "every launch waits for its end", true)
ENVIRONMENT("CUDA_DEVICE_WAITS_ON_EXCEPTION", "a GPU stands still after an error", true)
ENVIRONMENT("CUDA_ENABLE_COREDUMP_ON_EXCEPTION", "an error writes a dump first", true)
ENVIRONMENT("CUDA_PROFILE", "programs are profiled", true)
ENVIRONMENT("COMPUTE_PROFILE", "programs are profiled", true)
ENVIRONMENT("OPENCL_PROFILE", "programs are profiled", true)
ENVIRONMENT("CUDA_DISABLE_PTX_JIT", "kernels without machine code do not load", true)
ENVIRONMENT("CUDA_FORCE_PTX_JIT", "machine code is not used", true)
ENVIRONMENT("AMD_SERIALIZE_KERNEL", "every launch waits for its end", true)
ENVIRONMENT("HIP_LAUNCH_BLOCKING", "every launch waits for its end", true)
ENVIRONMENT("CUDA_INJECTION64_PATH", "a library is loaded into every program", false)
ENVIRONMENT("CUDA_INJECTION32_PATH", "a library is loaded into every program", false)
ENVIRONMENT("NSIGHT_CUDA_DEBUGGER", "a debugger is attached", false)
