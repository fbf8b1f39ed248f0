/* Nodes: which there are, whether they take new instances, what our checks say of them. The one
 * function that moves their state is here. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"
#include "core/id.h"
#include "core/strbuf.h"

/* --- moves --------------------------------------------------------------------------- */

struct node_change {
    enum node_state to;
    enum rule_action action;
    const char *reason;
};

static enum err_code node_move(struct service *sv, struct tx *tx, const struct actor *by,
                               struct node *n, const struct node_change *c, struct err *e)
{
    struct record r = {c->action, "node.state", "", NULL, n->id, node_state_names[c->to]};
    const char *was = node_state_names[n->state];
    enum err_code rc;

    if (!node_may_move(n->state, c->to))
        return err_set(e, ERR_CONFLICT, "node %s is %s and cannot become %s", n->name, was,
                       node_state_names[c->to]);
    n->state = c->to;
    n->since_ms = clock_now_ms(sv->clock);
    if (c->reason != n->reason)
        text_copy(n->reason, sizeof n->reason, c->reason);
    rc = row_node_update(tx, n, e);
    return rc ? rc
              : record_write(sv, tx, by, &r, e, "node %s: %s -> %s%s%.160s", n->name, was,
                             node_state_names[c->to], n->reason[0] ? ": " : "", n->reason);
}

static enum err_code settle(struct service *sv, struct tx *tx, const struct actor *by,
                            struct node *n, struct err *e)
{
    struct node_change c = {NODE_DRAINED, ACTION_NODE_DRAIN, n->reason};
    struct node_load load = {0};
    enum err_code rc = row_instance_of_node(tx, n->id, "", &load, e);

    if (rc || n->state != NODE_DRAINING || load.instances)
        return rc;
    return node_move(sv, tx, by, n, &c, e);
}

enum err_code node_settle(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                          struct err *e)
{
    struct node n;
    enum err_code rc = row_node_get(tx, id, &n, e);

    return rc ? rc : settle(sv, tx, by, &n, e);
}

/* --- as staff see and move them ------------------------------------------------------ */

static const enum rule_action action_rules[NODE_ACTION_COUNT] = {
    [NODE_DRAIN] = ACTION_NODE_DRAIN,
    [NODE_RESUME] = ACTION_NODE_RESUME,
};

static const char *action_refusal(const struct node *n, enum node_action a)
{
    if (a == NODE_RESUME)
        return n->state == NODE_READY ? "it takes new instances already" : NULL;
    return n->state == NODE_DRAINING  ? "it is draining already"
           : n->state == NODE_DRAINED ? "it is drained already"
                                      : NULL;
}

static enum err_code node_fill(struct tx *tx, const struct actor *by, struct node *n, struct err *e)
{
    struct node_load load = {0};
    enum err_code rc = row_instance_of_node(tx, n->id, "", &load, e);

    n->instance_count = load.instances;
    for (int a = 0; a < NODE_ACTION_COUNT; a++) {
        struct action *act = &n->actions[a];
        const char *no = action_refusal(n, (enum node_action)a);
        struct err why;

        text_copy(act->name, sizeof act->name, node_action_names[a]);
        if (!no && rule_check(by, action_rules[a], &why))
            no = why.msg;
        act->available = !no;
        text_copy(act->reason, sizeof act->reason, no ? no : "");
    }
    n->action_count = NODE_ACTION_COUNT;
    return rc;
}

static enum err_code node_fetch(struct tx *tx, const struct actor *by, enum rule_action a,
                                const char *id, struct node *out, struct err *e)
{
    enum err_code rc = rule_check(by, a, e);

    if (!rc)
        rc = row_node_get(tx, id, out, e);
    return rc == ERR_NOT_FOUND ? err_set(e, rc, "no node %s", id) : rc;
}

enum err_code node_get(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                       struct node *out, struct err *e)
{
    struct node n = {0};
    enum err_code rc = node_fetch(tx, by, ACTION_NODE_READ, id, &n, e);

    UNUSED(sv);
    if (!rc)
        rc = node_fill(tx, by, &n, e);
    if (!rc)
        *out = n;
    return rc;
}

enum err_code node_list(struct service *sv, struct tx *tx, const struct actor *by,
                        const struct page_query *q, struct node **out, size_t *count,
                        char next[CURSOR_BYTES_MAX], struct err *e)
{
    struct node *items = NULL;
    char scope[ID_MAX];
    size_t n = 0;
    enum err_code rc = rule_list(by, ACTION_NODE_READ, q, scope, e);

    UNUSED(sv);
    if (!rc)
        rc = input_state(q, node_state_names, e);
    if (!rc)
        rc = row_node_list(tx, q, &items, &n, next, e);
    for (size_t i = 0; !rc && i < n; i++)
        rc = node_fill(tx, by, &items[i], e);
    if (rc) {
        free(items);
        return rc;
    }
    *out = items;
    *count = n;
    return ERR_OK;
}

