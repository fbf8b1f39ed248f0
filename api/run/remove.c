/* The end of a spool's files. They may be many and made by strangers, so it is done in the
 * background, by tree_remove(). */
#include "api/run/remove.h"

#include "api/run/limits.h"
#include "api/run/tree.h"

#define CGROUPS "/sys/fs/cgroup/"

enum err_code spool_remove_check(const char *dir, struct err *e)
{
    const char *name = strrchr(dir, '/');

    name = name ? name + 1 : dir;
    if (strncmp(name, SPOOL_TRASH, sizeof SPOOL_TRASH - 1) == 0)
        return ERR_OK;
    return err_set(e, ERR_INVALID, "'%s' was not put aside for removal", dir);
}

bool spool_remove(const char *dir)
{
    struct spool_status status = {.generation = 0};

    /* Left behind when its supervisor was killed. */
    if (!spool_load(dir, SPOOL_STATUS, &spool_status_shape, &status, NULL))
        for (size_t i = 0; i < status.cgroup_count; i++)
            if (strncmp(status.cgroups[i], CGROUPS, sizeof CGROUPS - 1) == 0)
                limits_group_remove(status.cgroups[i]);
    shape_release(&spool_status_shape, &status);
    return tree_remove(dir);
}
