/* The window and its pages: reading it again in place, moving it on and back. */
#include "tui/feed/list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Pages whose start is remembered: at 100 rows each, the first 100,000 rows. A filter is the
 * better way to what lies beyond. */
#define CURSORS_MAX 1000

static void page_release(const struct list *l, struct list_page *p)
{
    for (size_t i = 0; i < p->count; i++)
        shape_release(l->shape, (char *)p->items + i * l->shape->size);
    free(p->items);
    *p = (struct list_page){0};
}

static void fresh_release(struct list *l)
{
    for (size_t i = 0; i < LIST_PAGES_MAX; i++)
        page_release(l, &l->fresh[i]);
    l->refresh_page = 0;
}

static void count_rows(struct list *l)
{
    l->count = 0;
    for (size_t i = 0; i < l->page_count; i++)
        l->count += l->pages[i].count;
}

static const void *row_as_read(const struct list *l, size_t index)
{
    for (size_t i = 0; i < l->page_count; i++) {
        if (index < l->pages[i].count)
            return (const char *)l->pages[i].items + index * l->shape->size;
        index -= l->pages[i].count;
    }
    return NULL;
}

const void *list_row(const struct list *l, size_t index)
{
    return row_as_read(l, l->order && index < l->count ? l->order[index] : index);
}

const void *list_selected(const struct list *l)
{
    return list_row(l, l->selected);
}

/* All rows of the list are in the window. */
static bool is_whole(const struct list *l)
{
    return l->loaded && l->page_first == 0 && l->next[0] == '\0';
}

static int compare_rows(const void *a, const void *b, void *ctx)
{
    const struct list *l = ctx;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int c = l->compare(row_as_read(l, x), row_as_read(l, y), l->sort_column);

    if (c == 0) /* what is equal keeps the server's order */
        return x < y ? -1 : 1;
    return l->descending ? -c : c;
}

/* The order follows the rows; where they are not all there it is the server's. */
static void order_rows(struct list *l)
{
    size_t *order;

    free(l->order);
    l->order = NULL;
    if (l->sort_column < 0 || !l->compare || l->count < 2 || !is_whole(l))
        return;
    order = calloc(l->count, sizeof *order);
    if (!order)
        return;
    for (size_t i = 0; i < l->count; i++)
        order[i] = i;
    qsort_r(order, l->count, sizeof *order, compare_rows, l);
    l->order = order;
}

static bool same_id(const struct list *l, const void *a, const void *b)
{
    if (l->id_is_number)
        return memcmp(a, b, sizeof(int64_t)) == 0;
    return strcmp(a, b) == 0;
}

/* The row that was selected stays selected, wherever it is now. */
static void select_same(struct list *l, const void *was)
{
    for (size_t i = 0; was && i < l->count; i++)
        if (same_id(l, list_row(l, i), was)) {
            l->top = l->top + i > l->selected ? l->top + i - l->selected : 0;
            l->selected = i;
            return;
        }
    if (l->selected >= l->count)
        l->selected = l->count ? l->count - 1 : 0;
}

static void select_wanted(struct list *l)
{
    for (size_t i = 0; l->wanted[0] && i < l->count; i++)
        if (strcmp(list_row(l, i), l->wanted) == 0) {
            l->selected = i;
            l->wanted[0] = '\0';
        }
}

static bool cursor_keep(struct list *l, size_t page, const char *cursor)
{
    if (page >= CURSORS_MAX)
        return false;
    if (page >= l->cursor_size) {
        size_t size = l->cursor_size ? l->cursor_size * 2 : 8;
        void *more = realloc(l->cursors, size * sizeof *l->cursors);

        if (!more)
            return false;
        l->cursors = more;
        l->cursor_size = size;
    }
    text_copy(l->cursors[page], CURSOR_BYTES_MAX, cursor);
    if (page >= l->cursor_count)
        l->cursor_count = page + 1;
    return true;
}

static struct list *list_of(struct resource *r)
{
    return CONTAINER_OF(r, struct list, resource);
}

/* --- asking ----------------------------------------------------------------------------------- */