static enum err_code act_check(const struct node *n, int64_t if_version, const struct node_act *in,
                               struct err *e)
{
    const char *no = action_refusal(n, in->action);
    enum err_code rc = ERR_OK;

    if (if_version && if_version != n->version)
        return err_set(e, ERR_PRECONDITION, "node %s has changed since", n->name);
    if (in->action == NODE_DRAIN && !in->reason[0])
        rc = input_refuse(e, "/reason", "required", "say why, for whoever finds it drained");
    else if (in->reason[0])
        rc = input_name("/reason", in->reason, e);
    if (!rc && no)
        rc = err_set(e, ERR_CONFLICT, "cannot %s node %s: %s", node_action_names[in->action],
                     n->name, no);
    return rc;
}

enum err_code node_act(struct service *sv, struct tx *tx, const struct actor *by, const char *id,
                       int64_t if_version, const struct node_act *in, struct node *out,
                       struct err *e)
{
    bool drain = in->action == NODE_DRAIN;
    struct node_change c = {drain ? NODE_DRAINING : NODE_READY, action_rules[in->action],
                            in->reason};
    struct node n = {0};
    enum err_code rc = node_fetch(tx, by, action_rules[in->action], id, &n, e);

    if (!rc)
        rc = act_check(&n, if_version, in, e);
    if (!rc)
        rc = node_move(sv, tx, by, &n, &c, e);
    if (!rc && drain)
        rc = settle(sv, tx, by, &n, e);
    if (!rc)
        rc = node_fill(tx, by, &n, e);
    if (!rc)
        *out = n;
    return rc;
}

/* --- what the engine has ------------------------------------------------------------- */

/* The first zone that names our engine. */
static void zone_find(struct service *sv, char out[SLUG_BYTES_MAX])
{
    const struct catalogue *c = catalogue_hold(sv);

    out[0] = '\0';
    for (size_t i = 0; !out[0] && i < c->zone_count; i++)
        if (strcmp(c->zones[i].engine, sv->engine->ops->name) == 0)
            text_copy(out, SLUG_BYTES_MAX, c->zones[i].name);
    catalogue_put(sv, c);
}

static bool node_differs(const struct node *n, const struct engine_node *seen, const char *zone)
{
    return n->gpu_count != seen->gpu_count || n->is_virtual != seen->is_virtual ||
           strcmp(n->zone, zone) != 0;
}

bool node_sync_due(struct service *sv, const struct node *rows, size_t row_count,
                   const struct engine_node *seen, size_t count)
{
    char zone[SLUG_BYTES_MAX];

    zone_find(sv, zone);
    for (size_t i = 0; i < count; i++) {
        bool same = false;

        for (size_t k = 0; k < row_count; k++)
            same = same || (strcmp(rows[k].name, seen[i].name) == 0 &&
                            !node_differs(&rows[k], &seen[i], zone));
        if (!same)
            return true;
    }
    return false;
}

static enum err_code sync_one(struct service *sv, struct tx *tx, const struct actor *by,
                              const struct engine_node *seen, const char *zone, struct err *e)
{
    struct node n = {0};
    struct record r = {ACTION_NODE_UPDATE, NULL, "", NULL, n.id, NULL};
    enum err_code rc = row_node_find(tx, sv->engine->ops->name, seen->name, &n, e);
    bool is_new = rc == ERR_NOT_FOUND;

    if ((rc && !is_new) || (!is_new && !node_differs(&n, seen, zone)))
        return rc;
    err_clear(e);
    n.gpu_count = seen->gpu_count;
    n.is_virtual = seen->is_virtual;
    text_copy(n.zone, sizeof n.zone, zone);
    if (is_new) {
        id_new(ID_NODE, sv->clock, n.id);
        text_copy(n.name, sizeof n.name, seen->name);
        text_copy(n.engine, sizeof n.engine, sv->engine->ops->name);
        n.since_ms = clock_now_ms(sv->clock);
        n.version = 1;
    }
    rc = is_new ? row_node_insert(tx, &n, e) : row_node_update(tx, &n, e);
    return rc ? rc
              : record_write(sv, tx, by, &r, e, "node %s has %lld %s GPU slots", n.name,
                             (long long)n.gpu_count, n.is_virtual ? "virtual" : "physical");
}

