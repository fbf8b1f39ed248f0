/* The command line of `hourglass-gpu watch`. Prints nothing. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/watch.h"

enum {
    OPTION_NVML = 1000,
    OPTION_LISTEN_ANY,
    OPTION_REPORT,
    OPTION_INSTANCE,
    OPTION_SERVER,
    OPTION_TOKEN_FILE,
    OPTION_CA_FILE,
};

static const char *const help =
    "usage: hourglass-gpu watch [-e 1s] [-n COUNT] [-o text|json|prometheus]\n"
    "                           [-l ADDRESS:PORT|unix:PATH] [--report]\n"
    "\n"
    "Shows each second what this machine's NVIDIA GPUs do. A GPU or a driver that does not\n"
    "answer is told and left alone for a while; the others go on.\n"
    "\n"
    "  -e, --every TIME        how often: 1s (default), 500ms, 1m\n"
    "  -n, --count COUNT       end after so many samples\n"
    "  -o, --output FORMAT     text (default; redrawn in place on a terminal), json (one object\n"
    "                          a line), prometheus; with --listen or --report nothing is shown\n"
    "                          unless this is given\n"
    "  -l, --listen WHERE      serve GET /metrics for Prometheus there, with dcgm-exporter's\n"
    "                          names: 127.0.0.1:9400, [::1]:9400 or unix:PATH\n"
    "      --listen-any        let WHERE be an address that others can reach\n"
    "      --report            post a sample to hourglassd every ten seconds\n"
    "      --instance ID       the instance that this machine is\n"
    "      --server URL        instead of HOURGLASS_URL\n"
    "      --token-file FILE   the API key, mode 0600; instead of HOURGLASS_TOKEN\n"
    "      --ca-file FILE      trust these certificates instead of the system's\n"
    "      --nvml FILE         load this library instead of libnvidia-ml.so.1\n"
    "  -h, --help              this text\n"
    "\n"
    "exit: 0 ended as told and a GPU answered, 2 wrong usage, 3 no driver or no answer\n";

void watch_help_text(struct strbuf *out)
{
    strbuf_adds(out, help);
}

static enum err_code every_read(const char *text, struct watch_options *o, struct err *e)
{
    char *end = NULL;
    int64_t seconds;
    long ms = strtol(text, &end, 10);
    enum err_code rc = ERR_OK;

    if (end != text && strcmp(end, "ms") == 0) {
        o->every_ms = ms;
    } else {
        rc = duration_parse(text, &seconds, e);
        if (rc)
            return err_wrap(e, ERR_INVALID, "--every");
        o->every_ms = seconds > WATCH_EVERY_MS_MAX ? INT64_MAX : seconds * 1000;
    }
    if (o->every_ms < WATCH_EVERY_MS_MIN || o->every_ms > WATCH_EVERY_MS_MAX)
        return err_set(e, ERR_INVALID, "--every must be from 100ms to 1h");
    return ERR_OK;
}

static enum err_code count_read(const char *text, struct watch_options *o, struct err *e)
{
    char *end = NULL;

    o->count = strtoll(text, &end, 10);
    if (end == text || *end || o->count < 1 || o->count == INT64_MAX)
        return err_set(e, ERR_INVALID, "--count: '%s': expected a number from 1 up", text);
    return ERR_OK;
}

static enum err_code format_read(const char *text, struct watch_options *o, struct err *e)
{
    static const struct {
        const char *name;
        enum watch_format format;
    } formats[] = {{"text", WATCH_TEXT}, {"json", WATCH_JSON}, {"prometheus", WATCH_PROMETHEUS}};

    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        if (strcmp(formats[i].name, text) == 0) {
            o->format = formats[i].format;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "cannot write '%s'; there is: text, json, prometheus", text);
}

/* Options whose text is taken as it is. */
static const char **text_place(int option, struct watch_options *o)
{
    switch (option) {
    case 'l':
        return &o->listen;
    case OPTION_NVML:
        return &o->gpu.nvml_path;
    case OPTION_INSTANCE:
        return &o->instance_id;
    case OPTION_SERVER:
        return &o->post.server;
    case OPTION_TOKEN_FILE:
        return &o->post.token_file;
    case OPTION_CA_FILE:
        return &o->post.ca_file;
    default:
        return NULL;
    }
}

static enum err_code option_read(int option, struct watch_options *o, bool *help_wanted,
                                 char **argv, struct err *e)
{
    const char **place = text_place(option, o);

    if (place) {
        *place = optarg;
        return ERR_OK;
    }
    switch (option) {
    case 'e':
        return every_read(optarg, o, e);
    case 'n':
        return count_read(optarg, o, e);
    case 'o':
        return format_read(optarg, o, e);
    case OPTION_LISTEN_ANY:
        o->listen_any = true;
        return ERR_OK;
    case OPTION_REPORT:
        o->report = true;
        return ERR_OK;
    case 'h':
        *help_wanted = true;
        return ERR_OK;
    case ':':
        return err_set(e, ERR_INVALID, "option '%s' needs a value", argv[optind - 1]);
    default:
        return err_set(e, ERR_INVALID, "watch has no option '%s'", argv[optind - 1]);
    }
}

static enum err_code fit_check(struct watch_options *o, struct err *e)
{
    if (o->listen_any && !o->listen)
        return err_set(e, ERR_INVALID, "--listen-any belongs to --listen");
    if (!o->report && (o->instance_id || o->post.server || o->post.token_file || o->post.ca_file))
        return err_set(e, ERR_INVALID,
                       "--instance, --server, --token-file and --ca-file belong to --report");
    if (o->instance_id && strlen(o->instance_id) >= ID_MAX)
        return err_set(e, ERR_INVALID, "--instance: that is no id");
    if (o->format == WATCH_NOTHING && !o->listen && !o->report)
        o->format = WATCH_TEXT;
    return ERR_OK;
}

enum err_code watch_command_read(int argc, char **argv, struct watch_options *out,
                                 bool *help_wanted, struct err *e)
{
    static const struct option options[] = {
        {"every", required_argument, NULL, 'e'},
        {"count", required_argument, NULL, 'n'},
        {"output", required_argument, NULL, 'o'},
        {"listen", required_argument, NULL, 'l'},
        {"listen-any", no_argument, NULL, OPTION_LISTEN_ANY},
        {"report", no_argument, NULL, OPTION_REPORT},
        {"instance", required_argument, NULL, OPTION_INSTANCE},
        {"server", required_argument, NULL, OPTION_SERVER},
        {"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
        {"ca-file", required_argument, NULL, OPTION_CA_FILE},
        {"nvml", required_argument, NULL, OPTION_NVML},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct watch_options o = {.gpu = gpu_options_default(), .every_ms = 1000};
    enum err_code rc = ERR_OK;
    int option;

    *help_wanted = false;
    optind = 2;
    opterr = 0;
    while (!rc && (option = getopt_long(argc, argv, "+:e:n:o:l:h", options, NULL)) != -1)
        rc = option_read(option, &o, help_wanted, argv, e);
    if (!rc && optind < argc)
        rc = err_set(e, ERR_INVALID, "'%s' is one word too many", argv[optind]);
    if (!rc)
        rc = fit_check(&o, e);
    if (!rc)
        *out = o;
    return rc;
}
