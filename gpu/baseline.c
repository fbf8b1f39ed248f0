/* The file of earlier figures, and the comparison with it. */
#include "gpu/baseline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "gpu/document.h"
#include "gpu/peers.h"

#define BASELINE_VERSION 1
#define BASELINE_FILE    "hourglass/gpu-baseline.json"
#define PATH_BYTES_MAX   4096
#define DATE_BYTES       10 /* "2026-11-20" of RFC 3339 */

static const struct field entry_fields[] = {
    F_STRING(struct gpu_baseline_entry, uuid, FIELD_REQUIRED, 1, 0, "The GPU."),
    F_STRING(struct gpu_baseline_entry, check, FIELD_REQUIRED, 1, 0, "The check."),
    F_NUMBER(struct gpu_baseline_entry, value, FIELD_REQUIRED, 0, GPU_FIGURE_MAX,
             "What it measured."),
    F_STRING(struct gpu_baseline_entry, unit, FIELD_REQUIRED, 1, 0, "In which unit."),
    F_TIME(struct gpu_baseline_entry, measured_at, FIELD_REQUIRED, "When."),
    F_STRING(struct gpu_baseline_entry, driver_version, 0, 0, 0, "With which driver."),
    F_STRING(struct gpu_baseline_entry, checker_version, 0, 0, 0, "By which hourglass-gpu."),
};
SHAPE(gpu_baseline_entry_shape, struct gpu_baseline_entry, "GpuBaselineEntry", "An earlier figure.",
      entry_fields);

static const struct field baseline_fields[] = {
    F_INT(struct gpu_baseline, version, FIELD_REQUIRED, BASELINE_VERSION, BASELINE_VERSION,
          "Of this format."),
    F_LIST(struct gpu_baseline, entries, entry_count, FIELD_REQUIRED, &gpu_baseline_entry_shape,
           GPU_BASELINE_ENTRIES_MAX, "The figures."),
};
SHAPE(gpu_baseline_shape, struct gpu_baseline, "GpuBaseline", "Earlier figures of GPUs.",
      baseline_fields);

enum err_code gpu_baseline_path(char *out, size_t size, struct err *e)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n = -1;

    if (state && state[0] == '/')
        n = snprintf(out, size, "%s/" BASELINE_FILE, state);
    else if (home && home[0] == '/')
        n = snprintf(out, size, "%s/.local/state/" BASELINE_FILE, home);
    if (n < 0 || (size_t)n >= size)
        return err_set(e, ERR_NOT_FOUND, "no place for the baseline: give --baseline-file FILE");
    return ERR_OK;
}

static struct gpu_baseline_entry *entry_find(const struct gpu_baseline *b, const char *uuid,
                                             const char *check)
{
    for (size_t i = 0; i < b->entry_count; i++) {
        if (strcmp(b->entries[i].uuid, uuid) == 0 && strcmp(b->entries[i].check, check) == 0)
            return &b->entries[i];
    }
    return NULL;
}

enum err_code gpu_baseline_parse(const char *name, const char *bytes, size_t len,
                                 struct gpu_baseline *out, struct err *e)
{
    struct gpu_baseline b = {0};
    enum err_code rc = gpu_document_parse(name, bytes, len, &gpu_baseline_shape, &b, e);

    for (size_t i = 0; i < b.entry_count && !rc; i++) {
        const struct gpu_baseline_entry *entry = &b.entries[i];
        char pointer[ERR_POINTER_MAX];

        snprintf(pointer, sizeof pointer, "/entries/%zu", i);
        if (entry->value <= 0)
            rc = gpu_document_refuse(name, bytes, len, pointer, e, "value must be over 0");
        else if (entry_find(&b, entry->uuid, entry->check) != entry)
            rc = gpu_document_refuse(name, bytes, len, pointer, e,
                                     "a second entry of this GPU and check");
    }
    if (rc)
        shape_release(&gpu_baseline_shape, &b);
    else
        *out = b;
    return rc;
}

enum err_code gpu_baseline_read(const char *path, struct gpu_baseline *out, struct err *e)
{
    STRBUF bytes;
    enum err_code rc;

    strbuf_init(&bytes, GPU_BASELINE_BYTES_MAX);
    rc = gpu_document_load(path, &bytes, e);
    return rc ? rc : gpu_baseline_parse(path, bytes.data, bytes.len, out, e);
}

static const struct report_gpu *gpu_of(const struct report *r, int64_t index)
{
    for (size_t i = 0; i < r->gpu_count; i++) {
        if (r->gpus[i].index == index)
            return &r->gpus[i];
    }
    return NULL;
}

