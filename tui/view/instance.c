/* Everything about one instance: limits, GPUs, the health check before billing, and what may be
 * asked of it with the reasons why not. */
#include "tui/view/instances.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "tui/screen/text.h"
#include "tui/view/money.h"
#include "tui/view/rows.h"

#define REFRESH_MS 30000

struct instance_view {
    char id[ID_MAX];
    struct resource resource;
    bool loaded;
    struct instance instance; /* owned */
    struct instance_act_state act;
    int scroll;
};

static bool instance_ask(struct resource *r, struct strbuf *path)
{
    strbuf_addf(path, "/v1/instances/%s", CONTAINER_OF(r, struct instance_view, resource)->id);
    return true;
}

static enum err_code instance_take(struct resource *r, const struct reply *reply, struct err *e)
{
    struct instance_view *s = CONTAINER_OF(r, struct instance_view, resource);
    struct instance fresh = {0};
    enum err_code rc = answer_decode(reply->body, reply->len, &instance_shape, &fresh, e);

    if (rc)
        return rc;
    shape_release(&instance_shape, &s->instance);
    s->instance = fresh;
    s->loaded = true;
    return ERR_OK;
}

static void instance_open(struct view *v, const void *argument)
{
    struct instance_view *s = v->state;

    text_copy(s->id, sizeof s->id, argument);
    s->resource = (struct resource){.ask = instance_ask,
                                    .take = instance_take,
                                    .topics = TOPIC_INSTANCE,
                                    .refresh_ms = REFRESH_MS};
    feed_add(console_feed(v->console), &s->resource);
}

static void instance_close(struct view *v)
{
    struct instance_view *s = v->state;

    instance_act_close(&s->act);
    feed_remove(&s->resource);
    shape_release(&instance_shape, &s->instance);
}

static void instance_show(struct view *v, bool shown)
{
    resource_show(&((struct instance_view *)v->state)->resource, shown);
}

static void money_lines(const struct instance *i, struct pen *p, int64_t now_ms)
{
    char money[MONEY_TEXT_MAX], when[WHEN_TEXT_MAX];

    pen_value(p, STYLE_STRONG, "price per hour", "%s (price list %" PRId64 ")",
              money_grouped(i->price_per_hour, 6, money), i->price_version);
    pen_value(p, STYLE_STRONG, "cost so far", "%s",
              money_grouped(instance_cost_now(i, now_ms), 6, money));
    pen_value(p, STYLE_NORMAL, "billing", "%s", billing_names[i->billing]);
    if (instance_ends_at(i))
        pen_value(p, STYLE_NORMAL, "stops at", "%s", when_format(instance_ends_at(i), when));
}

static void check_lines(const struct instance *i, struct pen *p, int64_t now_ms)
{
    const char *summary = verdict_reason(i->gate_summary, i->gate_verdict);
    char age[WHEN_TEXT_MAX];

    pen_value(p,
              i->gate_verdict == VERDICT_HEALTHY     ? STYLE_GOOD
              : i->gate_verdict == VERDICT_UNHEALTHY ? STYLE_BAD
                                                     : STYLE_NORMAL,
              "health check", "%s%s%s", verdict_names[i->gate_verdict], summary[0] ? ": " : "",
              summary);
    if (i->check_id[0])
        pen_value(p, STYLE_WARN, "check", "%s, under way: its report will be %s",
                  tier_names[i->check_tier], i->check_id);
    if (i->check_verdict != VERDICT_NONE)
        pen_value(p, verdict_style(i->check_verdict), "last check", "%s, %s ago",
                  verdict_names[i->check_verdict], age_format(i->checked_at_ms, now_ms, age));
}

