/* Telemetry: what watchers posted in the last hour, in memory. Nothing of it is durable, nothing
 * follows from it, and it is bounded: who posts the most loses the oldest first. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/service/service_internal.h"

#define KEEP_MS      (60 * MS_PER_MINUTE)
#define STEP_MS      (10 * MS_PER_SECOND) /* of two samples in one step the later is kept */
#define AHEAD_MS_MAX (5 * MS_PER_MINUTE)  /* what a wrong clock may be ahead of ours */
#define HOSTS_MAX    1024
#define HOSTS_OF_ONE 128 /* of one organization */
#define BYTES_MAX    (64LL * 1024 * 1024)
#define LIST_BYTES   (4LL * 1024 * 1024) /* of one answer, which is then some 8 MB of JSON */
#define SAMPLES_MAX  ((size_t)(KEEP_MS / STEP_MS) + 1)

/* One machine of one organization; samples by time, the oldest first. */
struct telemetry_host {
    char organization_id[ID_MAX];
    struct telemetry_sample *samples;
    size_t count, room;
    int64_t bytes;
};

struct telemetry_memory {
    pthread_mutex_t lock; /* guards all of it */
    struct telemetry_host hosts[HOSTS_MAX];
    size_t host_count;
    int64_t bytes;
};

struct telemetry_memory *telemetry_memory_new(void)
{
    struct telemetry_memory *m = calloc(1, sizeof *m);

    if (m)
        pthread_mutex_init(&m->lock, NULL);
    return m;
}

static int64_t sample_bytes(const struct telemetry_sample *s)
{
    size_t bytes = sizeof *s + s->gpu_count * sizeof *s->gpus;

    for (size_t i = 0; i < s->gpu_count; i++)
        bytes += s->gpus[i].reading_count * sizeof *s->gpus[i].readings;
    return (int64_t)bytes;
}

/* Caller releases the copy with its shape. Errors: ERR_INTERNAL out of memory. */
static enum err_code sample_copy(const struct telemetry_sample *from, struct telemetry_sample *to,
                                 struct err *e)
{
    *to = *from;
    to->gpu_count = 0;
    to->gpus = calloc(from->gpu_count + 1, sizeof *to->gpus);
    for (size_t i = 0; to->gpus && i < from->gpu_count; i++) {
        struct telemetry_gpu *g = &to->gpus[i];
        size_t count = from->gpus[i].reading_count;

        *g = from->gpus[i];
        g->readings = calloc(count + 1, sizeof *g->readings);
        to->gpu_count++;
        if (!g->readings) {
            g->reading_count = 0;
            shape_release(&telemetry_sample_shape, to);
            return err_set(e, ERR_INTERNAL, "out of memory");
        }
        if (count)
            memcpy(g->readings, from->gpus[i].readings, count * sizeof *g->readings);
    }
    return to->gpus ? ERR_OK : err_set(e, ERR_INTERNAL, "out of memory");
}

/* --- forgetting; with the lock held --------------------------------------------------- */

static void sample_drop(struct telemetry_memory *m, struct telemetry_host *h, size_t i)
{
    int64_t bytes = sample_bytes(&h->samples[i]);

    shape_release(&telemetry_sample_shape, &h->samples[i]);
    memmove(&h->samples[i], &h->samples[i + 1], (h->count - i - 1) * sizeof *h->samples);
    h->count--;
    h->bytes -= bytes;
    m->bytes -= bytes;
}

static void host_drop(struct telemetry_memory *m, size_t i)
{
    struct telemetry_host *h = &m->hosts[i];

    while (h->count)
        sample_drop(m, h, h->count - 1);
    free(h->samples);
    m->hosts[i] = m->hosts[--m->host_count];
    m->hosts[m->host_count] = (struct telemetry_host){0};
}

static void old_drop(struct telemetry_memory *m, int64_t now_ms)
{
    for (size_t i = m->host_count; i-- > 0;) {
        struct telemetry_host *h = &m->hosts[i];

        while (h->count && h->samples[0].taken_at_ms < now_ms - KEEP_MS)
            sample_drop(m, h, 0);
        if (!h->count)
            host_drop(m, i);
    }
}

