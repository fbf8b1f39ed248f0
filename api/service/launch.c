/* Launches, and the estimate that runs the same checks without taking anything. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

#define HOURS_PER_DAY 24

static const char rounding[] =
    "Billing begins when the health check has passed and is by the second: whole seconds, rounded "
    "down; the price per hour is divided exactly, in millionths. A hold is rounded up.";

/* What is known about a launch before anything is decided. */
struct launch {
    const struct catalogue *c; /* held */
    const struct offer *offer;
    struct organization organization;
    char project_id[ID_MAX];
    int64_t now_ms;
    int64_t run_seconds; /* to the deadline; 0: no end */
    int64_t hold_micros;
    struct purse purse;
};

int64_t hold_seconds(const struct catalogue *c, int64_t run_seconds)
{
    int64_t seconds = c->hold_window_seconds;

    if (run_seconds > 0 && run_seconds < seconds)
        seconds = run_seconds;
    if (seconds < c->minimum_charge_seconds)
        seconds = c->minimum_charge_seconds;
    return seconds + c->checkpoint_grace_seconds + c->stop_margin_seconds;
}

static void launch_close(struct service *sv, struct launch *l)
{
    purse_release(&l->purse);
    catalogue_put(sv, l->c);
}

/* --- what makes no sense, whatever stock and credit say: 422 ------------------------- */

static enum err_code deadline_check(struct launch *l, const struct instance_create *in,
                                    struct err *e)
{
    enum err_code rc;

    if (in->deadline_at_ms && in->stop_after_seconds)
        return input_refuse(e, "/stop_after_seconds", "conflict",
                            "give deadline_at or stop_after_seconds, not both");
    if (in->stop_after_seconds < 0 || in->stop_after_seconds > DEADLINE_SECONDS_MAX)
        return input_refuse(e, "/stop_after_seconds", "out_of_range",
                            "stop_after_seconds must be between 1 and %lld", DEADLINE_SECONDS_MAX);
    rc = input_deadline(in->deadline_at_ms, l->now_ms, e);
    if (rc)
        return rc;
    l->run_seconds = in->deadline_at_ms
                         ? (in->deadline_at_ms - l->now_ms + MS_PER_SECOND - 1) / MS_PER_SECOND
                         : in->stop_after_seconds;
    return ERR_OK;
}

static enum err_code project_check(struct tx *tx, const struct actor *by, struct launch *l,
                                   const char *project_id, struct err *e)
{
    const char *id = project_id[0] ? project_id : by->project_id;
    struct project p;
    enum err_code rc = row_project_get(tx, id, &p, e);

    if (rc == ERR_NOT_FOUND || (!rc && strcmp(p.organization_id, by->organization_id) != 0))
        return input_refuse(e, "/project_id", "unknown",
                            id[0] ? "there is no such project"
                                  : "the key has no project: name one");
    if (!rc)
        text_copy(l->project_id, sizeof l->project_id, id);
    return rc;
}

static enum err_code price_max_check(const struct launch *l, const struct instance_create *in,
                                     struct err *e)
{
    if (in->price_max.micros &&
        strcmp(in->price_max.currency, l->offer->price_per_hour.currency) != 0)
        return input_refuse(e, "/price_max/currency", "currency", "prices are in %s",
                            l->offer->price_per_hour.currency);
    return ERR_OK;
}

/* With the catalogue held: the offer, what is asked for, who pays and from what. */
static enum err_code launch_fill(struct tx *tx, const struct actor *by,
                                 const struct instance_create *in, struct launch *l, struct err *e)
{
    enum err_code rc = ERR_OK;

    l->offer = catalogue_offer(l->c, in->offer_id);
    if (!l->offer)
        return input_refuse(e, "/offer_id", "unknown", "there is no offer '%s'", in->offer_id);
    if (in->name[0])
        rc = input_name("/name", in->name, e);
    if (!rc)
        rc = input_ssh_key("/ssh_public_key", in->ssh_public_key, e);
    if (!rc)
        rc = deadline_check(l, in, e);
    if (!rc)
        rc = price_max_check(l, in, e);
    if (!rc)
        rc = project_check(tx, by, l, in->project_id, e);
    if (!rc)
        rc = row_organization_get(tx, by->organization_id, &l->organization, e);
    if (!rc && strcmp(l->organization.currency, l->offer->price_per_hour.currency) != 0)
        rc = input_refuse(e, "/offer_id", "currency", "the offer is priced in %s, you pay in %s",
                          l->offer->price_per_hour.currency, l->organization.currency);
    if (!rc)
        rc = money_ceil(l->offer->price_per_hour.micros, hold_seconds(l->c, l->run_seconds),
                        &l->hold_micros, e);
    if (!rc)
        rc = purse_open(tx, &l->organization, &l->purse, e);
    return rc;
}

