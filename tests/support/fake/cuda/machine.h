/* The machine that the script describes: GPUs with memory, faults and a clock of their own.
 * The fake driver and the emulator share it. Keys, each for one GPU or for all:
 *   count 8                 cuda_count N (else as NVML counts)   bus N
 *   memory N (bytes, 2 MiB; a thousandth of a real GPU's, so that patterns take no time)
 *   sms 4, sms_idle 0 (get no block)     capability 90 (9.0)    l2_bytes 65536
 *   memory_gbps 3350        memory_read_gbps, memory_write_gbps (of them 97 and 90 %)
 *   pcie_in_gbps 55, pcie_out_gbps 53, pcie_half_duplex 0    peer_gbps 380, peer.<gpu>.gbps
 *   peer 1, peer.<gpu> 1 (can reach)       <unit>_tflops (emulator.h)       launch_us 2.2
 *   ptx_code N, cubin_code N (refuse such images so)    ptx_version 90 (the newest it takes)
 *   clock_rise 0 (so many launches until an idle GPU's clocks are up, from a fifth)
 * Faults, numbered from 0: "fault.0 <kind> <numbers>". Offsets are bytes from the start of the
 * GPU's memory, of the 32-bit word that holds the cell:
 *   stuck OFFSET BIT VALUE      reads as VALUE whatever is written
 *   address_line BIT VALUE      this bit of every address is VALUE: two places are one
 *   couple FROM TO BIT          a write that changes FROM flips BIT of TO
 *   forget OFFSET BIT NS        falls to 0 so long after it was written (in the GPU's time)
 *   wear OFFSET BIT READS       flips at every so many reads without a write between
 *   flip OFFSET BIT READS       flips once, at that read
 *   uncorrectable OFFSET        error correction gives up: the driver answers 214
 *   link_in|link_out|link_peer BIT BYTES   a copy flips BIT of every so many-th byte
 *   wrong UNIT SM BIT           this unit of this SM always gets BIT wrong (SM -1: all)
 *   silent UNIT SM BIT N        one in N results there has BIT wrong
 * Addresses of GPU i begin at (i + 1) << 40. CUDA numbers the GPUs the other way round than
 * NVML, since nobody promises that they agree. */
#ifndef TESTS_SUPPORT_FAKE_CUDA_MACHINE_H
#define TESTS_SUPPORT_FAKE_CUDA_MACHINE_H

#include "tests/support/fake/cuda/emulator.h"

#define MACHINE_GPUS_MAX    16
#define MACHINE_FAULTS_MAX  16
#define MACHINE_BLOCKS_MAX  2048
#define MACHINE_ADDRESS_BIT 40

enum fault_kind {
    FAULT_STUCK,
    FAULT_ADDRESS_LINE,
    FAULT_COUPLE,
    FAULT_FORGET,
    FAULT_WEAR,
    FAULT_FLIP,
    FAULT_UNCORRECTABLE,
    FAULT_LINK_IN,
    FAULT_LINK_OUT,
    FAULT_LINK_PEER,
    FAULT_WRONG,
    FAULT_SILENT,
    FAULT_KIND_COUNT
};

struct machine_fault {
    enum fault_kind kind;
    long long n[4]; /* as written in the script; a unit is its number */
    u64 seen;       /* reads, bytes or results so far */
    double written_ns;
    bool done;
};

enum machine_engine { ENGINE_SM, ENGINE_IN, ENGINE_OUT, ENGINE_PEER, ENGINE_COUNT };

/* Done since the launch began. */
struct machine_work {
    u64 loaded_bytes, stored_bytes, peer_bytes;
    u64 operations[EMULATOR_UNIT_COUNT];
};

struct machine_gpu {
    int index;
    u64 bytes;
    unsigned char *memory; /* NULL until somebody opens the GPU */
    struct {
        u64 offset, bytes;
    } taken[MACHINE_BLOCKS_MAX]; /* sorted */
    unsigned taken_count, taken_last;
    struct machine_fault faults[MACHINE_FAULTS_MAX];
    unsigned fault_count;
    bool memory_is_faulty, units_are_faulty;
    unsigned sm_count, sms_idle, launches, clock_rise;
    u32 peers; /* whose memory its kernels may use, a bit each */
    double read_gbps, write_gbps, peer_gbps, tera[EMULATOR_UNIT_COUNT];
    double engine_ready_ns[ENGINE_COUNT];
    double now_ns; /* when all work so far is done */
    struct machine_work work;
    int broken; /* the driver's answer to everything from now on; 0: works */
};

/* Read the script, unless it has been since the last machine_unload(). */
void machine_load(void);
/* Switch all GPUs off and forget the script. */
void machine_unload(void);
int machine_gpu_count(void);
/* NULL: there is none. */
struct machine_gpu *machine_gpu(int index);
/* The GPU that this address belongs to. */
struct machine_gpu *machine_gpu_at(u64 address);
/* Give the GPU its memory, full of noise. */
void machine_power_on(struct machine_gpu *g);

/* Nanoseconds of work counted in g->work. */
double machine_work_ns(const struct machine_gpu *g);

/* --- cells.c: allocations, and every access of kernels and copies --------------------------- */

/* Return the driver's code. */
int cells_take(struct machine_gpu *g, u64 bytes, u64 *address);
int cells_give(u64 address);
u64 cells_free_bytes(const struct machine_gpu *g);
/* Is all of it allocated? */
bool cells_are_taken(struct machine_gpu *g, u64 address, u64 bytes);
/* Allocated memory, through the faults. Return 0 or the driver's code (an uncorrectable error). */
int cells_read(struct machine_gpu *g, u64 address, void *out, u64 bytes);
int cells_write(struct machine_gpu *g, u64 address, const void *from, u64 bytes);
/* What a link of this kind does to bytes on their way. */
void cells_link(struct machine_gpu *g, enum fault_kind link, void *bytes, u64 count);

#endif
