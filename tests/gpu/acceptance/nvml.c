/* nvml [LIBRARY]: which of the functions and fields that we know this driver answers, on its
 * first GPU, as a JSON object a line. For tests/gpu/acceptance.sh. */
#include <stdio.h>
#include <string.h>

#include "gpu/nvml.h"

#define FIELD_LAST 300 /* API 13 ends at 273 */

static const struct {
    size_t offset;
    const char *symbol;
} functions[] = {
#define NVML(member, symbol, required, args) {offsetof(struct nvml, member), symbol},
#include "gpu/nvml.def.h"
#undef NVML
};

static void functions_print(const struct nvml *n)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *address;

        memcpy(&address, (const char *)n + functions[i].offset, sizeof address);
        printf("{\"function\":\"%s\",\"exported\":%s}\n", functions[i].symbol,
               address ? "true" : "false");
    }
}

/* One at a time, as a field that the library does not know may refuse all. */
static void fields_print(const struct nvml *n, struct nvml_device *d)
{
    for (unsigned id = 1; id <= FIELD_LAST; id++) {
        struct nvml_field field = {.id = id, .code = NVML_UNKNOWN};
        int code = NVML_CALL(n, fields, d, 1, &field);
        int64_t value = 0;
        int told = code == NVML_OK ? nvml_field_value(&field, &value) : code;

        printf("{\"field\":%u,\"call\":%d,\"code\":%d,\"type\":%d,\"value\":%lld,"
               "\"latency_us\":%lld,\"text\":\"%s\"}\n",
               id, code, told, field.value_type, (long long)value, field.latency_us,
               nvml_code_text(told));
    }
}

int main(int argc, char **argv)
{
    struct nvml n;
    struct nvml_device *d = NULL;
    struct err e;
    int code;

    if (nvml_open(&n, argc > 1 ? argv[1] : NULL, &e)) {
        printf("skipped: %s\n", e.msg);
        return 3;
    }
    code = n.init();
    if (code == NVML_OK)
        code = n.device_by_index(0, &d);
    if (code != NVML_OK) {
        printf("skipped: %s\n", nvml_code_text(code));
        return 3;
    }
    functions_print(&n);
    fields_print(&n, d);
    return 0;
}
