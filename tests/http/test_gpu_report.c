/* hourglass-gpu reports to a real hourglassd: a check once, a watcher every ten seconds; and what
 * is refused, away or wrong. And the routes of telemetry, asked directly. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/id.h"
#include "core/process.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/fx_gpu.h"

#define WAIT_MS 20000

struct fixture {
    struct fx_daemon d;
    struct fx_gpu gpu;
    char token_file[256];
};

static void token_write(struct fixture *fx, const char *token, unsigned mode)
{
    snprintf(fx->token_file, sizeof fx->token_file, "%s/token", t_dir());
    fx_gpu_file(fx->token_file, token);
    assert_int_equal(chmod(fx->token_file, mode), 0);
}

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx_gpu_init(&fx->gpu, 8);
    fx_daemon_init(&fx->d);
    fx_daemon_start(&fx->d);
    token_write(fx, fx->d.token, 0600);
    *state = fx;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    fx_daemon_clear(&fx->d);
    fx_gpu_release(&fx->gpu);
    free(fx);
    return 0;
}

static int check(struct fixture *fx, const char *server, const char *instance)
{
    return fx_gpu_run(&fx->gpu, "check", "--report", "--server", server, "--token-file",
                      fx->token_file, "--deadline", fx->gpu.deadline, "-o", "json",
                      instance ? "--instance" : NULL, instance, NULL);
}

static size_t reports(struct fixture *fx, json_t **out)
{
    *out = fx_must(&fx->d, "GET", "/v1/reports", NULL);
    return json_array_size(json_object_get(*out, "items"));
}

/* --- check --report --------------------------------------------------------------------- */

static void a_check_is_reported_and_its_id_is_said(void **state)
{
    struct fixture *fx = *state;
    json_t *list, *shown = NULL;
    const json_t *r;
    char said[128];
    struct err e;

    fx_gpu_script(&fx->gpu, "gpu3.temperature 95\ngpu3.margin -3\n");
    assert_int_equal(check(fx, fx->d.url, NULL), 1); /* the verdict's, as without a report */
    assert_int_equal(reports(fx, &list), 1);
    r = json_array_get(json_object_get(list, "items"), 0);
    assert_string_equal(fx_text(r, "verdict"), "unhealthy");
    assert_string_equal(fx_text(r, "origin"), "member");
    assert_int_equal(json_array_size(json_object_get(r, "gpus")), 8);
    snprintf(said, sizeof said, "hourglass-gpu: reported as %s\n", fx_text(r, "id"));
    assert_string_equal(fx->gpu.errors.data, said);
    assert_ok(json_parse(fx->gpu.out.data, fx->gpu.out.len, &shown, &e), &e);
    assert_string_equal(fx_text(shown, "summary"), fx_text(r, "summary"));
    json_decref(shown);
    json_decref(list);
}

static void what_the_server_refuses_is_told_in_its_words_and_changes_no_exit_code(void **state)
{
    struct fixture *fx = *state;
    char away[256];
    json_t *list;

    assert_int_equal(check(fx, fx->d.url, "ins_nobody"), 0);
    assert_contains(fx->gpu.errors.data, "not reported: there is no such instance");
    token_write(fx, "hgk_wrong", 0600);
    assert_int_equal(check(fx, fx->d.url, NULL), 0);
    assert_contains(fx->gpu.errors.data, "not reported: ");
    assert_null(strstr(fx->gpu.errors.data, "hgk_"));
    snprintf(away, sizeof away, "unix:%s/nobody.sock", t_dir());
    assert_int_equal(check(fx, away, NULL), 0);
    assert_contains(fx->gpu.errors.data, "not reported: ");
    assert_contains(fx->gpu.errors.data, "nobody.sock");
    assert_int_equal(reports(fx, &list), 0);
    json_decref(list);
}

