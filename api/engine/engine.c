/* Engines by name. */
#include "api/engine/engine.h"

#include <string.h>

const char *const engine_state_names[] = {
#define X(id, name) name,
    ENGINE_STATE_LIST(X)
#undef X
        NULL};

static const struct {
    const char *name;
    enum err_code (*open)(const struct engine_config *c, struct engine **out, struct err *e);
} engines[] = {
#define X(n) {#n, engine_##n##_open},
    ENGINE_LIST(X)
#undef X
};

enum err_code engine_open(const char *name, const struct engine_config *c, struct engine **out,
                          struct err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(engines); i++)
        if (strcmp(engines[i].name, name) == 0)
            return engines[i].open(c, out, e);
    return err_set(e, ERR_INVALID, "there is no engine '%s'", name);
}
