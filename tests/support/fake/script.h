/* The script that a fake library plays: the file named by HOURGLASS_FAKE_NVML, or by
 * SCRIPT_VARIABLE where that is defined first, one "key value" a line. NVML and the CUDA driver
 * read the same one, so that it describes one machine. A key
 * may be for one GPU ("gpu3.temperature 91"), else it is for all. For every function:
 *   code.<function> N    answer N instead        hang.<function> 1   never answer
 *   crash.<function> 1   die of a signal
 * Everything is static: each fake is a library of its own. */
#ifndef TESTS_SUPPORT_FAKE_SCRIPT_H
#define TESTS_SUPPORT_FAKE_SCRIPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SCRIPT_VARIABLE
#define SCRIPT_VARIABLE "HOURGLASS_FAKE_NVML"
#endif
#define SCRIPT_MAX  65536
#define SCRIPT_WORD __attribute__((unused)) static

SCRIPT_WORD char script[SCRIPT_MAX];
SCRIPT_WORD bool script_is_loaded; /* by this file of the library: each has its own */

SCRIPT_WORD void script_load(void)
{
    const char *path = getenv(SCRIPT_VARIABLE);
    FILE *file = path && path[0] ? fopen(path, "r") : NULL;
    size_t n;

    script[0] = '\0';
    script_is_loaded = true;
    if (!file)
        return;
    n = fread(script, 1, sizeof script - 1, file);
    script[n] = '\0';
    fclose(file);
}

/* The rest of the line that starts with this key; NULL when there is none. */
SCRIPT_WORD const char *line_find(const char *key)
{
    size_t length = strlen(key);

    if (!script_is_loaded)
        script_load();
    for (const char *at = script; at && *at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, length) == 0 && at[length] == ' ')
            return at + length + 1;
    }
    return NULL;
}

SCRIPT_WORD const char *value_find(int gpu, const char *key)
{
    char own[128];
    const char *value;

    snprintf(own, sizeof own, "gpu%d.%s", gpu, key);
    value = gpu >= 0 ? line_find(own) : NULL;
    return value ? value : line_find(key);
}

SCRIPT_WORD long long number(int gpu, const char *key, long long otherwise)
{
    const char *value = value_find(gpu, key);

    return value ? strtoll(value, NULL, 0) : otherwise;
}

SCRIPT_WORD double real(int gpu, const char *key, double otherwise)
{
    const char *value = value_find(gpu, key);

    return value ? strtod(value, NULL) : otherwise;
}

SCRIPT_WORD void text(int gpu, const char *key, const char *otherwise, char *out, unsigned size)
{
    const char *value = value_find(gpu, key);

    if (value)
        snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
    else
        snprintf(out, size, "%s", otherwise);
}

SCRIPT_WORD int enter(int gpu, const char *function)
{
    char key[128];

    snprintf(key, sizeof key, "hang.%s", function);
    while (number(gpu, key, 0))
        pause();
    snprintf(key, sizeof key, "crash.%s", function);
    if (number(gpu, key, 0)) {
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    snprintf(key, sizeof key, "code.%s", function);
    return (int)number(gpu, key, 0);
}

#define ENTER(gpu)                          \
    do {                                    \
        int code_ = enter((gpu), __func__); \
        if (code_)                          \
            return code_;                   \
    } while (0)
#define API(name, ...)     \
    int name(__VA_ARGS__); \
    int name(__VA_ARGS__)

#endif
