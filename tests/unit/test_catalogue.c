/* Each kind of mistake in a catalogue is reported with its line and column and what was
 * expected. What is shipped is in test_catalogue_shipped.c. */
#include "tests/support/t.h"

#include <math.h>

#include "core/strbuf.h"
#include "model/catalogue.h"

#define PATH_BYTES_MAX 512

/* The smallest catalogue that has one of each. Cases replace one piece of it. */
static const char good[] =
    "version: 3\n"                   /* 1 */
    "currency: EUR\n"                /* 2 */
    "hold_window_seconds: 3600\n"    /* 3 */
    "checkpoint_grace_seconds: 30\n" /* 4 */
    "stop_margin_seconds: 30\n"      /* 5 */
    "minimum_charge_seconds: 0\n"    /* 6 */
    "operators:\n"                   /* 7 */
    "  - name: acme\n"               /* 8 */
    "    legal_entity: Acme SAS\n"   /* 9 */
    "    country: FR\n"              /* 10 */
    "    parent: Acme Inc.\n"        /* 11 */
    "    parent_country: US\n"       /* 12 */
    "    source: test\n"             /* 13 */
    "zones:\n"                       /* 14 */
    "  - name: here\n"               /* 15 */
    "    operator: acme\n"           /* 16 */
    "    country: FR\n"              /* 17 */
    "    city: Paris\n"              /* 18 */
    "    engine: local\n"            /* 19 */
    "    pue: 1.5\n"                 /* 20 */
    "    pue_source: test\n"         /* 21 */
    "    grid_g_per_kwh: 40\n"       /* 22 */
    "    grid_year: 2024\n"          /* 23 */
    "    grid_source: test\n"        /* 24 */
    "  - {name: there, operator: acme, country: SE, city: Falun, engine: none,\n"
    "     pue: 1, pue_source: test, grid_g_per_kwh: 30, grid_year: 2024,\n"
    "     grid_source: test}\n" /* 27 */
    "gpu_models:\n"             /* 28 */
    "  - {name: g1, vendor: v, label: G One, form: card, memory_gib: 80,\n"
    "     memory_gb_per_s: 2000, bf16_tflops: 700, tdp_watts: 400,\n"
    "     source: test}\n"                                          /* 31 */
    "pools:\n"                                                      /* 32 */
    "  - {name: p1, zone: here, capacity_units: 8}\n"               /* 33 */
    "  - {name: p2, zone: there, capacity_units: 0}\n"              /* 34 */
    "offers:\n"                                                     /* 35 */
    "  - id: g1-2.here\n"                                           /* 36 */
    "    name: G1-2\n"                                              /* 37 */
    "    zone: here\n"                                              /* 38 */
    "    gpu_model: g1\n"                                           /* 39 */
    "    gpu_count: 2\n"                                            /* 40 */
    "    vcpu_count: 16\n"                                          /* 41 */
    "    memory_gib: 64\n"                                          /* 42 */
    "    host_watts: 200\n"                                         /* 43 */
    "    price_per_hour: {amount_micros: 1000000, currency: EUR}\n" /* 44 */
    "    price_source: test\n"                                      /* 45 */
    "    pool: p1\n"                                                /* 46 */
    "    pool_units: 2\n"                                           /* 47 */
    "  - id: cpu.there\n"                                           /* 48 */
    "    name: CPU\n"                                               /* 49 */
    "    zone: there\n"                                             /* 50 */
    "    vcpu_count: 2\n"                                           /* 51 */
    "    memory_gib: 4\n"                                           /* 52 */
    "    price_per_hour: {amount_micros: 80000, currency: EUR}\n"   /* 53 */
    "    price_source: test\n"                                      /* 54 */
    "    pool: p2\n"                                                /* 55 */
    "    pool_units: 2\n";                                          /* 56 */

static const char *path_of(const char *name, char buf[PATH_BYTES_MAX])
{
    snprintf(buf, PATH_BYTES_MAX, "%s/%s", t_dir(), name);
    return buf;
}

