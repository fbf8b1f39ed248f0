/* One report of GPU checks: its findings, the worst first, each figure against its floor and
 * against the last time; and the verdicts of the earlier reports of the same machine. */
#include "tui/view/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "tui/screen/text.h"
#include "tui/view/money.h"

#define EARLIER_ITEMS 8 /* whole reports: a few are enough */
#define EARLIER_LINES 4 /* the findings must not be pushed out of sight */
#define BAR_CELLS     16
#define PERCENT_MAX   1000 /* more says nothing */
#define BAR_BYTES     (BAR_CELLS * 3 + 1)

/* The same figure in an earlier report. */
struct figure {
    double value;
    int64_t at_ms; /* 0: there is none */
};

struct report_state {
    char id[ID_MAX];
    bool ascii;
    struct resource resource, earlier_resource;
    bool loaded, earlier_loaded;
    struct report report;   /* owned */
    struct report *earlier; /* owned, newest first */
    size_t earlier_count;
    size_t order[REPORT_FINDINGS_MAX]; /* of the findings, the worst first */
    struct figure before[REPORT_FINDINGS_MAX];
    int scroll;
};

/* --- what is the same ------------------------------------------------------------------------- */

static int64_t report_at_ms(const struct report *r)
{
    return r->received_at_ms ? r->received_at_ms : r->started_at_ms;
}

/* The GPU's own name where both reports have it: a machine may number its GPUs anew. */
static const char *uuid_of(const struct report *r, int64_t gpu_index)
{
    for (size_t i = 0; i < r->gpu_count; i++)
        if (r->gpus[i].index == gpu_index)
            return r->gpus[i].uuid;
    return "";
}

/* Names first: they tell most of them apart, and somebody may have posted very many. */
static bool is_same_figure(const struct finding *f, const char *uuid, const struct report *earlier,
                           const struct finding *was)
{
    const char *uuid_was;

    if (strcmp(f->check, was->check) != 0 || strcmp(f->unit, was->unit) != 0)
        return false;
    if (f->gpu_index < 0 || was->gpu_index < 0 || !uuid[0])
        return f->gpu_index == was->gpu_index;
    uuid_was = uuid_of(earlier, was->gpu_index);
    return uuid_was[0] ? strcmp(uuid, uuid_was) == 0 : f->gpu_index == was->gpu_index;
}

static struct figure figure_before(const struct report_state *s, const struct finding *f)
{
    const char *uuid = uuid_of(&s->report, f->gpu_index);

    for (size_t i = 0; f->unit[0] && i < s->earlier_count; i++) {
        const struct report *r = &s->earlier[i];

        for (size_t k = 0; k < r->finding_count; k++)
            if (is_same_figure(f, uuid, r, &r->findings[k]))
                return (struct figure){r->findings[k].value, report_at_ms(r)};
    }
    return (struct figure){0, 0};
}

/* Here and not when drawing: many findings times many reports. */
static void figures_compare(struct report_state *s)
{
    for (size_t i = 0; i < s->report.finding_count && i < REPORT_FINDINGS_MAX; i++)
        s->before[i] = figure_before(s, &s->report.findings[i]);
}

static void findings_order(struct report_state *s)
{
    static const enum check_result worst_first[] = {CHECK_FAIL, CHECK_ERROR, CHECK_WARN, CHECK_PASS,
                                                    CHECK_SKIP};
    size_t n = 0;

    for (size_t k = 0; k < ARRAY_SIZE(worst_first); k++)
        for (size_t i = 0; i < s->report.finding_count && n < REPORT_FINDINGS_MAX; i++)
            if (s->report.findings[i].result == worst_first[k])
                s->order[n++] = i;
}

static void earlier_release(struct report_state *s)
{
    for (size_t i = 0; i < s->earlier_count; i++)
        shape_release(&report_shape, &s->earlier[i]);
    free(s->earlier);
    s->earlier = NULL;
    s->earlier_count = 0;
}

/* --- data ------------------------------------------------------------------------------------- */

static bool report_ask(struct resource *r, struct strbuf *path)
{
    const struct report_state *s = CONTAINER_OF(r, struct report_state, resource);

    if (s->loaded)
        return false; /* a report never changes */
    strbuf_adds(path, "/v1/reports/");
    url_encode(path, s->id);
    return true;
}

static enum err_code report_take(struct resource *r, const struct reply *reply, struct err *e)
{
    struct report_state *s = CONTAINER_OF(r, struct report_state, resource);
    struct report fresh = {0};
    enum err_code rc = answer_decode(reply->body, reply->len, &report_shape, &fresh, e);

    if (rc)
        return rc;
    shape_release(&report_shape, &s->report);
    s->report = fresh;
    s->loaded = true;
    findings_order(s);
    resource_touch(&s->earlier_resource);
    return ERR_OK;
}

