/* What can be wrong with a machine of GPUs, and who must say so: one line adds a fault.
 * FAULT(id, words, GPUs, script, expected): the script of the fake libraries (tests/support/fake:
 * script.h, nvml.c, cuda/machine.h), where GPU 1 is the one that is ill; a line that begins with
 * @ is for the machine itself: "@log TEXT" in the kernel log, "@bus ADDRESS DRIVER" a GPU on the PCI
 * bus (driver none: without one), "@deadline TIME", "@nvml FILE", "@cuda FILE". `expected` has, with a space between, every
 * answer that is no pass and no skip, as check:gpu:answer (gpu -1: the machine). All checks of the
 * quick tier run on every machine. docs/checks.md has the same table: run the test and copy. */

/* --- a machine where nothing is wrong must stay quiet ---------------------------------------- */
FAULT(healthy, "nothing: eight H100", 8, "", "")
FAULT(healthy_pcie, "nothing: H100 PCIe cards without NVLink", 2,
      "model NVIDIA H100 PCIe\nnvlinks 0\nnvlinks_up 0\nfabric_state 0\nmemory_gbps 2000\n"
      "bf16_tflops 756\nfp16_tflops 756\ntf32_tflops 378\npeer_gbps 50\n",
      "")
FAULT(old_driver, "nothing: a driver of 2021 without newer functions", 2,
      "driver 450.80.02\n@nvml nvml_old.so\n@cuda cuda_old.so\n", "")
FAULT(old_kernels, "nothing: a driver that takes neither our machine code nor our PTX", 2,
      "cubin_code 209\nptx_code 222\n", "")
FAULT(no_permission, "nothing: a container that may not ask for everything", 2,
      "code.nvmlDeviceGetSramEccErrorStatus 4\ncode.nvmlDeviceValidateInforom 4\n"
      "code.nvmlDeviceGetComputeRunningProcesses_v3 4\n",
      "")
FAULT(mig, "nothing: MIG is on and CUDA shows no instance", 2,
      "gpu1.mig 1\ngpu1.code.cuDeviceGetByPCIBusId 101\n", "")

/* --- the driver and what it knows ------------------------------------------------------------ */
FAULT(lost, "a GPU fell off the bus", 2, "gpu1.code.nvmlDeviceGetHandleByIndex_v2 15\n",
      "reachable:1:fail")
FAULT(lost_midway, "a GPU falls off the bus during the checks", 2,
      "gpu1.code.nvmlDeviceGetTemperatureV 15\n", "temperature:1:fail")
FAULT(remap_pending, "memory rows wait to be remapped", 2, "gpu1.field.144 1\n", "row_remap:1:fail")
FAULT(remap_failed, "a memory row could not be remapped", 2, "gpu1.field.145 1\n",
      "row_remap:1:fail")
FAULT(remap_many, "512 memory rows were remapped", 2, "gpu1.field.143 512\n", "row_remap:1:fail")
FAULT(recovery, "the driver advises a reset", 2, "gpu1.field.230 1\n", "recovery:1:fail")
FAULT(ecc_uncorrected, "uncorrectable memory errors since the driver was loaded", 2,
      "gpu1.field.4 3\n", "ecc_volatile:1:fail")
FAULT(ecc_life, "uncorrectable memory errors earlier in its life", 2, "gpu1.field.6 9\n", "")
FAULT(unrepairable, "memory that cannot be repaired", 2, "gpu1.unrepairable 1\n",
      "unrepairable_memory:1:fail")
FAULT(sram, "too many SRAM errors", 2, "gpu1.sram_threshold 1\n", "sram_threshold:1:fail")
FAULT(repair, "a repair waits for a reset", 2, "gpu1.repair_channel 1\n", "repair_pending:1:warn")
FAULT(pages, "64 retired memory pages", 2, "gpu1.field.29 64\ngpu1.field.30 0\ngpu1.field.31 0\n",
      "retired_pages:1:fail")
FAULT(inforom, "a corrupted inforom", 2, "gpu1.code.nvmlDeviceValidateInforom 14\n",
      "inforom:1:fail")
FAULT(fabric, "the GPU is not registered with the fabric", 2, "gpu1.fabric_state 1\n",
      "fabric:1:fail")
FAULT(nvlink, "NVLinks are down", 2, "gpu1.nvlinks_up 12\n", "nvlink:1:fail")
FAULT(replays, "PCIe sends packets again and again", 2, "gpu1.replay_step 9\n",
      "pcie_replay:1:warn")
