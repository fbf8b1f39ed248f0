/* The options of hourglassd, from one table (config.def.h). */
#ifndef API_CONFIG_H
#define API_CONFIG_H

#include "core/errs.h"
#include "core/json.h"
#include "core/limits.h"
#include "core/strbuf.h"

#define CONFIG_TEXT_MAX URL_BYTES_MAX

struct config {
#define OPTION(name, kind, value, least, most, help) CONFIG_MEMBER_##kind(name)
#define CONFIG_MEMBER_TEXT(name)                     char name[CONFIG_TEXT_MAX];
#define CONFIG_MEMBER_INT(name)                      int64_t name;
#define CONFIG_MEMBER_BOOL(name)                     bool name;
#include "api/config.def.h"
#undef OPTION
};

/* What the command line asks for besides serving. */
enum config_command {
    CONFIG_SERVE,
    CONFIG_HELP,
    CONFIG_VERSION,
    CONFIG_ROUTES,  /* print the route table */
    CONFIG_OPENAPI, /* print the OpenAPI document */
    CONFIG_CHECK,   /* check config, catalogue and the ledger of the database, then exit */
};

/* Defaults, then --config FILE (or HOURGLASSD_CONFIG), then the environment, then the flags; the
 * later wins. *command is the last one that the flags name.
 * Errors: ERR_INVALID with the option, or file:line:column; ERR_NOT_FOUND, ERR_IO the file. */
enum err_code config_load(int argc, char **argv, struct config *out, enum config_command *command,
                          struct err *e) MUST_CHECK;

/* Append the options with their defaults, as --help prints them. */
void config_help(struct strbuf *out);

#endif
