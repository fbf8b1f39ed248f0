/* What wrong words of memory have in common: one cell, one line of data or addresses, one SM.
 * Pure; knows the patterns (gpu/kernel/memory.h) and nothing of a driver. */
#ifndef GPU_MEMORY_BLAME_H
#define GPU_MEMORY_BLAME_H

#include "core/base.h"

#define MEMORY_WRONGS_MAX 256
#define MEMORY_SM_UNKNOWN UINT32_MAX

struct memory_wrong {
    uint32_t pattern, seed; /* what was written there */
    uint64_t address;       /* of the word, which the pattern knew it by */
    uint64_t offset;        /* of the word in the memory that was tested, in bytes */
    uint32_t expected, got;
    uint32_t again; /* read a second time */
    uint32_t sm;    /* that saw it, or MEMORY_SM_UNKNOWN */
};

struct memory_wrongs {
    uint64_t found; /* may be more than are listed */
    size_t count;
    struct memory_wrong list[MEMORY_WRONGS_MAX];
};

enum memory_blame {
    MEMORY_BLAME_CELL,    /* one bit of one word, always the same way */
    MEMORY_BLAME_WEAK,    /* one bit of one word, now and then or both ways */
    MEMORY_BLAME_WORD,    /* several bits of one word */
    MEMORY_BLAME_ADDRESS, /* what is read belongs at another place */
    MEMORY_BLAME_DATA,    /* the same bit of many words */
    MEMORY_BLAME_READING, /* right when read again: not the cells */
    MEMORY_BLAME_SM,      /* only one SM sees it */
    MEMORY_BLAME_SCATTERED,
};

/* The likely cause, and a sentence without a full stop. An empty list is the report's own fault. */
enum memory_blame memory_blame(const struct memory_wrongs *w, char *text, size_t size);

#endif
