/* The rows, names and moves of a job. No rules beyond the state table and the shape of
 * what may be asked. */
#include "model/job.h"

#include <stdio.h>
#include <string.h>

#define SECONDS_PER_YEAR (365 * 24 * 3600)
#define BASE64_BYTES(n)  (4 * (((n) + 2) / 3))

const char *const job_state_names[] = {
#define X(id, name, moves) [id] = name,
    JOB_STATE_LIST(X)
#undef X
        [JOB_STATE_COUNT] = NULL};

const char *const job_reason_names[] = {
#define X(id, name) name,
    JOB_REASON_LIST(X)
#undef X
        NULL};

static const unsigned moves_from[JOB_STATE_COUNT] = {
#define TO(state)            (1u << JOB_##state)
#define X(id, name, allowed) [id] = allowed,
    JOB_STATE_LIST(X)
#undef X
#undef TO
};

bool job_may_move(enum job_state from, enum job_state to)
{
    if ((unsigned)from >= JOB_STATE_COUNT || (unsigned)to >= JOB_STATE_COUNT)
        return false;
    return moves_from[from] & (1u << to);
}

bool job_is_over(enum job_state state)
{
    return (unsigned)state < JOB_STATE_COUNT && !moves_from[state];
}

static const struct field env_entry_fields[] = {
    F_STRING(struct env_entry, name, FIELD_REQUIRED, 1, NAME_BYTES_MAX - 1,
             "Name of the variable: letters, digits and underscores, no digit first."),
    F_TEXT(struct env_entry, value, FIELD_REQUIRED, 0, JOB_ENV_VALUE_BYTES_MAX, "Its value."),
};
SHAPE(env_entry_shape, struct env_entry, "EnvEntry", "One environment variable of a job.",
      env_entry_fields);

static const struct field job_fields[] = {
    F_STRING(struct job, id, FIELD_REQUIRED, 1, 0, "Identifier of the job."),
    F_STRING(struct job, organization_id, 0, 0, 0, "The organization that pays."),
    F_STRING(struct job, project_id, 0, 0, 0, "The project it belongs to."),
    F_STRING(struct job, created_by, FIELD_OMIT, 0, 0, "The member who submitted it."),
    F_STRING(struct job, name, 0, 0, 0, "Name that people chose."),
    F_STRING(struct job, instance_id, FIELD_OMIT, 0, 0, "The instance where it runs."),
    F_BOOL(struct job, owns_instance, 0,
           "True when the instance was made for it and is deleted with it."),
    F_TEXT(struct job, command, 0, 0, JOB_COMMAND_BYTES_MAX, "The command, given to /bin/sh -c."),
    F_LIST(struct job, env, env_count, 0, &env_entry_shape, JOB_ENV_MAX,
           "Its environment variables."),
    F_INT(struct job, time_limit_seconds, FIELD_OMIT, 0, 0,
          "It is ended after so many seconds; left out when there is no limit."),
    F_ENUM(struct job, state, FIELD_REQUIRED, job_state_names, "Where it is in its life."),
    F_ENUM(struct job, state_reason, 0, job_reason_names, "Why it is in this state, for programs."),
    F_STRING(struct job, state_detail, FIELD_OMIT, 0, 0, "Why it is in this state, for people."),
    F_INT(struct job, exit_code, 0, 0, 0, "Its exit status; -1 until it exited."),
    F_INT(struct job, signal, FIELD_OMIT, 0, 0, "The signal that ended it, if one did."),
    F_INT(struct job, log_bytes, 0, 0, 0, "Bytes of output seen so far."),
    F_TIME(struct job, created_at, FIELD_OMIT, "When it was submitted."),
    F_TIME(struct job, started_at, FIELD_OMIT, "When its command began."),
    F_TIME(struct job, ended_at, FIELD_OMIT, "When it ended."),
    F_LIST(struct job, actions, action_count, 0, &action_shape, 1,
           "What may be asked of it now, and why not."),
    F_INT(struct job, version, 0, 0, 0, "Grows with every change; the ETag."),
};
SHAPE(job_shape, struct job, "Job", "A command that runs on an instance.", job_fields);

