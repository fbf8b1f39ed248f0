/* The grid, tables, lines and figures: pure functions, held at every size. */
#include "tests/support/t.h"

#include "core/text.h"
#include "tui/screen/canvas.h"
#include "tui/screen/form.h"
#include "tui/screen/keys.h"
#include "tui/screen/line.h"
#include "tui/screen/table.h"
#include "tui/screen/text.h"

static struct canvas made(int rows, int cols, bool ascii)
{
    struct canvas c;
    struct err e;

    assert_ok(canvas_init(&c, rows, cols, ascii, &e), &e);
    return c;
}

static void assert_dump(const struct canvas *c, const char *want)
{
    STRBUF text = {0};

    strbuf_init(&text, 1024 * 1024);
    canvas_dump(c, &text);
    assert_string_equal(text.data, want);
}

/* --- drawing ---------------------------------------------------------------------------------- */

static void text_that_does_not_fit_ends_in_an_ellipsis(void **state)
{
    struct canvas c = made(2, 10, false), a = made(1, 10, true);

    (void)state;
    assert_int_equal(canvas_text(&c, 0, 0, 6, STYLE_NORMAL, "abcdefgh"), 6);
    assert_int_equal(canvas_text(&c, 1, 4, CANVAS_TO_THE_END, STYLE_NORMAL, "abcdefgh"), 6);
    assert_dump(&c, "abcde\u2026\n    abcde\u2026\n");
    canvas_text(&a, 0, 0, 6, STYLE_NORMAL, "abcdefgh");
    assert_dump(&a, "abcde~\n");
    canvas_release(&c);
    canvas_release(&a);
}

static void text_against_the_right_edge_keeps_what_is_left_of_it(void **state)
{
    struct canvas c = made(1, 12, false);

    (void)state;
    canvas_text(&c, 0, 0, 12, STYLE_NORMAL, "ab");
    canvas_right(&c, 0, 4, 8, STYLE_NORMAL, "1.50");
    assert_dump(&c, "ab      1.50\n");
    canvas_release(&c);
}

static void wide_character_is_never_drawn_by_half(void **state)
{
    struct canvas c = made(3, 4, false);

    (void)state;
    canvas_text(&c, 0, 0, 4, STYLE_NORMAL, "\u754c\u754c\u754c");
    canvas_text(&c, 1, 0, 4, STYLE_NORMAL, "\u754c\u754c");
    canvas_text(&c, 1, 1, 1, STYLE_NORMAL, "x"); /* over its right half */
    canvas_text(&c, 2, 0, 4, STYLE_NORMAL, "\u754c\u754c");
    canvas_text(&c, 2, 2, 1, STYLE_NORMAL, "x"); /* over its left half */
    assert_dump(&c, "\u754c\u2026\n x\u754c\n\u754cx\n");
    canvas_release(&c);
}

static void marks_stay_on_their_base(void **state)
{
    struct canvas c = made(1, 10, false);

    (void)state;
    assert_int_equal(canvas_text(&c, 0, 0, 10, STYLE_NORMAL, "e\u0301\u0302\u0303x"), 2);
    assert_dump(&c, "e\u0301\u0302x\n");
    canvas_release(&c);
}

static void text_from_outside_stays_in_its_cells(void **state)
{
    struct canvas c = made(3, 30, false);
    STRBUF text = {0};

    (void)state;
    canvas_text(&c, 0, 0, 30, STYLE_NORMAL,
                "a\033[2Jb\nc\rd\be\x9b\x80"
                "f");
    canvas_text(&c, 1, 0, 30, STYLE_NORMAL, "\u202eevil\u200b\ufe0f");
    strbuf_init(&text, 4096);
    canvas_dump(&c, &text);
    for (size_t i = 0; i < text.len; i++)
        assert_true((unsigned char)text.data[i] >= 0x20 || text.data[i] == '\n');
    assert_null(strstr(text.data, "\u202e"));
    assert_null(strstr(text.data, "\u200b"));
    assert_contains(text.data, "evil");
    canvas_release(&c);
}

