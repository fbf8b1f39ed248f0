/* Shared by the two files of the catalogue. */
#ifndef COMMON_MODEL_CATALOGUE_INTERNAL_H
#define COMMON_MODEL_CATALOGUE_INTERNAL_H

#include "model/catalogue.h"

/* The first of `count` items of `size` bytes, each of which starts with its name, that
 * has this one; NULL when there is none. Borrowed as long as the items are. */
const void *catalogue_find(const void *items, size_t count, size_t size, const char *name);

#endif