FAULT(brake, "the power brake slows the clocks", 2, "gpu1.clocks 0x88\n", "clocks:1:fail")
FAULT(heat, "heat slows the clocks", 2, "gpu1.clocks 0x40\n", "clocks:1:fail")
FAULT(hot, "no margin to the temperature of slowdown", 2, "gpu1.margin -1\n", "temperature:1:fail")
FAULT(power, "a lowered power limit", 2, "gpu1.power_enforced 400000\n", "power_limit:1:warn")
FAULT(prohibited, "programs may not use the GPU", 2, "gpu1.compute 2\n", "compute_mode:1:fail")
FAULT(missing, "a GPU on the PCI bus that the driver does not list", 2,
      "@bus 0000:50:00.0 none\n", "gpu_count:-1:fail")
FAULT(xid, "the kernel log tells of a GPU that fell off the bus", 2,
      "@log NVRM: Xid (PCI:0000:11:00): 79, pid=1, name=x, GPU has fallen off the bus.\n",
      "xid:1:fail")
FAULT(no_driver, "the driver does not start", 2, "code.nvmlInit_v2 18\n", "driver:-1:error")
FAULT(hang, "a call to the driver never returns", 2,
      "@deadline 4s\ngpu1.hang.nvmlDeviceValidateInforom 1\n", "inforom:1:error")
FAULT(crash, "a call to the driver crashes", 2, "gpu1.crash.nvmlDeviceGetMigMode 1\n",
      "peer:-1:error mig_mode:1:error")

/* --- under load ------------------------------------------------------------------------------ */
FAULT(pcie_x4, "PCIe runs on 4 lanes", 2,
      "gpu1.pcie_width 4\ngpu1.pcie_in_gbps 13.5\ngpu1.pcie_out_gbps 13\n",
      "pcie_link:1:warn pcie_to_gpu:1:fail pcie_from_gpu:1:fail pcie_both:1:fail "
      "pcie_link_loaded:1:warn")
FAULT(pcie_slow, "full PCIe width and half of the speed", 2,
      "gpu1.pcie_in_gbps 27\ngpu1.pcie_out_gbps 26\n",
      "pcie_to_gpu:1:fail pcie_from_gpu:1:fail pcie_both:1:fail")
FAULT(pcie_flips, "PCIe flips a bit now and then on the way to the GPU", 2,
      "gpu1.fault.0 link_in 3 100000\n",
      "peer:-1:fail pcie_to_gpu:1:fail pcie_from_gpu:1:fail pcie_both:1:fail")
FAULT(pcie_flips_back, "PCIe flips a bit now and then on the way back", 2,
      "gpu1.fault.0 link_out 3 100000\n",
      "peer:-1:fail pcie_to_gpu:1:fail pcie_from_gpu:1:fail pcie_both:1:fail")
FAULT(peer_slow, "NVLink to the other GPUs at a tenth of its speed", 4, "gpu1.peer_gbps 38\n", "peer:-1:fail")
FAULT(peer_flips, "NVLink flips a bit now and then", 4, "gpu1.fault.0 link_peer 3 10000\n", "peer:-1:fail")
FAULT(launch_slow, "kernels take a millisecond to start", 4, "gpu1.launch_us 1000\n", "launch_latency:1:fail")
FAULT(memory_slow, "memory at two thirds of its speed", 2, "gpu1.memory_gbps 2200\n",
      "memory_read:1:fail memory_write:1:fail memory_copy:1:fail")
FAULT(launch_fails, "kernels fail", 2, "gpu1.code.cuLaunchKernel 719\n", "launch_latency:1:error")
FAULT(launch_hangs, "a kernel never ends", 2, "@deadline 4s\ngpu1.hang.cuEventSynchronize 1\n", "peer:-1:error pcie_to_gpu:1:error")
FAULT(context, "the driver cannot open the GPU for work", 2, "gpu1.code.cuCtxCreate_v2 999\n", "peer:-1:error pcie_to_gpu:1:error")
FAULT(fabric_manager, "the fabric manager does not run", 2, "code.cuInit 802\n", "peer:-1:fail pcie_to_gpu:0:fail pcie_to_gpu:1:fail")

/* --- memory ---------------------------------------------------------------------------------- */
#define MEMORY_FAULT(id, words, script) \
    FAULT(id, words, 2, "gpu1.fault.0 " script "\n", "memory_patterns:1:fail")
MEMORY_FAULT(stuck_0, "a memory bit is stuck at 0", "stuck 0x152344 5 0")
MEMORY_FAULT(stuck_1, "a memory bit is stuck at 1", "stuck 0x152340 31 1")
/* Nothing that lies in such memory can be right. */
#define PRODUCTS "matmul_bf16:1:fail matmul_fp16:1:fail matmul_tf32:1:fail"
#define LINE_FAULT(id, words, script, more)                                        \
    FAULT(id, words, 2, "gpu1.fault.0 " script "\n",                               \
          "peer:-1:fail pcie_to_gpu:1:fail pcie_from_gpu:1:fail pcie_both:1:fail " \
          "memory_patterns:1:fail " more)
