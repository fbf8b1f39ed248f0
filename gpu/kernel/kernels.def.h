/* Every kernel: module, name, its struct of arguments (gpu/kernel/args.h). The fake driver of
 * the tests knows kernels by these lines. */
KERNEL_ENTRY(launch, launch_mark, launch_mark_args)
KERNEL_ENTRY(memory, memory_read, memory_args)
KERNEL_ENTRY(memory, memory_write, memory_args)
KERNEL_ENTRY(memory, memory_copy, memory_args)
KERNEL_ENTRY(memory, memory_fill, memory_args)
KERNEL_ENTRY(memory, memory_check, memory_args)
KERNEL_ENTRY(memory, memory_turn, memory_args)