static void file_put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

/* Write the good catalogue with the first `from` after `after` replaced by `to`. */
static const char *write_changed(const char *after, const char *from, const char *to,
                                 char path[PATH_BYTES_MAX])
{
    const char *start = strstr(good, after);
    const char *at = start ? strstr(start, from) : NULL;
    STRBUF text;

    assert_non_null(at);
    strbuf_init(&text, 2 * sizeof good);
    strbuf_add(&text, good, (size_t)(at - good));
    strbuf_adds(&text, to);
    strbuf_adds(&text, at + strlen(from));
    file_put(path_of("catalogue.yaml", path), text.data);
    return path;
}

struct mistake {
    const char *after, *from, *to; /* the change */
    const char *place;             /* line:column */
    const char *text;
};

static void assert_refused(const struct mistake *m)
{
    char path[PATH_BYTES_MAX], want[PATH_BYTES_MAX + ERR_TEXT_MAX];
    struct catalogue c;
    struct err e;

    err_clear(&e);
    memset(&c, 0x5A, sizeof c);
    write_changed(m->after, m->from, m->to, path);
    assert_err(ERR_INVALID, catalogue_load(path, &c, &e), &e);
    snprintf(want, sizeof want, "%s:%s: %s", path, m->place, m->text);
    assert_string_equal(e.msg, want);
    assert_int_equal(c.version, INT64_C(0x5A5A5A5A5A5A5A5A)); /* nothing was written */
}

static void assert_all_refused(const struct mistake *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(&rows[i]);
}

static void the_smallest_catalogue_loads(void **state)
{
    char path[PATH_BYTES_MAX];
    struct catalogue c;
    struct err e;

    UNUSED(state);
    err_clear(&e);
    assert_ok(catalogue_load(write_changed("", "EUR", "EUR", path), &c, &e), &e);
    assert_int_equal(c.version, 3);
    assert_int_equal(c.offer_count, 2);
    assert_string_equal(catalogue_zone(&c, "there")->city, "Falun");
    assert_string_equal(catalogue_gpu_model(&c, "g1")->label, "G One");
    assert_int_equal(catalogue_pool(&c, "p1")->capacity_units, 8);
    assert_int_equal(catalogue_offer(&c, "g1-2.here")->price_per_hour.micros, 1000000);
    catalogue_release(&c);
    assert_null(c.offers);
}

static void a_name_that_is_not_there_is_not_found(void **state)
{
    char path[PATH_BYTES_MAX];
    struct catalogue c;
    struct err e;

    UNUSED(state);
    err_clear(&e);
    assert_ok(catalogue_load(write_changed("", "EUR", "EUR", path), &c, &e), &e);
    assert_null(catalogue_zone(&c, "nowhere"));
    assert_null(catalogue_gpu_model(&c, ""));
    assert_null(catalogue_pool(&c, "p"));
    assert_null(catalogue_offer(&c, "g1-2.here "));
    catalogue_release(&c);
}

static void what_follows_from_the_rest_is_filled_in(void **state)
{
    char path[PATH_BYTES_MAX];
    const struct offer *gpu, *cpu;
    struct catalogue c;
    struct err e;

    UNUSED(state);
    err_clear(&e);
    assert_ok(catalogue_load(write_changed("", "EUR", "EUR", path), &c, &e), &e);
    gpu = catalogue_offer(&c, "g1-2.here");
    cpu = catalogue_offer(&c, "cpu.there");
    assert_string_equal(catalogue_zone(&c, "here")->jurisdiction, "US");
    assert_string_equal(gpu->country, "FR");
    assert_string_equal(gpu->jurisdiction, "US");
    assert_string_equal(gpu->cloud_operator, "acme");
    assert_int_equal(gpu->availability, AVAILABILITY_AVAILABLE);
    /* (2 x 400 W + 200 W) x PUE 1.5 x 40 g/kWh */
    assert_true(fabs(gpu->carbon_g_per_hour - 60) < 1e-9);
    assert_string_equal(cpu->country, "SE");
    assert_int_equal(cpu->availability, AVAILABILITY_NOT_CONNECTED);
    assert_true(cpu->carbon_g_per_hour == 0); /* its power is unknown */
    catalogue_release(&c);
}

