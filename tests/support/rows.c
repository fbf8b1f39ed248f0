/* A database for one test, and objects to put into it. */
#include "tests/support/rows.h"

#define STEPS_MAX 64

const char *rows_url(char url[URL_BYTES_MAX])
{
    snprintf(url, URL_BYTES_MAX, "sqlite:%s/store.db", t_dir());
    return url;
}

const struct migrations *rows_migrations(void)
{
    static const char *texts[STEPS_MAX];
    static struct migrations m;

    if (!m.count) {
        m.texts = texts;
        while (store_schema(STORE_SQLITE, m.count)) {
            texts[m.count] = store_schema(STORE_SQLITE, m.count);
            m.count++;
        }
    }
    return &m;
}

int rows_setup(void **state)
{
    struct rows_fx *fx = calloc(1, sizeof *fx);
    const struct driver *d = &driver_sqlite;

    assert_non_null(fx);
    clock_test_init(&fx->clock, ROWS_AT_MS);
    rows_url(fx->url);
    assert_ok(d->open(strchr(fx->url, ':') + 1, CONN_WRITER, &fx->tx.conn, E), E);
    assert_ok(d->migrate(fx->tx.conn, rows_migrations(), E), E);
    assert_ok(d->prepare(fx->tx.conn, E), E);
    assert_ok(d->control(fx->tx.conn, CONTROL_BEGIN_WRITE, E), E);
    fx->tx.is_write = true;
    rows_organization(fx, &fx->organization);
    assert_ok(row_organization_insert(TX, &fx->organization, E), E);
    *state = fx;
    return 0;
}

int rows_teardown(void **state)
{
    struct rows_fx *fx = *state;
    const struct driver *d = fx->tx.conn->driver;

    assert_ok(d->control(fx->tx.conn, CONTROL_COMMIT, E), E);
    d->close(fx->tx.conn);
    free(fx);
    return 0;
}

static void new_id(struct rows_fx *fx, enum id_kind kind, char out[ID_MAX])
{
    id_new(kind, &fx->clock.base, out);
}

void rows_organization(struct rows_fx *fx, struct organization *out)
{
    *out = (struct organization){.name = "Example",
                                 .country = "FR",
                                 .currency = "EUR",
                                 .created_at_ms = ROWS_AT_MS,
                                 .version = 1};
    new_id(fx, ID_ORGANIZATION, out->id);
}

void rows_instance(struct rows_fx *fx, struct instance *out)
{
    *out = (struct instance){
        .name = "blue",
        .offer_id = "h100-1-80g.fr-par-2",
        .zone = "fr-par-2",
        .gpu_model = "h100",
        .gpu_count = 1,
        .vcpu_count = 24,
        .memory_gib = 240,
        .state = INSTANCE_REQUESTED,
        .desired_state = INSTANCE_WANT_RUNNING,
        .state_reason = INSTANCE_REASON_BY_MEMBER,
        .price_per_hour = money_of(2730000, "EUR"),
        .price_version = 7,
        .cost = money_of(0, "EUR"),
        .created_at_ms = ROWS_AT_MS,
        .state_since_ms = ROWS_AT_MS,
        .version = 1,
    };
    new_id(fx, ID_INSTANCE, out->id);
    new_id(fx, ID_PROJECT, out->project_id);
    new_id(fx, ID_MEMBER, out->created_by);
    text_copy(out->organization_id, sizeof out->organization_id, fx->organization.id);
}

void rows_job(struct rows_fx *fx, struct job *out)
{
    *out = (struct job){.name = "train",
                        .state = JOB_QUEUED,
                        .state_reason = JOB_REASON_WAITING,
                        .exit_code = -1,
                        .created_at_ms = ROWS_AT_MS,
                        .version = 1};
    new_id(fx, ID_JOB, out->id);
    new_id(fx, ID_INSTANCE, out->instance_id);
    new_id(fx, ID_PROJECT, out->project_id);
    text_copy(out->organization_id, sizeof out->organization_id, fx->organization.id);
}

void rows_grant(struct rows_fx *fx, int64_t micros, struct grant *out)
{
    *out = (struct grant){.kind = GRANT_PROMOTIONAL,
                          .note = "welcome",
                          .amount = money_of(micros, "EUR"),
                          .available = money_of(micros, "EUR"),
                          .held = money_of(0, "EUR"),
                          .consumed = money_of(0, "EUR"),
                          .expired = money_of(0, "EUR"),
                          .voided = money_of(0, "EUR"),
                          .effective_at_ms = ROWS_AT_MS,
                          .created_at_ms = ROWS_AT_MS,
                          .version = 1};
    new_id(fx, ID_GRANT, out->id);
    text_copy(out->organization_id, sizeof out->organization_id, fx->organization.id);
}

void rows_hold(struct rows_fx *fx, int64_t micros, struct hold *out)
{
    *out = (struct hold){.state = HOLD_OPEN,
                         .amount = money_of(micros, "EUR"),
                         .captured = money_of(0, "EUR"),
                         .created_at_ms = ROWS_AT_MS};
    new_id(fx, ID_HOLD, out->id);
    new_id(fx, ID_INSTANCE, out->instance_id);
    text_copy(out->organization_id, sizeof out->organization_id, fx->organization.id);
}

void rows_assert_same(const struct shape *s, const void *a, const void *b)
{
    STRBUF x, y;

    strbuf_init(&x, HTTP_RESPONSE_BYTES_MAX);
    strbuf_init(&y, HTTP_RESPONSE_BYTES_MAX);
    shape_encode(s, a, &x);
    shape_encode(s, b, &y);
    assert_false(x.failed);
    assert_string_equal(x.data, y.data);
}
