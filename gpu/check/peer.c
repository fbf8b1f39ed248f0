/* Copies from every GPU to every other: who can reach whom, how fast, whether every byte arrives.
 * One process holds all GPUs, after their own processes have ended. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/check/link.h"
#include "gpu/compute.h"

#define PEER_GPUS_MAX  16
#define PEER_BYTES_MAX (64LL << 20)
#define PEER_BYTES_MIN (64LL << 10)
#define PEER_SHARE     8 /* of a GPU's free memory, at most */
#define PEER_TIMES     3
/* Boards wire some pairs with half the links of others (1 or 2, 2 or 4), none with less. */
#define PAIR_SHARE    0.4
#define PEER_ACTION   "have the NVLinks and NVSwitches, or the PCIe slots, of these GPUs inspected"
#define ACCESS_ACTION "restart nvidia-fabricmanager and check again; else inspect these GPUs' links"

struct peer_gpu {
    struct gpu_target target;
    struct gpu_info info;
    struct compute compute;
    uint64_t from, to; /* its own words; where others write theirs */
};

struct peer_pair {
    size_t from, to;
    double gbps;
    bool by_nvlink;
};

struct peers {
    struct gpu_target *machine;
    struct finding *f;
    struct nvml nvml;
    bool has_nvml;
    struct peer_gpu *gpus; /* those that CUDA shows */
    size_t gpu_count;
    char absent[TEXT_BYTES_MAX / 2]; /* why CUDA does not show the first of the others */
    int64_t bytes;
    unsigned char *sent, *got; /* page-locked */
    struct peer_pair *pairs;   /* those that were measured */
    size_t pair_count;
};

static int index_of(const struct peers *p, size_t gpu)
{
    return (int)p->gpus[gpu].info.gpu.index;
}

/* The finding says what a call on this GPU came to. */
static bool gpu_is_fine(struct peers *p, size_t gpu, enum err_code rc, const struct err *e)
{
    struct err named = *e;

    if (rc == ERR_OK)
        return true;
    err_wrap(&named, rc, "GPU %d", index_of(p, gpu));
    return compute_answered(&p->gpus[gpu].target, p->f, rc, &named);
}

static bool context_use(struct peers *p, size_t gpu)
{
    struct compute *c = &p->gpus[gpu].compute;
    struct err e;
    enum err_code rc = compute_code(c, c->cuda.context_use(c->context), "turn to the GPU", &e);

    return gpu_is_fine(p, gpu, rc, &e);
}

/* False when a GPU answered with what is no absence. */
static bool gpu_open(struct peers *p, const struct gpu_info *info)
{
    struct peer_gpu *g = &p->gpus[p->gpu_count];
    struct err e;
    enum err_code rc;

    g->info = *info;
    g->target = *p->machine;
    g->target.info = &g->info;
    g->target.compute = &g->compute;
    if (p->has_nvml) {
        g->target.nvml = &p->nvml;
        if (p->nvml.device_by_index(info->vendor_index, &g->target.device) != NVML_OK)
            g->target.nvml = NULL;
    }
    err_clear(&e);
    rc = compute_open(&g->target, &g->compute, &e);
    if (rc == ERR_NOT_FOUND) {
        if (!p->absent[0])
            text_copy(p->absent, sizeof p->absent, e.msg);
        return true;
    }
    p->gpu_count++;
    return gpu_is_fine(p, p->gpu_count - 1, rc, &e);
}

static bool gpus_open(struct peers *p)
{
    const struct gpu_inventory *inv = p->machine->inventory;
    enum err_code rc = nvml_open(&p->nvml, p->machine->options->nvml_path, NULL);

    p->has_nvml = rc == ERR_OK && p->nvml.init() == NVML_OK;
    for (size_t i = 0; i < inv->gpu_count && p->gpu_count < PEER_GPUS_MAX; i++) {
        if (inv->gpus[i].answered && inv->gpus[i].vendor == GPU_VENDOR_NVIDIA &&
            !gpu_open(p, &inv->gpus[i]))
            return false;
    }
    return true;
}

/* Every GPU gets words of its own, so that those of a third are wrong, too. */
static bool buffer_fill(struct peers *p, size_t gpu)
{
    struct peer_gpu *g = &p->gpus[gpu];
    struct compute *c = &g->compute;
    struct err e;
    enum err_code rc;

    if (!context_use(p, gpu))
        return false;
    rc = compute_take(c, p->bytes, &g->from, &e);
    if (!rc)
        rc = compute_take(c, p->bytes, &g->to, &e);
    copy_words_fill(p->sent, p->bytes, gpu + 1);
    if (!rc)
        rc = compute_write(c, g->from, p->sent, (size_t)p->bytes, &e);
    return gpu_is_fine(p, gpu, rc, &e);
}

