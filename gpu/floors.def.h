/* What a healthy GPU reaches, by the exact name that the driver gives it, which tells SXM from PCIe and
 * NVL. A figure under `warn` is a warning, under `fail` a failure. Wrong numbers drain good machines, so:
 * no line where nothing is known, the loosest where little is known, and each says where it is from.
 * `generation`, `lanes`: of the link between card and slot at its best; 0: whatever it is. `gpus`: only
 * where the machine has so many (eight of one model share NVSwitches; four may share a quarter of the
 * links each); 0: any. MIG slices have no floor. tests/unit/test_gpu_floor.c holds the table to its rules. */
#define FROM_HOPPER_READ "published peak; 90 and 80 % of it: 97 % is measured on an H100 by fast.cu; not measured by us"
#define FROM_HOPPER_COPY "published peak; 85 and 75 % of it, derived from an H200's 90 %; not measured by us"
#define FROM_H200_COPY "published peak; 85 and 75 % of it: 90 % is measured elsewhere through PyTorch; not by us"
#define FROM_PEAK_READ "published peak; 85 and 75 % of it, derived from Hopper with a margin; not measured by us"
#define FROM_PEAK_COPY "published peak; 80 and 70 % of it, derived from Hopper with a margin; not measured by us"
#define FROM_L40S_MEMORY "published peak; 70 % derived, failure is DCGM's 525 GB/s (it sees about 700); not measured by us"
#define FROM_L4_MEMORY "published peak; 70 and 61 % of it, derived from the L40S; not measured by us"
#define FROM_B200_MEMORY "least published peak; DCGM sees 5430 to 5820 GB/s, failure is its 4072; not measured by us"
#define FROM_H100_MATMUL "published peak; gpu-fryer holds 730 bf16: 77 and 63 % of that; not measured by us"
#define FROM_H200_MATMUL "published peak; PyTorch has 769 to 798 bf16: 75 and 63 % of that; not measured by us"
#define FROM_A100_MATMUL "published peak; gpu-fryer holds 270 bf16: 75 and 63 % of that; not measured by us"
#define FROM_GH200_MATMUL "published peak; gpu-fryer holds 705 bf16: 75 and 63 % of that; not measured by us"
#define FROM_PEAK_MATMUL "published peak; 45 and 40 % of it, as power caps are not known: loose; not measured by us"
#define FROM_PCIE_5 "PCIe 5 x16; Azure's node checks ask for 48; failure at 60 % of the link is derived"
#define FROM_PCIE_4 "PCIe 4 x16; Azure's node checks ask for 21; failure at half of the link is derived"
#define FROM_AZURE_PEER "one direction of NVLink; Azure's node checks ask for 335 (H100, H200) and 238 (A100); failure at 60 %"

/*    model, check, unit, peak, warn, fail, generation, lanes, gpus, source */

/* H100 SXM */
FLOOR("NVIDIA H100 80GB HBM3", "memory_read", "GB/s", 3350, 3015, 2680, 0, 0, 0, FROM_HOPPER_READ)
FLOOR("NVIDIA H100 80GB HBM3", "memory_write", "GB/s", 3350, 2848, 2512, 0, 0, 0, FROM_HOPPER_COPY)
FLOOR("NVIDIA H100 80GB HBM3", "memory_copy", "GB/s", 3350, 2848, 2512, 0, 0, 0, FROM_HOPPER_COPY)
FLOOR("NVIDIA H100 80GB HBM3", "matmul_bf16", "TFLOP/s", 989, 560, 460, 0, 0, 0, FROM_H100_MATMUL)
FLOOR("NVIDIA H100 80GB HBM3", "matmul_fp16", "TFLOP/s", 989, 560, 460, 0, 0, 0, FROM_H100_MATMUL)
FLOOR("NVIDIA H100 80GB HBM3", "matmul_tf32", "TFLOP/s", 494.5, 280, 230, 0, 0, 0, FROM_H100_MATMUL)
FLOOR("NVIDIA H100 80GB HBM3", "pcie_to_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H100 80GB HBM3", "pcie_from_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H100 80GB HBM3", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA H100 80GB HBM3", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA H100 80GB HBM3", "peer", "GB/s", 450, 335, 270, 0, 0, 8, FROM_AZURE_PEER)

