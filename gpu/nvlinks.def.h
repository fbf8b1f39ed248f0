/* NVLinks that a board wires for every GPU: the whole model name, links, GPUs of the board with
 * all of them. Only modules on boards with NVSwitches, and judged only where as many GPUs are
 * seen: a virtual machine with a part of the board has what its partition was given, and cards
 * (PCIe, NVL) have what their bridges join. From NVIDIA's HGX and DGX datasheets (bytes per
 * second and GPU over 50 GB/s a link: 600, 900, 1800 over 100). */
NVLINKS("NVIDIA A100-SXM4-40GB", 12, 8)
NVLINKS("NVIDIA A100-SXM4-80GB", 12, 8)
NVLINKS("NVIDIA H100 80GB HBM3", 18, 8)
NVLINKS("NVIDIA H200", 18, 8)
NVLINKS("NVIDIA B200", 18, 8)
NVLINKS("NVIDIA B300 SXM6 AC", 18, 8)
