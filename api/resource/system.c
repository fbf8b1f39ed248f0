/* The service about itself: alive, ready, metrics, its own description. */
#include "api/resource/resource.h"

#include <stdlib.h>
#include <string.h>

enum err_code livez_route(struct request *req, struct response *resp, struct err *e)
{
    UNUSED(req);
    UNUSED(e);
    strbuf_adds(&resp->body, "{\"status\":\"ok\",\"version\":\"" HOURGLASS_VERSION "\"}");
    return ERR_OK;
}

enum err_code readyz_route(struct request *req, struct response *resp, struct err *e)
{
    struct service *sv = app_service(req);
    struct engine_capacity c;
    enum err_code rc = store_ping(sv->store, e);

    if (rc)
        return rc;
    if (sv->engine) {
        rc = sv->engine->ops->capacity(sv->engine, &c, e);
        if (rc)
            return err_wrap(e, ERR_ENGINE, "engine '%s'", sv->engine->ops->name);
    }
    strbuf_addf(&resp->body, "{\"status\":\"ready\",\"engine\":\"%s\"}",
                sv->engine ? sv->engine->ops->name : "none");
    return ERR_OK;
}

enum err_code openapi_route(struct request *req, struct response *resp, struct err *e)
{
    UNUSED(req);
    UNUSED(e);
    openapi_write(api_routes, api_routes_count, &resp->body);
    return ERR_OK;
}

/* --- metrics (Prometheus text format 0.0.4) ----------------------------------------------------
 */

static void metric(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void metrics_http(const struct http_stats *s, struct strbuf *out)
{
    metric(out, "hourglass_http_requests_total", "counter", "Answers by class of status.");
    for (int i = 1; i < 6; i++)
        strbuf_addf(out, "hourglass_http_requests_total{class=\"%dxx\"} %lld\n", i,
                    (long long)s->requests[i]);
    metric(out, "hourglass_http_in_flight", "gauge", "Requests being answered.");
    strbuf_addf(out, "hourglass_http_in_flight %lld\n", (long long)s->in_flight);
    metric(out, "hourglass_http_streams", "gauge", "Open event streams and followed logs.");
    strbuf_addf(out, "hourglass_http_streams %lld\n", (long long)s->streams);
    metric(out, "hourglass_http_connections", "gauge", "Open connections.");
    strbuf_addf(out, "hourglass_http_connections %lld\n", (long long)s->connections);
    metric(out, "hourglass_http_refused_total", "counter", "Requests over a limit.");
    strbuf_addf(out, "hourglass_http_refused_total %lld\n", (long long)s->refused_limits);
}

static void metrics_store(const struct store_stats *s, struct strbuf *out)
{
    metric(out, "hourglass_store_commits_total", "counter", "Durable commits.");
    strbuf_addf(out, "hourglass_store_commits_total %lld\n", (long long)s->commits);
    metric(out, "hourglass_store_calls_total", "counter", "Write calls in those commits.");
    strbuf_addf(out, "hourglass_store_calls_total %lld\n", (long long)s->calls);
    metric(out, "hourglass_store_retries_total", "counter",
           "Calls run again after a failed commit.");
    strbuf_addf(out, "hourglass_store_retries_total %lld\n", (long long)s->retries);
    metric(out, "hourglass_store_queue", "gauge", "Write calls waiting.");
    strbuf_addf(out, "hourglass_store_queue %lld\n", (long long)s->queue_len);
}

struct counts_read {
    int64_t by_state[INSTANCE_STATE_COUNT];
    struct pool_row *pools;
    size_t pool_count;
};

static enum err_code counts_read(struct tx *tx, void *ctx, struct err *e)
{
    struct counts_read *c = ctx;
    enum err_code rc = row_instance_count_by_state(tx, "", c->by_state, e);

    return rc ? rc : row_pool_list(tx, &c->pools, &c->pool_count, e);
}

enum err_code metrics_route(struct request *req, struct response *resp, struct err *e)
{
    struct counts_read c = {0};
    struct http_server *server = app_server(req);
    struct http_stats h = {0};
    struct store_stats s = {0};
    struct strbuf *out = &resp->body;
    enum err_code rc = store_read(app_service(req)->store, counts_read, &c, e);

    if (rc)
        return rc;
    if (server) /* not yet, for the first requests of all */
        http_stats(server, &h);
    store_stats(app_service(req)->store, &s);
    metric(out, "hourglass_build_info", "gauge", "The version that runs.");
    strbuf_adds(out, "hourglass_build_info{version=\"" HOURGLASS_VERSION "\"} 1\n");
    metrics_http(&h, out);
    metrics_store(&s, out);
    metric(out, "hourglass_instances", "gauge", "Instances by state.");
    for (int i = 0; i < INSTANCE_STATE_COUNT; i++)
        strbuf_addf(out, "hourglass_instances{state=\"%s\"} %lld\n", instance_state_names[i],
                    (long long)c.by_state[i]);
    metric(out, "hourglass_pool_units", "gauge", "Units of stock.");
    for (size_t i = 0; i < c.pool_count; i++)
        strbuf_addf(out,
                    "hourglass_pool_units{pool=\"%s\",kind=\"capacity\"} %lld\n"
                    "hourglass_pool_units{pool=\"%s\",kind=\"used\"} %lld\n",
                    c.pools[i].name, (long long)c.pools[i].capacity_units, c.pools[i].name,
                    (long long)c.pools[i].used_units);
    free(c.pools);
    resp->content_type = "text/plain; version=0.0.4";
    return ERR_OK;
}
