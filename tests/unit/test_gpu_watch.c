/* What `watch` makes of readings: rates, the three formats, answers to whoever asks by HTTP. */
#include "tests/support/t.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/file.h"
#include "core/text.h"
#include "gpu/watch.h"
#include "gpu/watch_http.h"

#define BIT(m) (1ULL << (m))

static const struct watch_pcie no_call = {-1, -1};

/* A reading of energy (so that a reset can be told) and one counter. */
static struct telemetry reading(enum telemetry_meter m, int64_t value, int64_t energy)
{
    struct telemetry t = {.known = BIT(m) | BIT(TELEMETRY_ENERGY)};

    t.value[m] = value;
    t.value[TELEMETRY_ENERGY] = energy;
    return t;
}

static void take(struct watch_gpu *g, enum telemetry_meter m, int64_t value, int64_t energy,
                 int64_t at_ms)
{
    struct telemetry t = reading(m, value, energy);

    watch_gpu_take(g, &t, &no_call, at_ms);
}

static void a_rate_is_what_a_counter_grew_by_in_a_second(void **state)
{
    struct watch_gpu g = {0};

    UNUSED(state);
    take(&g, TELEMETRY_NVLINK_RX, 1000, 1, 10000);
    assert_false(g.known & BIT(TELEMETRY_NVLINK_RX)); /* one reading is no rate */
    take(&g, TELEMETRY_NVLINK_RX, 3000, 2, 12000);
    assert_true(g.known & BIT(TELEMETRY_NVLINK_RX));
    assert_float_equal(g.shown[TELEMETRY_NVLINK_RX], 1000 * 1024.0, 0.01);
    take(&g, TELEMETRY_NVLINK_RX, 3000, 3, 12500);
    assert_float_equal(g.shown[TELEMETRY_NVLINK_RX], 0, 0.01); /* nothing moved: known, and zero */
}

static void a_counter_that_went_down_gives_no_rate_that_once(void **state)
{
    struct watch_gpu g = {0};

    UNUSED(state);
    take(&g, TELEMETRY_PCIE_RX, 5000000, 900, 1000);
    take(&g, TELEMETRY_PCIE_RX, 100, 10, 2000); /* with the energy: a reset */
    assert_false(g.known & BIT(TELEMETRY_PCIE_RX));
    take(&g, TELEMETRY_PCIE_RX, 1100, 20, 3000);
    assert_float_equal(g.shown[TELEMETRY_PCIE_RX], 1000, 0.01);
    take(&g, TELEMETRY_PCIE_RX, INT64_C(9000000000000), 30, 4000);
    take(&g, TELEMETRY_PCIE_RX, 5, 40, 5000); /* a wide counter that wrapped */
    assert_false(g.known & BIT(TELEMETRY_PCIE_RX));
    take(&g, TELEMETRY_PCIE_RX, 1005, 50, 6000);
    assert_float_equal(g.shown[TELEMETRY_PCIE_RX], 1000, 0.01);
}

/* 32 bits of bytes are 0.07 s of a PCIe 5 link: how often it wrapped nobody knows. */
static void a_counter_of_32_bits_is_never_made_a_rate_of(void **state)
{
    struct watch_gpu g = {0};
    struct watch_pcie measured = {7000, 8000};
    struct telemetry t;

    UNUSED(state);
    take(&g, TELEMETRY_PCIE_TX, 4000000000, 1, 1000);
    take(&g, TELEMETRY_PCIE_TX, 1000, 2, 2000);
    take(&g, TELEMETRY_PCIE_TX, 4000000000, 3, 3000);
    assert_false(g.known & BIT(TELEMETRY_PCIE_TX));
    assert_true(watch_gpu_wants_pcie(&g)); /* so it is measured instead */
    t = reading(TELEMETRY_PCIE_TX, 4100000000, 4);
    watch_gpu_take(&g, &t, &measured, 4000);
    assert_float_equal(g.shown[TELEMETRY_PCIE_TX], 8000, 0.01);
    assert_float_equal(g.shown[TELEMETRY_PCIE_RX], 7000, 0.01);
}