static bool host_open(struct peers *p)
{
    struct compute *first = &p->gpus[0].compute;
    void *sent = NULL, *got = NULL;
    struct err e;
    enum err_code rc;

    p->pairs = calloc(p->gpu_count * p->gpu_count, sizeof *p->pairs);
    if (!p->pairs) {
        gpu_error(p->f, "out of memory");
        return false;
    }
    if (!context_use(p, 0))
        return false;
    rc = compute_host_take(first, p->bytes, &sent, &e);
    if (!rc)
        rc = compute_host_take(first, p->bytes, &got, &e);
    p->sent = sent;
    p->got = got;
    return gpu_is_fine(p, 0, rc, &e);
}

static bool buffers_open(struct peers *p)
{
    p->bytes = PEER_BYTES_MAX;
    for (size_t i = 0; i < p->gpu_count; i++) {
        int64_t free_bytes = 0;
        struct err e;
        enum err_code rc;

        if (!context_use(p, i))
            return false;
        rc = compute_free_bytes(&p->gpus[i].compute, &free_bytes, &e);
        if (!gpu_is_fine(p, i, rc, &e))
            return false;
        while (p->bytes > PEER_BYTES_MIN && p->bytes > free_bytes / PEER_SHARE)
            p->bytes /= 2;
    }
    if (!host_open(p))
        return false;
    for (size_t i = 0; i < p->gpu_count; i++) {
        if (!buffer_fill(p, i))
            return false;
    }
    return true;
}

static bool nvlink_joins(const struct peers *p, size_t from, size_t to)
{
    const struct gpu_target *a = &p->gpus[from].target, *b = &p->gpus[to].target;
    int status = -1;

    return a->nvml && b->nvml &&
           NVML_CALL(a->nvml, p2p_status, a->device, b->device, NVML_P2P_NVLINK, &status) ==
               NVML_OK &&
           status == NVML_P2P_OK;
}

/* ERR_NOT_FOUND: these two cannot reach each other. */
static enum err_code access_open(struct peers *p, size_t from, size_t to, struct err *e)
{
    struct compute *c = &p->gpus[from].compute, *other = &p->gpus[to].compute;
    int can = 0, code;
    enum err_code rc;

    rc = compute_code(c, CUDA_CALL(&c->cuda, can_access_peer, &can, c->device, other->device),
                      "ask for peer access", e);
    if (rc)
        return rc;
    if (!can)
        return err_set(e, ERR_NOT_FOUND, "no peer access");
    code = CUDA_CALL(&c->cuda, peer_enable, other->context, 0);
    if (code == CUDA_PEER_ACCESS_UNSUPPORTED)
        return err_set(e, ERR_NOT_FOUND, "no peer access");
    return code == CUDA_PEER_ACCESS_ALREADY_ENABLED ? ERR_OK
                                                    : compute_code(c, code, "open peer access", e);
}

static enum err_code copy_time(struct peers *p, size_t from, size_t to, double *seconds,
                               struct err *e)
{
    struct compute *c = &p->gpus[from].compute;
    struct compute_timer timer;
    enum err_code rc = compute_timer_begin(c, &timer, e);

    if (rc)
        return rc;
    rc = compute_code(c,
                      CUDA_CALL(&c->cuda, copy_peer, p->gpus[to].to, p->gpus[to].compute.context,
                                p->gpus[from].from, c->context, (size_t)p->bytes, c->stream),
                      "copy to a peer", e);
    if (!rc)
        return compute_timer_end(c, &timer, seconds, e);
    compute_timer_release(c, &timer);
    return rc;
}

/* The first copy is not counted; the best of the others is. */
static bool pair_time(struct peers *p, struct peer_pair *pair)
{
    double best = 0;

    for (int i = 0; i <= PEER_TIMES; i++) {
        double seconds = 0;
        struct err e;
        enum err_code rc = copy_time(p, pair->from, pair->to, &seconds, &e);

        if (!gpu_is_fine(p, pair->from, rc, &e))
            return false;
        if (i > 0 && (best <= 0 || seconds < best))
            best = seconds;
    }
    if (best <= 0)
        gpu_error(p->f, "the timer of GPU %d says that a copy took no time",
                  index_of(p, pair->from));
    pair->gbps = best > 0 ? (double)p->bytes / best / 1e9 : 0;
    return best > 0;
}

/* p->sent holds the words of pair->from. */
static bool pair_verify(struct peers *p, const struct peer_pair *pair)
{
    struct compute *c = &p->gpus[pair->to].compute;
    int64_t wrong = 0;
    struct err e;
    enum err_code rc;

    if (!context_use(p, pair->to))
        return false;
    rc = compute_read(c, p->got, p->gpus[pair->to].to, (size_t)p->bytes, &e);
    if (!gpu_is_fine(p, pair->to, rc, &e))
        return false;
    if (memcmp(p->got, p->sent, (size_t)p->bytes) == 0)
        return true;
    for (int64_t i = 0; i < p->bytes; i++)
        wrong += p->got[i] != p->sent[i];
    gpu_fail(p->f, REMEDY_INSPECT, PEER_ACTION,
             "from GPU %d to GPU %d %" PRId64 " of %" PRId64 " bytes arrived wrong",
             index_of(p, pair->from), index_of(p, pair->to), wrong, p->bytes);
    return false;
}

