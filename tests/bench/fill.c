/* fill DATABASE TOKEN_FILE ORGANIZATIONS INSTANCES: an installation with a past. Each
 * organization has a project, an owner, a key and a grant; the instances lie in the year before
 * now, have ended or are stopped, and were paid for, so that `hourglassd --check` finds the
 * ledger in order. The first organization has every 50th instance and credit without end; its
 * key is written to TOKEN_FILE. */
#include <sodium.h>
#include <sys/stat.h>

#include "api/store/rows.h"
#include "core/id.h"
#include "tests/bench/bench.h"

#define OWN_EVERY      50 /* every so many instances is the first organization's */
#define PER_COMMIT     1000
#define SPARE_MICROS   INT64_C(100000000)
#define ENDLESS_MICROS INT64_C(10000000000000)
#define YEAR_MS        (INT64_C(365) * 24 * 3600 * 1000)

struct customer {
    char id[ID_MAX], project[ID_MAX], member[ID_MAX], grant[ID_MAX];
    int64_t consumed;
};

struct fill {
    struct clock_test clock;
    struct customer *customers;
    int64_t customer_count, instance_count, step_ms;
    int64_t from, to; /* of this commit */
    char token[TOKEN_BYTES_MAX];
};

struct kind {
    const char *offer, *zone, *gpu_model, *label;
    int64_t gpus, vcpus, memory_gib, price;
};

static const struct kind kinds[] = {
    {"h100-1-80g.fr-par-2", "fr-par-2", "h100-pcie-80g", "NVIDIA H100 PCIe", 1, 24, 240, 2730000},
    {"l4-1-24g.fr-par-1", "fr-par-1", "l4-24g", "NVIDIA L4", 1, 8, 48, 750000},
    {"l40s-1-48g.fr-par-2", "fr-par-2", "l40s-48g", "NVIDIA L40S", 1, 8, 96, 1400000},
    {"local-cpu-2.local", "local", "", "", 0, 2, 2, 80000},
};

static const char ssh_key[] =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleExam me@laptop";

/* --- identity ----------------------------------------------------------------------------- */

static enum err_code key_put(struct fill *f, struct tx *tx, const struct customer *c, bool is_first,
                             struct err *e)
{
    struct api_key k = {.created_at_ms = f->clock.at_ms};
    uint8_t hash[KEY_HASH_BYTES];

    id_new(ID_API_KEY, &f->clock.base, k.id);
    text_copy(k.organization_id, sizeof k.organization_id, c->id);
    text_copy(k.member_id, sizeof k.member_id, c->member);
    text_copy(k.project_id, sizeof k.project_id, c->project);
    text_copy(k.name, sizeof k.name, "first key");
    text_copy(k.hint, sizeof k.hint, "hgk_");
    randombytes_buf(hash, sizeof hash);
    if (is_first)
        crypto_generichash(hash, sizeof hash, (const unsigned char *)f->token, strlen(f->token),
                           NULL, 0);
    return row_api_key_insert(tx, &k, hash, e);
}

static enum err_code customer_put(struct fill *f, struct tx *tx, int64_t n, struct err *e)
{
    struct customer *c = &f->customers[n];
    struct organization o = {.country = "FR", .currency = "EUR", .version = 1};
    struct project p = {.name = "default", .version = 1};
    struct member m = {.name = "Owner", .role = ROLE_OWNER, .version = 1};
    enum err_code rc;

