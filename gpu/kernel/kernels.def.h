/* Every kernel: module, name, its struct of arguments (gpu/kernel/args.h). */