static void mistakes_are_told_before_anything_is_checked(void **state)
{
    struct fixture *fx = *state;

    token_write(fx, fx->d.token, 0644);
    assert_int_equal(check(fx, fx->d.url, NULL), 2);
    assert_string_equal(fx->gpu.out.data, "");
    assert_null(strstr(fx->gpu.errors.data, fx->d.token));
    assert_int_equal(check(fx, "http://example.org", NULL), 2);
    assert_int_equal(fx_gpu_run(&fx->gpu, "check", "--report", NULL), 2);
    assert_contains(fx->gpu.errors.data, "HOURGLASS_URL");
    assert_int_equal(fx_gpu_run(&fx->gpu, "check", "--instance", "x", NULL), 2);
    assert_contains(fx->gpu.errors.data, "belong to --report");
    assert_int_equal(fx_gpu_run(&fx->gpu, "check", "--report", "--server", NULL), 2);
    assert_contains(fx->gpu.errors.data, "needs a value");
}

static void a_check_of_an_instance_is_listed_with_it(void **state)
{
    struct fixture *fx = *state;
    char id[ID_MAX], path[128];
    json_t *list;

    fx_daemon_launch(&fx->d, "local-cpu-2.local", id);
    assert_int_equal(check(fx, fx->d.url, id), 0);
    snprintf(path, sizeof path, "/v1/reports?instance_id=%s", id);
    list = fx_must(&fx->d, "GET", path, NULL);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    json_decref(list);
}

/* --- a server that answers nonsense -------------------------------------------------------- */

/* Answers every connection the same, until it is killed. */
static pid_t answer_always(const char *path, const char *answer)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char bytes[65536];
    pid_t pid;

    text_copy(at.sun_path, sizeof at.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    pid = fork();
    while (pid == 0) {
        int c = accept(fd, NULL, NULL);

        if (c < 0 || read(c, bytes, sizeof bytes) < 0)
            _exit(1);
        for (size_t left = strlen(answer); left;) {
            ssize_t n = write(c, answer + strlen(answer) - left, left);

            if (n <= 0)
                break;
            left -= (size_t)n;
        }
        shutdown(c, SHUT_WR);
        while (read(c, bytes, sizeof bytes) > 0)
            ;
        close(c);
    }
    close(fd);
    return pid;
}

static void answers_that_are_no_answers_are_no_success(void **state)
{
    static const struct {
        const char *answer, *said;
    } cases[] = {
        {"HTTP/1.1 302 Found\r\nLocation: http://localhost/x\r\nContent-Length: 0\r\n"
         "Connection: close\r\n\r\n",
         "not reported: the server answered with status 302"},
        {"HTTP/1.1 413 x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig",
         "not reported: the server answered with status 413"},
        {"HTTP/1.1 422 x\r\nContent-Type: application/problem+json\r\nConnection: close\r\n\r\n"
         "{\"code\":\"limit-exceeded\",\"detail\":\"too \\u001b[2Jmany\"}",
         "not reported: too "},
        {"garbage\r\n\r\n", "not reported: "},
        {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>",
         "not reported: the answer is not hourglassd's"},
    };
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char path[256], url[300];
        pid_t pid;

        snprintf(path, sizeof path, "%s/odd-%zu.sock", t_dir(), i);
        snprintf(url, sizeof url, "unix:%s", path);
        pid = answer_always(path, cases[i].answer);
        assert_int_equal(check(fx, url, NULL), 0);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        assert_contains(fx->gpu.errors.data, cases[i].said);
        assert_null(strchr(fx->gpu.errors.data, '\033'));
    }
}

/* --- watch --report ------------------------------------------------------------------------- */

/* `ca_file` may be NULL. */
static pid_t watch_start(struct fixture *fx, const char *url, const char *ca_file,
                         const char *errors)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    setenv("HOURGLASS_FAKE_NVML", fx->gpu.script, 1);
    dup2(open(errors, O_CREAT | O_WRONLY | O_APPEND, 0600), STDERR_FILENO);
    execl(t_program("hourglass-gpu"), "hourglass-gpu", "watch", "--nvml", fx->gpu.library,
          "--report", "--server", url, "--token-file", fx->token_file, "-e", "200ms",
          ca_file ? "--ca-file" : NULL, ca_file, NULL);
    _exit(127);
}

