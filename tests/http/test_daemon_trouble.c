/* The real hourglassd when what it stands on fails: a locked database, a full disk, an engine
 * that cannot start anything. It answers 503 with nothing half done, goes on with what it can,
 * and works again by itself. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

#define LAUNCH "{\"offer_id\":\"local-cpu-2.local\",\"name\":\"in trouble\"}"

static int setup(void **state)
{
    struct fx_daemon *d = calloc(1, sizeof *d);

    fx_daemon_init(d);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct fx_daemon *d = *state;

    fx_daemon_clear(d);
    assert_int_equal(fx_daemon_check(d), 0);
    free(d);
    return 0;
}

static int status_of(struct fx_daemon *d, const char *path)
{
    struct answer a;
    struct err e;
    int status;

    err_clear(&e);
    if (client_call(d->client, "GET", path, NULL, NULL, &a, &e))
        return err_http_status(e.code);
    status = a.status;
    answer_release(&a);
    return status;
}

static void nothing_was_launched(struct fx_daemon *d)
{
    json_t *list = fx_must(d, "GET", "/v1/instances", NULL);
    json_t *credit = fx_must(d, "GET", "/v1/credit", NULL);

    assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
    assert_int_equal(fx_micros(credit, "available"), 250000000);
    assert_int_equal(fx_micros(credit, "held"), 0);
    json_decref(list);
    json_decref(credit);
}

/* Waits until it is ready again; it has to be by itself. */
static void comes_back(struct fx_daemon *d)
{
    char id[ID_MAX];

    for (int waited = 0; status_of(d, "/readyz") != 200; waited += 50) {
        if (waited > FX_DAEMON_WAIT_MS)
            fail_msg("it does not come back");
        poll(NULL, 0, 50);
    }
    fx_daemon_launch(d, "local-cpu-2.local", id);
    fx_daemon_delete(d, id);
}

/* Under the request's own id, though the writer's thread refused it, and without the key. */
static void a_refused_write_is_in_the_log(struct fx_daemon *d)
{
    struct raw_client c = {.fd = -1};
    struct raw_reply r = {0};
    STRBUF log = {0};
    char path[256];
    const char *line;

    assert_true(raw_open_unix(&c, d->socket));
    raw_ask(&c, &r,
            "POST /v1/projects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
            "X-Request-Id: refused-1\r\nContent-Type: application/json\r\n"
            "Content-Length: 12\r\n\r\n{\"name\":\"p\"}",
            d->token);
    assert_int_equal(r.status, 503);
    raw_close(&c);
    raw_reply_release(&r);
    snprintf(path, sizeof path, "%s/log", d->dir);
    strbuf_init(&log, 1024 * 1024);
    assert_ok(file_read(path, &log, &d->e), &d->e);
    line = strstr(log.data, " warn http: failed request=refused-1 route=/v1/projects status=503 ");
    assert_non_null(line);
    assert_contains(line, "locked");
    assert_null(strstr(strstr(line, "refused-1") + 1, "refused-1"));
    assert_null(strstr(log.data, d->token));
}

