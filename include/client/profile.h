/* Where the API is and who asks: profiles in $XDG_CONFIG_HOME/hourglass/config.yaml, the
 * environment and flags, the later ones winning. */
#ifndef CLIENT_PROFILE_H
#define CLIENT_PROFILE_H

#include "core/errs.h"
#include "core/limits.h"
#include "core/json.h"

struct profile {
    char name[NAME_BYTES_MAX];
    char url[URL_BYTES_MAX];
    char token_file[URL_BYTES_MAX];
    char ca_file[URL_BYTES_MAX];
    char
        token[TOKEN_BYTES_MAX]; /* from token_file or HOURGLASS_TOKEN; never from the file itself */
};

struct profile_flags {
    const char *config; /* NULL: $XDG_CONFIG_HOME/hourglass/config.yaml, else ~/.config/… */
    const char *name;   /* NULL: HOURGLASS_PROFILE, else the file's `profile`, else the first */
    const char *url;    /* NULL: HOURGLASS_URL, else the profile's */
};

/* Config file:
 *   profile: demo            # the default
 *   profiles:
 *     - name: demo
 *       url: http://127.0.0.1:7070
 *       token_file: ~/.config/hourglass/demo.token   # mode 0600
 * "~/" in a path is the home folder. An address that is not the profile's comes without the
 * profile's key: then HOURGLASS_TOKEN is the only one.
 * Errors: ERR_NOT_FOUND nothing configured (says how to), or no such file; ERR_INVALID
 * file:line:column, an unknown profile, a token file that holds no key or is not there;
 * ERR_FORBIDDEN a token file that others may read; ERR_IO. */
enum err_code profile_load(const struct profile_flags *f, struct profile *out,
                           struct err *e) MUST_CHECK;

#endif
