/* What hourglassd makes in an empty database when it is told to (option `seed`). */
#ifndef API_SEED_H
#define API_SEED_H

#include "api/config.h"
#include "api/service/service.h"

/* Does nothing without the option, or when there is an organization already. The API key is taken
 * from the token file when that is there, else made and written to it.
 * Errors: ERR_INVALID an option; ERR_FORBIDDEN others may read the file; ERR_IO, ERR_STORAGE. */
enum err_code seed_first(struct service *sv, const struct config *config, struct err *e) MUST_CHECK;

#endif
