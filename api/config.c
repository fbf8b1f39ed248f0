/* Options by table: defaults, file, environment, flags, each through the same parser. */
#include "api/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/yaml.h"

#define ENVIRONMENT "HOURGLASSD_"

enum option_kind { OPTION_TEXT, OPTION_INT, OPTION_BOOL };

struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    const char *value;
    int64_t least, most; /* of a number */
    const char *help;
};

static const struct option options[] = {
#define OPTION(name, kind, value, least, most, help) \
    {#name, OPTION_##kind, offsetof(struct config, name), value, least, most, help},
#include "api/config.def.h"
#undef OPTION
};

/* The file has the same options by the same names, all of them as text or scalar. */
static const struct option *option_find(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        size_t k = 0;

        while (k < len &&
               (options[i].name[k] == name[k] || (options[i].name[k] == '_' && name[k] == '-')))
            k++;
        if (k == len && options[i].name[k] == '\0')
            return &options[i];
    }
    return NULL;
}

static enum err_code option_set(struct config *c, const struct option *o, const char *value,
                                struct err *e)
{
    char *at = (char *)c + o->offset, *end;
    long long n;

    switch (o->kind) {
    case OPTION_TEXT:
        if (!text_copy(at, CONFIG_TEXT_MAX, value))
            return err_set(e, ERR_INVALID, "%s: longer than %d bytes", o->name,
                           CONFIG_TEXT_MAX - 1);
        return ERR_OK;
    case OPTION_INT:
        errno = 0;
        n = strtoll(value, &end, 10);
        if (errno || end == value || *end)
            return err_set(e, ERR_INVALID, "%s: '%s' is not a whole number", o->name, value);
        if (n < o->least || n > o->most)
            return err_set(e, ERR_INVALID, "%s: expected %lld to %lld, not %lld", o->name,
                           (long long)o->least, (long long)o->most, n);
        *(int64_t *)(void *)at = n;
        return ERR_OK;
    case OPTION_BOOL:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
            return err_set(e, ERR_INVALID, "%s: '%s' is neither true nor false", o->name, value);
        *(bool *)(void *)at = value[0] == 't';
        return ERR_OK;
    }
    return ERR_OK;
}

static enum err_code from_defaults(struct config *c, struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        enum err_code rc = option_set(c, &options[i], options[i].value, e);

        if (rc)
            return rc;
    }
    return ERR_OK;
}

static enum err_code file_value(struct config *c, const struct yaml_doc *doc, const char *key,
                                const json_t *value, struct err *e)
{
    const struct option *o = option_find(key, strlen(key));
    char pointer[ERR_POINTER_MAX], place[URL_BYTES_MAX + 32], number[32];
    enum err_code rc;

    snprintf(pointer, sizeof pointer, "/%s", key);
    yaml_place(doc, pointer, place, sizeof place);
    if (!o)
        return err_set(e, ERR_INVALID, "%s: there is no option '%s'", place, key);
    if (json_is_string(value))
        rc = option_set(c, o, json_string_value(value), e);
    else if (json_is_boolean(value))
        rc = option_set(c, o, json_is_true(value) ? "true" : "false", e);
    else if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        rc = option_set(c, o, number, e);
    } else if (json_is_real(value)) {
        snprintf(number, sizeof number, "%.15g", json_real_value(value));
        rc = option_set(c, o, number, e);
    } else
        rc = err_set(e, ERR_INVALID, "%s: expected a text, a number, true or false", key);
    return rc ? err_wrap(e, rc, "%s", place) : ERR_OK;
}

static enum err_code from_file(struct config *c, const char *path, struct err *e)
{
    struct yaml_doc *doc = NULL;
    enum err_code rc = yaml_load(path, &doc, e);
    const json_t *root;
    const char *key;
    json_t *value;

    if (rc)
        return rc;
    root = yaml_root(doc);
    if (!json_is_object(root))
        rc = err_set(e, ERR_INVALID, "%s:1:1: expected options as 'name: value'", path);
    json_object_foreach((json_t *)(uintptr_t)root, key, value)
    {
        if (!rc)
            rc = file_value(c, doc, key, value, e);
    }
    yaml_doc_free(doc);
    return rc;
}

/* "HOURGLASSD_HTTP_THREADS=4": the option, and where its value begins. */
static enum err_code from_variable(struct config *c, const char *variable, struct err *e)
{
    size_t prefix = sizeof ENVIRONMENT - 1, len = strcspn(variable, "=");
    const struct option *o;
    char name[64];
    size_t n = 0;
    enum err_code rc;

    for (size_t i = prefix; i < len && n + 1 < sizeof name; i++)
        name[n++] = (char)tolower((unsigned char)variable[i]);
    name[n] = '\0';
    if (strcmp(name, "config") == 0 || !variable[len])
        return ERR_OK;
    o = option_find(name, n);
    if (!o)
        return err_set(e, ERR_INVALID, "%.*s: there is no option '%s'", (int)len, variable, name);
    rc = option_set(c, o, variable + len + 1, e);
    return rc ? err_wrap(e, rc, "%.*s", (int)len, variable) : ERR_OK;
}

