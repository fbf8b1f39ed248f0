/* Windows into lists: what a list call is asked and answers, on every layer. */
#ifndef MODEL_PAGE_H
#define MODEL_PAGE_H

#include "core/limits.h"
#include "core/base.h"

/* Keyset page: items after `cursor` in the list's order. A filter left "" matches all. */
struct page_query {
    int64_t limit;                 /* 1..PAGE_ITEMS_MAX */
    char cursor[CURSOR_BYTES_MAX]; /* "" is the start; opaque to clients */
    char state[SLUG_BYTES_MAX];    /* where the object has a state */
    char text[FILTER_BYTES_MAX];   /* substring of name or id */
    char project_id[ID_MAX];
    char instance_id[ID_MAX];
    char zone[SLUG_BYTES_MAX];
    char gpu_model[SLUG_BYTES_MAX];
    int64_t from_ms, to_ms; /* 0: open */
};

#endif
