/* The table of keys. No key that changes or costs anything stands under a paging habit, and none
 * acts without asking. */
#include "tui/key/keymap.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {
#define X(id, name, help) [id] = name,
    ACTION_LIST(X)
#undef X
};

static const char *const helps[] = {
#define X(id, name, help) [id] = help,
    ACTION_LIST(X)
#undef X
};

static const struct binding bindings[] = {
    {NULL, KEY_ARROW_UP, ACT_UP},
    {NULL, 'k', ACT_UP},
    {NULL, KEY_ARROW_DOWN, ACT_DOWN},
    {NULL, 'j', ACT_DOWN},
    {NULL, KEY_PAGE_UP, ACT_PAGE_UP},
    {NULL, KEY_CTRL('U'), ACT_PAGE_UP},
    {NULL, KEY_CTRL('B'), ACT_PAGE_UP},
    {NULL, KEY_PAGE_DOWN, ACT_PAGE_DOWN},
    {NULL, KEY_CTRL('D'), ACT_PAGE_DOWN},
    {NULL, KEY_CTRL('F'), ACT_PAGE_DOWN},
    {NULL, 'g', ACT_TOP},
    {NULL, KEY_START, ACT_TOP},
    {NULL, 'G', ACT_BOTTOM},
    {NULL, KEY_FINISH, ACT_BOTTOM},
    {NULL, KEY_ARROW_LEFT, ACT_LEFT},
    {NULL, 'h', ACT_LEFT},
    {NULL, KEY_ARROW_RIGHT, ACT_RIGHT},
    {NULL, KEY_ENTER, ACT_OPEN},
    {NULL, KEY_ESCAPE, ACT_BACK},
    {NULL, KEY_ERASE, ACT_BACK},
    {NULL, KEY_TAB, ACT_NEXT_VIEW},
    {NULL, KEY_BACK_TAB, ACT_PREVIOUS_VIEW},
    {NULL, '1', ACT_VIEW_1},
    {NULL, '2', ACT_VIEW_2},
    {NULL, '3', ACT_VIEW_3},
    {NULL, '4', ACT_VIEW_4},
    {NULL, '5', ACT_VIEW_5},
    {NULL, '6', ACT_VIEW_6},
    {NULL, '7', ACT_VIEW_7},
    {NULL, ':', ACT_COMMAND},
    {NULL, '/', ACT_FILTER},
    {NULL, 'r', ACT_REFRESH},
    {NULL, KEY_CTRL('R'), ACT_REFRESH},
    {NULL, '?', ACT_HELP},
    {NULL, KEY_F1, ACT_HELP},
    {NULL, 'q', ACT_QUIT},

    {"offers", 'd', ACT_DETAILS},
    {"offers", 'o', ACT_SORT},
    {"offers", 'O', ACT_SORT_TURN},
    {"instances", 'd', ACT_DETAILS},
    {"instances", 'c', ACT_CHECK},
    {"instances", 'S', ACT_STOP},
    {"instances", 'T', ACT_START},
    {"instances", 'D', ACT_DELETE},
    {"instances", 'o', ACT_SORT},
    {"instances", 'O', ACT_SORT_TURN},
    {"instance", 'c', ACT_CHECK},
    {"instance", 'S', ACT_STOP},
    {"instance", 'T', ACT_START},
    {"instance", 'D', ACT_DELETE},
    {"jobs", 'n', ACT_NEW},
    {"jobs", 'l', ACT_LOG},
    {"jobs", 'd', ACT_DETAILS},
    {"jobs", 'C', ACT_CANCEL},
    {"jobs", 'o', ACT_SORT},
    {"jobs", 'O', ACT_SORT_TURN},
    {"job", 'l', ACT_LOG},
    {"job", 'C', ACT_CANCEL},
    {"log", 'F', ACT_FOLLOW},
    {"log", 'w', ACT_WRAP},
    {"log", 'n', ACT_NEXT_MATCH},
    {"log", 'N', ACT_PREVIOUS_MATCH},
    {"log", 'l', ACT_RIGHT},
    {"reports", 'd', ACT_DETAILS},
    {"nodes", 'D', ACT_DRAIN},
    {"nodes", 'R', ACT_RESUME},
    {"cases", 'C', ACT_CLOSE},

    {KEYMAP_TYPING, KEY_ENTER, ACT_ACCEPT},
    {KEYMAP_TYPING, KEY_ESCAPE, ACT_DISMISS},
    {KEYMAP_TYPING, KEY_CTRL('G'), ACT_DISMISS},
    {KEYMAP_TYPING, KEY_TAB, ACT_COMPLETE},
    {KEYMAP_TYPING, KEY_ARROW_UP, ACT_FIELD_UP},
    {KEYMAP_TYPING, KEY_BACK_TAB, ACT_FIELD_UP},
    {KEYMAP_TYPING, KEY_ARROW_DOWN, ACT_FIELD_DOWN},
    {KEYMAP_TYPING, KEY_PAGE_UP, ACT_PAGE_UP},
    {KEYMAP_TYPING, KEY_PAGE_DOWN, ACT_PAGE_DOWN},
    {KEYMAP_TYPING, KEY_ARROW_LEFT, ACT_CHAR_LEFT},
    {KEYMAP_TYPING, KEY_CTRL('B'), ACT_CHAR_LEFT},
    {KEYMAP_TYPING, KEY_ARROW_RIGHT, ACT_CHAR_RIGHT},
    {KEYMAP_TYPING, KEY_CTRL('F'), ACT_CHAR_RIGHT},
    {KEYMAP_TYPING, KEY_START, ACT_LINE_START},
    {KEYMAP_TYPING, KEY_CTRL('A'), ACT_LINE_START},
    {KEYMAP_TYPING, KEY_FINISH, ACT_LINE_END},
    {KEYMAP_TYPING, KEY_CTRL('E'), ACT_LINE_END},
    {KEYMAP_TYPING, KEY_ERASE, ACT_ERASE},
    {KEYMAP_TYPING, KEY_DELETE, ACT_ERASE_HERE},
    {KEYMAP_TYPING, KEY_CTRL('W'), ACT_ERASE_WORD},
    {KEYMAP_TYPING, KEY_CTRL('U'), ACT_ERASE_LINE},
};

