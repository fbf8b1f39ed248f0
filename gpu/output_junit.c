/* JUnit XML, as build servers and acceptance tests read it: a suite for the machine and one for
 * each GPU, a case for each finding. A failed check is a failure, one without an answer an error,
 * a skip is skipped; a warning passes with its words in system-out, since JUnit has no other. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "gpu/format.h"

#define XML_TEXT_BYTES_MAX (TEXT_BYTES_MAX * 8)

struct tally {
    size_t tests, failures, errors, skipped;
};

/* For text and for attributes. What XML 1.0 cannot hold even escaped becomes U+FFFD. */
static void xml_add(struct strbuf *out, const char *text)
{
    STRBUF clean;
    size_t n;

    strbuf_init(&clean, XML_TEXT_BYTES_MAX);
    text_clean(&clean, text, strlen(text), TEXT_ONE_LINE);
    for (size_t i = 0; i < clean.len; i += n) {
        uint32_t c;

        n = text_decode(clean.data + i, clean.len - i, &c);
        if (c == '&')
            strbuf_adds(out, "&amp;");
        else if (c == '<')
            strbuf_adds(out, "&lt;");
        else if (c == '>')
            strbuf_adds(out, "&gt;");
        else if (c == '"')
            strbuf_adds(out, "&quot;");
        else if (c == '\'')
            strbuf_adds(out, "&apos;");
        else if (c < ' ' || c == 0xFFFE || c == 0xFFFF)
            strbuf_adds(out, "\xEF\xBF\xBD");
        else
            strbuf_add(out, clean.data + i, n);
    }
}

static void attribute(struct strbuf *out, const char *name, const char *text)
{
    strbuf_addf(out, " %s=\"", name);
    xml_add(out, text);
    strbuf_addc(out, '"');
}

static void tally_add(struct tally *t, const struct finding *f)
{
    t->tests++;
    t->failures += f->result == CHECK_FAIL;
    t->errors += f->result == CHECK_ERROR;
    t->skipped += f->result == CHECK_SKIP;
}

static struct tally tally_of(const struct report *r, const int64_t *gpu_index)
{
    struct tally t = {0};

    for (size_t i = 0; i < r->finding_count; i++) {
        if (!gpu_index || r->findings[i].gpu_index == *gpu_index)
            tally_add(&t, &r->findings[i]);
    }
    return t;
}

static void tally_write(const struct tally *t, struct strbuf *out)
{
    strbuf_addf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", t->tests,
                t->failures, t->errors, t->skipped);
}

/* Detail, figure and what to do, as one text. */
static void words_add(const struct finding *f, const struct gpu_style *style, struct strbuf *out)
{
    const char *action = gpu_finding_action(f, style->audience);

    xml_add(out, f->detail);
    if (f->unit[0]) {
        strbuf_addf(out, " (%g ", f->value);
        xml_add(out, f->unit);
        if (f->floor != 0)
            strbuf_addf(out, ", floor %g", f->floor);
        strbuf_addc(out, ')');
    }
    if (action[0]) {
        strbuf_adds(out, " do: ");
        xml_add(out, action);
    }
}

static void outcome_write(const struct finding *f, const struct gpu_style *style,
                          struct strbuf *out)
{
    static const char *const elements[] = {[CHECK_PASS] = "system-out",
                                           [CHECK_WARN] = "system-out",
                                           [CHECK_FAIL] = "failure",
                                           [CHECK_SKIP] = "skipped",
                                           [CHECK_ERROR] = "error"};
    const char *element = elements[f->result];

    strbuf_addf(out, "      <%s", element);
    if (f->result != CHECK_PASS && f->result != CHECK_WARN)
        attribute(out, "message", f->detail);
    strbuf_addc(out, '>');
    if (f->result == CHECK_WARN)
        strbuf_adds(out, "warning: ");
    words_add(f, style, out);
    strbuf_addf(out, "</%s>\n", element);
}

static void suite_write(const struct report *r, const struct report_gpu *g,
                        const struct gpu_style *style, struct strbuf *out)
{
    int64_t index = g ? g->index : -1;
    struct tally t = tally_of(r, &index);
    char name[NAME_BYTES_MAX * 3] = "machine";

    if (t.tests == 0)
        return;
    if (g)
        snprintf(name, sizeof name, "gpu%" PRId64 " %s", g->index, g->model);
    strbuf_adds(out, "  <testsuite");
    attribute(out, "name", name);
    tally_write(&t, out);
    attribute(out, "hostname", r->host);
    strbuf_adds(out, ">\n");
    if (g && g->uuid[0]) {
        strbuf_adds(out, "    <properties><property name=\"uuid\"");
        attribute(out, "value", g->uuid);
        strbuf_adds(out, "/></properties>\n");
    }
    for (size_t i = 0; i < r->finding_count; i++) {
        const struct finding *f = &r->findings[i];

        if (f->gpu_index != index)
            continue;
        strbuf_adds(out, "    <testcase classname=\"hourglass-gpu\"");
        attribute(out, "name", f->check);
        strbuf_adds(out, ">\n");
        outcome_write(f, style, out);
        strbuf_adds(out, "    </testcase>\n");
    }
    strbuf_adds(out, "  </testsuite>\n");
}

void gpu_format_junit(const struct report *r, const struct gpu_style *style, struct strbuf *out)
{
    struct tally t = tally_of(r, NULL);

    strbuf_adds(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    attribute(out, "name", r->summary);
    tally_write(&t, out);
    strbuf_addf(out, " time=\"%.3f\">\n", (double)(r->ended_at_ms - r->started_at_ms) / 1000);
    suite_write(r, NULL, style, out);
    for (size_t i = 0; i < r->gpu_count; i++)
        suite_write(r, &r->gpus[i], style, out);
    strbuf_adds(out, "</testsuites>\n");
}
