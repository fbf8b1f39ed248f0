/* What can be rented and where: operators, zones, GPU models, pools of stock and
 * offers. Read from share/catalogue.yaml, immutable once loaded. Figures carry
 * their source; a price that is not public says so. */
#ifndef MODEL_CATALOGUE_H
#define MODEL_CATALOGUE_H

#include "core/json.h"

/* The company that runs a zone, and whose law its parent answers to: jurisdiction
 * is not location (cloud act and the like bind the parent). */
struct cloud_operator {
    char name[SLUG_BYTES_MAX];
    char legal_entity[NAME_BYTES_MAX];
    char country[3]; /* ISO 3166-1 alpha-2 of the operator's seat */
    char parent[NAME_BYTES_MAX];
    char parent_country[3]; /* of the ultimate parent: the jurisdiction we show */
    char source[TEXT_BYTES_MAX];
};

struct zone {
    char name[SLUG_BYTES_MAX];
    char cloud_operator[SLUG_BYTES_MAX]; /* wire name "operator" */
    char country[3];
    char city[NAME_BYTES_MAX];
    char engine[SLUG_BYTES_MAX]; /* "local", "none": none means shown, not rentable here */
    double pue;                  /* power usage effectiveness, >= 1 */
    double wue_l_per_kwh;        /* 0: not published */
    char pue_source[TEXT_BYTES_MAX];
    double grid_g_per_kwh; /* gCO2e per kWh, location based */
    int64_t grid_year;
    char grid_source[TEXT_BYTES_MAX];
    /* answered by the API, not in the file */
    char jurisdiction[3]; /* of the operator's parent */
};

struct gpu_model {
    char name[SLUG_BYTES_MAX];
    char vendor[SLUG_BYTES_MAX];
    char label[NAME_BYTES_MAX]; /* "NVIDIA H100 SXM 80 GB" */
    char form[SLUG_BYTES_MAX];
    int64_t memory_gib;
    int64_t memory_gb_per_s;
    double bf16_tflops; /* dense */
    double fp8_tflops;  /* dense; 0: none */
    int64_t tdp_watts;
    int64_t link_gb_per_s; /* NVLink, Infinity Fabric; 0: none */
    double embodied_kg;    /* kgCO2e cradle to gate per GPU; 0: not published */
    char embodied_source[TEXT_BYTES_MAX];
    char source[TEXT_BYTES_MAX];
};

/* A stock of equal units from which one or more offers draw. */
struct pool {
    char name[SLUG_BYTES_MAX];
    char zone[SLUG_BYTES_MAX];
    int64_t capacity_units;
};

#define AVAILABILITY_LIST(X)                                                                      \
    X(AVAILABILITY_AVAILABLE, "available")                                                        \
    X(AVAILABILITY_SCARCE, "scarce")                                                              \
    X(AVAILABILITY_SHORTAGE, "shortage")                                                          \
    X(AVAILABILITY_NOT_CONNECTED, "not_connected") /* no engine for the zone in this installation \
                                                    */
enum availability {
#define X(id, name) id,
    AVAILABILITY_LIST(X)
#undef X
};
extern const char *const availability_names[];

struct offer {
    char id[SLUG_BYTES_MAX];   /* "h100-1-80g.fr-par-2" */
    char name[SLUG_BYTES_MAX]; /* instance type: "H100-1-80G" */
    char zone[SLUG_BYTES_MAX];
    char gpu_model[SLUG_BYTES_MAX]; /* "" for CPU only */
    int64_t gpu_count;
    int64_t vcpu_count;
    int64_t memory_gib;
    int64_t scratch_gib;
    int64_t host_watts; /* share of the host's power at work, GPUs not included; 0: unknown */
    struct money price_per_hour; /* without VAT */
    bool price_is_example;       /* not a public price */
    char price_source[TEXT_BYTES_MAX];
    char pool[SLUG_BYTES_MAX];
    int64_t pool_units; /* that one instance takes */
    /* answered by the API, not in the file */
    int64_t stock; /* instances that can be launched now */
    enum availability availability;
    char country[3];
    char jurisdiction[3];
    char cloud_operator[SLUG_BYTES_MAX];
    double carbon_g_per_hour; /* use phase at TDP: (gpus*tdp + host) * PUE * grid */
};

struct catalogue {
    int64_t version; /* the file's; frozen into instances as the price version */
    char currency[CURRENCY_MAX];
    int64_t hold_window_seconds;      /* one hold per window */
    int64_t checkpoint_grace_seconds; /* from SIGTERM to SIGKILL */
    int64_t stop_margin_seconds;      /* held beyond the grace */
    int64_t minimum_charge_seconds;
    struct cloud_operator *operators;
    size_t operator_count;
    struct zone *zones;
    size_t zone_count;
    struct gpu_model *gpu_models;
    size_t gpu_model_count;
    struct pool *pools;
    size_t pool_count;
    struct offer *offers;
    size_t offer_count;
};

extern const struct shape cloud_operator_shape, zone_shape, gpu_model_shape, pool_shape,
    offer_shape, catalogue_shape;

/* Load and check a file: shapes, then references (an offer's zone, GPU model and pool
 * exist; names are unique; one currency). Fills the answered fields except stock.
 * Caller owns (catalogue_release).
 * Errors: ERR_INVALID "file:line:column: what and what was expected"; ERR_NOT_FOUND, ERR_IO. */
enum err_code catalogue_load(const char *path, struct catalogue *out, struct err *e) MUST_CHECK;
void catalogue_release(struct catalogue *c);

/* NULL when there is none; borrowed until catalogue_release(). */
const struct offer *catalogue_offer(const struct catalogue *c, const char *id);
const struct zone *catalogue_zone(const struct catalogue *c, const char *name);
const struct gpu_model *catalogue_gpu_model(const struct catalogue *c, const char *name);
const struct pool *catalogue_pool(const struct catalogue *c, const char *name);

#endif
