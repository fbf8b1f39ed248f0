/* bare_launch DATABASE TOKEN_FILE CATALOGUE OFFER SECONDS [list]: what a launch costs the
 * database and nothing else. It first starts the whole server in this process, launches a few
 * instances over HTTP with SQLite's trace on, and so learns which statements one launch executes
 * on the writer's connection, with which values. Then it closes all that and executes exactly
 * these statements in a bare loop, 64 launches in one commit, with the writer's settings
 * (WAL, synchronous=FULL, foreign keys on). Prints "LAUNCHES_PER_SECOND STATEMENTS"; with
 * `list`, only the statements by name.
 *
 * What differs between the last two launches is carried on: numbers by the same step (versions,
 * credit, times), texts and bytes by a counter in their last characters (ids, names, keys), the
 * same one where they are the same.
 * Savepoints are left out: they are the server's own affair. */
#include <ctype.h>
#include <sodium.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api/resource/resource.h"
#include "tests/bench/bench.h"

#define LAUNCHES       6
#define STATEMENTS_MAX 64
#define PARAMS_MAX     64
#define PER_COMMIT     64
#define STAMP_DIGITS   10
#define STAMPS_MAX     256 /* fresh values of one launch */
#define VALUE_MAX      16384
#define BUSY_MS        2000
#define WARM_US        (US_PER_SECOND / 2) /* as long as launch_load has */

struct param {
    int type; /* SQLITE_INTEGER, _TEXT, _BLOB, _NULL */
    int64_t number, step;
    char *bytes;
    int len;
    bool fresh; /* other bytes in each launch */
    int serial; /* the same for the same bytes */
};

struct statement {
    char *text;
    struct param params[PARAMS_MAX];
    int param_count;
    sqlite3_stmt *stmt;
};

struct launch {
    struct statement items[STATEMENTS_MAX];
    int count;
};

struct bare {
    const struct launch *launch;
    sqlite3_stmt *begin, *commit;
};

/* The writer's transaction that is being traced, and the last two that launched. */
static struct {
    sqlite3 *db; /* of the transaction; NULL: none */
    struct launch *now, *last, *before;
    bool launches;
} trace;

static void *room(size_t size)
{
    void *p = calloc(1, size);

    if (!p)
        die("out of memory");
    return p;
}

/* --- reading the values back ---------------------------------------------------------------- *
 * SQLite has no call for them; its expanded text has each parameter replaced by a literal. */

static const char *quoted_read(const char *p, struct param *out)
{
    bool is_blob = *p == 'x';

    p += is_blob ? 2 : 1;
    out->type = is_blob ? SQLITE_BLOB : SQLITE_TEXT;
    out->bytes = room(VALUE_MAX);
    for (; *p && out->len < VALUE_MAX - 1; p++) {
        if (*p == '\'' && p[1] != '\'')
            break;
        p += *p == '\'';
        if (is_blob) {
            char two[3] = {p[0], p[1], '\0'};

            out->bytes[out->len++] = (char)strtol(two, NULL, 16);
            p++;
        } else {
            out->bytes[out->len++] = *p;
        }
    }
    if (*p != '\'')
        die("a value that ends nowhere");
    return p + 1;
}

static const char *literal_read(const char *p, struct param *out)
{
    char *end;

    *out = (struct param){0};
    if (*p == '\'' || (*p == 'x' && p[1] == '\''))
        return quoted_read(p, out);
    if (strncmp(p, "NULL", 4) == 0) {
        out->type = SQLITE_NULL;
        return p + 4;
    }
    out->type = SQLITE_INTEGER;
    out->number = strtoll(p, &end, 10);
    if (end == p)
        die("a value of no kind: %.40s", p);
    return end;
}

