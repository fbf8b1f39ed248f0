/* Any bytes as a file of floors and as a baseline: refused with the place, or taken with every rule
 * kept; what was taken is written so that it reads back the same, and judges without a crash. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/baseline.h"
#include "gpu/floor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool held)
{
    if (!held)
        abort();
}

/* "f:3: what" or "f: line 3, column 7: what". */
static void refusal_check(enum err_code rc, const struct err *e)
{
    need(rc == ERR_INVALID);
    need(strncmp(e->msg, "f:", 2) == 0);
    need(strncmp(e->msg, "f: line ", 8) == 0 || strtol(e->msg + 2, NULL, 10) >= 1);
}

static void figure_check(const struct gpu_floor *f, double value)
{
    struct finding said = {0};

    gpu_floor_judge(f, false, &said, value, f->unit);
    need(said.result != CHECK_SKIP);
    need(isfinite(said.value) && isfinite(said.floor));
    need((value >= f->warn_below) == (said.result == CHECK_PASS));
    need((value < f->fail_below) == (said.result == CHECK_FAIL));
}

static void floors_check(const struct gpu_floors *all)
{
    struct gpu_floor_place place = {5, 16, 8};

    for (size_t i = 0; i < all->floor_count; i++) {
        const struct gpu_floor *f = &all->floors[i];

        need(f->fail_below > 0 && f->fail_below < f->warn_below);
        need(!f->peak || f->warn_below < f->peak);
        need(f->source[0]);
        figure_check(f, 0);
        figure_check(f, f->fail_below);
        figure_check(f, f->warn_below);
        figure_check(f, f->warn_below * 2);
        (void)gpu_floor_find(all, f->model, f->check, &place);
        for (size_t k = 0; k < i; k++)
            need(!gpu_floors_overlap(f, &all->floors[k]));
    }
}

static void floors_try(const char *bytes, size_t len)
{
    struct gpu_floors all = {0}, again = {0};
    struct err e = {0};
    enum err_code rc = gpu_floors_parse("f", bytes, len, &all, &e);
    STRBUF out = {0};

    if (rc) {
        refusal_check(rc, &e);
        need(!all.floors);
        return;
    }
    floors_check(&all);
    strbuf_init(&out, HTTP_RESPONSE_BYTES_MAX);
    shape_encode(&gpu_floors_shape, &all, &out);
    need(!out.failed);
    need(gpu_floors_parse("f", out.data, out.len, &again, &e) == ERR_OK);
    need(again.floor_count == all.floor_count);
    shape_release(&gpu_floors_shape, &all);
    shape_release(&gpu_floors_shape, &again);
}

/* One GPU of which the first entry tells, and one of which none does. */
static void compare_try(const struct gpu_baseline *b)
{
    struct report_gpu gpus[2] = {{.index = 0}, {.index = 1, .uuid = "GPU-other"}};
    struct report r = {.gpus = gpus, .gpu_count = 2, .finding_count = 1};
    const struct gpu_baseline_entry *first = &b->entries[0];
    struct err e;

    r.findings = calloc(1, sizeof *r.findings);
    need(r.findings);
    r.findings[0] = (struct finding){.result = CHECK_PASS};
    text_copy(gpus[0].uuid, sizeof gpus[0].uuid, first->uuid);
    text_copy(r.findings[0].check, sizeof r.findings[0].check, first->check);
    gpu_figure(&r.findings[0], first->value / 2, 0, first->unit);
    need(gpu_baseline_compare(b, &r, &e) == ERR_OK);
    need(r.finding_count == 3);
    need(r.findings[1].result != CHECK_ERROR);
    for (size_t i = 0; i < r.finding_count; i++)
        need(isfinite(r.findings[i].floor));
    free(r.findings);
}

static void baseline_try(const char *bytes, size_t len)
{
    struct gpu_baseline b = {0}, again = {0};
    struct err e = {0};
    enum err_code rc = gpu_baseline_parse("f", bytes, len, &b, &e);
    STRBUF out = {0};

    if (rc) {
        refusal_check(rc, &e);
        need(!b.entries);
        return;
    }
    for (size_t i = 0; i < b.entry_count; i++)
        need(b.entries[i].value > 0 && b.entries[i].uuid[0] && b.entries[i].unit[0]);
    if (b.entry_count)
        compare_try(&b);
    strbuf_init(&out, HTTP_RESPONSE_BYTES_MAX);
    shape_encode(&gpu_baseline_shape, &b, &out);
    need(!out.failed);
    need(gpu_baseline_parse("f", out.data, out.len, &again, &e) == ERR_OK);
    need(again.entry_count == b.entry_count);
    shape_release(&gpu_baseline_shape, &b);
    shape_release(&gpu_baseline_shape, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size + 1);

    need(bytes);
    memcpy(bytes, data, size);
    bytes[size] = '\0';
    floors_try(bytes, size);
    baseline_try(bytes, size);
    free(bytes);
    return 0;
}