static bool earlier_ask(struct resource *r, struct strbuf *path)
{
    const struct report_state *s = CONTAINER_OF(r, struct report_state, earlier_resource);
    const char *by_instance = s->report.instance_id, *host = s->report.host;
    char at[RFC3339_MAX];

    if (!s->loaded || s->earlier_loaded || (!by_instance[0] && !host[0]))
        return false;
    strbuf_addf(path, "/v1/reports?limit=%d&to=", EARLIER_ITEMS);
    url_encode(path, rfc3339_format(report_at_ms(&s->report), at));
    strbuf_adds(path, by_instance[0] ? "&instance_id=" : "&text=");
    url_encode(path, by_instance[0] ? by_instance : host);
    return true;
}

/* The server's text is a part of a name; and a machine of an instance is that instance's alone. */
static bool is_of_this(const struct report *r, const struct report *earlier)
{
    if (strcmp(earlier->id, r->id) == 0)
        return false;
    return strcmp(r->instance_id, earlier->instance_id) == 0 &&
           (r->instance_id[0] || strcmp(r->host, earlier->host) == 0);
}

static enum err_code earlier_take(struct resource *r, const struct reply *reply, struct err *e)
{
    struct report_state *s = CONTAINER_OF(r, struct report_state, earlier_resource);
    char next[CURSOR_BYTES_MAX];
    void *items = NULL;
    size_t count = 0, kept = 0;
    enum err_code rc =
        answer_decode_list(reply->body, reply->len, &report_shape, &items, &count, next, e);
    struct report *all = items;

    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (!is_of_this(&s->report, &all[i]))
            shape_release(&report_shape, &all[i]);
        else
            all[kept++] = all[i];
    }
    earlier_release(s);
    s->earlier = all;
    s->earlier_count = kept;
    s->earlier_loaded = true;
    figures_compare(s);
    return ERR_OK;
}

static void report_open(struct view *v, const void *argument)
{
    struct report_state *s = v->state;

    text_copy(s->id, sizeof s->id, argument);
    s->ascii = console_is_ascii(v->console);
    s->resource = (struct resource){.ask = report_ask, .take = report_take};
    s->earlier_resource = (struct resource){.ask = earlier_ask, .take = earlier_take};
    feed_add(console_feed(v->console), &s->resource);
    feed_add(console_feed(v->console), &s->earlier_resource);
}

static void report_close(struct view *v)
{
    struct report_state *s = v->state;

    feed_remove(&s->resource);
    feed_remove(&s->earlier_resource);
    shape_release(&report_shape, &s->report);
    earlier_release(s);
}

static void report_show(struct view *v, bool shown)
{
    struct report_state *s = v->state;

    resource_show(&s->resource, shown);
    resource_show(&s->earlier_resource, shown);
}

/* --- drawing ---------------------------------------------------------------------------------- */

static enum style result_style(enum check_result r)
{
    return r == CHECK_PASS                       ? STYLE_GOOD
           : r == CHECK_FAIL || r == CHECK_ERROR ? STYLE_BAD
           : r == CHECK_SKIP                     ? STYLE_DIM
                                                 : STYLE_WARN;
}

/* The greater of figure and floor fills the bar; a mark stands where the floor is. */
static const char *bar_text(const struct finding *f, bool ascii, char out[BAR_BYTES])
{
    double most = f->value > f->floor ? f->value : f->floor;
    int full = f->value > 0 ? (int)(f->value / most * BAR_CELLS + 0.5) : 0;
    int mark = (int)(f->floor / most * BAR_CELLS + 0.5) - 1;
    size_t len = 0;

    mark = mark < 0 ? 0 : mark;
    for (int i = 0; i < BAR_CELLS; i++) {
        const char *cell = i == mark  ? (ascii ? "|" : "│")
                           : i < full ? (ascii ? "#" : "█")
                                      : (ascii ? "." : "░");

        len += (size_t)snprintf(out + len, BAR_BYTES - len, "%s", cell);
    }
    return out;
}

static void change_line(const struct report_state *s, size_t i, struct pen *p)
{
    const struct finding *f = &s->report.findings[i];
    const struct figure *was = &s->before[i];
    double percent = was->value > 0 ? (f->value / was->value - 1) * 100 : PERCENT_MAX;
    char age[WHEN_TEXT_MAX];

    if (!was->at_ms || percent >= PERCENT_MAX || percent <= -PERCENT_MAX)
        return;
    pen_value(p, STYLE_DIM, "", "%+.1f %% in %s, from %.6g %s", percent,
              age_format(was->at_ms, report_at_ms(&s->report), age), was->value, f->unit);
}