static void watch_end(pid_t pid)
{
    int status = 0;

    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Poll until there is telemetry. Caller owns. */
static json_t *telemetry_await(struct fixture *fx)
{
    int64_t until_ms = clock_mono_ms(clock_real()) + WAIT_MS;

    for (;;) {
        json_t *list = fx_must(&fx->d, "GET", "/v1/telemetry", NULL);

        if (json_array_size(json_object_get(list, "items")))
            return list;
        json_decref(list);
        if (clock_mono_ms(clock_real()) > until_ms)
            fail_msg("no telemetry came");
        poll(NULL, 0, 50);
    }
}

static void a_watcher_reports_what_it_sees(void **state)
{
    struct fixture *fx = *state;
    char errors[256];
    const json_t *s, *g;
    json_t *list;
    pid_t pid;

    fx_gpu_script(&fx->gpu, "gpu1.code.nvmlDeviceGetFieldValues 15\n");
    snprintf(errors, sizeof errors, "%s/watch-errors", t_dir());
    pid = watch_start(fx, fx->d.url, NULL, errors);
    list = telemetry_await(fx);
    s = json_array_get(json_object_get(list, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(s, "gpus")), 8);
    assert_string_equal(fx_text(s, "driver_version"), "580.95.05");
    assert_true(fx_text(s, "received_at")[0] != '\0');
    g = json_array_get(json_object_get(s, "gpus"), 1);
    assert_string_equal(fx_text(g, "trouble"), "the GPU fell off the bus (15)");
    json_decref(list);
    watch_end(pid);
}

static void a_watcher_goes_on_while_the_server_is_away_and_reports_when_it_is_back(void **state)
{
    struct fixture *fx = *state;
    char errors[256], text[4096] = "";
    int64_t until_ms = clock_mono_ms(clock_real()) + WAIT_MS;
    json_t *list;
    pid_t pid;

    snprintf(errors, sizeof errors, "%s/away-errors", t_dir());
    fx_daemon_stop(&fx->d);
    pid = watch_start(fx, fx->d.url, NULL, errors);
    while (!strstr(text, "cannot report, trying again: ")) {
        FILE *file = fopen(errors, "r");

        if (file) {
            text[fread(text, 1, sizeof text - 1, file)] = '\0';
            fclose(file);
        }
        assert_true(clock_mono_ms(clock_real()) < until_ms);
        poll(NULL, 0, 50);
    }
    assert_null(strstr(text, fx->d.token));
    fx_daemon_start(&fx->d);
    list = telemetry_await(fx);
    json_decref(list);
    watch_end(pid);
}

/* --- over TLS ------------------------------------------------------------------------------ */

struct keys {
    char certificate[256], key[256], ready[256];
    char flags[3][300];
};

/* A certificate of our own for 127.0.0.1 and nothing else. */
static void keys_make(struct keys *k, const char *name)
{
    const char *argv[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:prime256v1",
                          "-nodes",
                          "-days",
                          "2",
                          "-subj",
                          "/CN=localhost",
                          "-addext",
                          "subjectAltName=IP:127.0.0.1",
                          "-keyout",
                          k->key,
                          "-out",
                          k->certificate,
                          NULL};
    struct process p = {.argv = argv, .timeout_ms = WAIT_MS};
    int status = -1;
    struct err e;

    snprintf(k->certificate, sizeof k->certificate, "%s/%s.pem", t_dir(), name);
    snprintf(k->key, sizeof k->key, "%s/%s-key.pem", t_dir(), name);
    snprintf(k->ready, sizeof k->ready, "%s/%s-ready", t_dir(), name);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(k->key, 0600), 0);
    snprintf(k->flags[0], sizeof k->flags[0], "--tls-certificate=%s", k->certificate);
    snprintf(k->flags[1], sizeof k->flags[1], "--tls-key=%s", k->key);
    snprintf(k->flags[2], sizeof k->flags[2], "--ready-file=%s", k->ready);
}

