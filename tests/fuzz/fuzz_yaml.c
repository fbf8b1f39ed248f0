/* Any bytes as a YAML file: parsed, decoded, located, written. What was accepted must be
 * written so that it reads back to the same tree. */
#include <stdlib.h>
#include <string.h>

#include "core/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pair {
    char name[16];
    char *value;
};

struct task {
    char name[24];
    char *command;
    int64_t gpus;
    double hours;
    struct pair *env;
    size_t env_count;
};

static const struct field pair_fields[] = {
    F_STRING(struct pair, name, FIELD_REQUIRED, 1, 0, ""),
    F_TEXT(struct pair, value, 0, 0, 100, ""),
};
static SHAPE(pair_shape, struct pair, "Pair", "", pair_fields);

static const struct field task_fields[] = {
    F_STRING(struct task, name, FIELD_REQUIRED, 1, 0, ""),
    F_TEXT(struct task, command, 0, 0, 1000, ""),
    F_INT(struct task, gpus, 0, 1, 8, ""),
    F_NUMBER(struct task, hours, 0, 0, 100, ""),
    F_LIST(struct task, env, env_count, 0, &pair_shape, 8, ""),
};
static SHAPE(task_shape, struct task, "Task", "", task_fields);

static void need(bool held)
{
    if (!held)
        abort();
}

static void check_written(const json_t *tree)
{
    struct yaml_doc *again = NULL;
    STRBUF out = {0};
    struct err e;

    strbuf_init(&out, HTTP_RESPONSE_BYTES_MAX);
    yaml_write(tree, &out);
    need(!out.failed);
    if (out.len > YAML_BYTES_MAX)
        return;
    need(yaml_parse("again", out.data, out.len, &again, &e) == ERR_OK);
    need(json_equal(yaml_root(again), tree));
    yaml_doc_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml_doc *d = NULL;
    struct task t = {0};
    struct err e = {0};

    if (yaml_parse("f", (const char *)data, size, &d, &e)) {
        need(strncmp(e.msg, "f:", 2) == 0);
        return 0;
    }
    if (yaml_decode(d, &task_shape, &t, &e))
        need(e.detail_count > 0 && strncmp(e.msg, "f:", 2) == 0);
    shape_release(&task_shape, &t);
    check_written(yaml_root(d));
    yaml_doc_free(d);
    return 0;
}
