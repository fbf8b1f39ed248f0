/* The command line against a server that does as it is told: what a command sends, prints and
 * returns. */
#ifndef TESTS_SUPPORT_FX_CLI_H
#define TESTS_SUPPORT_FX_CLI_H

#include "tests/support/captured.h"
#include "tests/support/peer.h"
#include "tui/cli/cli.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define PROBLEM(status, slug)                                             \
    "HTTP/1.1 " status " X\r\nConnection: close\r\n\r\n{\"code\":\"" slug \
    "\",\"detail\":\"because \\u001b[2J of it\"}"
#define NONE "" /* the last one of a list of answers */

extern struct peer fx_cli_peer;     /* what was asked */
extern struct captured fx_cli_said; /* what was printed */

/* Answers, one connection for each request; NULL hangs up; the last one is NONE. */
void fx_cli_begin(const char *const *answers);
/* Run a line without quotes. Returns the exit code. */
int fx_cli_run(const char *line);
/* Begin, run, and stop the server. */
int fx_cli_run_with(const char *const *answers, const char *line);

#endif
