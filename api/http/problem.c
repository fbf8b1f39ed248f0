/* An error as application/problem+json (RFC 9457). */
#include <inttypes.h>
#include <string.h>

#include "api/http/http.h"

static void member(struct strbuf *out, const char *name, const char *text)
{
    strbuf_addc(out, ',');
    json_quote(out, name);
    strbuf_addc(out, ':');
    json_quote(out, text);
}

static void details_write(const struct err *e, struct strbuf *out)
{
    strbuf_adds(out, ",\"errors\":[");
    for (size_t i = 0; i < e->detail_count; i++) {
        const struct err_detail *d = &e->details[i];

        strbuf_adds(out, i ? ",{\"pointer\":" : "{\"pointer\":");
        json_quote(out, d->pointer);
        member(out, "code", d->code);
        member(out, "detail", d->text);
        strbuf_addc(out, '}');
    }
    strbuf_addc(out, ']');
}

static void fact_value_write(const struct err_fact *f, struct strbuf *out)
{
    switch (f->kind) {
    case ERR_FACT_TEXT:
        json_quote(out, f->text);
        break;
    case ERR_FACT_INT:
        strbuf_addf(out, "%" PRId64, f->value);
        break;
    case ERR_FACT_MONEY:
        strbuf_addf(out, "{\"amount_micros\":%" PRId64 ",\"currency\":", f->value);
        json_quote(out, f->text);
        strbuf_addc(out, '}');
        break;
    }
}

static size_t fact_find(const struct err *e, const char *key, size_t from)
{
    while (from < e->fact_count && strcmp(e->facts[from].key, key) != 0)
        from++;
    return from;
}

/* Texts are a list, be there one or more; it is written where its first item stands. */
static void facts_write(const struct err *e, struct strbuf *out)
{
    for (size_t i = 0; i < e->fact_count; i++) {
        const char *key = e->facts[i].key;
        bool list = e->facts[i].kind == ERR_FACT_TEXT;

        if (fact_find(e, key, 0) < i)
            continue;
        strbuf_addc(out, ',');
        json_quote(out, key);
        strbuf_adds(out, list ? ":[" : ":");
        for (size_t k = i; k < e->fact_count; k = fact_find(e, key, k + 1)) {
            if (k > i)
                strbuf_addc(out, ',');
            fact_value_write(&e->facts[k], out);
        }
        if (list)
            strbuf_addc(out, ']');
    }
}

void problem_write(const struct err *e, enum err_code rc, const char *request_id,
                   struct strbuf *out)
{
    strbuf_addf(out, "{\"type\":\"urn:hourglass:problem:%s\"", err_slug(rc));
    member(out, "title", err_text(rc));
    strbuf_addf(out, ",\"status\":%d", err_http_status(rc));
    member(out, "detail", e && e->msg[0] ? e->msg : err_text(rc));
    member(out, "code", err_slug(rc));
    member(out, "request_id", request_id);
    if (e && e->detail_count)
        details_write(e, out);
    if (e)
        facts_write(e, out);
    strbuf_addc(out, '}');
}