const char *key_action_name(enum key_action a)
{
    return (unsigned)a < ACT_COUNT ? names[a] : names[ACT_NONE];
}

const char *key_action_help(enum key_action a)
{
    return (unsigned)a < ACT_COUNT ? helps[a] : "";
}

const struct binding *keymap_at(size_t index)
{
    return index < ARRAY_SIZE(bindings) ? &bindings[index] : NULL;
}

static bool is_for(const struct binding *b, const char *view)
{
    return b->view && strcmp(b->view, view) == 0;
}

enum key_action keymap_find(const char *view, uint32_t key)
{
    enum key_action general = ACT_NONE;
    bool typing = strcmp(view, KEYMAP_TYPING) == 0;

    for (size_t i = 0; i < ARRAY_SIZE(bindings); i++) {
        if (bindings[i].key != key)
            continue;
        if (is_for(&bindings[i], view))
            return bindings[i].action;
        if (!bindings[i].view)
            general = bindings[i].action;
    }
    return typing ? ACT_NONE : general;
}

static void help_add(const char *view, enum key_action a, bool own, struct key_help *out,
                     size_t max, size_t *count)
{
    char keys[sizeof out->keys] = "";

    for (size_t i = 0; i < ARRAY_SIZE(bindings); i++) {
        const struct binding *b = &bindings[i];
        size_t used = strlen(keys);
        char label[KEY_LABEL_MAX];

        /* Ask the dispatcher, so that the overlay cannot lie. */
        if (b->action == a && is_for(b, view) == own && (own || !b->view) &&
            keymap_find(view, b->key) == a)
            snprintf(keys + used, sizeof keys - used, "%s%s", used ? ", " : "",
                     key_label(b->key, label));
    }
    for (size_t i = 0; i < *count; i++)
        if (out[i].action == a)
            return; /* listed among the view's own already */
    if (!keys[0] || *count >= max)
        return;
    memcpy(out[*count].keys, keys, sizeof keys);
    out[*count].text = key_action_help(a);
    out[*count].action = a;
    out[*count].own = own;
    (*count)++;
}

size_t keymap_help(const char *view, struct key_help *out, size_t max)
{
    size_t count = 0;

    for (int own = 1; own >= 0; own--)
        for (int a = ACT_NONE + 1; a < ACT_COUNT; a++)
            help_add(view, (enum key_action)a, own, out, max, &count);
    return count;
}

const char *keymap_label(const char *view, enum key_action a, char buf[KEY_LABEL_MAX])
{
    buf[0] = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(bindings); i++) {
        const struct binding *b = &bindings[i];

        if (b->action == a && (!b->view || is_for(b, view)) && keymap_find(view, b->key) == a)
            return key_label(b->key, buf);
    }
    return buf;
}
