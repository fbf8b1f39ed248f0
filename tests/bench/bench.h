/* What the programs of the bench share: the time, giving up, and arguments. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/errs.h"
#include "core/file.h"

#define US_PER_SECOND 1000000

static inline int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
}

/* A bench that cannot measure says why and measures nothing. */
PRINTF_LIKE(1, 2) __attribute__((noreturn)) static inline void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fprintf(stderr, "bench: ");
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static inline void must(enum err_code rc, const struct err *e)
{
    if (rc)
        die("%s", e->msg);
}

static inline int64_t number(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);

    if (end == text || *end || n < 0)
        die("'%s' is not a number", text);
    return n;
}

static inline int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* A file of one line, such as a token, without its line end. */
static inline void line_read(const char *path, char *out, size_t size)
{
    struct err e;
    STRBUF text;

    strbuf_init(&text, size);
    must(file_read(path, &text, &e), &e);
    text.data[strcspn(text.data, "\r\n")] = '\0';
    if (!text_copy(out, size, text.data))
        die("%s: the line is too long", path);
}

/* RssAnon of /proc/PID/status in KiB; -1 when the process is gone. */
static inline int64_t rss_anon_kib(int pid)
{
    char path[64], line[256];
    int64_t kib = -1;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/status", pid);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtoll(line + 8, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

#endif
