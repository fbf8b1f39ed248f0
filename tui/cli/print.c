/* Answers for people (a table whose columns fit, or "field: value" lines) and for programs (the
 * server's own JSON, or the same as YAML). */
#include "tui/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/yaml.h"

#define CELL_BYTES_MAX   512
#define OUTPUT_BYTES_MAX (64 * 1024 * 1024)
#define COLUMNS_MAX      16

/* "price_per_hour", "organization/name". */
static const json_t *at_path(const json_t *o, const char *path)
{
    char part[64];

    while (o && *path) {
        size_t n = strcspn(path, "/");

        if (n >= sizeof part)
            return NULL;
        memcpy(part, path, n);
        part[n] = '\0';
        o = json_object_get(o, part);
        path += n + (path[n] == '/');
    }
    return o;
}

static void cell_money(const json_t *v, char *buf, size_t size)
{
    const char *currency = json_string_value(json_object_get(v, "currency"));
    int64_t micros = json_integer_value(json_object_get(v, "amount_micros"));
    char text[MONEY_TEXT_MAX];

    snprintf(buf, size, "%s",
             money_format(money_of(micros, currency && strlen(currency) == 3 ? currency : "XXX"),
                          micros % 10000 ? 4 : 2, text));
}

static void cell_time(struct cli *c, const char *text, bool ago, char *buf, size_t size)
{
    int64_t at_ms, seconds;
    char span[DURATION_TEXT_MAX];

    if (!ago || rfc3339_parse(text, &at_ms, NULL)) {
        text_copy(buf, size, text);
        return;
    }
    seconds = (clock_now_ms(c->clock) - at_ms) / 1000;
    if (seconds < 0)
        snprintf(buf, size, "in %s", duration_format(-seconds, span));
    else
        snprintf(buf, size, "%s ago", duration_format(seconds, span));
}

