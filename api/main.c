/* hourglassd: reads its options, wires store, engine, services, workers and HTTP together, and
 * waits for signals. The only file of the control plane that sees every layer. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/config.h"
#include "api/http/http.h"
#include "api/resource/resource.h"
#include "api/service/service.h"
#include "api/worker/worker.h"
#include "core/file.h"
#include "core/log.h"

#define STOP_GRACE_MS 10000

struct daemon {
    struct config config;
    char store_url[CONFIG_TEXT_MAX + 64];
    char run_program[PATH_MAX], gpu_program[PATH_MAX];
    struct store *store;
    struct engine *engine;
    struct service service;
    bool has_service;
    struct app *app;
    struct http_server *server;
    struct worker *worker;
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

/* A program beside this one, unless the option names it. */
static void program_path(char out[PATH_MAX], const char *option, const char *name)
{
    ssize_t n;
    char *slash;

    if (option[0]) {
        text_copy(out, PATH_MAX, option);
        return;
    }
    n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    slash = strrchr(out, '/');
    slash = slash ? slash + 1 : out;
    snprintf(slash, (size_t)(PATH_MAX - (slash - out)), "%s", name);
}

/* --- starting --------------------------------------------------------------------------------- */

static void on_news(void *ctx, int64_t seq)
{
    struct daemon *d = ctx;

    if (d->app)
        app_news(d->app, seq);
    if (d->worker)
        worker_wake(d->worker);
}

static enum err_code open_store(struct daemon *d, struct err *e)
{
    struct store_config c = {.clock = clock_real(), .news = on_news, .news_ctx = d};
    enum err_code rc = dir_make(d->config.state_dir, 0700, e);

    if (rc)
        return err_wrap(e, rc, "state_dir");
    if (d->config.store[0])
        text_copy(d->store_url, sizeof d->store_url, d->config.store);
    else
        snprintf(d->store_url, sizeof d->store_url, "sqlite:%s/hourglass.db", d->config.state_dir);
    c.url = d->store_url;
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

static enum err_code open_service(struct daemon *d, struct err *e)
{
    struct catalogue first = {0};
    enum err_code rc = catalogue_load(d->config.catalogue, &first, e);

    if (rc)
        return rc;
    rc = service_init(&d->service, d->store, clock_real(), d->engine, &first, e);
    if (rc) {
        catalogue_release(&first);
        return rc;
    }
    d->has_service = true;
    /* Once more by the way that SIGHUP takes: it brings the pools in line. */
    return catalogue_replace(&d->service, d->config.catalogue, e);
}

struct seeding {
    struct daemon *d;
    struct seed seed;
    char token[TOKEN_BYTES_MAX];
};

static enum err_code seed_write(struct tx *tx, void *ctx, struct err *e)
{
    struct seeding *s = ctx;

    return service_seed(&s->d->service, tx, &s->seed, s->token, e);
}

static enum err_code seed(struct daemon *d, struct err *e)
{
    const struct catalogue *c;
    struct seeding s = {.d = d};
    enum err_code rc = ERR_OK;
    char currency[CURRENCY_MAX];

    if (!d->config.seed)
        return ERR_OK;
    c = catalogue_hold(&d->service);
    text_copy(currency, sizeof currency, c->currency);
    catalogue_put(&d->service, c);
    s.seed = (struct seed){.organization = d->config.seed_organization,
                           .member = "Owner",
                           .email = d->config.seed_email,
                           .project = "default",
                           .country = "FR",
                           .token = "",
                           .currency = currency,
                           .grant_days = d->config.seed_grant_days,
                           .staff_support = d->config.seed_staff};
    rc = micros_parse(d->config.seed_grant, &s.seed.grant_micros, e);
    if (rc)
        return err_wrap(e, rc, "seed_grant");
    rc = store_write(d->store, seed_write, &s, e);
    if (!rc && s.token[0]) {
        rc = file_write(d->config.seed_token_file, s.token, strlen(s.token), 0600, e);
        log_line(LOG_INFO, "main", "seeded", "organization='%s' token_file=%s",
                 d->config.seed_organization, d->config.seed_token_file);
    }
    sodium_memzero(s.token, sizeof s.token);
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
    c.app = app_http(d->app);
    if (d->config.tls_certificate[0]) {
        c.tls_certificate = d->config.tls_certificate;
        c.tls_key = d->config.tls_key;
    }
    rc = http_start(&c, &d->server, e);
    return rc ? rc : app_attach(d->app, d->server, e);
}

static enum err_code start(struct daemon *d, struct err *e)
{
    struct worker_config w;
    enum err_code rc = open_store(d, e);

    if (!rc)
        rc = open_engine(d, e);
    if (!rc)
        rc = open_service(d, e);
    if (!rc)
        rc = seed(d, e);
    if (rc)
        return rc;
    w = (struct worker_config){.service = &d->service, .engine = d->engine};
    rc = worker_start(&w, &d->worker, e);
    if (!rc)
        rc = start_http(d, e);
    if (!rc && d->config.ready_file[0])
        rc = file_write(d->config.ready_file, d->config.listen, strlen(d->config.listen), 0600, e);
    return rc;
}

/* The other way round: no request without a worker, no worker without a store. */
static void stop(struct daemon *d)
{
    if (d->app)
        app_detach(d->app);
    if (d->server)
        http_stop(d->server, STOP_GRACE_MS);
    worker_stop(d->worker);
    d->worker = NULL;
    store_close(d->store);
    app_free(d->app);
    if (d->has_service)
        service_release(&d->service);
    if (d->engine)
        d->engine->ops->close(d->engine);
    if (d->config.ready_file[0])
        unlink(d->config.ready_file);
}

/* --- running ---------------------------------------------------------------------------------- */

static void reload(struct daemon *d)
{
    struct err e;

    if (catalogue_replace(&d->service, d->config.catalogue, &e))
        log_line(LOG_ERROR, "main", "catalogue-refused", "error='%s'", e.msg);
    else
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

static enum err_code check_read(struct tx *tx, void *ctx, struct err *e)
{
    return ledger_audit(ctx, tx, e);
}

static int check(struct daemon *d)
{
    struct err e;
    enum err_code rc;

    err_clear(&e);
    rc = open_store(d, &e);
    if (!rc)
        rc = open_service(d, &e);
    if (!rc)
        rc = store_read(d->store, check_read, &d->service, &e);
    if (rc)
        fprintf(stderr, "hourglassd: %s\n", e.msg);
    else
        printf("options, catalogue and ledger are in order\n");
    stop(d);
    return rc ? 1 : 0;
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
    err_clear(&e);
    rc = start(d, &e);
    if (rc) {
        log_line(LOG_ERROR, "main", "not-started", "error='%s'", e.msg);
        fprintf(stderr, "hourglassd: %s\n", e.msg);
    } else {
        log_line(LOG_INFO, "main", "ready", "version=%s listen=%s engine=%s", HOURGLASS_VERSION,
                 d->config.listen, d->config.engine);
        serve(d, &signals);
    }
    stop(d);
    return rc ? 1 : 0;
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
        return 1;
    }
    err_clear(&e);
    if (config_load(argc, argv, &d->config, &command, &e)) {
        fprintf(stderr, "hourglassd: %s\n", e.msg);
        free(d);
        return 2;
    }
    if (!log_level_parse(d->config.log_level, &level)) {
        fprintf(stderr, "hourglassd: log_level: expected debug, info, warn or error\n");
        free(d);
        return 2;
    }
    log_level_set(level);
    rc = command_run(d, command);
    free(d);
    return rc;
}
