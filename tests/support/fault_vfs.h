/* A disk that fails on command, beneath SQLite: it sits between the library and the files,
 * so what the library does about a failure is the real thing. */
#ifndef TESTS_SUPPORT_FAULT_VFS_H
#define TESTS_SUPPORT_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_FULL,  /* a write finds no room */
    FAULT_WRITE, /* a write fails */
    FAULT_SYNC,  /* a flush to the disk fails */
    FAULT_READ,  /* a read fails */
};

/* Becomes the way this process opens databases; call before the first of them. */
void fault_vfs_install(void);

/* Let `after` operations of that kind pass, then fail one, or with `sticky` all that
 * follow. Replaces what was set before. FAULT_NONE: all is well. */
void fault_vfs_set(enum fault_kind kind, int64_t after, bool sticky);
/* Writes that end behind this byte of a file find no room; 0: no limit. */
void fault_vfs_size_max(int64_t bytes);
int64_t fault_vfs_hits(void); /* failures since the last fault_vfs_set() */

#endif
