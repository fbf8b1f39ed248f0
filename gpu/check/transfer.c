/* Copies between the host's memory and the GPU's: how fast, and whether every byte arrives. One
 * GPU of the machine at a time, since neighbours may share a switch and do share the host's
 * memory. The best of several counts: a busy host makes copies slow, nothing makes them fast. */
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "gpu/check/link.h"
#include "gpu/compute.h"

/* More than a millisecond at generation 5, of which starting takes a hundredth; and eight GPUs, one
 * after another, are through in seconds. */
#define TRANSFER_BYTES_MAX (64LL << 20)
#define TRANSFER_BYTES_MIN (256LL << 10)
#define TRANSFER_SHARE     8 /* of the GPU's free memory, at most */
#define TRANSFER_TIMES     5
#define CPU_LIST_BYTES_MAX 4096
#define WRONG_ACTION       "take the GPU out of use and have it and its slot inspected"

enum transfer_way { TO_GPU, FROM_GPU, BOTH_WAYS };

struct transfer {
    struct compute *compute;
    int64_t bytes;           /* of each buffer */
    unsigned char *in, *out; /* of the host: what goes to the GPU, what comes from it */
    uint64_t to, from;       /* of the GPU */
    struct cu_stream *second;
    struct cu_event *second_done;
};

/* "0-31,64" into a set; what cannot be read is left out. */
static void cpus_parse(const char *text, cpu_set_t *out)
{
    CPU_ZERO(out);
    while (*text >= '0' && *text <= '9') {
        char *end = NULL;
        long from = strtol(text, &end, 10), to = from;

        if (*end == '-')
            to = strtol(end + 1, &end, 10);
        for (long i = from; i >= 0 && i <= to && i < CPU_SETSIZE; i++)
            CPU_SET((size_t)i, out);
        text = *end == ',' ? end + 1 : end;
        if (*end != ',')
            return;
    }
}

/* Memory is taken where the process runs, and the other socket's is a fifth slower: move beside
 * the GPU. Where that is not allowed, the figure is what such a process gets. */
static void host_near(const struct gpu_target *t)
{
    char path[URL_BYTES_MAX];
    cpu_set_t cpus;
    STRBUF text;

    strbuf_init(&text, CPU_LIST_BYTES_MAX);
    snprintf(path, sizeof path, "%s/bus/pci/devices/%s/local_cpulist", t->options->sysfs_dir,
             t->info->gpu.pci);
    if (file_read(path, &text, NULL) != ERR_OK)
        return;
    cpus_parse(text.data, &cpus);
    if (CPU_COUNT(&cpus) > 0)
        sched_setaffinity(0, sizeof cpus, &cpus);
}

void copy_words_fill(unsigned char *to, int64_t bytes, uint64_t seed)
{
    uint64_t word = seed;

    for (int64_t i = 0; i + 8 <= bytes; i += 8) {
        word = word * 6364136223846793005ull + 1442695040888963407ull;
        memcpy(to + i, &word, 8);
    }
}

static void transfer_close(struct transfer *x)
{
    struct compute *c = x->compute;

    if (x->second_done)
        c->cuda.event_destroy(x->second_done);
    if (x->second)
        c->cuda.stream_destroy(x->second);
    compute_give(c, x->to);
    compute_give(c, x->from);
    compute_host_give(c, x->in);
    compute_host_give(c, x->out);
}

static enum err_code buffers_take(struct transfer *x, struct err *e)
{
    struct compute *c = x->compute;
    void *in = NULL, *out = NULL;
    enum err_code rc = compute_host_take(c, x->bytes, &in, e);

    if (!rc)
        rc = compute_host_take(c, x->bytes, &out, e);
    x->in = in;
    x->out = out;
    if (!rc)
        rc = compute_take(c, x->bytes, &x->to, e);
    if (!rc)
        rc = compute_take(c, x->bytes, &x->from, e);
    if (!rc)
        return ERR_OK;
    transfer_close(x);
    x->in = x->out = NULL;
    x->to = x->from = 0;
    return rc;
}

/* Both sides may have little to give: a small container, a GPU in use. */
static enum err_code transfer_open(struct transfer *x, struct compute *c, struct err *e)
{
    int64_t free_bytes = 0;
    enum err_code rc;

