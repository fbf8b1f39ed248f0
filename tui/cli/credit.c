/* credit, usage: what is left, where it came from, where it went. */
#include "tui/cli/cli.h"

int cli_credit_show(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"left", "left", SHOW_MONEY},
        {"  available", "available", SHOW_MONEY},
        {"  held", "held", SHOW_MONEY},
        {"  of which used", "accrued", SHOW_MONEY},
        {"granted", "granted", SHOW_MONEY},
        {"consumed", "consumed", SHOW_MONEY},
        {"expired", "expired", SHOW_MONEY},
        {"burn per hour", "burn_per_hour", SHOW_MONEY},
        {"running", "running_count", SHOW_NUMBER},
        {"lasts until", "runway_ends_at", SHOW_TIME},
        {"assuming", "runway_basis", SHOW_TEXT},
        {"as of", "as_of", SHOW_TIME},
    };
    json_t *credit = NULL;
    int rc = cli_get(c, "/v1/credit", &credit);

    return rc ? rc : cli_print_object(c, credit, columns, ARRAY_SIZE(columns));
}

int cli_credit_grants(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"ID", "id", SHOW_TEXT},
        {"KIND", "kind", SHOW_TEXT},
        {"AMOUNT", "amount", SHOW_MONEY},
        {"AVAILABLE", "available", SHOW_MONEY},
        {"HELD", "held", SHOW_MONEY},
        {"CONSUMED", "consumed", SHOW_MONEY},
        {"EXPIRES", "expires_at", SHOW_TIME},
        {"NOTE", "note", SHOW_TEXT},
    };

    return cli_list(c, "/v1/credit/grants", columns, ARRAY_SIZE(columns));
}

int cli_credit_holds(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"ID", "id", SHOW_TEXT},
        {"INSTANCE", "instance_id", SHOW_TEXT},
        {"STATE", "state", SHOW_TEXT},
        {"AMOUNT", "amount", SHOW_MONEY},
        {"CAPTURED", "captured", SHOW_MONEY},
        {"FROM", "window_from", SHOW_TIME},
        {"TO", "window_to", SHOW_TIME},
    };

    return cli_list(c, "/v1/credit/holds", columns, ARRAY_SIZE(columns));
}

int cli_credit_entries(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"AT", "at", SHOW_TIME},
        {"TRANSACTION", "transaction_id", SHOW_TEXT},
        {"KIND", "kind", SHOW_TEXT},
        {"ACCOUNT", "account", SHOW_TEXT},
        {"AMOUNT", "amount", SHOW_MONEY},
        {"GRANT", "grant_id", SHOW_TEXT},
        {"INSTANCE", "instance_id", SHOW_TEXT},
        {"DETAIL", "detail", SHOW_TEXT},
    };

    return cli_list(c, "/v1/credit/entries", columns, ARRAY_SIZE(columns));
}

int cli_usage_list(struct cli *c)
{
    static const struct cli_column columns[] = {
        {"INSTANCE", "instance_id", SHOW_TEXT},
        {"NAME", "instance_name", SHOW_TEXT},
        {"OFFER", "offer_id", SHOW_TEXT},
        {"FROM", "from", SHOW_TIME},
        {"TIME", "seconds", SHOW_DURATION},
        {"COST", "cost", SHOW_MONEY},
        {"kWh", "kwh", SHOW_NUMBER},
        {"gCO2e", "carbon_g", SHOW_NUMBER},
    };

    return cli_list(c, "/v1/usage", columns, ARRAY_SIZE(columns));
}
