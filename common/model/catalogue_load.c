/* Reading the catalogue's file: shapes, then what holds between its parts, then the
 * fields that follow from others. Prices and places are only checked, never invented. */
#include "common/model/catalogue_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/yaml.h"

#define NAMES_SHOWN_MAX       6
#define NAMES_SHOWN_BYTES_MAX 80
#define ENGINE_NONE           "none"

/* One of the lists of the catalogue, as look-ups see it. */
struct list {
    const char *field; /* "zones" */
    const char *noun;  /* "zone" */
    const char *key;   /* the field that names an item */
    const void *items;
    size_t count, size;
};

struct check {
    const struct catalogue *c;
    struct list operators, zones, gpu_models, pools, offers;
    struct err *e; /* never NULL */
};

static const char *name_at(const struct list *l, size_t i)
{
    return (const char *)l->items + i * l->size;
}

static bool is_upper(const char *text)
{
    for (; *text; text++)
        if (*text < 'A' || *text > 'Z')
            return false;
    return true;
}

/* Names appear in addresses, file names and commands. */
static bool is_slug(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(text) &&
           text[0] != '.' && text[0] != '-';
}

/* The names that would have been right, when they are few enough to read. */
static void expected_names(const struct list *l, struct strbuf *out)
{
    size_t len = 0;

    for (size_t i = 0; i < l->count; i++)
        len += strlen(name_at(l, i)) + 2;
    if (l->count == 0)
        strbuf_addf(out, "%s is empty", l->field);
    else if (l->count > NAMES_SHOWN_MAX || len > NAMES_SHOWN_BYTES_MAX)
        strbuf_addf(out, "expected the %s of one of %s", l->key, l->field);
    else
        for (size_t i = 0; i < l->count; i++)
            strbuf_addf(out, "%s%s", i ? ", " : "expected ", name_at(l, i));
}

static void check_names(struct check *ck, const struct list *l)
{
    char pointer[ERR_POINTER_MAX];

    for (size_t i = 0; i < l->count; i++) {
        const char *name = name_at(l, i);

        snprintf(pointer, sizeof pointer, "/%s/%zu/%s", l->field, i, l->key);
        if (!is_slug(name))
            err_detail(ck->e, pointer, "bad_name",
                       "\"%s\" is not a name; expected lower-case letters, digits, '-', '_', '.'",
                       name);
        if (catalogue_find(l->items, i, l->size, name))
            err_detail(ck->e, pointer, "duplicate", "%s \"%s\" occurs twice; expected it once",
                       l->noun, name);
    }
}

/* The item of `to` that `from` names in `field`; NULL, with a detail, if there is none. */
static const void *check_reference(struct check *ck, const struct list *from, size_t i,
                                   const char *field, const struct list *to, const char *name)
{
    const void *found = catalogue_find(to->items, to->count, to->size, name);
    char pointer[ERR_POINTER_MAX];
    STRBUF expected;

    strbuf_init(&expected, ERR_TEXT_MAX);
    if (found)
        return found;
    expected_names(to, &expected);
    snprintf(pointer, sizeof pointer, "/%s/%zu/%s", from->field, i, field);
    err_detail(ck->e, pointer, "unknown_name", "unknown %s \"%s\"; %s", to->noun, name,
               expected.data);
    return NULL;
}

static void check_country(struct check *ck, const struct list *l, size_t i, const char *field,
                          const char *country)
{
    char pointer[ERR_POINTER_MAX];

    if (is_upper(country))
        return;
    snprintf(pointer, sizeof pointer, "/%s/%zu/%s", l->field, i, field);
    err_detail(ck->e, pointer, "bad_country",
               "\"%s\" is not a country; expected two capitals such as FR", country);
}

static void check_places(struct check *ck)
{
    const struct catalogue *c = ck->c;

    for (size_t i = 0; i < c->operator_count; i++) {
        check_country(ck, &ck->operators, i, "country", c->operators[i].country);
        check_country(ck, &ck->operators, i, "parent_country", c->operators[i].parent_country);
    }
    for (size_t i = 0; i < c->zone_count; i++) {
        check_country(ck, &ck->zones, i, "country", c->zones[i].country);
        check_reference(ck, &ck->zones, i, "operator", &ck->operators, c->zones[i].cloud_operator);
    }
    for (size_t i = 0; i < c->pool_count; i++)
        check_reference(ck, &ck->pools, i, "zone", &ck->zones, c->pools[i].zone);
}

/* A figure without a source is not a figure. */
static void check_gpu_models(struct check *ck)
{
    char pointer[ERR_POINTER_MAX];

    for (size_t i = 0; i < ck->c->gpu_model_count; i++) {
        if (ck->c->gpu_models[i].embodied_kg == 0 || ck->c->gpu_models[i].embodied_source[0])
            continue;
        snprintf(pointer, sizeof pointer, "/gpu_models/%zu/embodied_kg", i);
        err_detail(ck->e, pointer, "required",
                   "embodied_kg has no source; expected embodied_source beside it");
    }
}

static void check_offer_gpus(struct check *ck, size_t i)
{
    const struct offer *o = &ck->c->offers[i];
    char pointer[ERR_POINTER_MAX];

    snprintf(pointer, sizeof pointer, "/offers/%zu/gpu_count", i);
    if (o->gpu_model[0] && o->gpu_count == 0)
        err_detail(ck->e, pointer, "out_of_range", "gpu_model is given; expected 1 or more GPUs");
    if (!o->gpu_model[0] && o->gpu_count > 0)
        err_detail(ck->e, pointer, "out_of_range", "%lld GPUs without a model; expected gpu_model",
                   (long long)o->gpu_count);
    if (o->gpu_model[0])
        check_reference(ck, &ck->offers, i, "gpu_model", &ck->gpu_models, o->gpu_model);
}

