/* The route table, from its list. */
#include "api/resource/resource.h"

/* Public routes decide nothing: any action does, the server asks for none. */
#define ACTION_NONE ACTION_CATALOGUE_READ

const struct route api_routes[] = {
#define ROUTE(method, pattern, fn, flags, action, in, out, summary) \
    {HTTP_##method, pattern, #fn, fn, flags, ACTION_##action, in, out, summary},
#include "api/resource/routes.def.h"
#undef ROUTE
};
const size_t api_routes_count = ARRAY_SIZE(api_routes);
