/* Verbs and options. */
#include "gpu/command.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define TIME_SECONDS_MAX 3600

enum {
    OPTION_NVML = 1000,
    OPTION_AMD,
    OPTION_SYSFS,
    OPTION_PROC,
    OPTION_DEV,
    OPTION_KMSG,
    OPTION_UPTIME,
    OPTION_CUDA,
    OPTION_BURN,
    OPTION_BUDGET,
    OPTION_FLOORS,
    OPTION_BASELINE,
    OPTION_BASELINE_FILE,
    OPTION_FOR,
    OPTION_STRICT,
    OPTION_EXIT,
    OPTION_TEXTFILE,
    OPTION_ONLY
};

static const char *const baseline_use_names[] = {
#define X(id, name) name,
    GPU_BASELINE_USE_LIST(X)
#undef X
        NULL};

static const struct {
    const char *name;
    enum gpu_verb verb;
} verbs[] = {
    {"list", GPU_LIST},     {"check", GPU_CHECK},     {"checks", GPU_CHECKS},
    {"schema", GPU_SCHEMA}, {"help", GPU_HELP},       {"--help", GPU_HELP},
    {"-h", GPU_HELP},       {"version", GPU_VERSION}, {"--version", GPU_VERSION},
};

static const char *const help =
    "usage: hourglass-gpu list [-o text|json]\n"
    "       hourglass-gpu check [--tier state|quick|burn|soak] [--deadline TIME]\n"
    "                           [-o text|json|junit|prometheus] [--baseline save|compare] ...\n"
    "       hourglass-gpu checks [-o text|json]\n"
    "       hourglass-gpu schema\n"
    "       hourglass-gpu watch [--help]\n"
    "\n"
    "Says whether this machine's GPUs (NVIDIA's, AMD's) are healthy.\n"
    "\n"
    "  list      the GPUs that the drivers list\n"
    "  check     run the checks of a tier; the first line fits 80 columns\n"
    "  checks    what is checked\n"
    "  schema    the JSON schema of check -o json\n"
    "  watch     what the GPUs do, each second\n"
    "\n"
    "  -t, --tier TIER         state: what the drivers know, under a second (default)\n"
    "                          quick: memory, arithmetic and links under load, seconds\n"
    "                          burn, soak: at full load for two or twenty minutes\n"
    "                          each runs those before it, too\n"
    "      --burn TIME         how long to load the GPU in burn and soak\n"
    "      --only NAME[,NAME]  these checks alone, whatever their tier\n"
    "      --budget TIME       begin no check deeper than state after so long, but skip it\n"
    "  -d, --deadline TIME     answer by then, whatever the driver does: 4s, 1m (default: 4s,\n"
    "                          55s, 7m, 35m by tier)\n"
    "  -o, --output FORMAT     text (default) or json; of check also junit, prometheus\n"
    "      --textfile FILE     Prometheus' text into this file as well, by renaming\n"
    "      --floors FILE       floors of your own, over the built-in ones\n"
    "      --baseline WHAT     save: keep these figures; compare: hold them against those kept\n"
    "      --baseline-file FILE  (default ~/.local/state/hourglass/gpu-baseline.json)\n"
    "      --for WHOM          what to do, for an operator (default of root) or a renter\n"
    "      --strict            what applies and could not be tested is inconclusive\n"
    "      --exit SCHEME       exit codes: default, nagios, npd, slurm\n"
    "  -h, --help              this text\n"
    "      --version           the version\n"
    "\n"
    "For tests and unusual machines:\n"
    "      --nvml FILE         load this library instead of libnvidia-ml.so.1\n"
    "      --cuda FILE         load this library instead of libcuda.so.1\n"
    "      --amd FILE          load this library instead of librocm_smi64.so\n"
    "      --sysfs DIR         instead of /sys       --proc DIR   instead of /proc\n"
    "      --kmsg FILE         instead of /dev/kmsg  --dev DIR    instead of /dev\n"
    "      --uptime TIME       as if the machine had started so long ago\n"
    "\n"
    "exit (default): 0 healthy, 1 unhealthy, 2 wrong usage, 3 inconclusive or no driver, 4 "
    "degraded\n";

void gpu_help_text(struct strbuf *out)
{
    strbuf_adds(out, help);
}

static enum err_code tier_read(const char *name, struct gpu_command *c, struct err *e)
{
    int tier = names_find(tier_names, name);

    if (tier < 0)
        return err_set(e, ERR_INVALID, "no tier is called '%s'; there is: state, quick, burn, soak",
                       name);
    c->tier = (enum tier)tier;
    return ERR_OK;
}

/* One of `names`, into an enum that starts at 0. */
static enum err_code choice_read(const char *option, const char *name, const char *const *names,
                                 int *out, struct err *e)
{
    int chosen = names_find(names, name);
    STRBUF list = {0};

    if (chosen >= 0) {
        *out = chosen;
        return ERR_OK;
    }
    strbuf_init(&list, TEXT_BYTES_MAX);
    for (size_t i = 0; names[i]; i++)
        strbuf_addf(&list, "%s%s", i ? ", " : "", names[i]);
    return err_set(e, ERR_INVALID, "%s cannot be '%s'; there is: %s", option, name, list.data);
}