static void ascii_canvas_shows_nothing_else(void **state)
{
    struct canvas c = made(4, 20, true);
    STRBUF text = {0};

    (void)state;
    canvas_box(&c, STYLE_NORMAL, "\u00fcber");
    canvas_text(&c, 1, 1, 18, STYLE_NORMAL, "na\u00efve \u754c\u754c caf\u00e9 and much more");
    strbuf_init(&text, 4096);
    canvas_dump(&c, &text);
    for (size_t i = 0; i < text.len; i++)
        assert_true((unsigned char)text.data[i] < 0x80);
    canvas_release(&c);
}

static void drawing_outside_is_cut_off_at_every_size(void **state)
{
    (void)state;
    for (int rows = 1; rows <= 12; rows++)
        for (int cols = 1; cols <= 40; cols++) {
            struct canvas c = made(rows, cols, false);

            for (int row = -3; row < rows + 3; row++)
                for (int col = -3; col < cols + 3; col += 2) {
                    canvas_text(&c, row, col, 20, STYLE_NORMAL, "\u754c wide and narrow");
                    canvas_right(&c, row, col, 9, STYLE_NORMAL, "right");
                    canvas_fill(&c, row, col, 100, STYLE_BAR);
                    canvas_restyle(&c, row, col, 100, STYLE_BAD);
                    canvas_slice(&c, row, col, 5, STYLE_NORMAL, "\u754c\u754cabc", 3);
                    canvas_cursor_at(&c, row, col, true);
                    assert_in_range(c.cursor->row, 0, rows - 1);
                    assert_in_range(c.cursor->col, 0, cols - 1);
                }
            canvas_release(&c);
        }
}

static void part_draws_only_inside_itself(void **state)
{
    struct canvas c = made(5, 10, false), part, none;

    (void)state;
    part = canvas_part(&c, 1, 2, 3, 4);
    for (int row = -2; row < 8; row++)
        canvas_fill(&part, row, -5, 50, STYLE_BAR);
    canvas_text(&part, 0, 0, 50, STYLE_BAR, "abcdefgh");
    canvas_cursor_at(&part, 2, 3, true);
    assert_dump(&c, "\n  abc\u2026\n\n\n\n");
    for (int row = 0; row < 5; row++)
        for (int col = 0; col < 10; col++)
            assert_int_equal(c.cells[row * 10 + col].style == STYLE_BAR,
                             row >= 1 && row < 4 && col >= 2 && col < 6);
    assert_int_equal(c.cursor->row, 3);
    assert_int_equal(c.cursor->col, 5);
    none = canvas_part(&c, 9, 9, 4, 4);
    assert_int_equal(none.rows, 0);
    canvas_text(&none, 0, 0, 5, STYLE_NORMAL, "nothing");
    canvas_release(&c);
}

static void slice_starts_in_the_middle_of_a_line(void **state)
{
    struct canvas c = made(3, 6, false);

    (void)state;
    canvas_slice(&c, 0, 0, 6, STYLE_NORMAL, "0123456789", 3);
    canvas_slice(&c, 1, 0, 6, STYLE_NORMAL, "\u754c\u754c\u754c", 1);
    canvas_slice(&c, 2, 0, 6, STYLE_NORMAL, "abc", 9);
    assert_dump(&c, "345678\n \u754c\u754c\n\n");
    canvas_release(&c);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const struct column some[] = {
    {"NAME", 12, 30, 0, false}, {"STATE", 10, 10, 0, false}, {"PRICE", 8, 8, 1, true},
    {"WHERE", 9, 14, 3, false}, {"NOTE", 20, 60, 2, false},
};

static void columns_fit_at_every_width(void **state)
{
    (void)state;
    for (int total = 1; total <= 300; total++) {
        int widths[TABLE_COLUMNS_MAX], used = 1;

        table_layout(some, ARRAY_SIZE(some), total, widths);
        for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
            assert_true(widths[i] >= 0);
            assert_true(widths[i] <= some[i].width_max);
            used += widths[i] > 0 ? widths[i] + 1 : 0;
        }
        /* Below the mark's own width nothing is drawn but the mark. */
        assert_true(used <= (total > 1 ? total : 2));
    }
}

