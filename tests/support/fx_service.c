/* Services and all they stand on, for one test. */
#include "tests/support/fx_service.h"

#include "core/file.h"

static const char catalogue_head[] =
    "currency: EUR\n"
    "hold_window_seconds: 3600\n"
    "checkpoint_grace_seconds: 30\n"
    "stop_margin_seconds: 30\n"
    "operators:\n"
    "  - {name: sim, legal_entity: Sim SAS, country: FR, parent: Sim Inc, parent_country: US,\n"
    "     source: test}\n"
    "zones:\n"
    "  - {name: sim, operator: sim, country: FR, city: Paris, engine: sim, pue: 1.5,\n"
    "     pue_source: test, grid_g_per_kwh: 50, grid_year: 2024, grid_source: test}\n"
    "  - {name: far, operator: sim, country: SE, city: Kiruna, engine: none, pue: 1.1,\n"
    "     pue_source: test, grid_g_per_kwh: 30, grid_year: 2024, grid_source: test}\n"
    "gpu_models:\n"
    "  - {name: h100, vendor: nvidia, label: H100, form: SXM5, memory_gib: 80,\n"
    "     memory_gb_per_s: 3350, bf16_tflops: 989, tdp_watts: 700, source: test}\n";

static const char catalogue_offers[] =
    "offers:\n"
    "  - {id: gpu-1.sim, name: GPU-1, zone: sim, gpu_model: h100, gpu_count: 1, vcpu_count: 8,\n"
    "     memory_gib: 64, host_watts: 100, pool: gpu, pool_units: 1, price_source: test,\n"
    "     price_per_hour: {amount_micros: %lld, currency: EUR}}\n"
    "  - {id: gpu-4.sim, name: GPU-4, zone: sim, gpu_model: h100, gpu_count: 4, vcpu_count: 32,\n"
    "     memory_gib: 256, host_watts: 400, pool: gpu, pool_units: 4, price_source: test,\n"
    "     price_per_hour: {amount_micros: 14400000, currency: EUR}}\n"
    "  - {id: odd-1.sim, name: ODD-1, zone: sim, gpu_model: h100, gpu_count: 1, vcpu_count: 8,\n"
    "     memory_gib: 64, host_watts: 100, pool: gpu, pool_units: 1, price_source: test,\n"
    "     price_per_hour: {amount_micros: 2730001, currency: EUR}}\n"
    "  - {id: cpu-2.sim, name: CPU-2, zone: sim, vcpu_count: 2, memory_gib: 4, host_watts: 7,\n"
    "     pool: cpu, pool_units: 2, price_source: test,\n"
    "     price_per_hour: {amount_micros: 100000, currency: EUR}}\n"
    "  - {id: gpu-1.far, name: GPU-1, zone: far, gpu_model: h100, gpu_count: 1, vcpu_count: 8,\n"
    "     memory_gib: 64, host_watts: 100, pool: far, pool_units: 1, price_source: test,\n"
    "     price_per_hour: {amount_micros: 2000000, currency: EUR}}\n";

void fx_catalogue_write(struct fx_service *fx, int64_t gpu_price_micros, int64_t gpu_units,
                        int64_t minimum_seconds)
{
    STRBUF text;

    strbuf_init(&text, 64 * 1024);
    /* A version names its prices. */
    strbuf_addf(&text, "version: %d\n", gpu_price_micros == FX_GPU_RATE ? 7 : 8);
    strbuf_adds(&text, catalogue_head);
    strbuf_addf(&text, "minimum_charge_seconds: %lld\n", (long long)minimum_seconds);
    strbuf_addf(&text,
                "pools:\n"
                "  - {name: gpu, zone: sim, capacity_units: %lld}\n"
                "  - {name: cpu, zone: sim, capacity_units: 4}\n"
                "  - {name: far, zone: far, capacity_units: 100}\n",
                (long long)gpu_units);
    strbuf_addf(&text, catalogue_offers, (long long)gpu_price_micros);
    assert_ok(file_write(fx->catalogue_path, text.data, text.len, 0600, E), E);
}

/* --- transactions -------------------------------------------------------------------- */

static void control(struct fx_service *fx, enum sql_control what)
{
    struct err e = {0};

    assert_ok(fx->conn->driver->control(fx->conn, what, &e), &e);
}

void fx_begin(struct fx_service *fx)
{
    err_clear(E);
    control(fx, CONTROL_BEGIN_WRITE);
    fx->tx = (struct tx){.conn = fx->conn, .is_write = true};
}

void fx_end(struct fx_service *fx, enum err_code want, enum err_code rc, const char *call,
            const char *file, int line)
{
    control(fx, rc ? CONTROL_ROLLBACK : CONTROL_COMMIT);
    if (want)
        t_assert_err(want, rc, E, call, file, line);
    else
        t_assert_ok(rc, E, call, file, line);
}

/* --- set up -------------------------------------------------------------------------- */