static void a_rate_never_spans_a_time_without_an_answer(void **state)
{
    struct watch_gpu g = {0};

    UNUSED(state);
    take(&g, TELEMETRY_NVLINK_TX, 1000, 1, 1000);
    watch_gpu_trouble(&g, "the GPU fell off the bus (15)");
    assert_int_equal(g.known, 0);
    take(&g, TELEMETRY_NVLINK_TX, 900000, 2, 61000);
    assert_false(g.known & BIT(TELEMETRY_NVLINK_TX));
    assert_string_equal(g.trouble, "");
}

static void silence_is_told_with_its_begin(void **state)
{
    struct watch_gpu g = {0};

    UNUSED(state);
    watch_gpu_silent(&g);
    assert_string_equal(g.trouble, "it has not answered yet");
    g.heard_at_ms = 1795183200123;
    watch_gpu_silent(&g);
    assert_string_equal(g.trouble, "silent since 2026-11-20T14:00:00Z");
}

/* --- formats ---------------------------------------------------------------------------- */

/* Two GPUs: one that shows everything there is, one in trouble with a hostile name. */
static void two_gpus(struct watch_state *s)
{
    memset(s, 0, sizeof *s);
    s->gpu_count = 2;
    s->taken_at_ms = 1795183200000;
    text_copy(s->host, sizeof s->host, "node-1");
    text_copy(s->driver_version, sizeof s->driver_version, "580.95.05");
    text_copy(s->gpus[0].uuid, sizeof s->gpus[0].uuid, "GPU-a");
    text_copy(s->gpus[0].model, sizeof s->gpus[0].model, "NVIDIA H200");
    text_copy(s->gpus[0].pci, sizeof s->gpus[0].pci, "0000:ab:00.0");
    s->gpus[0].answered = true;
    s->gpus[0].known = (TELEMETRY_COUNT == 64 ? 0 : BIT(TELEMETRY_COUNT)) - 1;
    for (int m = 0; m < TELEMETRY_COUNT; m++)
        s->gpus[0].shown[m] = 99;
    s->gpus[0].shown[TELEMETRY_POWER] = 698.125;
    s->gpus[0].shown[TELEMETRY_ENERGY] = 123456789012;
    s->gpus[0].shown[TELEMETRY_MEM_USED] = 143770;
    s->gpus[0].shown[TELEMETRY_NVLINK_RX] = 450e9;
    s->gpus[0].raw.value[TELEMETRY_THROTTLE_REASONS] = 0x04;
    text_copy(s->gpus[1].model, sizeof s->gpus[1].model, "evil\"\\\n\033[2J name");
    watch_gpu_trouble(&s->gpus[1], "the GPU fell off the bus (15)\033[2J\n");
}

static void a_line_of_json_is_the_shape_that_the_api_takes(void **state)
{
    static struct watch_state s;
    struct telemetry_sample sample = {0};
    json_t *tree = NULL;
    STRBUF out;
    struct err e;

    UNUSED(state);
    two_gpus(&s);
    strbuf_init(&out, WATCH_OUTPUT_BYTES_MAX);
    watch_json(&s, "ins_x", &out);
    assert_ptr_equal(strchr(out.data, '\n'), out.data + out.len - 1);
    assert_ok(json_parse(out.data, out.len, &tree, &e), &e);
    assert_ok(shape_decode(&telemetry_create_shape, tree, &sample, &e), &e);
    assert_string_equal(sample.host, "node-1");
    assert_string_equal(sample.instance_id, "ins_x");
    assert_int_equal(sample.gpu_count, 2);
    assert_int_equal(sample.gpus[0].reading_count, TELEMETRY_COUNT);
    assert_int_equal(sample.gpus[1].reading_count, 0); /* absent, not zero */
    assert_contains(sample.gpus[1].trouble, "fell off the bus");
    assert_string_equal(sample.gpus[0].readings[TELEMETRY_POWER].meter, "power_watts");
    assert_float_equal(sample.gpus[0].readings[TELEMETRY_POWER].value, 698.125, 1e-9);
    json_decref(tree);
    shape_release(&telemetry_sample_shape, &sample);
}

