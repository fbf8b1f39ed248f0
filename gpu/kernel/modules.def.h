/* Files of kernels, each gpu/kernel/<name>.cu. */
MODULE(arithmetic)
MODULE(launch)
MODULE(memory)
MODULE(matmul)
MODULE(matmul_sm90)
MODULE(tensor)
