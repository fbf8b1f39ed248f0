/* Keys from a file, for demonstrations, bug reports and tests. One line each:
 *   # a remark
 *   keys :instances<Enter>     typed as written; <Enter> <Esc> <^D> <PgDn> <lt> …
 *   wait running               go on when the text is on the screen
 *   gone loading               go on when it is not
 *   settle                     go on when nothing is asked of the server any more
 *   seconds 30                 how long each following wait may take (10 at first)
 *   dump FILE                  write the screen as text
 * A wait that takes longer ends the console with exit code 1. */
#ifndef TUI_SCRIPT_H
#define TUI_SCRIPT_H

#include "core/clock.h"
#include "tui/app_internal.h"

/* Caller owns *out. Errors: ERR_INVALID with the line's number; those of file_read(). */
enum err_code script_load(const char *path, struct script **out, struct err *e) MUST_CHECK;
void script_free(struct script *s); /* accepts NULL */

/* Do what can be done now. Returns the milliseconds after which to call again, -1 at the end. */
int64_t script_run(struct script *s, struct console *c);

#endif
