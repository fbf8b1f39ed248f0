/* check show: one report, its GPUs, and what each check said, the worst first. */
#include "tui/cli/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model/report.h"

#define TABLE_BYTES_MAX (1024 * 1024)

static const struct cli_column verdict_columns[] = {
    {"verdict", "verdict", SHOW_TEXT},
    {"summary", "summary", SHOW_TEXT},
    {"report", "id", SHOW_TEXT},
    {"host", "host", SHOW_TEXT},
    {"driver", "driver_version", SHOW_TEXT},
};

static const struct cli_column show_columns[] = {
    {"report", "id", SHOW_TEXT},
    {"verdict", "verdict", SHOW_TEXT},
    {"summary", "summary", SHOW_TEXT},
    {"tier", "tier", SHOW_TEXT},
    {"origin", "origin", SHOW_TEXT},
    {"instance", "instance_id", SHOW_TEXT},
    {"host", "host", SHOW_TEXT},
    {"driver", "driver_version", SHOW_TEXT},
    {"checker", "checker_version", SHOW_TEXT},
    {"began", "started_at", SHOW_TIME},
    {"ended", "ended_at", SHOW_TIME},
    {"received", "received_at", SHOW_AGO},
};

/* Of the rows that finding_row() makes. */
static const struct cli_column finding_columns[] = {
    {"RESULT", "result", SHOW_TEXT},   {"CHECK", "check", SHOW_TEXT}, {"GPU", "gpu", SHOW_TEXT},
    {"FIGURE", "figure", SHOW_TEXT},   {"FLOOR", "floor", SHOW_TEXT}, {"WHAT", "detail", SHOW_TEXT},
    {"WHAT TO DO", "todo", SHOW_TEXT},
};

static bool is_good(const char *verdict)
{
    return verdict && (strcmp(verdict, verdict_names[VERDICT_HEALTHY]) == 0 ||
                       strcmp(verdict, verdict_names[VERDICT_DEGRADED]) == 0);
}

int cli_verdict_print(struct cli *c, json_t *report_take)
{
    bool good = is_good(json_string_value(json_object_get(report_take, "verdict")));
    int rc = cli_print_object(c, report_take, verdict_columns, ARRAY_SIZE(verdict_columns));

    return rc ? rc : good ? CLI_OK : CLI_BAD_RESULT;
}

int cli_tier(const struct cli *c, const char **out)
{
    const char *tier = c->value[CLI_TIER];

    if (tier && strcmp(tier, tier_names[TIER_STATE]) != 0 &&
        strcmp(tier, tier_names[TIER_QUICK]) != 0 && strcmp(tier, tier_names[TIER_BURN]) != 0)
        return cli_usage(c, "--tier: expected state, quick or burn");
    *out = tier;
    return CLI_OK;
}

/* --- the findings ----------------------------------------------------------------------------- */

static void set_text(json_t *row, const char *name, const char *text)
{
    json_object_set_new(row, name, json_string(text));
}

static json_t *finding_row(const struct finding *f)
{
    json_t *row = json_object();
    char text[64] = "machine";

    set_text(row, "result", check_result_names[f->result]);
    set_text(row, "check", f->check);
    if (f->gpu_index >= 0)
        snprintf(text, sizeof text, "%" PRId64, f->gpu_index);
    set_text(row, "gpu", text);
    if (f->unit[0]) {
        snprintf(text, sizeof text, "%.6g %s", f->value, f->unit);
        set_text(row, "figure", text);
    }
    if (f->unit[0] && f->floor > 0) {
        snprintf(text, sizeof text, "%.6g", f->floor);
        set_text(row, "floor", text);
    }
    set_text(row, "detail", f->detail);
    set_text(row, "todo", remedy_renter_texts[f->remedy]);
    return row;
}

/* What somebody should read first. */
static const enum check_result order[] = {CHECK_FAIL, CHECK_ERROR, CHECK_WARN, CHECK_PASS,
                                          CHECK_SKIP};

static json_t *finding_rows(const struct report *r)
{
    json_t *rows = json_array();

    for (size_t k = 0; k < ARRAY_SIZE(order); k++)
        for (size_t i = 0; i < r->finding_count; i++)
            if (r->findings[i].result == order[k])
                json_array_append_new(rows, finding_row(&r->findings[i]));
    return rows;
}

static void print_findings(struct cli *c, const struct report *r)
{
    json_t *rows = finding_rows(r);
    STRBUF text;

    strbuf_init(&text, TABLE_BYTES_MAX);
    cli_table(c, rows, finding_columns, ARRAY_SIZE(finding_columns), &text);
    if (r->finding_count)
        printf("\n%s", text.data);
    json_decref(rows);
}

static void print_gpus(const struct report *r)
{
    char model[NAME_BYTES_MAX], uuid[sizeof r->gpus[0].uuid], pci[sizeof r->gpus[0].pci];

    for (size_t i = 0; i < r->gpu_count; i++) {
        const struct report_gpu *g = &r->gpus[i];

        printf("%-8s  %" PRId64 ": %s %s %s%s\n", i == 0 ? "gpu" : "", g->index,
               cli_clean(g->model, model, sizeof model), cli_clean(g->uuid, uuid, sizeof uuid),
               cli_clean(g->pci, pci, sizeof pci), g->is_virtual ? "(no real GPU behind it)" : "");
    }
}

int cli_check_show(struct cli *c)
{
    struct report r = {0};
    json_t *tree = NULL;
    STRBUF path;
    struct err e;
    int rc;

    strbuf_init(&path, HTTP_LINE_BYTES_MAX);
    rc = cli_path(c, &path, "/v1/reports/", c->args[0], "");
    if (!rc)
        rc = cli_get(c, path.data, &tree);
    if (rc)
        return rc;
    if (c->format == CLI_TABLE && shape_read(&report_shape, tree, &r, &e)) {
        json_decref(tree);
        return cli_fail(&e, ERR_INVALID);
    }
    rc = cli_print_object(c, tree, show_columns, ARRAY_SIZE(show_columns));
    if (!rc && c->format == CLI_TABLE) {
        print_gpus(&r);
        print_findings(c, &r);
    }
    shape_release(&report_shape, &r);
    return rc;
}