static void actor_make(struct fx_service *fx, const struct organization *o, enum role role,
                       enum staff_role staff, struct actor *out)
{
    struct actor by = {.is_system = true};
    struct member_create in = {.role = role};
    struct project_create first = {.name = "work"};
    struct project p;
    struct member m;

    text_copy(by.organization_id, sizeof by.organization_id, o->id);
    snprintf(in.name, sizeof in.name, "%s %s", role_names[role], staff_role_names[staff]);
    snprintf(in.email, sizeof in.email, "%s@example.org", role_names[role]);
    OK(member_create(&fx->sv, TX, &by, &in, &m, E));
    OK(project_create(&fx->sv, TX, &by, &first, &p, E));
    *out = (struct actor){.role = role, .staff_role = staff, .address = "test"};
    text_copy(out->organization_id, sizeof out->organization_id, o->id);
    text_copy(out->member_id, sizeof out->member_id, m.id);
    text_copy(out->project_id, sizeof out->project_id, p.id);
}

static void people_make(struct fx_service *fx)
{
    struct organization_create in = {.name = "Example", .country = "FR"};
    struct organization_create another = {.name = "Another", .country = "DE"};

    fx->us = (struct actor){.is_system = true};
    OK(organization_create(AS(us), &in, &fx->org, E));
    OK(organization_create(AS(us), &another, &fx->other_org, E));
    actor_make(fx, &fx->org, ROLE_OWNER, STAFF_NONE, &fx->owner);
    actor_make(fx, &fx->org, ROLE_ADMIN, STAFF_NONE, &fx->admin);
    actor_make(fx, &fx->org, ROLE_BILLING, STAFF_NONE, &fx->billing);
    actor_make(fx, &fx->org, ROLE_MEMBER, STAFF_NONE, &fx->member);
    actor_make(fx, &fx->org, ROLE_VIEWER, STAFF_NONE, &fx->viewer);
    actor_make(fx, &fx->other_org, ROLE_OWNER, STAFF_NONE, &fx->other);
    actor_make(fx, &fx->other_org, ROLE_OWNER, STAFF_SUPPORT, &fx->support);
    actor_make(fx, &fx->other_org, ROLE_VIEWER, STAFF_OPERATOR, &fx->operator_);
}

static void conn_open(struct fx_service *fx, const char *path)
{
    assert_ok(driver_sqlite.open(path, CONN_WRITER, &fx->conn, E), E);
    assert_ok(driver_sqlite.prepare(fx->conn, E), E);
}

static void store_make(struct fx_service *fx)
{
    char url[URL_BYTES_MAX];
    struct store_config c = {.url = url, .clock = &fx->clock.base, .reader_count = 1};

    snprintf(url, sizeof url, "sqlite:%s/store.db", fx->dir);
    assert_ok(store_open(&c, &fx->store, E), E);
    conn_open(fx, url + strlen("sqlite:"));
}

int fx_service_setup(void **state)
{
    struct fx_service *fx = calloc(1, sizeof *fx);
    struct engine_config engine = {.virtual_gpu_slots = FX_SLOTS};
    struct worker_config worker = {0};
    struct catalogue c = {0};

    assert_non_null(fx);
    clock_test_init(&fx->clock, FX_AT_MS);
    engine.clock = &fx->clock.base;
    snprintf(fx->dir, sizeof fx->dir, "%s", t_dir());
    snprintf(fx->catalogue_path, sizeof fx->catalogue_path, "%s/catalogue.yaml", fx->dir);
    fx_catalogue_write(fx, FX_GPU_RATE, FX_SLOTS, 0);
    store_make(fx);
    assert_ok(engine_open("sim", &engine, &fx->engine, E), E);
    assert_ok(catalogue_load(fx->catalogue_path, &c, E), E);
    assert_ok(
        service_init(&fx->sv, fx->store, &fx->clock.base, fx->engine, fx->catalogue_path, &c, E),
        E);
    worker.service = &fx->sv;
    worker.engine = fx->engine;
    assert_ok(worker_open(&worker, &fx->worker, E), E);
    people_make(fx);
    fx_grant_make(fx, GRANT_PROMOTIONAL, FX_GRANT, 0, &fx->grant);
    *state = fx;
    return 0;
}

int fx_service_teardown(void **state)
{
    struct fx_service *fx = *state;

    worker_close(fx->worker);
    service_release(&fx->sv);
    fx->engine->ops->close(fx->engine);
    fx->conn->driver->close(fx->conn);
    store_close(fx->store);
    free(fx);
    return 0;
}

/* --- what tests do all the time ------------------------------------------------------ */

void fx_advance(struct fx_service *fx, int64_t seconds)
{
    clock_test_advance(&fx->clock, seconds * 1000);
}

void fx_step(struct fx_service *fx)
{
    err_clear(E);
    assert_ok(worker_step(fx->worker, NULL, E), E);
}

