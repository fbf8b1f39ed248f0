/* Price before yes: the dry run of a create, printed for people. */
#ifndef TUI_CLI_ESTIMATE_H
#define TUI_CLI_ESTIMATE_H

#include "tui/cli/cli.h"

/* POST `path`?dry_run=true with the body of the real call. `only`: it is the command's result, on
 * standard output; else what stands before the question, on standard error. Returns CLI_OK when the
 * real call would be accepted, else the exit code of its refusal. */
int cli_estimate(struct cli *c, const char *path, const char *body, bool only);

#endif