/* H100 PCIe */
FLOOR("NVIDIA H100 PCIe", "memory_read", "GB/s", 2000, 1800, 1600, 0, 0, 0, FROM_HOPPER_READ)
FLOOR("NVIDIA H100 PCIe", "memory_write", "GB/s", 2000, 1700, 1500, 0, 0, 0, FROM_HOPPER_COPY)
FLOOR("NVIDIA H100 PCIe", "memory_copy", "GB/s", 2000, 1700, 1500, 0, 0, 0, FROM_HOPPER_COPY)
FLOOR("NVIDIA H100 PCIe", "matmul_bf16", "TFLOP/s", 756, 340, 306, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H100 PCIe", "matmul_fp16", "TFLOP/s", 756, 340, 306, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H100 PCIe", "matmul_tf32", "TFLOP/s", 378, 170, 153, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H100 PCIe", "pcie_to_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H100 PCIe", "pcie_from_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H100 PCIe", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA H100 PCIe", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)

/* H100 NVL */
FLOOR("NVIDIA H100 NVL", "memory_read", "GB/s", 3900, 3510, 3120, 0, 0, 0, FROM_HOPPER_READ)
FLOOR("NVIDIA H100 NVL", "memory_write", "GB/s", 3900, 3315, 2925, 0, 0, 0, FROM_HOPPER_COPY)
FLOOR("NVIDIA H100 NVL", "memory_copy", "GB/s", 3900, 3315, 2925, 0, 0, 0, FROM_HOPPER_COPY)
FLOOR("NVIDIA H100 NVL", "matmul_bf16", "TFLOP/s", 835, 376, 338, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H100 NVL", "matmul_fp16", "TFLOP/s", 835, 376, 338, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H100 NVL", "matmul_tf32", "TFLOP/s", 417.5, 188, 169, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H100 NVL", "pcie_to_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H100 NVL", "pcie_from_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H100 NVL", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA H100 NVL", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)

/* H200 SXM */
FLOOR("NVIDIA H200", "memory_read", "GB/s", 4800, 4320, 3840, 0, 0, 0, FROM_HOPPER_READ)
FLOOR("NVIDIA H200", "memory_write", "GB/s", 4800, 4080, 3600, 0, 0, 0, FROM_H200_COPY)
FLOOR("NVIDIA H200", "memory_copy", "GB/s", 4800, 4080, 3600, 0, 0, 0, FROM_H200_COPY)
FLOOR("NVIDIA H200", "matmul_bf16", "TFLOP/s", 989, 580, 485, 0, 0, 0, FROM_H200_MATMUL)
FLOOR("NVIDIA H200", "matmul_fp16", "TFLOP/s", 989, 580, 485, 0, 0, 0, FROM_H200_MATMUL)
FLOOR("NVIDIA H200", "matmul_tf32", "TFLOP/s", 494.5, 290, 242, 0, 0, 0, FROM_H200_MATMUL)
FLOOR("NVIDIA H200", "pcie_to_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H200", "pcie_from_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H200", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA H200", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA H200", "peer", "GB/s", 450, 335, 270, 0, 0, 8, FROM_AZURE_PEER)

/* H200 NVL */
FLOOR("NVIDIA H200 NVL", "memory_read", "GB/s", 4800, 4320, 3840, 0, 0, 0, FROM_HOPPER_READ)
FLOOR("NVIDIA H200 NVL", "memory_write", "GB/s", 4800, 4080, 3600, 0, 0, 0, FROM_H200_COPY)
FLOOR("NVIDIA H200 NVL", "memory_copy", "GB/s", 4800, 4080, 3600, 0, 0, 0, FROM_H200_COPY)
FLOOR("NVIDIA H200 NVL", "matmul_bf16", "TFLOP/s", 835, 376, 338, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H200 NVL", "matmul_fp16", "TFLOP/s", 835, 376, 338, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H200 NVL", "matmul_tf32", "TFLOP/s", 417.5, 188, 169, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA H200 NVL", "pcie_to_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H200 NVL", "pcie_from_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA H200 NVL", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA H200 NVL", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)

