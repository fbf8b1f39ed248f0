/* GPU slots of this machine: which there are, and which are free. A slot is taken while the
 * spool of an instance that is not over names it; nothing else is remembered. */
#include "api/engine/local.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"
#include "core/text.h"

#define LIST_MS_MAX           20000
#define LIST_BYTES_MAX        (1024 * 1024)
#define INFORMATION_BYTES_MAX 16384
#define SLOTS_MAX             1024
#define VIRTUAL_LABEL         "virtual"

/* Text of a member, "" when there is none. */
static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

/* It comes from a driver and is shown to people. */
static void clean_copy(char *out, size_t size, const char *text)
{
    STRBUF clean;

    strbuf_init(&clean, TEXT_BYTES_MAX);
    text_clean(&clean, text, strlen(text), TEXT_ONE_LINE);
    text_copy(out, size, clean.data);
}

/* N of /dev/nvidiaN, which need not be the driver's index: the kernel module says it for
 * each PCI address ("00000000:3B:00.0" there is "0000:3b:00.0" here). -1: not known. */
static int64_t device_of(const char *pci)
{
    static const char key[] = "Device Minor:";
    unsigned domain, bus, device, function;
    char path[128];
    const char *line;
    STRBUF text;

    strbuf_init(&text, INFORMATION_BYTES_MAX);
    if (sscanf(pci, "%8x:%2x:%2x.%1x", &domain, &bus, &device, &function) != 4)
        return -1;
    snprintf(path, sizeof path, "/proc/driver/nvidia/gpus/%04x:%02x:%02x.%x/information", domain,
             bus, device, function);
    if (file_read(path, &text, NULL))
        return -1;
    line = strstr(text.data, key);
    return line ? strtoll(line + sizeof key - 1, NULL, 10) : -1;
}

static bool slot_read(const json_t *gpu, struct spool_gpu *out)
{
    const json_t *index = json_object_get(gpu, "index");
    int64_t device = device_of(text_of(gpu, "pci"));

    if (!json_is_integer(index) || json_integer_value(index) < 0 ||
        json_integer_value(index) > UINT16_MAX || json_is_true(json_object_get(gpu, "is_virtual")))
        return false;
    *out = (struct spool_gpu){.index = json_integer_value(index)};
    out->device = device >= 0 && device <= UINT16_MAX ? device : out->index;
    clean_copy(out->label, sizeof out->label, text_of(gpu, "model"));
    clean_copy(out->uuid, sizeof out->uuid, text_of(gpu, "uuid"));
    return true;
}

/* {"gpus":[{"index","uuid","model","pci"}…], …} */
static size_t slots_read(const struct strbuf *text, struct spool_gpu *out, size_t max)
{
    json_t *tree = NULL, *list, *gpu;
    size_t i, count = 0;

    if (text->failed || json_parse(text->data, text->len, &tree, NULL))
        return 0;
    list = json_object_get(tree, "gpus");
    json_array_foreach(list, i, gpu)
    {
        if (count < max && slot_read(gpu, &out[count]))
            count++;
    }
    json_decref(tree);
    return count;
}

static size_t slots_real(struct engine_local *el, struct spool_gpu *out, size_t max)
{
    const char *argv[] = {el->gpu_program, "list", "-o", "json", NULL};
    STRBUF text;
    struct process p = {.argv = argv, .timeout_ms = LIST_MS_MAX, .out = &text};
    int status = 0;

    strbuf_init(&text, LIST_BYTES_MAX);
    if (!el->gpu_program[0] || process_run(&p, &status, NULL))
        return 0;
    return slots_read(&text, out, max);
}

enum err_code local_slots_find(struct engine_local *el, int64_t virtual_slots, struct err *e)
{
    struct engine_capacity *capacity = &el->capacity;

    el->slots = calloc(SLOTS_MAX, sizeof *el->slots);
    if (!el->slots)
        return err_set(e, ERR_INTERNAL, "out of memory");
    el->slot_count = slots_real(el, el->slots, SLOTS_MAX);
    capacity->gpus_are_virtual = el->slot_count == 0;
    for (size_t i = 0; capacity->gpus_are_virtual && i < SLOTS_MAX && (int64_t)i < virtual_slots;
         i++) {
        el->slots[i] = (struct spool_gpu){
            .index = (int64_t)i, .device = -1, .label = VIRTUAL_LABEL, .is_virtual = true};
        el->slot_count++;
    }
    capacity->gpu_slots = (int64_t)el->slot_count;
    text_copy(capacity->gpu_label, sizeof capacity->gpu_label,
              capacity->gpus_are_virtual ? VIRTUAL_LABEL : el->slots[0].label);
    return ERR_OK;
}

