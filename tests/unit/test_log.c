/* Log lines: one event, one line, whatever is in the values. */
#include "tests/support/t.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "core/log.h"
#include "core/strbuf.h"

/* What was logged since setup(): a pipe would fill, a file does not. */
static int setup(void **state)
{
    char path[300];
    int fd;

    snprintf(path, sizeof path, "%s/log", t_dir());
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    log_fd_set(fd);
    log_level_set(LOG_DEBUG);
    log_request_set("");
    *state = (void *)(intptr_t)fd;
    return 0;
}

static int teardown(void **state)
{
    log_fd_set(STDERR_FILENO);
    log_level_set(LOG_INFO);
    close((int)(intptr_t)*state);
    return 0;
}

static void read_back(void **state, struct strbuf *out)
{
    char bytes[4096];
    ssize_t n;

    strbuf_init(out, 10000000);
    lseek((int)(intptr_t)*state, 0, SEEK_SET);
    while ((n = read((int)(intptr_t)*state, bytes, sizeof bytes)) > 0)
        strbuf_add(out, bytes, (size_t)n);
}

/* The line without its time, which is checked for its form. */
static const char *after_time(const char *line)
{
    int year, month, day, h, m, rest = 0;

    assert_int_equal(
        sscanf(line, "%4d-%2d-%2dT%2d:%2d:%*[0-9.]Z %n", &year, &month, &day, &h, &m, &rest), 5);
    assert_true(rest > 0);
    return line + rest;
}

static void a_line_has_time_level_module_event_and_pairs(void **state)
{
    STRBUF out;

    log_line(LOG_WARN, "http", "listening", "address=%s port=%d", "::1", 8080);
    read_back(state, &out);
    assert_string_equal(after_time(out.data), "warn http: listening address=::1 port=8080\n");
}

static void the_request_id_of_the_thread_is_shown(void **state)
{
    STRBUF out;

    log_request_set("req_1");
    log_line(LOG_INFO, "http", "answer", "status=%d", 200);
    read_back(state, &out);
    assert_string_equal(after_time(out.data), "info http: answer request=req_1 status=200\n");
}

static void an_event_without_pairs_has_no_trailing_blank(void **state)
{
    STRBUF out;

    log_line(LOG_ERROR, "store", "closed", "%s", "");
    read_back(state, &out);
    assert_string_equal(after_time(out.data), "error store: closed\n");
}

/* Why: a value from outside must not forge a second line or speak to a terminal. */
static void control_characters_are_escaped(void **state)
{
    STRBUF out;

    log_request_set("r\nx");
    log_line(LOG_INFO, "http", "bad", "name=%s", "a\nb\r\t\033[31m\x7f\xc2\x9b\xff\u20AC");
    read_back(state, &out);
    assert_string_equal(
        after_time(out.data),
        "info http: bad request=r\\nx name=a\\nb\\r\\t\\x1b[31m\\x7f\\xc2\\x9b\\xff\u20AC\n");
}

static void lines_below_the_level_are_dropped(void **state)
{
    STRBUF out;

    log_level_set(LOG_WARN);
    log_line(LOG_INFO, "a", "b", "c=%d", 1);
    log_line(LOG_DEBUG, "a", "b", "c=%d", 1);
    log_line(LOG_WARN, "a", "kept", "c=%d", 1);
    read_back(state, &out);
    assert_string_equal(after_time(out.data), "warn a: kept c=1\n");
}

static void a_long_event_is_cut_and_still_one_line(void **state)
{
    char text[20000];
    STRBUF out;

    memset(text, '\001', sizeof text);
    text[sizeof text - 1] = '\0';
    log_line(LOG_INFO, "a", "b", "c=%s", text);
    memset(text, 'x', sizeof text - 1);
    log_line(LOG_INFO, "a", "b", "c=%s", text);
    read_back(state, &out);
    assert_int_equal(out.data[out.len - 1], '\n');
    assert_ptr_equal(strchr(strchr(out.data, '\n') + 1, '\n'), out.data + out.len - 1);
    assert_contains(out.data, " cut=true\n");
    assert_true(out.len < 12000);
}

static void logging_leaves_errno_alone(void **state)
{
    (void)state;
    errno = ENOSPC;
    log_fd_set(-1);
    log_line(LOG_INFO, "a", "b", "c=%d", 1);
    assert_int_equal(errno, ENOSPC);
}

static void *log_many(void *arg)
{
    log_request_set(arg);
    for (int i = 0; i < 500; i++)
        log_line(LOG_INFO, "t", "tick", "i=%d end=yes", i);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    char one[] = "req_one", two[] = "req_two";
    pthread_t a, b;
    STRBUF out;
    size_t lines = 0;

    assert_int_equal(pthread_create(&a, NULL, log_many, one), 0);
    assert_int_equal(pthread_create(&b, NULL, log_many, two), 0);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    read_back(state, &out);
    for (char *line = out.data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        char id[8];
        int i, rest = 0;

        *end = '\0';
        assert_int_equal(
            sscanf(after_time(line), "info t: tick request=req_%3s i=%d end=yes%n", id, &i, &rest),
            2);
        assert_true(rest > 0);
        lines++;
    }
    assert_int_equal(lines, 1000);
}

static void levels_are_read_by_name(void **state)
{
    enum log_level level = LOG_ERROR;

    (void)state;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_ERROR);
    assert_false(log_level_parse("INFO", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LOG_ERROR);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static const struct CMUnitTest tests[] = {
    T(a_line_has_time_level_module_event_and_pairs),
    T(the_request_id_of_the_thread_is_shown),
    T(an_event_without_pairs_has_no_trailing_blank),
    T(control_characters_are_escaped),
    T(lines_below_the_level_are_dropped),
    T(a_long_event_is_cut_and_still_one_line),
    T(logging_leaves_errno_alone),
    T(lines_of_threads_do_not_mix),
    T(levels_are_read_by_name),
};

int main(void)
{
    return T_RUN("log", tests);
}