/* A100 SXM, 40 and 80 GB */
FLOOR("NVIDIA A100-SXM4-40GB", "memory_read", "GB/s", 1555, 1322, 1166, 0, 0, 0, FROM_PEAK_READ)
FLOOR("NVIDIA A100-SXM4-40GB", "memory_write", "GB/s", 1555, 1244, 1088, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA A100-SXM4-40GB", "memory_copy", "GB/s", 1555, 1244, 1088, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA A100-SXM4-40GB", "matmul_bf16", "TFLOP/s", 312, 203, 170, 0, 0, 0, FROM_A100_MATMUL)
FLOOR("NVIDIA A100-SXM4-40GB", "matmul_fp16", "TFLOP/s", 312, 203, 170, 0, 0, 0, FROM_A100_MATMUL)
FLOOR("NVIDIA A100-SXM4-40GB", "matmul_tf32", "TFLOP/s", 156, 102, 85, 0, 0, 0, FROM_A100_MATMUL)
FLOOR("NVIDIA A100-SXM4-40GB", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA A100-SXM4-40GB", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA A100-SXM4-40GB", "peer", "GB/s", 300, 238, 180, 0, 0, 8, FROM_AZURE_PEER)
FLOOR("NVIDIA A100-SXM4-80GB", "memory_read", "GB/s", 2039, 1733, 1529, 0, 0, 0, FROM_PEAK_READ)
FLOOR("NVIDIA A100-SXM4-80GB", "memory_write", "GB/s", 2039, 1631, 1427, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA A100-SXM4-80GB", "memory_copy", "GB/s", 2039, 1631, 1427, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA A100-SXM4-80GB", "matmul_bf16", "TFLOP/s", 312, 203, 170, 0, 0, 0, FROM_A100_MATMUL)
FLOOR("NVIDIA A100-SXM4-80GB", "matmul_fp16", "TFLOP/s", 312, 203, 170, 0, 0, 0, FROM_A100_MATMUL)
FLOOR("NVIDIA A100-SXM4-80GB", "matmul_tf32", "TFLOP/s", 156, 102, 85, 0, 0, 0, FROM_A100_MATMUL)
FLOOR("NVIDIA A100-SXM4-80GB", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA A100-SXM4-80GB", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA A100-SXM4-80GB", "peer", "GB/s", 300, 238, 180, 0, 0, 8, FROM_AZURE_PEER)

