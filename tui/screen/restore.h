/* Bytes prepared in advance that put a terminal back, for a process that dies of a crash
 * signal: the handler only writes them and resets the line. */
#ifndef TUI_SCREEN_RESTORE_H
#define TUI_SCREEN_RESTORE_H

#include "core/base.h"

#define RESTORE_BYTES_MAX 256

/* Remember the terminal's line settings as they are now, and catch SIGSEGV, SIGABRT, SIGBUS,
 * SIGFPE and SIGILL. */
void restore_prepare(int fd);
/* What is written to `fd` then; what is too long is cut. */
void restore_bytes(const char *bytes);
/* While the shell has the terminal (suspended, closed) a crash must not write to it. */
void restore_arm(bool armed);
/* Forget everything; the signals are as before. */
void restore_forget(void);

#endif
