/* The rows, names and look-ups of the catalogue. Reading and checking its file is in
 * catalogue_load.c. */
#include "common/model/catalogue_internal.h"

#include <string.h>

#define CATALOGUE_OPERATORS_MAX  200
#define CATALOGUE_ZONES_MAX      1000
#define CATALOGUE_GPU_MODELS_MAX 500
#define CATALOGUE_POOLS_MAX      5000
#define CATALOGUE_OFFERS_MAX     5000
#define POOL_UNITS_MAX           10000000
#define PUE_MAX                  10
#define G_PER_KWH_MAX            2000
#define WATTS_MAX                100000
#define PRICE_MICROS_MAX         1000000000000 /* a million per hour */
#define HOUR_SECONDS             3600
#define DAY_SECONDS              86400

/* A slug whose wire name is a keyword of other languages: `cloud_operator` here. */
#define F_OPERATOR(type, fl, lo, txt)                                       \
    {                                                                       \
        .name = "operator", .help = txt, .kind = FIELD_STRING, .flags = fl, \
        FIELD_AT(type, cloud_operator), .min = lo                           \
    }

const char *const availability_names[] = {
#define X(id, name) name,
    AVAILABILITY_LIST(X)
#undef X
        NULL};

static const struct field cloud_operator_fields[] = {
    F_STRING(struct cloud_operator, name, FIELD_REQUIRED, 1, 0, "Name that zones refer to."),
    F_STRING(struct cloud_operator, legal_entity, FIELD_REQUIRED, 1, 0, "The company."),
    F_STRING(struct cloud_operator, country, FIELD_REQUIRED, 2, 2,
             "Country of its seat, ISO 3166-1 alpha-2."),
    F_STRING(struct cloud_operator, parent, FIELD_REQUIRED, 1, 0,
             "Its ultimate parent; itself when it has none."),
    F_STRING(struct cloud_operator, parent_country, FIELD_REQUIRED, 2, 2,
             "Country whose law binds that parent."),
    F_STRING(struct cloud_operator, source, FIELD_REQUIRED, 1, 0, "Where this can be read."),
};
SHAPE(cloud_operator_shape, struct cloud_operator, "Operator", "The company that runs zones.",
      cloud_operator_fields);

static const struct field zone_fields[] = {
    F_STRING(struct zone, name, FIELD_REQUIRED, 1, 0, "Name that offers refer to."),
    F_OPERATOR(struct zone, FIELD_REQUIRED, 1, "The company that runs it."),
    F_STRING(struct zone, country, FIELD_REQUIRED, 2, 2, "Where it stands, ISO 3166-1 alpha-2."),
    F_STRING(struct zone, city, FIELD_REQUIRED, 1, 0, "Where it stands."),
    F_STRING(struct zone, engine, FIELD_REQUIRED, 1, 0,
             "What runs its instances here; none: it is shown, not rentable."),
    F_NUMBER(struct zone, pue, FIELD_REQUIRED, 1, PUE_MAX, "Power usage effectiveness."),
    F_NUMBER(struct zone, wue_l_per_kwh, FIELD_OMIT, 0, PUE_MAX,
             "Litres of water per kWh; left out when it is not published."),
    F_STRING(struct zone, pue_source, FIELD_REQUIRED, 1, 0, "Where PUE and WUE come from."),
    F_NUMBER(struct zone, grid_g_per_kwh, FIELD_REQUIRED, 0, G_PER_KWH_MAX,
             "Grams of CO2 equivalent per kWh of its grid, location based."),
    F_INT(struct zone, grid_year, FIELD_REQUIRED, 2000, 2200, "The year of that figure."),
    F_STRING(struct zone, grid_source, FIELD_REQUIRED, 1, 0, "Where that figure comes from."),
    /* Follow from the rest: the file may not give them. */
    F_STRING(struct zone, jurisdiction, FIELD_OMIT | FIELD_READ_ONLY, 2, 2,
             "Country whose law binds the operator's ultimate parent."),
};
SHAPE(zone_shape, struct zone, "Zone", "A place where instances run.", zone_fields);

