/* The real programs under test: started, asked, killed. */
#include "tests/support/fx_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/id.h"

void fx_daemon_init(struct fx_daemon *d)
{
    const char *dir = t_dir();

    assert_true(text_copy(d->dir, sizeof d->dir, dir));
    snprintf(d->socket, sizeof d->socket, "%s/api.sock", dir);
    snprintf(d->url, sizeof d->url, "unix:%s", d->socket);
}

static void source_path(char out[512], const char *name)
{
    const char *source = getenv("HOURGLASS_SOURCE");

    snprintf(out, 512, "%s/%s", source ? source : ".", name);
}

static size_t arguments(struct fx_daemon *d, const char *program, const char *command,
                        const char *argv[40], char text[4][512])
{
    size_t n = 0;

    source_path(text[0], "share/catalogue.yaml");
    snprintf(text[1], 512, "--state-dir=%s", d->dir);
    snprintf(text[2], 512, "--seed-token-file=%s/token", d->dir);
    snprintf(text[3], 512, "--listen=%s", d->listen ? d->listen : d->url);
    argv[n++] = program;
    if (command)
        argv[n++] = command;
    argv[n++] = text[1];
    argv[n++] = text[3];
    argv[n++] = "--catalogue";
    argv[n++] = d->catalogue ? d->catalogue : text[0];
    argv[n++] = "--seed";
    argv[n++] = text[2];
    argv[n++] = "--seed-grant";
    argv[n++] = d->grant ? d->grant : "250.00";
    argv[n++] = "--engine";
    argv[n++] = d->engine ? d->engine : "local";
    if (d->staff)
        argv[n++] = "--seed-staff";
    for (size_t i = 0; i < ARRAY_SIZE(d->extra) && d->extra[i]; i++)
        argv[n++] = d->extra[i];
    argv[n] = NULL;
    return n;
}

/* In the child. `program` was found before: a failed assertion must not run the rest of the tests
 * twice. */
static void run_daemon(struct fx_daemon *d, const char *program, const char *command,
                       const char *log)
{
    char text[4][512], path[192];
    const char *argv[40];
    int fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no daemon behind */
    arguments(d, program, command, argv, text);
    snprintf(path, sizeof path, "%s/%s", d->dir, log);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void log_read(struct fx_daemon *d, const char *log, struct strbuf *out)
{
    char path[192];

    snprintf(path, sizeof path, "%s/%s", d->dir, log);
    if (file_read(path, out, NULL))
        strbuf_adds(out, "(no log)");
}

static void log_print(struct fx_daemon *d)
{
    STRBUF text;

    strbuf_init(&text, 16 * 1024 * 1024);
    log_read(d, "log", &text);
    fprintf(stderr, "--- hourglassd's log ends:\n%s\n",
            text.len > 3000 ? text.data + text.len - 3000 : text.data);
}

void fx_daemon_await_log(struct fx_daemon *d, const char *text)
{
    for (int waited = 0; waited < FX_DAEMON_WAIT_MS; waited += 20) {
        bool found;
        STRBUF log;

        strbuf_init(&log, 16 * 1024 * 1024);
        log_read(d, "log", &log);
        found = strstr(log.data, text) != NULL;
        if (found)
            return;
        poll(NULL, 0, 20);
    }
    log_print(d);
    fail_msg("hourglassd never logged '%s'", text);
}

static bool token_read(struct fx_daemon *d)
{
    char path[192];
    STRBUF text;

    strbuf_init(&text, TOKEN_BYTES_MAX);
    snprintf(path, sizeof path, "%s/token", d->dir);
    return !file_read_secret(path, &text, NULL) && text_copy(d->token, sizeof d->token, text.data);
}

struct client *fx_daemon_client(struct fx_daemon *d, const char *token)
{
    struct client_config c = {
        .url = d->url, .token = token ? token : d->token, .ca_file = d->ca_file};
    struct client *cl = NULL;

    assert_ok(client_open(&c, &cl, &d->e), &d->e);
    return cl;
}

static bool answers(struct fx_daemon *d)
{
    json_t *me;

    if (!token_read(d))
        return false;
    if (!d->client)
        d->client = fx_daemon_client(d, NULL);
    me = fx_ask(d, "GET", "/v1/me", NULL);
    json_decref(me);
    return me != NULL;
}

static pid_t spawn(struct fx_daemon *d, const char *command, const char *log)
{
    const char *program = t_program("hourglassd");
    pid_t child;

    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        run_daemon(d, program, command, log);
    return child;
}

void fx_daemon_spawn(struct fx_daemon *d)
{
    assert_int_equal(d->pid, 0);
    d->pid = spawn(d, NULL, "log");
}

void fx_daemon_await(struct fx_daemon *d)
{
    for (int waited = 0; waited < FX_DAEMON_WAIT_MS; waited += 10) {
        int status;

        if (waitpid(d->pid, &status, WNOHANG) == d->pid) {
            d->pid = 0;
            break;
        }
        if (answers(d))
            return;
        poll(NULL, 0, 10);
    }
    log_print(d);
    fail_msg("hourglassd did not start: %s", d->e.msg);
}

void fx_daemon_start(struct fx_daemon *d)
{
    fx_daemon_spawn(d);
    fx_daemon_await(d);
}

void fx_daemon_stop(struct fx_daemon *d)
{
    int status = fx_daemon_end(d, SIGTERM);

    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        log_print(d);
        fail_msg("hourglassd ended with wait status %d", status);
    }
}