static enum err_code launch_open(struct service *sv, struct tx *tx, const struct actor *by,
                                 const struct instance_create *in, struct launch *l, struct err *e)
{
    enum err_code rc;

    *l = (struct launch){.c = catalogue_hold(sv), .now_ms = clock_now_ms(sv->clock)};
    rc = launch_fill(tx, by, in, l, e);
    if (rc)
        launch_close(sv, l);
    return rc;
}

/* --- what may be otherwise tomorrow -------------------------------------------------- */

static enum err_code price_check(const struct launch *l, const struct instance_create *in,
                                 struct err *e)
{
    char price[MONEY_TEXT_MAX], most[MONEY_TEXT_MAX];
    const struct money *now = &l->offer->price_per_hour;
    enum err_code rc;

    if (!in->price_max.micros || now->micros <= in->price_max.micros)
        return ERR_OK;
    rc = err_set(e, ERR_CONFLICT, "the price is %s per hour, above the price_max of %s",
                 money_format(*now, 4, price), money_format(in->price_max, 4, most));
    err_fact_money(e, "price_per_hour", now->micros, now->currency);
    err_fact_money(e, "price_max", in->price_max.micros, in->price_max.currency);
    return rc;
}

static void instance_compose(struct service *sv, const struct actor *by, const struct launch *l,
                             const struct launch_order *order, struct instance *i)
{
    const struct instance_create *in = order->in;
    const struct offer *o = l->offer;

    *i = (struct instance){.gpu_count = o->gpu_count,
                           .vcpu_count = o->vcpu_count,
                           .memory_gib = o->memory_gib,
                           .state = INSTANCE_REQUESTED,
                           .desired_state = INSTANCE_WANT_RUNNING,
                           .state_reason = INSTANCE_REASON_BY_MEMBER,
                           .state_since_ms = l->now_ms,
                           .price_per_hour = o->price_per_hour,
                           .price_version = l->c->version,
                           .cost = money_of(0, o->price_per_hour.currency),
                           .cost_at_ms = l->now_ms,
                           .created_at_ms = l->now_ms,
                           .deadline_at_ms = in->deadline_at_ms,
                           .stop_after_seconds = in->stop_after_seconds,
                           .network = in->network,
                           .version = 1};
    id_new(ID_INSTANCE, sv->clock, i->id);
    text_copy(i->organization_id, sizeof i->organization_id, l->organization.id);
    text_copy(i->project_id, sizeof i->project_id, l->project_id);
    text_copy(i->created_by, sizeof i->created_by, by->member_id);
    text_copy(i->job_id, sizeof i->job_id, order->job_id);
    text_copy(i->offer_id, sizeof i->offer_id, o->id);
    text_copy(i->zone, sizeof i->zone, o->zone);
    text_copy(i->gpu_model, sizeof i->gpu_model, o->gpu_model);
    text_copy(i->ssh_public_key, sizeof i->ssh_public_key, in->ssh_public_key);
    if (in->name[0])
        text_copy(i->name, sizeof i->name, in->name);
    else
        name_make(i->name, o->name);
}

static enum err_code launch_save(struct service *sv, struct tx *tx, const struct actor *by,
                                 struct launch *l, const struct launch_order *order,
                                 struct instance *i, struct err *e)
{
    struct hold_time when = {.now_ms = l->now_ms, .from_ms = l->now_ms};
    struct record r = {
        ACTION_INSTANCE_LAUNCH, "instance.state", i->organization_id, i->project_id, i->id, NULL};
    char price[MONEY_TEXT_MAX];
    struct hold_room room;
    enum err_code rc;

