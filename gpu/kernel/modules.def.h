/* Files of kernels, each gpu/kernel/<name>.cu. */
MODULE(launch)
MODULE(memory)