static void a_name_that_occurs_twice_is_refused(void **state)
{
    static const struct mistake rows[] = {
        {"zones:", "name: there", "name: here", "25:12",
         "zone \"here\" occurs twice; expected it once"},
        {"pools:", "name: p2", "name: p1", "34:12", "pool \"p1\" occurs twice; expected it once"},
        {"offers:", "id: cpu.there", "id: g1-2.here", "48:9",
         "offer \"g1-2.here\" occurs twice; expected it once"},
        {"operators:", "zones:",
         "  - {name: acme, legal_entity: A, country: FR, parent: A, parent_country: FR, source: "
         "s}\n"
         "zones:",
         "14:12", "operator \"acme\" occurs twice; expected it once"},
        {"gpu_models:", "pools:",
         "  - {name: g1, vendor: v, label: l, form: f, memory_gib: 1, memory_gb_per_s: 1,\n"
         "     bf16_tflops: 1, tdp_watts: 1, source: s}\npools:",
         "32:12", "GPU model \"g1\" occurs twice; expected it once"},
    };

    UNUSED(state);
    assert_all_refused(rows, ARRAY_SIZE(rows));
}

static void a_name_that_leads_nowhere_is_refused_with_those_that_exist(void **state)
{
    static const struct mistake rows[] = {
        {"zones:", "operator: acme", "operator: acne", "16:15",
         "unknown operator \"acne\"; expected acme"},
        {"pools:", "zone: there", "zone: their", "34:22",
         "unknown zone \"their\"; expected here, there"},
        {"offers:", "gpu_model: g1", "gpu_model: g2", "39:16",
         "unknown GPU model \"g2\"; expected g1"},
        {"offers:", "pool: p1", "pool: p3", "46:11", "unknown pool \"p3\"; expected p1, p2"},
        {"cpu.there", "zone: there", "zone: nowhere", "50:11",
         "unknown zone \"nowhere\"; expected here, there"},
    };

    UNUSED(state);
    assert_all_refused(rows, ARRAY_SIZE(rows));
}

/* Seven names are too many to read in one line. */
static void many_known_names_are_not_listed(void **state)
{
    static const struct mistake row = {
        "operators:", "zones:\n",
        "  - {name: b, legal_entity: A, country: FR, parent: A, "
        "parent_country: FR, source: s}\n"
        "  - {name: c, legal_entity: A, country: FR, parent: A, "
        "parent_country: FR, source: s}\n"
        "  - {name: d, legal_entity: A, country: FR, parent: A, "
        "parent_country: FR, source: s}\n"
        "  - {name: e, legal_entity: A, country: FR, parent: A, "
        "parent_country: FR, source: s}\n"
        "  - {name: f, legal_entity: A, country: FR, parent: A, "
        "parent_country: FR, source: s}\n"
        "  - {name: g, legal_entity: A, country: FR, parent: A, "
        "parent_country: FR, source: s}\n"
        "zones:\n"
        "  - {name: z, operator: nobody, country: SE, city: Falun,\n"
        "     engine: none, pue: 1, pue_source: t, grid_g_per_kwh: 30,\n"
        "     grid_year: 2024, grid_source: t}\n",
        "21:25",
        "unknown operator \"nobody\"; expected the name of one of "
        "operators"};

    UNUSED(state);
    assert_refused(&row);
}

static void a_pool_of_another_zone_is_refused(void **state)
{
    static const struct mistake row = {"offers:", "pool: p1", "pool: p2", "46:11",
                                       "pool \"p2\" is in there; expected a pool in here"};

    UNUSED(state);
    assert_refused(&row);
}

