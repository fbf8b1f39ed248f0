/* Text from outside: what is dropped, what becomes visible, how wide things are. */
#include "tests/support/t.h"

#include "core/text.h"

static void assert_cleans(const char *bytes, size_t len, unsigned flags, const char *want)
{
    STRBUF out;

    strbuf_init(&out, 10000);
    text_clean(&out, bytes, len, flags);
    assert_false(out.failed);
    assert_string_equal(out.data, want);
}

static void nothing_that_moves_or_hides_gets_through(void **state)
{
    static const struct {
        const char *text;
        unsigned flags;
        const char *want;
    } row[] = {
        {"plain text", 0, "plain text"},
        {"caf\u00E9 \u20AC \U0001F600", 0, "caf\u00E9 \u20AC \U0001F600"},
        {"a\033[31mred\033[0m b", 0, "ared b"},
        {"a\033[2J\033[Hb", 0, "ab"},
        {"a\033]0;title\ab", 0, "a^[]0;title^Gb"},
        {"a\033c", 0, "a^[c"},
        {"a\033[", 0, "a^[["},
        {"a\033[1\n2m", 0, "a^[[1\n2m"},
        {"\033[1111111111111111111111111111111111111111m", 0,
         "^[[1111111111111111111111111111111111111111m"},
        {"a\bb\x7f\x01", 0, "a^Hb^?^A"},
        {"50%\r100%", 0, "50%^M100%"},
        {"a\r\nb", 0, "a\nb"},
        {"a\xc2\x9b"
         "31mb",
         0, "a31mb"},
        {"a\x9b"
         "31m",
         0, "a\uFFFD31m"},
        {"user\u202Egnp.exe", 0, "usergnp.exe"},
        {"a\u2066b\u2069c\u200Fd\u061Ce", 0, "abcde"},
        {"a\u200Bb\u200Dc\u2060d\uFEFFe\u00ADf", 0, "abcdef"},
        {"a\uFE0Fb\U000E0041c\U000E0100d\u3164e\u115Ff", 0, "abcdef"},
        {"a\u2028b\u2029c", 0, "abc"},
        {"e\u0301", 0, "e\u0301"},
        {"e\u0301\u0302\u0303\u0304x\u0305", 0, "e\u0301\u0302x\u0305"},
        {"\u0301a", 0, "a"},
        {"a\n\u0301b", 0, "a\nb"},
        {"\xff\xfe", 0, "\uFFFD\uFFFD"},
        {"\xc0\xaf\xe2\x82", 0, "\uFFFD\uFFFD\uFFFD\uFFFD"},
        {"\xed\xa0\x80", 0, "\uFFFD\uFFFD\uFFFD"},
        {"\xf4\x90\x80\x80", 0, "\uFFFD\uFFFD\uFFFD\uFFFD"},
        {"a\nb", TEXT_ONE_LINE, "a\u21B5b"},
        {"a\r\nb", TEXT_ONE_LINE, "a\u21B5b"},
        {"a\nb", TEXT_ONE_LINE | TEXT_ASCII, "a\\nb"},
        {"caf\u00E9 e\u0301 \u4E2D \xff", TEXT_ASCII, "caf? e ? ?"},
        {"a\tb", 0, "a       b"},
        {"1234567\tb", 0, "1234567 b"},
        {"12345678\tb", 0, "12345678        b"},
        {"\u4E2D\tb", 0, "\u4E2D      b"},
        {"xx\n\tb", 0, "xx\n        b"},
        {"a\tb", TEXT_KEEP_TABS, "a\tb"},
        {"", 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        assert_cleans(row[i].text, strlen(row[i].text), row[i].flags, row[i].want);
    assert_cleans("a\0b", 3, 0, "a^@b");
}

/* Why: this is the one border; whatever bytes come, no control may leave. */
static void any_bytes_come_out_harmless(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        char bytes[64];
        STRBUF out;
        size_t n;

        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (char)(seed >> 56);
        }
        strbuf_init(&out, 10000);
        text_clean(&out, bytes, sizeof bytes, TEXT_ONE_LINE);
        assert_true(text_is_utf8(out.data, out.len));
        for (size_t i = 0; i < out.len; i += n) {
            uint32_t c;

            n = text_decode(out.data + i, out.len - i, &c);
            assert_true(c >= 0x20 && !(c >= 0x7F && c < 0xA0));
            assert_false((c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069));
        }
        strbuf_reset(&out);
        text_clean(&out, bytes, sizeof bytes, TEXT_ONE_LINE | TEXT_ASCII);
        for (size_t i = 0; i < out.len; i++)
            assert_in_range(out.data[i], 0x20, 0x7E);
    }
}

