/* How figures are written on the screen, and paragraphs cut into lines. */
#ifndef TUI_SCREEN_TEXT_H
#define TUI_SCREEN_TEXT_H

#include "core/clock.h"
#include "core/money.h"
#include "tui/screen/canvas.h"

#define WHEN_TEXT_MAX 32

/* "2026-11-20 14:02Z"; "-" for 0. Returns buf. */
const char *when_format(int64_t at_ms, char buf[WHEN_TEXT_MAX]);
/* "11-20 14:02:07Z": recent, to the second. Returns buf. */
const char *moment_format(int64_t at_ms, char buf[WHEN_TEXT_MAX]);
/* "2026-11-20"; "-" for 0. Returns buf. */
const char *date_format(int64_t at_ms, char buf[WHEN_TEXT_MAX]);
/* "14:02:07Z". Returns buf. */
const char *time_format(int64_t at_ms, char buf[WHEN_TEXT_MAX]);
/* "3h 12m" since then; "-" for 0. Returns buf. */
const char *age_format(int64_t since_ms, int64_t now_ms, char buf[WHEN_TEXT_MAX]);
/* Thousands are grouped: "1,234.5678 EUR". Returns buf. */
const char *money_grouped(struct money m, int decimals, char buf[MONEY_TEXT_MAX]);
/* Without the currency, for columns whose head names it. Returns buf. */
const char *money_figure(struct money m, int decimals, char buf[MONEY_TEXT_MAX]);
/* "512 B", "1.5 MiB". Returns buf. */
const char *bytes_format(int64_t bytes, char buf[WHEN_TEXT_MAX]);

/* Grams in whole numbers; "<1" is not nothing. Returns buf. */
#define CARBON_TEXT_MAX 32
const char *carbon_figure(double grams, char buf[CARBON_TEXT_MAX]);

/* Draw a paragraph between words from `row` on; at most `rows_max` lines, the last of which ends
 * with an ellipsis when more would follow. Returns the lines that all of it takes; draws nothing
 * where c is NULL. */
int paragraph_draw(struct canvas *c, int row, int col, int width, int rows_max, enum style style,
                   const char *text);

#endif
