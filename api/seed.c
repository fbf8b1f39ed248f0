/* The first start: an organization, its owner's key in a file, and credit, as the options say.
 * What is made is the service's business. */
#include "api/seed.h"

#include <sodium.h>
#include <string.h>

#include "core/file.h"
#include "core/log.h"

struct seeding {
    struct service *sv;
    const struct config *config;
    struct seed seed;
    char token[TOKEN_BYTES_MAX];
    bool is_done;
};

static enum err_code seed_read(struct tx *tx, void *ctx, struct err *e)
{
    struct seeding *s = ctx;
    struct page_query q = {.limit = 1};
    struct organization *items = NULL;
    char next[CURSOR_BYTES_MAX];
    size_t count = 0;
    enum err_code rc = row_organization_list(tx, &q, &items, &count, next, e);

    if (rc)
        return rc;
    s->is_done = count > 0;
    LIST_FREE(&organization_shape, items, count);
    return ERR_OK;
}

static enum err_code seed_write(struct tx *tx, void *ctx, struct err *e)
{
    struct seeding *s = ctx;
    char token[TOKEN_BYTES_MAX];
    enum err_code rc = service_seed(s->sv, tx, &s->seed, token, e);

    sodium_memzero(token, sizeof token);
    return rc;
}

/* The key is in its file before it is in the database: a crash between the two leaves a file
 * that the next start goes on with, never an organization that nobody can reach. */
static enum err_code seed_token(struct seeding *s, struct err *e)
{
    const char *path = s->config->seed_token_file;
    enum err_code rc;
    STRBUF text = {0};

    strbuf_init(&text, TOKEN_BYTES_MAX);
    rc = file_read_secret(path, &text, e);
    if (rc == ERR_NOT_FOUND) {
        err_clear(e);
        token_make(s->token);
        return file_write(path, s->token, strlen(s->token), 0600, e);
    }
    if (rc)
        return err_wrap(e, rc, "seed_token_file");
    snprintf(s->token, sizeof s->token, "%.*s", (int)strcspn(text.data, "\r\n"), text.data);
    if (text.len)
        explicit_bzero(text.data, text.len);
    return s->token[0] ? ERR_OK : err_set(e, ERR_INVALID, "seed_token_file: '%s' is empty", path);
}

static enum err_code seed_fill(struct seeding *s, char currency[CURRENCY_MAX], struct err *e)
{
    const struct config *c = s->config;
    const struct catalogue *held = catalogue_hold(s->sv);
    enum err_code rc;

    text_copy(currency, CURRENCY_MAX, held->currency);
    catalogue_put(s->sv, held);
    s->seed = (struct seed){.organization = c->seed_organization,
                            .member = "Owner",
                            .email = c->seed_email,
                            .project = "default",
                            .country = "FR",
                            .token = s->token,
                            .currency = currency,
                            .grant_days = c->seed_grant_days,
                            .staff_support = c->seed_staff};
    rc = micros_parse(c->seed_grant, &s->seed.grant_micros, e);
    return rc ? err_wrap(e, rc, "seed_grant") : ERR_OK;
}

enum err_code seed_first(struct service *sv, const struct config *config, struct err *e)
{
    struct seeding s = {.sv = sv, .config = config};
    char currency[CURRENCY_MAX];
    enum err_code rc;

    if (!config->seed)
        return ERR_OK;
    rc = store_read(sv->store, seed_read, &s, e);
    if (rc || s.is_done)
        return rc;
    rc = seed_fill(&s, currency, e);
    if (!rc)
        rc = seed_token(&s, e);
    if (!rc)
        rc = store_write(sv->store, seed_write, &s, e);
    sodium_memzero(s.token, sizeof s.token);
    if (!rc)
        log_line(LOG_INFO, "main", "seeded", "organization='%s' token_file=%s",
                 config->seed_organization, config->seed_token_file);
    return rc;
}
