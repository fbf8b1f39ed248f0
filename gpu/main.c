/* hourglass-gpu: reads the command, runs it, prints one answer. No check and no table is
 * decided here. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "gpu/check_report.h"
#include "gpu/command.h"
#include "gpu/output.h"
#include "gpu/runner.h"
#include "gpu/watch.h"

/* What could not be said is not healthy. */
static int answer_write(const struct strbuf *out, int code)
{
    if (!out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0)
        return code;
    fprintf(stderr, "hourglass-gpu: cannot write the answer\n");
    return code == GPU_EXIT_HEALTHY ? GPU_EXIT_INCONCLUSIVE : code;
}

static int list_main(const struct gpu_command *c, struct strbuf *out, struct err *e)
{
    struct gpu_inventory inv;

    if (gpu_inventory_read(&c->options, &inv, e))
        return -1;
    if (!c->json)
        gpu_list_text(&inv, out);
    else if (gpu_list_json(&inv, out, e))
        return -1;
    return inv.gpu_count ? GPU_EXIT_HEALTHY : GPU_EXIT_INCONCLUSIVE;
}

static struct check_report posting;

static int check_main(const struct gpu_command *c, struct strbuf *out, struct err *e)
{
    struct report report;
    int code;

    if (gpu_report_run(&c->options, c->tier, &report, e))
        return -1;
    code = gpu_exit_of(report.verdict);
    if (c->json)
        gpu_report_json(&report, out);
    else
        gpu_report_text(&report, out);
    check_report_take(&posting, &report);
    shape_release(&report_shape, &report);
    return code;
}

static int verb_main(const struct gpu_command *c, struct strbuf *out, struct err *e)
{
    switch (c->verb) {
    case GPU_LIST:
        return list_main(c, out, e);
    case GPU_CHECK:
        return check_main(c, out, e);
    case GPU_CHECKS:
        if (!c->json)
            gpu_checks_text(out);
        else if (gpu_checks_json(out, e))
            return -1;
        return GPU_EXIT_HEALTHY;
    case GPU_HELP:
        gpu_help_text(out);
        check_report_help(out);
        return GPU_EXIT_HEALTHY;
    case GPU_VERSION:
        strbuf_adds(out, "hourglass-gpu " HOURGLASS_VERSION "\n");
        return GPU_EXIT_HEALTHY;
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct gpu_command command;
    struct err e;
    STRBUF out;
    int code;

    err_clear(&e);
    strbuf_init(&out, GPU_OUTPUT_BYTES_MAX);
    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && strcmp(argv[1], "watch") == 0)
        return watch_main(argc, argv);
    if (check_report_read(&argc, argv, &posting, &e) ||
        gpu_command_read(argc, argv, &command, &e)) {
        fprintf(stderr, "hourglass-gpu: %s\nTry 'hourglass-gpu --help'.\n", e.msg);
        return GPU_EXIT_USAGE;
    }
    code = verb_main(&command, &out, &e);
    if (code < 0) {
        fprintf(stderr, "hourglass-gpu: %s\n", e.msg);
        return GPU_EXIT_INCONCLUSIVE;
    }
    code = answer_write(&out, code);
    check_report_post(&posting, command.options.clock);
    check_report_release(&posting);
    return code;
}
