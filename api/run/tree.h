/* Removing a folder with all in it, where what is in it was made by strangers. */
#ifndef API_RUN_TREE_H
#define API_RUN_TREE_H

#include "core/base.h"

/* Never leaves `path`: follows no link, enters no other file system. However deep it is,
 * few descriptors are open at a time. Returns false when something could not be removed. */
bool tree_remove(const char *path);

#endif