/* Walk both texts; where one has "?N", the other has the value. */
static void params_read(const char *text, const char *expanded, struct statement *s)
{
    bool in_quotes = false;

    while (*text) {
        struct param value;
        long n;
        char *end;

        if (*text == '\'')
            in_quotes = !in_quotes;
        if (in_quotes || *text != '?' || !isdigit((unsigned char)text[1])) {
            if (*text++ != *expanded++)
                die("the traced texts differ");
            continue;
        }
        n = strtol(text + 1, &end, 10);
        text = end;
        expanded = literal_read(expanded, &value);
        if (n < 1 || n > PARAMS_MAX)
            die("too many parameters");
        free(s->params[n - 1].bytes);
        s->params[n - 1] = value;
        if (n > s->param_count)
            s->param_count = (int)n;
    }
}

/* --- tracing -------------------------------------------------------------------------------- */

static void launch_clear(struct launch *l)
{
    for (int i = 0; i < l->count; i++) {
        for (int k = 0; k < PARAMS_MAX; k++)
            free(l->items[i].params[k].bytes);
        free(l->items[i].text);
    }
    memset(l, 0, sizeof *l);
}

static void trace_end(bool is_kept)
{
    struct launch *free_one = trace.before;

    if (is_kept && trace.launches) {
        trace.before = trace.last;
        trace.last = trace.now;
        trace.now = free_one;
    }
    trace.db = NULL;
    trace.launches = false;
    launch_clear(trace.now);
}

/* A transaction that is longer than a launch is none. */
static void trace_add(sqlite3_stmt *stmt, const char *text)
{
    struct statement *s = &trace.now->items[trace.now->count];
    char *expanded;

    if (trace.now->count == STATEMENTS_MAX)
        trace.db = NULL;
    if (!trace.db)
        return;
    expanded = sqlite3_expanded_sql(stmt);
    if (!expanded)
        die("out of memory");
    trace.now->count++;
    s->text = strdup(text);
    params_read(text, expanded, s);
    sqlite3_free(expanded);
    if (strncmp(text, "INSERT INTO instance ", 21) == 0)
        trace.launches = true;
}

static int on_statement(unsigned kind, void *ctx, void *p, void *x)
{
    sqlite3_stmt *stmt = p;
    const char *text = sqlite3_sql(stmt);

    UNUSED(kind);
    UNUSED(ctx);
    if (strncmp(x, "--", 2) == 0 || !text) /* inside of a trigger */
        return 0;
    if (strncmp(text, "BEGIN IMMEDIATE", 15) == 0) {
        trace_end(false);
        trace.db = sqlite3_db_handle(stmt);
    } else if (trace.db != sqlite3_db_handle(stmt) || strstr(text, "one_call"))
        return 0;
    else if (strcmp(text, "COMMIT") == 0 || strcmp(text, "ROLLBACK") == 0)
        trace_end(text[0] == 'C');
    else
        trace_add(stmt, text);
    return 0;
}

static int on_open(sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
    UNUSED(error);
    UNUSED(api);
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
}

/* --- a few launches through the whole server -------------------------------------------------- */

static int dial(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || !text_copy(a.sun_path, sizeof a.sun_path, path) ||
        connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect to %s: %s", path, strerror(errno));
    return fd;
}

