/* The route table, from its list, and what ?name=value each kind of route takes: anything else
 * is refused before its handler runs, and all of it is in the document. */
#include "api/resource/resource.h"

/* Public routes decide nothing: any action does, the server asks for none. */
#define ACTION_NONE ACTION_CATALOGUE_READ

#define LITERAL_(x) #x
#define LITERAL(x)  LITERAL_(x)
#define TEXT        "{\"type\":\"string\",\"maxLength\":127}"
#define NUMBER      "{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":0}"
#define YES_NO      "{\"type\":\"boolean\",\"default\":false}"
#define TIME        "{\"type\":\"string\",\"format\":\"date-time\"}"
#define LIMIT_                                                  \
    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":" LITERAL( \
        PAGE_ITEMS_MAX) ",\"default\":" LITERAL(PAGE_ITEMS_DEFAULT) "}"

/* clang-format off */
#define AFTER        {"after", NUMBER, "Live only: continue after this event, like Last-Event-ID."}
#define CURSOR       {"cursor", TEXT, "next_cursor of the page before; opaque."}
#define FOLLOW       {"follow", YES_NO, "Live, as text/event-stream."}
#define FROM         {"from", TIME, "Only what is not older."}
#define GPU_MODEL    {"gpu_model", TEXT, "Only with this GPU model."}
#define HOST         {"host", TEXT, "The hour of this machine; else the newest of each."}
#define INSTANCE_ID  {"instance_id", TEXT, "Only about this instance."}
#define LIMIT        {"limit", LIMIT_, "Items in a page."}
#define OFFSET       {"offset", NUMBER, "The first byte that is wanted."}
#define ORGANIZATION {"organization_id", TEXT, "Of this organization (staff)."}
#define PROJECT_ID   {"project_id", TEXT, "Only in this project."}
#define STATE        {"state", TEXT, "Only in this state."}
#define TEXT_PART    {"text", TEXT, "Only where the name or id contains this."}
#define TO           {"to", TIME, "Only what is older."}
#define ZONE         {"zone", TEXT, "Only in this zone."}
#define PAGE         LIMIT, CURSOR, TEXT_PART, FROM, TO
#define END          {NULL, NULL, NULL}

static const struct route_query
    query_none[]       = {END},
    query_cases[]      = {PAGE, STATE, INSTANCE_ID, END},
    query_credit[]     = {ORGANIZATION, END},
    query_events[]     = {PAGE, PROJECT_ID, INSTANCE_ID, AFTER, END},
    query_holds[]      = {PAGE, STATE, INSTANCE_ID, END},
    query_instances[]  = {PAGE, STATE, PROJECT_ID, ZONE, GPU_MODEL, END},
    query_jobs[]       = {PAGE, STATE, PROJECT_ID, INSTANCE_ID, END},
    query_keys[]       = {PAGE, PROJECT_ID, END},
    query_log[]        = {OFFSET, FOLLOW, END},
    query_nodes[]      = {LIMIT, CURSOR, TEXT_PART, STATE, ZONE, END},
    query_offers[]     = {TEXT_PART, ZONE, GPU_MODEL, END},
    query_page[]       = {PAGE, END},
    query_page_about[] = {PAGE, INSTANCE_ID, END},
    query_telemetry[]  = {LIMIT, HOST, INSTANCE_ID, FROM, TO, END},
    query_usage[]      = {PAGE, PROJECT_ID, INSTANCE_ID, ZONE, GPU_MODEL, END};
/* clang-format on */

const struct route api_routes[] = {
#define ROUTE(m, path, fn, flag, code, act, body, answer, names, text) \
    {.method = HTTP_##m,                                               \
     .pattern = path,                                                  \
     .name = #fn,                                                      \
     .handle = fn##_route,                                             \
     .flags = flag,                                                    \
     .action = ACTION_##act,                                           \
     .in = body,                                                       \
     .out = answer,                                                    \
     .summary = text,                                                  \
     .query = query_##names,                                           \
     .status = code,                                                   \
     .dry_out = ((flag)&ROUTE_DRY_RUN) ? &estimate_shape : NULL},
#include "api/resource/routes.def.h"
#undef ROUTE
};
const size_t api_routes_count = ARRAY_SIZE(api_routes);
