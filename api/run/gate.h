/* The health gate: hourglass-gpu, run beside the sandbox before an instance may be used; and the
 * checks that are asked for later. It never fails: what cannot be found out is inconclusive, with
 * the reason. */
#ifndef API_RUN_GATE_H
#define API_RUN_GATE_H

#include "model/spool.h"

struct gate_result {
    enum tier tier;       /* that was run, by the report's own word where there is one */
    enum verdict verdict; /* VERDICT_NONE: there is no GPU to check */
    bool passed;
    char summary[TEXT_BYTES_MAX];
};

/* True when an instance with these slots may be used: healthy, degraded, nothing to check,
 * or inconclusive where all slots are virtual. */
bool gate_passes(enum verdict verdict, const struct spool_spec *spec);

/* How deep to look: a check as it was asked for; the gate of an instance in the quick tier when it
 * is made on physical GPUs, in the state tier when it is started again or its slots are virtual. */
enum tier gate_tier(const struct spool_spec *spec);

/* Run it, for as long as its tier may take at most (70 s for quick), and keep what the report says
 * of the spec's own GPUs and of the machine in the spool. */
void gate_run(const char *dir, const struct spool_spec *spec, struct gate_result *out);

/* The same in a child process, which is the leader of its group. Reading one gate_result
 * from *fd says when it is done. Caller owns *fd. Errors: ERR_IO. */
enum err_code gate_start(const char *dir, const struct spool_spec *spec, pid_t *pid, int *fd,
                         struct err *e) MUST_CHECK;

#endif