static const struct field gpu_model_fields[] = {
    F_STRING(struct gpu_model, name, FIELD_REQUIRED, 1, 0, "Name that offers refer to."),
    F_STRING(struct gpu_model, vendor, FIELD_REQUIRED, 1, 0, "Who makes it."),
    F_STRING(struct gpu_model, label, FIELD_REQUIRED, 1, 0, "Name for people."),
    F_STRING(struct gpu_model, form, FIELD_REQUIRED, 1, 0, "Form factor."),
    F_INT(struct gpu_model, memory_gib, FIELD_REQUIRED, 0, 100000, "Memory in GiB."),
    F_INT(struct gpu_model, memory_gb_per_s, FIELD_REQUIRED, 0, 1000000,
          "Memory bandwidth in GB/s."),
    F_NUMBER(struct gpu_model, bf16_tflops, FIELD_REQUIRED, 0, 1000000,
             "Dense bfloat16 TFLOP/s, without sparsity."),
    F_NUMBER(struct gpu_model, fp8_tflops, FIELD_OMIT, 0, 1000000,
             "Dense 8-bit TFLOP/s, without sparsity; left out when it has none."),
    F_INT(struct gpu_model, tdp_watts, FIELD_REQUIRED, 0, WATTS_MAX, "Rated power in watts."),
    F_INT(struct gpu_model, link_gb_per_s, FIELD_OMIT, 0, 1000000,
          "Bandwidth to its neighbours in GB/s; left out when it has none."),
    F_NUMBER(struct gpu_model, embodied_kg, FIELD_OMIT, 0, 1000000,
             "Kilograms of CO2 equivalent to make one; left out when it is not published."),
    F_STRING(struct gpu_model, embodied_source, FIELD_OMIT, 0, 0, "Where that comes from."),
    F_STRING(struct gpu_model, source, FIELD_REQUIRED, 1, 0, "Where the figures come from."),
};
SHAPE(gpu_model_shape, struct gpu_model, "GpuModel", "A kind of GPU.", gpu_model_fields);

static const struct field pool_fields[] = {
    F_STRING(struct pool, name, FIELD_REQUIRED, 1, 0, "Name that offers refer to."),
    F_STRING(struct pool, zone, FIELD_REQUIRED, 1, 0, "The zone where it stands."),
    F_INT(struct pool, capacity_units, FIELD_REQUIRED, 0, POOL_UNITS_MAX, "How many units it has."),
};
SHAPE(pool_shape, struct pool, "Pool", "A stock of equal units.", pool_fields);

static const struct field offer_fields[] = {
    F_STRING(struct offer, id, FIELD_REQUIRED, 1, 0, "Identifier of the offer."),
    F_STRING(struct offer, name, FIELD_REQUIRED, 1, 0, "Name of the instance type."),
    F_STRING(struct offer, zone, FIELD_REQUIRED, 1, 0, "The zone where it runs."),
    F_STRING(struct offer, gpu_model, FIELD_OMIT, 0, 0,
             "Its GPU model; left out when it has no GPU."),
    F_INT(struct offer, gpu_count, 0, 0, GPUS_PER_INSTANCE_MAX, "GPUs of one instance."),
    F_INT(struct offer, vcpu_count, FIELD_REQUIRED, 1, 100000, "Virtual CPUs."),
    F_INT(struct offer, memory_gib, FIELD_REQUIRED, 1, 1000000, "Memory in GiB."),
    F_INT(struct offer, scratch_gib, FIELD_OMIT, 0, 100000000,
          "Local scratch space in GiB; left out when there is none."),
    F_INT(struct offer, host_watts, FIELD_OMIT, 0, WATTS_MAX,
          "Share of the host's power, GPUs not included; left out when it is unknown."),
    F_MONEY(struct offer, price_per_hour, FIELD_REQUIRED, 0, PRICE_MICROS_MAX,
            "Price per hour without VAT."),
    F_BOOL(struct offer, price_is_example, 0,
           "True when the price is not a public one, but an example."),
    F_STRING(struct offer, price_source, FIELD_REQUIRED, 1, 0, "Where the price comes from."),
    F_STRING(struct offer, pool, FIELD_REQUIRED, 1, 0, "The pool it draws from."),
    F_INT(struct offer, pool_units, FIELD_REQUIRED, 1, POOL_UNITS_MAX,
          "Units of the pool that one instance takes."),
    /* Follow from the rest: the file may not give them. */
    F_INT(struct offer, stock, FIELD_READ_ONLY, 0, 0, "Instances that can be launched now."),
    F_ENUM(struct offer, availability, FIELD_READ_ONLY, availability_names, "The same in a word."),
    F_STRING(struct offer, country, FIELD_OMIT | FIELD_READ_ONLY, 2, 2,
             "Where it stands, ISO 3166-1 alpha-2."),
    F_STRING(struct offer, jurisdiction, FIELD_OMIT | FIELD_READ_ONLY, 2, 2,
             "Country whose law binds the operator's ultimate parent."),
    F_OPERATOR(struct offer, FIELD_OMIT | FIELD_READ_ONLY, 0, "The company that runs the zone."),
    F_NUMBER(struct offer, carbon_g_per_hour, FIELD_READ_ONLY, 0, 0,
             "Grams of CO2 equivalent per hour at full rated power, use phase."),
};
SHAPE(offer_shape, struct offer, "Offer", "An instance type in a zone, with price and stock.",
      offer_fields);