static void check_offer_pool(struct check *ck, size_t i)
{
    const struct offer *o = &ck->c->offers[i];
    const struct pool *p = check_reference(ck, &ck->offers, i, "pool", &ck->pools, o->pool);
    char pointer[ERR_POINTER_MAX];

    if (!p || strcmp(p->zone, o->zone) == 0)
        return;
    snprintf(pointer, sizeof pointer, "/offers/%zu/pool", i);
    err_detail(ck->e, pointer, "wrong_zone", "pool \"%s\" is in %s; expected a pool in %s", p->name,
               p->zone, o->zone);
}

static void check_offer(struct check *ck, size_t i)
{
    const struct offer *o = &ck->c->offers[i];
    char pointer[ERR_POINTER_MAX];

    check_reference(ck, &ck->offers, i, "zone", &ck->zones, o->zone);
    check_offer_gpus(ck, i);
    check_offer_pool(ck, i);
    if (strcmp(o->price_per_hour.currency, ck->c->currency) == 0)
        return;
    snprintf(pointer, sizeof pointer, "/offers/%zu/price_per_hour/currency", i);
    err_detail(ck->e, pointer, "other_currency", "the price is in %s; expected %s",
               o->price_per_hour.currency, ck->c->currency);
}

#define LIST(c, member, counter, noun_text, key_text)                               \
    {                                                                               \
        .field = #member, .noun = noun_text, .key = key_text, .items = (c)->member, \
        .count = (c)->counter, .size = sizeof(*(c)->member)                         \
    }

/* What the shapes cannot say: names are unique and what they name exists. */
static enum err_code catalogue_check(const struct catalogue *c, struct err *e)
{
    struct check ck = {
        .c = c,
        .operators = LIST(c, operators, operator_count, "operator", "name"),
        .zones = LIST(c, zones, zone_count, "zone", "name"),
        .gpu_models = LIST(c, gpu_models, gpu_model_count, "GPU model", "name"),
        .pools = LIST(c, pools, pool_count, "pool", "name"),
        .offers = LIST(c, offers, offer_count, "offer", "id"),
        .e = e,
    };
    const struct list *all[] = {&ck.operators, &ck.zones, &ck.gpu_models, &ck.pools, &ck.offers};

    err_set(e, ERR_INVALID, "the catalogue is not valid");
    if (!is_upper(c->currency))
        err_detail(e, "/currency", "bad_currency",
                   "\"%s\" is not a currency; expected three capitals such as EUR", c->currency);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        check_names(&ck, all[i]);
    check_places(&ck);
    check_gpu_models(&ck);
    for (size_t i = 0; i < c->offer_count; i++)
        check_offer(&ck, i);
    if (e->detail_count > 0)
        return ERR_INVALID;
    err_clear(e);
    return ERR_OK;
}

/* Grams per hour of `o` with all its GPUs at their rated power. */
static double carbon_of(const struct offer *o, const struct gpu_model *g, const struct zone *z)
{
    double watts = (double)o->host_watts;

    if (g)
        watts += (double)(o->gpu_count * g->tdp_watts);
    return watts / 1000 * z->pue * z->grid_g_per_kwh;
}

static void offer_fill(struct offer *o, const struct catalogue *c)
{
    const struct zone *z = catalogue_zone(c, o->zone);
    const struct gpu_model *g = o->gpu_model[0] ? catalogue_gpu_model(c, o->gpu_model) : NULL;

    text_copy(o->country, sizeof o->country, z->country);
    text_copy(o->jurisdiction, sizeof o->jurisdiction, z->jurisdiction);
    text_copy(o->cloud_operator, sizeof o->cloud_operator, z->cloud_operator);
    o->availability =
        strcmp(z->engine, ENGINE_NONE) == 0 ? AVAILABILITY_NOT_CONNECTED : AVAILABILITY_AVAILABLE;
    o->carbon_g_per_hour = carbon_of(o, g, z);
}

/* Only after the check: every name is known to lead somewhere. */
static void catalogue_fill(struct catalogue *c)
{
    for (size_t i = 0; i < c->zone_count; i++) {
        struct zone *z = &c->zones[i];
        const struct cloud_operator *op = catalogue_find(c->operators, c->operator_count,
                                                         sizeof(*c->operators), z->cloud_operator);

        text_copy(z->jurisdiction, sizeof z->jurisdiction, op->parent_country);
    }
    for (size_t i = 0; i < c->offer_count; i++)
        offer_fill(&c->offers[i], c);
}

static enum err_code catalogue_read(const struct yaml_doc *doc, struct catalogue *out,
                                    struct err *e)
{
    struct catalogue c = {0};
    enum err_code rc = yaml_decode(doc, &catalogue_shape, &c, e);

    if (rc)
        return rc;
    rc = catalogue_check(&c, e);
    if (rc) {
        catalogue_release(&c);
        return yaml_locate(doc, e);
    }
    catalogue_fill(&c);
    *out = c;
    return ERR_OK;
}

enum err_code catalogue_load(const char *path, struct catalogue *out, struct err *e)
{
    struct err own; /* the check counts its mistakes in the error, so there must be one */
    struct yaml_doc *doc;
    enum err_code rc;

    err_clear(&own);
    rc = yaml_load(path, &doc, &own);
    if (!rc) {
        rc = catalogue_read(doc, out, &own);
        yaml_doc_free(doc);
    }
    if (e)
        *e = own;
    return rc;
}
