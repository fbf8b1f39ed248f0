/* How the real hourglassd starts, and what it refuses to start on: with a sentence, an exit code,
 * and nothing changed. */
#include "tests/support/t.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"
#include "tests/support/fx_daemon.h"
#include "tests/support/http_client.h"

#define FAILED  1
#define MISUSED 2

static int setup(void **state)
{
    struct fx_daemon *d = calloc(1, sizeof *d);

    d->engine = "none";
    fx_daemon_init(d);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    struct fx_daemon *d = *state;

    if (d->pid)
        fx_daemon_stop(d);
    free(d);
    return 0;
}

static void refuses(struct fx_daemon *d, const char *command, int code, const char *sentence)
{
    int ended;
    STRBUF said;

    strbuf_init(&said, 1024 * 1024);
    ended = fx_daemon_run(d, command, &said);
    assert_contains(said.data, sentence);
    assert_int_equal(ended, code);
}

static void path_in(const struct fx_daemon *d, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", d->dir, name);
}

static void run(const char *const *argv)
{
    int status = -1;
    struct err e;
    struct process p = {.argv = argv, .timeout_ms = FX_DAEMON_WAIT_MS};

    assert_ok(process_run(&p, &status, &e), &e);
    assert_int_equal(status, 0);
}

static void sql(const struct fx_daemon *d, const char *text)
{
    char path[256], *message = NULL;
    sqlite3 *db = NULL;

    path_in(d, "hourglass.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", text, message);
    sqlite3_close(db);
}

/* Made by one start and stop. */
static void database_made(struct fx_daemon *d)
{
    fx_daemon_start(d);
    assert_int_equal(fx_daemon_end(d, SIGTERM), 0);
}

/* --- where it listens ------------------------------------------------------------------------ */

static void beyond_loopback_only_with_tls(void **state)
{
    struct fx_daemon *d = *state;
    static const char *const addresses[] = {"0.0.0.0:0", "[::]:0", "192.0.2.1:7070"};

    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        d->listen = addresses[i];
        refuses(d, NULL, MISUSED, "reachable from other machines");
    }
}

static void what_is_no_address_is_refused(void **state)
{
    struct fx_daemon *d = *state;
    static const char *const addresses[] = {"somewhere", "example.org:80", "127.0.0.1:99999",
                                            "unix:relative"};

    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        d->listen = addresses[i];
        refuses(d, NULL, MISUSED, "hourglassd: '");
    }
}