    rc = price_check(l, order->in, e);
    if (!rc)
        rc = stock_take(sv, tx, l->c, l->offer, e);
    if (rc)
        return rc;
    instance_compose(sv, by, l, order, i);
    r.state = instance_state_names[i->state];
    rc = row_instance_insert(tx, i, e);
    if (!rc)
        rc = record_write(sv, tx, by, &r, e, "instance %s launched: %s at %s per hour", i->name,
                          l->offer->id, money_format(i->price_per_hour, 4, price));
    if (!rc)
        rc = hold_place(sv, tx, by, &l->purse, i, l->hold_micros, &when, &room, e);
    return rc ? rc : purse_save(tx, &l->purse, e);
}

enum err_code launch_instance(struct service *sv, struct tx *tx, const struct actor *by,
                              const struct launch_order *order, struct instance *out, struct err *e)
{
    struct instance i = {0};
    struct launch l;
    enum err_code rc = rule_check(by, ACTION_INSTANCE_LAUNCH, e);

    if (!rc)
        rc = launch_open(sv, tx, by, order->in, &l, e);
    if (rc)
        return rc;
    rc = launch_save(sv, tx, by, &l, order, &i, e);
    launch_close(sv, &l);
    if (!rc)
        *out = i;
    return rc;
}

enum err_code instance_launch(struct service *sv, struct tx *tx, const struct actor *by,
                              const struct instance_create *in, struct instance *out, struct err *e)
{
    struct launch_order order = {.in = in, .job_id = ""};
    struct instance i = {0};
    enum err_code rc = launch_instance(sv, tx, by, &order, &i, e);

    if (!rc)
        rc = instance_fill(sv, tx, by, &i, e);
    if (!rc)
        *out = i;
    return rc;
}

/* --- estimate ------------------------------------------------------------------------ */

static enum err_code estimate_prices(const struct launch *l, struct estimate *x, struct err *e)
{
    const struct money *price = &l->offer->price_per_hour;
    int64_t seconds = l->run_seconds, day, whole = 0;
    enum err_code rc = money_ceil(price->micros, HOURS_PER_DAY * MONEY_SECONDS_PER_HOUR, &day, e);

    if (!rc && seconds) {
        if (seconds < l->c->minimum_charge_seconds)
            seconds = l->c->minimum_charge_seconds;
        rc = money_ceil(price->micros, seconds, &whole, e);
    }
    if (rc)
        return rc;
    x->price_per_hour = *price;
    x->price_per_day = money_of(day, price->currency);
    x->cost_to_deadline = money_of(whole, price->currency);
    x->hold = money_of(l->hold_micros, price->currency);
    return ERR_OK;
}

static void estimate_place(const struct launch *l, struct estimate *x)
{
    const struct offer *o = l->offer;

    text_copy(x->offer_id, sizeof x->offer_id, o->id);
    text_copy(x->country, sizeof x->country, o->country);
    text_copy(x->jurisdiction, sizeof x->jurisdiction, o->jurisdiction);
    text_copy(x->cloud_operator, sizeof x->cloud_operator, o->cloud_operator);
    text_copy(x->rounding, sizeof x->rounding, rounding);
    x->carbon_g_per_hour = o->carbon_g_per_hour;
}

static enum err_code estimate_stock(struct service *sv, struct tx *tx, const struct launch *l,
                                    struct estimate *x, struct err *e)
{
    struct pool_row *pools = NULL;
    size_t count = 0;
    enum err_code rc = pools_read(sv, tx, l->c, &pools, &count, e);

    if (rc)
        return rc;
    if (offer_is_connected(sv, l->c, l->offer))
        x->stock = offer_stock(l->offer, pools, count);
    free(pools);
    return ERR_OK;
}

/* Which grants would bear the hold: placed in the purse, which is never saved. */
static enum err_code estimate_burn(struct launch *l, struct estimate *x, struct err *e)
{
    struct hold_time when = {.now_ms = l->now_ms, .from_ms = l->now_ms};
    struct hold_part parts[HOLD_PARTS_MAX];
    struct postings lines = {0};
    size_t count = 0;
    enum err_code rc;