    *x = (struct transfer){.compute = c, .bytes = TRANSFER_BYTES_MAX};
    rc = compute_free_bytes(c, &free_bytes, e);
    while (!rc && x->bytes > TRANSFER_BYTES_MIN && x->bytes > free_bytes / TRANSFER_SHARE)
        x->bytes /= 2;
    if (!rc)
        rc = buffers_take(x, e);
    while (rc && c->code == CUDA_OUT_OF_MEMORY && x->bytes > TRANSFER_BYTES_MIN) {
        x->bytes /= 2;
        rc = buffers_take(x, e);
    }
    if (rc)
        return rc;
    rc = compute_code(c, c->cuda.stream_create(&x->second, CUDA_STREAM_NON_BLOCKING),
                      "open a second queue", e);
    if (!rc)
        rc = compute_code(c, c->cuda.event_create(&x->second_done, 0), "make a timer", e);
    copy_words_fill(x->in, x->bytes, 1);
    if (!rc)
        rc = compute_write(c, x->from, x->in, (size_t)x->bytes, e);
    if (rc)
        transfer_close(x);
    return rc;
}

/* The second queue starts when the timer does, and the first waits for it at the end. */
static enum err_code both_queue(struct transfer *x, struct cu_event *from, struct err *e)
{
    struct compute *c = x->compute;
    size_t bytes = (size_t)x->bytes;
    int code = c->cuda.stream_wait_event(x->second, from, 0);

    if (!code)
        code = c->cuda.copy_in(x->to, x->in, bytes, c->stream);
    if (!code)
        code = c->cuda.copy_out(x->out, x->from, bytes, x->second);
    if (!code)
        code = c->cuda.event_record(x->second_done, x->second);
    if (!code)
        code = c->cuda.stream_wait_event(c->stream, x->second_done, 0);
    return compute_code(c, code, "copy both ways", e);
}

static enum err_code copy_queue(struct transfer *x, enum transfer_way way, struct cu_event *from,
                                struct err *e)
{
    struct compute *c = x->compute;
    size_t bytes = (size_t)x->bytes;

    switch (way) {
    case TO_GPU:
        return compute_code(c, c->cuda.copy_in(x->to, x->in, bytes, c->stream), "copy to the GPU",
                            e);
    case FROM_GPU:
        return compute_code(c, c->cuda.copy_out(x->out, x->from, bytes, c->stream),
                            "copy from the GPU", e);
    case BOTH_WAYS:
        return both_queue(x, from, e);
    }
    return ERR_INTERNAL;
}

/* The first copy wakes the link and is not counted. */
static enum err_code copies_time(struct transfer *x, enum transfer_way way, double *best_s,
                                 struct err *e)
{
    enum err_code rc = ERR_OK;

    *best_s = 0;
    for (int i = 0; i <= TRANSFER_TIMES && !rc; i++) {
        struct compute_timer timer;
        double seconds = 0;

        rc = compute_timer_begin(x->compute, &timer, e);
        if (rc)
            break;
        rc = copy_queue(x, way, timer.from, e);
        if (rc) {
            compute_timer_release(x->compute, &timer);
            break;
        }
        rc = compute_timer_end(x->compute, &timer, &seconds, e);
        if (!rc && i > 0 && (*best_s <= 0 || seconds < *best_s))
            *best_s = seconds;
    }
    return rc;
}

/* True when what came from the GPU is what went there; else the finding is a failure. */
static bool bytes_are_right(const struct transfer *x, struct finding *f)
{
    int64_t wrong = 0, first = -1;

    if (memcmp(x->in, x->out, (size_t)x->bytes) == 0)
        return true;
    for (int64_t i = 0; i < x->bytes; i++) {
        if (x->in[i] == x->out[i])
            continue;
        first = first < 0 ? i : first;
        wrong++;
    }
    gpu_fail(f, REMEDY_REPLACE, WRONG_ACTION,
             "%" PRId64 " of %" PRId64 " bytes came back wrong; the first, at %" PRId64
             ", is 0x%02x instead of 0x%02x",
             wrong, x->bytes, first, x->out[first], x->in[first]);
    return false;
}

/* Fetch what the timed copies left on the GPU; what they left on the host is there already. */
static enum err_code copies_fetch(struct transfer *x, enum transfer_way way, struct err *e)
{
    if (way == FROM_GPU)
        return ERR_OK;
    memset(x->out, 0, (size_t)x->bytes);
    return compute_read(x->compute, x->out, x->to, (size_t)x->bytes, e);
}

static void transfer_judge(struct gpu_target *t, struct finding *f, struct transfer *x,
                           enum transfer_way way)
{
    double seconds = 0, total = (double)x->bytes * (way == BOTH_WAYS ? 2 : 1);
    struct err e;
    enum err_code rc;

