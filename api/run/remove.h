/* Removing a spool that an engine has put aside. */
#ifndef API_RUN_REMOVE_H
#define API_RUN_REMOVE_H

#include "model/spool.h"

/* Only what bears the name of something put aside is removed. Errors: ERR_INVALID. */
enum err_code spool_remove_check(const char *dir, struct err *e) MUST_CHECK;

/* Remove its control groups, if any are left, and the folder. Returns false when something
 * is left. */
bool spool_remove(const char *dir);

#endif
