/* The console, its files, and looking at its screen. */
#include "tests/support/t.h"

#include "tests/support/seat.h"

#include <sys/wait.h>

#include "core/file.h"
#include "core/strbuf.h"

static void file_put(const char *path, const char *text)
{
    struct err e;

    assert_ok(file_write(path, text, strlen(text), 0600, &e), &e);
}

static void config_write(struct seat *s, const struct fx_daemon *d)
{
    char text[1024], token[192];

    assert_true(text_copy(s->dir, sizeof s->dir, t_dir()));
    snprintf(s->config, sizeof s->config, "%s/config.yaml", s->dir);
    snprintf(s->trace, sizeof s->trace, "%s/trace", s->dir);
    snprintf(s->errors, sizeof s->errors, "%s/errors", s->dir);
    snprintf(token, sizeof token, "%s/token", s->dir);
    file_put(token, d->token);
    file_put(s->errors, "");
    snprintf(text, sizeof text, "profiles:\n  - name: here\n    url: %s\n    token_file: %s\n",
             s->url ? s->url : d->url, token);
    file_put(s->config, text);
}

void seat_open(struct seat *s, const struct fx_daemon *d)
{
    const char *argv[] = {t_program("hourglass"), "--config", s->config, "--trace", s->trace, NULL};
    const char *env[16] = {"HOURGLASS_URL", "HOURGLASS_TOKEN", "HOURGLASS_PROFILE"};
    struct term_options o = {.rows = s->rows,
                             .cols = s->cols,
                             .name = s->terminal,
                             .env = env,
                             .argv = (char *const *)(uintptr_t)argv,
                             .stderr_file = s->errors};

    assert_null(s->term);
    config_write(s, d);
    for (size_t n = 3; s->env && s->env[n - 3] && n + 1 < ARRAY_SIZE(env); n++)
        env[n] = s->env[n - 3];
    s->term = term_start(&o);
}

void seat_ended(struct seat *s, int exit_code)
{
    int status = term_exit(s->term, TERM_WAIT_MS);
    STRBUF said = {0};
    struct err e;

    strbuf_init(&said, 1024 * 1024);
    assert_ok(file_read(s->errors, &said, &e), &e);
    assert_string_equal(said.data, "");
    if (status < 0)
        fail_msg("the console does not end:\n%s", term_text(s->term));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit_code);
    assert_string_equal(term_disorder(s->term), "");
    seat_drop(s);
}

void seat_leave(struct seat *s)
{
    term_keys(s->term, "q");
    seat_ended(s, 0);
}

void seat_drop(struct seat *s)
{
    term_free(s->term);
    s->term = NULL;
}

/* --- looking ---------------------------------------------------------------------------------- */

static void squeeze(const char *row, char *out, size_t size)
{
    size_t used = 0;

    for (; *row && *row != '\n' && used + 1 < size; row++)
        if (*row != ' ' || (used > 0 && out[used - 1] != ' '))
            out[used++] = *row;
    out[used] = '\0';
}

const char *seat_row(struct seat *s, const char *text)
{
    static __thread char row[2048];
    const char *at = term_text(s->term), *hit = strstr(at, text);

    row[0] = '\0';
    if (!hit)
        return row;
    while (hit > at && hit[-1] != '\n')
        hit--;
    squeeze(hit, row, sizeof row);
    return row;
}

static bool any_row_has(struct seat *s, const char *name, const char *text)
{
    for (const char *at = term_text(s->term); at && *at; at = strchr(at, '\n'), at += at != NULL) {
        char row[2048];

        squeeze(at, row, sizeof row);
        if (strstr(row, name) && strstr(row, text))
            return true;
    }
    return false;
}

void seat_await(struct seat *s, const char *name, const char *text)
{
    for (int waited = 0; waited < TERM_WAIT_MS; waited += 20) {
        if (any_row_has(s, name, text))
            return;
        term_listen(s->term, 20);
    }
    fail_msg("no row has '%s' and '%s':\n%s", name, text, term_text(s->term));
}

int64_t seat_micros(struct seat *s, const char *label)
{
    const char *at = strstr(term_text(s->term), label);
    int64_t micros = 0, unit = 1000000;

    if (!at)
        fail_msg("no '%s':\n%s", label, term_text(s->term));
    at += strlen(label);
    at += strspn(at, " ");
    if (*at < '0' || *at > '9')
        fail_msg("no amount behind '%s':\n%s", label, term_text(s->term));
    for (; (*at >= '0' && *at <= '9') || *at == ','; at++)
        if (*at != ',')
            micros = micros * 10 + (*at - '0');
    micros *= unit;
    for (at += *at == '.'; *at >= '0' && *at <= '9' && unit > 1; at++)
        micros += (unit /= 10) * (*at - '0');
    return micros;
}

const char *seat_trace(struct seat *s)
{
    static __thread struct strbuf text;

    strbuf_release(&text);
    strbuf_init(&text, 64 * 1024 * 1024);
    if (file_read(s->trace, &text, NULL))
        return "";
    return text.data;
}

size_t seat_traced(struct seat *s, const char *beginning)
{
    size_t count = 0;

    for (const char *at = seat_trace(s); at && *at; at = strchr(at, '\n'), at += at != NULL)
        count += strncmp(at, beginning, strlen(beginning)) == 0;
    return count;
}