static const struct field job_create_fields[] = {
    F_STRING(struct job_create, name, FIELD_OMIT, 1, 0,
             "Name of the job; made from the command when left out."),
    F_STRING(struct job_create, instance_id, FIELD_OMIT, 1, 0,
             "Run on this instance; give this or offer_id."),
    F_STRING(struct job_create, offer_id, FIELD_OMIT, 1, 0,
             "Launch this offer for the job alone; give this or instance_id."),
    F_STRING(struct job_create, project_id, FIELD_OMIT, 1, 0,
             "The project it belongs to; the key's own when left out."),
    F_TEXT(struct job_create, command, FIELD_REQUIRED, 1, JOB_COMMAND_BYTES_MAX,
           "The command, given to /bin/sh -c."),
    F_LIST(struct job_create, env, env_count, FIELD_OMIT, &env_entry_shape, JOB_ENV_MAX,
           "Environment variables."),
    F_INT(struct job_create, time_limit_seconds, FIELD_OMIT, 1, SECONDS_PER_YEAR,
          "End it after so many seconds; required with offer_id, because it bounds the cost."),
    F_BOOL(struct job_create, network, FIELD_OMIT,
           "Whether the instance made for it may reach the network; only with offer_id."),
};
SHAPE(job_create_shape, struct job_create, "JobCreate",
      "A job to run; also the form of a job file.", job_create_fields);

static const struct field log_event_fields[] = {
    F_INT(struct log_event, offset, FIELD_REQUIRED, 0, INT64_MAX,
          "Position of the first byte in the whole log."),
    F_STRING(struct log_event, stream, FIELD_REQUIRED, 1, 0, "stdout or stderr."),
    F_TEXT(struct log_event, b64, FIELD_REQUIRED, 0, BASE64_BYTES(LOG_CHUNK_BYTES_MAX),
           "The bytes, in base64."),
};
SHAPE(log_event_shape, struct log_event, "LogEvent", "One piece of a log.", log_event_fields);

static bool env_name_is_valid(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    return name[0] && !(name[0] >= '0' && name[0] <= '9') && name[strspn(name, allowed)] == '\0';
}

static bool env_has(const struct job_create *j, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(j->env[i].name, name) == 0)
            return true;
    return false;
}

static void env_check(const struct job_create *j, struct err *e)
{
    char pointer[ERR_POINTER_MAX];

    for (size_t i = 0; i < j->env_count; i++) {
        const char *name = j->env[i].name;

        snprintf(pointer, sizeof pointer, "/env/%zu/name", i);
        if (!env_name_is_valid(name))
            err_detail(e, pointer, "bad_name",
                       "'%s' is not a variable; expected letters, digits, '_', no digit first",
                       name);
        else if (env_has(j, i, name))
            err_detail(e, pointer, "duplicate", "variable '%s' occurs twice; expected it once",
                       name);
    }
}

enum err_code job_create_check(const struct job_create *j, struct err *e)
{
    struct err own; /* mistakes are counted in it, so there must be one */
    bool has_offer = j->offer_id[0], has_instance = j->instance_id[0];

    err_clear(&own);
    if (has_offer && has_instance)
        err_detail(&own, "/instance_id", "conflict",
                   "both instance_id and offer_id are given; expected one of them");
    if (!has_offer && !has_instance)
        err_detail(&own, "", "required", "expected instance_id or offer_id: where it is to run");
    if (has_offer && j->time_limit_seconds == 0)
        err_detail(&own, "/time_limit_seconds", "required",
                   "expected time_limit_seconds with offer_id: it bounds the cost");
    if (j->network && !has_offer)
        err_detail(&own, "/network", "conflict",
                   "network belongs to the instance; expected it with offer_id only");
    env_check(j, &own);
    if (own.detail_count == 0)
        return ERR_OK;
    own.code = ERR_INVALID;
    text_copy(own.msg, sizeof own.msg, own.details[0].text);
    if (e)
        *e = own;
    return ERR_INVALID;
}
