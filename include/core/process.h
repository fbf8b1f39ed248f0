/* Run a program to its end: argument vector, never a shell, with a bound on time and on
 * what is kept of its output. Not for programs that outlive the call. */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

#include "core/errs.h"
#include "core/strbuf.h"

struct process {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* NULL-terminated; NULL: only PATH and LANG=C.UTF-8 */
    int64_t timeout_ms;
    struct strbuf *out;    /* its standard output; NULL: dropped */
    struct strbuf *errors; /* its standard error; NULL: dropped */
    bool shows_errors;     /* its standard error is this process's; `errors` gets nothing */
};

/* Wait until it has ended. Output past a buffer's maximum is read and dropped, and the
 * buffer's `failed` set. Descriptors of this process are not inherited. *status is as from
 * waitpid(). Errors: ERR_NOT_FOUND no such program; ERR_TIMEOUT it was killed; ERR_IO. */
enum err_code process_run(const struct process *p, int *status, struct err *e) MUST_CHECK;

#endif
