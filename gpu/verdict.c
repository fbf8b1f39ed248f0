/* Peers, verdict, summary. */
#include "gpu/verdict.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"

static const struct report_gpu *gpu_of(const struct report *r, int64_t index)
{
    for (size_t i = 0; i < r->gpu_count; i++) {
        if (r->gpus[i].index == index)
            return &r->gpus[i];
    }
    return NULL;
}

static bool is_measured(const struct finding *f)
{
    return f->unit[0] && (f->result == CHECK_PASS || f->result == CHECK_WARN);
}

/* The best figure of this check among GPUs of the same model. */
static double best_of(const struct report *r, const struct finding *f)
{
    const struct report_gpu *own = gpu_of(r, f->gpu_index);
    double best = f->value;

    for (size_t i = 0; own && i < r->finding_count; i++) {
        const struct finding *other = &r->findings[i];
        const struct report_gpu *peer = gpu_of(r, other->gpu_index);

        if (peer && is_measured(other) && strcmp(other->check, f->check) == 0 &&
            strcmp(peer->model, own->model) == 0 && other->value > best)
            best = other->value;
    }
    return best;
}

static double peer_share_of(const char *check)
{
    for (size_t i = 0; i < gpu_check_count; i++) {
        if (strcmp(gpu_checks[i]->name, check) == 0)
            return gpu_checks[i]->peer_share;
    }
    return 0;
}

static void peers_compare(struct report *r)
{
    for (size_t i = 0; i < r->finding_count; i++) {
        struct finding *f = &r->findings[i];
        double share = peer_share_of(f->check), best;

        if (share <= 0 || !is_measured(f))
            continue;
        best = best_of(r, f);
        if (f->value >= share * best)
            continue;
        f->floor = share * best;
        gpu_fail(f, REMEDY_INSPECT, "have this GPU and its links checked; its peers do better",
                 "%g %s, where a peer of the same model has %g", f->value, f->unit, best);
    }
}

static size_t result_count(const struct report *r, enum check_result result)
{
    size_t n = 0;

    for (size_t i = 0; i < r->finding_count; i++)
        n += r->findings[i].result == result;
    return n;
}

/* GPUs with at least one finding of this kind. */
static size_t gpus_with(const struct report *r, enum check_result result)
{
    size_t n = 0;

    for (size_t g = 0; g < r->gpu_count; g++) {
        bool has = false;

        for (size_t i = 0; i < r->finding_count && !has; i++)
            has = r->findings[i].result == result && r->findings[i].gpu_index == r->gpus[g].index;
        n += has;
    }
    return n;
}

static enum verdict verdict_of(const struct report *r, const struct gpu_inventory *inv)
{
    if (result_count(r, CHECK_FAIL))
        return VERDICT_UNHEALTHY;
    if (result_count(r, CHECK_ERROR) || inv->state != GPU_DRIVER_READY || r->gpu_count == 0 ||
        gpus_with(r, CHECK_PASS) < r->gpu_count)
        return VERDICT_INCONCLUSIVE;
    return result_count(r, CHECK_WARN) ? VERDICT_DEGRADED : VERDICT_HEALTHY;
}

static const struct finding *first_of(const struct report *r, enum check_result result)
{
    for (size_t i = 0; i < r->finding_count; i++) {
        if (r->findings[i].result == result)
            return &r->findings[i];
    }
    return NULL;
}

/* "unhealthy: gpu3 row_remap: a row could not be... (1 of 8 GPUs)": the tail is kept, the
 * sentence is cut. */
static void summary_of_finding(struct report *r, const struct finding *f)
{
    char tail[40] = "";
    STRBUF line;
    size_t room, length = strlen(f->detail);

    strbuf_init(&line, TEXT_BYTES_MAX * 2);
    strbuf_addf(&line, "%s: ", verdict_names[r->verdict]);
    if (f->gpu_index >= 0)
        strbuf_addf(&line, "gpu%d ", (int)f->gpu_index);
    /* Without a driver there is but one thing to say, and it names itself. */
    if (strcmp(f->check, "driver") != 0)
        strbuf_addf(&line, "%s: ", f->check);
    if (f->gpu_index >= 0 && r->gpu_count > 1)
        snprintf(tail, sizeof tail, " (%zu of %zu GPUs)", gpus_with(r, f->result), r->gpu_count);
    room = GPU_SUMMARY_COLUMNS_MAX - strlen(tail);
    room = line.len < room ? room - line.len : 0;
    if (length <= room)
        strbuf_adds(&line, f->detail);
    else if (room > 3)
        strbuf_addf(&line, "%.*s...", (int)room - 3, f->detail);
    strbuf_adds(&line, tail);
    text_copy(r->summary, sizeof r->summary, line.data);
}

static void summary_write(struct report *r, const struct gpu_inventory *inv)
{
    static const enum check_result telling[] = {
        [VERDICT_HEALTHY] = CHECK_PASS,
        [VERDICT_DEGRADED] = CHECK_WARN,
        [VERDICT_UNHEALTHY] = CHECK_FAIL,
        [VERDICT_INCONCLUSIVE] = CHECK_ERROR,
    };
    const struct finding *f = first_of(r, telling[r->verdict]);

    if (r->verdict == VERDICT_HEALTHY)
        snprintf(r->summary, sizeof r->summary, "healthy: %zu GPU%s, %zu passed, %zu skipped",
                 r->gpu_count, r->gpu_count == 1 ? "" : "s", result_count(r, CHECK_PASS),
                 result_count(r, CHECK_SKIP));
    else if (f)
        summary_of_finding(r, f);
    else
        snprintf(r->summary, sizeof r->summary, "%s: %.40s", verdict_names[r->verdict],
                 inv->reason[0] ? inv->reason : "a GPU could not be checked at all");
    /* What the driver wrote may stand in a sentence; a drain reason is plain ASCII. */
    gpu_text_copy(r->summary, GPU_SUMMARY_COLUMNS_MAX + 1, r->summary, sizeof r->summary);
}

/* A report holds so many findings. Passes go first, then skips: never what is bad. */
static void findings_trim(struct report *r)
{
    static const enum check_result order[] = {CHECK_PASS, CHECK_SKIP, CHECK_WARN, CHECK_ERROR,
                                              CHECK_FAIL};

    for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
        for (size_t i = r->finding_count; i > 0; i--) {
            if (r->finding_count <= REPORT_FINDINGS_MAX)
                return;
            if (r->findings[i - 1].result != order[o])
                continue;
            memmove(&r->findings[i - 1], &r->findings[i],
                    (r->finding_count - i) * sizeof *r->findings);
            r->finding_count--;
        }
    }
}

void gpu_report_judge(struct report *r, const struct gpu_inventory *inv)
{
    peers_compare(r);
    r->verdict = verdict_of(r, inv);
    summary_write(r, inv);
    findings_trim(r);
}