static void launch_one(const char *path, const char *token, const char *offer, int n)
{
    char body[256], text[VALUE_MAX];
    int fd = dial(path);
    size_t len = 0;
    ssize_t got;

    snprintf(body, sizeof body, "{\"offer_id\":\"%s\",\"name\":\"load-%06d\"}", offer, n);
    snprintf(text, sizeof text,
             "POST /v1/instances HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
             "Idempotency-Key: bare-%d-%06d\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
             token, (int)getpid(), n, strlen(body), body);
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        die("a request was not sent");
    while ((got = read(fd, text + len, sizeof text - 1 - len)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    close(fd);
    if (strncmp(text, "HTTP/1.1 201", 12) != 0)
        die("a launch was refused: %s", text);
}

static void launches_trace(char **argv, const char *token)
{
    char url[4096], socket_path[100], listen[128];
    struct engine_config ec = {.state_dir = "/", .clock = clock_real()};
    struct store_config sc = {.url = url, .clock = clock_real()};
    struct http_config hc = {.listen = listen, .threads = 1};
    struct catalogue catalogue = {0};
    struct http_server *server;
    struct service sv;
    struct engine *engine;
    struct store *store;
    struct app *app;
    struct err e;

    snprintf(url, sizeof url, "sqlite:%s", argv[1]);
    snprintf(socket_path, sizeof socket_path, "/tmp/hourglass-bench-%d.sock", (int)getpid());
    snprintf(listen, sizeof listen, "unix:%s", socket_path);
    must(store_open(&sc, &store, &e), &e);
    must(engine_open("sim", &ec, &engine, &e), &e);
    must(catalogue_load(argv[3], &catalogue, &e), &e);
    must(service_init(&sv, store, clock_real(), engine, argv[3], &catalogue, &e), &e);
    must(app_new(&(struct app_config){.service = &sv, .clock = clock_real()}, &app, &e), &e);
    hc.app = app_http(app);
    must(http_start(&hc, &server, &e), &e);
    must(app_attach(app, server, &e), &e);
    for (int i = 0; i < LAUNCHES; i++)
        launch_one(socket_path, token, argv[4], i);
    app_detach(app);
    http_stop(server, 1000);
    store_close(store);
    app_free(app);
    service_release(&sv);
    engine->ops->close(engine);
}

/* What differs between two launches, and by how much. */
static void difference(struct launch *a, const struct launch *b)
{
    if (a->count != b->count || !a->count)
        die("two launches executed %d and %d statements", b->count, a->count);
    for (int i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].text, b->items[i].text) != 0)
            die("two launches executed other statements");
        for (int k = 0; k < a->items[i].param_count; k++) {
            struct param *p = &a->items[i].params[k];
            const struct param *q = &b->items[i].params[k];

            if (p->type != q->type)
                die("a value is sometimes of another type");
            p->step = p->number - q->number;
            p->fresh = p->len != q->len || (p->len && memcmp(p->bytes, q->bytes, (size_t)p->len));
        }
    }
}

/* Bytes that occurred before in this launch are changed in the same way, so that what refers to
 * something new still does. */
static void serials_give(struct launch *l)
{
    const struct param *seen[STAMPS_MAX];
    int count = 0;

    for (int i = 0; i < l->count; i++)
        for (int k = 0; k < l->items[i].param_count; k++) {
            struct param *p = &l->items[i].params[k];
            int at = 0;

            if (!p->fresh)
                continue;
            while (at < count && (seen[at]->len != p->len ||
                                  memcmp(seen[at]->bytes, p->bytes, (size_t)p->len) != 0))
                at++;
            if (at == STAMPS_MAX)
                die("more fresh values than expected");
            if (at == count)
                seen[count++] = p;
            p->serial = at;
        }
}

/* --- the bare loop -------------------------------------------------------------------------- */

static void check(sqlite3 *db, int rc, const char *doing)
{
    if (rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
        die("%s: %s", doing, sqlite3_errmsg(db));
}

static sqlite3 *bare_open(const char *path)
{
    sqlite3 *db;

    check(NULL, sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL),
          path);
    sqlite3_busy_timeout(db, BUSY_MS);
    check(db,
          sqlite3_exec(db,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                       "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                       "PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;"
                       "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -4096",
                       NULL, NULL, NULL),
          "settings");
    return db;
}

static void stamp(const struct param *p, int64_t n)
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < STAMP_DIGITS && i < p->len; i++, n >>= 4)
        p->bytes[p->len - 1 - i] = hex[n & 15];
}

static void param_bind(sqlite3_stmt *stmt, int at, const struct param *p, int64_t n)
{
    if (p->fresh)
        stamp(p, n * STAMPS_MAX + p->serial);
    switch (p->type) {
    case SQLITE_INTEGER:
        sqlite3_bind_int64(stmt, at, p->number + n * p->step);
        break;
    case SQLITE_TEXT:
        sqlite3_bind_text(stmt, at, p->bytes, p->len, SQLITE_STATIC);
        break;
    case SQLITE_BLOB:
        sqlite3_bind_blob(stmt, at, p->bytes, p->len, SQLITE_STATIC);
        break;
    default:
        sqlite3_bind_null(stmt, at);
        break;
    }
}

