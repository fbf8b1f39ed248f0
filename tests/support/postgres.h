/* A throw-away PostgreSQL: its own folder, a UNIX socket only, gone with the test. */
#ifndef TESTS_SUPPORT_POSTGRES_H
#define TESTS_SUPPORT_POSTGRES_H

#include "tests/support/t.h"

struct postgres {
    pid_t pid;
    char dir[256];
    char conninfo[512]; /* for PQconnectdb() */
};

/* Folder of initdb and postgres ($PGBIN or Debian's), newest version; NULL when there is
 * none. Borrowed until the next call. */
const char *postgres_programs(void);

/* Start it; fails the test when it does not come up within 60 s. */
void postgres_start(struct postgres *pg);
void postgres_stop(struct postgres *pg);

#endif