/* Nobody can push out somebody else's by posting a lot. */
static void excess_drop(struct telemetry_memory *m)
{
    while (m->bytes > BYTES_MAX) {
        struct telemetry_host *largest = &m->hosts[0];

        for (size_t i = 1; i < m->host_count; i++)
            if (m->hosts[i].bytes > largest->bytes)
                largest = &m->hosts[i];
        if (largest->count < 2)
            return; /* HOSTS_MAX newest samples are bounded by the size of a request */
        sample_drop(m, largest, 0);
    }
}

void telemetry_memory_free(struct telemetry_memory *m)
{
    if (!m)
        return;
    while (m->host_count)
        host_drop(m, m->host_count - 1);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* --- keeping; with the lock held --------------------------------------------------------- */

static struct telemetry_host *host_find(struct telemetry_memory *m, const char *organization_id,
                                        const struct telemetry_sample *s)
{
    for (size_t i = 0; i < m->host_count; i++) {
        struct telemetry_host *h = &m->hosts[i];

        if (strcmp(h->organization_id, organization_id) == 0 &&
            strcmp(h->samples[0].host, s->host) == 0 &&
            strcmp(h->samples[0].instance_id, s->instance_id) == 0)
            return h;
    }
    return NULL;
}

static enum err_code host_add(struct telemetry_memory *m, const char *organization_id,
                              struct telemetry_host **out, struct err *e)
{
    size_t own = 0;

    for (size_t i = 0; i < m->host_count; i++)
        own += strcmp(m->hosts[i].organization_id, organization_id) == 0;
    if (own >= HOSTS_OF_ONE)
        return err_set(e, ERR_LIMIT, "at most %d machines of an organization are kept at a time",
                       HOSTS_OF_ONE);
    if (m->host_count >= HOSTS_MAX)
        return err_set(e, ERR_BUSY, "as many machines as can be are watched already");
    *out = &m->hosts[m->host_count++];
    text_copy((*out)->organization_id, ID_MAX, organization_id);
    return ERR_OK;
}

static bool host_has_room(struct telemetry_host *h)
{
    size_t room = h->room ? h->room * 2 : 4;
    struct telemetry_sample *longer;

    if (h->count < h->room)
        return true;
    longer = realloc(h->samples, room * sizeof *longer);
    if (!longer)
        return false;
    h->samples = longer;
    h->room = room;
    return true;
}

/* In its place by time; of one step only the last is kept, except for the newest of all, which
 * makes room when the next comes. */
static enum err_code sample_insert(struct telemetry_memory *m, struct telemetry_host *h,
                                   struct telemetry_sample *take, struct err *e)
{
    size_t at = h->count;

    while (at && h->samples[at - 1].taken_at_ms > take->taken_at_ms)
        at--;
    if (at && h->samples[at - 1].taken_at_ms / STEP_MS == take->taken_at_ms / STEP_MS)
        sample_drop(m, h, --at);
    else if (at < h->count && h->samples[at].taken_at_ms / STEP_MS == take->taken_at_ms / STEP_MS)
        return ERR_OK; /* a later one of this step is there */
    if (h->count >= SAMPLES_MAX + (size_t)(AHEAD_MS_MAX / STEP_MS)) {
        sample_drop(m, h, 0);
        at -= at > 0;
    }
    if (!host_has_room(h))
        return err_set(e, ERR_INTERNAL, "out of memory");
    memmove(&h->samples[at + 1], &h->samples[at], (h->count - at) * sizeof *h->samples);
    h->samples[at] = *take;
    h->count++;
    h->bytes += sample_bytes(take);
    m->bytes += sample_bytes(take);
    *take = (struct telemetry_sample){0};
    return ERR_OK;
}

static enum err_code sample_keep(struct telemetry_memory *m, const char *organization_id,
                                 struct telemetry_sample *take, int64_t now_ms, struct err *e)
{
    struct telemetry_host *h;
    enum err_code rc = ERR_OK;

    pthread_mutex_lock(&m->lock);
    old_drop(m, now_ms);
    h = host_find(m, organization_id, take);
    if (!h)
        rc = host_add(m, organization_id, &h, e);
    if (!rc)
        rc = sample_insert(m, h, take, e);
    if (h && !h->count)
        host_drop(m, (size_t)(h - m->hosts));
    excess_drop(m);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

/* --- the service --------------------------------------------------------------------------- */

static bool name_is_meter(const char *name)
{
    return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

static enum err_code sample_check(const struct telemetry_sample *in, int64_t now_ms, struct err *e)
{
    char pointer[ERR_POINTER_MAX];
    enum err_code rc = input_name("/host", in->host, e);

    if (rc)
        return rc;
    if (in->taken_at_ms < now_ms - KEEP_MS || in->taken_at_ms > now_ms + AHEAD_MS_MAX)
        return input_refuse(e, "/taken_at", "out_of_range",
                            "expected a moment of the last hour: is the machine's clock right?");
    for (size_t i = 0; i < in->gpu_count; i++) {
        for (size_t k = 0; k < in->gpus[i].reading_count; k++) {
            if (name_is_meter(in->gpus[i].readings[k].meter))
                continue;
            snprintf(pointer, sizeof pointer, "/gpus/%zu/readings/%zu/meter", i, k);
            return input_refuse(e, pointer, "bad_name",
                                "expected lower-case letters, digits and underscores");
        }
    }
    return ERR_OK;
}

enum err_code telemetry_post(struct service *sv, struct tx *tx, const struct actor *by,
                             const struct telemetry_sample *in, struct err *e)
{
    struct telemetry_sample copy = {0};
    int64_t now_ms = clock_now_ms(sv->clock);
    INSTANCE_OWN i = {0};
    enum err_code rc = rule_check(by, ACTION_TELEMETRY_POST, e);

    if (!rc)
        rc = sample_check(in, now_ms, e);
    if (!rc && in->instance_id[0])
        rc = instance_fetch(sv, tx, by, ACTION_TELEMETRY_POST, in->instance_id, &i, e);
    if (rc == ERR_NOT_FOUND)
        return input_refuse(e, "/instance_id", "unknown", "there is no such instance");
    if (!rc)
        rc = sample_copy(in, &copy, e);
    if (rc)
        return rc;
    copy.received_at_ms = now_ms;
    rc = sample_keep(sv->telemetry, by->organization_id, &copy, now_ms, e);
    shape_release(&telemetry_sample_shape, &copy);
    return rc;
}

static bool host_matches(const struct telemetry_host *h, const char *scope,
                         const struct page_query *q)
{
    return (!scope[0] || strcmp(h->organization_id, scope) == 0) &&
           (!q->text[0] || strcmp(h->samples[0].host, q->text) == 0) &&
           (!q->instance_id[0] || strcmp(h->samples[0].instance_id, q->instance_id) == 0);
}

struct listing {
    const struct page_query *q;
    int64_t since_ms, bytes;
    struct telemetry_sample *items;
    size_t count;
};

/* The newest first, from the time that was asked for; one only when no host was named. */
static enum err_code host_list(const struct telemetry_host *h, struct listing *l, struct err *e)
{
    const struct page_query *q = l->q;
    bool all = q->text[0] || q->instance_id[0];

    for (size_t i = h->count; i-- > 0 && l->count < (size_t)q->limit && l->bytes < LIST_BYTES;) {
        const struct telemetry_sample *s = &h->samples[i];
        enum err_code rc;

        if (s->taken_at_ms < l->since_ms || (q->to_ms && s->taken_at_ms >= q->to_ms))
            continue;
        rc = sample_copy(s, &l->items[l->count], e);
        if (rc)
            return rc;
        l->count++;
        l->bytes += sample_bytes(s);
        if (!all)
            break;
    }
    return ERR_OK;
}

enum err_code telemetry_list(struct service *sv, struct tx *tx, const struct actor *by,
                             const struct page_query *q, struct telemetry_sample **out,
                             size_t *count, char next[CURSOR_BYTES_MAX], struct err *e)
{
    struct listing l = {.q = q, .since_ms = clock_now_ms(sv->clock) - KEEP_MS};
    struct telemetry_memory *m = sv->telemetry;
    char scope[ID_MAX];
    enum err_code rc = rule_list(by, ACTION_TELEMETRY_READ, q, scope, e);

    UNUSED(tx);
    if (rc)
        return rc;
    l.items = calloc((size_t)q->limit, sizeof *l.items);
    if (!l.items)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (q->from_ms > l.since_ms)
        l.since_ms = q->from_ms;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; !rc && i < m->host_count; i++)
        if (host_matches(&m->hosts[i], scope, q))
            rc = host_list(&m->hosts[i], &l, e);
    pthread_mutex_unlock(&m->lock);
    if (rc) {
        LIST_FREE(&telemetry_sample_shape, l.items, l.count);
        return rc;
    }
    next[0] = '\0';
    *out = l.items;
    *count = l.count;
    return ERR_OK;
}