static void certificate_make(struct fx_daemon *d, char cert[256], char key[256])
{
    path_in(d, "cert.pem", cert);
    path_in(d, "key.pem", key);
    run((const char *const[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                              "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                              "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                              key, "-out", cert, NULL});
    assert_int_equal(chmod(key, 0600), 0);
}

static void ready_wait(struct fx_daemon *d, const char *file)
{
    for (int waited = 0; waited < FX_DAEMON_WAIT_MS; waited += 10) {
        STRBUF text;

        strbuf_init(&text, 1024);
        if (!file_read(file, &text, NULL) && text.len) {
            snprintf(d->url, sizeof d->url, "https://%s", text.data);
            return;
        }
        poll(NULL, 0, 10);
    }
    fail_msg("never ready");
}

static void tls_works_for_who_knows_the_certificate_and_for_nobody_else(void **state)
{
    struct fx_daemon *d = *state;
    char cert[256], key[256], ready[256], flags[3][300];
    struct client *stranger;
    struct raw_client c;
    struct raw_reply r = {0};
    struct err e;

    certificate_make(d, cert, key);
    path_in(d, "ready", ready);
    snprintf(flags[0], sizeof flags[0], "--tls-certificate=%s", cert);
    snprintf(flags[1], sizeof flags[1], "--tls-key=%s", key);
    snprintf(flags[2], sizeof flags[2], "--ready-file=%s", ready);
    for (int i = 0; i < 3; i++)
        d->extra[i] = flags[i];
    d->listen = "127.0.0.1:0";
    fx_daemon_spawn(d);
    ready_wait(d, ready);
    d->ca_file = cert;
    fx_daemon_await(d);
    json_decref(fx_must(d, "GET", "/v1/me", NULL));
    d->ca_file = NULL;
    stranger = fx_daemon_client(d, NULL);
    assert_null(fx_ask_with(stranger, "GET", "/v1/me", NULL, NULL, &e));
    assert_int_equal(e.code, ERR_UNREACHABLE);
    assert_contains(e.msg, "certificate");
    client_close(stranger);
    assert_true(raw_open(&c, (int)strtol(strrchr(d->url, ':') + 1, NULL, 10)));
    assert_int_not_equal(raw_ask(&c, &r, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    raw_close(&c);
    raw_reply_release(&r);
    assert_int_equal(fx_daemon_end(d, SIGTERM), 0);
    assert_int_not_equal(access(ready, F_OK), 0);
}

static void a_bad_certificate_or_an_open_key_is_refused(void **state)
{
    struct fx_daemon *d = *state;
    char cert[256], key[256], flags[2][300];

    certificate_make(d, cert, key);
    snprintf(flags[0], sizeof flags[0], "--tls-certificate=%s", cert);
    snprintf(flags[1], sizeof flags[1], "--tls-key=%s", key);
    d->extra[0] = flags[0];
    refuses(d, NULL, MISUSED, "tls_certificate and tls_key go together");
    d->extra[1] = flags[1];
    assert_int_equal(chmod(key, 0644), 0);
    refuses(d, NULL, FAILED, "TLS key");
    assert_int_equal(chmod(key, 0600), 0);
    snprintf(flags[0], sizeof flags[0], "--tls-certificate=%s/none.pem", d->dir);
    refuses(d, NULL, FAILED, "none.pem");
    snprintf(flags[0], sizeof flags[0], "--tls-certificate=%s", key); /* no certificate in it */
    refuses(d, NULL, FAILED, "HTTP server");
}

/* --- one at a time ------------------------------------------------------------------------- */

static void a_second_one_on_the_same_state_is_refused(void **state)
{
    struct fx_daemon *d = *state;

    fx_daemon_start(d);
    d->listen = "127.0.0.1:0";
    refuses(d, NULL, FAILED, "another hourglassd uses the state_dir");
    json_decref(fx_must(d, "GET", "/v1/me", NULL));
}

static void a_second_one_on_the_same_socket_is_refused(void **state)
{
    struct fx_daemon *d = *state, other = {.engine = "none"};

    fx_daemon_start(d);
    fx_daemon_init(&other);
    other.listen = d->url;
    refuses(&other, NULL, FAILED, "another process listens on");
    json_decref(fx_must(d, "GET", "/v1/me", NULL));
}

static void a_socket_left_by_a_crash_is_no_obstacle(void **state)
{
    struct fx_daemon *d = *state;

    fx_daemon_start(d);
    fx_daemon_end(d, SIGKILL);
    assert_int_equal(access(d->socket, F_OK), 0);
    fx_daemon_start(d);
}

static void the_socket_is_its_owners_only(void **state)
{
    struct fx_daemon *d = *state;
    struct stat st;

    fx_daemon_start(d);
    assert_int_equal(stat(d->socket, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* --- what it finds -------------------------------------------------------------------------- */

static void a_newer_schema_is_refused(void **state)
{
    struct fx_daemon *d = *state;

    database_made(d);
    sql(d, "UPDATE schema_version SET version = 999");
    refuses(d, NULL, FAILED, "use a newer program");
    refuses(d, "--check", FAILED, "schema version 999");
}

static void what_is_no_database_is_refused(void **state)
{
    struct fx_daemon *d = *state;
    char path[256];
    struct err e;

    path_in(d, "hourglass.db", path);
    assert_ok(file_write(path, "not a database, but long enough to look at it", 45, 0600, &e), &e);
    refuses(d, NULL, FAILED, "not a database");
}

static void an_unknown_store_or_engine_is_refused(void **state)
{
    struct fx_daemon *d = *state;

    d->extra[0] = "--store=mysql://x";
    refuses(d, NULL, MISUSED, "mysql");
    d->extra[0] = NULL;
    d->engine = "teleport";
    refuses(d, NULL, MISUSED, "there is no engine 'teleport'");
}

static void a_missing_supervisor_is_refused(void **state)
{
    struct fx_daemon *d = *state;

    d->engine = "local";
    d->extra[0] = "--run-program=/nonexistent/hourglass-run";
    refuses(d, NULL, FAILED, "cannot run hourglass-run at '/nonexistent/hourglass-run'");
}

/* The shipped catalogue with one text replaced; returns the line that it stands in. */
static size_t catalogue_with(struct fx_daemon *d, const char *from, const char *to, char out[256])
{
    const char *source = getenv("HOURGLASS_SOURCE"), *at;
    char path[512];
    struct err e;
    STRBUF text = {0}, changed = {0};
    size_t line = 1;

    strbuf_init(&text, 4 * 1024 * 1024);
    strbuf_init(&changed, 4 * 1024 * 1024);
    snprintf(path, sizeof path, "%s/share/catalogue.yaml", source ? source : ".");
    assert_ok(file_read(path, &text, &e), &e);
    at = strstr(text.data, from);
    assert_non_null(at);
    strbuf_add(&changed, text.data, (size_t)(at - text.data));
    strbuf_adds(&changed, to);
    strbuf_adds(&changed, at + strlen(from));
    path_in(d, "catalogue.yaml", out);
    assert_ok(file_write(out, changed.data, changed.len, 0600, &e), &e);
    for (const char *p = text.data; p < at; p++)
        line += *p == '\n';
    return line;
}

static void a_mistake_in_the_catalogue_is_refused_with_its_place(void **state)
{
    struct fx_daemon *d = *state;
    char path[256], place[64];

    d->catalogue = path;
    snprintf(place, sizeof place, "catalogue.yaml:%zu:11",
             catalogue_with(d, "currency: EUR", "currency: euro", path));
    refuses(d, NULL, MISUSED, place);
    refuses(d, "--check", FAILED, place);
    catalogue_with(d, "engine: local", "engine: locl", path);
    refuses(d, NULL, MISUSED, "there is no engine 'locl'");
    refuses(d, NULL, MISUSED, "catalogue.yaml:");
    snprintf(path, sizeof path, "/nonexistent.yaml");
    refuses(d, NULL, FAILED, "/nonexistent.yaml");
}

/* One catalogue serves installations with different engines. */
static void a_zone_of_another_engine_is_shown_and_not_rentable(void **state)
{
    struct fx_daemon *d = *state;
    json_t *list, *o;
    size_t i, seen = 0;

    d->engine = "sim";
    fx_daemon_start(d);
    list = fx_must(d, "GET", "/v1/offers?zone=local", NULL);
    json_array_foreach(json_object_get(list, "items"), i, o)
    {
        assert_string_equal(fx_text(o, "availability"), "not_connected");
        seen++;
    }
    assert_true(seen > 0);
    assert_null(fx_ask(d, "POST", "/v1/instances", "{\"offer_id\":\"local-cpu-2.local\"}"));
    assert_int_equal(d->e.code, ERR_NO_STOCK);
    assert_contains(d->e.msg, "not connected");
    json_decref(list);
}

/* --- the first start -------------------------------------------------------------------------- */

static void it_is_seeded_once(void **state)
{
    struct fx_daemon *d = *state;
    char token[TOKEN_BYTES_MAX], path[256];
    struct stat st;
    json_t *list;

    fx_daemon_start(d);
    text_copy(token, sizeof token, d->token);
    path_in(d, "token", path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    fx_daemon_end(d, SIGTERM);
    d->grant = "999.00";
    fx_daemon_start(d);
    assert_string_equal(d->token, token);
    list = fx_must(d, "GET", "/v1/credit/grants", NULL);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    json_decref(list);
    list = fx_must(d, "GET", "/v1/organizations", NULL);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    json_decref(list);
}

/* As a crash leaves it that comes after the file and before the database. */
static void a_token_that_is_there_already_is_used(void **state)
{
    struct fx_daemon *d = *state;
    static const char token[] = "hgk_chosen-by-the-operator-and-long-enough";
    char path[256];
    struct err e;

    path_in(d, "token", path);
    assert_ok(file_write(path, token, strlen(token), 0600, &e), &e);
    fx_daemon_start(d);
    assert_string_equal(d->token, token);
}

static void a_token_file_that_others_may_read_is_refused(void **state)
{
    struct fx_daemon *d = *state;
    static const char token[] = "hgk_chosen-by-the-operator-and-long-enough";
    char path[256];
    struct err e;

    path_in(d, "token", path);
    assert_ok(file_write(path, token, strlen(token), 0644, &e), &e);
    refuses(d, NULL, FAILED, "seed_token_file");
    assert_ok(file_write(path, "short", 5, 0600, &e), &e);
    refuses(d, NULL, MISUSED, "a token has");
    assert_ok(file_write(path, "\n", 1, 0600, &e), &e);
    refuses(d, NULL, MISUSED, "is empty");
    d->grant = "a lot";
    refuses(d, NULL, MISUSED, "seed_grant");
}

static void without_seed_there_is_nobody(void **state)
{
    struct fx_daemon *d = *state;
    struct raw_client c;
    struct raw_reply r = {0};

    d->extra[0] = "--seed=false";
    fx_daemon_spawn(d);
    fx_daemon_await_log(d, "main: ready");
    assert_true(raw_open_unix(&c, d->socket));
    assert_int_equal(raw_ask(&c, &r, "GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
    assert_int_equal(raw_ask(&c, &r, "GET /v1/me HTTP/1.1\r\nHost: x\r\n\r\n"), 401);
    raw_close(&c);
    raw_reply_release(&r);
}

/* --- --check and its like ------------------------------------------------------------------- */

static void check_finds_nothing_where_there_is_nothing(void **state)
{
    struct fx_daemon *d = *state;
    char path[256];

    refuses(d, "--check", 0, "there is no database yet");
    path_in(d, "hourglass.db", path);
    assert_int_not_equal(access(path, F_OK), 0);
    database_made(d);
    refuses(d, "--check", 0, "options, catalogue and ledger are in order");
}

static int64_t stock(struct fx_daemon *d)
{
    json_t *list = fx_must(d, "GET", "/v1/offers?text=local-gpu-1.local", NULL);
    int64_t n = json_integer_value(
        json_object_get(json_array_get(json_object_get(list, "items"), 0), "stock"));

    json_decref(list);
    return n;
}

/* Stock is less than the catalogue's here: a check that wrote its pools would show. */
static void check_changes_nothing_beside_a_running_daemon(void **state)
{
    struct fx_daemon *d = *state;
    int64_t before;

    d->engine = "local";
    d->extra[0] = "--virtual-gpu-slots=1";
    fx_daemon_start(d);
    before = stock(d);
    assert_int_equal(before, 1);
    refuses(d, "--check", 0, "in order");
    assert_int_equal(stock(d), before);
    json_decref(fx_must(d, "POST", "/v1/projects", "{\"name\":\"after\"}"));
}

static void check_finds_what_was_tampered_with(void **state)
{
    struct fx_daemon *d = *state;

    database_made(d);
    sql(d, "DROP TRIGGER entry_is_never_updated;"
           "UPDATE entry SET amount_micros = amount_micros + 1 WHERE account = 'grant'");
    refuses(d, "--check", FAILED, "do not sum to zero");
    sql(d, "UPDATE entry SET amount_micros = amount_micros - 1 WHERE account = 'grant'");
    refuses(d, "--check", 0, "in order");
    sql(d, "UPDATE credit_grant SET available_micros = available_micros + 5,"
           " amount_micros = amount_micros + 5");
    refuses(d, "--check", FAILED, "account grant");
}

static void entries_cannot_be_changed_by_mistake(void **state)
{
    struct fx_daemon *d = *state;
    char path[256];
    sqlite3 *db = NULL;

    database_made(d);
    path_in(d, "hourglass.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "UPDATE entry SET detail = 'x'", NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "DELETE FROM audit_record", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void what_is_asked_for_is_printed_and_nothing_started(void **state)
{
    struct fx_daemon *d = *state;
    char path[256];

    refuses(d, "--version", 0, "hourglassd ");
    refuses(d, "--help", 0, "--virtual-gpu-slots");
    refuses(d, "--routes", 0, "/v1/instances/{id}/actions");
    refuses(d, "--openapi", 0, "\"openapi\": \"3.1.0\"");
    path_in(d, "hourglassd.lock", path);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(beyond_loopback_only_with_tls),
        TEST(what_is_no_address_is_refused),
        TEST(tls_works_for_who_knows_the_certificate_and_for_nobody_else),
        TEST(a_bad_certificate_or_an_open_key_is_refused),
        TEST(a_second_one_on_the_same_state_is_refused),
        TEST(a_second_one_on_the_same_socket_is_refused),
        TEST(a_socket_left_by_a_crash_is_no_obstacle),
        TEST(the_socket_is_its_owners_only),
        TEST(a_newer_schema_is_refused),
        TEST(what_is_no_database_is_refused),
        TEST(an_unknown_store_or_engine_is_refused),
        TEST(a_missing_supervisor_is_refused),
        TEST(a_mistake_in_the_catalogue_is_refused_with_its_place),
        TEST(a_zone_of_another_engine_is_shown_and_not_rentable),
        TEST(it_is_seeded_once),
        TEST(a_token_that_is_there_already_is_used),
        TEST(a_token_file_that_others_may_read_is_refused),
        TEST(without_seed_there_is_nobody),
        TEST(check_finds_nothing_where_there_is_nothing),
        TEST(check_changes_nothing_beside_a_running_daemon),
        TEST(check_finds_what_was_tampered_with),
        TEST(entries_cannot_be_changed_by_mistake),
        TEST(what_is_asked_for_is_printed_and_nothing_started),
    };
#undef TEST

    return T_RUN("daemon_start", tests);
}
