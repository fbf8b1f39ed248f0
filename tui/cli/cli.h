/* The command line: `hourglass NOUN VERB`. One file per noun, one line in commands.def.h per
 * command. Output goes to standard output, everything else to standard error.
 *
 * Exit codes: 0 done; 1 refused, failed, or the answer to a question was no; 2 wrong use, or
 * wrong configuration; 3 no such object; 4 not enough credit; 5 no stock, or the state does not
 * allow it; 6 not authenticated or not allowed; 7 the server cannot be reached, is busy or does
 * not answer in time; 8 the job did not succeed, the instance did not come up, or the checks did
 * not pass. */
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
    const struct cli_command *command;   /* NULL while flags before it are read */
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
    const char *noun, *verb; /* verb "": the noun is the command */
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
/* Flags that every command takes, and those of the console; the latter is what main.c runs when
 * no word but flags is given. */
extern const uint64_t cli_options_common, cli_options_console;

/* Run argv (without the program's name). Returns an exit code. */
int cli_run(int argc, char **argv);
/* Options and commands, as `hourglass --help` (NULL) or the command's own --help prints them. */
void cli_help(const struct cli_command *only, struct strbuf *out);
/* The script that completes commands and flags in this shell; false for an unknown one. */
bool cli_completion_write(const char *shell, struct strbuf *out);

/* Read the flags in front of the first other word into c->value. Returns how many words they
 * take, or -1 after a sentence. */
int cli_flags_read(struct cli *c, int argc, char **argv, uint64_t allowed);
/* Read flags and arguments behind the command's words; `args` has room for argc. Returns an exit
 * code. */
int cli_words_read(struct cli *c, int argc, char **argv, char **args);

/* --- for commands: people (talk.c) ------------------------------------------------------------ */

/* A clean sentence on standard error. */
void cli_say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Print the error with its details, facts and what to do; returns its exit code. */
int cli_fail(const struct err *e, enum err_code rc);
/* A sentence on standard error; returns CLI_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "Launch? [y/N]" on the terminal; --yes answers. CLI_OK; CLI_FAILED no; CLI_USAGE there is
 * neither a terminal nor --yes. */
int cli_confirm(const struct cli *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* --- for commands: the server (ask.c) --------------------------------------------------------- */

/* before + id + after into `path`. CLI_USAGE for what cannot be an id. */
int cli_path(const struct cli *c, struct strbuf *path, const char *before, const char *id,
             const char *after);
/* Append "?a=b&…" of the filters that were given. */
int cli_query(const struct cli *c, struct strbuf *path);
/* GET into a tree; caller owns. Asked again when the connection breaks. */
int cli_get(struct cli *c, const char *path, json_t **out);
/* POST that creates: its idempotency key makes it safe to ask again when the connection breaks. */
int cli_create(struct cli *c, const char *path, const char *body, json_t **out);
/* Any other change; *out is NULL where the server answers nothing. */
int cli_send(struct cli *c, const char *method, const char *path, const char *body, json_t **out);
/* What is waited for: an exit code when it is over, -1 before; and what it is until then ("under
 * way"), NULL: its state. */
struct cli_wait {
    int (*over)(const json_t *tree, const void *ctx);
    const void *ctx;
    const char *still;
};
/* Poll `path` until that, or until --timeout is over; a server that is away meanwhile is waited
 * for. *out is the last tree, or NULL; caller owns. */
int cli_wait_for(struct cli *c, const char *path, const struct cli_wait *w, json_t **out);
/* Poll `path` until its state is one of `until` or one of `failed` (names separated by blanks), as
 * cli_wait_for(). */
int cli_wait(struct cli *c, const char *path, const char *until, const char *failed, json_t **out);

/* --- for commands: output (print.c) ----------------------------------------------------------- */

/* A column: where in the tree ("price_per_hour", "organization/name"), and how to show it. */
enum cli_show {
    SHOW_TEXT,
    SHOW_MONEY,
    SHOW_TIME,
    SHOW_AGO,
    SHOW_NUMBER,
    SHOW_DURATION,
    SHOW_EXIT, /* a number, negative: none yet */
};
struct cli_column {
    const char *title, *path;
    enum cli_show show;
    const char *not_in; /* states, separated by blanks, in which it says nothing; NULL: none */
};
#define CLI_COLUMNS_MAX 16

/* Print a tree as asked by --output: "field: value" lines, JSON or YAML. NULL prints nothing. */
int cli_print_object(struct cli *c, json_t *tree_take, const struct cli_column *columns,
                     size_t count);
/* GET all or one page of `path` (filters appended) and print it. */
int cli_list(struct cli *c, const char *path, const struct cli_column *columns, size_t count);
/* A list of objects as a table. */
void cli_table(struct cli *c, const json_t *items, const struct cli_column *columns, size_t count,
               struct strbuf *out);
/* One value as text (clean). Returns buf. */
const char *cli_cell(struct cli *c, const json_t *object, const struct cli_column *col, char *buf,
                     size_t size);
/* Is `word` one of `words`, which are separated by blanks? */
bool cli_word_in(const char *words, const char *word);
/* Text of the server's on one line, clean. Returns buf. */
const char *cli_clean(const char *text, char *buf, size_t size);

#endif
