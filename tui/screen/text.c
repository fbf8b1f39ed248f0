/* Writing of figures and paragraphs. */
#include "tui/screen/text.h"

#include <inttypes.h>
#include <string.h>

#include "core/text.h"

const char *when_format(int64_t at_ms, char buf[WHEN_TEXT_MAX])
{
    char full[RFC3339_MAX];

    if (at_ms == 0)
        snprintf(buf, WHEN_TEXT_MAX, "-");
    else
        snprintf(buf, WHEN_TEXT_MAX, "%.10s %.5sZ", rfc3339_format(at_ms, full), full + 11);
    return buf;
}

const char *moment_format(int64_t at_ms, char buf[WHEN_TEXT_MAX])
{
    char full[RFC3339_MAX];

    rfc3339_format(at_ms, full);
    snprintf(buf, WHEN_TEXT_MAX, "%.5s %.8sZ", full + 5, full + 11);
    return buf;
}

const char *date_format(int64_t at_ms, char buf[WHEN_TEXT_MAX])
{
    char full[RFC3339_MAX];

    snprintf(buf, WHEN_TEXT_MAX, "%.10s", at_ms ? rfc3339_format(at_ms, full) : "-");
    return buf;
}

const char *time_format(int64_t at_ms, char buf[WHEN_TEXT_MAX])
{
    char full[RFC3339_MAX];

    snprintf(buf, WHEN_TEXT_MAX, "%.8sZ", rfc3339_format(at_ms, full) + 11);
    return buf;
}

const char *age_format(int64_t since_ms, int64_t now_ms, char buf[WHEN_TEXT_MAX])
{
    char text[DURATION_TEXT_MAX];

    snprintf(buf, WHEN_TEXT_MAX, "%s",
             since_ms ? duration_format((now_ms - since_ms) / 1000, text) : "-");
    return buf;
}

const char *money_figure(struct money m, int decimals, char buf[MONEY_TEXT_MAX])
{
    char *blank;

    money_format(m, decimals, buf);
    blank = strchr(buf, ' ');
    if (blank)
        *blank = '\0';
    return buf;
}

const char *money_grouped(struct money m, int decimals, char buf[MONEY_TEXT_MAX])
{
    char plain[MONEY_TEXT_MAX];
    const char *at = money_format(m, decimals, plain);
    size_t digits, used = 0;

    if (*at == '-')
        buf[used++] = *at++;
    digits = strspn(at, "0123456789");
    for (; digits > 0 && used + 2 < MONEY_TEXT_MAX; digits--) {
        buf[used++] = *at++;
        if (digits > 1 && digits % 3 == 1)
            buf[used++] = ',';
    }
    text_copy(buf + used, MONEY_TEXT_MAX - used, at);
    return buf;
}

const char *bytes_format(int64_t bytes, char buf[WHEN_TEXT_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(buf, WHEN_TEXT_MAX, "%" PRId64 " B", bytes);
        return buf;
    }
    for (value /= 1024; value >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
        value /= 1024;
    snprintf(buf, WHEN_TEXT_MAX, "%.1f %s", value, units[unit]);
    return buf;
}

const char *carbon_figure(double grams, char buf[CARBON_TEXT_MAX])
{
    if (grams > 0 && grams < 1)
        snprintf(buf, CARBON_TEXT_MAX, "<1");
    else
        snprintf(buf, CARBON_TEXT_MAX, "%.0f", grams);
    return buf;
}

/* Bytes of the next line: as many words as fit, or what fits of a word that is too long. */
static size_t line_bytes(const char *text, int width)
{
    size_t len = strlen(text), at = 0, blank = 0;
    int used = 0;

    while (at < len && text[at] != '\n') {
        uint32_t code;
        size_t n = text_decode(text + at, len - at, &code);

        used += text_width_of(code);
        if (used > width && at > 0)
            return blank ? blank : at;
        if (code == ' ')
            blank = at;
        at += n;
    }
    return at;
}

/* On the last line that may be drawn, all that follows: the canvas cuts it and says so. */
static size_t last_line_bytes(const char *text, size_t line)
{
    return text[line + strspn(text + line, " \n")] ? strlen(text) : line;
}

int paragraph_draw(struct canvas *c, int row, int col, int width, int rows_max, enum style style,
                   const char *text)
{
    int lines = 0;

    if (width <= 0)
        return 0;
    while (*text && lines < CANVAS_ROWS_MAX) {
        size_t n = line_bytes(text, width);

        if (c && lines < rows_max)
            canvas_textf(c, row + lines, col, width, style, "%.*s",
                         (int)(lines + 1 < rows_max ? n : last_line_bytes(text, n)), text);
        text += n;
        while (*text == ' ')
            text++;
        if (*text == '\n')
            text++;
        lines++;
    }
    return lines;
}
