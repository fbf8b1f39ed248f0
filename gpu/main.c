/* hourglass-gpu: reads the command, runs it, prints one answer. No check and no table is
 * decided here. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "gpu/baseline.h"
#include "gpu/check_report.h"
#include "gpu/command.h"
#include "gpu/floor.h"
#include "gpu/output.h"
#include "gpu/progress.h"
#include "gpu/runner.h"
#include "gpu/watch.h"

#define BASELINE_PATH_BYTES 4096

static int code_of(const struct gpu_command *c, enum verdict verdict)
{
    return gpu_exit_code(c->exits, verdict, c->options.strict);
}

/* What was asked for and could not be done is not healthy. */
static int spoiled(const struct gpu_command *c, int code)
{
    return code == code_of(c, VERDICT_HEALTHY) ? code_of(c, VERDICT_INCONCLUSIVE) : code;
}

static int answer_write(const struct gpu_command *c, const struct strbuf *out, int code)
{
    if (!out->failed && fwrite(out->data, 1, out->len, stdout) == out->len && fflush(stdout) == 0)
        return code;
    fprintf(stderr, "hourglass-gpu: cannot write the answer\n");
    return spoiled(c, code);
}

static int list_main(const struct gpu_command *c, struct strbuf *out, struct err *e)
{
    struct gpu_inventory inv;

    if (gpu_inventory_read(&c->options, &inv, e))
        return -1;
    if (c->format == GPU_FORMAT_text)
        gpu_list_text(&inv, out);
    else if (gpu_list_json(&inv, out, e))
        return -1;
    return code_of(c, inv.gpu_count ? VERDICT_HEALTHY : VERDICT_INCONCLUSIVE);
}

static struct check_report posting;

static bool terminal_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = getenv(names[i]);

        if (value && value[0])
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

static enum err_code textfile_write(const struct gpu_command *c, const struct report *r,
                                    const struct gpu_style *style, struct err *e)
{
    STRBUF text;

    strbuf_init(&text, GPU_OUTPUT_BYTES_MAX);
    gpu_report_write(GPU_FORMAT_prometheus, r, style, &text);
    if (text.failed)
        return err_set(e, ERR_IO, "out of memory");
    return file_write_passing(c->textfile, text.data, text.len, 0644, e);
}

/* The answer, and what else was asked for. */
static int report_use(const struct gpu_command *c, const char *baseline_path,
                      const struct report *r, struct strbuf *out, struct err *e)
{
    struct gpu_style style = {c->audience, terminal_is_utf8(), c->options.floors};
    int code = code_of(c, r->verdict);
    size_t saved = 0;

    gpu_report_write(c->format, r, &style, out);
    if (c->textfile && textfile_write(c, r, &style, e)) {
        fprintf(stderr, "hourglass-gpu: %s\n", e->msg);
        code = spoiled(c, code);
    }
    if (c->baseline != GPU_BASELINE_SAVE)
        return code;
    if (gpu_baseline_save(baseline_path, r, &saved, e)) {
        fprintf(stderr, "hourglass-gpu: %s\n", e->msg);
        return spoiled(c, code);
    }
    fprintf(stderr, "hourglass-gpu: %zu figures saved in %s\n", saved, baseline_path);
    return code;
}

static int check_main(const struct gpu_command *asked, struct strbuf *out, struct err *e)
{
    struct gpu_command c = *asked;
    struct gpu_floors floors = {0};
    struct gpu_baseline baseline = {0};
    char path[BASELINE_PATH_BYTES] = "";
    struct gpu_progress_line line;
    struct report report;
    int code = -1;
    enum err_code rc;

    if (c.floors_file && gpu_floors_read(c.floors_file, &floors, e))
        return -GPU_EXIT_USAGE;
    if (c.baseline_file)
        text_copy(path, sizeof path, c.baseline_file);
    else if (c.baseline != GPU_BASELINE_UNUSED && gpu_baseline_path(path, sizeof path, e))
        code = -GPU_EXIT_USAGE;
    if (c.baseline == GPU_BASELINE_COMPARE && code == -1 && gpu_baseline_read(path, &baseline, e))
        text_copy(baseline.problem, sizeof baseline.problem, e->msg);
    c.options.floors = &floors;
    if (c.baseline == GPU_BASELINE_COMPARE)
        c.options.baseline = &baseline;
    if (gpu_progress_open(&line, STDERR_FILENO, c.options.clock))
        c.options.progress = &line.base;
    rc = code == -1 ? gpu_report_run(&c.options, c.tier, &report, e) : ERR_NOT_FOUND;
    gpu_progress_close(&line);
    if (!rc) {
        code = report_use(&c, path, &report, out, e);
        check_report_take(&posting, &report);
        shape_release(&report_shape, &report);
    }
    shape_release(&gpu_floors_shape, &floors);
    shape_release(&gpu_baseline_shape, &baseline);
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
        if (c->format == GPU_FORMAT_text)
            gpu_checks_text(out);
        else if (gpu_checks_json(out, e))
            return -1;
        return GPU_EXIT_HEALTHY;
    case GPU_SCHEMA:
        gpu_report_schema(out);
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

/* A caller may have closed the first three: pipes to children that took their numbers would be
 * lost, and what is printed would end up in one of them. What stands in takes no answer, so that
 * one that nobody gets is noticed. */
static void standard_fds_fill(void)
{
    int fd;

    do
        fd = open("/", O_RDONLY | O_DIRECTORY);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
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
    signal(SIGXFSZ, SIG_IGN); /* a file over its limit is an error to tell, not an end */
    standard_fds_fill();
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
        return code == -GPU_EXIT_USAGE ? GPU_EXIT_USAGE : code_of(&command, VERDICT_INCONCLUSIVE);
    }
    code = answer_write(&command, &out, code);
    check_report_post(&posting, command.options.clock);
    check_report_release(&posting);
    return code;
}
