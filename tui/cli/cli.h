/* The command line: `hourglass NOUN VERB`. One file per noun, one line in commands.def.h per
 * command. Output goes to standard output, everything else to standard error.
 *
 * Exit codes: 0 done; 1 refused or failed; 2 wrong use; 3 no such object; 4 not enough credit;
 * 5 no stock, or the state does not allow it; 6 not authenticated or not allowed; 7 the server
 * cannot be reached or does not answer in time; 8 the job did not succeed, or the checks found
 * a bad GPU. */
#ifndef TUI_CLI_CLI_H
#define TUI_CLI_CLI_H

#include "client/client.h"
#include "client/profile.h"
#include "core/json.h"

enum cli_option {
#define OPTION(id, name, letter, value, help) CLI_##id,
#include "tui/cli/options.def.h"
#undef OPTION
    CLI_OPTION_COUNT
};

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_NO_CREDIT = 4,
    CLI_CONFLICT = 5,
    CLI_DENIED = 6,
    CLI_UNREACHABLE = 7,
    CLI_BAD_RESULT = 8,
};

enum cli_format { CLI_TABLE, CLI_JSON, CLI_YAML };

struct cli {
    const struct cli_command *command;
    const char *value[CLI_OPTION_COUNT]; /* NULL: not given; "" for a switch that is */
    char **args;
    int arg_count;
    enum cli_format format;
    struct profile profile;
    struct client *client; /* NULL for commands that need none */
    struct clock *clock;
};

typedef int cli_fn(struct cli *c);

struct cli_command {
    const char *noun, *verb;
    cli_fn *run;
    const char *args;
    int args_min, args_max;
    uint64_t options;
    const char *help;
};

#define COMMAND(noun, verb, fn, args, least, most, options, help) cli_fn fn;
#include "tui/cli/commands.def.h"
#undef COMMAND

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

struct cli_option_row {
    const char *name;
    char letter;
    const char *value, *help;
};
extern const struct cli_option_row cli_option_rows[CLI_OPTION_COUNT];
/* Flags that every command takes. */
extern const uint64_t cli_options_common;

/* Run argv (without the program's name). Returns an exit code. */
int cli_run(int argc, char **argv);
/* Options and commands, as `hourglass --help` prints them. */
void cli_help(const struct cli_command *only, struct strbuf *out);

/* --- for commands --------------------------------------------------------------------------- */

/* Print the error with its details, facts and what to do; returns its exit code. */
int cli_fail(const struct err *e, enum err_code rc);
/* A sentence on standard error; returns CLI_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "Launch? [y/N]" on the terminal. --yes answers; without a terminal and without --yes it is
 * refused with a sentence. */
bool cli_confirm(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A fresh idempotency key. */
const char *cli_key(char buf[ID_MAX]);

/* GET into a tree; caller owns. */
int cli_get(struct cli *c, const char *path, json_t **out);
/* POST, PATCH, DELETE with a body or NULL, one idempotency key for its retries. */
int cli_send(struct cli *c, const char *method, const char *path, const char *body, json_t **out);
/* Append "?a=b&…" of the filters that were given. */
void cli_query(const struct cli *c, struct strbuf *path);

/* A column: where in the tree ("price_per_hour", "organization/name"), and how to show it. */
enum cli_show { SHOW_TEXT, SHOW_MONEY, SHOW_TIME, SHOW_AGO, SHOW_NUMBER, SHOW_DURATION };
struct cli_column {
    const char *title, *path;
    enum cli_show show;
};
/* Print a tree as asked by --output: an object as "field: value" lines or a list as a table. */
int cli_print_object(struct cli *c, json_t *tree_take, const struct cli_column *columns,
                     size_t count);
/* GET all or one page of `path` (filters appended) and print it. */
int cli_list(struct cli *c, const char *path, const struct cli_column *columns, size_t count);
/* One value as text (clean). Returns buf. */
const char *cli_cell(struct cli *c, const json_t *object, const struct cli_column *col, char *buf,
                     size_t size);
/* Poll `path` until its state is one of `until` or one of `failed` (names separated by blanks), or
 * --timeout is over. Prints nothing. *out is the last tree; caller owns. */
int cli_wait(struct cli *c, const char *path, const char *until, const char *failed, json_t **out);

#endif