static void a_locked_database_is_503_and_reads_go_on(void **state)
{
    struct fx_daemon *d = *state;
    char path[256];
    sqlite3 *db = NULL;

    fx_daemon_start(d);
    snprintf(path, sizeof path, "%s/hourglass.db", d->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    assert_null(fx_ask(d, "POST", "/v1/instances", LAUNCH));
    assert_int_equal(err_http_status(d->e.code), 503);
    assert_contains(d->e.msg, "locked");
    a_refused_write_is_in_the_log(d);
    assert_int_equal(status_of(d, "/readyz"), 503);
    assert_int_equal(status_of(d, "/livez"), 200);
    nothing_was_launched(d);
    assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    comes_back(d);
}

/* No file of the daemon may grow beyond what it has now: a disk as full as it can be. */
static void disk_fill(struct fx_daemon *d, bool full)
{
    struct rlimit limit;
    char path[256];
    struct stat st = {0};

    snprintf(path, sizeof path, "%s/hourglass.db-wal", d->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(prlimit(d->pid, RLIMIT_FSIZE, NULL, &limit), 0);
    limit.rlim_cur = full ? 4096 : limit.rlim_max;
    assert_int_equal(prlimit(d->pid, RLIMIT_FSIZE, &limit, NULL), 0);
}

static void refused_for_want_of_room(struct fx_daemon *d)
{
    for (int i = 0; i < 3; i++) {
        assert_null(fx_ask(d, "POST", "/v1/instances", LAUNCH));
        assert_int_equal(err_http_status(d->e.code), 503);
        assert_string_equal(err_slug(d->e.code), "storage-unavailable");
    }
    assert_int_equal(status_of(d, "/readyz"), 503);
    assert_int_equal(status_of(d, "/v1/offers"), 200);
    nothing_was_launched(d);
}

static void a_full_disk_is_503_and_nothing_is_half_done(void **state)
{
    struct fx_daemon *d = *state;

    fx_daemon_start(d);
    disk_fill(d, true);
    refused_for_want_of_room(d);
    disk_fill(d, false);
    comes_back(d);
}

/* A file system of its own for the state, so that it can really be full. */
static bool small_disk(struct fx_daemon *d)
{
    return geteuid() == 0 && mount("tmpfs", d->dir, "tmpfs", 0, "size=8m,mode=0700") == 0;
}

static void room_take(const char *path)
{
    static const char zeros[65536];
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0) {
    }
    while (write(fd, zeros, 1) > 0) {
    }
    close(fd);
}

static void a_disk_that_is_really_full_is_503_as_well(void **state)
{
    struct fx_daemon *d = *state;
    char path[256];

    if (!small_disk(d))
        skip(); /* only root may mount, and not everywhere */
    fx_daemon_start(d);
    snprintf(path, sizeof path, "%s/filler", d->dir);
    room_take(path);
    refused_for_want_of_room(d);
    assert_int_equal(unlink(path), 0);
    comes_back(d);
    fx_daemon_end(d, SIGTERM);
    assert_int_equal(fx_daemon_check(d), 0);
    umount2(d->dir, MNT_DETACH);
}

/* --- the engine ------------------------------------------------------------------------------- */

static void copy(const char *from, const char *to)
{
    struct err e;
    STRBUF bytes;

    strbuf_init(&bytes, 64 * 1024 * 1024);
    assert_ok(file_read(from, &bytes, &e), &e);
    assert_ok(file_write(to, bytes.data, bytes.len, 0755, &e), &e);
}

/* With a supervisor of its own, which the test may take away. */
static void start_with_own_supervisor(struct fx_daemon *d, char program[256])
{
    static char flag[300]; /* as long as the daemon may be started again */

    snprintf(program, 256, "%s/hourglass-run", d->dir);
    snprintf(flag, sizeof flag, "--run-program=%s", program);
    copy(t_program("hourglass-run"), program);
    d->extra[0] = flag;
    fx_daemon_start(d);
    assert_int_equal(status_of(d, "/readyz"), 200);
}

static void without_its_supervisor_nothing_is_begun(void **state)
{
    struct fx_daemon *d = *state;
    char program[256];

    start_with_own_supervisor(d, program);
    assert_int_equal(chmod(program, 0644), 0);
    if (access(program, X_OK) == 0)
        assert_int_equal(unlink(program), 0);
    assert_int_equal(status_of(d, "/readyz"), 503);
    assert_null(fx_ask(d, "POST", "/v1/instances", LAUNCH));
    assert_int_equal(d->e.code, ERR_ENGINE);
    assert_contains(d->e.msg, "hourglass-run");
    nothing_was_launched(d);
    unlink(program);
    copy(t_program("hourglass-run"), program);
    comes_back(d);
}

static void what_the_engine_cannot_start_fails_with_its_reason(void **state)
{
    struct fx_daemon *d = *state;
    char program[256], path[128];
    json_t *in;

    start_with_own_supervisor(d, program);
    assert_int_equal(unlink(program), 0);
    copy("/bin/false", program);
    in = fx_must(d, "POST", "/v1/instances", LAUNCH);
    snprintf(path, sizeof path, "/v1/instances/%s", fx_text(in, "id"));
    json_decref(in);
    in = fx_await_state(d, path, "failed");
    assert_string_equal(fx_text(in, "state_reason"), "engine_error");
    assert_contains(fx_text(in, "state_detail"), "hourglass-run");
    assert_int_equal(fx_micros(in, "cost"), 0);
    json_decref(in);
    assert_int_equal(unlink(program), 0);
    copy(t_program("hourglass-run"), program);
    fx_daemon_delete(d, strrchr(path, '/') + 1);
    comes_back(d);
}

static void a_job_has_no_signal_ignored_that_the_daemon_ignores(void **state)
{
    struct fx_daemon *d = *state;
    char id[ID_MAX], body[256], path[128], log[160];
    struct answer a;
    json_t *job;

    fx_daemon_start(d);
    fx_daemon_launch(d, "local-cpu-2.local", id);
    snprintf(body, sizeof body,
             "{\"instance_id\":\"%s\",\"command\":\"grep SigIgn /proc/self/status; "
             "yes | head -1\"}",
             id);
    job = fx_must(d, "POST", "/v1/jobs", body);
    snprintf(path, sizeof path, "/v1/jobs/%s", fx_text(job, "id"));
    json_decref(job);
    json_decref(fx_await_state(d, path, "succeeded"));
    snprintf(log, sizeof log, "%s/log", path);
    err_clear(&d->e);
    assert_ok(client_call(d->client, "GET", log, NULL, NULL, &a, &d->e), &d->e);
    /* 32 and 33 are the C library's own. */
    assert_int_equal(strtoull(a.body + strlen("SigIgn:"), NULL, 16) & 0x7fffffff, 0);
    assert_contains(a.body, "\ny\n");
    answer_release(&a);
    fx_daemon_delete(d, id);
}

/* --- metrics ---------------------------------------------------------------------------------- */

/* name{label="value",…} number: Prometheus' text format, a sample at a time. */
static void sample_check(const char *line, size_t len)
{
    size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:");
    const char *p = line + name;
    char *end;

    if (name == 0 || (line[0] >= '0' && line[0] <= '9'))
        fail_msg("no name in '%.*s'", (int)len, line);
    if (*p == '{') {
        do {
            p++;
            p += strspn(p, "abcdefghijklmnopqrstuvwxyz_");
            if (p[0] != '=' || p[1] != '"')
                fail_msg("bad label in '%.*s'", (int)len, line);
            p += 2;
            p += strcspn(p, "\"\\\n");
            if (*p++ != '"')
                fail_msg("bad value in '%.*s'", (int)len, line);
        } while (*p == ',');
        if (*p++ != '}')
            fail_msg("labels do not end in '%.*s'", (int)len, line);
    }
    if (*p++ != ' ')
        fail_msg("no value in '%.*s'", (int)len, line);
    strtod(p, &end);
    if (end == p || *end != '\n')
        fail_msg("bad number in '%.*s'", (int)len, line);
}

static void samples_check(const char *text)
{
    char announced[128] = "";
    size_t samples = 0;

    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        size_t len = strcspn(line, "\n");

        assert_int_equal(line[len], '\n');
        if (strncmp(line, "# TYPE ", 7) == 0) {
            snprintf(announced, sizeof announced, "%.*s", (int)strcspn(line + 7, " "), line + 7);
        } else if (line[0] != '#') {
            sample_check(line, len);
            if (strncmp(line, announced, strlen(announced)) != 0)
                fail_msg("'%.*s' has no type", (int)len, line);
            samples++;
        }
    }
    assert_true(samples > 20);
}

