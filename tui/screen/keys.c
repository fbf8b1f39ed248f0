/* Names of keys, for help and for scripts. Knows nothing of what keys do. */
#include "tui/screen/keys.h"

#include <stdio.h>
#include <string.h>

#include "core/text.h"

static const struct {
    uint32_t key;
    const char *label;
} named[] = {{KEY_ENTER, "Enter"}, {KEY_ESCAPE, "Esc"}, {KEY_TAB, "Tab"},
             {KEY_ERASE, "BS"},    {' ', "Space"},      {'<', "lt"},
#define X(id, name) {id, name},
             KEY_SPECIAL_LIST(X)
#undef X
};

const char *key_label(uint32_t key, char buf[KEY_LABEL_MAX])
{
    for (size_t i = 0; i < ARRAY_SIZE(named); i++)
        if (named[i].key == key && key != '<') {
            text_copy(buf, KEY_LABEL_MAX, named[i].label);
            return buf;
        }
    if (key < 0x20)
        snprintf(buf, KEY_LABEL_MAX, "^%c", (char)(key + 0x40));
    else if (key < 0x7f)
        snprintf(buf, KEY_LABEL_MAX, "%c", (char)key);
    else
        snprintf(buf, KEY_LABEL_MAX, "U+%04X", (unsigned)key);
    return buf;
}

static uint32_t key_of_name(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(named); i++)
        if (strlen(named[i].label) == len && strncmp(named[i].label, name, len) == 0)
            return named[i].key;
    if (len == 2 && name[0] == '^' && name[1] >= '@' && name[1] <= '_')
        return KEY_CTRL(name[1]);
    return 0;
}

uint32_t key_parse(const char **text)
{
    const char *end = **text == '<' ? strchr(*text, '>') : NULL;
    uint32_t key = 0;
    size_t used;

    if (end) {
        key = key_of_name(*text + 1, (size_t)(end - *text) - 1);
        if (key)
            *text = end + 1;
        return key;
    }
    used = text_decode(*text, strlen(*text), &key);
    *text += used;
    return used ? key : 0;
}