/* Each is known; the run is of the deepest one's tier. */
static enum err_code only_read(const char *names, struct gpu_command *c, struct err *e)
{
    const char *at = names;

    for (;;) {
        size_t length = strcspn(at, ",");
        bool known = false;

        for (size_t i = 0; i < gpu_check_count; i++) {
            const struct gpu_check *check = gpu_checks[i];

            if (strlen(check->name) != length || strncmp(check->name, at, length) != 0)
                continue;
            known = true;
            c->tier_of_only = check->tier > c->tier_of_only ? check->tier : c->tier_of_only;
        }
        if (!known)
            return err_set(e, ERR_INVALID, "no check is called '%.*s'; 'checks' lists them",
                           length > SLUG_BYTES_MAX ? SLUG_BYTES_MAX : (int)length, at);
        if (!at[length])
            break;
        at += length + 1;
    }
    c->options.only = names;
    return ERR_OK;
}

static enum err_code output_read(const char *name, struct gpu_command *c, struct err *e)
{
    int format = names_find(gpu_format_names, name);

    if (format < 0)
        return err_set(e, ERR_INVALID, "cannot write '%s'; there is: text, json, junit, prometheus",
                       name);
    c->format = (enum gpu_format)format;
    return ERR_OK;
}

static enum err_code time_read(const char *name, const char *text, int64_t *ms, struct err *e)
{
    int64_t seconds;
    enum err_code rc = duration_parse(text, &seconds, e);

    if (rc)
        return err_wrap(e, ERR_INVALID, "%s", name);
    if (seconds < 1 || seconds > TIME_SECONDS_MAX)
        return err_set(e, ERR_INVALID, "%s must be from 1s to 1h", name);
    *ms = seconds * 1000;
    return ERR_OK;
}

static enum err_code uptime_read(const char *text, struct gpu_command *c, struct err *e)
{
    int64_t seconds;
    enum err_code rc = duration_parse(text, &seconds, e);

    if (rc)
        return err_wrap(e, ERR_INVALID, "--uptime");
    c->options.uptime_ms = seconds * 1000;
    return ERR_OK;
}

/* What shapes a check and its answer. */
static enum err_code judgement_read(int option, struct gpu_command *c, struct err *e)
{
    int chosen = 0;
    enum err_code rc = ERR_OK;

    if (option == OPTION_STRICT)
        c->options.strict = true;
    else if (option == OPTION_FLOORS)
        c->floors_file = optarg;
    else if (option == OPTION_TEXTFILE)
        c->textfile = optarg;
    else if (option == OPTION_BASELINE_FILE)
        c->baseline_file = optarg;
    else if (option == OPTION_BASELINE) {
        rc = choice_read("--baseline", optarg, baseline_use_names, &chosen, e);
        c->baseline = (enum gpu_baseline_use)chosen;
    } else if (option == OPTION_FOR) {
        rc = choice_read("--for", optarg, gpu_audience_names, &chosen, e);
        c->audience = (enum gpu_audience)chosen;
    } else {
        rc = choice_read("--exit", optarg, gpu_exit_scheme_names, &chosen, e);
        c->exits = (enum gpu_exit_scheme)chosen;
    }
    return rc;
}

static enum err_code option_read(int option, struct gpu_command *c, char **argv, struct err *e)
{
    switch (option) {
    case OPTION_FLOORS:
    case OPTION_BASELINE:
    case OPTION_BASELINE_FILE:
    case OPTION_FOR:
    case OPTION_STRICT:
    case OPTION_EXIT:
    case OPTION_TEXTFILE:
        return judgement_read(option, c, e);
    case 't':
        return tier_read(optarg, c, e);
    case 'o':
        return output_read(optarg, c, e);
    case 'd':
        return time_read("--deadline", optarg, &c->options.deadline_ms, e);
    case OPTION_BURN:
        return time_read("--burn", optarg, &c->options.burn_ms, e);
    case OPTION_BUDGET:
        return time_read("--budget", optarg, &c->options.budget_ms, e);
    case 'h':
        c->verb = GPU_HELP;
        return ERR_OK;
    case OPTION_ONLY:
        return only_read(optarg, c, e);
    case OPTION_NVML:
        c->options.nvml_path = optarg;
        return ERR_OK;
    case OPTION_CUDA:
        c->options.cuda_path = optarg;
        return ERR_OK;
    case OPTION_AMD:
        c->options.amd_path = optarg;
        return ERR_OK;
    case OPTION_SYSFS:
        c->options.sysfs_dir = optarg;
        return ERR_OK;
    case OPTION_PROC:
        c->options.proc_dir = optarg;
        return ERR_OK;
    case OPTION_DEV:
        c->options.dev_dir = optarg;
        return ERR_OK;
    case OPTION_KMSG:
        c->options.kmsg_path = optarg;
        return ERR_OK;
    case OPTION_UPTIME:
        return uptime_read(optarg, c, e);
    case ':':
        return err_set(e, ERR_INVALID, "option '%s' needs a value", argv[optind - 1]);
    default:
        return err_set(e, ERR_INVALID, "there is no option '%s'", argv[optind - 1]);
    }
}

