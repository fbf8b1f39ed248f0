/* What the files of the feed share. Private to tui/feed. */
#ifndef TUI_FEED_FEED_INTERNAL_H
#define TUI_FEED_FEED_INTERNAL_H

#include "tui/feed/feed.h"

/* The event stream: opened when the newest events are known, opened again when it ended. */
void events_init(struct feed *f);
void events_tick(struct feed *f, int64_t mono_ms);

void feed_trace(struct feed *f, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Every resource with one of these topics may have changed. */
void feed_stale(struct feed *f, unsigned topics);
void link_set(struct feed *f, enum link_state link, const char *error);
/* No answer came: try again after a while, or after `retry_in_ms` if the server said so. */
void link_lost(struct feed *f, const struct err *err, int64_t retry_in_ms);

#endif