static void finding_lines(const struct report_state *s, size_t i, struct pen *p)
{
    const struct finding *f = &s->report.findings[i];
    bool good = f->result == CHECK_PASS || f->result == CHECK_SKIP;
    char gpu[32] = "machine", figure[48] = "", bar[BAR_BYTES] = "", floor[32] = "";

    if (f->gpu_index >= 0)
        snprintf(gpu, sizeof gpu, "GPU %" PRId64, f->gpu_index);
    if (f->unit[0])
        snprintf(figure, sizeof figure, "  %.6g %s", f->value, f->unit);
    if (f->unit[0] && f->floor > 0) {
        bar_text(f, s->ascii, bar);
        snprintf(floor, sizeof floor, "  floor %.6g", f->floor);
    }
    pen_value(p, result_style(f->result), f->check, "%-5s %s%s%s%s%s%s%s",
              check_result_names[f->result], gpu, figure, bar[0] ? "  " : "", bar, floor,
              good && f->detail[0] ? "  " : "", good ? f->detail : "");
    change_line(s, i, p);
    if (good)
        return;
    pen_value(p, STYLE_NORMAL, "", "%s", f->detail);
    if (f->remedy != REMEDY_NONE)
        pen_value(p, STYLE_STRONG, "", "Do: %s.", remedy_renter_texts[f->remedy]);
}

static void earlier_lines(const struct report_state *s, struct pen *p, int64_t now_ms)
{
    char age[WHEN_TEXT_MAX];

    if (s->earlier_resource.err.code && !s->earlier_loaded)
        pen_value(p, STYLE_BAD, "earlier", "%s", s->earlier_resource.err.msg);
    else if (s->earlier_loaded && !s->earlier_count)
        pen_value(p, STYLE_DIM, "earlier", "no other report of it");
    for (size_t i = 0; i < s->earlier_count && i < EARLIER_LINES; i++) {
        const struct report *r = &s->earlier[i];

        pen_value(p, verdict_style(r->verdict), i == 0 ? "earlier" : "", "%s ago: %s (%s, %s)",
                  age_format(report_at_ms(r), now_ms, age), verdict_names[r->verdict],
                  tier_names[r->tier], report_origin_names[r->origin]);
    }
}

static void machine_lines(const struct report *r, struct pen *p)
{
    for (size_t i = 0; i < r->gpu_count; i++)
        pen_value(p, STYLE_NORMAL, i == 0 ? "GPUs" : "", "%" PRId64 ": %s %s", r->gpus[i].index,
                  r->gpus[i].model,
                  r->gpus[i].is_virtual ? "(no physical GPU behind it)" : r->gpus[i].uuid);
    pen_value(p, STYLE_NORMAL, "driver", "%s", r->driver_version);
    pen_value(p, STYLE_NORMAL, "checker", "%s", r->checker_version);
    pen_value(p, STYLE_DIM, "id", "%s", r->id);
}

static void head_lines(const struct report *r, struct pen *p, int64_t now_ms)
{
    const char *reason = verdict_reason(r->summary, r->verdict);
    char when[WHEN_TEXT_MAX], age[WHEN_TEXT_MAX];

    pen_title(p, reason[0] ? reason : verdict_names[r->verdict]);
    pen_value(p, verdict_style(r->verdict), "verdict", "%s (%s, %s)", verdict_names[r->verdict],
              tier_names[r->tier], report_origin_names[r->origin]);
    pen_value(p, STYLE_NORMAL, "host", "%s", r->host);
    pen_value(p, STYLE_NORMAL, "instance", "%s", r->instance_id);
    pen_value(p, STYLE_NORMAL, "taken", "%s, %s ago", when_format(report_at_ms(r), when),
              age_format(report_at_ms(r), now_ms, age));
}

static void report_lines(const void *ctx, struct pen *p, int64_t now_ms)
{
    const struct report_state *s = ctx;
    char note[512];
    enum style style = resource_note(&s->resource, s->loaded, now_ms, note, sizeof note);

    if (!s->loaded) {
        pen_text(p, style, note);
        return;
    }
    head_lines(&s->report, p, now_ms);
    earlier_lines(s, p, now_ms);
    pen_gap(p);
    for (size_t i = 0; i < s->report.finding_count; i++)
        finding_lines(s, s->order[i], p);
    if (!s->report.finding_count)
        pen_text(p, STYLE_DIM, "no check said anything");
    pen_gap(p);
    machine_lines(&s->report, p);
}

static void report_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct report_state *s = v->state;

    details_draw(report_lines, s, c, s->scroll, now_ms);
}

static bool report_act(struct view *v, enum key_action a)
{
    struct report_state *s = v->state;

    return details_act(report_lines, s, v->rows, v->cols, &s->scroll,
                       clock_now_ms(console_clock(v->console)), a);
}

static bool report_ticks(const struct view *v)
{
    UNUSED(v);
    return true;
}

const struct view_ops view_report = {
    .name = "report",
    .help = "One report: what each check found, and what changed",
    .state_size = sizeof(struct report_state),
    .open = report_open,
    .close = report_close,
    .show = report_show,
    .draw = report_draw,
    .act = report_act,
    .ticks = report_ticks,
};