static enum err_code verb_read(int argc, char **argv, struct gpu_command *c, struct err *e)
{
    if (argc < 2)
        return err_set(e, ERR_INVALID, "say what to do: list, check, checks, schema or watch");
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            c->verb = verbs[i].verb;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "there is no '%s'; there is: list, check, checks, schema, watch",
                   argv[1]);
}

/* The option's name if it belongs to `check`; --exit suits every verb. */
static const char *shaper_name(int option)
{
    switch (option) {
    case 't':
        return "tier";
    case OPTION_BURN:
        return "burn";
    case OPTION_ONLY:
        return "only";
    case OPTION_BUDGET:
        return "budget";
    case OPTION_FLOORS:
        return "floors";
    case OPTION_BASELINE:
        return "baseline";
    case OPTION_BASELINE_FILE:
        return "baseline-file";
    case OPTION_FOR:
        return "for";
    case OPTION_STRICT:
        return "strict";
    case OPTION_TEXTFILE:
        return "textfile";
    default:
        return NULL;
    }
}

/* Every option is known to every verb, but only `check` runs something to be shaped. */
static enum err_code fit_check(const struct gpu_command *c, const char *shaper, struct err *e)
{
    if (c->verb == GPU_HELP)
        return ERR_OK;
    if (shaper && c->verb != GPU_CHECK)
        return err_set(e, ERR_INVALID, "--%s belongs to check", shaper);
    if (c->format > GPU_FORMAT_json && c->verb != GPU_CHECK)
        return err_set(e, ERR_INVALID, "only check is written as %s", gpu_format_names[c->format]);
    if (c->baseline_file && c->baseline == GPU_BASELINE_UNUSED)
        return err_set(e, ERR_INVALID, "--baseline-file needs --baseline save or compare");
    if (c->options.burn_ms && c->tier < TIER_BURN)
        return err_set(e, ERR_INVALID, "--burn belongs to --tier burn or soak");
    return ERR_OK;
}

enum err_code gpu_command_read(int argc, char **argv, struct gpu_command *out, struct err *e)
{
    static const struct option options[] = {
        {"tier", required_argument, NULL, 't'},
        {"output", required_argument, NULL, 'o'},
        {"deadline", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {"burn", required_argument, NULL, OPTION_BURN},
        {"only", required_argument, NULL, OPTION_ONLY},
        {"budget", required_argument, NULL, OPTION_BUDGET},
        {"floors", required_argument, NULL, OPTION_FLOORS},
        {"baseline", required_argument, NULL, OPTION_BASELINE},
        {"baseline-file", required_argument, NULL, OPTION_BASELINE_FILE},
        {"for", required_argument, NULL, OPTION_FOR},
        {"strict", no_argument, NULL, OPTION_STRICT},
        {"exit", required_argument, NULL, OPTION_EXIT},
        {"textfile", required_argument, NULL, OPTION_TEXTFILE},
        {"nvml", required_argument, NULL, OPTION_NVML},
        {"cuda", required_argument, NULL, OPTION_CUDA},
        {"amd", required_argument, NULL, OPTION_AMD},
        {"sysfs", required_argument, NULL, OPTION_SYSFS},
        {"proc", required_argument, NULL, OPTION_PROC},
        {"dev", required_argument, NULL, OPTION_DEV},
        {"kmsg", required_argument, NULL, OPTION_KMSG},
        {"uptime", required_argument, NULL, OPTION_UPTIME},
        {NULL, 0, NULL, 0},
    };
    struct gpu_command c = {.tier = TIER_STATE,
                            .audience = geteuid() == 0 ? GPU_FOR_OPERATOR : GPU_FOR_RENTER,
                            .options = gpu_options_default()};
    const char *shaper = NULL;
    int option;
    enum err_code rc = verb_read(argc, argv, &c, e);

    optind = 2;
    opterr = 0;
    while (!rc && (option = getopt_long(argc, argv, "+:t:o:d:h", options, NULL)) != -1) {
        shaper = shaper ? shaper : shaper_name(option);
        rc = option_read(option, &c, argv, e);
    }
    if (!rc && optind < argc)
        rc = err_set(e, ERR_INVALID, "'%s' is one word too many", argv[optind]);
    if (!rc && c.tier < c.tier_of_only)
        c.tier = c.tier_of_only;
    if (!rc)
        rc = fit_check(&c, shaper, e);
    if (!rc)
        *out = c;
    return rc;
}
