/* Editing keys, and names of files that are typed. */
#include "tui/view/typing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/text.h"

#define FOLDER_ENTRIES_MAX 10000 /* of a folder that is read for a completion */

bool line_op_of(enum key_action a, enum line_op *op)
{
    static const struct {
        enum key_action action;
        enum line_op op;
    } table[] = {
        {ACT_CHAR_LEFT, LINE_LEFT},        {ACT_CHAR_RIGHT, LINE_RIGHT},
        {ACT_LINE_START, LINE_START},      {ACT_LINE_END, LINE_END},
        {ACT_ERASE, LINE_ERASE},           {ACT_ERASE_HERE, LINE_DELETE},
        {ACT_ERASE_WORD, LINE_ERASE_WORD}, {ACT_ERASE_LINE, LINE_ERASE_ALL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].action == a) {
            *op = table[i].op;
            return true;
        }
    return false;
}

const char *path_expand(const char *path, char *out, size_t size)
{
    const char *home = getenv("HOME");

    if (path[0] == '~' && path[1] == '/' && home)
        snprintf(out, size, "%s%s", home, path + 1);
    else
        text_copy(out, size, path);
    return out;
}

/* How far two names are the same. */
static size_t common(const char *a, const char *b)
{
    size_t n = 0;

    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static bool is_folder(const char *folder, const char *name)
{
    char path[LINE_BYTES_MAX + 260];
    struct stat st;

    snprintf(path, sizeof path, "%s%s", folder, name);
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Names in `folder` that begin as typed: how many, and what all of them begin with. */
static size_t names_like(const char *folder, const char *typed, char *match, size_t size)
{
    size_t len = strlen(typed), found = 0, seen = 0;
    DIR *dir = opendir(folder[0] ? folder : ".");
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)) && seen++ < FOLDER_ENTRIES_MAX) {
        if (strncmp(entry->d_name, typed, len) != 0 || (entry->d_name[0] == '.' && !len))
            continue;
        if (found++ == 0)
            text_copy(match, size, entry->d_name);
        else
            match[common(match, entry->d_name)] = '\0';
    }
    if (dir)
        closedir(dir);
    return found;
}

bool path_complete(struct line *l)
{
    char full[LINE_BYTES_MAX], folder[LINE_BYTES_MAX], match[256] = "";
    const char *slash = strrchr(path_expand(l->text, full, sizeof full), '/');
    const char *typed = slash ? slash + 1 : full;
    const char *at;
    size_t found;

    snprintf(folder, sizeof folder, "%.*s", (int)(typed - full), full);
    found = names_like(folder, typed, match, sizeof match);
    line_edit(l, LINE_END);
    if (strlen(match) >= strlen(typed))
        for (at = match + strlen(typed); *at;) {
            uint32_t code;

            at += text_decode(at, strlen(at), &code);
            line_insert(l, code);
        }
    if (found == 1 && is_folder(folder, match))
        line_insert(l, '/');
    return found > 0;
}
