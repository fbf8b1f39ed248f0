/* What amdgpu, AMD's kernel driver, writes into the kernel log: words, what they mean, whose
 * fault it usually is, how bad one is that happened lately, the remedy, what its operator should
 * do. A line is judged by the first row whose words it has. After drivers/gpu/drm/amd of Linux.
 * A count of zero ("0 uncorrectable hardware errors") is no event. */
#define AMD_RESET_ACTION   REMEDY_RESET, "reset the GPU; if it comes back, have the GPU replaced"
#define AMD_RESTART_ACTION REMEDY_RESTART, "restart the machine; if it comes back, replace the GPU"
#define AMD_APP_ACTION     REMEDY_FIX_APP, "look at the application that ran"
#define AMD_WATCH_ACTION   REMEDY_WATCH, "watch it; if it comes back, ask the provider"
AMD_LOG("device lost from bus", "the GPU fell off the bus", HOST, FAIL, AMD_RESTART_ACTION)
AMD_LOG("GPU recovery failed", "the GPU could not be reset", GPU, FAIL, AMD_RESTART_ACTION)
AMD_LOG("GPU reset end with ret = -", "the GPU could not be reset", GPU, FAIL, AMD_RESTART_ACTION)
AMD_LOG("reaches threshold", "too many bad memory pages", GPU, FAIL, REMEDY_REPLACE,
        "have the GPU replaced")
AMD_LOG("exceeds threshold", "too many bad memory pages", GPU, FAIL, REMEDY_REPLACE,
        "have the GPU replaced")
AMD_LOG("uncorrectable hardware error", "uncorrectable hardware error", GPU, FAIL, AMD_RESET_ACTION)
AMD_LOG("poison is consumed", "damaged memory was used", GPU, FAIL, AMD_RESET_ACTION)
AMD_LOG("Fatal error during GPU init", "the GPU could not be initialised", GPU, FAIL,
        AMD_RESTART_ACTION)
AMD_LOG("GPU reset begin", "the GPU was reset", GPU, WARN, AMD_WATCH_ACTION)
AMD_LOG("timeout, signaled seq=", "work did not end", APP, PASS, AMD_APP_ACTION)
AMD_LOG("page fault", "memory page fault", APP, PASS, AMD_APP_ACTION)
