/* What holds an instance to its processors, memory and number of processes: a cgroup v2
 * group if one can be made, else v1 groups, else only the rlimits set inside the sandbox.
 * An instance has a group, and its sandbox and each of its jobs a leaf in it. */
#ifndef API_RUN_LIMITS_H
#define API_RUN_LIMITS_H

#include "core/base.h"
#include "core/limits.h"
#include "model/spool.h"

struct limits_want {
    const char *instance_id;
    const char *leaf; /* the id of a job, or of the instance for its own sandbox */
    int64_t vcpu_count, memory_gib, process_count_max;
};

#define LIMITS_JOIN_MAX 3
struct limits {
    char kind[SLUG_BYTES_MAX];                      /* "cgroup2", "cgroup1", "rlimit" */
    char groups[SPOOL_CGROUPS_MAX][TEXT_BYTES_MAX]; /* made or used, innermost first */
    size_t group_count;
    char leaves[LIMITS_JOIN_MAX][TEXT_BYTES_MAX]; /* to enter */
    size_t leaf_count;
    char events[TEXT_BYTES_MAX]; /* the file that counts memory kills; "" none */
};

/* Where the kernel shows its groups; other folders in tests. */
struct limits_place {
    const char *root; /* "/sys/fs/cgroup" */
    const char *self; /* "/proc/self/cgroup" */
};
extern const struct limits_place limits_place_real;

/* Make the groups, or the best there can be; never fails. */
void limits_make(const struct limits_place *place, const struct limits_want *want,
                 struct limits *out);

/* Move this process, and with it all that it starts, into the leaves. False: not all of
 * them would have it. */
bool limits_enter(const struct limits *l);

/* See in a child process that they can be entered; else they are removed and `l` is of
 * rlimits only. */
void limits_try(struct limits *l);

/* Processes of the leaf killed for memory. */
int64_t limits_memory_kills(const struct limits *l);

/* Remove what is empty by now; with `leaves` also what dead jobs left in the groups, which
 * only an instance may do, when no job can start any more. */
void limits_remove(const struct limits *l, bool leaves);
/* Remove the empty groups in a group, and it. */
void limits_group_remove(const char *group);

#endif