/* False after the finding has said what is wrong. */
static bool pair_check(struct peers *p, size_t from, size_t to)
{
    struct peer_pair pair = {.from = from, .to = to, .by_nvlink = nvlink_joins(p, from, to)};
    struct err e;
    enum err_code rc;

    if (!context_use(p, from))
        return false;
    rc = access_open(p, from, to, &e);
    if (rc == ERR_NOT_FOUND && pair.by_nvlink) {
        gpu_fail(p->f, REMEDY_INSPECT, ACCESS_ACTION,
                 "GPU %d cannot reach GPU %d, although NVLink joins them", index_of(p, from),
                 index_of(p, to));
        return false;
    }
    if (rc == ERR_NOT_FOUND)
        return true;
    if (!gpu_is_fine(p, from, rc, &e) || !pair_time(p, &pair) || !pair_verify(p, &pair))
        return false;
    p->pairs[p->pair_count++] = pair;
    return true;
}

static int by_speed(const void *a, const void *b)
{
    const struct peer_pair *x = a, *y = b;

    return x->by_nvlink != y->by_nvlink ? y->by_nvlink - x->by_nvlink
                                        : (x->gbps > y->gbps) - (x->gbps < y->gbps);
}

/* The worst pair stands for all: against the others of its kind, then against the floor of its
 * GPU's model. Sorted, NVLink's pairs come first, the slowest of them at the head. */
static void pairs_judge(struct peers *p)
{
    const struct peer_pair *worst = p->pairs;
    size_t alike = 0;
    double median;

    qsort(p->pairs, p->pair_count, sizeof *p->pairs, by_speed);
    while (alike < p->pair_count && p->pairs[alike].by_nvlink == worst->by_nvlink)
        alike++;
    median = p->pairs[alike / 2].gbps;
    if (worst->by_nvlink && worst->gbps < PAIR_SHARE * median) {
        gpu_figure(p->f, worst->gbps, PAIR_SHARE * median, "GB/s");
        gpu_fail(p->f, REMEDY_INSPECT, PEER_ACTION,
                 "from GPU %d to GPU %d %.4g GB/s by NVLink, where others have %.4g",
                 index_of(p, worst->from), index_of(p, worst->to), worst->gbps, median);
        return;
    }
    if (worst->by_nvlink) {
        gpu_measured(&p->gpus[worst->from].target, p->f, worst->gbps, "GB/s");
        return;
    }
    gpu_figure(p->f, worst->gbps, 0, "GB/s");
    gpu_pass(p->f, "over PCIe; GPU %d to GPU %d is the slowest of %zu ways, of %zu",
             index_of(p, worst->from), index_of(p, worst->to), p->pair_count,
             p->gpu_count * (p->gpu_count - 1));
}

static void pairs_check(struct peers *p)
{
    for (size_t i = 0; i < p->gpu_count; i++) {
        copy_words_fill(p->sent, p->bytes, i + 1);
        for (size_t j = 0; j < p->gpu_count; j++) {
            if (i != j && !pair_check(p, i, j))
                return;
        }
    }
    if (p->pair_count)
        pairs_judge(p);
    else
        gpu_not_applicable(p->f, "no GPU here can reach another's memory, as over PCIe alone");
}

static void peers_release(struct peers *p)
{
    for (size_t i = 0; i < p->gpu_count; i++) {
        struct compute *c = &p->gpus[i].compute;

        if (c->context && c->cuda.context_use(c->context) == CUDA_OK) {
            compute_give(c, p->gpus[i].from);
            compute_give(c, p->gpus[i].to);
        }
        if (i == 0) {
            compute_host_give(c, p->sent);
            compute_host_give(c, p->got);
        }
        compute_close(c);
    }
    free(p->gpus);
    free(p->pairs);
}

static size_t nvidia_count(const struct gpu_inventory *inv)
{
    size_t n = 0;

    for (size_t i = 0; i < inv->gpu_count; i++)
        n += inv->gpus[i].vendor == GPU_VENDOR_NVIDIA;
    return n;
}

static bool peer_applies(const struct gpu_target *t, struct finding *f)
{
    if (nvidia_count(t->inventory) < 2)
        gpu_not_applicable(f, "there is no other GPU to reach");
    return nvidia_count(t->inventory) >= 2;
}

static void peer_run(struct gpu_target *t, struct finding *f)
{
    struct peers p = {.machine = t, .f = f};

    p.gpus = calloc(PEER_GPUS_MAX, sizeof *p.gpus);
    if (!p.gpus) {
        gpu_error(f, "out of memory");
        return;
    }
    if (gpus_open(&p)) {
        if (p.gpu_count < 2)
            gpu_skip(f, "%s%sfewer than two GPUs can be used", p.absent, p.absent[0] ? "; " : "");
        else if (buffers_open(&p))
            pairs_check(&p);
    }
    peers_release(&p);
}

const struct gpu_check gpu_check_peer = {
    .name = "peer",
    .help = "copies from every GPU to every other: access, speed, and every byte",
    .tier = TIER_QUICK,
    .scope = GPU_SCOPE_MACHINE,
    .needs_compute = true,
    .applies = peer_applies,
    .run = peer_run,
};
