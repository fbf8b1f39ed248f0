/* hourglassd: reads its options, wires store, engine, services, workers and HTTP together, and
 * waits for signals. The only file of the control plane that sees every layer. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/config.h"
#include "api/http/http.h"
#include "api/resource/resource.h"
#include "api/seed.h"
#include "api/service/service.h"
#include "api/worker/worker.h"
#include "core/file.h"
#include "core/log.h"
#include "core/yaml.h"

#define STOP_GRACE_MS 10000

struct daemon {
    struct config config;
    char store_url[CONFIG_TEXT_MAX + 64];
    char run_program[PATH_MAX], gpu_program[PATH_MAX];
    int lock_fd; /* of the state folder; -1: not held */
    struct store *store;
    struct engine *engine;
    struct service service;
    bool has_service;
    struct app *app;
    struct http_server *server;
    struct worker *worker;
    pthread_mutex_t news_lock; /* guards the next two: the store's thread reads them */
    struct app *news_app;
    struct worker *news_worker;
};

/* --- options -------------------------------------------------------------------------------- */

static int usage(void)
{
    STRBUF text;

    strbuf_init(&text, 64 * 1024);
    strbuf_adds(&text, "usage: hourglassd [--config FILE] [options]\n\n"
                       "  --check                check options, catalogue and ledger, then exit\n"
                       "  --routes               print the API's routes\n"
                       "  --openapi              print the API's OpenAPI document\n"
                       "  --version, --help\n\n"
                       "options, also as HOURGLASSD_NAME in the environment and in the file:\n");
    config_help(&text);
    fputs(text.data, stdout);
    return 0;
}

static int routes_print(void)
{
    for (size_t i = 0; i < api_routes_count; i++) {
        const struct route *r = &api_routes[i];

        printf("%-6s  %-30s  %-20s  %s\n", http_method_names[r->method], r->pattern,
               r->flags & ROUTE_PUBLIC ? "public" : rule_action_name((enum rule_action)r->action),
               r->summary);
    }
    return 0;
}

static int openapi_print(void)
{
    STRBUF text;

    strbuf_init(&text, HTTP_RESPONSE_BYTES_MAX);
    openapi_write(api_routes, api_routes_count, &text);
    fputs(text.data, stdout);
    return 0;
}

/* A program beside this one, or where `make install` puts it, unless the option names it. */
static void program_path(char out[PATH_MAX], const char *option, const char *name)
{
    static const char *const places[] = {"", "../libexec/hourglass/"};
    char self[PATH_MAX] = "";
    char *slash;

    if (option[0]) {
        text_copy(out, PATH_MAX, option);
        return;
    }
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        self[0] = '\0';
    slash = strrchr(self, '/');
    if (slash)
        slash[1] = '\0';
    for (size_t i = ARRAY_SIZE(places); i-- > 0;) {
        int n = snprintf(out, PATH_MAX, "%s%s%s", self, places[i], name);

        if (n > 0 && n < PATH_MAX && access(out, X_OK) == 0)
            return; /* the last one tried, beside us, is also what a message names */
    }
}

/* --- starting --------------------------------------------------------------------------------- */

static void on_news(void *ctx, int64_t seq)
{
    struct daemon *d = ctx;

    pthread_mutex_lock(&d->news_lock);
    if (d->news_app)
        app_news(d->news_app, seq);
    if (d->news_worker)
        worker_wake(d->news_worker);
    pthread_mutex_unlock(&d->news_lock);
}

static void news_to(struct daemon *d, struct app *app, struct worker *worker)
{
    pthread_mutex_lock(&d->news_lock);
    d->news_app = app;
    d->news_worker = worker;
    pthread_mutex_unlock(&d->news_lock);
}

/* Two that drive one engine over one database would undo each other's work. */
static enum err_code lock_state(struct daemon *d, struct err *e)
{
    char path[CONFIG_TEXT_MAX + 32];
    enum err_code rc = dir_make(d->config.state_dir, 0700, e);

    if (rc)
        return err_wrap(e, rc, "state_dir");
    snprintf(path, sizeof path, "%s/hourglassd.lock", d->config.state_dir);
    d->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return err_set(e, ERR_IO, "state_dir: cannot open '%s': %s", path, strerror(errno));
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    return errno == EWOULDBLOCK
               ? err_set(e, ERR_CONFLICT, "another hourglassd uses the state_dir '%s'",
                         d->config.state_dir)
               : err_set(e, ERR_IO, "state_dir: cannot lock '%s': %s", path, strerror(errno));
}

static void store_url_fill(struct daemon *d)
{
    if (d->config.store[0])
        text_copy(d->store_url, sizeof d->store_url, d->config.store);
    else
        snprintf(d->store_url, sizeof d->store_url, "sqlite:%s/hourglass.db", d->config.state_dir);
}