static void prometheus_has_the_names_and_labels_that_dashboards_know(void **state)
{
    static struct watch_state s;
    STRBUF out;

    UNUSED(state);
    two_gpus(&s);
    strbuf_init(&out, WATCH_OUTPUT_BYTES_MAX);
    watch_prometheus(&s, s.taken_at_ms + 1500, &out);
    assert_contains(out.data, "# TYPE DCGM_FI_DEV_POWER_USAGE gauge\n");
    assert_contains(out.data,
                    "\nDCGM_FI_DEV_POWER_USAGE{gpu=\"0\",UUID=\"GPU-a\",pci_bus_id=\""
                    "00000000:AB:00.0\",device=\"nvidia0\",modelName=\"NVIDIA H200\",Hostname=\""
                    "node-1\"} 698.125000\n");
    assert_contains(out.data, "# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter\n");
    assert_contains(out.data, "Hostname=\"node-1\"} 123456789012\n");
    assert_contains(out.data, "# TYPE DCGM_FI_PROF_NVLINK_RX_BYTES gauge\n");
    assert_contains(out.data, "\nhourglass_gpu_watch_age_seconds 1.500000\n");
    assert_contains(out.data, "modelName=\"evil\\\"\\\\");
    assert_null(strchr(out.data, '\033'));
    for (const char *at = out.data; (at = strstr(at, "gpu=\"1\"")); at++)
        assert_memory_equal(at - strlen("hourglass_gpu_up{"), "hourglass_gpu_up{",
                            strlen("hourglass_gpu_up{"));
}

static void the_dashboard_asks_only_for_what_is_served(void **state)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    static const char *const begins[] = {"DCGM_", "hourglass_gpu_"};
    static struct watch_state s;
    STRBUF served, text;
    struct err e;
    size_t found = 0;

    UNUSED(state);
    two_gpus(&s);
    strbuf_init(&served, WATCH_OUTPUT_BYTES_MAX);
    strbuf_init(&text, WATCH_OUTPUT_BYTES_MAX);
    watch_prometheus(&s, s.taken_at_ms, &served);
    assert_ok(file_read("share/grafana/hourglass-gpu.json", &text, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
        for (const char *at = text.data; (at = strstr(at, begins[i])); at++, found++) {
            char line[128];

            snprintf(line, sizeof line, "\n# TYPE %.*s ", (int)strspn(at, letters), at);
            assert_contains(served.data, line);
        }
    }
    assert_true(found > 10);
}

static void the_table_fits_a_terminal_and_cannot_be_broken_out_of(void **state)
{
    static struct watch_state s;
    size_t lines, seen = 0;
    STRBUF out;

    UNUSED(state);
    two_gpus(&s);
    strbuf_init(&out, WATCH_OUTPUT_BYTES_MAX);
    lines = watch_text(&s, &out);
    for (char *line = out.data; *line; seen++) {
        size_t n = strcspn(line, "\n");

        if (n > 80)
            fail_msg("%zu columns: %.*s", n, (int)n, line);
        line += n + 1;
    }
    assert_int_equal(seen, lines);
    assert_null(strchr(out.data, '\033'));
    assert_contains(out.data, "450.0");
    assert_contains(out.data, "power\n");
    assert_contains(out.data, "  1 the GPU fell off the bus (15)");
}

/* --- HTTP --------------------------------------------------------------------------------- */

static void body(struct strbuf *out, void *ctx)
{
    strbuf_adds(out, ctx);
}

