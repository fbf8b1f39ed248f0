/* The first screen: what is left and until when, what runs and costs, what happened. */
#include "tui/feed/list.h"
#include "tui/view/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tui/screen/text.h"
#include "tui/view/money.h"
#include "tui/view/rows.h"

#define REFRESH_MS    30000
#define ROWS_MAX      20
#define MONEY_ROWS    3  /* and those of the basis */
#define ROWS_SMALL    12 /* figures and rows only, no blank rows between them */
#define ROWS_ROOMY    20
#define LABEL_CELLS   16
#define LEFT_DECIMALS 4 /* so that a second of the cheapest GPU is seen */

struct overview_state {
    struct list instances, jobs;
};

static void overview_open(struct view *v, const void *argument)
{
    struct overview_state *s = v->state;
    struct feed *f = console_feed(v->console);

    UNUSED(argument);
    s->instances = (struct list){.shape = &instance_shape,
                                 .path = "/v1/instances",
                                 .page_items = ROWS_MAX,
                                 .pages_wanted = 1};
    list_open(&s->instances, f, TOPIC_INSTANCE, REFRESH_MS);
    s->jobs = (struct list){
        .shape = &job_shape, .path = "/v1/jobs", .page_items = ROWS_MAX, .pages_wanted = 1};
    list_open(&s->jobs, f, TOPIC_JOB, REFRESH_MS);
}

static void overview_close(struct view *v)
{
    struct overview_state *s = v->state;

    list_close(&s->instances);
    list_close(&s->jobs);
}

static void overview_show(struct view *v, bool shown)
{
    struct overview_state *s = v->state;

    resource_show(&s->instances.resource, shown);
    resource_show(&s->jobs.resource, shown);
}

/* --- money ------------------------------------------------------------------------------------ */

static void label(struct canvas *c, int row, const char *text)
{
    canvas_text(c, row, 1, LABEL_CELLS, STYLE_DIM, text);
}

/* Rows of what the runway assumes: all of it where there is room, none in a small one. */
static int basis_rows(const struct feed *f, const struct canvas *c)
{
    int lines =
        paragraph_draw(NULL, 0, 0, c->cols - 1 - LABEL_CELLS, 0, STYLE_DIM, f->credit.runway_basis);
    int room = c->rows >= ROWS_ROOMY ? 3 : c->rows > ROWS_SMALL ? 2 : 0;

    return c->rows > ROWS_SMALL && lines < 2 ? 2 : lines < room ? lines : room;
}

static void runway_draw(const struct credit *cr, struct canvas *c, int row, int rows_max,
                        int64_t now_ms)
{
    char when[WHEN_TEXT_MAX], left[DURATION_TEXT_MAX];
    int col = 1 + LABEL_CELLS;
    int64_t seconds = (cr->runway_ends_at_ms - now_ms) / 1000;

    label(c, row, "runway");
    if (cr->runway_ends_at_ms == 0)
        canvas_text(c, row, col, c->cols - col, STYLE_NORMAL, "no end in sight");
    else
        canvas_textf(c, row, col, c->cols - col,
                     seconds < 7200    ? STYLE_BAD
                     : seconds < 86400 ? STYLE_WARN
                                       : STYLE_NORMAL,
                     "until %s, in %s%s", when_format(cr->runway_ends_at_ms, when),
                     duration_format(seconds, left), seconds < 86400 ? "  (less than a day)" : "");
    if (rows_max == 0)
        return;
    label(c, row + 1, "  assuming");
    paragraph_draw(c, row + 1, col, c->cols - col, rows_max, STYLE_DIM, cr->runway_basis);
}

static void money_draw(const struct feed *f, struct canvas *c, int64_t now_ms)
{
    const struct credit *cr = &f->credit;
    char text[MONEY_TEXT_MAX], note[512];
    struct money left;
    int col = 1 + LABEL_CELLS;
    bool burning = cr->burn_per_hour.micros > 0;
    enum style style = resource_note(&f->credit_resource, f->has_credit, now_ms, note, sizeof note);

    label(c, 0, "credit left");
    if (!feed_credit_left(f, now_ms, &left)) {
        canvas_text(c, 0, col, c->cols - col, style, note);
        return;
    }
    col += canvas_text(c, 0, col, c->cols - col, left.micros > 0 ? STYLE_STRONG : STYLE_BAD,
                       money_grouped(left, burning ? LEFT_DECIMALS : 2, text));
    canvas_textf(c, 0, col, c->cols - col, style, "  %s%s", left.micros > 0 ? "" : "(used up) ",
                 note);
    col = 1 + LABEL_CELLS;
    label(c, 1, "burning");
    col += canvas_textf(c, 1, col, c->cols - col, STYLE_ACCENT, "%s per hour",
                        money_grouped(cr->burn_per_hour, 4, text));
    canvas_textf(c, 1, col, c->cols - col, STYLE_DIM, "   held %s",
                 money_grouped(cr->held, 2, text));
    runway_draw(cr, c, 2, basis_rows(f, c), now_ms);
}

/* --- what runs -------------------------------------------------------------------------------- */

struct section {
    const char *title;
    const char *none;
    const struct list *list;
    bool (*wanted)(const void *row);
    void (*draw)(const void *row, struct canvas *c, int at, int64_t now_ms);
};

static bool instance_wanted(const void *row)
{
    const struct instance *i = row;

    return !instance_is_over(i->state) && i->state != INSTANCE_FAILED;
}

static bool job_wanted(const void *row)
{
    UNUSED(row);
    return true;
}