/* The GPU whose figure this is, when it is one that is kept; else NULL. */
static const struct report_gpu *figure_of(const struct report *r, const struct finding *f)
{
    const struct gpu_check *check = gpu_check_find(f->check);
    const struct report_gpu *g = gpu_of(r, f->gpu_index);
    bool is_measured = f->unit[0] && f->value > 0 && f->value <= GPU_FIGURE_MAX &&
                       f->result != CHECK_SKIP && f->result != CHECK_ERROR && check &&
                       check->peer_share > 0;

    return is_measured && g && g->uuid[0] ? g : NULL;
}

static void oldest_drop(struct gpu_baseline *b)
{
    size_t oldest = 0;

    for (size_t i = 1; i < b->entry_count; i++) {
        if (b->entries[i].measured_at_ms < b->entries[oldest].measured_at_ms)
            oldest = i;
    }
    memmove(&b->entries[oldest], &b->entries[oldest + 1],
            (--b->entry_count - oldest) * sizeof *b->entries);
}

/* There is room for one more. */
static void entry_put(struct gpu_baseline *b, const struct report *r, const struct finding *f,
                      const struct report_gpu *g)
{
    struct gpu_baseline_entry *entry = entry_find(b, g->uuid, f->check);

    if (!entry) {
        if (b->entry_count == GPU_BASELINE_ENTRIES_MAX)
            oldest_drop(b);
        entry = &b->entries[b->entry_count++];
    }
    *entry = (struct gpu_baseline_entry){.value = f->value, .measured_at_ms = r->started_at_ms};
    text_copy(entry->uuid, sizeof entry->uuid, g->uuid);
    text_copy(entry->check, sizeof entry->check, f->check);
    text_copy(entry->unit, sizeof entry->unit, f->unit);
    text_copy(entry->driver_version, sizeof entry->driver_version, r->driver_version);
    text_copy(entry->checker_version, sizeof entry->checker_version, r->checker_version);
}

static enum err_code baseline_write(const char *path, const struct gpu_baseline *b, struct err *e)
{
    char folder[PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    STRBUF out;
    enum err_code rc = ERR_OK;

    strbuf_init(&out, GPU_BASELINE_BYTES_MAX);
    shape_encode(&gpu_baseline_shape, b, &out);
    strbuf_addc(&out, '\n');
    if (out.failed)
        return err_set(e, ERR_IO, "the baseline does not fit into %d bytes",
                       GPU_BASELINE_BYTES_MAX);
    if (slash && slash != path) {
        if ((size_t)(slash - path) >= sizeof folder)
            return err_set(e, ERR_IO, "the path of the baseline is too long");
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
        rc = dir_make(folder, 0700, e);
    }
    return rc ? rc : file_write(path, out.data, out.len, 0600, e);
}

enum err_code gpu_baseline_save(const char *path, const struct report *r, size_t *saved,
                                struct err *e)
{
    struct gpu_baseline b = {.version = BASELINE_VERSION};
    struct gpu_baseline_entry *more;
    size_t n = 0;
    enum err_code rc;

    if (r->verdict != VERDICT_HEALTHY && r->verdict != VERDICT_DEGRADED)
        return err_set(e, ERR_CONFLICT, "baseline not saved: this run is %s",
                       verdict_names[r->verdict]);
    for (size_t i = 0; i < r->finding_count; i++)
        n += figure_of(r, &r->findings[i]) != NULL;
    if (n == 0)
        return err_set(e, ERR_NOT_FOUND, "baseline not saved: the %s tier measured no figure here",
                       tier_names[r->tier]);
    rc = gpu_baseline_read(path, &b, e);
    if (rc && rc != ERR_NOT_FOUND)
        return err_wrap(e, rc, "baseline not saved");
    more = realloc(b.entries, (b.entry_count + n) * sizeof *more);
    if (!more) {
        shape_release(&gpu_baseline_shape, &b);
        return err_set(e, ERR_IO, "out of memory");
    }
    b.entries = more;
    b.version = BASELINE_VERSION;
    for (size_t i = 0; i < r->finding_count; i++) {
        const struct report_gpu *g = figure_of(r, &r->findings[i]);

        if (g)
            entry_put(&b, r, &r->findings[i], g);
    }
    rc = baseline_write(path, &b, e);
    shape_release(&gpu_baseline_shape, &b);
    if (!rc)
        *saved = n;
    return rc ? err_wrap(e, rc, "baseline not saved") : ERR_OK;
}

struct comparison {
    size_t saved, compared, worse;
    enum check_result result;
    char first[SLUG_BYTES_MAX]; /* of the worse */
};

static void figure_judge(const struct gpu_baseline_entry *entry, struct finding *f,
                         struct comparison *c)
{
    const struct gpu_check *check = gpu_check_find(f->check);
    double share = check->peer_share;
    double reached = gpu_share_reached(f->value, entry->value, check->higher_is_worse);
    char when[RFC3339_MAX], detail[TEXT_BYTES_MAX];
    bool is_failed = reached < share * share * share;