static void least_wanted_columns_go_first(void **state)
{
    int widths[TABLE_COLUMNS_MAX];

    (void)state;
    table_layout(some, ARRAY_SIZE(some), 60, widths);
    assert_int_equal(widths[3], 0);
    assert_true(widths[4] > 0);
    table_layout(some, ARRAY_SIZE(some), 40, widths);
    assert_int_equal(widths[4], 0);
    assert_int_equal(widths[2], 8);
    table_layout(some, ARRAY_SIZE(some), 26, widths);
    assert_int_equal(widths[2], 0);
    assert_true(widths[0] >= 12);
    assert_int_equal(widths[1], 10);
}

static void wider_window_never_shows_fewer_columns(void **state)
{
    size_t before = 0;

    (void)state;
    for (int total = 1; total <= 200; total++) {
        int widths[TABLE_COLUMNS_MAX];
        size_t shown = 0;

        table_layout(some, ARRAY_SIZE(some), total, widths);
        for (size_t i = 0; i < ARRAY_SIZE(some); i++)
            shown += widths[i] > 0;
        assert_true(shown >= before);
        before = shown;
    }
}

static void selection_is_always_on_the_page(void **state)
{
    (void)state;
    for (size_t rows = 0; rows <= 30; rows++)
        for (size_t selected = 0; selected <= rows; selected++)
            for (size_t top = 0; top <= rows + 2; top++)
                for (int page = 0; page <= 12; page++) {
                    size_t at = table_top(top, selected, rows, page);
                    size_t height = page > 0 ? (size_t)page : 1;
                    size_t seen = selected < rows ? selected : rows ? rows - 1 : 0;

                    assert_true(at <= seen && seen < at + height);
                    assert_true(rows < height ? at == 0 : at + height <= rows);
                }
}

static void page_does_not_move_while_the_selection_is_on_it(void **state)
{
    (void)state;
    for (size_t selected = 5; selected < 15; selected++)
        assert_int_equal(table_top(5, selected, 100, 10), 5);
    assert_int_equal(table_top(5, 15, 100, 10), 6);
    assert_int_equal(table_top(5, 4, 100, 10), 4);
}

static void numbered_cell(const void *ctx, size_t row, size_t column, struct table_cell *out)
{
    (void)ctx;
    snprintf(out->text, sizeof out->text, "r%zuc%zu", row, column);
}