/* A figure whole or not at all: half of one misleads. */
static bool figure(struct canvas *c, int at, int col, int width, enum style style, const char *text)
{
    if (col + width > c->cols)
        return false;
    canvas_right(c, at, col, width, style, text);
    return true;
}

static void instance_draw(const void *row, struct canvas *c, int at, int64_t now_ms)
{
    const struct instance *i = row;
    char text[MONEY_TEXT_MAX], price[MONEY_TEXT_MAX + 2], state[96];

    instance_state_text(i, state, sizeof state);
    canvas_text(c, at, 2, 22, STYLE_NORMAL, i->name);
    canvas_text(c, at, 25, 16, instance_style(i->state), state);
    snprintf(price, sizeof price, "%s/h", money_figure(i->price_per_hour, 4, text));
    figure(c, at, 42, 14, STYLE_NORMAL, price);
    figure(c, at, 57, 13, STYLE_NORMAL, money_figure(instance_cost_now(i, now_ms), 4, text));
    figure(c, at, 71, 9, STYLE_DIM, age_format(i->state_since_ms, now_ms, state));
}

static void job_draw(const void *row, struct canvas *c, int at, int64_t now_ms)
{
    const struct job *j = row;
    char state[96], text[WHEN_TEXT_MAX];
    int64_t end = j->ended_at_ms ? j->ended_at_ms : now_ms;

    job_state_text(j, state, sizeof state);
    canvas_text(c, at, 2, 22, STYLE_NORMAL, j->name);
    canvas_text(c, at, 25, 28, job_style(j->state), state);
    if (j->started_at_ms)
        figure(c, at, 57, 13, STYLE_NORMAL, duration_format((end - j->started_at_ms) / 1000, text));
    figure(c, at, 71, 9, STYLE_DIM, age_format(j->created_at_ms, now_ms, text));
}

/* Returns the rows used; at most `rows_max`, of which one is the title. */
static int section_draw(const struct section *s, struct canvas *c, int row, int rows_max,
                        int64_t now_ms)
{
    char note[512];
    enum style style =
        resource_note(&s->list->resource, s->list->loaded, now_ms, note, sizeof note);
    int used = 1, wanted = 0;

    if (rows_max < 2)
        return 0;
    canvas_text(c, row, 1, c->cols - 1, STYLE_HEAD, s->title);
    for (size_t i = 0; i < s->list->count; i++) {
        const void *item = list_row(s->list, i);

        if (!s->wanted(item))
            continue;
        wanted++;
        if (used < rows_max)
            s->draw(item, c, row + used++, now_ms);
    }
    if (wanted == 0) {
        canvas_text(c, row + 1, 2, c->cols - 2, style,
                    s->list->loaded || !note[0] ? s->none : note);
        used = 2;
    } else if (wanted > used - 1) {
        canvas_textf(c, row, 1 + (int)strlen(s->title), c->cols, STYLE_DIM, "  (%d of %d%s)",
                     used - 1, wanted, s->list->next[0] ? "+" : "");
    }
    return used;
}

static void events_draw(const struct feed *f, struct canvas *c, int row, int rows_max)
{
    char when[WHEN_TEXT_MAX];

    if (rows_max < 2)
        return;
    canvas_text(c, row, 1, c->cols - 1, STYLE_HEAD, "WHAT HAPPENED");
    if (f->event_count == 0)
        canvas_text(c, row + 1, 2, c->cols - 2, STYLE_DIM,
                    f->events_resource.loaded_at_ms ? "nothing yet" : "loading");
    for (int i = 0; i + 1 < rows_max && i < (int)f->event_count; i++) {
        canvas_text(c, row + 1 + i, 2, 10, STYLE_DIM, time_format(f->events[i].at_ms, when));
        canvas_text(c, row + 1 + i, 12, c->cols - 12, STYLE_NORMAL, f->events[i].summary);
    }
}

static void overview_draw(const struct view *v, struct canvas *c, int64_t now_ms)
{
    const struct overview_state *s = v->state;
    const struct feed *f = console_feed(v->console);
    const struct section instances = {"INSTANCES", "none: 2 shows what can be rented",
                                      &s->instances, instance_wanted, instance_draw};
    const struct section jobs = {"JOBS", "none: 4, then n, submits one", &s->jobs, job_wanted,
                                 job_draw};
    int row = MONEY_ROWS + basis_rows(f, c) + (c->rows > ROWS_SMALL), rest = c->rows - row;
    int third = rest / 3 > 2 ? rest / 3 : 2;

    money_draw(f, c, now_ms);
    row += section_draw(&instances, c, row, rest < third ? rest : third, now_ms) + (rest > 12);
    rest = c->rows - row;
    row += section_draw(&jobs, c, row, rest < third ? rest : third, now_ms) + (rest > 8);
    events_draw(f, c, row, c->rows - row);
}

static bool overview_act(struct view *v, enum key_action a)
{
    if (a != ACT_OPEN)
        return false;
    console_go(v->console, &view_instances, NULL);
    return true;
}

static bool overview_ticks(const struct view *v)
{
    const struct overview_state *s = v->state;

    /* Ages of rows are in seconds only at first; what burns changes each second. */
    return console_feed(v->console)->credit.burn_per_hour.micros > 0 || s->instances.count > 0;
}

const struct view_ops view_overview = {
    .name = "overview",
    .help = "Credit, runway, what runs and what happened",
    .state_size = sizeof(struct overview_state),
    .open = overview_open,
    .close = overview_close,
    .show = overview_show,
    .draw = overview_draw,
    .act = overview_act,
    .ticks = overview_ticks,
};