static void metrics_are_for_staff_and_in_prometheus_format(void **state)
{
    struct fx_daemon *d = *state;
    struct answer a;

    fx_daemon_start(d);
    assert_int_equal(status_of(d, "/metrics"), 403);
    fx_daemon_end(d, SIGTERM);
    fx_daemon_init(d); /* another database, whose owner is staff */
    d->staff = true;
    fx_daemon_start(d);
    err_clear(&d->e);
    assert_ok(client_call(d->client, "GET", "/metrics", NULL, NULL, &a, &d->e), &d->e);
    samples_check(a.body);
    assert_contains(a.body, "hourglass_http_requests_total{class=\"2xx\"}");
    assert_contains(a.body, "hourglass_instances{state=\"running\"} 0");
    assert_contains(a.body, "hourglass_pool_units{pool=\"local-gpu\",kind=\"capacity\"} 8");
    answer_release(&a);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(a_locked_database_is_503_and_reads_go_on),
        TEST(a_full_disk_is_503_and_nothing_is_half_done),
        TEST(a_disk_that_is_really_full_is_503_as_well),
        TEST(without_its_supervisor_nothing_is_begun),
        TEST(what_the_engine_cannot_start_fails_with_its_reason),
        TEST(a_job_has_no_signal_ignored_that_the_daemon_ignores),
        TEST(metrics_are_for_staff_and_in_prometheus_format),
    };
#undef TEST

    return T_RUN("daemon_trouble", tests);
}
