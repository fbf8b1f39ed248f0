/* The end of a spool's files. They may be many and made by strangers, so it is done in the
 * background, by tree_remove(). */
#include "api/run/remove.h"

#include <dirent.h>
#include <unistd.h>

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

/* Left behind when its supervisor was killed. */
static void groups_remove(const char *dir)
{
    struct spool_status status = {.generation = 0};

    if (!spool_load(dir, SPOOL_STATUS, &spool_status_shape, &status, NULL))
        for (size_t i = 0; i < status.cgroup_count; i++)
            if (strncmp(status.cgroups[i], CGROUPS, sizeof CGROUPS - 1) == 0)
                rmdir(status.cgroups[i]);
    shape_release(&spool_status_shape, &status);
}

bool spool_remove(const char *dir)
{
    char jobs[SPOOL_PATH_BYTES_MAX], job[SPOOL_PATH_BYTES_MAX];
    DIR *list = spool_path(jobs, dir, SPOOL_JOBS, NULL) ? NULL : opendir(jobs);
    struct dirent *entry;

    /* The groups of jobs are inside that of the instance. */
    while (list && (entry = readdir(list)))
        if (strncmp(entry->d_name, SPOOL_TRASH, sizeof SPOOL_TRASH - 1) == 0 &&
            !spool_path(job, jobs, entry->d_name, NULL))
            groups_remove(job);
    if (list)
        closedir(list);
    groups_remove(dir);
    return tree_remove(dir);
}
