/* The options of --report, and the posting. */
#include "gpu/check_report.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core/id.h"
#include "core/json.h"
#include "core/text.h"

#define TRIES_MAX 3
#define PAUSE_MS  1000

/* "--name=value" or "--name value" at argv[*at]: the value, and *at moves to the last word of
 * it. NULL when it is another option; "" when the value is missing. */
static const char *value_at(int argc, char **argv, int *at, const char *name)
{
    size_t n = strlen(name);

    if (strncmp(argv[*at], name, n) != 0 || (argv[*at][n] && argv[*at][n] != '='))
        return NULL;
    if (argv[*at][n] == '=')
        return argv[*at] + n + 1;
    if (*at + 1 >= argc || !argv[*at + 1])
        return "";
    return argv[++*at];
}

/* True when the word at *at was ours. */
static bool option_take(int argc, char **argv, int *at, struct check_report *c, struct err *e)
{
    const struct {
        const char *name;
        const char **place;
    } options[] = {
        {"--instance", &c->instance_id},
        {"--server", &c->options.server},
        {"--token-file", &c->options.token_file},
        {"--ca-file", &c->options.ca_file},
    };

    if (strcmp(argv[*at], "--report") == 0) {
        c->wanted = true;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        const char *value = value_at(argc, argv, at, options[i].name);

        if (!value)
            continue;
        if (!value[0])
            err_set(e, ERR_INVALID, "option '%s' needs a value", options[i].name);
        *options[i].place = value;
        return true;
    }
    return false;
}

enum err_code check_report_read(int *argc, char **argv, struct check_report *out, struct err *e)
{
    struct err wrong;
    int kept = 0;

    *out = (struct check_report){0};
    strbuf_init(&out->body, HTTP_BODY_BYTES_MAX);
    if (*argc < 2 || strcmp(argv[1], "check") != 0)
        return ERR_OK;
    err_clear(&wrong);
    for (int i = 0; i < *argc; i++)
        if (i < 2 || !option_take(*argc, argv, &i, out, &wrong))
            argv[kept++] = argv[i];
    *argc = kept;
    argv[kept] = NULL;
    if (wrong.code)
        return err_set(e, wrong.code, "%s", wrong.msg);
    if (!out->wanted && (out->instance_id || out->options.server || out->options.token_file ||
                         out->options.ca_file))
        return err_set(e, ERR_INVALID,
                       "--instance, --server, --token-file and --ca-file belong to --report");
    if (out->instance_id && strlen(out->instance_id) >= ID_MAX)
        return err_set(e, ERR_INVALID, "--instance: that is no id");
    return out->wanted ? post_open(&out->post, &out->options, e) : ERR_OK;
}

void check_report_take(struct check_report *c, const struct report *report)
{
    struct report copy = *report;

    if (!c->wanted)
        return;
    text_copy(copy.instance_id, sizeof copy.instance_id, c->instance_id ? c->instance_id : "");
    shape_encode(&report_create_shape, &copy, &c->body);
}

static void tell(const char *what, const char *text)
{
    STRBUF clean;

    strbuf_init(&clean, TEXT_BYTES_MAX * 8);
    text_clean(&clean, text, strlen(text), TEXT_ONE_LINE);
    fprintf(stderr, "hourglass-gpu: %s%s\n", what, clean.data);
}

static void accepted(const struct strbuf *answer)
{
    json_t *tree = NULL;
    const char *id = NULL;

    if (json_parse(answer->data, answer->len, &tree, NULL) == ERR_OK)
        id = json_string_value(json_object_get(tree, "id"));
    /* A proxy's page of welcome comes with status 200, too. */
    tell(id ? "reported as " : "not reported: ", id ? id : "the answer is not hourglassd's");
    json_decref(tree);
}

void check_report_post(struct check_report *c, struct clock *clock)
{
    enum err_code rc = ERR_INTERNAL;
    char key[ID_MAX];
    STRBUF answer;
    struct err e;

    strbuf_init(&answer, HTTP_BODY_BYTES_MAX * 2);
    if (!c->body.len)
        return;
    if (c->body.failed) {
        tell("not reported: ", "the report is larger than the server takes");
        return;
    }
    err_clear(&e);
    id_new(ID_REQUEST, clock, key); /* the same for each try: it is one report */
    for (int i = 0; i < TRIES_MAX && rc && (i == 0 || post_may_retry(rc)); i++) {
        if (i)
            poll(NULL, 0, PAUSE_MS * i);
        strbuf_reset(&answer);
        err_clear(&e);
        rc = post_send(&c->post, "/v1/reports", &c->body, key, &answer, &e);
    }
    if (rc)
        tell("not reported: ", e.msg);
    else
        accepted(&answer);
}

void check_report_release(struct check_report *c)
{
    post_close(&c->post);
    strbuf_release(&c->body);
}

void check_report_help(struct strbuf *out)
{
    strbuf_adds(out,
                "\n"
                "Of check:\n"
                "      --report            post the report to hourglassd after showing it; the\n"
                "                          exit code does not depend on that\n"
                "      --instance ID       the instance that this machine is\n"
                "      --server URL        instead of HOURGLASS_URL\n"
                "      --token-file FILE   the API key, mode 0600; instead of HOURGLASS_TOKEN\n"
                "      --ca-file FILE      trust these certificates instead of the system's\n");
}