    o.created_at_ms = p.created_at_ms = m.created_at_ms = f->clock.at_ms;
    id_new(ID_ORGANIZATION, &f->clock.base, c->id);
    id_new(ID_PROJECT, &f->clock.base, c->project);
    id_new(ID_MEMBER, &f->clock.base, c->member);
    id_new(ID_GRANT, &f->clock.base, c->grant);
    text_copy(o.id, sizeof o.id, c->id);
    snprintf(o.name, sizeof o.name, "Organization %lld", (long long)n);
    text_copy(p.id, sizeof p.id, c->project);
    text_copy(p.organization_id, sizeof p.organization_id, c->id);
    text_copy(m.id, sizeof m.id, c->member);
    text_copy(m.organization_id, sizeof m.organization_id, c->id);
    snprintf(m.email, sizeof m.email, "owner-%lld@example.org", (long long)n);
    rc = row_organization_insert(tx, &o, e);
    if (!rc)
        rc = row_project_insert(tx, &p, e);
    if (!rc)
        rc = row_member_insert(tx, &m, e);
    return rc ? rc : key_put(f, tx, c, n == 0, e);
}

static enum err_code customers_put(struct tx *tx, void *ctx, struct err *e)
{
    struct fill *f = ctx;
    enum err_code rc = ERR_OK;

    for (int64_t n = f->from; !rc && n < f->to; n++)
        rc = customer_put(f, tx, n, e);
    return rc;
}

/* --- instances, what they used and what was written down about them ------------------------ */

static void instance_compose(struct fill *f, int64_t n, const struct customer *c,
                             const struct kind *k, struct instance *i, struct gpu_slot *slot)
{
    int64_t seconds = 600 + n % 50 * 60, at_ms = f->clock.at_ms;
    bool is_stopped = n % 5 == 4;

    *i = (struct instance){.gpu_count = k->gpus,
                           .vcpu_count = k->vcpus,
                           .memory_gib = k->memory_gib,
                           .state = is_stopped ? INSTANCE_STOPPED : INSTANCE_TERMINATED,
                           .desired_state =
                               is_stopped ? INSTANCE_WANT_STOPPED : INSTANCE_WANT_TERMINATED,
                           .state_reason = INSTANCE_REASON_BY_MEMBER,
                           .state_detail = "the instance was told to stop",
                           .price_per_hour = money_of(k->price, "EUR"),
                           .price_version = 1,
                           .cost = money_of(k->price * seconds / 3600, "EUR"),
                           .created_at_ms = at_ms,
                           .running_at_ms = at_ms + 20000,
                           .gate_verdict = VERDICT_HEALTHY,
                           .gate_summary = "HEALTHY 9 checks passed in 0.4 s",
                           .limits = "cgroup2",
                           .slots = slot,
                           .slot_count = k->gpus ? 1 : 0,
                           .version = 7};
    i->cost_at_ms = i->ended_at_ms = i->state_since_ms = i->running_at_ms + seconds * 1000;
    if (is_stopped)
        i->ended_at_ms = 0;
    id_new(ID_INSTANCE, &f->clock.base, i->id);
    text_copy(i->organization_id, sizeof i->organization_id, c->id);
    text_copy(i->project_id, sizeof i->project_id, c->project);
    text_copy(i->created_by, sizeof i->created_by, c->member);
    snprintf(i->name, sizeof i->name, "run-%lld", (long long)n);
    text_copy(i->offer_id, sizeof i->offer_id, k->offer);
    text_copy(i->zone, sizeof i->zone, k->zone);
    text_copy(i->gpu_model, sizeof i->gpu_model, k->gpu_model);
    if (n % 2)
        text_copy(i->ssh_public_key, sizeof i->ssh_public_key, ssh_key);
    *slot = (struct gpu_slot){.index = n % 8, .uuid = "GPU-5f1c0b3a-0d6e-4e0f-9b1e-1f0f5a3c7d21"};
    text_copy(slot->label, sizeof slot->label, k->label);
}