static void table_shows_heads_marks_and_sort_order(void **state)
{
    struct canvas c = made(4, 34, false);
    const struct table t = {.columns = some,
                            .column_count = 3,
                            .row_count = 9,
                            .selected = 5,
                            .top = 4,
                            .sorted = 2,
                            .descending = true,
                            .cell = numbered_cell};

    (void)state;
    table_draw(&t, &c);
    assert_dump(&c, "  NAME         STATE        PRICEv\n  r4c0         r4c1           r4c2\n"
                    "> r5c0         r5c1           r5c2\n  r6c0         r6c1           r6c2\n");
    assert_int_equal(c.cursor->row, 2);
    canvas_release(&c);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void type(struct line *l, const char *text)
{
    size_t len = strlen(text), n;

    for (size_t i = 0; i < len; i += n) {
        uint32_t code;

        n = text_decode(text + i, len - i, &code);
        line_insert(l, code);
    }
}

static void line_is_edited_by_characters_not_bytes(void **state)
{
    struct line l = {.len = 0};

    (void)state;
    type(&l, "gr\u00fc\u00dfe \u754c");
    line_edit(&l, LINE_LEFT);
    line_edit(&l, LINE_LEFT);
    line_edit(&l, LINE_ERASE);
    assert_string_equal(l.text, "gr\u00fc\u00df \u754c");
    line_edit(&l, LINE_ERASE);
    line_edit(&l, LINE_START);
    line_edit(&l, LINE_DELETE);
    assert_string_equal(l.text, "r\u00fc \u754c");
    line_edit(&l, LINE_END);
    line_edit(&l, LINE_ERASE_WORD);
    assert_string_equal(l.text, "r\u00fc ");
    line_edit(&l, LINE_ERASE_WORD);
    assert_string_equal(l.text, "");
    line_edit(&l, LINE_ERASE);
    line_edit(&l, LINE_LEFT);
    line_edit(&l, LINE_DELETE);
    assert_int_equal(l.at, 0);
}

static void line_takes_no_control_characters_and_no_more_than_its_maximum(void **state)
{
    struct line l = {.len_max = 5};

    (void)state;
    line_insert(&l, 0x1b);
    line_insert(&l, 0x9b);
    line_insert(&l, 0x202e);
    line_insert(&l, 0xd800);
    line_insert(&l, KEY_ARROW_UP);
    assert_int_equal(l.len, 0);
    type(&l, "abcd\u00fcef");
    assert_string_equal(l.text, "abcde");
    line_set(&l, "abcd\u00fc");
    assert_string_equal(l.text, "abcd");
}

static void long_line_is_drawn_around_its_cursor(void **state)
{
    struct canvas c = made(1, 8, false);
    struct line l = {.len = 0};

    (void)state;
    type(&l, "0123456789");
    line_draw(&l, &c, 0, 0, 8, true);
    assert_dump(&c, "3456789\n");
    assert_int_equal(c.cursor->col, 7);
    assert_true(c.cursor->visible);
    line_edit(&l, LINE_START);
    line_draw(&l, &c, 0, 0, 8, true);
    assert_dump(&c, "01234567\n");
    assert_int_equal(c.cursor->col, 0);
    canvas_release(&c);
}

static void form_moves_between_fields_and_turns_switches(void **state)
{
    struct form f = {.count = 0};

    (void)state;
    form_add(&f, "name", "", false);
    form_add(&f, "network", "", true);
    assert_true(form_type(&f, 'a'));
    form_move(&f, -1);
    assert_int_equal(f.at, 0);
    form_move(&f, 1);
    form_move(&f, 1);
    assert_int_equal(f.at, 1);
    assert_true(form_type(&f, ' '));
    assert_true(f.fields[1].on);
    assert_false(form_type(&f, 'y'));
    assert_true(form_type(&f, 'n'));
    assert_false(f.fields[1].on);
    assert_string_equal(f.fields[0].line.text, "a");
}

/* --- keys and figures ------------------------------------------------------------------------- */

static void every_key_has_a_label_that_names_it_again(void **state)
{
    static const uint32_t keys[] = {
        'a',       'Z',           '/',          ' ',           KEY_ENTER, KEY_ESCAPE,  KEY_TAB,
        KEY_ERASE, KEY_CTRL('D'), KEY_ARROW_UP, KEY_PAGE_DOWN, KEY_F1,    KEY_BACK_TAB};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        char label[KEY_LABEL_MAX], script[KEY_LABEL_MAX + 2];
        const char *at = script;

        key_label(keys[i], label);
        snprintf(script, sizeof script, strlen(label) > 1 ? "<%s>" : "%s", label);
        assert_int_equal(key_parse(&at), keys[i]);
        assert_int_equal(*at, '\0');
    }
}

static void script_key_that_is_unknown_is_refused(void **state)
{
    const char *at = "<Nonsense>", *none = "", *less = "<lt>";

    (void)state;
    assert_int_equal(key_parse(&at), 0);
    assert_int_equal(key_parse(&none), 0);
    assert_int_equal(key_parse(&less), '<');
}

static void figures_are_written_for_people(void **state)
{
    char text[MONEY_TEXT_MAX], when[WHEN_TEXT_MAX];

    (void)state;
    assert_string_equal(money_grouped(money_of(1234567890123, "EUR"), 2, text), "1,234,567.89 EUR");
    assert_string_equal(money_grouped(money_of(-999000000, "EUR"), 2, text), "-999.00 EUR");
    assert_string_equal(money_grouped(money_of(-1000000000, "EUR"), 0, text), "-1,000 EUR");
    assert_string_equal(money_figure(money_of(2730000, "EUR"), 3, text), "2.730");
    assert_string_equal(when_format(0, when), "-");
    assert_string_equal(when_format(1795183200000, when), "2026-11-20 14:00Z");
    assert_string_equal(time_format(1795183207123, when), "14:00:07Z");
    assert_string_equal(age_format(1795183200000, 1795183200000 + 192000, when), "3m 12s");
    assert_string_equal(age_format(1795183200000, 1795183100000, when), "0s");
    assert_string_equal(bytes_format(1023, when), "1023 B");
    assert_string_equal(bytes_format(1536, when), "1.5 KiB");
    assert_string_equal(bytes_format((int64_t)3 << 40, when), "3.0 TiB");
}

