/* The catalogue and the example jobs that are shipped: complete, sourced, without mistakes. */
#include "tests/support/t.h"

#include <math.h>

#include "core/yaml.h"
#include "model/catalogue.h"
#include "model/job.h"

#define PATH_BYTES_MAX 512

static const char *source_path(const char *name, char buf[PATH_BYTES_MAX])
{
    const char *root = getenv("HOURGLASS_SOURCE");

    snprintf(buf, PATH_BYTES_MAX, "%s/share/%s", root ? root : ".", name);
    return buf;
}

static void load_shipped(struct catalogue *c)
{
    char path[PATH_BYTES_MAX];
    struct err e;

    err_clear(&e);
    assert_ok(catalogue_load(source_path("catalogue.yaml", path), c, &e), &e);
}

static void the_shipped_catalogue_has_the_offers_of_every_kind(void **state)
{
    static const char *const ids[] = {"local-gpu-1.local",   "local-gpu-2.local",
                                      "local-gpu-4.local",   "local-cpu-2.local",
                                      "h100-1-80g.fr-par-2", "h100-sxm-8-80g.fr-par-2",
                                      "l4-1-24g.fr-par-1",   "b300-sxm-8-288g.fr-par-2",
                                      "l40s-8-48g.pl-waw-2", "pop2-64c-256g.nl-ams-1"};
    static const char *const models[] = {
        "a100-sxm-80g",  "h100-pcie-80g", "h100-sxm-80g", "h200-sxm-141g", "b200-sxm-180g",
        "b300-sxm-288g", "gb200-nvl72",   "mi300x-192g",  "l40s-48g",      "l4-24g"};
    struct catalogue c;

    UNUSED(state);
    load_shipped(&c);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        assert_non_null(catalogue_offer(&c, ids[i]));
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        assert_non_null(catalogue_gpu_model(&c, models[i]));
    assert_int_equal(catalogue_pool(&c, "local-gpu")->capacity_units, 8);
    assert_int_equal(catalogue_pool(&c, "local-cpu")->capacity_units, 16);
    catalogue_release(&c);
}

static bool says_example(const char *source)
{
    return strncmp(source, "example:", 8) == 0;
}

static void every_shipped_figure_has_its_source(void **state)
{
    struct catalogue c;

    UNUSED(state);
    load_shipped(&c);
    for (size_t i = 0; i < c.operator_count; i++)
        assert_true(strlen(c.operators[i].source) > 8);
    for (size_t i = 0; i < c.zone_count; i++) {
        assert_true(strlen(c.zones[i].pue_source) > 8);
        assert_true(strlen(c.zones[i].grid_source) > 8);
    }
    for (size_t i = 0; i < c.gpu_model_count; i++) {
        assert_true(strlen(c.gpu_models[i].source) > 8);
        assert_true((c.gpu_models[i].embodied_kg > 0) ==
                    (c.gpu_models[i].embodied_source[0] != '\0'));
    }
    for (size_t i = 0; i < c.offer_count; i++) {
        assert_true(strlen(c.offers[i].price_source) > 8);
        assert_int_equal(c.offers[i].price_is_example, says_example(c.offers[i].price_source));
        /* A price that is said to be real says when it was. */
        assert_true(c.offers[i].price_is_example || strstr(c.offers[i].price_source, " 2026-"));
    }
    catalogue_release(&c);
}

static void only_the_local_zone_can_be_rented_from_here(void **state)
{
    struct catalogue c;

    UNUSED(state);
    load_shipped(&c);
    for (size_t i = 0; i < c.offer_count; i++) {
        const struct offer *o = &c.offers[i];
        bool local = strcmp(o->zone, "local") == 0;

        assert_int_equal(o->availability,
                         local ? AVAILABILITY_AVAILABLE : AVAILABILITY_NOT_CONNECTED);
        assert_true((catalogue_pool(&c, o->pool)->capacity_units > 0) == local);
        assert_true(o->price_per_hour.micros > 0);
        assert_true(o->carbon_g_per_hour > 0);
    }
    catalogue_release(&c);
}

static void location_and_jurisdiction_differ_in_the_shipped_data(void **state)
{
    struct catalogue c;
    const struct offer *fr, *es;

    UNUSED(state);
    load_shipped(&c);
    fr = catalogue_offer(&c, "h200-8.sesterce-marseille");
    es = catalogue_offer(&c, "hgx-h200-8.eu-south-03b");
    assert_non_null(fr);
    assert_non_null(es);
    assert_string_equal(fr->country, "FR");
    assert_string_equal(fr->jurisdiction, "FR");
    assert_string_equal(es->country, "ES");
    assert_string_equal(es->jurisdiction, "US");
    catalogue_release(&c);
}

/* 2.8665 EUR; (350 W + 84 W) x PUE 1.16 x 40.48 g/kWh. */
static void the_shipped_figures_are_those_of_their_sources(void **state)
{
    struct catalogue c;
    const struct offer *h100;

    UNUSED(state);
    load_shipped(&c);
    h100 = catalogue_offer(&c, "h100-1-80g.fr-par-2");
    assert_int_equal(h100->price_per_hour.micros, 2866500);
    assert_true(fabs(h100->carbon_g_per_hour - 0.434 * 1.16 * 40.48) < 1e-9);
    for (size_t i = 0; i < c.gpu_model_count; i++) /* dense: 8 bits give twice 16, not four times */
        assert_true(c.gpu_models[i].fp8_tflops < 2.1 * c.gpu_models[i].bf16_tflops + 1);
    assert_int_equal(c.hold_window_seconds, 3600);
    assert_int_equal(c.minimum_charge_seconds, 0);
    catalogue_release(&c);
}

static void the_shipped_example_jobs_can_run(void **state)
{
    static const char *const names[] = {"examples/hello.yaml", "examples/checkpoint.yaml",
                                        "examples/data-preparation.yaml"};
    struct catalogue c;

    UNUSED(state);
    load_shipped(&c);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char path[PATH_BYTES_MAX];
        struct job_create job = {0};
        const struct offer *offer;
        struct yaml_doc *doc;
        struct err e;

        err_clear(&e);
        assert_ok(yaml_load(source_path(names[i], path), &doc, &e), &e);
        assert_ok(yaml_decode(doc, &job_create_shape, &job, &e), &e);
        assert_ok(job_create_check(&job, &e), &e);
        offer = catalogue_offer(&c, job.offer_id);
        assert_non_null(offer);
        assert_int_equal(offer->availability, AVAILABILITY_AVAILABLE);
        shape_release(&job_create_shape, &job);
        yaml_doc_free(doc);
    }
    catalogue_release(&c);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_shipped_catalogue_has_the_offers_of_every_kind),
    cmocka_unit_test(every_shipped_figure_has_its_source),
    cmocka_unit_test(only_the_local_zone_can_be_rented_from_here),
    cmocka_unit_test(location_and_jurisdiction_differ_in_the_shipped_data),
    cmocka_unit_test(the_shipped_figures_are_those_of_their_sources),
    cmocka_unit_test(the_shipped_example_jobs_can_run),
};

int main(void)
{
    return T_RUN("catalogue_shipped", tests);
}
