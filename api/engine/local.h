/* Private to the engine `local`: this machine, one spool directory per instance and job
 * (model/spool.h), each supervised by a hourglass-run of its own. Everything the engine
 * knows is in the spools, so it can be closed and opened at any time. local.c opens and
 * lists, local_check.c runs checks, local_gpu.c finds and gives out slots, local_view.c reads
 * spools, local_instance.c and local_job.c do the work, local_output.c reads output. */
#ifndef API_ENGINE_LOCAL_H
#define API_ENGINE_LOCAL_H

#include <pthread.h>

#include "api/engine/engine.h"
#include "core/id.h"
#include "model/spool.h"

struct engine_local {
    struct engine base;
    struct clock *clock;
    char root[SPOOL_PATH_BYTES_MAX]; /* <state_dir>/local */
    char run_program[SPOOL_PATH_BYTES_MAX];
    char gpu_program[SPOOL_PATH_BYTES_MAX]; /* "" none */
    struct spool_gpu *slots;
    size_t slot_count;
    struct engine_capacity capacity;
    char node[NAME_BYTES_MAX]; /* the name of this machine when its spool was made */
    bool is_draining;          /* with the lock held; told anew after each start */
    int root_fd;               /* of root, for addresses of sockets */
    pthread_mutex_t mutex;     /* see local_lock() */
    int lock_fd;
};

static inline struct engine_local *local_from(struct engine *en)
{
    return CONTAINER_OF(en, struct engine_local, base);
}

/* Held while spools are made, stopped or removed, so that no slot is given out twice: against
 * other threads, and against another process on the same spool. */
void local_lock(struct engine_local *el);
void local_unlock(struct engine_local *el);

/* What a spool says about itself. */
struct local_view {
    char dir[SPOOL_PATH_BYTES_MAX];
    enum engine_state state;
    char detail[TEXT_BYTES_MAX];
    bool has_spec, has_status, has_end; /* of the present generation */
    int64_t alive_at_ms;
    struct spool_spec spec;
    struct spool_status status;
    struct spool_end end;
};

/* Read it. Whatever is in the spool, also damage, becomes a state; only when it cannot be
 * read at all is there an error. Release with local_view_release(). Errors: ERR_ENGINE. */
enum err_code local_view_load(struct engine_local *el, const char *id, struct local_view *out,
                              struct err *e) MUST_CHECK;
void local_view_release(struct local_view *v);
#define LOCAL_VIEW CLEANUP(local_view_release) struct local_view

/* It has ended for good, or never began: nothing of it runs. */
bool local_view_is_over(const struct local_view *v);

/* Run hourglass-run to the point where it has gone into the background. `option` may be
 * NULL. Errors: ERR_ENGINE with what it said. */
enum err_code local_run(struct engine_local *el, const char *option, const char *dir,
                        struct err *e) MUST_CHECK;

/* Ask hourglass-gpu what is there, else make virtual slots. Errors: ERR_INTERNAL. */
enum err_code local_slots_find(struct engine_local *el, int64_t virtual_slots,
                               struct err *e) MUST_CHECK;

/* Choose slots and a user id that no other instance has; call with the lock held. The
 * spec's own are given up first. Errors: ERR_NO_STOCK, ERR_ENGINE. */
enum err_code local_allocate(struct engine_local *el, int64_t gpu_count, struct spool_spec *spec,
                             struct err *e) MUST_CHECK;

/* Read the name of this machine from the spool, or write it there: a machine keeps its name here
 * even when it gets another. Errors: ERR_ENGINE. */
enum err_code local_node_name(struct engine_local *el, struct err *e) MUST_CHECK;
/* With the lock held, before GPUs are given out: end checks of idle GPUs. Errors: ERR_ENGINE one is
 * still ending: try again. */
enum err_code local_checks_end(struct engine_local *el, struct err *e) MUST_CHECK;
/* With the lock held: forget the checks of an instance that goes, best effort. */
void local_checks_forget(struct engine_local *el, const char *instance_id);
/* Old checks that nobody asked about. */
void local_checks_trim(struct engine_local *el);

/* engine_ops */
enum err_code local_provision(struct engine *en, const struct engine_provision *p, struct err *e);
enum err_code local_describe(struct engine *en, const char *instance_id,
                             struct engine_instance *out, struct err *e);
enum err_code local_stop(struct engine *en, const char *instance_id, bool now, struct err *e);
enum err_code local_remove(struct engine *en, const char *instance_id, struct err *e);
enum err_code local_login_socket(struct engine *en, const char *instance_id, char *path,
                                 size_t size, struct err *e);
enum err_code local_job_start(struct engine *en, const struct engine_job_start *j, struct err *e);
enum err_code local_job_describe(struct engine *en, const char *job_id, struct engine_job *out,
                                 struct err *e);
enum err_code local_job_cancel(struct engine *en, const char *job_id, struct err *e);
enum err_code local_job_output(struct engine *en, const char *job_id, int64_t offset,
                               size_t len_max, struct strbuf *out, struct engine_output *info,
                               struct err *e);
int local_job_watch(struct engine *en, const char *job_id);
enum err_code local_check(struct engine *en, const struct engine_check *c, struct err *e);
enum err_code local_check_describe(struct engine *en, const char *check_id,
                                   struct engine_check_state *out, struct err *e);
enum err_code local_check_remove(struct engine *en, const char *check_id, struct err *e);
enum err_code local_gate_report(struct engine *en, const char *instance_id, struct report *out,
                                struct err *e);
enum err_code local_node_list(struct engine *en, struct engine_node **out, size_t *count,
                              struct err *e);
enum err_code local_node_drain(struct engine *en, const char *node, const char *reason,
                               struct err *e);
enum err_code local_node_resume(struct engine *en, const char *node, struct err *e);

/* Stop or call off what the view shows; also for jobs. Errors: ERR_ENGINE. */
enum err_code local_view_stop(struct engine_local *el, struct local_view *v, int signal,
                              struct err *e) MUST_CHECK;

#endif