static enum err_code use_put(struct fill *f, struct tx *tx, struct customer *c,
                             const struct instance *i, struct err *e)
{
    struct hold_part part = {.amount = money_of(i->price_per_hour.micros + 1, "EUR"),
                             .captured = i->cost};
    struct hold h = {.state = HOLD_CLOSED,
                     .amount = part.amount,
                     .captured = i->cost,
                     .window_from_ms = i->running_at_ms,
                     .window_to_ms = i->cost_at_ms,
                     .created_at_ms = i->created_at_ms,
                     .closed_at_ms = i->cost_at_ms,
                     .parts = &part,
                     .part_count = 1};
    struct usage_row u = {.from_ms = i->running_at_ms, .to_ms = i->cost_at_ms};
    enum err_code rc;

    id_new(ID_HOLD, &f->clock.base, h.id);
    text_copy(part.grant_id, sizeof part.grant_id, c->grant);
    text_copy(h.organization_id, sizeof h.organization_id, c->id);
    text_copy(h.instance_id, sizeof h.instance_id, i->id);
    text_copy(u.instance_id, sizeof u.instance_id, i->id);
    text_copy(u.organization_id, sizeof u.organization_id, c->id);
    text_copy(u.hold_id, sizeof u.hold_id, h.id);
    u.seconds = (u.to_ms - u.from_ms) / 1000;
    u.micros = i->cost.micros;
    c->consumed += u.micros;
    rc = row_hold_insert(tx, &h, e);
    return rc ? rc : row_usage_insert(tx, &u, e);
}

static enum err_code news_put(struct tx *tx, const struct customer *c, const struct instance *i,
                              struct err *e)
{
    struct event ev = {.at_ms = i->state_since_ms, .kind = "instance.state"};
    struct audit_record a = {.at_ms = i->created_at_ms, .action = "instance.launch"};
    enum err_code rc;

    text_copy(ev.organization_id, sizeof ev.organization_id, c->id);
    text_copy(ev.project_id, sizeof ev.project_id, c->project);
    text_copy(ev.object_id, sizeof ev.object_id, i->id);
    text_copy(ev.state, sizeof ev.state, instance_state_names[i->state]);
    snprintf(ev.summary, sizeof ev.summary, "instance %s: stopping -> %s", i->name, ev.state);
    text_copy(a.organization_id, sizeof a.organization_id, c->id);
    text_copy(a.member_id, sizeof a.member_id, c->member);
    text_copy(a.address, sizeof a.address, "192.0.2.7");
    text_copy(a.object_id, sizeof a.object_id, i->id);
    snprintf(a.detail, sizeof a.detail, "instance %s launched: %s", i->name, i->offer_id);
    rc = row_event_insert(tx, &ev, e);
    return rc ? rc : row_audit_insert(tx, &a, e);
}

static enum err_code instances_put(struct tx *tx, void *ctx, struct err *e)
{
    struct fill *f = ctx;
    enum err_code rc = ERR_OK;

    for (int64_t n = f->from; !rc && n < f->to; n++) {
        int64_t at = n % OWN_EVERY ? 1 + n * 7919 % (f->customer_count - 1) : 0;
        struct customer *c = &f->customers[at];
        struct gpu_slot slot;
        struct instance i;

        clock_test_advance(&f->clock, f->step_ms);
        instance_compose(f, n, c, &kinds[n % (int64_t)ARRAY_SIZE(kinds)], &i, &slot);
        rc = row_instance_insert(tx, &i, e);
        if (!rc)
            rc = use_put(f, tx, c, &i, e);
        if (!rc)
            rc = news_put(tx, c, &i, e);
    }
    return rc;
}

/* --- money --------------------------------------------------------------------------------- */

static enum err_code move(struct fill *f, struct tx *tx, const struct customer *c,
                          enum entry_kind kind, enum account from, enum account to, int64_t micros,
                          struct err *e)
{
    struct entry en = {.kind = kind, .at_ms = f->clock.at_ms};
    enum err_code rc = ERR_OK;

    if (!micros)
        return ERR_OK;
    id_new(ID_TRANSACTION, &f->clock.base, en.transaction_id);
    text_copy(en.organization_id, sizeof en.organization_id, c->id);
    text_copy(en.grant_id, sizeof en.grant_id, c->grant);
    for (int side = 0; !rc && side < 2; side++) {
        id_new(ID_ENTRY, &f->clock.base, en.id);
        en.account = side ? to : from;
        en.amount = money_of(side ? micros : -micros, "EUR");
        rc = row_entry_insert(tx, &en, e);
    }
    return rc;
}

