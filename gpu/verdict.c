/* Verdict and summary. */
#include "gpu/verdict.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "gpu/baseline.h"
#include "gpu/peers.h"

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

/* What the run was for and did not look at, although it could have been. */
static const struct finding *first_untested(const struct report *r)
{
    for (size_t i = 0; i < r->finding_count; i++) {
        const struct finding *f = &r->findings[i];
        const struct gpu_check *check = gpu_check_find(f->check);

        if (f->result == CHECK_SKIP && !f->is_moot && (!check || check->tier == r->tier))
            return f;
    }
    return NULL;
}

/* The deepest tier of this run that looks at GPUs. */
static enum tier tier_of(const struct report *r)
{
    enum tier deepest = TIER_STATE;

    for (size_t i = 0; i < gpu_check_count; i++) {
        if (gpu_checks[i]->scope == GPU_SCOPE_GPU && gpu_checks[i]->tier <= r->tier &&
            gpu_checks[i]->tier > deepest)
            deepest = gpu_checks[i]->tier;
    }
    return deepest;
}

/* Who names the checks has asked for no more than them, but for them of each GPU: one that none of
 * them could look at is not known. Where there was nothing to look at, there is nothing to know. */
static bool every_gpu_has_what_was_named(const struct report *r)
{
    for (size_t g = 0; g < r->gpu_count; g++) {
        bool passed = false, untested = false;

        for (size_t i = 0; i < r->finding_count; i++) {
            const struct finding *f = &r->findings[i];

            if (f->gpu_index != r->gpus[g].index)
                continue;
            passed = passed || f->result == CHECK_PASS;
            untested = untested || (f->result == CHECK_SKIP && !f->is_moot);
        }
        if (untested && !passed)
            return false;
    }
    return result_count(r, CHECK_PASS) > 0;
}

/* A run is named by its tier: it says nothing of a GPU on which no check of that tier came to
 * an answer, whatever the tiers before it said. */
static bool every_gpu_was_seen(const struct report *r, const struct gpu_options *o)
{
    enum tier tier = tier_of(r);

    if (o->only)
        return every_gpu_has_what_was_named(r);
    for (size_t g = 0; g < r->gpu_count; g++) {
        bool seen = false;

        for (size_t i = 0; i < r->finding_count && !seen; i++) {
            const struct finding *f = &r->findings[i];
            const struct gpu_check *check = gpu_check_find(f->check);

            seen = f->gpu_index == r->gpus[g].index && check && check->tier == tier &&
                   f->result == CHECK_PASS;
        }
        if (!seen)
            return false;
    }
    return true;
}

static enum verdict verdict_of(const struct report *r, const struct gpu_inventory *inv,
                               const struct gpu_options *o)
{
    if (result_count(r, CHECK_FAIL))
        return VERDICT_UNHEALTHY;
    if (o->strict && first_untested(r))
        return VERDICT_INCONCLUSIVE;
    if (result_count(r, CHECK_ERROR) || inv->state != GPU_DRIVER_READY || r->gpu_count == 0 ||
        !every_gpu_was_seen(r, o))
        return VERDICT_INCONCLUSIVE;
    return result_count(r, CHECK_WARN) ? VERDICT_DEGRADED : VERDICT_HEALTHY;
}

/* What the machine's checks find under load (copies between GPUs) is often but one GPU's fault as
 * its neighbours see it: that GPU's own finding names it. */
static bool is_second_hand(const struct finding *f)
{
    const struct gpu_check *check = gpu_check_find(f->check);

    return f->gpu_index < 0 && check && check->tier > TIER_STATE;
}

static const struct finding *first_of(const struct report *r, enum check_result result)
{
    const struct finding *first = NULL;

    for (size_t i = 0; i < r->finding_count; i++) {
        const struct finding *f = &r->findings[i];

        if (f->result == result && (!first || is_second_hand(first)))
            first = !first || !is_second_hand(f) ? f : first;
    }
    return first;
}

/* The first clause of "this; that", where that alone is what does not fit; else 0. */
static size_t clause_length(const char *detail, size_t room)
{
    const char *end = strstr(detail, "; ");

    return end && (size_t)(end - detail) <= room ? (size_t)(end - detail) : 0;
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
    else if (clause_length(f->detail, room))
        strbuf_addf(&line, "%.*s", (int)clause_length(f->detail, room), f->detail);
    else if (room > 3)
        strbuf_addf(&line, "%.*s...", (int)room - 3, f->detail);
    strbuf_adds(&line, tail);
    text_copy(r->summary, sizeof r->summary, line.data);
}

static void summary_write(struct report *r, const struct gpu_inventory *inv,
                          const struct gpu_options *o)
{
    static const enum check_result telling[] = {
        [VERDICT_HEALTHY] = CHECK_PASS,
        [VERDICT_DEGRADED] = CHECK_WARN,
        [VERDICT_UNHEALTHY] = CHECK_FAIL,
        [VERDICT_INCONCLUSIVE] = CHECK_ERROR,
    };
    const struct finding *f = first_of(r, telling[r->verdict]);

    if (!f && r->verdict == VERDICT_INCONCLUSIVE && inv->state == GPU_DRIVER_READY)
        f = o->only ? first_of(r, CHECK_SKIP) : first_untested(r);
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

enum err_code gpu_report_judge(struct report *r, const struct gpu_inventory *inv,
                               const struct gpu_options *o, struct err *e)
{
    enum err_code rc = ERR_OK;

    gpu_peers_compare(r, inv);
    if (o->baseline)
        rc = gpu_baseline_compare(o->baseline, r, e);
    if (rc)
        return rc;
    r->verdict = verdict_of(r, inv, o);
    summary_write(r, inv, o);
    findings_trim(r);
    return ERR_OK;
}