    c->compared++;
    if (reached >= share)
        return;
    if (c->worse++ == 0)
        text_copy(c->first, sizeof c->first, f->check);
    if (c->result != CHECK_FAIL)
        c->result = is_failed ? CHECK_FAIL : CHECK_WARN;
    if (f->result == CHECK_FAIL || (f->result == CHECK_WARN && !is_failed))
        return;
    rfc3339_format(entry->measured_at_ms, when);
    snprintf(detail, sizeof detail, "%.4g %s, where %.4g was saved on %.*s", f->value, f->unit,
             entry->value, DATE_BYTES, when);
    f->floor = check->higher_is_worse ? entry->value / share : entry->value * share;
    snprintf(f->source, sizeof f->source, "baseline of %.*s, driver %s", DATE_BYTES, when,
             entry->driver_version[0] ? entry->driver_version : "not known");
    if (is_failed)
        gpu_fail(f, REMEDY_INSPECT, "have this GPU inspected: it did better before", "%s", detail);
    else
        gpu_warn(f, REMEDY_WATCH, "check it again while idle; if it stays so, inspect it", "%s",
                 detail);
}

static void comparison_tell(const struct comparison *c, struct finding *f)
{
    if (!c->saved)
        gpu_skip(f, "no figure of this GPU is saved: it is another one, or new here");
    else if (!c->compared)
        gpu_skip(f, "none of the %zu saved figures was measured in this run", c->saved);
    else if (!c->worse)
        gpu_pass(f, "%zu of %zu saved figures compared, none is worse", c->compared, c->saved);
    else if (c->result == CHECK_FAIL)
        gpu_fail(f, REMEDY_INSPECT, "have this GPU inspected: it did better before",
                 "%zu of %zu figures are worse than saved, first %s", c->worse, c->compared,
                 c->first);
    else
        gpu_warn(f, REMEDY_WATCH, "check it again while idle; if it stays so, inspect it",
                 "%zu of %zu figures are worse than saved, first %s", c->worse, c->compared,
                 c->first);
}

static void gpu_compare(const struct gpu_baseline *b, struct report *r, const struct report_gpu *g,
                        struct finding *out)
{
    struct comparison c = {.result = CHECK_PASS};

    for (size_t i = 0; g->uuid[0] && i < b->entry_count; i++)
        c.saved += strcmp(b->entries[i].uuid, g->uuid) == 0;
    for (size_t i = 0; i < r->finding_count; i++) {
        struct finding *f = &r->findings[i];
        const struct gpu_baseline_entry *entry;

        if (figure_of(r, f) != g)
            continue;
        entry = entry_find(b, g->uuid, f->check);
        if (entry && strcmp(entry->unit, f->unit) == 0)
            figure_judge(entry, f, &c);
    }
    *out = (struct finding){.gpu_index = g->index};
    text_copy(out->check, sizeof out->check, GPU_BASELINE_CHECK);
    comparison_tell(&c, out);
}

enum err_code gpu_baseline_compare(const struct gpu_baseline *b, struct report *r, struct err *e)
{
    struct finding *more =
        realloc(r->findings, (r->finding_count + r->gpu_count + 1) * sizeof *more);
    struct finding told[GPUS_PER_INSTANCE_MAX];
    size_t n = 0;

    if (!more)
        return err_set(e, ERR_IO, "out of memory");
    r->findings = more;
    if (b->problem[0]) {
        told[n] = (struct finding){.gpu_index = -1};
        text_copy(told[n].check, sizeof told[n].check, GPU_BASELINE_CHECK);
        gpu_error(&told[n++], "%s", b->problem);
    }
    for (size_t i = 0; !b->problem[0] && i < r->gpu_count && n < ARRAY_SIZE(told); i++)
        gpu_compare(b, r, &r->gpus[i], &told[n++]);
    memcpy(r->findings + r->finding_count, told, n * sizeof *told);
    r->finding_count += n;
    return ERR_OK;
}
