/* hourglass-run as the supervisor of one instance or job: from the lock to end.json. */
#ifndef API_RUN_SUPERVISOR_H
#define API_RUN_SUPERVISOR_H

#include "model/spool.h"

struct supervisor;

/* Take the spool's lock and put the start on record in status.json. *out is NULL when there
 * is nothing to do: it runs already, or did. The lock belongs to this process: do not fork
 * into the background afterwards. Caller owns *out, for supervisor_run().
 * Errors: ERR_IO, ERR_INVALID, ERR_LIMIT; ERR_BUSY another start is ending. */
enum err_code supervisor_claim(const char *dir, struct supervisor **out, struct err *e) MUST_CHECK;

/* Supervise until the end is written down; frees `s`. Returns the exit status for the
 * program: 0 unless even the end could not be written. */
int supervisor_run(struct supervisor *s);

#endif