static const char *cursor_to_ask(const struct list *l)
{
    switch (l->asked) {
    case LIST_NEXT_PAGE:
        return l->next;
    case LIST_PREVIOUS_PAGE:
        return l->cursors[l->page_first - 1];
    case LIST_FIRST_PAGE:
        break;
    }
    if (l->refresh_page > 0)
        return l->fresh_next;
    return l->cursor_count ? l->cursors[l->page_first] : "";
}

static char next_mark(const struct strbuf *path)
{
    return strchr(path->data, '?') ? '&' : '?';
}

static bool list_ask(struct resource *r, struct strbuf *path)
{
    struct list *l = list_of(r);
    const char *cursor;

    if (r->err.code) { /* a page that cannot be had: begin with what is known */
        l->asked = LIST_FIRST_PAGE;
        fresh_release(l);
    }
    cursor = cursor_to_ask(l);
    strbuf_adds(path, l->path);
    if (l->page_items > 0)
        strbuf_addf(path, "%climit=%d", next_mark(path), l->page_items);
    if (l->filter[0]) {
        strbuf_addf(path, "%ctext=", next_mark(path));
        url_encode(path, l->filter);
    }
    if (cursor[0]) {
        strbuf_addf(path, "%ccursor=", next_mark(path));
        url_encode(path, cursor);
    }
    return true;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The whole window was read again: it replaces the old one. */
static void take_window(struct list *l, const char *next)
{
    const void *selected = list_selected(l);
    struct list_page old[LIST_PAGES_MAX];

    memcpy(old, l->pages, sizeof old);
    memcpy(l->pages, l->fresh, sizeof l->pages);
    memset(l->fresh, 0, sizeof l->fresh);
    l->page_count = l->refresh_page + 1;
    l->refresh_page = 0;
    text_copy(l->next, sizeof l->next, next);
    l->loaded = true;
    count_rows(l);
    order_rows(l);
    select_same(l, selected);
    select_wanted(l);
    for (size_t i = 0; i < LIST_PAGES_MAX; i++)
        page_release(l, &old[i]);
}

static void take_refreshed(struct list *l, struct list_page *p, const char *next)
{
    size_t wanted = l->page_count > l->pages_wanted ? l->page_count : l->pages_wanted;

    l->fresh[l->refresh_page] = *p;
    if (next[0] && l->refresh_page + 1 < wanted &&
        cursor_keep(l, l->page_first + l->refresh_page + 1, next)) {
        l->again = l->again || l->resource.stale;
        l->refresh_page++;
        text_copy(l->fresh_next, sizeof l->fresh_next, next);
        resource_touch(&l->resource);
        return;
    }
    take_window(l, next);
    if (l->again)
        l->resource.stale = true;
    l->again = false;
}

static void take_next(struct list *l, struct list_page *p, const char *next)
{
    cursor_keep(l, l->page_first + l->page_count, l->next);
    if (l->page_count == LIST_PAGES_MAX) {
        size_t gone = l->pages[0].count;

        l->before += gone;
        l->selected -= gone < l->selected ? gone : l->selected;
        l->top -= gone < l->top ? gone : l->top;
        page_release(l, &l->pages[0]);
        memmove(l->pages, l->pages + 1, (LIST_PAGES_MAX - 1) * sizeof *l->pages);
        l->page_count--;
        l->page_first++;
    }
    l->pages[l->page_count++] = *p;
    text_copy(l->next, sizeof l->next, next);
    count_rows(l);
    order_rows(l);
}

static void take_previous(struct list *l, struct list_page *p)
{
    if (l->page_count == LIST_PAGES_MAX) {
        text_copy(l->next, sizeof l->next, l->cursors[l->page_first + l->page_count - 1]);
        page_release(l, &l->pages[--l->page_count]);
    }
    memmove(l->pages + 1, l->pages, l->page_count * sizeof *l->pages);
    l->pages[0] = *p;
    l->page_count++;
    l->page_first--;
    l->before -= p->count < l->before ? p->count : l->before;
    if (l->page_first == 0)
        l->before = 0;
    l->selected += p->count;
    l->top += p->count;
    count_rows(l);
    order_rows(l);
}

static enum err_code list_take(struct resource *r, const struct reply *reply, struct err *e)
{
    struct list *l = list_of(r);
    struct list_page p = {0};
    char next[CURSOR_BYTES_MAX] = "";
    enum list_move asked = l->asked;
    enum err_code rc =
        answer_decode_list(reply->body, reply->len, l->shape, &p.items, &p.count, next, e);

    l->asked = LIST_FIRST_PAGE;
    if (rc) {
        fresh_release(l);
        return rc;
    }
    switch (asked) {
    case LIST_FIRST_PAGE:
        take_refreshed(l, &p, next);
        break;
    case LIST_NEXT_PAGE:
        take_next(l, &p, next);
        break;
    case LIST_PREVIOUS_PAGE:
        take_previous(l, &p);
        break;
    }
    return ERR_OK;
}

/* --- for the owner ---------------------------------------------------------------------------- */

void list_open(struct list *l, struct feed *f, unsigned topics, int64_t refresh_ms)
{
    l->resource.ask = list_ask;
    l->resource.take = list_take;
    l->resource.topics = topics;
    l->resource.refresh_ms = refresh_ms;
    l->sort_column = -1;
    cursor_keep(l, 0, "");
    feed_add(f, &l->resource);
}

void list_close(struct list *l)
{
    feed_remove(&l->resource);
    fresh_release(l);
    for (size_t i = 0; i < l->page_count; i++)
        page_release(l, &l->pages[i]);
    free(l->cursors);
    free(l->order);
    memset(l, 0, sizeof *l);
}

static void fetch(struct list *l, enum list_move move)
{
    if (l->resource.call || l->refresh_page > 0 || l->resource.err.code)
        return;
    l->asked = move;
    resource_touch(&l->resource);
}

void list_select(struct list *l, size_t index)
{
    size_t margin = (size_t)l->page_items / 2;

    l->wanted[0] = '\0';
    if (l->count == 0)
        return;
    l->selected = index < l->count ? index : l->count - 1;
    if (l->selected + margin >= l->count && l->next[0] &&
        l->page_first + l->page_count < CURSORS_MAX)
        fetch(l, LIST_NEXT_PAGE);
    else if (l->selected < margin && l->page_first > 0)
        fetch(l, LIST_PREVIOUS_PAGE);
}

bool list_sort(struct list *l, int column, bool descending)
{
    char was[ID_MAX + SLUG_BYTES_MAX] = "";
    const void *selected = list_selected(l);

    if (column >= 0 && !is_whole(l))
        return false;
    l->sort_column = column;
    l->descending = descending;
    if (selected)
        memcpy(was, selected,
               l->id_is_number ? sizeof(int64_t) : strnlen(selected, sizeof was - 1));
    order_rows(l);
    select_same(l, selected ? was : NULL);
    return true;
}

static void start_again(struct list *l)
{
    feed_cancel(l->resource.feed, l->resource.call);
    l->resource.call = 0;
    l->asked = LIST_FIRST_PAGE;
    fresh_release(l);
}

void list_reload(struct list *l)
{
    start_again(l);
    resource_touch(&l->resource);
}

/* No rows, as at the start. */
static void list_empty(struct list *l)
{
    start_again(l);
    for (size_t i = 0; i < l->page_count; i++)
        page_release(l, &l->pages[i]);
    l->page_count = l->page_first = l->before = 0;
    l->count = l->selected = l->top = 0;
    free(l->order);
    l->order = NULL;
    l->next[0] = '\0';
    l->loaded = false;
    resource_touch(&l->resource);
}

void list_filter(struct list *l, const char *text)
{
    if (strcmp(l->filter, text) == 0)
        return;
    list_empty(l);
    text_copy(l->filter, sizeof l->filter, text);
}

void list_want(struct list *l, const char *id)
{
    if (l->filter[0] || l->page_first > 0)
        list_empty(l);
    else
        list_reload(l);
    l->filter[0] = '\0';
    text_copy(l->wanted, sizeof l->wanted, id);
}