static void a_price_in_another_currency_is_refused(void **state)
{
    static const struct mistake row = {"offers:", "currency: EUR", "currency: USD", "44:56",
                                       "the price is in USD; expected EUR"};

    UNUSED(state);
    assert_refused(&row);
}

static void gpus_and_their_model_go_together(void **state)
{
    static const struct mistake rows[] = {
        {"offers:", "gpu_count: 2", "gpu_count: 0", "40:16",
         "gpu_model is given; expected 1 or more GPUs"},
        {"offers:", "    gpu_model: g1\n", "", "39:16",
         "2 GPUs without a model; expected gpu_model"},
    };

    UNUSED(state);
    assert_all_refused(rows, ARRAY_SIZE(rows));
}

static void figures_out_of_range_are_refused(void **state)
{
    static const struct mistake rows[] = {
        {"offers:", "amount_micros: 1000000", "amount_micros: -1", "44:37",
         "must be between 0 and 1000000000000, got -1"},
        {"offers:", "pool_units: 2", "pool_units: 0", "47:17",
         "must be between 1 and 10000000, got 0"},
        {"zones:", "pue: 1.5", "pue: 0.9", "20:10", "must be between 1 and 10, got 0.9"},
        {"", "hold_window_seconds: 3600", "hold_window_seconds: 5", "3:22",
         "must be between 60 and 86400, got 5"},
        {"pools:", "capacity_units: 8", "capacity_units: -8", "33:44",
         "must be between 0 and 10000000, got -8"},
    };

    UNUSED(state);
    assert_all_refused(rows, ARRAY_SIZE(rows));
}

static void places_and_currencies_are_written_in_capitals(void **state)
{
    static const struct mistake rows[] = {
        {"", "EUR", "eur", "2:11",
         "\"eur\" is not a currency; expected three capitals such as EUR"},
        {"operators:", "country: FR", "country: fr", "10:14",
         "\"fr\" is not a country; expected two capitals such as FR"},
        {"operators:", "parent_country: US", "parent_country: u1", "12:21",
         "\"u1\" is not a country; expected two capitals such as FR"},
        {"zones:", "country: FR", "country: Fr", "17:14",
         "\"Fr\" is not a country; expected two capitals such as FR"},
    };

    UNUSED(state);
    assert_all_refused(rows, ARRAY_SIZE(rows));
}

static void names_that_cannot_stand_in_an_address_are_refused(void **state)
{
    static const struct mistake rows[] = {
        {"pools:", "name: p2", "name: P 2", "34:12",
         "\"P 2\" is not a name; expected lower-case letters, digits, '-', '_', '.'"},
        {"offers:", "id: cpu.there", "id: ../there", "48:9",
         "\"../there\" is not a name; expected lower-case letters, digits, '-', '_', '.'"},
    };

    UNUSED(state);
    assert_all_refused(rows, ARRAY_SIZE(rows));
}

static void a_figure_of_embodied_carbon_needs_its_source(void **state)
{
    static const struct mistake row = {
        "gpu_models:", "tdp_watts: 400", "tdp_watts: 400, embodied_kg: 164", "30:76",
        "embodied_kg has no source; expected embodied_source beside it"};

    UNUSED(state);
    assert_refused(&row);
}

static void what_the_file_may_not_say_is_refused(void **state)
{
    static const struct mistake rows[] = {
        {"offers:", "    gpu_model: g1\n", "    gpu_model: g1\n    gpus: 2\n", "40:5",
         "unknown field 'gpus'"},
        {"offers:", "    gpu_model: g1\n", "    gpu_model: g1\n    stock: 2\n", "40:5",
         "field 'stock' is read-only"},
        {"offers:", "    price_source: test\n", "", "36:5", "field 'price_source' is required"},
        {"offers:", "vcpu_count: 16", "vcpu_count: many", "41:17",
         "expected an integer, got a string"},
        {"zones:", "engine: local\n", "engine: local\n    engine: none\n", "20:5", NULL},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char path[PATH_BYTES_MAX], place[2 * PATH_BYTES_MAX];
        struct catalogue c;
        struct err e;

        err_clear(&e);
        write_changed(rows[i].after, rows[i].from, rows[i].to, path);
        assert_err(ERR_INVALID, catalogue_load(path, &c, &e), &e);
        snprintf(place, sizeof place, "%s:%s: ", path, rows[i].place);
        assert_contains(e.msg, place);
        if (rows[i].text)
            assert_contains(e.msg, rows[i].text);
    }
}

