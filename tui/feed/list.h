/* A window into a list of the API: some pages in the list's order, moved as the selection moves,
 * so that a list of a million rows costs what a few screenfuls cost. The filter is the server's. */
#ifndef TUI_FEED_LIST_H
#define TUI_FEED_LIST_H

#include "model/page.h"
#include "tui/feed/feed.h"

#define LIST_PAGES_MAX 3 /* in the window */

enum list_move { LIST_FIRST_PAGE, LIST_NEXT_PAGE, LIST_PREVIOUS_PAGE };

struct list_page {
    void *items; /* array of the shape's struct */
    size_t count;
};

struct list {
    struct resource resource;
    /* set by the owner before list_open() */
    const struct shape *shape; /* its first member is the id: char[ID_MAX…], or int64_t */
    const char *path;          /* "/v1/instances" */
    int page_items;            /* 1..PAGE_ITEMS_MAX; 0: the list has no pages */
    bool id_is_number;
    size_t pages_wanted; /* read at once, at most LIST_PAGES_MAX; 0: one */
    /* Order of two rows by a column; NULL: only the server's order. */
    int (*compare)(const void *a, const void *b, int column);
    /* state */
    char filter[FILTER_BYTES_MAX];
    struct list_page pages[LIST_PAGES_MAX];
    size_t page_count;
    size_t page_first;                 /* number of pages[0] in the list */
    size_t before;                     /* rows in the pages before it, as they were */
    char (*cursors)[CURSOR_BYTES_MAX]; /* where page i starts; [0] is "" */
    size_t cursor_count, cursor_size;
    char next[CURSOR_BYTES_MAX]; /* after the window; "" at the end */
    bool loaded;
    enum list_move asked; /* what the call in flight is for */
    size_t refresh_page;  /* of the window, while it is read again */
    bool again;           /* something happened meanwhile: read it once more */
    struct list_page fresh[LIST_PAGES_MAX];
    char fresh_next[CURSOR_BYTES_MAX];
    int sort_column; /* -1: the server's order */
    bool descending;
    size_t *order;   /* of the rows, when sorted; NULL: as they are */
    size_t count;    /* rows in the window */
    size_t selected; /* in the window; 0 when empty */
    size_t top;
    char wanted[ID_MAX]; /* to be selected when it comes; "" none */
};

/* Subscribe; asks as soon as it is shown. */
void list_open(struct list *l, struct feed *f, unsigned topics, int64_t refresh_ms);
void list_close(struct list *l);

/* Row of the window; NULL past its end. Borrowed until the next tick. */
const void *list_row(const struct list *l, size_t index);
const void *list_selected(const struct list *l);

/* Select another row and fetch what lies beyond the window when it comes near. */
void list_select(struct list *l, size_t index);
/* Another filter: starts at the first page again. */
void list_filter(struct list *l, const char *text);
/* Order by a column (-1: the server's order). False: rows are missing from the window, so that
 * an order of what is there would mislead; nothing changes then. */
bool list_sort(struct list *l, int column, bool descending);
/* Select the row with this id as soon as it is there: reads the list again, from its start and
 * without a filter, so that a new row cannot hide. Forgotten when another row is selected. */
void list_want(struct list *l, const char *id);
/* Read the window again. */
void list_reload(struct list *l);

#endif