static void bare_one(sqlite3 *db, const struct launch *l, int64_t n)
{
    for (int i = 0; i < l->count; i++) {
        const struct statement *s = &l->items[i];
        int rc;

        for (int k = 0; k < s->param_count; k++)
            param_bind(s->stmt, k + 1, &s->params[k], n);
        while ((rc = sqlite3_step(s->stmt)) == SQLITE_ROW)
            continue;
        check(db, rc, s->text);
        if (!sqlite3_stmt_readonly(s->stmt) && sqlite3_changes(db) != 1)
            die("changed no row: %s", s->text);
        sqlite3_reset(s->stmt);
        sqlite3_clear_bindings(s->stmt);
    }
}

static void control(sqlite3 *db, sqlite3_stmt *stmt)
{
    check(db, sqlite3_step(stmt), sqlite3_sql(stmt));
    sqlite3_reset(stmt);
}

/* Returns how many launches this connection has made now. */
static int64_t commits(sqlite3 *db, struct bare *b, int64_t n, int64_t for_us)
{
    int64_t end_us = now_us() + for_us;

    while (now_us() < end_us) {
        control(db, b->begin);
        for (int i = 0; i < PER_COMMIT; i++)
            bare_one(db, b->launch, ++n);
        control(db, b->commit);
    }
    return n;
}

static double bare_loop(const char *path, struct launch *l, int64_t for_us)
{
    sqlite3 *db = bare_open(path);
    struct bare b = {.launch = l};
    int64_t warm, all, from_us;

    check(db, sqlite3_prepare_v2(db, "BEGIN IMMEDIATE", -1, &b.begin, NULL), "begin");
    check(db, sqlite3_prepare_v2(db, "COMMIT", -1, &b.commit, NULL), "commit");
    for (int i = 0; i < l->count; i++)
        check(db,
              sqlite3_prepare_v3(db, l->items[i].text, -1, SQLITE_PREPARE_PERSISTENT,
                                 &l->items[i].stmt, NULL),
              l->items[i].text);
    warm = commits(db, &b, 0, WARM_US);
    from_us = now_us();
    all = commits(db, &b, warm, for_us);
    from_us = now_us() - from_us;
    for (int i = 0; i < l->count; i++)
        sqlite3_finalize(l->items[i].stmt);
    sqlite3_finalize(b.begin);
    sqlite3_finalize(b.commit);
    sqlite3_close(db);
    return (double)(all - warm) * US_PER_SECOND / (double)from_us;
}

/* The name under which the store has it. */
static const char *statement_name(const char *text)
{
    const char *own, *name;

    for (size_t i = 0; (own = store_statement(STORE_SQLITE, i, &name)); i++) {
        size_t k = 0;

        while (own[k] && text[k] && (own[k] == text[k] || (own[k] == '$' && text[k] == '?')))
            k++;
        if (!own[k] && !text[k])
            return name;
    }
    die("not a statement of the store: %s", text);
}

int main(int argc, char **argv)
{
    char token[TOKEN_BYTES_MAX];
    double rate;

    if (argc < 6 || sodium_init() < 0)
        die("usage: bare_launch DATABASE TOKEN_FILE CATALOGUE OFFER SECONDS [list]");
    line_read(argv[2], token, sizeof token);
    trace.now = room(sizeof *trace.now);
    trace.last = room(sizeof *trace.last);
    trace.before = room(sizeof *trace.before);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* as the store does, which comes too late here */
    sqlite3_auto_extension((void (*)(void))on_open);
    launches_trace(argv, token);
    sqlite3_reset_auto_extension();
    difference(trace.last, trace.before);
    serials_give(trace.last);
    for (int i = 0; i < trace.last->count; i++) {
        const char *name = statement_name(trace.last->items[i].text);

        if (argc > 6)
            printf("%s%s", i ? " " : "", name);
    }
    if (argc > 6) {
        printf("\n");
    } else {
        rate = bare_loop(argv[1], trace.last, number(argv[5]) * US_PER_SECOND);
        printf("%.1f %d\n", rate, trace.last->count);
    }
    return 0;
}
