/* The robust median of peers. */
#include "gpu/peers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double gpu_share_reached(double value, double reference, bool higher_is_worse)
{
    double over = higher_is_worse ? reference : value;
    double under = higher_is_worse ? value : reference;

    if (!isfinite(value) || !isfinite(reference) || over <= 0)
        return 0;
    return under > 0 ? over / under : 1;
}

static bool is_measured(const struct finding *f)
{
    return f->unit[0] && (f->result == CHECK_PASS || f->result == CHECK_WARN);
}

static const struct report_gpu *gpu_of(const struct report *r, int64_t index)
{
    for (size_t i = 0; i < r->gpu_count; i++) {
        if (r->gpus[i].index == index)
            return &r->gpus[i];
    }
    return NULL;
}

static size_t peers_collect(struct report *r, const char *check, const char *model,
                            struct finding *of[GPUS_PER_INSTANCE_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < r->finding_count && n < GPUS_PER_INSTANCE_MAX; i++) {
        struct finding *f = &r->findings[i];
        const struct report_gpu *g = gpu_of(r, f->gpu_index);

        if (g && is_measured(f) && strcmp(f->check, check) == 0 && strcmp(g->model, model) == 0)
            of[n++] = f;
    }
    return n;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* What all are held against. */
static double reference_of(struct finding *const *of, size_t n, bool higher_is_worse)
{
    double values[GPUS_PER_INSTANCE_MAX] = {0};

    for (size_t i = 0; i < n; i++)
        values[i] = of[i]->value;
    qsort(values, n, sizeof *values, by_value);
    if (n < GPU_PEERS_FOR_MEDIAN)
        return higher_is_worse ? values[0] : values[n - 1];
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

void gpu_peers_judge(struct finding *const *of, size_t count, double share, bool higher_is_worse)
{
    double reference;

    if (count < 2 || count > GPUS_PER_INSTANCE_MAX)
        return;
    reference = reference_of(of, count, higher_is_worse);
    for (size_t i = 0; i < count; i++) {
        struct finding *f = of[i];
        double reached = gpu_share_reached(f->value, reference, higher_is_worse);
        bool is_failed = reached < share * share;

        if (reached >= share || (!is_failed && f->result == CHECK_WARN))
            continue;
        f->floor = higher_is_worse ? reference / share : reference * share;
        if (!isfinite(f->floor))
            f->floor = 0;
        snprintf(f->source, sizeof f->source, "%s %zu GPUs of this model in this machine",
                 count < GPU_PEERS_FOR_MEDIAN ? "the better of" : "median of", count);
        if (is_failed)
            gpu_fail(f, REMEDY_INSPECT, "have this GPU and its links checked; its peers do better",
                     "%.4g %s, where its peers have %.4g", f->value, f->unit, reference);
        else
            gpu_warn(f, REMEDY_WATCH, "check it again while idle; if it stays so, inspect it",
                     "%.4g %s, where its peers have %.4g", f->value, f->unit, reference);
    }
}

/* The first GPU of its model stands for the model. */
static bool is_first_of_model(const struct report *r, size_t gpu)
{
    for (size_t i = 0; i < gpu; i++) {
        if (strcmp(r->gpus[i].model, r->gpus[gpu].model) == 0)
            return false;
    }
    return true;
}

void gpu_peers_compare(struct report *r)
{
    for (size_t c = 0; c < gpu_check_count; c++) {
        const struct gpu_check *check = gpu_checks[c];

        for (size_t i = 0; check->peer_share > 0 && i < r->gpu_count; i++) {
            struct finding *of[GPUS_PER_INSTANCE_MAX];

            if (is_first_of_model(r, i))
                gpu_peers_judge(of, peers_collect(r, check->name, r->gpus[i].model, of),
                                check->peer_share, check->higher_is_worse);
        }
    }
}