/* Start it again, on a port and with TLS. */
static void daemon_secure(struct fx_daemon *d, struct keys *k)
{
    int64_t until_ms = clock_mono_ms(clock_real()) + WAIT_MS;

    keys_make(k, "own");
    fx_daemon_stop(d);
    for (size_t i = 0; i < ARRAY_SIZE(k->flags); i++)
        d->extra[i] = k->flags[i];
    d->listen = "127.0.0.1:0";
    d->ca_file = k->certificate;
    fx_daemon_spawn(d);
    for (;;) {
        STRBUF text = {0};

        strbuf_init(&text, 1024);
        if (!file_read(k->ready, &text, NULL) && text.len) {
            snprintf(d->url, sizeof d->url, "https://%s", text.data);
            break;
        }
        assert_true(clock_mono_ms(clock_real()) < until_ms);
        poll(NULL, 0, 10);
    }
    fx_daemon_await(d);
}

static int check_trusting(struct fixture *fx, const char *server, const char *ca_file)
{
    return fx_gpu_run(&fx->gpu, "check", "--report", "--server", server, "--token-file",
                      fx->token_file, "--deadline", fx->gpu.deadline, "-o", "json", "--ca-file",
                      ca_file, NULL);
}

static void over_tls_only_a_server_whose_certificate_is_known_gets_the_report(void **state)
{
    struct fixture *fx = *state;
    struct keys k, other;
    char elsewhere[256];
    json_t *list;

    daemon_secure(&fx->d, &k);
    /* Of nobody known; then of somebody else, whom we trust. */
    assert_int_equal(check(fx, fx->d.url, NULL), 0);
    assert_contains(fx->gpu.errors.data, "not reported: https://127.0.0.1:");
    assert_contains(fx->gpu.errors.data, "certificate");
    keys_make(&other, "other");
    assert_int_equal(check_trusting(fx, fx->d.url, other.certificate), 0);
    assert_contains(fx->gpu.errors.data, "not reported: https://127.0.0.1:");
    assert_contains(fx->gpu.errors.data, "certificate");
    /* By a name that the certificate does not have. */
    snprintf(elsewhere, sizeof elsewhere, "https://localhost%s", strrchr(fx->d.url, ':'));
    assert_int_equal(check_trusting(fx, elsewhere, k.certificate), 0);
    assert_contains(fx->gpu.errors.data, "not reported: https://localhost:");
    assert_int_equal(reports(fx, &list), 0);
    json_decref(list);
    assert_null(strstr(fx->gpu.errors.data, fx->d.token));
    assert_int_equal(check_trusting(fx, fx->d.url, k.certificate), 0);
    assert_contains(fx->gpu.errors.data, "hourglass-gpu: reported as rep_");
    assert_int_equal(reports(fx, &list), 1);
    json_decref(list);
}

static void a_ca_file_that_is_none_is_told(void **state)
{
    struct fixture *fx = *state;
    char nothing[256];
    struct keys k;

    daemon_secure(&fx->d, &k);
    snprintf(nothing, sizeof nothing, "%s/nothing.pem", t_dir());
    assert_int_equal(check_trusting(fx, fx->d.url, nothing), 0);
    assert_contains(fx->gpu.errors.data, "not reported: ");
    assert_contains(fx->gpu.errors.data, "nothing.pem");
}

static void a_watcher_reports_over_tls(void **state)
{
    struct fixture *fx = *state;
    char errors[256];
    struct keys k;
    json_t *list;
    pid_t pid;

    daemon_secure(&fx->d, &k);
    snprintf(errors, sizeof errors, "%s/tls-errors", t_dir());
    pid = watch_start(fx, fx->d.url, k.certificate, errors);
    list = telemetry_await(fx);
    json_decref(list);
    watch_end(pid);
}

/* In the clear anybody on the way could read the key. */
static void a_key_is_never_sent_in_the_clear_beyond_this_machine(void **state)
{
    static const char *const servers[] = {"http://example.org",       "http://10.0.0.1:8400",
                                          "http://127.0.0.1.org",     "http://localhost.org/",
                                          "http://127.0.0.1@[::2]/",  "http://[::2]:80",
                                          "http://localhost:80@x.org"};
    struct fixture *fx = *state;

    for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
        assert_int_equal(check(fx, servers[i], NULL), 2);
        assert_string_equal(fx->gpu.out.data, "");
        assert_contains(fx->gpu.errors.data, servers[i]);
        assert_true(strstr(fx->gpu.errors.data, "by https only") ||
                    strstr(fx->gpu.errors.data, "expected no more than a host"));
        assert_int_equal(fx_gpu_run(&fx->gpu, "watch", "--report", "--server", servers[i],
                                    "--token-file", fx->token_file, NULL),
                         2);
    }
}

