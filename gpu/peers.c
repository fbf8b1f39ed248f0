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

static const struct gpu_info *info_of(const struct gpu_inventory *inv, const struct finding *f)
{
    bool is_there = f->gpu_index >= 0 && (size_t)f->gpu_index < inv->gpu_count;

    return is_there ? &inv->gpus[f->gpu_index] : NULL;
}

/* Of its slot, in lanes of the first generation: each doubles the one before. 0: not known. */
static int64_t slot_speed(const struct gpu_info *g)
{
    return g && g->pcie_generation ? g->pcie_lanes << g->pcie_generation : 0;
}

/* Behind its peers for a reason that is no fault of the GPU's. */
static void peers_excuse(struct finding *const *of, size_t count, const struct gpu_check *check,
                         const struct gpu_inventory *inv)
{
    int64_t best = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t speed = slot_speed(info_of(inv, of[i]));

        best = speed > best ? speed : best;
    }
    for (size_t i = 0; i < count; i++) {
        const struct gpu_info *g = info_of(inv, of[i]);
        char detail[TEXT_BYTES_MAX / 2];

        if (of[i]->result != CHECK_FAIL || !g)
            continue;
        text_copy(detail, sizeof detail, of[i]->detail);
        if (check->follows_slot && slot_speed(g) && slot_speed(g) < best)
            gpu_warn(of[i], REMEDY_FIX_SETUP, "where copies matter, move it to a slot like theirs",
                     "%s; its slot is PCIe %d x%d, slower than theirs", detail,
                     (int)g->pcie_generation, (int)g->pcie_lanes);
        else if (!check->follows_slot && check->needs_compute && g->is_power_limited)
            gpu_warn(of[i], REMEDY_FIX_SETUP,
                     "set the power limit back (nvidia-smi -pl), then check again",
                     "%s; its power limit was lowered", detail);
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

void gpu_peers_compare(struct report *r, const struct gpu_inventory *inv)
{
    for (size_t c = 0; c < gpu_check_count; c++) {
        const struct gpu_check *check = gpu_checks[c];

        for (size_t i = 0; check->peer_share > 0 && i < r->gpu_count; i++) {
            struct finding *of[GPUS_PER_INSTANCE_MAX];
            size_t count;

            if (!is_first_of_model(r, i))
                continue;
            count = peers_collect(r, check->name, r->gpus[i].model, of);
            gpu_peers_judge(of, count, check->peer_share, check->higher_is_worse);
            peers_excuse(of, count, check, inv);
        }
    }
}
