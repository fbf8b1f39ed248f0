/* Matrix products at full load: every result bit for bit, and the rate. Quick: about a second a
 * kind. Burn and soak: for their time, while a sampler looks at clocks, heat and power. */
#include "gpu/burn.h"
#include "gpu/kernel/tensor.h"
#include "gpu/matmul.h"

#define CAPABILITY_MIN   8   /* mma with these formats */
#define BATCH_SECONDS    0.2 /* between two looks at the differences */
#define BATCH_PRODUCTS   4096
#define BATCHES_QUICK    4
#define PEER_SHARE       0.9 /* gpu-fryer calls a GPU slow that is 10 % below the best */
#define SECONDS_SMALLEST 1e-9

struct load {
    struct gpu_target *t;
    struct matmul m;
    struct votes votes;
    double operations, seconds; /* that count for the rate */
    double best;                /* of a batch, per second */
    unsigned batch;             /* products */
};

/* One batch, timed by the GPU. */
static enum err_code batch_run(struct load *l, double *rate, struct err *e)
{
    struct compute *c = l->m.c;
    struct compute_timer timer;
    double seconds = 0;
    enum err_code rc = compute_timer_begin(c, &timer, e);

    if (rc)
        return rc;
    rc = matmul_queue(&l->m, l->batch, e);
    if (!rc)
        rc = compute_timer_end(c, &timer, &seconds, e);
    compute_timer_release(c, &timer);
    if (!rc)
        rc = matmul_differences(&l->m, &l->votes, e);
    if (seconds < SECONDS_SMALLEST)
        seconds = SECONDS_SMALLEST;
    *rate = l->batch * l->m.operations / seconds;
    l->operations += l->batch * l->m.operations;
    l->seconds += seconds;
    if (*rate > l->best)
        l->best = *rate;
    return rc;
}

/* The first product warms up and tells how many make a batch. */
static enum err_code batch_size(struct load *l, struct err *e)
{
    double rate = 0, products;
    enum err_code rc;

    l->batch = 1;
    rc = batch_run(l, &rate, e);
    products = rate * BATCH_SECONDS / l->m.operations;
    /* Where a product takes next to nothing somebody plays a GPU, and its clock is not ours. */
    l->batch = products < 1 || products > BATCH_PRODUCTS ? 1 : (unsigned)products;
    l->operations = l->seconds = l->best = 0;
    return rc;
}

static enum err_code batches_run(struct load *l, struct err *e)
{
    struct clock *clock = l->t->options->clock;
    int64_t until = clock_mono_ms(clock) + burn_share_ms(l->t);
    int least = l->batch == 1 ? 1 : BATCHES_QUICK;
    double rate;
    enum err_code rc = ERR_OK;

    for (int i = 0; !rc && (i < least || clock_mono_ms(clock) < until); i++)
        rc = batch_run(l, &rate, e);
    return rc;
}

static enum err_code results_check(struct load *l, struct err *e)
{
    enum err_code rc = matmul_operands(&l->m, 0, e);

    if (!rc)
        rc = matmul_known(&l->m, &l->votes, e);
    if (!rc)
        rc = matmul_operands(&l->m, 1, e);
    return rc ? rc : matmul_agreed(&l->m, &l->votes, e);
}

static enum err_code load_run(struct load *l, struct err *e)
{
    bool burns = burn_share_ms(l->t) > 0;
    enum err_code rc = results_check(l, e);

    if (!rc)
        rc = batch_size(l, e);
    if (!rc && burns)
        rc = burn_begin(l->t, e);
    if (!rc)
        rc = batches_run(l, e);
    if (burns)
        burn_end(l->t);
    return rc;
}

/* mma.sync is not how Hopper and Blackwell reach their ceiling, and a slice is not the GPU. */
static void rate_judge(const struct load *l, struct finding *f)
{
    const struct compute *c = l->m.c;
    double rate = burn_share_ms(l->t) > 0 ? l->operations / l->seconds : l->best;

    if (c->slice || (c->major >= 9 && !l->m.is_wgmma)) {
        gpu_figure(f, rate / 1e12, 0, "TFLOP/s");
        gpu_pass(f, "%.4g TFLOP/s, all results right; %s", rate / 1e12,
                 c->slice ? "a slice is not judged by its rate"
                          : "by instructions that do not reach this GPU's ceiling");
        return;
    }
    gpu_measured(l->t, f, rate / 1e12, "TFLOP/s");
}

/* Known only when the GPU is open. */
static bool is_capable(const struct gpu_target *t, struct finding *f)
{
    if (t->compute->major >= CAPABILITY_MIN)
        return true;
    gpu_skip(f, "not for GPUs of compute capability %d.%d", t->compute->major, t->compute->minor);
    f->is_moot = true;
    return false;
}

static void matmul_run(struct gpu_target *t, struct finding *f, u32 kind, const char *name)
{
    struct load l = {.t = t};
    struct err e = {0};
    enum err_code rc;

    if (!is_capable(t, f))
        return;
    votes_init(&l.votes, &name, 1);
    rc = matmul_open(t->compute, kind, NULL, &l.m, &e);
    if (!rc)
        rc = load_run(&l, &e);
    if (!rc)
        t->compute->burn.is_full_load = l.m.is_wgmma || t->compute->major == 8;
    matmul_close(&l.m);
    if (compute_answered(t, f, rc, &e) && votes_answered(&l.votes, f))
        rate_judge(&l, f);
}

#define MATMUL_CHECK(kind, lower, text)                                     \
    static void lower##_run(struct gpu_target *t, struct finding *f)        \
    {                                                                       \
        matmul_run(t, f, kind, text " products");                           \
    }                                                                       \
    const struct gpu_check gpu_check_matmul_##lower = {                     \
        .name = "matmul_" #lower,                                           \
        .help = "products of " text " matrices: results bit for bit, rate", \
        .tier = TIER_QUICK,                                                 \
        .scope = GPU_SCOPE_GPU,                                             \
        .peer_share = PEER_SHARE,                                           \
        .needs_compute = true,                                              \
        .run = lower##_run,                                                 \
    }

MATMUL_CHECK(TENSOR_BF16, bf16, "bf16");
MATMUL_CHECK(TENSOR_FP16, fp16, "fp16");
MATMUL_CHECK(TENSOR_TF32, tf32, "tf32");