static enum err_code open_store(struct daemon *d, struct err *e)
{
    struct store_config c = {
        .url = d->store_url, .clock = clock_real(), .news = on_news, .news_ctx = d};

    store_url_fill(d);
    return store_open(&c, &d->store, e);
}

static enum err_code open_engine(struct daemon *d, struct err *e)
{
    struct engine_config c = {.state_dir = d->config.state_dir,
                              .run_program = d->run_program,
                              .gpu_program = d->gpu_program,
                              .virtual_gpu_slots = d->config.virtual_gpu_slots,
                              .clock = clock_real()};

    if (strcmp(d->config.engine, "none") == 0)
        return ERR_OK;
    program_path(d->run_program, d->config.run_program, "hourglass-run");
    program_path(d->gpu_program, d->config.gpu_program, "hourglass-gpu");
    return engine_open(d->config.engine, &c, &d->engine, e);
}

static bool engine_is_known(const char *name)
{
    static const char *const names[] = {
        "none",
#define X(n) #n,
        ENGINE_LIST(X)
#undef X
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* A zone of an engine that is not the one that runs here is shown as not connected; one of an
 * engine that there is not is a mistake of writing. */
static enum err_code catalogue_check(const char *path, struct catalogue *c, struct err *e)
{
    char pointer[ERR_POINTER_MAX], place[URL_BYTES_MAX + 32] = "";
    struct yaml_doc *doc = NULL;
    enum err_code rc = catalogue_load(path, c, e);

    for (size_t i = 0; !rc && i < c->zone_count; i++) {
        if (engine_is_known(c->zones[i].engine))
            continue;
        snprintf(pointer, sizeof pointer, "/zones/%zu/engine", i);
        if (!yaml_load(path, &doc, NULL))
            yaml_place(doc, pointer, place, sizeof place);
        yaml_doc_free(doc);
        rc = err_set(e, ERR_INVALID, "%s: there is no engine '%s', expected none, local or sim",
                     place[0] ? place : path, c->zones[i].engine);
        catalogue_release(c);
    }
    return rc;
}

static enum err_code open_service(struct daemon *d, struct err *e)
{
    struct catalogue first = {0};
    enum err_code rc = catalogue_check(d->config.catalogue, &first, e);

    if (rc)
        return rc;
    rc = service_init(&d->service, d->store, clock_real(), d->engine, d->config.catalogue, &first,
                      e);
    if (rc)
        catalogue_release(&first);
    d->has_service = !rc;
    return rc;
}

static enum err_code start_http(struct daemon *d, struct err *e)
{
    struct app_config a = {.service = &d->service, .clock = clock_real()};
    enum err_code rc = app_new(&a, &d->app, e);
    struct http_config c = {.listen = d->config.listen,
                            .threads = (int)d->config.http_threads,
                            .log_requests = d->config.log_requests};

    if (rc)
        return rc;
    news_to(d, d->app, NULL);
    c.app = app_http(d->app);
    if (d->config.tls_certificate[0]) {
        c.tls_certificate = d->config.tls_certificate;
        c.tls_key = d->config.tls_key;
    }
    rc = http_start(&c, &d->server, e);
    return rc ? rc : app_attach(d->app, d->server, e);
}

static enum err_code start_worker(struct daemon *d, struct err *e)
{
    struct worker_config w = {.service = &d->service, .engine = d->engine};

    w.check_ms = d->config.check_interval * 1000;
    enum err_code rc = worker_start(&w, &d->worker, e);

    if (!rc)
        news_to(d, d->app, d->worker);
    return rc;
}

/* With the port that it got where it asked for any. */
static enum err_code tell_ready(struct daemon *d, struct err *e)
{
    char address[CONFIG_TEXT_MAX + 16];
    const char *listen = d->config.listen, *colon = strrchr(listen, ':');
    int port = http_port(d->server);

    if (port && colon)
        snprintf(address, sizeof address, "%.*s:%d", (int)(colon - listen), listen, port);
    else
        text_copy(address, sizeof address, listen);
    log_line(LOG_INFO, "main", "ready", "version=%s listen=%s engine=%s", HOURGLASS_VERSION,
             address, d->config.engine);
    if (!d->config.ready_file[0])
        return ERR_OK;
    return file_write(d->config.ready_file, address, strlen(address), 0600, e);
}

/* HTTP before the worker: an address that is taken, or must not be listened on, is found
 * before anything is driven. */
static enum err_code start(struct daemon *d, struct err *e)
{
    enum err_code rc = lock_state(d, e);

    if (!rc)
        rc = open_store(d, e);
    if (!rc)
        rc = open_engine(d, e);
    if (!rc)
        rc = open_service(d, e);
    if (!rc)
        rc = seed_first(&d->service, &d->config, e);
    if (!rc)
        rc = start_http(d, e);
    if (!rc)
        rc = start_worker(d, e);
    return rc ? rc : tell_ready(d, e);
}

/* The other way round: no request without a worker, no worker without a store. */
static void stop(struct daemon *d)
{
    if (d->app)
        app_detach(d->app);
    http_stop(d->server, STOP_GRACE_MS);
    news_to(d, NULL, NULL);
    worker_stop(d->worker);
    store_close(d->store);
    app_free(d->app);
    if (d->has_service)
        service_release(&d->service);
    if (d->engine)
        d->engine->ops->close(d->engine);
    if (d->server && d->config.ready_file[0])
        unlink(d->config.ready_file);
    if (d->lock_fd >= 0)
        close(d->lock_fd);
}

/* --- running ---------------------------------------------------------------------------------- */

static void reload(struct daemon *d)
{
    struct catalogue next = {0};
    struct err e;
    enum err_code rc;

    err_clear(&e);
    rc = catalogue_check(d->config.catalogue, &next, &e);
    catalogue_release(&next);
    if (!rc)
        rc = catalogue_replace(&d->service, d->config.catalogue, &e);
    if (rc) {
        log_line(LOG_ERROR, "main", "catalogue-refused", "error=\"%s\"", e.msg);
        return;
    }
    app_catalogue_changed(d->app);
    log_line(LOG_INFO, "main", "catalogue-loaded", "file=%s", d->config.catalogue);
}

static void serve(struct daemon *d, const sigset_t *signals)
{
    for (;;) {
        int sig = sigwaitinfo(signals, NULL);

        if (sig < 0 && errno == EINTR)
            continue;
        if (sig != SIGHUP) {
            log_line(LOG_INFO, "main", "stopping", "signal=%d", sig);
            return;
        }
        reload(d);
    }
}

/* --- --check: looks, and changes nothing ------------------------------------------------------ */

static enum err_code check_read(struct tx *tx, void *ctx, struct err *e)
{
    return ledger_audit(ctx, tx, e);
}

static bool database_exists(const struct daemon *d)
{
    static const char prefix[] = "sqlite:";
    size_t len = sizeof prefix - 1;

    return strncmp(d->store_url, prefix, len) != 0 || access(d->store_url + len, F_OK) == 0;
}

static int check(struct daemon *d)
{
    struct catalogue c = {0};
    bool has_store = false;
    struct err e;
    enum err_code rc;

    err_clear(&e);
    rc = catalogue_check(d->config.catalogue, &c, &e);
    catalogue_release(&c);
    store_url_fill(d);
    if (!rc && database_exists(d)) {
        has_store = true;
        rc = open_store(d, &e);
        if (!rc)
            rc = store_read(d->store, check_read, &d->service, &e);
    }
    if (rc)
        fprintf(stderr, "hourglassd: %s\n", e.msg);
    else
        printf(has_store ? "options, catalogue and ledger are in order\n"
                         : "options and catalogue are in order; there is no database yet\n");
    store_close(d->store);
    return rc ? 1 : 0;
}

/* Each connection is a descriptor, and the usual limit is below what HTTP may have of them. */
static void descriptors_allow(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        log_line(LOG_WARN, "main", "open-files-not-raised", "error=\"%s\"", strerror(errno));
}

static int run(struct daemon *d)
{
    sigset_t signals;
    struct err e;
    enum err_code rc;

    /* Before any thread exists, so that all of them leave these to serve(). */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full disk is an answer, not an end */
    descriptors_allow();
    err_clear(&e);
    rc = start(d, &e);
    if (rc)
        fprintf(stderr, "hourglassd: %s\n", e.msg);
    else
        serve(d, &signals);
    stop(d);
    return rc == ERR_INVALID ? 2 : rc ? 1 : 0;
}

static int command_run(struct daemon *d, enum config_command command)
{
    switch (command) {
    case CONFIG_HELP:
        return usage();
    case CONFIG_VERSION:
        printf("hourglassd " HOURGLASS_VERSION "\n");
        return 0;
    case CONFIG_ROUTES:
        return routes_print();
    case CONFIG_OPENAPI:
        return openapi_print();
    case CONFIG_CHECK:
        return check(d);
    case CONFIG_SERVE:
        break;
    }
    return run(d);
}

int main(int argc, char **argv)
{
    struct daemon *d = calloc(1, sizeof *d);
    enum config_command command;
    enum log_level level;
    struct err e;
    int rc;

    if (!d || sodium_init() < 0) {
        fputs("hourglassd: out of memory or of randomness\n", stderr);
        free(d);
        return 1;
    }
    d->lock_fd = -1;
    pthread_mutex_init(&d->news_lock, NULL);
    err_clear(&e);
    if (config_load(argc, argv, &d->config, &command, &e)) {
        fprintf(stderr, "hourglassd: %s\n", e.msg);
        free(d);
        return 2;
    }
    if (log_level_parse(d->config.log_level, &level)) /* checked before */
        log_level_set(level);
    rc = command_run(d, command);
    free(d);
    return rc;
}