int fx_daemon_run(struct fx_daemon *d, const char *command, struct strbuf *said)
{
    char path[192];
    pid_t child;

    snprintf(path, sizeof path, "%s/said", d->dir);
    unlink(path);
    child = spawn(d, command, "said");
    for (int waited = 0; waited < FX_DAEMON_WAIT_MS; waited += 5) {
        int status;

        if (waitpid(child, &status, WNOHANG) == child) {
            log_read(d, "said", said);
            if (!WIFEXITED(status))
                fail_msg("hourglassd was ended by signal %d", WTERMSIG(status));
            return WEXITSTATUS(status);
        }
        poll(NULL, 0, 5);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    fail_msg("hourglassd was to refuse, and runs");
    return -1;
}

int fx_daemon_end(struct fx_daemon *d, int signal)
{
    int status = 0;

    client_close(d->client);
    d->client = NULL;
    if (!d->pid)
        return 0;
    kill(d->pid, signal);
    while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR) {
    }
    d->pid = 0;
    return status;
}

int fx_daemon_check(struct fx_daemon *d)
{
    int code;
    STRBUF said;

    strbuf_init(&said, 1024 * 1024);
    code = fx_daemon_run(d, "--check", &said);
    if (code)
        fprintf(stderr, "--- hourglassd --check said:\n%s\n", said.data);
    return code;
}

json_t *fx_ask_with(struct client *cl, const char *method, const char *path, const char *body,
                    const char *key, struct err *e)
{
    struct request_options o = {.idempotency_key = key};
    struct answer a;
    json_t *tree = NULL;

    err_clear(e);
    if (client_call(cl, method, path, body, &o, &a, e))
        return NULL;
    if (!a.len)
        tree = json_object();
    else if (json_parse(a.body, a.len, &tree, e))
        tree = NULL;
    answer_release(&a);
    return tree;
}

json_t *fx_ask(struct fx_daemon *d, const char *method, const char *path, const char *body)
{
    char key[ID_MAX];

    id_new(ID_REQUEST, clock_real(), key);
    return fx_ask_with(d->client, method, path, body, strcmp(method, "POST") == 0 ? key : NULL,
                       &d->e);
}

json_t *fx_must(struct fx_daemon *d, const char *method, const char *path, const char *body)
{
    json_t *tree = fx_ask(d, method, path, body);

    if (!tree) {
        log_print(d);
        fail_msg("%s %s: %s", method, path, d->e.msg);
    }
    return tree;
}

const char *fx_text(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

int64_t fx_micros(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(o, name), "amount_micros"));
}

json_t *fx_await_state(struct fx_daemon *d, const char *path, const char *state)
{
    char last[64] = "";

    for (int waited = 0; waited < FX_DAEMON_WAIT_MS; waited += 20) {
        json_t *o = fx_must(d, "GET", path, NULL);

        if (strcmp(fx_text(o, "state"), state) == 0)
            return o;
        snprintf(last, sizeof last, "%s (%s)", fx_text(o, "state"), fx_text(o, "state_detail"));
        json_decref(o);
        poll(NULL, 0, 20);
    }
    log_print(d);
    fail_msg("%s is %s, not %s", path, last, state);
    return NULL;
}

void fx_daemon_launch(struct fx_daemon *d, const char *offer, char id[ID_MAX])
{
    char body[128], path[128];
    json_t *in;

    snprintf(body, sizeof body, "{\"offer_id\":\"%s\"}", offer);
    in = fx_must(d, "POST", "/v1/instances", body);
    text_copy(id, ID_MAX, fx_text(in, "id"));
    json_decref(in);
    snprintf(path, sizeof path, "/v1/instances/%s", id);
    json_decref(fx_await_state(d, path, "running"));
}

void fx_daemon_delete(struct fx_daemon *d, const char *id)
{
    char path[128];

    snprintf(path, sizeof path, "/v1/instances/%s", id);
    json_decref(fx_must(d, "DELETE", path, NULL));
    json_decref(fx_await_state(d, path, "terminated"));
}

static bool all_gone(struct fx_daemon *d)
{
    json_t *list = fx_must(d, "GET", "/v1/instances?limit=200", NULL), *in;
    bool gone = true;
    size_t i;

    json_array_foreach(json_object_get(list, "items"), i, in)
    {
        const char *state = fx_text(in, "state");
        char path[128];

        if (strcmp(state, "terminated") == 0)
            continue;
        gone = false;
        snprintf(path, sizeof path, "/v1/instances/%s", fx_text(in, "id"));
        if (strcmp(state, "terminating") != 0)
            json_decref(fx_ask(d, "DELETE", path, NULL));
    }
    json_decref(list);
    return gone;
}

void fx_daemon_clear(struct fx_daemon *d)
{
    if (!d->pid)
        fx_daemon_start(d);
    for (int waited = 0; !all_gone(d); waited += 50) {
        if (waited > 2 * FX_DAEMON_WAIT_MS) {
            log_print(d);
            fail_msg("instances remain");
        }
        poll(NULL, 0, 50);
    }
    fx_daemon_stop(d);
}