    rc = ledger_hold_place(l->purse.grants, l->purse.count, l->hold_micros, l->purse.currency,
                           &when, parts, &count, &lines, e);
    if (rc || !count)
        return rc;
    x->grants = calloc(count, sizeof *x->grants);
    if (!x->grants)
        return err_set(e, ERR_INTERNAL, "out of memory");
    x->grant_count = count;
    for (size_t i = 0; i < count; i++) {
        text_copy(x->grants[i].grant_id, sizeof x->grants[i].grant_id, parts[i].grant_id);
        x->grants[i].kind = purse_grant(&l->purse, parts[i].grant_id)->kind;
        x->grants[i].amount = parts[i].amount;
    }
    return ERR_OK;
}

static enum err_code estimate_credit(struct service *sv, struct tx *tx, struct launch *l,
                                     struct estimate *x, struct err *e)
{
    struct hold_time when = {.now_ms = l->now_ms, .from_ms = l->now_ms};
    struct runway_load more = {.micros_per_hour = l->offer->price_per_hour.micros};
    int64_t available = 0;
    enum err_code rc = grants_available(l->purse.grants, l->purse.count, &when, &available, e);

    if (l->run_seconds)
        more.ends_at_ms = l->now_ms + l->run_seconds * MS_PER_SECOND;
    if (!rc)
        rc = runway_find(sv, tx, &l->purse, NULL, &x->runway_before_at_ms, e);
    if (!rc)
        rc = runway_find(sv, tx, &l->purse, &more, &x->runway_after_at_ms, e);
    if (rc)
        return rc;
    x->available_before = money_of(available, l->purse.currency);
    x->available_after =
        money_of(available > l->hold_micros ? available - l->hold_micros : 0, l->purse.currency);
    return ERR_OK;
}

/* The same order of refusals as a launch. */
static enum err_code estimate_judge(struct service *sv, struct tx *tx, const struct actor *by,
                                    const struct instance_create *in, struct launch *l,
                                    struct estimate *x, struct err *e)
{
    enum err_code rc = rule_check(by, ACTION_INSTANCE_LAUNCH, e);

    if (!rc)
        rc = price_check(l, in, e);
    if (!rc && !x->stock)
        rc = stock_refuse(sv, tx, l->c, l->offer, e);
    return rc ? rc : estimate_burn(l, x, e);
}

static bool is_refusal(enum err_code rc)
{
    return rc == ERR_FORBIDDEN || rc == ERR_CONFLICT || rc == ERR_NO_STOCK || rc == ERR_NO_CREDIT;
}

static enum err_code estimate_fill(struct service *sv, struct tx *tx, const struct actor *by,
                                   const struct instance_create *in, struct launch *l,
                                   struct estimate *x, struct err *e)
{
    struct err no = {0};
    enum err_code rc = estimate_prices(l, x, e);

    estimate_place(l, x);
    if (!rc)
        rc = estimate_stock(sv, tx, l, x, e);
    if (!rc)
        rc = estimate_credit(sv, tx, l, x, e);
    if (rc)
        return rc;
    rc = estimate_judge(sv, tx, by, in, l, x, &no);
    x->accepted = rc == ERR_OK;
    if (!is_refusal(rc)) {
        if (rc && e)
            *e = no;
        return rc;
    }
    text_copy(x->refusal_code, sizeof x->refusal_code, err_slug(rc));
    text_copy(x->refusal, sizeof x->refusal, no.msg);
    return ERR_OK;
}

enum err_code instance_estimate(struct service *sv, struct tx *tx, const struct actor *by,
                                const struct instance_create *in, struct estimate *out,
                                struct err *e)
{
    struct estimate x = {0};
    struct launch l;
    enum err_code rc = rule_check(by, ACTION_CATALOGUE_READ, e);

    if (!rc)
        rc = launch_open(sv, tx, by, in, &l, e);
    if (rc)
        return rc;
    rc = estimate_fill(sv, tx, by, in, &l, &x, e);
    launch_close(sv, &l);
    if (rc)
        shape_release(&estimate_shape, &x);
    else
        *out = x;
    return rc;
}