    memset(x->out, 0, (size_t)x->bytes);
    rc = copies_time(x, way, &seconds, &e);
    if (!compute_answered(t, f, rc, &e))
        return;
    if (seconds <= 0) {
        gpu_error(f, "the GPU's timer says that %lld bytes took no time", (long long)total);
        return;
    }
    if (way == BOTH_WAYS && !bytes_are_right(x, f))
        return;
    rc = copies_fetch(x, way, &e);
    if (compute_answered(t, f, rc, &e) && bytes_are_right(x, f))
        gpu_measured(t, f, total / seconds / 1e9, "GB/s");
}

static void transfer_run(struct gpu_target *t, struct finding *f, enum transfer_way way)
{
    struct transfer x;
    struct err e;
    enum err_code rc;

    host_near(t);
    rc = transfer_open(&x, t->compute, &e);
    if (!compute_answered(t, f, rc, &e))
        return;
    transfer_judge(t, f, &x, way);
    transfer_close(&x);
}

static void to_gpu_run(struct gpu_target *t, struct finding *f)
{
    transfer_run(t, f, TO_GPU);
}

static void from_gpu_run(struct gpu_target *t, struct finding *f)
{
    transfer_run(t, f, FROM_GPU);
}

static void both_run(struct gpu_target *t, struct finding *f)
{
    transfer_run(t, f, BOTH_WAYS);
}

/* GPUs behind the same kind of switch and processor differ by little; at half the speed (eight
 * lanes of sixteen, a generation less) a GPU is behind any of them. */
#define PCIE_PEER_SHARE 0.75

const struct gpu_check gpu_check_pcie_to_gpu = {
    .name = "pcie_to_gpu",
    .help = "copies from page-locked host memory to the GPU: speed, and every byte",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .peer_share = PCIE_PEER_SHARE,
    .follows_slot = true,
    .needs_compute = true,
    .alone = true,
    .run = to_gpu_run,
};

const struct gpu_check gpu_check_pcie_from_gpu = {
    .name = "pcie_from_gpu",
    .help = "copies from the GPU to page-locked host memory: speed, and every byte",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .peer_share = PCIE_PEER_SHARE,
    .follows_slot = true,
    .needs_compute = true,
    .alone = true,
    .run = from_gpu_run,
};

const struct gpu_check gpu_check_pcie_both = {
    .name = "pcie_both",
    .help = "copies both ways at once: the speed of the two together, and every byte",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .peer_share = PCIE_PEER_SHARE,
    .follows_slot = true,
    .needs_compute = true,
    .alone = true,
    .run = both_run,
};

/* --- the link while it works ----------------------------------------------------------------- */

#define LINK_SAMPLES 10

/* The best of what was seen while copies ran: a link takes some milliseconds to speed up, and
 * none reaches what it cannot do. */
static bool link_watch(struct gpu_target *t, struct finding *f, struct transfer *x,
                       struct pcie_link *best)
{
    *best = (struct pcie_link){0};
    for (int i = 0; i < LINK_SAMPLES; i++) {
        struct pcie_link now;
        struct err e;
        enum err_code rc = copy_queue(x, TO_GPU, NULL, &e);
        bool is_told = !rc && pcie_link_read(t, f, &now);

        if (!rc)
            rc = compute_wait(x->compute, &e);
        if (!compute_answered(t, f, rc, &e) || !is_told)
            return false;
        now.gen = now.gen > best->gen ? now.gen : best->gen;
        now.width = now.width > best->width ? now.width : best->width;
        *best = now;
        if (now.gen >= now.gen_max && now.width >= now.width_max)
            break;
    }
    return true;
}

static void link_loaded_run(struct gpu_target *t, struct finding *f)
{
    struct pcie_link link;
    struct transfer x;
    struct err e;
    enum err_code rc = transfer_open(&x, t->compute, &e);
    bool is_told;

    if (!compute_answered(t, f, rc, &e))
        return;
    is_told = link_watch(t, f, &x, &link);
    transfer_close(&x);
    if (!is_told)
        return;
    gpu_figure(f, link.gen, link.gen_max, "generation");
    if (link.gen < link.gen_max || link.width < link.width_max)
        gpu_warn(f, REMEDY_INSPECT, PCIE_ACTION,
                 "under load PCIe runs at generation %u of %u on %u lanes of %u", link.gen,
                 link.gen_max, link.width, link.width_max);
    else
        gpu_pass(f, "under load PCIe runs at generation %u on %u lanes, as it should", link.gen,
                 link.width);
}

const struct gpu_check gpu_check_pcie_link_loaded = {
    .name = "pcie_link_loaded",
    .help = "PCIe generation and width while copies run, against what the slot allows",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_GPU,
    .needs_compute = true,
    .run = link_loaded_run,
};
