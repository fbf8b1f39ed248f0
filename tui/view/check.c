/* Asking for a check of an instance's GPUs: how deep, what it disturbs, what follows. */
#include "tui/view/act.h"

#include <stdio.h>

enum { FIELD_TIER, FIELD_DISTURB };

static void check_fields(struct form *f)
{
    form_add(f, "tier", "state, quick or burn", false);
    form_add(f, "disturb jobs", "y also while a job runs", true);
    line_set(&f->fields[FIELD_TIER].line, tier_names[TIER_QUICK]);
}

/* A soak takes hours: the API does not offer it. */
static int tier_of(const struct form *f)
{
    int tier = names_find(tier_names, f->fields[FIELD_TIER].line.text);

    return tier == TIER_SOAK ? -1 : tier;
}

static void check_lines(const struct form *f, struct pen *p)
{
    bool disturb = f->fields[FIELD_DISTURB].on;
    int tier = tier_of(f);

    if (tier == TIER_STATE)
        pen_text(p, STYLE_NORMAL,
                 "Reads what the driver knows, in seconds. Nothing that runs is disturbed.");
    else if (tier == TIER_QUICK)
        pen_text(p, STYLE_NORMAL,
                 "Loads memory, arithmetic and links of its GPUs, for up to a minute.");
    else if (tier == TIER_BURN)
        pen_text(p, STYLE_NORMAL, "Loads its GPUs in full, for minutes.");
    else
        pen_text(p, STYLE_BAD, "The tier is state, quick or burn.");
    if (tier == TIER_QUICK || tier == TIER_BURN)
        pen_text(p, disturb ? STYLE_WARN : STYLE_NORMAL,
                 disturb ? "A job that runs there is slowed down, or fails if it leaves the check "
                           "no GPU memory."
                         : "What you run there by hand is slowed down. While a job runs it is "
                           "refused.");
    pen_gap(p);
    pen_text(p, STYLE_NORMAL, "The check is free; the instance costs what it costs already.");
    pen_text(
        p, STYLE_NORMAL,
        "If a physical GPU is found bad, what the instance cost since a check last found it "
        "healthy, at most 24 hours, is given back as credit, and its machine takes nothing "
        "new. A figure below its floor alone gives nothing back, since what you run may be the "
        "cause. The instance runs on: save your work and launch another.");
}

static enum err_code check_body(const struct form *f, struct strbuf *out, struct err *e)
{
    int tier = tier_of(f);

    if (tier < 0)
        return err_set(e, ERR_INVALID, "the tier is state, quick or burn");
    strbuf_addf(out, "{\"action\":\"check\",\"tier\":\"%s\",\"disturb\":%s}", tier_names[tier],
                f->fields[FIELD_DISTURB].on ? "true" : "false");
    return ERR_OK;
}

static const struct act_kind check_kind = {
    .fields = check_fields, .lines = check_lines, .body = check_body};

bool instance_check_act(struct view *v, const struct instance *i, enum key_action a)
{
    struct act_request r = {.kind = &check_kind};

    if (a != ACT_CHECK)
        return false;
    snprintf(r.path, sizeof r.path, "/v1/instances/%s/actions", i ? i->id : "");
    return act_ask(v, &r, instance_action_names[INSTANCE_CHECK], i ? i->name : NULL,
                   i ? i->actions : NULL, i ? i->action_count : 0);
}