static void requests_get_one_answer_each(void **state)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK"},
        {"GET /metrics HTTP/1.0\n\n", "HTTP/1.1 200 OK"},
        {"GET /metrics?collect[]=x HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK"},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404"},
        {"GET /metricsx HTTP/1.1\r\n\r\n", "HTTP/1.1 404"},
        {"GET /../metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 404"},
        {"HEAD /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405"},
        {"POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405"},
        {"get /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
        {"GET /metrics HTTP/2.0\r\n\r\n", "HTTP/1.1 400"},
        {"GET /metrics HTTP/1.1 x\r\n\r\n", "HTTP/1.1 400"},
        {"GET /metrics\r\n\r\n", "HTTP/1.1 400"},
        {"GET http://x/metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
        {"\r\n\r\n", "HTTP/1.1 400"},
        {"\x16\x03\x01\x02\n\n", "HTTP/1.1 400"},
    };
    struct watch_http h = {.fd = -1, .body = body, .ctx = (char *)(uintptr_t) "up 1\n"};

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        STRBUF out;

        strbuf_init(&out, 65536);
        watch_http_answer(&h, cases[i].request, strlen(cases[i].request), &out);
        if (strncmp(out.data, cases[i].answer, strlen(cases[i].answer)) != 0)
            fail_msg("'%s' is answered '%s'", cases[i].request, out.data);
        assert_contains(out.data, "\r\nConnection: close\r\n\r\n");
    }
}

static void a_request_with_a_nul_in_its_line_is_refused(void **state)
{
    static const char request[] = "GET /metrics\0 HTTP/1.1\r\n\r\n";
    struct watch_http h = {.fd = -1, .body = body, .ctx = (char *)(uintptr_t) ""};
    STRBUF out;

    UNUSED(state);
    strbuf_init(&out, 65536);
    watch_http_answer(&h, request, sizeof request - 1, &out);
    assert_memory_equal(out.data, "HTTP/1.1 400", 12);
}

/* --- the command line ---------------------------------------------------------------------- */

static void wrong_usage_is_told_with_what_to_type(void **state)
{
    static const struct {
        const char *args[5], *said;
    } cases[] = {
        {{"--every", "10ms"}, "from 100ms to 1h"},
        {{"--every", "2h"}, "from 100ms to 1h"},
        {{"--every", "soon"}, "--every"},
        {{"--count", "0"}, "from 1 up"},
        {{"--count", "x"}, "from 1 up"},
        {{"--count", "99999999999999999999"}, "from 1 up"},
        {{"-o", "yaml"}, "text, json, prometheus"},
        {{"--listen-any"}, "belongs to --listen"},
        {{"--server", "http://localhost"}, "belong to --report"},
        {{"--colour"}, "no option '--colour'"},
        {{"--every"}, "needs a value"},
        {{"now"}, "one word too many"},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *argv[8] = {(char *)(uintptr_t) "hourglass-gpu", (char *)(uintptr_t) "watch"};
        struct watch_options o;
        bool help;
        int argc = 2;
        struct err e;

        for (size_t k = 0; k < 5 && cases[i].args[k]; k++)
            argv[argc++] = (char *)(uintptr_t)cases[i].args[k];
        assert_err(ERR_INVALID, watch_command_read(argc, argv, &o, &help, &e), &e);
        assert_contains(e.msg, cases[i].said);
    }
}

static void addresses_that_cannot_be_are_refused_with_the_reason(void **state)
{
    static const struct {
        const char *listen;
        enum err_code code;
        const char *said;
    } cases[] = {
        {"9400", ERR_INVALID, "ADDRESS:PORT"},
        {"example.org:9400", ERR_INVALID, "numeric address"},
        {"127.0.0.1:99999", ERR_INVALID, "numeric address"},
        {"127.0.0.1:x", ERR_INVALID, "ADDRESS:PORT"},
        {"unix:", ERR_INVALID, "path"},
        {"0.0.0.0:0", ERR_FORBIDDEN, "--listen-any"},
        {"[::]:0", ERR_FORBIDDEN, "--listen-any"},
        {"unix:/dev/null", ERR_CONFLICT, "no socket"},
    };
    struct watch_http h;
    struct err e;

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_err(cases[i].code, watch_http_open(&h, cases[i].listen, false, body, NULL, &e), &e);
        assert_contains(e.msg, cases[i].said);
        watch_http_close(&h);
    }
}