static const struct field catalogue_fields[] = {
    F_INT(struct catalogue, version, FIELD_REQUIRED, 1, INT64_MAX,
          "Grows with every change of a price; instances remember it."),
    F_STRING(struct catalogue, currency, FIELD_REQUIRED, 3, 3, "The one currency, ISO 4217."),
    F_INT(struct catalogue, hold_window_seconds, FIELD_REQUIRED, 60, DAY_SECONDS,
          "For how long credit is set aside at a time."),
    F_INT(struct catalogue, checkpoint_grace_seconds, FIELD_REQUIRED, 0, HOUR_SECONDS,
          "Time between the signal to end and the end."),
    F_INT(struct catalogue, stop_margin_seconds, FIELD_REQUIRED, 0, HOUR_SECONDS,
          "What is held beyond that grace."),
    F_INT(struct catalogue, minimum_charge_seconds, FIELD_REQUIRED, 0, DAY_SECONDS,
          "The least that one run is charged; 0: to the second."),
    F_LIST(struct catalogue, operators, operator_count, FIELD_REQUIRED, &cloud_operator_shape,
           CATALOGUE_OPERATORS_MAX, "The companies that run zones."),
    F_LIST(struct catalogue, zones, zone_count, FIELD_REQUIRED, &zone_shape, CATALOGUE_ZONES_MAX,
           "The places."),
    F_LIST(struct catalogue, gpu_models, gpu_model_count, FIELD_REQUIRED, &gpu_model_shape,
           CATALOGUE_GPU_MODELS_MAX, "The kinds of GPU."),
    F_LIST(struct catalogue, pools, pool_count, FIELD_REQUIRED, &pool_shape, CATALOGUE_POOLS_MAX,
           "The stocks."),
    F_LIST(struct catalogue, offers, offer_count, FIELD_REQUIRED, &offer_shape,
           CATALOGUE_OFFERS_MAX, "What can be rented."),
};
SHAPE(catalogue_shape, struct catalogue, "Catalogue", "What can be rented, and where.",
      catalogue_fields);

/* Every list entry starts with its name, an inline array of SLUG_BYTES_MAX. */
_Static_assert(offsetof(struct cloud_operator, name) == 0, "operator starts with its name");
_Static_assert(offsetof(struct zone, name) == 0, "zone starts with its name");
_Static_assert(offsetof(struct gpu_model, name) == 0, "gpu model starts with its name");
_Static_assert(offsetof(struct pool, name) == 0, "pool starts with its name");
_Static_assert(offsetof(struct offer, id) == 0, "offer starts with its id");

const void *catalogue_find(const void *items, size_t count, size_t size, const char *name)
{
    const char *item = items;

    for (size_t i = 0; i < count; i++, item += size)
        if (strcmp(item, name) == 0)
            return item;
    return NULL;
}

const struct offer *catalogue_offer(const struct catalogue *c, const char *id)
{
    return catalogue_find(c->offers, c->offer_count, sizeof(*c->offers), id);
}

const struct zone *catalogue_zone(const struct catalogue *c, const char *name)
{
    return catalogue_find(c->zones, c->zone_count, sizeof(*c->zones), name);
}

const struct gpu_model *catalogue_gpu_model(const struct catalogue *c, const char *name)
{
    return catalogue_find(c->gpu_models, c->gpu_model_count, sizeof(*c->gpu_models), name);
}

const struct pool *catalogue_pool(const struct catalogue *c, const char *name)
{
    return catalogue_find(c->pools, c->pool_count, sizeof(*c->pools), name);
}

void catalogue_release(struct catalogue *c)
{
    shape_release(&catalogue_shape, c);
}