/* An editor fixes several mistakes in one go. */
static void all_mistakes_are_reported_at_once(void **state)
{
    char path[PATH_BYTES_MAX];
    struct catalogue c;
    STRBUF text;
    struct err e;

    UNUSED(state);
    err_clear(&e);
    strbuf_init(&text, 2 * sizeof good);
    for (const char *p = good; *p; p++)
        if (strncmp(p, "zone: here", 10) == 0) {
            strbuf_adds(&text, "zone: hier");
            p += 9;
        } else {
            strbuf_addc(&text, *p);
        }
    file_put(path_of("two.yaml", path), text.data);
    assert_err(ERR_INVALID, catalogue_load(path, &c, &e), &e);
    assert_int_equal(e.detail_count, 2);
    assert_contains(e.details[0].text, ":33:22: unknown zone \"hier\"; expected here, there");
    assert_contains(e.details[1].text, ":38:11: unknown zone \"hier\"; expected here, there");
    assert_string_equal(e.details[1].pointer, "/offers/0/zone");
}

static void a_file_that_is_not_there_is_not_found(void **state)
{
    char path[PATH_BYTES_MAX];
    struct catalogue c;
    struct err e;

    UNUSED(state);
    err_clear(&e);
    assert_err(ERR_NOT_FOUND, catalogue_load(path_of("none.yaml", path), &c, &e), &e);
    assert_contains(e.msg, "none.yaml");
    assert_int_equal(catalogue_load(path, &c, NULL), ERR_NOT_FOUND);
}

static void a_file_that_is_not_yaml_is_refused_with_its_place(void **state)
{
    char path[PATH_BYTES_MAX], place[2 * PATH_BYTES_MAX];
    struct catalogue c;
    struct err e;

    UNUSED(state);
    err_clear(&e);
    file_put(path_of("broken.yaml", path), "version: 1\ncurrency: [EUR\n");
    assert_err(ERR_INVALID, catalogue_load(path, &c, &e), &e);
    snprintf(place, sizeof place, "%s:3:1: ", path);
    assert_contains(e.msg, place);
    assert_int_equal(catalogue_load(path, &c, NULL), ERR_INVALID);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_smallest_catalogue_loads),
    cmocka_unit_test(a_name_that_is_not_there_is_not_found),
    cmocka_unit_test(what_follows_from_the_rest_is_filled_in),
    cmocka_unit_test(a_name_that_occurs_twice_is_refused),
    cmocka_unit_test(a_name_that_leads_nowhere_is_refused_with_those_that_exist),
    cmocka_unit_test(many_known_names_are_not_listed),
    cmocka_unit_test(a_pool_of_another_zone_is_refused),
    cmocka_unit_test(a_price_in_another_currency_is_refused),
    cmocka_unit_test(gpus_and_their_model_go_together),
    cmocka_unit_test(figures_out_of_range_are_refused),
    cmocka_unit_test(places_and_currencies_are_written_in_capitals),
    cmocka_unit_test(names_that_cannot_stand_in_an_address_are_refused),
    cmocka_unit_test(a_figure_of_embodied_carbon_needs_its_source),
    cmocka_unit_test(what_the_file_may_not_say_is_refused),
    cmocka_unit_test(all_mistakes_are_reported_at_once),
    cmocka_unit_test(a_file_that_is_not_there_is_not_found),
    cmocka_unit_test(a_file_that_is_not_yaml_is_refused_with_its_place),
};

int main(void)
{
    return T_RUN("catalogue", tests);
}