/* A busy server (its queue is full) and a socket of another kind do not answer; both are alive. */
static void a_socket_of_somebody_elses_is_left_alone(void **state)
{
    static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM};

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        int server = socket(AF_UNIX, kinds[i] | SOCK_CLOEXEC, 0), clients[4];
        struct watch_http h;
        char where[200];
        struct err e;

        snprintf(at.sun_path, sizeof at.sun_path, "%s/s", t_dir());
        snprintf(where, sizeof where, "unix:%s", at.sun_path);
        assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof at), 0);
        if (kinds[i] == SOCK_STREAM)
            assert_int_equal(listen(server, 0), 0);
        for (size_t k = 0; k < ARRAY_SIZE(clients); k++) {
            clients[k] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            (void)!connect(clients[k], (struct sockaddr *)&at, sizeof at);
        }
        assert_err(ERR_CONFLICT, watch_http_open(&h, where, false, body, NULL, &e), &e);
        assert_contains(e.msg, "somebody else");
        watch_http_close(&h);
        assert_int_equal(access(at.sun_path, F_OK), 0);
        for (size_t k = 0; k < ARRAY_SIZE(clients); k++)
            close(clients[k]);
        close(server);
        unlink(at.sun_path);
    }
}

static void a_key_goes_nowhere_that_it_should_not(void **state)
{
    static const struct {
        const char *server, *said;
    } cases[] = {
        {"", "HOURGLASS_URL"},
        {"http://example.org", "https only"},
        {"http://localhost.example.org", "https only"},
        {"http://127.0.0.1.example.org", "https only"},
        {"ftp://localhost", "expected https://"},
        {"https://user@example.org", "no more than a host"},
        {"https://example.org/?x", "no more than a host"},
        {"https:///x", "no more than a host"},
        {"unix:relative", "absolute path"},
    };
    struct post p;
    struct err e;

    UNUSED(state);
    setenv("HOURGLASS_TOKEN", "hgk_x", 1);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct post_options o = {.server = cases[i].server};

        assert_err(ERR_INVALID, post_open(&p, &o, &e), &e);
        assert_contains(e.msg, cases[i].said);
        assert_string_equal(p.token, "");
    }
    setenv("HOURGLASS_TOKEN", "two\r\nlines", 1);
    assert_err(ERR_INVALID, post_open(&p, &(struct post_options){.server = "https://x"}, &e), &e);
    assert_null(strstr(e.msg, "lines"));
    unsetenv("HOURGLASS_TOKEN");
    assert_err(ERR_INVALID, post_open(&p, &(struct post_options){.server = "https://x"}, &e), &e);
    assert_contains(e.msg, "--token-file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_is_what_a_counter_grew_by_in_a_second),
        cmocka_unit_test(a_counter_that_went_down_gives_no_rate_that_once),
        cmocka_unit_test(a_counter_of_32_bits_is_never_made_a_rate_of),
        cmocka_unit_test(a_rate_never_spans_a_time_without_an_answer),
        cmocka_unit_test(silence_is_told_with_its_begin),
        cmocka_unit_test(a_line_of_json_is_the_shape_that_the_api_takes),
        cmocka_unit_test(prometheus_has_the_names_and_labels_that_dashboards_know),
        cmocka_unit_test(the_dashboard_asks_only_for_what_is_served),
        cmocka_unit_test(the_table_fits_a_terminal_and_cannot_be_broken_out_of),
        cmocka_unit_test(requests_get_one_answer_each),
        cmocka_unit_test(a_request_with_a_nul_in_its_line_is_refused),
        cmocka_unit_test(wrong_usage_is_told_with_what_to_type),
        cmocka_unit_test(addresses_that_cannot_be_are_refused_with_the_reason),
        cmocka_unit_test(a_socket_of_somebody_elses_is_left_alone),
        cmocka_unit_test(a_key_goes_nowhere_that_it_should_not),
    };

    return T_RUN("gpu watch", tests);
}