/* A100 PCIe, 40 and 80 GB: 250 and 300 W instead of 400 */
FLOOR("NVIDIA A100-PCIE-40GB", "memory_read", "GB/s", 1555, 1322, 1166, 0, 0, 0, FROM_PEAK_READ)
FLOOR("NVIDIA A100-PCIE-40GB", "memory_write", "GB/s", 1555, 1244, 1088, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA A100-PCIE-40GB", "memory_copy", "GB/s", 1555, 1244, 1088, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA A100-PCIE-40GB", "matmul_bf16", "TFLOP/s", 312, 142, 126, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA A100-PCIE-40GB", "matmul_fp16", "TFLOP/s", 312, 142, 126, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA A100-PCIE-40GB", "matmul_tf32", "TFLOP/s", 156, 71, 63, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA A100-PCIE-40GB", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA A100-PCIE-40GB", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA A100 80GB PCIe", "memory_read", "GB/s", 1935, 1645, 1451, 0, 0, 0, FROM_PEAK_READ)
FLOOR("NVIDIA A100 80GB PCIe", "memory_write", "GB/s", 1935, 1548, 1354, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA A100 80GB PCIe", "memory_copy", "GB/s", 1935, 1548, 1354, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA A100 80GB PCIe", "matmul_bf16", "TFLOP/s", 312, 142, 126, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA A100 80GB PCIe", "matmul_fp16", "TFLOP/s", 312, 142, 126, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA A100 80GB PCIe", "matmul_tf32", "TFLOP/s", 156, 71, 63, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA A100 80GB PCIe", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA A100 80GB PCIe", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)

/* L40S: GDDR6, where error correction costs bandwidth */
FLOOR("NVIDIA L40S", "memory_read", "GB/s", 864, 605, 525, 0, 0, 0, FROM_L40S_MEMORY)
FLOOR("NVIDIA L40S", "memory_write", "GB/s", 864, 605, 525, 0, 0, 0, FROM_L40S_MEMORY)
FLOOR("NVIDIA L40S", "memory_copy", "GB/s", 864, 605, 525, 0, 0, 0, FROM_L40S_MEMORY)
FLOOR("NVIDIA L40S", "matmul_bf16", "TFLOP/s", 362, 164, 146, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA L40S", "matmul_fp16", "TFLOP/s", 362, 164, 146, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA L40S", "matmul_tf32", "TFLOP/s", 181, 82, 73, 0, 0, 0, FROM_PEAK_MATMUL)
FLOOR("NVIDIA L40S", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA L40S", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)

/* L4: 72 W end its matrix products long before its units do: no floor for them */
FLOOR("NVIDIA L4", "memory_read", "GB/s", 300, 210, 183, 0, 0, 0, FROM_L4_MEMORY)
FLOOR("NVIDIA L4", "memory_write", "GB/s", 300, 210, 183, 0, 0, 0, FROM_L4_MEMORY)
FLOOR("NVIDIA L4", "memory_copy", "GB/s", 300, 210, 183, 0, 0, 0, FROM_L4_MEMORY)
FLOOR("NVIDIA L4", "pcie_to_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)
FLOOR("NVIDIA L4", "pcie_from_gpu", "GB/s", 31.5, 21, 16, 4, 16, 0, FROM_PCIE_4)

/* B200: our matrix products do not reach its units (they need tcgen05): no floor for them */
FLOOR("NVIDIA B200", "memory_read", "GB/s", 7700, 5198, 4073, 0, 0, 0, FROM_B200_MEMORY)
FLOOR("NVIDIA B200", "memory_write", "GB/s", 7700, 5198, 4073, 0, 0, 0, FROM_B200_MEMORY)
FLOOR("NVIDIA B200", "memory_copy", "GB/s", 7700, 5198, 4073, 0, 0, 0, FROM_B200_MEMORY)
FLOOR("NVIDIA B200", "pcie_to_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)
FLOOR("NVIDIA B200", "pcie_from_gpu", "GB/s", 63, 48, 38, 5, 16, 0, FROM_PCIE_5)

/* GH200, 96 GB: its host is on NVLink-C2C, not on PCIe */
FLOOR("NVIDIA GH200 480GB", "memory_read", "GB/s", 4000, 3400, 3000, 0, 0, 0, FROM_PEAK_READ)
FLOOR("NVIDIA GH200 480GB", "memory_write", "GB/s", 4000, 3200, 2800, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA GH200 480GB", "memory_copy", "GB/s", 4000, 3200, 2800, 0, 0, 0, FROM_PEAK_COPY)
FLOOR("NVIDIA GH200 480GB", "matmul_bf16", "TFLOP/s", 989, 530, 445, 0, 0, 0, FROM_GH200_MATMUL)
FLOOR("NVIDIA GH200 480GB", "matmul_fp16", "TFLOP/s", 989, 530, 445, 0, 0, 0, FROM_GH200_MATMUL)
FLOOR("NVIDIA GH200 480GB", "matmul_tf32", "TFLOP/s", 494.5, 265, 222, 0, 0, 0, FROM_GH200_MATMUL)