static void machine_lines(const struct instance *i, struct pen *p)
{
    pen_value(p, STYLE_NORMAL, "offer", "%s", i->offer_id);
    pen_value(p, STYLE_NORMAL, "zone", "%s", i->zone);
    pen_value(p, STYLE_NORMAL, "machine", "%" PRId64 " vCPU, %" PRId64 " GiB memory, network %s",
              i->vcpu_count, i->memory_gib, i->network ? "yes" : "no");
    pen_value(p, STYLE_NORMAL, "limits", "%s", i->limits);
    for (size_t n = 0; n < i->slot_count; n++)
        pen_value(p, STYLE_NORMAL, n == 0 ? "GPUs" : "", "%" PRId64 ": %s %s", i->slots[n].index,
                  i->slots[n].label,
                  i->slots[n].is_virtual ? "(no physical GPU behind it)" : i->slots[n].uuid);
}

static void time_lines(const struct instance *i, struct pen *p)
{
    char when[WHEN_TEXT_MAX];

    pen_value(p, STYLE_NORMAL, "asked for", "%s", when_format(i->created_at_ms, when));
    if (i->running_at_ms)
        pen_value(p, STYLE_NORMAL, "running from", "%s", when_format(i->running_at_ms, when));
    if (i->ended_at_ms)
        pen_value(p, STYLE_NORMAL, "ended", "%s", when_format(i->ended_at_ms, when));
    pen_value(p, STYLE_NORMAL, "launched by", "%s", i->created_by);
    pen_value(p, STYLE_NORMAL, "for the job", "%s", i->job_id);
    pen_value(p, STYLE_NORMAL, "log in", "%s",
              i->ssh_public_key[0] ? "with the key it was launched with" : "nobody may");
}

static void instance_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct instance_view *s = ctx;
    const struct instance *i = &s->instance;
    char note[512], state[96], age[WHEN_TEXT_MAX];
    enum style style = resource_note(&s->resource, s->loaded, now_ms, note, sizeof note);

    if (note[0])
        pen_text(p, style, note);
    if (!s->loaded)
        return;
    instance_state_text(i, state, sizeof state);
    pen_title(p, i->name);
    pen_value(p, STYLE_DIM, "id", "%s", i->id);
    pen_value(p, instance_style(i->state), "state", "%s, for %s", state,
              age_format(i->state_since_ms, now_ms, age));
    pen_value(p, STYLE_NORMAL, "why", "%s", i->state_detail);
    pen_value(p, STYLE_NORMAL, "wanted", "%s", instance_desired_names[i->desired_state]);
    money_lines(i, p, now_ms);
    pen_gap(p);
    machine_lines(i, p);
    check_lines(i, p, now_ms);
    pen_gap(p);
    time_lines(i, p);
    pen_gap(p);
    for (size_t n = 0; n < i->action_count; n++)
        pen_value(p, i->actions[n].available ? STYLE_NORMAL : STYLE_DIM,
                  n == 0 ? "may be asked" : "", "%s: %s", i->actions[n].name,
                  i->actions[n].available ? "yes" : i->actions[n].reason);
}

static void instance_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct instance_view *s = v->state;

    details_draw(instance_lines, s, c, s->scroll, now_ms);
}

static void instance_yes(struct view *v)
{
    instance_act_yes(&((struct instance_view *)v->state)->act);
}

static bool instance_view_act(struct view *v, enum key_action a)
{
    struct instance_view *s = v->state;

    if (instances_act(v, &s->act, &s->resource, s->loaded ? &s->instance : NULL, a, instance_yes))
        return true;
    return details_act(instance_lines, s, v->rows, v->cols, &s->scroll,
                       clock_now_ms(console_clock(v->console)), a);
}

static bool instance_ticks(const struct view *v)
{
    UNUSED(v);
    return true;
}

const struct view_ops view_instance = {
    .name = "instance",
    .help = "One instance",
    .state_size = sizeof(struct instance_view),
    .open = instance_open,
    .close = instance_close,
    .show = instance_show,
    .draw = instance_draw,
    .act = instance_view_act,
    .ticks = instance_ticks,
};
