/* Nodes: rows as the engine has them, the engine as the rows say who drains, and checks of nodes on
 * whose GPUs nothing runs. */
#include <stdlib.h>
#include <string.h>

#include "api/worker/worker_internal.h"
#include "core/strbuf.h"

#define CHECK_TIER TIER_QUICK

/* One step's look at all of them. */
struct nodes {
    struct worker *w;
    struct engine_node *seen;
    size_t seen_count;
    struct node *rows;
    struct node_load *loads;
    size_t count;
};

static void nodes_release(struct nodes *n)
{
    free(n->seen);
    free(n->rows);
    free(n->loads);
}

static enum err_code nodes_read(struct tx *tx, void *ctx, struct err *e)
{
    struct nodes *n = ctx;
    enum err_code rc;

    free(n->rows); /* it may run again */
    free(n->loads);
    n->rows = NULL;
    n->loads = NULL;
    rc = row_node_of_engine(tx, n->w->en->ops->name, &n->rows, &n->count, e);
    if (rc)
        return rc;
    n->loads = calloc(n->count + 1, sizeof *n->loads);
    if (!n->loads)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; !rc && i < n->count; i++)
        rc = row_instance_of_node(tx, n->rows[i].id, "", &n->loads[i], e);
    return rc;
}

static enum err_code sync_tx(struct tx *tx, void *ctx, struct err *e)
{
    const struct nodes *n = ctx;

    return node_sync(n->w->sv, tx, &n->w->by, n->seen, n->seen_count, e);
}

/* --- who drains -------------------------------------------------------------------------- */

struct note {
    struct worker *w;
    const char *id, *check_id;
    const struct report *report;
    struct node out;
};

static enum err_code settle_tx(struct tx *tx, void *ctx, struct err *e)
{
    const struct note *n = ctx;

    return node_settle(n->w->sv, tx, &n->w->by, n->id, e);
}

static void drain_reconcile(struct worker *w, const struct node *row, const struct node_load *load,
                            const struct engine_node *seen)
{
    struct note n = {.w = w, .id = row->id};
    bool wanted = row->state != NODE_READY;
    struct err e = {0};

    if (wanted && !seen->is_draining && w->en->ops->node_drain(w->en, row->name, row->reason, &e))
        delay_raise(w, row->id, "drain", &e);
    if (!wanted && seen->is_draining && w->en->ops->node_resume(w->en, row->name, &e))
        delay_raise(w, row->id, "resume", &e);
    if (row->state == NODE_DRAINING && !load->instances &&
        store_write(w->sv->store, settle_tx, &n, &e))
        worker_complain(row->id, "settle", &e);
}

/* --- who is idle ------------------------------------------------------------------------- */

static enum err_code begin_tx(struct tx *tx, void *ctx, struct err *e)
{
    struct note *n = ctx;

    return node_check_begin(n->w->sv, tx, &n->w->by, n->id, &n->out, e);
}

static enum err_code end_tx(struct tx *tx, void *ctx, struct err *e)
{
    const struct note *n = ctx;

    return node_check_end(n->w->sv, tx, &n->w->by, n->id, n->check_id, n->report, e);
}

/* The engine forgets it only when the rows have what became of it. */
static void check_end(struct worker *w, const struct node *row, const struct report *report)
{
    struct note n = {.w = w, .id = row->id, .check_id = row->check_id, .report = report};
    struct err e = {0};

    if (store_write(w->sv->store, end_tx, &n, &e))
        worker_complain(row->id, "end the check of a node", &e);
    else if (w->en->ops->check_remove(w->en, row->check_id, &e))
        worker_complain(row->check_id, "remove a check", &e);
}

/* An idle node that is given to somebody is not idle: the next hour will do. */
static void check_go_on(struct worker *w, const struct node *row)
{
    struct engine_check c = {
        .check_id = row->check_id, .instance_id = "", .node = row->name, .tier = CHECK_TIER};
    struct engine_check_state seen = {.state = ENGINE_ABSENT};
    struct err e = {0};

    if (w->en->ops->check_describe(w->en, row->check_id, &seen, &e)) {
        delay_raise(w, row->id, "describe a check", &e);
        return;
    }
    if (seen.state == ENGINE_ABSENT) {
        if (w->en->ops->check(w->en, &c, &e)) {
            delay_raise(w, row->id, "begin a check", &e);
            check_end(w, row, NULL);
        }
    } else if (seen.state == ENGINE_ENDED || seen.state == ENGINE_FAILED) {
        check_end(w, row, seen.state == ENGINE_ENDED ? &seen.report : NULL);
    }
    shape_release(&report_shape, &seen.report);
}

static void idle_reconcile(struct worker *w, const struct node *row, const struct node_load *load)
{
    struct note n = {.w = w, .id = row->id, .out = *row};
    struct err e = {0};

    if (!row->check_id[0]) {
        if (!node_check_due(row, load, w->config.check_ms, clock_now_ms(w->sv->clock)))
            return;
        if (store_write(w->sv->store, begin_tx, &n, &e)) {
            worker_complain(row->id, "check an idle node", &e);
            return;
        }
    }
    w->busy = true;
    check_go_on(w, &n.out);
}

/* --- all ---------------------------------------------------------------------------------- */

static void node_reconcile(struct worker *w, const struct nodes *n, size_t i)
{
    const struct node *row = &n->rows[i];

    if (delay_applies(w, row->id))
        return;
    for (size_t k = 0; k < n->seen_count; k++) {
        if (strcmp(n->seen[k].name, row->name) != 0)
            continue;
        drain_reconcile(w, row, &n->loads[i], &n->seen[k]);
        idle_reconcile(w, row, &n->loads[i]);
        return;
    }
}

enum err_code nodes_reconcile(struct worker *w, struct err *e)
{
    struct nodes n = {.w = w};
    struct err no = {0};
    enum err_code rc;

    if (!w->en || delay_applies(w, "nodes"))
        return ERR_OK;
    if (w->en->ops->node_list(w->en, &n.seen, &n.seen_count, &no)) {
        delay_raise(w, "nodes", "list nodes", &no); /* the engine is away: next time */
        return ERR_OK;
    }
    rc = store_read(w->sv->store, nodes_read, &n, e);
    if (!rc && node_sync_due(w->sv, n.rows, n.count, n.seen, n.seen_count)) {
        rc = store_write(w->sv->store, sync_tx, &n, e);
        if (!rc)
            rc = store_read(w->sv->store, nodes_read, &n, e);
    }
    for (size_t i = 0; !rc && i < n.count && !worker_is_ending(w); i++)
        node_reconcile(w, &n, i);
    nodes_release(&n);
    return rc;
}
