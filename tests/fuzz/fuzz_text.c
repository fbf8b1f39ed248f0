/* Any bytes on their way to a screen, and as the small texts that people type: times,
 * durations, amounts. */
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/money.h"
#include "core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool held)
{
    if (!held)
        abort();
}

static void check_clean(const char *bytes, size_t len, unsigned flags)
{
    STRBUF once = {0}, twice = {0};
    size_t n;

    strbuf_init(&once, 16 * len + 16);
    strbuf_init(&twice, 16 * len + 16);
    text_clean(&once, bytes, len, flags);
    need(!once.failed);
    need(text_is_utf8(once.data, once.len));
    need(text_width(once.data) >= 0);
    for (size_t i = 0; i < once.len; i += n) {
        uint32_t c;

        n = text_decode(once.data + i, once.len - i, &c);
        need(c >= 0x20 || (c == '\n' && !(flags & TEXT_ONE_LINE)) ||
             (c == '\t' && flags & TEXT_KEEP_TABS));
        need(c < 0x7F || (c >= 0xA0 && !(flags & TEXT_ASCII)));
    }
    text_clean(&twice, once.data, once.len, flags);
    need(strcmp(once.data, twice.data) == 0);
}

static void check_parsers(const char *text)
{
    char time[RFC3339_MAX], amount[MONEY_TEXT_MAX];
    int64_t value, back;

    if (rfc3339_parse(text, &value, NULL) == ERR_OK)
        need(rfc3339_parse(rfc3339_format(value, time), &back, NULL) == ERR_OK && back == value);
    if (duration_parse(text, &value, NULL) == ERR_OK)
        need(value >= 0 && value <= 3650LL * 86400);
    if (micros_parse(text, &value, NULL) == ERR_OK) {
        money_format((struct money){.micros = value}, 6, amount);
        need(micros_parse(amount, &back, NULL) == ERR_OK && back == value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (unsigned flags = 0; flags < 8; flags++)
        check_clean(text, size, flags);
    check_parsers(text);
    free(text);
    return 0;
}
