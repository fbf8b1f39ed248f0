/* Answers for people (a table whose columns fit, or "field: value" lines) and for programs (the
 * server's own JSON, or the same as YAML). */
#include "tui/cli/cli.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "core/yaml.h"

#define CELL_BYTES_MAX   512
#define OUTPUT_BYTES_MAX (64 * 1024 * 1024)

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

static bool is_currency(const char *text)
{
    return text && strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static void cell_money(const json_t *v, char *buf, size_t size)
{
    const char *currency = json_string_value(json_object_get(v, "currency"));
    int64_t micros = json_integer_value(json_object_get(v, "amount_micros"));
    char text[MONEY_TEXT_MAX];

    /* XXX is ISO 4217 for "no currency". */
    snprintf(buf, size, "%s",
             money_format(money_of(micros, is_currency(currency) ? currency : "XXX"),
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
    double number = json_number_value(v);

    buf[0] = '\0';
    if (json_is_string(v))
        cli_clean(json_string_value(v), buf, size);
    else if (json_is_integer(v))
        snprintf(buf, size, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        snprintf(buf, size, number && number < 0.1 && number > -0.1 ? "%.4f" : "%.2f", number);
    else if (json_is_boolean(v))
        text_copy(buf, size, json_is_true(v) ? "yes" : "no");
    else
        text_copy(buf, size, "?");
}

bool cli_word_in(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = words; len && (p = strstr(p, word)); p += len)
        if ((p == words || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
            return true;
    return false;
}

static bool says_nothing(const json_t *object, const struct cli_column *col)
{
    const char *state = json_string_value(json_object_get(object, "state"));

    return col->not_in && state && cli_word_in(col->not_in, state);
}

const char *cli_cell(struct cli *c, const json_t *object, const struct cli_column *col, char *buf,
                     size_t size)
{
    const json_t *v = at_path(object, col->path);
    const char *text = json_string_value(v);
    char span[DURATION_TEXT_MAX];

    if (!v || json_is_null(v) || (text && !text[0]) || says_nothing(object, col) ||
        (col->show == SHOW_EXIT && json_integer_value(v) < 0)) {
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
    return col->show == SHOW_MONEY || col->show == SHOW_NUMBER || col->show == SHOW_EXIT;
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

void cli_table(struct cli *c, const json_t *items, const struct cli_column *columns, size_t count,
               struct strbuf *out)
{
    int width[CLI_COLUMNS_MAX];
    char cell[CELL_BYTES_MAX];
    size_t i;
    json_t *item;

    assert(count <= CLI_COLUMNS_MAX);
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

static int print_text(const struct strbuf *text)
{
    if (text->failed) {
        cli_say("the answer is too long to be printed at once: say --limit");
        return CLI_FAILED;
    }
    fwrite(text->data, 1, text->len, stdout);
    return CLI_OK;
}

static int print_json(const json_t *tree)
{
    if (json_dumpf(tree, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII)) {
        cli_say("the answer cannot be printed");
        return CLI_FAILED;
    }
    putchar('\n');
    return CLI_OK;
}

static int print_tree(enum cli_format format, const json_t *tree)
{
    STRBUF text;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    if (format == CLI_JSON)
        return print_json(tree);
    yaml_write(tree, &text);
    return print_text(&text);
}

static void print_fields(struct cli *c, const json_t *tree, const struct cli_column *columns,
                         size_t count)
{
    char cell[CELL_BYTES_MAX];
    int width = 0;

    for (size_t k = 0; k < count; k++)
        if (text_width(columns[k].title) > width)
            width = text_width(columns[k].title);
    for (size_t k = 0; k < count; k++)
        printf("%-*s  %s\n", width, columns[k].title,
               cli_cell(c, tree, &columns[k], cell, sizeof cell));
}

int cli_print_object(struct cli *c, json_t *tree_take, const struct cli_column *columns,
                     size_t count)
{
    int rc = CLI_OK;

    if (tree_take && c->format != CLI_TABLE)
        rc = print_tree(c->format, tree_take);
    else if (tree_take)
        print_fields(c, tree_take, columns, count);
    json_decref(tree_take);
    return rc;
}

/* --- lists ------------------------------------------------------------------------------------ */

static int page_path(const struct cli *c, const char *path, const char *cursor, struct strbuf *out)
{
    int rc;

    strbuf_reset(out);
    strbuf_adds(out, path);
    rc = cli_query(c, out);
    if (rc || !cursor[0])
        return rc;
    strbuf_addf(out, "%ccursor=", strchr(out->data, '?') ? '&' : '?');
    url_encode(out, cursor);
    return CLI_OK;
}

/* Move the items of a page to the others; `cursor` becomes the next page's, "" at the end. */
static int page_take(const json_t *page, json_t *all, char cursor[CURSOR_BYTES_MAX])
{
    json_t *items = json_object_get(page, "items");
    const char *next = json_string_value(json_object_get(page, "next_cursor"));

    if (!json_is_array(items) || (next && strlen(next) >= CURSOR_BYTES_MAX) ||
        (next && next[0] && strcmp(next, cursor) == 0)) {
        cli_say("the server's answer: there is no list in it that could be read");
        return CLI_FAILED;
    }
    text_copy(cursor, CURSOR_BYTES_MAX, next ? next : "");
    if (json_array_extend(all, items)) {
        cli_say("out of memory");
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int pages_get(struct cli *c, const char *path, json_t *all, bool *more)
{
    char cursor[CURSOR_BYTES_MAX] = "";
    STRBUF full;

    strbuf_init(&full, HTTP_LINE_BYTES_MAX);
    do {
        json_t *page = NULL;
        int rc = page_path(c, path, cursor, &full);

        if (!rc)
            rc = cli_get(c, full.data, &page);
        if (!rc)
            rc = page_take(page, all, cursor);
        json_decref(page);
        if (rc)
            return rc;
    } while (cursor[0] && c->value[CLI_ALL]);
    *more = cursor[0] != '\0';
    return CLI_OK;
}

int cli_list(struct cli *c, const char *path, const struct cli_column *columns, size_t count)
{
    json_t *all = json_array();
    bool more = false;
    STRBUF text;
    int rc;

    strbuf_init(&text, OUTPUT_BYTES_MAX);
    rc = pages_get(c, path, all, &more);
    if (!rc && c->format != CLI_TABLE) {
        rc = print_tree(c->format, all);
    } else if (!rc) {
        cli_table(c, all, columns, count, &text);
        rc = print_text(&text);
    }
    if (!rc && more)
        cli_say("there are more: %s",
                c->command->options >> CLI_ALL & 1 ? "--all shows them" : "--limit asks for more");
    json_decref(all);
    return rc;
}