enum err_code node_sync(struct service *sv, struct tx *tx, const struct actor *by,
                        const struct engine_node *seen, size_t count, struct err *e)
{
    char zone[SLUG_BYTES_MAX];
    enum err_code rc = ERR_OK;

    assert(sv->engine);
    zone_find(sv, zone);
    for (size_t i = 0; !rc && i < count; i++)
        rc = sync_one(sv, tx, by, &seen[i], zone, e);
    return rc;
}

enum err_code node_place(struct service *sv, struct tx *tx, struct instance *i,
                         const struct engine_instance *seen, struct err *e)
{
    struct node n;
    enum err_code rc;

    if (!seen->node[0] || !sv->engine)
        return ERR_OK;
    rc = row_node_find(tx, sv->engine->ops->name, seen->node, &n, e);
    if (!rc)
        text_copy(i->node_id, sizeof i->node_id, n.id);
    else if (rc == ERR_NOT_FOUND)
        err_clear(e); /* the worker has not read the list yet */
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err_code nodes_take_new(struct service *sv, struct tx *tx, bool *out, struct err *e)
{
    struct node_counts counts = {0};
    enum err_code rc = sv->engine ? row_node_count(tx, sv->engine->ops->name, &counts, e) : ERR_OK;

    *out = !counts.all || counts.ready > 0;
    return rc;
}

/* --- checks -------------------------------------------------------------------------- */

static enum err_code judge(struct service *sv, struct tx *tx, const struct actor *by,
                           struct node *n, const char *report_id, enum verdict verdict,
                           const char *fault, struct err *e)
{
    struct node_change c = {NODE_DRAINING, ACTION_NODE_DRAIN, fault};
    enum err_code rc;

    text_copy(n->report_id, sizeof n->report_id, report_id);
    n->verdict = verdict;
    n->checked_at_ms = clock_now_ms(sv->clock);
    rc = row_node_update(tx, n, e);
    if (!rc && fault && n->state == NODE_READY)
        rc = node_move(sv, tx, by, n, &c, e);
    return rc;
}

enum err_code node_judge(struct service *sv, struct tx *tx, const struct actor *by,
                         const char *node_id, const char *report_id, enum verdict verdict,
                         const char *fault, struct err *e)
{
    struct node n;
    enum err_code rc;

    if (!node_id[0])
        return ERR_OK;
    rc = row_node_get(tx, node_id, &n, e);
    return rc ? rc : judge(sv, tx, by, &n, report_id, verdict, fault, e);
}

bool node_check_due(const struct node *n, const struct node_load *load, int64_t interval_ms,
                    int64_t now_ms)
{
    if (interval_ms <= 0 || n->state != NODE_READY || n->is_virtual || !n->gpu_count)
        return false;
    return !n->check_id[0] && !load->with_gpus && now_ms - n->checked_at_ms >= interval_ms;
}

enum err_code node_check_begin(struct service *sv, struct tx *tx, const struct actor *by,
                               const char *id, struct node *out, struct err *e)
{
    struct node n = {0};
    struct record r = {ACTION_INSTANCE_CHECK, NULL, "", NULL, n.id, NULL};
    struct node_load load = {0};
    enum err_code rc = row_node_get(tx, id, &n, e);

    if (!rc)
        rc = row_instance_of_node(tx, id, "", &load, e);
    if (!rc && (load.with_gpus || n.state != NODE_READY))
        rc = err_set(e, ERR_CONFLICT, "node %s is not idle", n.name);
    if (!rc && !n.check_id[0]) {
        id_new(ID_REPORT, sv->clock, n.check_id);
        n.checked_at_ms = clock_now_ms(sv->clock);
        rc = row_node_update(tx, &n, e);
        if (!rc)
            rc = record_write(sv, tx, by, &r, e, "node %s is idle and is checked", n.name);
    }
    if (!rc)
        *out = n;
    return rc;
}

enum err_code node_check_end(struct service *sv, struct tx *tx, const struct actor *by,
                             const char *id, const char *check_id, const struct report *seen,
                             struct err *e)
{
    struct report_place at = {check_id, "", "", REPORT_IDLE};
    char report_id[ID_MAX], fault[TEXT_BYTES_MAX];
    struct node_load load = {0};
    struct node n;
    bool bad;
    enum err_code rc = row_node_get(tx, id, &n, e);

    if (rc || strcmp(n.check_id, check_id) != 0)
        return rc;
    n.check_id[0] = '\0';
    if (!seen)
        return row_node_update(tx, &n, e);
    rc = row_instance_of_node(tx, id, "", &load, e);
    if (!rc)
        rc = report_keep(sv, tx, by, seen, &at, report_id, e);
    bad = report_is_bad(seen, NULL, !load.instances, fault);
    if (!rc)
        rc = judge(sv, tx, by, &n, report_id, seen->verdict, bad ? fault : NULL, e);
    return rc ? rc : settle(sv, tx, by, &n, e);
}
