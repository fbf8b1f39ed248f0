/* One fixture for every engine: opened on a folder of its own, with words for what the
 * tests want to happen. What `local` runs as a shell command, `sim` is told in a plan. */
#ifndef TESTS_SUPPORT_FX_ENGINE_H
#define TESTS_SUPPORT_FX_ENGINE_H

#include "tests/support/t.h"

#include "api/engine/sim.h"
#include "core/clock.h"
#include "core/id.h"

struct fixture {
    const char *name;
    struct engine *en;
    const char *state_dir;
    struct clock_test hands; /* of sim */
    struct engine_config config;
    struct err err;
    char ins[ID_MAX], other[ID_MAX], third[ID_MAX];
    char job[ID_MAX], job2[ID_MAX];
};

/* What a job does. */
struct act {
    const char *command; /* local */
    struct sim_job_plan plan;
};

/* cmocka's setup: the test's initial state is the engine's name. */
int fxe_setup(void **state);
int fxe_teardown(void **state);

bool fxe_is_sim(const struct fixture *fx);
/* skip() when this machine cannot make sandboxes. */
void fxe_need(const struct fixture *fx);
#define FIXTURE(fx)              \
    struct fixture *fx = *state; \
    fxe_need(fx)

/* Let a moment pass: 10 ms. */
void fxe_tick(struct fixture *fx);
struct engine_instance fxe_describe(struct fixture *fx, const char *id);
struct engine_job fxe_job_describe(struct fixture *fx, const char *id);
/* Wait for it, at most a number of seconds; fails when it becomes something final else. */
struct engine_instance fxe_await(struct fixture *fx, const char *id, enum engine_state state);
struct engine_job fxe_job_await(struct fixture *fx, const char *id, enum engine_state state);

/* Provision with one GPU slot, and wait until it is ready. */
void fxe_launch(struct fixture *fx, const char *id);
enum err_code fxe_provision(struct fixture *fx, const char *id, int64_t gpus);
enum err_code fxe_job_start(struct fixture *fx, const char *job, const char *ins,
                            const struct act *act);
/* Start with a limit of time and of output (0: none). */
enum err_code fxe_job_start_limited(struct fixture *fx, const char *job, const char *ins,
                                    const struct act *act, int64_t seconds, int64_t log_bytes);
/* Stop and wait for its end. */
void fxe_stop(struct fixture *fx, const char *id);

/* All output of one or both streams (want: 0 out, 1 errors, 2 both). Caller releases. */
void fxe_output(struct fixture *fx, const char *job, int want, struct strbuf *out);
/* Wait until the output has this text. */
void fxe_await_output(struct fixture *fx, const char *job, const char *text);

/* Processes of this machine whose command line has this text, and waiting for a number. */
int fxe_processes_with(const char *text);
void fxe_await_processes(struct fixture *fx, const char *text, int want);

/* <state_dir>/local/<id>/<file>; the text lives until the next call but three. */
const char *fxe_path(struct fixture *fx, const char *id, const char *file);
/* Close and open again on the same folder. */
void fxe_reopen(struct fixture *fx);
/* Write a program (shell) that stands in for hourglass-gpu. */
void fxe_gpu_program(struct fixture *fx, const char *script);

#endif
