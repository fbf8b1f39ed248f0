/* Every kernel: module, name, its struct of arguments (gpu/kernel/args.h). The fake driver of
 * the tests knows kernels by these lines. */
KERNEL_ENTRY(launch, launch_mark, launch_mark_args)