static enum err_code from_environment(struct config *c, struct err *e)
{
    enum err_code rc = ERR_OK;

    for (char **v = environ; v && *v && !rc; v++)
        if (strncmp(*v, ENVIRONMENT, sizeof ENVIRONMENT - 1) == 0)
            rc = from_variable(c, *v, e);
    return rc;
}

static enum config_command command_of(const char *arg)
{
    static const struct {
        const char *flag;
        enum config_command command;
    } rows[] = {{"--help", CONFIG_HELP},       {"-h", CONFIG_HELP},
                {"--version", CONFIG_VERSION}, {"--routes", CONFIG_ROUTES},
                {"--openapi", CONFIG_OPENAPI}, {"--check", CONFIG_CHECK}};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(arg, rows[i].flag) == 0)
            return rows[i].command;
    return CONFIG_SERVE;
}

/* --config FILE and --config=FILE: read before the other flags, and so passed over by them. */
#define CONFIG_FLAG "--config"
static bool is_config_flag(const char *arg)
{
    size_t len = sizeof CONFIG_FLAG - 1;

    return strncmp(arg, CONFIG_FLAG, len) == 0 && (arg[len] == '\0' || arg[len] == '=');
}

static enum err_code config_file(int argc, char **argv, const char **out, struct err *e)
{
    *out = getenv(ENVIRONMENT "CONFIG");
    for (int i = 1; i < argc; i++) {
        if (!is_config_flag(argv[i]))
            continue;
        if (argv[i][sizeof CONFIG_FLAG - 1])
            *out = argv[i] + sizeof CONFIG_FLAG;
        else if (i + 1 < argc)
            *out = argv[++i];
        else
            return err_set(e, ERR_INVALID, CONFIG_FLAG " needs a file");
        if (!(*out)[0])
            return err_set(e, ERR_INVALID, CONFIG_FLAG " needs a file");
    }
    return ERR_OK;
}

/* --name=value, --name value, and --name for a bool. Sets *i to the last word used. */
static enum err_code from_flag(struct config *c, int argc, char **argv, int *i, struct err *e)
{
    const char *arg = argv[*i], *equals = strchr(arg, '='), *value;
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    const struct option *o =
        len > 2 && strncmp(arg, "--", 2) == 0 ? option_find(arg + 2, len - 2) : NULL;

    if (!o)
        return err_set(e, ERR_INVALID, "there is no option '%s' (try --help)", arg);
    if (equals)
        value = equals + 1;
    else if (o->kind == OPTION_BOOL)
        value = "true";
    else if (*i + 1 < argc)
        value = argv[++*i];
    else
        return err_set(e, ERR_INVALID, "%s needs a value", arg);
    return option_set(c, o, value, e);
}

static enum err_code from_flags(struct config *c, int argc, char **argv,
                                enum config_command *command, struct err *e)
{
    for (int i = 1; i < argc; i++) {
        enum err_code rc;

        if (is_config_flag(argv[i])) {
            i += argv[i][sizeof CONFIG_FLAG - 1] == '\0'; /* its file is the next word */
            continue;
        }
        if (command_of(argv[i]) != CONFIG_SERVE) {
            *command = command_of(argv[i]);
            continue;
        }
        rc = from_flag(c, argc, argv, &i, e);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

/* What no option can say alone. */
static enum err_code check_together(const struct config *c, struct err *e)
{
    enum log_level level;

    if (!log_level_parse(c->log_level, &level))
        return err_set(e, ERR_INVALID, "log_level: expected debug, info, warn or error, not '%s'",
                       c->log_level);
    if (c->seed && !c->seed_token_file[0])
        return err_set(e, ERR_INVALID, "seed: say in seed_token_file where the API key goes");
    if (!c->tls_certificate[0] != !c->tls_key[0])
        return err_set(e, ERR_INVALID, "tls_certificate and tls_key go together");
    return ERR_OK;
}

enum err_code config_load(int argc, char **argv, struct config *out, enum config_command *command,
                          struct err *e)
{
    struct config *c = calloc(1, sizeof *c);
    const char *file = NULL;
    enum err_code rc = c ? from_defaults(c, e) : err_set(e, ERR_INTERNAL, "out of memory");

    *command = CONFIG_SERVE;
    if (!rc)
        rc = config_file(argc, argv, &file, e);
    if (!rc && file)
        rc = from_file(c, file, e);
    if (!rc)
        rc = from_environment(c, e);
    if (!rc)
        rc = from_flags(c, argc, argv, command, e);
    if (!rc && (*command == CONFIG_SERVE || *command == CONFIG_CHECK))
        rc = check_together(c, e);
    if (!rc)
        *out = *c;
    free(c);
    return rc;
}

void config_help(struct strbuf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        char flag[64];

        snprintf(flag, sizeof flag, "--%s", options[i].name);
        for (char *p = flag; *p; p++)
            *p = *p == '_' ? '-' : *p;
        strbuf_addf(out, "  %-22s %s\n  %-22s   default: %s\n", flag, options[i].help, "",
                    options[i].value[0] ? options[i].value : "(empty)");
    }
}
