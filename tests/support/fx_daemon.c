/* The real programs under test: started, asked, killed. */
#include "tests/support/fx_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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

/* In the child. `program` was found before: a failed assertion must not run the rest of the tests
 * twice. */
static void run_daemon(struct fx_daemon *d, const char *program, const char *command)
{
    char catalogue[512], state[192], token[192], listen[224], log[192];
    const char *argv[40];
    int n = 0, fd;

    source_path(catalogue, "share/catalogue.yaml");
    snprintf(state, sizeof state, "--state-dir=%s", d->dir);
    snprintf(token, sizeof token, "--seed-token-file=%s/token", d->dir);
    snprintf(listen, sizeof listen, "--listen=%s", d->url);
    snprintf(log, sizeof log, "%s/log", d->dir);
    argv[n++] = program;
    if (command)
        argv[n++] = command;
    argv[n++] = state;
    argv[n++] = listen;
    argv[n++] = "--catalogue";
    argv[n++] = catalogue;
    argv[n++] = "--seed";
    argv[n++] = token;
    argv[n++] = "--seed-grant";
    argv[n++] = d->grant ? d->grant : "250.00";
    argv[n++] = "--engine";
    argv[n++] = d->engine ? d->engine : "local";
    if (d->staff)
        argv[n++] = "--seed-staff";
    for (size_t i = 0; i < ARRAY_SIZE(d->extra) && d->extra[i]; i++)
        argv[n++] = d->extra[i];
    argv[n] = NULL;
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
    }
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void log_print(struct fx_daemon *d)
{
    char log[192];
    STRBUF text;

    strbuf_init(&text, 16 * 1024 * 1024);
    snprintf(log, sizeof log, "%s/log", d->dir);
    if (!file_read(log, &text, NULL))
        fprintf(stderr, "--- hourglassd's log ends:\n%s\n",
                text.len > 3000 ? text.data + text.len - 3000 : text.data);
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
    struct client_config c = {.url = d->url, .token = token ? token : d->token};
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

void fx_daemon_start(struct fx_daemon *d)
{
    const char *program = t_program("hourglassd");

    assert_int_equal(d->pid, 0);
    fflush(NULL);
    d->pid = fork();
    assert_true(d->pid >= 0);
    if (d->pid == 0)
        run_daemon(d, program, NULL);
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
    const char *program = t_program("hourglassd");
    int status = -1;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0)
        run_daemon(d, program, "--check");
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (status)
        log_print(d);
    return status;
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

void fx_launch(struct fx_daemon *d, const char *offer, char id[ID_MAX])
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
    fx_daemon_end(d, SIGTERM);
}
