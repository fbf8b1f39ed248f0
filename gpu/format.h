/* A report in the words of its reader: a person, a program, a build server, Prometheus. Whatever
 * came from the driver or the machine is cleaned or escaped on its way. Writes nothing itself. */
#ifndef GPU_FORMAT_H
#define GPU_FORMAT_H

#include "gpu/check.h"

enum gpu_format {
#define FORMAT(name) GPU_FORMAT_##name,
#include "gpu/formats.def.h"
#undef FORMAT
    GPU_FORMAT_COUNT
};
extern const char *const gpu_format_names[];

/* Who is told what to do: an operator can reset a GPU, a renter can ask for another. */
#define GPU_AUDIENCE_LIST(X)        \
    X(GPU_FOR_OPERATOR, "operator") \
    X(GPU_FOR_RENTER, "renter")
enum gpu_audience {
#define X(id, name) id,
    GPU_AUDIENCE_LIST(X)
#undef X
};
extern const char *const gpu_audience_names[];

struct gpu_style {
    enum gpu_audience audience;
    bool is_utf8;                    /* the reader's terminal shows more than ASCII */
    const struct gpu_floors *floors; /* the user's own, for the chart's scale; NULL: none */
};

/* The first line of text is "hourglass-gpu: " and the summary, under 80 columns of ASCII. */
void gpu_report_write(enum gpu_format format, const struct report *r, const struct gpu_style *style,
                      struct strbuf *out);

/* What this audience should do about a finding; "" when nothing. */
const char *gpu_finding_action(const struct finding *f, enum gpu_audience audience);

/* The schema of the JSON format: JSON Schema, draft 2020-12, indented. */
void gpu_report_schema(struct strbuf *out);

#define FORMAT(name)                                                              \
    void gpu_format_##name(const struct report *r, const struct gpu_style *style, \
                           struct strbuf *out);
#include "gpu/formats.def.h"
#undef FORMAT

#endif
