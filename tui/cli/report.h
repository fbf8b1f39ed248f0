/* Reports on the command line: what several commands say of one. */
#ifndef TUI_CLI_REPORT_H
#define TUI_CLI_REPORT_H

#include "tui/cli/cli.h"

/* Verdict, summary, id and machine of a report, or the tree as --output asks. Takes the tree.
 * Returns CLI_BAD_RESULT for a GPU that did not pass. */
int cli_verdict_print(struct cli *c, json_t *report_take);
/* --tier as it was given; NULL: not given. CLI_USAGE for what nobody offers. */
int cli_tier(const struct cli *c, const char **out);

#endif
