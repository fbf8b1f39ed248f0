/* hourglass-gpu watch as it runs: the real program, the fake driver, a terminal, HTTP. */
#include "tests/support/t.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "gpu/watch.h"
#include "tests/support/fx_gpu.h"
#include "tests/support/http_client.h"

#define WAIT_MS    20000
#define OUTPUT_MAX (4 * 1024 * 1024)

struct fixture {
    struct fx_gpu gpu;
    pid_t pid; /* 0: not running */
    int out, errors;
    struct strbuf said, told; /* its standard output and error */
    struct raw_client c;
    struct raw_reply r;
};

static int setup(void **state)
{
    struct fixture *fx = calloc(1, sizeof *fx);

    assert_non_null(fx);
    fx_gpu_init(&fx->gpu, 8);
    fx->out = fx->errors = fx->c.fd = -1;
    strbuf_init(&fx->said, OUTPUT_MAX);
    strbuf_init(&fx->told, OUTPUT_MAX);
    *state = fx;
    return 0;
}

static void hang_up(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int teardown(void **state)
{
    struct fixture *fx = *state;

    if (fx->pid) {
        kill(fx->pid, SIGKILL);
        waitpid(fx->pid, NULL, 0);
    }
    hang_up(&fx->out);
    hang_up(&fx->errors);
    raw_close(&fx->c);
    raw_reply_release(&fx->r);
    strbuf_release(&fx->said);
    strbuf_release(&fx->told);
    fx_gpu_release(&fx->gpu);
    free(fx);
    return 0;
}

static void run_child(const struct fixture *fx, const char *const *args)
{
    const char *argv[24] = {t_program("hourglass-gpu"), "watch", "--nvml", fx->gpu.library};
    size_t n = 4;

    while (*args && n < 23)
        argv[n++] = *args++;
    setenv("HOURGLASS_FAKE_NVML", fx->gpu.script, 1);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void start(struct fixture *fx, const char *const *args)
{
    int out[2], errors[2];

    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(errors, O_CLOEXEC), 0);
    fx->pid = fork();
    if (fx->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        dup2(errors[1], STDERR_FILENO);
        run_child(fx, args);
    }
    close(out[1]);
    close(errors[1]);
    fx->out = out[0];
    fx->errors = errors[0];
}
#define START(fx, ...) start((fx), (const char *const[]){__VA_ARGS__, NULL})

/* The same with a terminal for its standard output. */
static void start_on_terminal(struct fixture *fx, const char *term, const char *const *args)
{
    struct winsize size = {.ws_row = 30, .ws_col = 80};

    fx->pid = forkpty(&fx->out, NULL, NULL, &size);
    assert_true(fx->pid >= 0);
    if (fx->pid == 0) {
        setenv("TERM", term, 1);
        run_child(fx, args);
    }
}

static bool hear(int *fd, struct strbuf *into)
{
    char bytes[8192];
    ssize_t n = read(*fd, bytes, sizeof bytes);

    if (n <= 0) {
        hang_up(fd);
        return false;
    }
    strbuf_add(into, bytes, (size_t)n);
    return true;
}

/* Listen until `text` was said so many times; fails the test when it is not. */
static void await(struct fixture *fx, const struct strbuf *in, const char *text, int times)
{
    int64_t until_ms = clock_mono_ms(clock_real()) + WAIT_MS;

    for (;;) {
        struct pollfd fds[2] = {{.fd = fx->out, .events = POLLIN},
                                {.fd = fx->errors, .events = POLLIN}};
        int64_t left_ms = until_ms - clock_mono_ms(clock_real());
        const char *at = in->data;
        int seen = 0;

        for (; (at = strstr(at, text)); at++)
            seen++;
        if (seen >= times)
            return;
        if (left_ms <= 0 || (fx->out < 0 && fx->errors < 0))
            fail_msg("'%s' was not said %d times: %s%s", text, times, fx->said.data, fx->told.data);
        poll(fds, 2, (int)left_ms);
        if (fds[0].revents)
            hear(&fx->out, &fx->said);
        if (fds[1].revents)
            hear(&fx->errors, &fx->told);
    }
}

/* Hear it out; returns its exit code, or -1 for a signal. */
static int end(struct fixture *fx, int signal)
{
    int64_t until_ms = clock_mono_ms(clock_real()) + WAIT_MS;
    int status = 0;

    if (signal)
        kill(fx->pid, signal);
    while (fx->out >= 0 && hear(&fx->out, &fx->said))
        ;
    while (fx->errors >= 0 && hear(&fx->errors, &fx->told))
        ;
    while (waitpid(fx->pid, &status, WNOHANG) == 0) {
        if (clock_mono_ms(clock_real()) > until_ms)
            fail_msg("it does not end");
        poll(NULL, 0, 10);
    }
    fx->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The sample on this line of JSON (0: the first). Caller releases with its shape. */
static void sample_read(const struct fixture *fx, int line, struct telemetry_sample *out)
{
    const char *at = fx->said.data;
    json_t *tree = NULL;
    struct err e;

    memset(out, 0, sizeof *out);
    while (line--) {
        at = strchr(at, '\n');
        assert_non_null(at);
        at++;
    }
    assert_ok(json_parse(at, strcspn(at, "\n"), &tree, &e), &e);
    assert_ok(shape_decode(&telemetry_create_shape, tree, out, &e), &e);
    json_decref(tree);
}

/* NULL: the meter is not there. */
static const double *value_of(const struct telemetry_sample *s, size_t gpu, const char *meter)
{
    for (size_t i = 0; i < s->gpus[gpu].reading_count; i++)
        if (strcmp(s->gpus[gpu].readings[i].meter, meter) == 0)
            return &s->gpus[gpu].readings[i].value;
    return NULL;
}

/* --- samples ------------------------------------------------------------------------------ */

static void each_line_is_a_sample_and_values_follow_the_gpu(void **state)
{
    struct fixture *fx = *state;
    struct telemetry_sample s;

    fx_gpu_script(&fx->gpu, "gpu3.power 100000\ngpu3.power_step 50000\nfield.82.code 3\n"
                            "gpu5.temperature.0 40\ngpu5.temperature.1 55\n");
    START(fx, "-o", "json", "-n", "2", "-e", "200ms");
    assert_int_equal(end(fx, 0), 0);
    assert_string_equal(fx->told.data, "");
    sample_read(fx, 0, &s);
    assert_int_equal(s.gpu_count, 8);
    assert_string_equal(s.driver_version, "580.95.05");
    assert_float_equal(*value_of(&s, 3, "power_watts"), 100, 1e-9);
    assert_float_equal(*value_of(&s, 5, "temperature_celsius"), 40, 1e-9);
    assert_null(value_of(&s, 0, "memory_temperature_celsius"));
    assert_null(value_of(&s, 0, "nvlink_sent_bytes_per_second")); /* no rate of one reading */
    shape_release(&telemetry_sample_shape, &s);
    sample_read(fx, 1, &s);
    assert_float_equal(*value_of(&s, 3, "power_watts"), 150, 1e-9);
    assert_float_equal(*value_of(&s, 5, "temperature_celsius"), 55, 1e-9);
    assert_true(*value_of(&s, 0, "nvlink_sent_bytes_per_second") > 0);
    shape_release(&telemetry_sample_shape, &s);
}

static void without_a_driver_it_says_so_and_ends(void **state)
{
    struct fixture *fx = *state;

    START(fx, "--nvml", "/nonexistent/libnvidia-ml.so.1");
    assert_int_equal(end(fx, 0), 3);
    assert_contains(fx->told.data, "hourglass-gpu: /nonexistent/libnvidia-ml.so.1");
    assert_string_equal(fx->said.data, "");
}

static void a_driver_without_gpus_or_that_crashes_is_told(void **state)
{
    struct fixture *fx = *state;

    fx_gpu_script(&fx->gpu, "count 0\n");
    START(fx, "-n", "1");
    assert_int_equal(end(fx, 0), 3);
    assert_contains(fx->told.data, "the driver lists no GPU");
    strbuf_reset(&fx->told);
    fx_gpu_script(&fx->gpu, "crash.nvmlInit_v2 1\n");
    START(fx, "-n", "1");
    assert_int_equal(end(fx, 0), 3);
    assert_contains(fx->told.data, "hourglass-gpu: its process");
}

static void a_lost_gpu_is_told_and_the_others_go_on(void **state)
{
    struct fixture *fx = *state;
    struct telemetry_sample s;

    fx_gpu_script(&fx->gpu, "gpu2.code.nvmlDeviceGetFieldValues 15\n"
                            "gpu4.code.nvmlDeviceGetHandleByIndex_v2 15\n");
    START(fx, "-o", "json", "-n", "2", "-e", "100ms");
    assert_int_equal(end(fx, 0), 0);
    sample_read(fx, 1, &s);
    assert_string_equal(s.gpus[2].trouble, "the GPU fell off the bus (15)");
    assert_string_equal(s.gpus[4].trouble, "the GPU fell off the bus (15)");
    assert_int_equal(s.gpus[2].reading_count, 0);
    assert_string_equal(s.gpus[3].trouble, "");
    assert_non_null(value_of(&s, 7, "power_watts"));
    shape_release(&telemetry_sample_shape, &s);
}

static void a_gpu_that_hangs_is_left_alone_and_the_others_go_on(void **state)
{
    struct fixture *fx = *state;
    struct telemetry_sample s;
    int line = 0;

    fx_gpu_script(&fx->gpu, "gpu2.hang.nvmlDeviceGetPowerUsage 1\n");
    START(fx, "-o", "json", "-e", "1s");
    await(fx, &fx->said, "it has not answered yet", 2); /* it says so while it waits */
    await(fx, &fx->told, "GPU 2 does not answer; asking it again in 60 s", 1);
    for (const char *at = fx->said.data; (at = strchr(at, '\n')); at++)
        line++;
    await(fx, &fx->said, "\n", line + 2);
    sample_read(fx, line + 1, &s);
    assert_string_equal(s.gpus[2].trouble, "it has not answered yet");
    for (size_t i = 0; i < 8; i++)
        if (i != 2 && !value_of(&s, i, "power_watts"))
            fail_msg("GPU %zu is silent, too: %s", i, s.gpus[i].trouble);
    shape_release(&telemetry_sample_shape, &s);
    assert_int_equal(end(fx, SIGTERM), 0);
}

static void text_is_a_block_a_sample_without_escapes(void **state)
{
    struct fixture *fx = *state;

    START(fx, "-n", "2", "-e", "100ms");
    assert_int_equal(end(fx, 0), 0);
    assert_null(strchr(fx->said.data, '\033'));
    await(fx, &fx->said, "\nGPU  use mem", 2);
    await(fx, &fx->said, "\n  7 ", 2);
}

/* --- a terminal --------------------------------------------------------------------------- */

static void on_a_terminal_the_table_is_redrawn_and_control_c_restores_it(void **state)
{
    static const char *const args[] = {"-e", "100ms", NULL};
    struct fixture *fx = *state;

    start_on_terminal(fx, "xterm", args);
    await(fx, &fx->said, "\033[11A\r", 2); /* three lines of head and eight GPUs, back up */
    assert_memory_equal(fx->said.data, "\033[?25l", 6);
    assert_int_equal(write(fx->out, "\003", 1), 1); /* as the terminal's user would */
    assert_int_equal(end(fx, 0), 0);
    assert_contains(fx->said.data, "\033[?25h");
}

static void a_dumb_terminal_gets_no_escapes(void **state)
{
    static const char *const args[] = {"-e", "100ms", "-n", "2", NULL};
    struct fixture *fx = *state;

    start_on_terminal(fx, "dumb", args);
    assert_int_equal(end(fx, 0), 0);
    assert_contains(fx->said.data, "GPU  use mem");
    assert_null(strchr(fx->said.data, '\033'));
}

/* --- HTTP --------------------------------------------------------------------------------- */

/* Start to listen on any port; the first sample is there. */
static int start_http(struct fixture *fx)
{
    const char *at;

    START(fx, "-l", "127.0.0.1:0", "-e", "100ms", "-o", "json");
    await(fx, &fx->told, "/metrics\n", 1);
    await(fx, &fx->said, "\n", 2);
    at = strstr(fx->told.data, "http://127.0.0.1:");
    assert_non_null(at);
    return (int)strtol(at + strlen("http://127.0.0.1:"), NULL, 10);
}

static int get(struct fixture *fx, int port)
{
    raw_close(&fx->c);
    assert_true(raw_open(&fx->c, port));
    return raw_ask(&fx->c, &fx->r, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
}

static void prometheus_scrapes_what_is_known(void **state)
{
    struct fixture *fx = *state;
    int port;

    fx_gpu_script(&fx->gpu, "gpu1.code.nvmlDeviceGetFieldValues 15\n");
    port = start_http(fx);
    assert_int_equal(get(fx, port), 200);
    assert_contains(raw_header(&fx->r, "Content-Type"), "text/plain; version=0.0.4");
    assert_contains(fx->r.body.data,
                    "\nDCGM_FI_DEV_GPU_TEMP{gpu=\"7\",UUID=\"GPU-00000000-0000-4000-8000-"
                    "000000000007\",pci_bus_id=\"00000000:17:00.0\",device=\"nvidia7\","
                    "modelName=\"NVIDIA H100 80GB HBM3\",Hostname=\"");
    assert_contains(fx->r.body.data, "hourglass_gpu_up{gpu=\"1\"");
    assert_null(strstr(fx->r.body.data, "DCGM_FI_DEV_GPU_TEMP{gpu=\"1\""));
    assert_true(raw_closes(&fx->c, RAW_WAIT_MS));
    assert_int_equal(end(fx, SIGTERM), 0);
}

static void hostile_clients_are_refused_and_hurt_nobody(void **state)
{
    struct fixture *fx = *state;
    int port = start_http(fx);
    struct raw_client *slow = calloc(40, sizeof *slow);
    char *large = malloc(20000);

    memset(large, 'a', 20000);
    for (int i = 0; i < 40; i++) { /* more than there is room for, each of them silent */
        slow[i].fd = -1;
        assert_true(raw_open(&slow[i], port));
        raw_send(&slow[i], "GET /met", i % 2 ? 8 : 0);
    }
    assert_int_equal(get(fx, port), 200);
    raw_close(&fx->c);
    assert_true(raw_open(&fx->c, port));
    raw_send(&fx->c, large, 20000);
    assert_int_equal(raw_read(&fx->c, &fx->r, false), 431);
    raw_close(&fx->c);
    assert_true(raw_open(&fx->c, port));
    assert_int_equal(raw_ask(&fx->c, &fx->r, "DELETE /metrics HTTP/1.1\r\n\r\n"), 405);
    assert_string_equal(raw_header(&fx->r, "Allow"), "GET");
    raw_close(&fx->c);
    assert_true(raw_open(&fx->c, port));
    raw_send(&fx->c, "GET /metrics HTTP/1.1\r\n\r\n", 25);
    raw_close(&fx->c); /* does not wait for its answer */
    for (int i = 0; i < 40; i++)
        raw_close(&slow[i]);
    assert_int_equal(get(fx, port), 200);
    free(large);
    free(slow);
    assert_int_equal(end(fx, SIGINT), 0);
}

static void who_says_nothing_is_hung_up_on(void **state)
{
    struct fixture *fx = *state;
    int port = start_http(fx);

    assert_true(raw_open(&fx->c, port));
    assert_true(raw_closes(&fx->c, RAW_WAIT_MS));
    assert_int_equal(end(fx, SIGTERM), 0);
}

static void a_socket_in_the_file_system_is_this_users_alone(void **state)
{
    struct fixture *fx = *state;
    char path[256], where[300];
    struct stat st;

    snprintf(path, sizeof path, "%s/gpu.sock", t_dir());
    snprintf(where, sizeof where, "unix:%s", path);
    START(fx, "-l", where, "-e", "100ms", "-o", "json");
    await(fx, &fx->said, "\n", 1);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(raw_open_unix(&fx->c, path));
    assert_int_equal(raw_ask(&fx->c, &fx->r, "GET /metrics HTTP/1.1\r\n\r\n"), 200);
    assert_int_equal(end(fx, SIGTERM), 0);
    assert_int_not_equal(stat(path, &st), 0); /* it cleans up */
}

static void others_are_let_in_only_when_that_was_said(void **state)
{
    struct fixture *fx = *state;

    START(fx, "-l", "0.0.0.0:0");
    assert_int_equal(end(fx, 0), 2);
    assert_contains(fx->told.data, "--listen-any");
    strbuf_reset(&fx->told);
    START(fx, "-l", "0.0.0.0:0", "--listen-any", "-n", "1");
    assert_int_equal(end(fx, 0), 0);
    assert_contains(fx->told.data, "metrics at http://0.0.0.0:");
}

static void a_reader_that_sleeps_delays_nobody_and_what_it_missed_is_told(void **state)
{
    struct fixture *fx = *state;
    int port = start_http(fx);
    int filled = 0;

    /* A pipe holds 64 kB, which is less than twenty samples. */
    for (int64_t until_ms = clock_mono_ms(clock_real()) + WAIT_MS; filled < 30; filled++) {
        assert_int_equal(get(fx, port), 200);
        assert_true(clock_mono_ms(clock_real()) < until_ms);
        poll(NULL, 0, 100);
    }
    assert_int_equal(end(fx, SIGTERM), 0);
    assert_contains(fx->told.data, "not shown: what reads them is too slow");
}

/* libcurl with its relatives would more than double what a watcher needs. */
static void nothing_of_libcurl_is_loaded_without_a_report(void **state)
{
    struct fixture *fx = *state;
    char path[64], line[1024];
    FILE *maps;

    START(fx, "-o", "json", "-e", "100ms");
    await(fx, &fx->said, "\n", 1);
    snprintf(path, sizeof path, "/proc/%d/maps", (int)fx->pid);
    maps = fopen(path, "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps))
        assert_null(strstr(line, "libcurl"));
    fclose(maps);
    assert_int_equal(end(fx, SIGTERM), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_line_is_a_sample_and_values_follow_the_gpu),
        TEST(without_a_driver_it_says_so_and_ends),
        TEST(a_driver_without_gpus_or_that_crashes_is_told),
        TEST(a_lost_gpu_is_told_and_the_others_go_on),
        TEST(a_gpu_that_hangs_is_left_alone_and_the_others_go_on),
        TEST(text_is_a_block_a_sample_without_escapes),
        TEST(on_a_terminal_the_table_is_redrawn_and_control_c_restores_it),
        TEST(a_dumb_terminal_gets_no_escapes),
        TEST(prometheus_scrapes_what_is_known),
        TEST(hostile_clients_are_refused_and_hurt_nobody),
        TEST(who_says_nothing_is_hung_up_on),
        TEST(a_socket_in_the_file_system_is_this_users_alone),
        TEST(others_are_let_in_only_when_that_was_said),
        TEST(a_reader_that_sleeps_delays_nobody_and_what_it_missed_is_told),
        TEST(nothing_of_libcurl_is_loaded_without_a_report),
    };

    return T_RUN("gpu watch runs", tests);
}