struct taken {
    bool *slots;    /* by place in el->slots */
    bool *user_ids; /* by distance from SPOOL_USER_ID_MIN */
};

/* Slots are free when the instance is over, user ids only when its files are gone. An
 * instance that never began keeps what it was given: it may begin any moment. */
static void taken_note(const struct engine_local *el, const struct local_view *v,
                       const struct taken *t)
{
    int64_t id = v->spec.user_id - SPOOL_USER_ID_MIN;

    if (id >= 0 && id < SPOOL_USER_ID_COUNT)
        t->user_ids[id] = true;
    if (v->state == ENGINE_ENDED || v->state == ENGINE_FAILED)
        return;
    for (size_t i = 0; i < v->spec.gpu_count; i++)
        for (size_t k = 0; k < el->slot_count; k++)
            if (el->slots[k].index == v->spec.gpus[i].index)
                t->slots[k] = true;
}

static enum err_code taken_find(struct engine_local *el, const char *but, const struct taken *t,
                                struct err *e)
{
    DIR *dir = opendir(el->root);
    struct dirent *entry;
    enum err_code rc = ERR_OK;

    if (!dir)
        return err_set(e, ERR_ENGINE, "cannot read '%s': %m", el->root);
    while (!rc && (entry = readdir(dir))) {
        LOCAL_VIEW v = {.state = ENGINE_ABSENT};

        if (!id_is(ID_INSTANCE, entry->d_name) || strcmp(entry->d_name, but) == 0)
            continue;
        rc = local_view_load(el, entry->d_name, &v, e);
        if (!rc)
            taken_note(el, &v, t);
    }
    closedir(dir);
    return rc;
}

static enum err_code slots_choose(const struct engine_local *el, const bool *taken, size_t want,
                                  struct spool_spec *spec, struct err *e)
{
    size_t left = 0;

    for (size_t i = 0; i < el->slot_count; i++)
        left += !taken[i];
    if (left < want)
        return err_set(e, ERR_NO_STOCK, "%zu GPU slots are asked for, %zu of %zu are free", want,
                       left, el->slot_count);
    free(spec->gpus);
    spec->gpu_count = 0;
    spec->gpus = calloc(want ? want : 1, sizeof *spec->gpus);
    if (!spec->gpus)
        return err_set(e, ERR_ENGINE, "out of memory");
    for (size_t i = 0; i < el->slot_count && spec->gpu_count < want; i++)
        if (!taken[i])
            spec->gpus[spec->gpu_count++] = el->slots[i];
    return ERR_OK;
}

/* An instance keeps its user id, which owns its files, for as long as it has files. */
static enum err_code user_choose(const bool *taken, struct spool_spec *spec, struct err *e)
{
    if (geteuid() != 0 || spec->user_id != 0)
        return ERR_OK;
    for (int64_t i = 1; i < SPOOL_USER_ID_COUNT; i++) /* the first is for trials */
        if (!taken[i]) {
            spec->user_id = SPOOL_USER_ID_MIN + i;
            return ERR_OK;
        }
    return err_set(e, ERR_NO_STOCK, "all user ids are taken");
}

enum err_code local_allocate(struct engine_local *el, int64_t gpu_count, struct spool_spec *spec,
                             struct err *e)
{
    bool *all = calloc(SLOTS_MAX + SPOOL_USER_ID_COUNT, sizeof *all);
    struct taken t;
    enum err_code rc;

    if (!all)
        return err_set(e, ERR_ENGINE, "out of memory");
    t = (struct taken){all, all + SLOTS_MAX};
    rc = taken_find(el, spec->id, &t, e);
    if (!rc)
        rc = slots_choose(el, t.slots, (size_t)gpu_count, spec, e);
    if (!rc)
        rc = user_choose(t.user_ids, spec, e);
    free(all);
    return rc;
}