static enum err_code grant_put(struct fill *f, struct tx *tx, int64_t n, struct err *e)
{
    const struct customer *c = &f->customers[n];
    int64_t spare = n ? SPARE_MICROS : ENDLESS_MICROS;
    struct money none = money_of(0, "EUR");
    struct grant g = {.kind = GRANT_PROMOTIONAL,
                      .note = "credit to begin with",
                      .amount = money_of(c->consumed + spare, "EUR"),
                      .available = money_of(spare, "EUR"),
                      .held = none,
                      .consumed = money_of(c->consumed, "EUR"),
                      .expired = none,
                      .voided = none,
                      .effective_at_ms = f->clock.at_ms - YEAR_MS,
                      .created_at_ms = f->clock.at_ms - YEAR_MS,
                      .version = 1};
    enum err_code rc;

    text_copy(g.id, sizeof g.id, c->grant);
    text_copy(g.organization_id, sizeof g.organization_id, c->id);
    rc = row_grant_insert(tx, &g, e);
    if (!rc)
        rc = move(f, tx, c, ENTRY_GRANT, ACCOUNT_FUNDING, ACCOUNT_GRANT, g.amount.micros, e);
    if (!rc)
        rc = move(f, tx, c, ENTRY_HOLD, ACCOUNT_GRANT, ACCOUNT_HELD, c->consumed, e);
    return rc ? rc : move(f, tx, c, ENTRY_CAPTURE, ACCOUNT_HELD, ACCOUNT_REVENUE, c->consumed, e);
}

static enum err_code grants_put(struct tx *tx, void *ctx, struct err *e)
{
    struct fill *f = ctx;
    enum err_code rc = ERR_OK;

    for (int64_t n = f->from; !rc && n < f->to; n++)
        rc = grant_put(f, tx, n, e);
    return rc;
}

/* --- all ----------------------------------------------------------------------------------- */

static void put_all(struct store *s, struct fill *f, tx_fn *fn, int64_t count)
{
    struct err e;

    for (f->from = 0; f->from < count; f->from = f->to) {
        f->to = f->from + PER_COMMIT < count ? f->from + PER_COMMIT : count;
        must(store_write(s, fn, f, &e), &e);
    }
}

int main(int argc, char **argv)
{
    struct fill f = {0};
    char url[4096];
    struct store_config c = {.url = url, .clock = clock_real()};
    struct store *s;
    struct err e;

    if (argc != 5 || sodium_init() < 0)
        die("usage: fill DATABASE TOKEN_FILE ORGANIZATIONS INSTANCES");
    snprintf(url, sizeof url, "sqlite:%s", argv[1]);
    f.customer_count = number(argv[3]);
    f.instance_count = number(argv[4]);
    f.customers = calloc((size_t)f.customer_count + 1, sizeof *f.customers);
    if (!f.customers || f.customer_count < 2 || f.instance_count < 1)
        die("two organizations and one instance at least");
    f.step_ms = YEAR_MS / f.instance_count;
    clock_test_init(&f.clock, clock_now_ms(clock_real()) - YEAR_MS - 3600 * 1000);
    memcpy(f.token, "hgk_", 4);
    for (size_t i = 4; i < 68; i += 8)
        snprintf(f.token + i, sizeof f.token - i, "%08x", randombytes_random());
    must(store_open(&c, &s, &e), &e);
    put_all(s, &f, customers_put, f.customer_count);
    put_all(s, &f, instances_put, f.instance_count);
    put_all(s, &f, grants_put, f.customer_count);
    store_close(s);
    must(file_write(argv[2], f.token, strlen(f.token), 0600, &e), &e);
    free(f.customers);
    return 0;
}
