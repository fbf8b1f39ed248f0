/* The user's own floors: what is in the file is checked as the table is by its test. */
#include <stdio.h>

#include "gpu/document.h"
#include "gpu/floor.h"

#define PCIE_GENERATION_MAX 8
#define PCIE_LANES_MAX      32

static const struct field floor_fields[] = {
    F_STRING(struct gpu_floor, model, FIELD_REQUIRED, 1, 0,
             "The GPU's name, exactly as hourglass-gpu list shows it."),
    F_STRING(struct gpu_floor, check, FIELD_REQUIRED, 1, 0, "The check whose figure it is for."),
    F_STRING(struct gpu_floor, unit, FIELD_REQUIRED, 1, 0, "The figure's unit."),
    F_NUMBER(struct gpu_floor, peak, FIELD_OMIT, 0, GPU_FIGURE_MAX, "What the maker promises."),
    F_NUMBER(struct gpu_floor, warn_below, FIELD_REQUIRED, 0, GPU_FIGURE_MAX,
             "Less than this is a warning."),
    F_NUMBER(struct gpu_floor, fail_below, FIELD_REQUIRED, 0, GPU_FIGURE_MAX,
             "Less than this is a failure."),
    F_INT(struct gpu_floor, pcie_generation, FIELD_OMIT, 0, PCIE_GENERATION_MAX,
          "Only in slots of this PCIe generation; 0: in any."),
    F_INT(struct gpu_floor, pcie_lanes, FIELD_OMIT, 0, PCIE_LANES_MAX,
          "Only in slots with so many lanes; 0: with any."),
    F_INT(struct gpu_floor, gpus_min, FIELD_OMIT, 0, GPUS_PER_INSTANCE_MAX,
          "Only in machines with at least so many GPUs."),
    F_STRING(struct gpu_floor, source, FIELD_OMIT, 0, 0, "Where the numbers are from."),
};
SHAPE(gpu_floor_shape, struct gpu_floor, "GpuFloor", "What one check of a model must reach.",
      floor_fields);

static const struct field floors_fields[] = {
    F_LIST(struct gpu_floors, floors, floor_count, FIELD_REQUIRED, &gpu_floor_shape, GPU_FLOORS_MAX,
           "The floors; they replace the built-in ones of the same model and check."),
};
SHAPE(gpu_floors_shape, struct gpu_floors, "GpuFloors", "Floors of GPU models.", floors_fields);

struct document {
    const char *name, *bytes;
    size_t len;
};

static enum err_code floor_check(const struct document *d, const struct gpu_floors *all, size_t i,
                                 struct err *e)
{
    const struct gpu_floor *f = &all->floors[i];
    char pointer[ERR_POINTER_MAX];

    snprintf(pointer, sizeof pointer, "/floors/%zu", i);
    if (!gpu_check_find(f->check))
        return gpu_document_refuse(d->name, d->bytes, d->len, pointer, e,
                                   "no check is called '%s'; see hourglass-gpu checks", f->check);
    if (f->fail_below <= 0 || f->fail_below >= f->warn_below)
        return gpu_document_refuse(d->name, d->bytes, d->len, pointer, e,
                                   "fail_below must be over 0 and under warn_below");
    if (f->peak && f->warn_below >= f->peak)
        return gpu_document_refuse(d->name, d->bytes, d->len, pointer, e,
                                   "warn_below must be under peak");
    for (size_t k = 0; k < i; k++) {
        if (gpu_floors_overlap(&all->floors[k], f))
            return gpu_document_refuse(d->name, d->bytes, d->len, pointer, e,
                                       "the same GPU and check as floor %zu of this file", k + 1);
    }
    return ERR_OK;
}

static enum err_code floors_check(const struct document *d, struct gpu_floors *all, struct err *e)
{
    enum err_code rc = ERR_OK;

    for (size_t i = 0; i < all->floor_count && !rc; i++) {
        struct gpu_floor *f = &all->floors[i];

        rc = floor_check(d, all, i, e);
        if (!f->source[0])
            text_copy(f->source, sizeof f->source, d->name);
    }
    return rc;
}

enum err_code gpu_floors_parse(const char *name, const char *bytes, size_t len,
                               struct gpu_floors *out, struct err *e)
{
    struct document d = {name, bytes, len};
    struct gpu_floors floors = {0};
    enum err_code rc = gpu_document_parse(name, bytes, len, &gpu_floors_shape, &floors, e);

    if (!rc)
        rc = floors_check(&d, &floors, e);
    if (rc)
        shape_release(&gpu_floors_shape, &floors);
    else
        *out = floors;
    return rc;
}

enum err_code gpu_floors_read(const char *path, struct gpu_floors *out, struct err *e)
{
    STRBUF bytes;
    enum err_code rc;

    strbuf_init(&bytes, GPU_FLOOR_FILE_BYTES_MAX);
    rc = gpu_document_load(path, &bytes, e);
    return rc ? rc : gpu_floors_parse(path, bytes.data, bytes.len, out, e);
}
