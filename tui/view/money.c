/* Words for states and figures. */
#include "tui/view/money.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tui/screen/text.h"

struct money instance_cost_now(const struct instance *i, int64_t now_ms)
{
    struct money cost = i->cost;
    int64_t seconds = i->cost_at_ms ? (now_ms - i->cost_at_ms) / 1000 : 0, more;
    int32_t remainder = 0;

    if (i->billing == BILLING_ON && seconds > 0 &&
        !money_accrue(i->price_per_hour.micros, seconds, &remainder, &more, NULL) &&
        !micros_add(cost.micros, more, &cost.micros, NULL) && !cost.currency[0])
        memcpy(cost.currency, i->price_per_hour.currency, sizeof cost.currency);
    return cost;
}

int64_t instance_ends_at(const struct instance *i)
{
    switch (i->state) {
    case INSTANCE_STOPPING:
    case INSTANCE_STOPPED:
    case INSTANCE_TERMINATING:
    case INSTANCE_TERMINATED:
    case INSTANCE_FAILED:
        return 0;
    case INSTANCE_REQUESTED:
    case INSTANCE_PROVISIONING:
    case INSTANCE_HEALTH_CHECK:
    case INSTANCE_RUNNING:
    case INSTANCE_UNREACHABLE:
    case INSTANCE_STARTING:
    case INSTANCE_STATE_COUNT:
        break;
    }
    return i->deadline_at_ms;
}

enum style instance_style(enum instance_state state)
{
    switch (state) {
    case INSTANCE_RUNNING:
        return STYLE_GOOD;
    case INSTANCE_FAILED:
    case INSTANCE_UNREACHABLE:
        return STYLE_BAD;
    case INSTANCE_REQUESTED:
    case INSTANCE_PROVISIONING:
    case INSTANCE_HEALTH_CHECK:
    case INSTANCE_STARTING:
    case INSTANCE_STOPPING:
    case INSTANCE_TERMINATING:
        return STYLE_WARN;
    case INSTANCE_STOPPED:
    case INSTANCE_TERMINATED:
    case INSTANCE_STATE_COUNT:
        break;
    }
    return STYLE_DIM;
}

enum style job_style(enum job_state state)
{
    switch (state) {
    case JOB_RUNNING:
    case JOB_SUCCEEDED:
        return STYLE_GOOD;
    case JOB_FAILED:
    case JOB_TIMED_OUT:
    case JOB_LOST:
        return STYLE_BAD;
    case JOB_STARTING:
    case JOB_CANCELLING:
        return STYLE_WARN;
    case JOB_QUEUED:
    case JOB_CANCELLED:
    case JOB_STATE_COUNT:
        break;
    }
    return STYLE_NORMAL;
}

void instance_state_text(const struct instance *i, char *out, size_t size)
{
    if (i->check_id[0])
        snprintf(out, size, "%s: %s check", instance_state_names[i->state],
                 tier_names[i->check_tier]);
    else if (i->state_reason == INSTANCE_REASON_NONE || i->state == INSTANCE_RUNNING)
        snprintf(out, size, "%s", instance_state_names[i->state]);
    else
        snprintf(out, size, "%s: %s", instance_state_names[i->state],
                 instance_reason_names[i->state_reason]);
}

void job_state_text(const struct job *j, char *out, size_t size)
{
    if (j->state_reason == JOB_REASON_EXITED && j->exit_code >= 0)
        snprintf(out, size, "%s: exit %" PRId64, job_state_names[j->state], j->exit_code);
    else if (j->state_reason == JOB_REASON_NONE || j->state == JOB_RUNNING)
        snprintf(out, size, "%s", job_state_names[j->state]);
    else
        snprintf(out, size, "%s: %s", job_state_names[j->state], job_reason_names[j->state_reason]);
}

enum style verdict_style(enum verdict v)
{
    return v == VERDICT_HEALTHY                              ? STYLE_GOOD
           : v == VERDICT_UNHEALTHY || v == VERDICT_DEGRADED ? STYLE_BAD
                                                             : STYLE_WARN;
}

const struct action *action_find(const struct action *actions, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

static void runway_text(int64_t ends_at_ms, int64_t now_ms, char *out, size_t size)
{
    char when[WHEN_TEXT_MAX], left[DURATION_TEXT_MAX];

    if (ends_at_ms == 0)
        snprintf(out, size, "no end in sight");
    else
        snprintf(out, size, "until %s (%s)", when_format(ends_at_ms, when),
                 duration_format((ends_at_ms - now_ms) / 1000, left));
}

const char *verdict_reason(const char *summary, enum verdict v)
{
    size_t len = strlen(verdict_names[v]);

    if (strncmp(summary, verdict_names[v], len) != 0 || strncmp(summary + len, ": ", 2) != 0)
        return summary;
    return summary + len + 2;
}

void estimate_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct estimate *est = ctx;
    char a[MONEY_TEXT_MAX], b[MONEY_TEXT_MAX], runway[96], carbon[CARBON_TEXT_MAX];

    if (!est->accepted)
        pen_value(p, STYLE_BAD, "refused", "%s (%s)", est->refusal, est->refusal_code);
    pen_value(p, STYLE_STRONG, "price", "%s per hour, %s per day",
              money_grouped(est->price_per_hour, 6, a), money_grouped(est->price_per_day, 2, b));
    if (est->cost_to_deadline.micros)
        pen_value(p, STYLE_STRONG, "until it ends", "%s",
                  money_grouped(est->cost_to_deadline, 2, a));
    pen_value(p, STYLE_NORMAL, "set aside now", "%s", money_grouped(est->hold, 6, a));
    pen_value(p, STYLE_NORMAL, "available", "%s before, %s after",
              money_grouped(est->available_before, 2, a),
              money_grouped(est->available_after, 2, b));
    runway_text(est->runway_before_at_ms, now_ms, runway, sizeof runway);
    pen_value(p, STYLE_NORMAL, "runway before", "%s", runway);
    runway_text(est->runway_after_at_ms, now_ms, runway, sizeof runway);
    pen_value(p, STYLE_NORMAL, "runway after", "%s", runway);
    for (size_t i = 0; i < est->grant_count; i++)
        pen_value(p, STYLE_NORMAL, i == 0 ? "burns" : "", "%s of the %s grant %s",
                  money_grouped(est->grants[i].amount, 2, a), grant_kind_names[est->grants[i].kind],
                  est->grants[i].grant_id);
    pen_value(p, STYLE_NORMAL, "where", "%s, in %s, under the law of %s, %" PRId64 " in stock",
              est->cloud_operator, est->country, est->jurisdiction, est->stock);
    pen_value(p, STYLE_NORMAL, "carbon", "%s gCO2e per hour",
              carbon_figure(est->carbon_g_per_hour, carbon));
    pen_value(p, STYLE_DIM, "rounding", "%s", est->rounding);
}