static void cell_plain(const json_t *v, char *buf, size_t size)
{
    STRBUF clean;

    strbuf_init(&clean, size - 1);
    if (json_is_string(v))
        text_clean(&clean, json_string_value(v), json_string_length(v), TEXT_ONE_LINE);
    else if (json_is_integer(v))
        strbuf_addf(&clean, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        strbuf_addf(&clean, "%.1f", json_real_value(v));
    else if (json_is_boolean(v))
        strbuf_adds(&clean, json_is_true(v) ? "yes" : "no");
    text_copy(buf, size, clean.data);
}

const char *cli_cell(struct cli *c, const json_t *object, const struct cli_column *col, char *buf,
                     size_t size)
{
    const json_t *v = at_path(object, col->path);
    const char *text = json_string_value(v);
    char span[DURATION_TEXT_MAX];

    buf[0] = '\0';
    if (!v || json_is_null(v) || (text && !text[0])) {
        text_copy(buf, size, "-");
    } else if (col->show == SHOW_MONEY) {
        cell_money(v, buf, size);
    } else if (col->show == SHOW_DURATION) {
        text_copy(buf, size, duration_format(json_integer_value(v), span));
    } else if (text && (col->show == SHOW_TIME || col->show == SHOW_AGO)) {
        char clean[CELL_BYTES_MAX];

        cell_plain(v, clean, sizeof clean);
        cell_time(c, clean, col->show == SHOW_AGO, buf, size);
    } else {
        cell_plain(v, buf, size);
    }
    return buf;
}

static bool is_right(const struct cli_column *col)
{
    return col->show == SHOW_MONEY || col->show == SHOW_NUMBER;
}

static void pad(struct strbuf *out, int count)
{
    while (count-- > 0)
        strbuf_addc(out, ' ');
}

static void add_cell(struct strbuf *out, const char *text, int width, bool right, bool last)
{
    int fill = width - text_width(text);

    if (right)
        pad(out, fill);
    strbuf_adds(out, text);
    if (!right && !last)
        pad(out, fill);
    if (!last)
        strbuf_adds(out, "  ");
}

static void table(struct cli *c, const json_t *items, const struct cli_column *columns,
                  size_t count, struct strbuf *out)
{
    int width[COLUMNS_MAX];
    char cell[CELL_BYTES_MAX];
    size_t i;
    json_t *item;

    for (size_t k = 0; k < count; k++)
        width[k] = text_width(columns[k].title);
    json_array_foreach(items, i, item)
    {
        for (size_t k = 0; k < count; k++) {
            int w = text_width(cli_cell(c, item, &columns[k], cell, sizeof cell));

            width[k] = w > width[k] ? w : width[k];
        }
    }
    for (size_t k = 0; k < count; k++)
        add_cell(out, columns[k].title, width[k], is_right(&columns[k]), k + 1 == count);
    strbuf_addc(out, '\n');
    json_array_foreach(items, i, item)
    {
        for (size_t k = 0; k < count; k++)
            add_cell(out, cli_cell(c, item, &columns[k], cell, sizeof cell), width[k],
                     is_right(&columns[k]), k + 1 == count);
        strbuf_addc(out, '\n');
    }
}

static int print_tree(enum cli_format format, const json_t *tree)
{
    if (format == CLI_JSON) {
        char *text = json_dumps(tree, JSON_INDENT(2) | JSON_ENSURE_ASCII);

        if (!text)
            return CLI_FAILED;
        puts(text);
        free(text);
    } else {
        STRBUF text;

        strbuf_init(&text, OUTPUT_BYTES_MAX);
        yaml_write(tree, &text);
        fputs(text.data, stdout);
    }
    return CLI_OK;
}

int cli_print_object(struct cli *c, json_t *tree_take, const struct cli_column *columns,
                     size_t count)
{
    int rc = CLI_OK;

    if (c->format != CLI_TABLE) {
        rc = print_tree(c->format, tree_take);
    } else {
        int width = 0;
        char cell[CELL_BYTES_MAX];

        for (size_t k = 0; k < count; k++)
            if (text_width(columns[k].title) > width)
                width = text_width(columns[k].title);
        for (size_t k = 0; k < count; k++)
            printf("%-*s  %s\n", width, columns[k].title,
                   cli_cell(c, tree_take, &columns[k], cell, sizeof cell));
    }
    json_decref(tree_take);
    return rc;
}

/* The path of the next page: the cursor replaces nothing, filters stay. */
static void page_path(const struct cli *c, const char *path, const char *cursor, struct strbuf *out)
{
    strbuf_reset(out);
    strbuf_adds(out, path);
    cli_query(c, out);
    if (cursor[0]) {
        strbuf_addf(out, "%ccursor=", strchr(out->data, '?') ? '&' : '?');
        url_encode(out, cursor);
    }
}

static int pages_get(struct cli *c, const char *path, json_t *all, bool *more)
{
    char cursor[CURSOR_BYTES_MAX] = "";
    STRBUF full;

    strbuf_init(&full, HTTP_LINE_BYTES_MAX);
    do {
        json_t *page = NULL;
        const char *next;
        int rc;

        page_path(c, path, cursor, &full);
        rc = cli_get(c, full.data, &page);
        if (rc)
            return rc;
        json_array_extend(all, json_object_get(page, "items"));
        next = json_string_value(json_object_get(page, "next_cursor"));
        text_copy(cursor, sizeof cursor, next ? next : "");
        json_decref(page);
    } while (cursor[0] && c->value[CLI_ALL]);
    *more = cursor[0] != '\0';
    return CLI_OK;
}

int cli_list(struct cli *c, const char *path, const struct cli_column *columns, size_t count)
{
    json_t *all = json_array();
    bool more = false;
    int rc = pages_get(c, path, all, &more);
    STRBUF text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    if (!rc && c->format != CLI_TABLE) {
        rc = print_tree(c->format, all);
    } else if (!rc) {
        table(c, all, columns, count, &text);
        fputs(text.data, stdout);
    }
    if (!rc && more)
        fprintf(stderr, "there are more: --all shows them\n");
    json_decref(all);
    return rc;
}