LINE_FAULT(line_2, "an address line inside a 16-byte unit is stuck", "address_line 2 0",
           "arithmetic:1:fail tensor:1:fail " PRODUCTS)
LINE_FAULT(line_4, "a low address line is stuck", "address_line 4 1",
           "arithmetic:1:fail tensor:1:fail " PRODUCTS)
LINE_FAULT(line_12, "an address line is stuck", "address_line 12 0",
           PRODUCTS)
MEMORY_FAULT(line_20, "the highest address line is stuck", "address_line 20 1")
MEMORY_FAULT(couple_up, "writing a cell flips one at a higher address",
             "couple 0x150000 0x160000 7")
MEMORY_FAULT(couple_down, "writing a cell flips one at a lower address",
             "couple 0x160000 0x150000 7")
MEMORY_FAULT(couple_near, "writing a cell flips its neighbour below", "couple 0x160004 0x160000 7")
MEMORY_FAULT(forget, "a memory cell forgets before it is read", "forget 0x150000 3 500")
MEMORY_FAULT(wear, "a memory cell flips when it is read three times", "wear 0x150000 4 3")
MEMORY_FAULT(flip, "a memory bit flips once", "flip 0x150000 9 60")
#undef MEMORY_FAULT
#undef LINE_FAULT
#undef PRODUCTS
FAULT(ecc_during, "uncorrectable memory errors during the test", 2, "gpu1.field.4_step 1\n",
      "memory_patterns:1:fail")
FAULT(corrected_during, "corrected memory errors during the test", 2, "gpu1.field.3_step 1\n",
      "memory_patterns:1:warn")
FAULT(uncorrectable, "a memory cell that error correction gives up on", 2,
      "gpu1.fault.0 uncorrectable 0x140000\n", "memory_read:1:fail")

/* --- arithmetic ------------------------------------------------------------------------------ */
#define UNIT_FAULT(id, words, script, expected) \
    FAULT(id, words, 2, "gpu1.fault.0 " script "\n", expected)
UNIT_FAULT(wrong_integer, "integer units of one SM are wrong", "wrong int32 3 5",
           "arithmetic:1:fail")
UNIT_FAULT(wrong_fp32, "fp32 units of one SM are wrong", "wrong fp32 1 22", "arithmetic:1:fail")
UNIT_FAULT(wrong_fp64, "fp64 units of one SM are wrong", "wrong fp64 4 51", "arithmetic:1:fail")
UNIT_FAULT(wrong_special, "special functions of one SM are wrong", "wrong special 0 0",
           "arithmetic:1:fail")
UNIT_FAULT(wrong_int8, "int8 tensor cores of one SM are wrong", "wrong int8 3 9", "tensor:1:fail")
UNIT_FAULT(wrong_fp64_tensor, "fp64 tensor cores of one SM are wrong", "wrong fp64_tensor 1 40",
           "tensor:1:fail")
UNIT_FAULT(wrong_bf16, "bf16 tensor cores of one SM are wrong", "wrong bf16 3 13",
           "tensor:1:fail matmul_bf16:1:fail")
UNIT_FAULT(wrong_tf32, "tf32 tensor cores of one SM are wrong", "wrong tf32 4 14",
           "tensor:1:fail matmul_tf32:1:fail")
UNIT_FAULT(wrong_everywhere, "fp32 units of all SMs are wrong alike", "wrong fp32 -1 3",
           "arithmetic:1:fail")
UNIT_FAULT(silent_fp32, "one fp32 result in 3000 of one SM is wrong", "silent fp32 1 0 3000",
           "arithmetic:1:fail")
UNIT_FAULT(silent_int8, "one int8 product in 9000 of one SM is wrong", "silent int8 0 0 9000",
           "tensor:1:fail")
UNIT_FAULT(silent_bf16, "one bf16 product in 90000 of one SM is wrong", "silent bf16 3 3 90000",
           "matmul_bf16:1:fail")
#undef UNIT_FAULT
FAULT(matmul_slow, "tensor cores at half of their rate", 2, "gpu1.bf16_tflops 450\n",
      "matmul_bf16:1:fail")
FAULT(sm_idle, "an SM that gets no work", 2, "gpu1.sms_idle 1\n",
      "arithmetic:1:error tensor:1:error")