static void cleaning_twice_changes_nothing(void **state)
{
    const char text[] = "a\033[1mb\u202E\t\u0301\xff\nz";
    STRBUF once, twice;

    (void)state;
    strbuf_init(&once, 1000);
    strbuf_init(&twice, 1000);
    text_clean(&once, text, sizeof text - 1, 0);
    text_clean(&twice, once.data, once.len, 0);
    assert_string_equal(once.data, twice.data);
}

static void a_full_buffer_stops_the_cleaning(void **state)
{
    STRBUF out;

    (void)state;
    strbuf_init(&out, 4);
    text_clean(&out, "abc\001\001\001", 6, 0);
    assert_true(out.failed);
    assert_string_equal(out.data, "abc^");
}

static void utf8_is_judged_strictly(void **state)
{
    static const char *const good[] = {
        "", "a", "\u00E9", "\u0800", "\uFFFF", "\U00010000", "\U0010FFFF", "\uFFFD",
    };
    static const char *const bad[] = {
        "\x80",
        "\xc1\x81",
        "\xc3",
        "\xc3(",
        "\xe0\x80\x80",
        "\xe2\x82",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "a\xc3",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(text_is_utf8(good[i], strlen(good[i])));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(text_is_utf8(bad[i], strlen(bad[i])));
    assert_false(text_is_utf8("a\0b", 3));
}

static void decoding_always_moves_on(void **state)
{
    uint32_t c = 0;

    (void)state;
    assert_int_equal(text_decode("", 0, &c), 0);
    assert_int_equal(text_decode("\xff\xff", 2, &c), 1);
    assert_int_equal(c, 0xFFFD);
    assert_int_equal(text_decode("\u20ACx", 4, &c), 3);
    assert_int_equal(c, 0x20AC);
    assert_int_equal(text_decode("\u20AC", 2, &c), 1);
    assert_int_equal(c, 0xFFFD);
    assert_int_equal(text_decode("\0", 1, &c), 1);
    assert_int_equal(c, 0);
}

static void widths_are_those_of_a_terminal(void **state)
{
    static const struct {
        uint32_t c;
        int want;
    } row[] = {
        {0, 0},       {'\n', 0},    {0x1B, 0},    {' ', 1},      {'a', 1},     {0x7F, 0},
        {0x9B, 0},    {0xA0, 1},    {0xE9, 1},    {0x300, 0},    {0x36F, 0},   {0x370, 1},
        {0x10FF, 1},  {0x1100, 2},  {0x1160, 0},  {0x200B, 0},   {0x20AC, 1},  {0x20D0, 0},
        {0x231A, 2},  {0x2500, 1},  {0x2588, 1},  {0x2800, 1},   {0x3000, 2},  {0x303F, 1},
        {0x3042, 2},  {0x4E2D, 2},  {0xAC00, 2},  {0xD7A3, 2},   {0xE000, 1},  {0xFE0F, 0},
        {0xFF21, 2},  {0xFF61, 1},  {0xFFFD, 1},  {0x1F600, 2},  {0x1F1E6, 1}, {0x20000, 2},
        {0x3FFFD, 2}, {0xE0001, 0}, {0xE0100, 0}, {0x10FFFF, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++)
        if (text_width_of(row[i].c) != row[i].want)
            fail_msg("U+%04X: %d cells", row[i].c, text_width_of(row[i].c));
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("abc"), 3);
    assert_int_equal(text_width("\u4E2De\u0301\U0001F600"), 5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_that_moves_or_hides_gets_through),
    cmocka_unit_test(any_bytes_come_out_harmless),
    cmocka_unit_test(cleaning_twice_changes_nothing),
    cmocka_unit_test(a_full_buffer_stops_the_cleaning),
    cmocka_unit_test(utf8_is_judged_strictly),
    cmocka_unit_test(decoding_always_moves_on),
    cmocka_unit_test(widths_are_those_of_a_terminal),
};

int main(void)
{
    return T_RUN("text", tests);
}
