/* What checks that were asked for found, and what follows: the customer gets back what a bad GPU
 * cost, its node takes nothing new. The rule is docs/adr/0005. */
#include <assert.h>

#include "api/service/service_internal.h"
#include "core/strbuf.h"

#define CREDIT_MS_MAX (24LL * 60 * MS_PER_MINUTE)

/* What the first `at_ms - started` of this period of billing cost, in whole seconds. */
static enum err_code cost_until(const struct meter *m, int64_t at_ms, int64_t *micros,
                                struct err *e)
{
    int64_t seconds = at_ms > m->started_at_ms ? (at_ms - m->started_at_ms) / MS_PER_SECOND : 0;
    int32_t remainder = 0;

    return money_accrue(m->rate_micros_per_hour, seconds, &remainder, micros, e);
}

/* What is given back is metered: else an instance that is lost next would be billed to an earlier
 * moment than the one to which it was given back. */
static enum err_code meter_note(struct service *sv, struct tx *tx, struct meter *m, struct err *e)
{
    int64_t now_ms = clock_now_ms(sv->clock);
    enum err_code rc;

    if (now_ms >= m->window_ends_at_ms ||
        now_ms <= m->started_at_ms + m->metered_seconds * MS_PER_SECOND)
        return ERR_OK;
    rc = meter_move(m, now_ms, e);
    return rc ? rc : row_meter_update(tx, m, e);
}

/* What the customer owes from `from_ms` to now: never more than the holds bear, because the rest is
 * the provider's loss already. 0 where nothing is billed. */
static enum err_code cost_since(struct service *sv, struct tx *tx, const struct instance *i,
                                int64_t from_ms, int64_t *out, struct err *e)
{
    int64_t seconds, window = 0, before = 0, all = 0;
    struct meter m;
    enum err_code rc = row_meter_get(tx, i->id, &m, e);

    *out = 0;
    if (rc == ERR_NOT_FOUND) {
        err_clear(e);
        return ERR_OK;
    }
    if (!rc)
        rc = meter_note(sv, tx, &m, e);
    if (!rc)
        rc = meter_owed(sv, tx, &m, &seconds, &window, e);
    if (!rc)
        rc = micros_add(m.captured_micros, window, &all, e);
    if (!rc)
        rc = cost_until(&m, from_ms, &before, e);
    if (!rc && all > before)
        *out = all - before;
    return rc;
}

/* Write in `text` what was given back; "" for nothing. */
static enum err_code credit_give(struct service *sv, struct tx *tx, const struct actor *by,
                                 const struct instance *i, int64_t micros, const char *report_id,
                                 char text[MONEY_TEXT_MAX + 64], struct err *e)
{
    int64_t now_ms = clock_now_ms(sv->clock);
    struct grant g = {.kind = GRANT_SLA,
                      .amount = money_of(micros, i->price_per_hour.currency),
                      .effective_at_ms = now_ms,
                      .created_at_ms = now_ms};
    char amount[MONEY_TEXT_MAX];
    struct organization o;
    enum err_code rc;

    text[0] = '\0';
    if (micros <= 0)
        return ERR_OK;
    money_format(g.amount, 2, amount);
    snprintf(g.note, sizeof g.note, "a check found a GPU of instance %s bad: %s", i->name,
             report_id);
    rc = row_organization_get(tx, i->organization_id, &o, e);
    if (!rc)
        rc = grant_issue(sv, tx, by, &o, i->id, &g, e);
    if (rc == ERR_LIMIT) { /* else this report could never be taken */
        err_clear(e);
        snprintf(text, MONEY_TEXT_MAX + 64, "; %s is owed: support will grant it", amount);
        return ERR_OK;
    }
    if (!rc)
        snprintf(text, MONEY_TEXT_MAX + 64, "; %s of credit was given back", amount);
    return rc;
}

/* A physical GPU of theirs is bad. From now on it counts anew: the same fault, found again, gives
 * back only what it cost since. */
static enum err_code fault_settle(struct service *sv, struct tx *tx, const struct actor *by,
                                  struct instance *i, const char *fault, const char *report_id,
                                  struct err *e)
{
    struct record r = {
        ACTION_INSTANCE_CHECK,           "instance.fault", i->organization_id, i->project_id, i->id,
        verdict_names[VERDICT_UNHEALTHY]};
    int64_t now_ms = clock_now_ms(sv->clock), from_ms = i->credit_from_ms, micros = 0;
    char given[MONEY_TEXT_MAX + 64];
    enum err_code rc;

    if (from_ms < now_ms - CREDIT_MS_MAX)
        from_ms = now_ms - CREDIT_MS_MAX;
    rc = cost_since(sv, tx, i, from_ms, &micros, e);
    if (!rc)
        rc = credit_give(sv, tx, by, i, micros, report_id, given, e);
    if (rc)
        return rc;
    i->credit_from_ms = now_ms > i->credit_from_ms ? now_ms : i->credit_from_ms;
    return record_write(sv, tx, by, &r, e,
                        "instance %s has a bad GPU (%.120s)%s; save your work and launch another",
                        i->name, fault, given);
}

/* Nothing is known to be well that came after a check began. */
static void health_note(struct service *sv, struct instance *i, const struct report *seen)
{
    int64_t at_ms = seen->started_at_ms, now_ms = clock_now_ms(sv->clock);

    at_ms = at_ms < now_ms ? at_ms : now_ms;
    if (at_ms > i->credit_from_ms)
        i->credit_from_ms = at_ms;
}

static enum err_code check_take(struct service *sv, struct tx *tx, const struct actor *by,
                                struct instance *i, const struct report *seen, struct err *e)
{
    struct report_place at = {seen->id, i->organization_id, i->id, REPORT_CHECK};
    struct record r = {
        ACTION_INSTANCE_CHECK,       "instance.check", i->organization_id, i->project_id, i->id,
        verdict_names[seen->verdict]};
    char id[ID_MAX], fault[TEXT_BYTES_MAX];
    bool bad = report_is_bad(seen, i, false, fault);
    enum err_code rc = report_keep(sv, tx, by, seen, &at, id, e);

    if (!rc && bad)
        rc = fault_settle(sv, tx, by, i, fault, id, e);
    if (!rc)
        rc = node_judge(sv, tx, by, i->node_id, id, seen->verdict, bad ? fault : NULL, e);
    if (rc)
        return rc;
    if (seen->verdict == VERDICT_HEALTHY)
        health_note(sv, i, seen);
    i->check_id[0] = '\0';
    i->check_tier = seen->tier;
    i->check_verdict = seen->verdict;
    i->checked_at_ms = clock_now_ms(sv->clock);
    rc = row_instance_update(tx, i, e);
    return rc ? rc
              : record_write(sv, tx, by, &r, e, "instance %s: %s check: %.160s", i->name,
                             tier_names[seen->tier],
                             seen->summary[0] ? seen->summary : verdict_names[seen->verdict]);
}

enum err_code check_observe(struct service *sv, struct tx *tx, const struct actor *by,
                            const char *instance_id, const struct report *seen, struct err *e)
{
    INSTANCE_OWN i = {0};
    enum err_code rc = row_instance_get(tx, instance_id, &i, e);

    assert(seen->id[0]);
    if (rc || strcmp(i.check_id, seen->id) != 0)
        return rc;
    return check_take(sv, tx, by, &i, seen, e);
}
