/* The table of keys, held whole. */
#include "tests/support/t.h"

#include "tui/key/keymap.h"
#include "tui/view/view.h"

static const struct view_ops *const views[] = {
#define VIEW(name) &view_##name,
#include "tui/view/views.def.h"
#undef VIEW
    &view_offer,  &view_launch, &view_instance, &view_job,   &view_log, &view_submit,
    &view_report, &view_help,   &view_nodes,    &view_cases, &view_act,
};

static void every_binding_has_an_action_with_a_name_and_help(void **state)
{
    const struct binding *b;

    (void)state;
    for (size_t i = 0; (b = keymap_at(i)); i++) {
        assert_int_not_equal(b->action, ACT_NONE);
        assert_true(key_action_name(b->action)[0] != '\0');
        assert_true(key_action_help(b->action)[0] != '\0');
    }
}

static void no_key_is_bound_twice_in_one_place(void **state)
{
    const struct binding *a, *b;

    (void)state;
    for (size_t i = 0; (a = keymap_at(i)); i++)
        for (size_t k = i + 1; (b = keymap_at(k)); k++) {
            bool same = a->view == b->view || (a->view && b->view && strcmp(a->view, b->view) == 0);

            assert_false(same && a->key == b->key);
        }
}

static void bindings_name_views_that_exist(void **state)
{
    const struct binding *b;

    (void)state;
    for (size_t i = 0; (b = keymap_at(i)); i++) {
        bool found = !b->view || strcmp(b->view, KEYMAP_TYPING) == 0;

        for (size_t k = 0; k < ARRAY_SIZE(views); k++)
            found = found || strcmp(b->view, views[k]->name) == 0;
        assert_true(found);
    }
}

static bool changes_things(enum key_action a)
{
    return a == ACT_STOP || a == ACT_START || a == ACT_DELETE || a == ACT_CANCEL || a == ACT_NEW ||
           a == ACT_CHECK || a == ACT_DRAIN || a == ACT_RESUME || a == ACT_CLOSE;
}

static void nothing_that_changes_things_lies_under_a_paging_habit(void **state)
{
    const struct binding *b;

    (void)state;
    for (size_t i = 0; (b = keymap_at(i)); i++)
        if (changes_things(b->action)) {
            assert_true(b->key > 0x20 && b->key < 0x7f);
            assert_non_null(b->view);
        }
    for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
        assert_int_equal(keymap_find(views[i]->name, KEY_CTRL('D')), ACT_PAGE_DOWN);
        assert_int_equal(keymap_find(views[i]->name, KEY_CTRL('U')), ACT_PAGE_UP);
        assert_int_equal(keymap_find(views[i]->name, KEY_CTRL('K')), ACT_NONE);
    }
}

static void a_view_s_own_binding_wins_and_others_keep_the_general_one(void **state)
{
    (void)state;
    assert_int_equal(keymap_find("log", 'n'), ACT_NEXT_MATCH);
    assert_int_equal(keymap_find("jobs", 'n'), ACT_NEW);
    assert_int_equal(keymap_find("offers", 'n'), ACT_NONE);
    assert_int_equal(keymap_find("offers", 'j'), ACT_DOWN);
}

static void where_text_is_typed_no_character_is_a_command(void **state)
{
    (void)state;
    for (uint32_t c = 0x20; c < 0x7f; c++)
        assert_int_equal(keymap_find(KEYMAP_TYPING, c), ACT_NONE);
    assert_int_equal(keymap_find(KEYMAP_TYPING, KEY_ENTER), ACT_ACCEPT);
    assert_int_equal(keymap_find(KEYMAP_TYPING, KEY_ESCAPE), ACT_DISMISS);
    /* What stands below a form, or in a long question, can be read; nothing else is left. */
    assert_int_equal(keymap_find(KEYMAP_TYPING, KEY_PAGE_DOWN), ACT_PAGE_DOWN);
    assert_int_equal(keymap_find(KEYMAP_TYPING, KEY_F1), ACT_NONE);
}

static void help_of_each_view_lists_each_key_that_works_there(void **state)
{
    (void)state;
    for (size_t v = 0; v < ARRAY_SIZE(views); v++) {
        const char *view = views[v]->typing ? KEYMAP_TYPING : views[v]->name;
        struct key_help help[96];
        size_t count = keymap_help(view, help, ARRAY_SIZE(help));
        const struct binding *b;

        assert_true(count < ARRAY_SIZE(help));
        for (size_t i = 0; (b = keymap_at(i)); i++) {
            bool listed = false;

            if (keymap_find(view, b->key) != b->action || (b->view && strcmp(b->view, view) != 0))
                continue;
            for (size_t k = 0; k < count; k++)
                listed = listed || help[k].action == b->action;
            assert_true(listed);
        }
        for (size_t k = 0; k < count; k++) {
            assert_true(help[k].keys[0] != '\0');
            assert_true(strlen(help[k].keys) < sizeof help[k].keys - 1);
        }
    }
}

static void hints_use_the_first_key_of_an_action(void **state)
{
    char label[KEY_LABEL_MAX];

    (void)state;
    assert_string_equal(keymap_label("offers", ACT_BACK, label), "Esc");
    assert_string_equal(keymap_label("instances", ACT_STOP, label), "S");
    assert_string_equal(keymap_label("offers", ACT_STOP, label), "");
}

static void every_view_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
        assert_true(views[i]->name[0] && views[i]->help[0]);
        assert_non_null(views[i]->draw);
        assert_non_null(views[i]->act);
        assert_int_equal(views[i]->filter == NULL, views[i]->filter_text == NULL);
        assert_int_equal(views[i]->typing, views[i]->type != NULL);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(views[i]->name, views[k]->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_binding_has_an_action_with_a_name_and_help),
        cmocka_unit_test(no_key_is_bound_twice_in_one_place),
        cmocka_unit_test(bindings_name_views_that_exist),
        cmocka_unit_test(nothing_that_changes_things_lies_under_a_paging_habit),
        cmocka_unit_test(a_view_s_own_binding_wins_and_others_keep_the_general_one),
        cmocka_unit_test(where_text_is_typed_no_character_is_a_command),
        cmocka_unit_test(help_of_each_view_lists_each_key_that_works_there),
        cmocka_unit_test(hints_use_the_first_key_of_an_action),
        cmocka_unit_test(every_view_has_a_name_and_a_sentence),
    };

    return T_RUN("keymap", tests);
}
