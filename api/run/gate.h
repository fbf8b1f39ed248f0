/* The health gate: hourglass-gpu's state tier, run beside the sandbox before an instance may
 * be used. It never fails: what cannot be found out is inconclusive, with the reason. */
#ifndef API_RUN_GATE_H
#define API_RUN_GATE_H

#include "model/spool.h"

struct gate_result {
    enum verdict verdict; /* VERDICT_NONE: there is no GPU to check */
    bool passed;
    char summary[TEXT_BYTES_MAX];
};

/* True when an instance with these slots may be used: healthy, degraded, nothing to check,
 * or inconclusive where all slots are virtual. */
bool gate_passes(enum verdict verdict, const struct spool_spec *spec);

/* Run it, at most 20 s, and keep the report in the spool. */
void gate_run(const char *dir, const struct spool_spec *spec, struct gate_result *out);

/* The same in a child process, which is the leader of its group. Reading one gate_result
 * from *fd says when it is done. Caller owns *fd. Errors: ERR_IO. */
enum err_code gate_start(const char *dir, const struct spool_spec *spec, pid_t *pid, int *fd,
                         struct err *e) MUST_CHECK;

#endif