static void money_never_overflows_its_text(void **state)
{
    char text[MONEY_TEXT_MAX];

    (void)state;
    money_grouped(money_of(INT64_MAX, "EUR"), 6, text);
    assert_true(strlen(text) < MONEY_TEXT_MAX);
    assert_contains(text, "9,223,372,036,854.775807");
    money_grouped(money_of(INT64_MIN, "EUR"), 6, text);
    assert_true(strlen(text) < MONEY_TEXT_MAX);
}

static void paragraphs_break_between_words_and_split_what_is_too_long(void **state)
{
    struct canvas c = made(6, 10, false);

    (void)state;
    assert_int_equal(
        paragraph_draw(&c, 0, 0, 8, 6, STYLE_NORMAL, "one two three\nfour abcdefghijkl"), 5);
    assert_dump(&c, "one two\nthree\nfour\nabcdefgh\nijkl\n\n");
    assert_int_equal(paragraph_draw(NULL, 0, 0, 8, 0, STYLE_NORMAL, "one two three"), 2);
    assert_int_equal(paragraph_draw(NULL, 0, 0, 0, 0, STYLE_NORMAL, "one"), 0);
    assert_int_equal(paragraph_draw(NULL, 0, 0, 1, 0, STYLE_NORMAL, "\u754c\u754c"), 2);
    canvas_release(&c);
}

static void style_without_colors_still_differs_by_attributes(void **state)
{
    static const enum style telling[] = {STYLE_STRONG, STYLE_BAR,  STYLE_SELECTED,
                                         STYLE_BAD,    STYLE_WARN, STYLE_INPUT};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(telling); i++)
        assert_true(theme_look(telling[i], 0).attrs != 0);
    for (int s = 0; s < STYLE_COUNT; s++) {
        assert_int_equal(theme_look((enum style)s, 0).foreground, COLOR_DEFAULT);
        assert_true(theme_look((enum style)s, 8).foreground < 8);
        /* Light and dark terminals alike: the background is theirs. */
        assert_int_equal(theme_look((enum style)s, 256).background, COLOR_DEFAULT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_does_not_fit_ends_in_an_ellipsis),
        cmocka_unit_test(text_against_the_right_edge_keeps_what_is_left_of_it),
        cmocka_unit_test(wide_character_is_never_drawn_by_half),
        cmocka_unit_test(marks_stay_on_their_base),
        cmocka_unit_test(text_from_outside_stays_in_its_cells),
        cmocka_unit_test(ascii_canvas_shows_nothing_else),
        cmocka_unit_test(drawing_outside_is_cut_off_at_every_size),
        cmocka_unit_test(part_draws_only_inside_itself),
        cmocka_unit_test(slice_starts_in_the_middle_of_a_line),
        cmocka_unit_test(columns_fit_at_every_width),
        cmocka_unit_test(least_wanted_columns_go_first),
        cmocka_unit_test(wider_window_never_shows_fewer_columns),
        cmocka_unit_test(selection_is_always_on_the_page),
        cmocka_unit_test(page_does_not_move_while_the_selection_is_on_it),
        cmocka_unit_test(table_shows_heads_marks_and_sort_order),
        cmocka_unit_test(line_is_edited_by_characters_not_bytes),
        cmocka_unit_test(line_takes_no_control_characters_and_no_more_than_its_maximum),
        cmocka_unit_test(long_line_is_drawn_around_its_cursor),
        cmocka_unit_test(form_moves_between_fields_and_turns_switches),
        cmocka_unit_test(every_key_has_a_label_that_names_it_again),
        cmocka_unit_test(script_key_that_is_unknown_is_refused),
        cmocka_unit_test(figures_are_written_for_people),
        cmocka_unit_test(money_never_overflows_its_text),
        cmocka_unit_test(paragraphs_break_between_words_and_split_what_is_too_long),
        cmocka_unit_test(style_without_colors_still_differs_by_attributes),
    };

    return T_RUN("canvas", tests);
}
