/* Instances: launch (or estimate), look, change, act, log in. */
#include "api/resource/app_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

GET_ROUTE(instance, instance, out.version)
LIST_ROUTE(instance, instance, instance_state_names)

static enum err_code estimate_read(struct tx *tx, void *ctx, struct err *e)
{
    struct read_call *r = ctx;

    return instance_estimate(r->sv, tx, r->by, r->req->in, r->out, e);
}

enum err_code instance_create_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct instance out = {0};
    enum err_code rc;

    if (req->dry_run) {
        struct estimate est = {0};
        struct read_call r = {.out = &est};

        rc = read_run(req, &r, estimate_read, e);
        if (!rc)
            answer_object(req, resp, &estimate_shape, &est, 0);
        return rc;
    }
    rc = instance_launch(app_service(req), w->tx, app_actor(req), req->in, &out, e);
    if (rc)
        return rc;
    answer_location(req, resp, out.id);
    answer_object(req, resp, &instance_shape, &out, out.version);
    return ERR_OK;
}

enum err_code instance_patch_route(struct request *req, struct response *resp, struct err *e)
{
    struct write_context *w = req->tx;
    struct instance_patch in = {0};
    struct instance out = {0};
    uint64_t present;
    int64_t version;
    enum err_code rc = if_match_version(req, &version, e);

    if (!rc)
        rc = shape_patch(&instance_patch_shape, req->in_json, &in, &present, e);
    if (!rc && !present)
        rc = err_set(e, ERR_INVALID, "nothing to change: expected name or deadline_at");
    if (!rc)
        rc = instance_update(app_service(req), w->tx, app_actor(req), req->params[0], version, &in,
                             present, &out, e);
    if (!rc)
        answer_object(req, resp, &instance_shape, &out, out.version);
    return rc;
}

static enum err_code act(struct request *req, struct response *resp, enum instance_action action,
                         struct err *e)
{
    struct write_context *w = req->tx;
    struct instance out = {0};
    int64_t version;
    enum err_code rc = if_match_version(req, &version, e);

    if (!rc)
        rc = instance_act(app_service(req), w->tx, app_actor(req), req->params[0], version, action,
                          &out, e);
    if (!rc)
        answer_object(req, resp, &instance_shape, &out, out.version);
    return rc;
}

/* A field of the check in the body of another action says something that would not be done. */
static enum err_code others_refuse(const struct request *req, struct err *e)
{
    static const char *const own[] = {"tier", "disturb"};
    char pointer[ERR_POINTER_MAX];

    for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
        if (!json_object_get(req->in_json, own[i]))
            continue;
        snprintf(pointer, sizeof pointer, "/%s", own[i]);
        err_set(e, ERR_INVALID, "'%s' belongs to the action check", own[i]);
        err_detail(e, pointer, "unknown_field", "%s", "it belongs to the action check");
        return ERR_INVALID;
    }
    return ERR_OK;
}

enum err_code instance_act_route(struct request *req, struct response *resp, struct err *e)
{
    const struct instance_act *in = req->in;
    struct write_context *w = req->tx;
    struct instance out = {0};
    enum tier tier = json_object_get(req->in_json, "tier") ? in->tier : TIER_QUICK;
    int64_t version;
    enum err_code rc = ERR_OK;

    if (in->action != INSTANCE_CHECK) {
        rc = others_refuse(req, e);
        return rc ? rc : act(req, resp, in->action, e);
    }
    rc = if_match_version(req, &version, e);
    if (!rc)
        rc = instance_check(app_service(req), w->tx, app_actor(req), req->params[0], version, tier,
                            in->disturb, &out, e);
    if (!rc)
        answer_object(req, resp, &instance_shape, &out, out.version);
    return rc;
}

enum err_code instance_delete_route(struct request *req, struct response *resp, struct err *e)
{
    return act(req, resp, INSTANCE_DELETE, e);
}

/* --- log in --------------------------------------------------------------------------------- */

static enum err_code login_connect(const char *path, int *out, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd;

    if (!text_copy(a.sun_path, sizeof a.sun_path, path))
        return err_set(e, ERR_INTERNAL, "the login socket's path is too long");
    /* Never waits: this is a thread that serves others too. */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(e, ERR_BUSY, "no socket for the login: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
        bool full = errno == EAGAIN;

        close(fd);
        return full ? err_set(e, ERR_BUSY, "the instance has many logins under way; try again")
                    : err_set(e, ERR_CONFLICT, "the instance takes no logins");
    }
    *out = fd;
    return ERR_OK;
}

/* Who is logged in stays no longer than the key that let him in. */
struct login_guard {
    struct http_guard base;
    struct app *app;
    struct auth_watch auth;
};

static bool login_holds(struct http_guard *base)
{
    struct login_guard *g = CONTAINER_OF(base, struct login_guard, base);

    return auth_watch_holds(g->app, &g->auth, ACTION_INSTANCE_LOGIN);
}

static void login_free(struct http_guard *base)
{
    free(CONTAINER_OF(base, struct login_guard, base));
}

static enum err_code login_guard(const struct request *req, struct http_guard **out, struct err *e)
{
    struct login_guard *g = calloc(1, sizeof *g);

    if (!g)
        return err_set(e, ERR_INTERNAL, "out of memory");
    g->base = (struct http_guard){.holds = login_holds, .free = login_free};
    g->app = app_of(req);
    g->auth.by = *app_actor(req);
    *out = &g->base;
    return ERR_OK;
}

enum err_code instance_tunnel_route(struct request *req, struct response *resp, struct err *e)
{
    struct service *sv = app_service(req);
    struct instance in = {0};
    struct read_call r = {.out = &in};
    char path[URL_BYTES_MAX];
    enum err_code rc = read_run(req, &r, instance_get_read, e);

    if (rc)
        return rc;
    if (in.state != INSTANCE_RUNNING)
        rc = err_set(e, ERR_CONFLICT, "instance '%s' is %s: log in when it is running", in.name,
                     instance_state_names[in.state]);
    else if (!in.ssh_public_key[0])
        rc = err_set(e, ERR_CONFLICT, "instance '%s' was launched without an SSH key", in.name);
    else if (!sv->engine)
        rc = err_set(e, ERR_ENGINE, "no engine is connected");
    else
        rc = sv->engine->ops->login_socket(sv->engine, in.id, path, sizeof path, e);
    shape_release(&instance_shape, &in);
    if (!rc)
        rc = login_guard(req, &resp->guard, e);
    return rc ? rc : login_connect(path, &resp->tunnel_fd, e);
}