/* --- the routes themselves -------------------------------------------------------------------- */

static void refused(struct fixture *fx, const char *body, enum err_code code, const char *pointer)
{
    json_t *answer = fx_ask(&fx->d, "POST", "/v1/telemetry", body);

    assert_null(answer);
    assert_int_equal(fx->d.e.code, code);
    if (pointer)
        assert_string_equal(fx->d.e.details[0].pointer, pointer);
}

static void samples_that_make_no_sense_are_refused_with_the_place(void **state)
{
    struct fixture *fx = *state;
    char at[RFC3339_MAX], body[512];

    refused(fx, "{}", ERR_INVALID, "/taken_at");
    refused(fx, "{\"taken_at\":\"2020-01-01T00:00:00Z\",\"host\":\"a\",\"gpus\":[]}", ERR_INVALID,
            "/taken_at");
    rfc3339_format(clock_now_ms(clock_real()), at);
    snprintf(body, sizeof body, "{\"taken_at\":\"%s\",\"host\":\"a\",\"received_at\":\"%s\"}", at,
             at);
    refused(fx, body, ERR_INVALID, "/received_at");
    snprintf(body, sizeof body,
             "{\"taken_at\":\"%s\",\"host\":\"a\",\"instance_id\":\"ins_x\",\"gpus\":[]}", at);
    refused(fx, body, ERR_INVALID, "/instance_id");
    snprintf(body, sizeof body, "{\"taken_at\":\"%s\",\"host\":\"a\",\"gpus\":[{\"index\":64}]}",
             at);
    refused(fx, body, ERR_INVALID, "/gpus/0/index");
    assert_null(fx_ask(&fx->d, "GET", "/v1/telemetry?cursor=x", NULL));
    assert_int_equal(fx->d.e.code, ERR_INVALID);
}

static void telemetry_is_gone_with_the_process(void **state)
{
    struct fixture *fx = *state;
    char at[RFC3339_MAX], body[512];
    json_t *list;

    snprintf(body, sizeof body,
             "{\"taken_at\":\"%s\",\"host\":\"node-1\",\"gpus\":[{\"index\":0,\"readings\":["
             "{\"meter\":\"power_watts\",\"value\":1}]}]}",
             rfc3339_format(clock_now_ms(clock_real()), at));
    json_decref(fx_ask(&fx->d, "POST", "/v1/telemetry", body));
    assert_int_equal(fx->d.e.code, ERR_OK);
    list = fx_must(&fx->d, "GET", "/v1/telemetry?host=node-1", NULL);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    json_decref(list);
    list = fx_must(&fx->d, "GET", "/v1/telemetry?host=node-2", NULL);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
    json_decref(list);
    fx_daemon_stop(&fx->d);
    fx_daemon_start(&fx->d);
    list = fx_must(&fx->d, "GET", "/v1/telemetry?host=node-1", NULL);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 0);
    json_decref(list);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_check_is_reported_and_its_id_is_said),
        TEST(what_the_server_refuses_is_told_in_its_words_and_changes_no_exit_code),
        TEST(mistakes_are_told_before_anything_is_checked),
        TEST(a_check_of_an_instance_is_listed_with_it),
        TEST(answers_that_are_no_answers_are_no_success),
        TEST(a_watcher_reports_what_it_sees),
        TEST(a_watcher_goes_on_while_the_server_is_away_and_reports_when_it_is_back),
        TEST(over_tls_only_a_server_whose_certificate_is_known_gets_the_report),
        TEST(a_ca_file_that_is_none_is_told),
        TEST(a_watcher_reports_over_tls),
        TEST(a_key_is_never_sent_in_the_clear_beyond_this_machine),
        TEST(samples_that_make_no_sense_are_refused_with_the_place),
        TEST(telemetry_is_gone_with_the_process),
    };

    return T_RUN("gpu report", tests);
}
