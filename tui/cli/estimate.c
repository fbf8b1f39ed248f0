/* What a launch would cost, as people read it before they say yes. Shared by instance and job. */
#include "tui/cli/estimate.h"

#include <stdio.h>
#include <string.h>

static const struct cli_column columns[] = {
    {"offer", "offer_id", SHOW_TEXT},
    {"price per hour", "price_per_hour", SHOW_MONEY},
    {"price per day", "price_per_day", SHOW_MONEY},
    {"cost to deadline", "cost_to_deadline", SHOW_MONEY},
    {"set aside now", "hold", SHOW_MONEY},
    {"available before", "available_before", SHOW_MONEY},
    {"available after", "available_after", SHOW_MONEY},
    {"credit lasts now", "runway_before_at", SHOW_TIME},
    {"credit lasts then", "runway_after_at", SHOW_TIME},
    {"stock", "stock", SHOW_NUMBER},
    {"located in", "country", SHOW_TEXT},
    {"under the law of", "jurisdiction", SHOW_TEXT},
    {"operator", "operator", SHOW_TEXT},
    {"gCO2e per hour", "carbon_g_per_hour", SHOW_NUMBER},
    {"rounding", "rounding", SHOW_TEXT},
};

static void print_to(FILE *out, struct cli *c, const json_t *estimate)
{
    char cell[512], credit[64];
    size_t i;
    json_t *part;
    static const struct cli_column kind = {"", "kind", SHOW_TEXT},
                                   amount = {"", "amount", SHOW_MONEY};

    for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
        fprintf(out, "%-18s %s\n", columns[k].title,
                cli_cell(c, estimate, &columns[k], cell, sizeof cell));
    json_array_foreach(json_object_get(estimate, "grants"), i, part)
    {
        fprintf(out, "%-18s %s of %s credit\n", i == 0 ? "burns" : "then",
                cli_cell(c, part, &amount, cell, sizeof cell),
                cli_cell(c, part, &kind, credit, sizeof credit));
    }
}

int cli_estimate(struct cli *c, const char *path, const char *body, bool only)
{
    static const struct cli_column refusal = {"", "refusal", SHOW_TEXT};
    json_t *estimate = NULL;
    char full[HTTP_LINE_BYTES_MAX], text[512];
    int rc;

    snprintf(full, sizeof full, "%s?dry_run=true", path);
    rc = cli_create(c, full, body, &estimate);
    if (rc)
        return rc;
    if (only && c->format != CLI_TABLE)
        return cli_print_object(c, estimate, columns, ARRAY_SIZE(columns));
    print_to(only ? stdout : stderr, c, estimate);
    if (!json_is_true(json_object_get(estimate, "accepted"))) {
        const char *code = json_string_value(json_object_get(estimate, "refusal_code"));
        struct err e;

        cli_cell(c, estimate, &refusal, text, sizeof text);
        err_clear(&e);
        err_set(&e, err_from_slug(code ? code : ""), "%s", text);
        rc = cli_fail(&e, e.code);
    }
    json_decref(estimate);
    return rc;
}
