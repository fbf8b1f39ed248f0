/* offer, zone: what there is to rent, where, and how green. */
#include "tui/cli/cli.h"

int cli_offer_list(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"ID", "id", SHOW_TEXT},
        {"GPU", "gpu_model", SHOW_TEXT},
        {"GPUS", "gpu_count", SHOW_NUMBER},
        {"VCPU", "vcpu_count", SHOW_NUMBER},
        {"RAM GiB", "memory_gib", SHOW_NUMBER},
        {"PRICE/H", "price_per_hour", SHOW_MONEY},
        {"EXAMPLE", "price_is_example", SHOW_TEXT},
        {"STOCK", "stock", SHOW_NUMBER},
        {"AVAILABILITY", "availability", SHOW_TEXT},
        {"gCO2e/H", "carbon_g_per_hour", SHOW_NUMBER},
        {"IN", "country", SHOW_TEXT},
        {"LAW OF", "jurisdiction", SHOW_TEXT},
        {"OPERATOR", "operator", SHOW_TEXT},
    };

    return cli_list(c, "/v1/offers", columns, ARRAY_SIZE(columns));
}

int cli_zone_list(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"ZONE", "name", SHOW_TEXT},
        {"OPERATOR", "operator", SHOW_TEXT},
        {"IN", "country", SHOW_TEXT},
        {"LAW OF", "jurisdiction", SHOW_TEXT},
        {"CITY", "city", SHOW_TEXT},
        {"PUE", "pue", SHOW_NUMBER},
        {"gCO2e/kWh", "grid_g_per_kwh", SHOW_NUMBER},
        {"YEAR", "grid_year", SHOW_NUMBER},
        {"ENGINE", "engine", SHOW_TEXT},
    };

    return cli_list(c, "/v1/zones", columns, ARRAY_SIZE(columns));
}
