/* Who is asking: the bearer token into an actor, remembered for a moment by the token's hash, so
 * that a burst of requests does not read the key a thousand times. */
#include "api/resource/app_internal.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void auth_forget(struct app *a)
{
    pthread_mutex_lock(&a->auth_lock);
    a->auth_generation++;
    pthread_mutex_unlock(&a->auth_lock);
    app_wake(a, NULL);
}

static uint64_t auth_generation(struct app *a)
{
    uint64_t now;

    pthread_mutex_lock(&a->auth_lock);
    now = a->auth_generation;
    pthread_mutex_unlock(&a->auth_lock);
    return now;
}

static struct auth_slot *slot_of(struct app *a, const uint8_t hash[KEY_HASH_BYTES])
{
    uint32_t at;

    memcpy(&at, hash, sizeof at); /* a hash: every bit is as good as another */
    return &a->auth[at % AUTH_SLOTS];
}

static bool remembered(struct app *a, const uint8_t hash[KEY_HASH_BYTES], struct actor *out,
                       uint64_t *generation)
{
    struct auth_slot *s = slot_of(a, hash);
    bool found;

    pthread_mutex_lock(&a->auth_lock);
    *generation = a->auth_generation;
    found = s->until_mono_ms > clock_mono_ms(a->clock) && s->generation == a->auth_generation &&
            sodium_memcmp(s->hash, hash, KEY_HASH_BYTES) == 0;
    if (found)
        *out = s->actor;
    pthread_mutex_unlock(&a->auth_lock);
    return found;
}

static void remember(struct app *a, const uint8_t hash[KEY_HASH_BYTES], const struct actor *actor,
                     uint64_t generation)
{
    struct auth_slot *s = slot_of(a, hash);

    pthread_mutex_lock(&a->auth_lock);
    s->until_mono_ms = clock_mono_ms(a->clock) + AUTH_KEEP_MS;
    s->generation = generation; /* of before the read: a change meanwhile wins */
    s->actor = *actor;
    memcpy(s->hash, hash, KEY_HASH_BYTES);
    pthread_mutex_unlock(&a->auth_lock);
}

/* --- the time of a key's last use ------------------------------------------------------------ */

struct touch {
    struct service *sv;
    struct actor actor;
};

static enum err_code touch_write(struct tx *tx, void *ctx, struct err *e)
{
    struct touch *t = ctx;

    return key_touch(t->sv, tx, &t->actor, e);
}

static void touch_done(void *ctx, enum err_code rc, const struct err *e)
{
    UNUSED(rc); /* it is tried again with the next use */
    UNUSED(e);
    free(ctx);
}

static void touch_start(struct service *sv, const struct actor *actor)
{
    struct touch *t = malloc(sizeof *t);

    if (!t)
        return;
    *t = (struct touch){.sv = sv, .actor = *actor};
    if (store_write_async(sv->store, touch_write, touch_done, t, NULL))
        free(t);
}

/* --- looking up ------------------------------------------------------------------------------ */

struct lookup {
    struct service *sv;
    const char *token; /* or, when NULL, */
    const char *key_id;
    struct actor actor;
    bool touch_due;
};

static enum err_code lookup_read(struct tx *tx, void *ctx, struct err *e)
{
    struct lookup *l = ctx;
    enum err_code rc = l->token ? key_authenticate(l->sv, tx, l->token, &l->actor, e)
                                : key_actor(l->sv, tx, l->key_id, &l->actor, e);

    return rc || !l->token ? rc : key_touch_due(l->sv, tx, &l->actor, &l->touch_due, e);
}

bool auth_watch_holds(struct app *a, struct auth_watch *w, enum rule_action action)
{
    struct lookup l = {.sv = a->service, .key_id = w->by.key_id};
    uint64_t generation = auth_generation(a);
    int64_t now_ms = clock_mono_ms(a->clock);
    enum err_code rc;

    if (generation == w->generation && now_ms < w->until_mono_ms)
        return true;
    rc = store_read(a->service->store, lookup_read, &l, NULL);
    if (rc)
        return rc != ERR_UNAUTHENTICATED;
    w->generation = generation;
    w->until_mono_ms = now_ms + AUTH_KEEP_MS;
    w->by.role = l.actor.role;
    w->by.staff_role = l.actor.staff_role;
    return rule_check(&w->by, action, NULL) == ERR_OK;
}

static enum err_code actor_find(struct app *a, const char *token, struct actor *out, struct err *e)
{
    struct lookup l = {.sv = a->service, .token = token};
    uint8_t hash[KEY_HASH_BYTES];
    uint64_t generation;
    enum err_code rc;

    crypto_generichash(hash, sizeof hash, (const unsigned char *)token, strlen(token), NULL, 0);
    if (remembered(a, hash, out, &generation))
        return ERR_OK;
    rc = store_read(a->service->store, lookup_read, &l, e);
    if (rc)
        return rc;
    remember(a, hash, &l.actor, generation);
    if (l.touch_due)
        touch_start(a->service, &l.actor);
    *out = l.actor;
    return ERR_OK;
}

enum err_code app_authenticate(struct http_app *http, struct request *req, const char *token,
                               struct err *e)
{
    struct app *a = CONTAINER_OF(http, struct app, http);
    struct actor *actor;
    enum err_code rc;

    if (!token[0])
        return err_set(e, ERR_UNAUTHENTICATED, "send an API key: Authorization: Bearer hgk_…");
    actor = calloc(1, sizeof *actor);
    if (!actor)
        return err_set(e, ERR_INTERNAL, "out of memory");
    rc = actor_find(a, token, actor, e);
    if (!rc)
        rc = rule_check(actor, (enum rule_action)req->route->action, e);
    if (rc) {
        free(actor);
        return rc;
    }
    text_copy(actor->request_id, sizeof actor->request_id, req->id);
    text_copy(actor->address, sizeof actor->address, req->address);
    req->actor = actor;
    return ERR_OK;
}