void fx_launch(struct fx_service *fx, struct instance *out)
{
    struct instance_create in = {.offer_id = "gpu-1.sim"};

    OK(instance_launch(AS(owner), &in, out, E));
}

void fx_running(struct fx_service *fx, struct instance *out)
{
    fx_launch(fx, out);
    fx_step(fx);
    fx_look(fx, out);
    assert_string_equal(instance_state_names[out->state], "running");
}

void fx_look(struct fx_service *fx, struct instance *i)
{
    char id[ID_MAX];

    text_copy(id, sizeof id, i->id);
    shape_release(&instance_shape, i);
    OK(instance_get(AS(us), id, i, E));
}

void fx_act(struct fx_service *fx, struct instance *i, enum instance_action action)
{
    char id[ID_MAX];

    text_copy(id, sizeof id, i->id);
    shape_release(&instance_shape, i);
    OK(instance_act(AS(owner), id, 0, action, i, E));
}

void fx_credit(struct fx_service *fx, struct credit *out)
{
    OK(credit_get(AS(owner), fx->org.id, out, E));
}

int64_t fx_account(struct fx_service *fx, enum account account)
{
    int64_t sum = 0;

    OK(row_entry_sum(TX, fx->org.id, account, &sum, E));
    return sum;
}

int64_t fx_pool_used(struct fx_service *fx, const char *name)
{
    struct pool_row *rows = NULL;
    size_t count = 0;
    int64_t used = -1;

    OK(row_pool_list(TX, &rows, &count, E));
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            used = rows[i].used_units;
    free(rows);
    return used;
}

void fx_grant_make(struct fx_service *fx, enum grant_kind kind, int64_t micros,
                   int64_t expires_at_ms, struct grant *out)
{
    struct grant_create in = {
        .kind = kind, .amount = money_of(micros, "EUR"), .expires_at_ms = expires_at_ms};

    text_copy(in.organization_id, sizeof in.organization_id, fx->org.id);
    OK(grant_create(AS(support), &in, out, E));
}

int fx_events(struct fx_service *fx, const char *kind, const char *object_id)
{
    struct event *items = NULL;
    int64_t seq = 0;
    size_t count;
    int found = 0;

    do {
        OK(event_after(AS(us), seq, PAGE_ITEMS_MAX, &items, &count, E));
        for (size_t i = 0; i < count; i++) {
            seq = items[i].seq;
            found += strcmp(items[i].kind, kind) == 0 &&
                     (!object_id[0] || strcmp(items[i].object_id, object_id) == 0);
        }
        free(items);
        items = NULL;
    } while (count == PAGE_ITEMS_MAX);
    return found;
}

int fx_audits(struct fx_service *fx, const char *action, const char *object_id)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    struct audit_record *items = NULL;
    char next[CURSOR_BYTES_MAX];
    int found = 0;

    do {
        size_t count = 0;

        OK(audit_list(AS(us), &q, &items, &count, next, E));
        for (size_t i = 0; i < count; i++)
            found += strcmp(items[i].action, action) == 0 &&
                     (!object_id[0] || strcmp(items[i].object_id, object_id) == 0);
        free(items);
        items = NULL;
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    return found;
}

struct entry *fx_entries(struct fx_service *fx, size_t *count)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX};
    char next[CURSOR_BYTES_MAX];
    struct entry *all = NULL;
    size_t n = 0;

    do {
        struct entry *page = NULL, *more;
        size_t got = 0;

        OK(entry_list(AS(us), &q, &page, &got, next, E));
        more = realloc(all, (n + got + 1) * sizeof *all);
        assert_non_null(more);
        all = more;
        if (got)
            memcpy(all + n, page, got * sizeof *all);
        n += got;
        free(page);
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    for (size_t i = 0; i < n / 2; i++) {
        struct entry swap = all[i];

        all[i] = all[n - 1 - i];
        all[n - 1 - i] = swap;
    }
    *count = n;
    return all;
}

/* Units of the pool of GPUs that instances with an open hold take. */
static void pools_check(struct fx_service *fx)
{
    struct page_query q = {.limit = PAGE_ITEMS_MAX, .state = "open"};
    struct hold *holds = NULL;
    char next[CURSOR_BYTES_MAX];
    int64_t gpus = 0;

    do {
        size_t count = 0;

        OK(hold_list(AS(us), &q, &holds, &count, next, E));
        for (size_t i = 0; i < count; i++) {
            struct instance in = {0};

            OK(instance_get(AS(us), holds[i].instance_id, &in, E));
            gpus += in.gpu_count;
            shape_release(&instance_shape, &in);
        }
        LIST_FREE(&hold_shape, holds, count);
        text_copy(q.cursor, sizeof q.cursor, next);
    } while (next[0]);
    assert_int_equal(fx_pool_used(fx, "gpu"), gpus);
}

void fx_check(struct fx_service *fx)
{
    OK(ledger_audit(&fx->sv, TX, E));
    pools_check(fx);
}
