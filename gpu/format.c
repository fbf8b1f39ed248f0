/* The table of formats, and what they share. */
#include "gpu/format.h"

const char *const gpu_format_names[] = {
#define FORMAT(name) #name,
#include "gpu/formats.def.h"
#undef FORMAT
    NULL};

const char *const gpu_audience_names[] = {
#define X(id, name) name,
    GPU_AUDIENCE_LIST(X)
#undef X
        NULL};

void gpu_report_write(enum gpu_format format, const struct report *r, const struct gpu_style *style,
                      struct strbuf *out)
{
    static void (*const writers[])(const struct report *, const struct gpu_style *,
                                   struct strbuf *) = {
#define FORMAT(name) gpu_format_##name,
#include "gpu/formats.def.h"
#undef FORMAT
    };

    writers[format](r, style, out);
}

const char *gpu_finding_action(const struct finding *f, enum gpu_audience audience)
{
    if (audience == GPU_FOR_RENTER && remedy_renter_texts[f->remedy][0])
        return remedy_renter_texts[f->remedy];
    return f->action;
}
