/* The route table compiled into a tree of path segments: a literal segment wins over a
 * {parameter}. Finds a route; says nothing about who may use it. */
#include "api/http/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARAM_BYTES_MAX 64 /* of struct request, with NUL */

const char *const http_method_names[] = {"GET", "POST", "PATCH", "DELETE", NULL};

enum http_method method_parse(const char *name)
{
    if (strcmp(name, "HEAD") == 0)
        return HTTP_GET;
    for (int i = 0; i < HTTP_METHOD_COUNT; i++)
        if (strcmp(name, http_method_names[i]) == 0)
            return (enum http_method)i;
    return HTTP_METHOD_COUNT;
}

static struct route_node *node_new(const char *text, size_t len)
{
    struct route_node *n = calloc(1, sizeof *n);

    if (n) {
        n->text = text;
        n->len = len;
    }
    return n;
}

/* The node below `n` for one segment of a pattern; made when it is new. */
static struct route_node *node_below(struct route_node *n, const char *text, size_t len)
{
    struct route_node **link;

    if (text[0] == '{') {
        if (!n->param)
            n->param = node_new(NULL, 0);
        return n->param;
    }
    for (link = &n->child; *link; link = &(*link)->sibling)
        if ((*link)->len == len && memcmp((*link)->text, text, len) == 0)
            return *link;
    *link = node_new(text, len);
    return *link;
}

static enum err_code pattern_check(const struct route *r, struct err *e)
{
    int params = 0, segments = 0;

    if (!r->pattern || r->pattern[0] != '/' || r->method >= HTTP_METHOD_COUNT || !r->handle)
        return err_set(e, ERR_INVALID, "route '%s' needs a path, a method and a handler",
                       r->name ? r->name : "?");
    for (const char *p = r->pattern; *p; p++) {
        params += *p == '{';
        segments += *p == '/';
    }
    if (params > HTTP_PARAMS_MAX || segments > HTTP_SEGMENTS_MAX)
        return err_set(e, ERR_INVALID, "route '%s' has too many parts", r->pattern);
    return ERR_OK;
}

static enum err_code route_add(struct route_node *root, const struct route *r, struct err *e)
{
    struct route_node *n = root;
    enum err_code rc = pattern_check(r, e);

    if (rc)
        return rc;
    for (const char *p = r->pattern + 1; n;) {
        size_t len = strcspn(p, "/");

        n = node_below(n, p, len);
        if (p[len] == '\0')
            break;
        p += len + 1;
    }
    if (!n)
        return err_set(e, ERR_INTERNAL, "out of memory");
    if (n->routes[r->method])
        return err_set(e, ERR_INVALID, "route %s %s is there twice", http_method_names[r->method],
                       r->pattern);
    n->routes[r->method] = r;
    return ERR_OK;
}

/* "GET, HEAD, POST, OPTIONS" for each node where a path may end. */
static void tree_allow(struct route_node *n)
{
    char *at;

    for (; n; n = n->sibling) {
        at = n->allow;
        for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
            if (!n->routes[m])
                continue;
            at = stpcpy(at, http_method_names[m]);
            at = stpcpy(at, m == HTTP_GET ? ", HEAD, " : ", ");
        }
        if (at != n->allow)
            stpcpy(at, "OPTIONS");
        tree_allow(n->child);
        tree_allow(n->param);
    }
}

enum err_code route_tree_new(const struct route *routes, size_t count, struct route_node **out,
                             struct err *e)
{
    struct route_node *root = node_new("", 0);
    enum err_code rc = ERR_OK;

    if (!root)
        return err_set(e, ERR_INTERNAL, "out of memory");
    for (size_t i = 0; i < count && !rc; i++)
        rc = route_add(root, &routes[i], e);
    if (rc) {
        route_tree_free(root);
        return rc;
    }
    tree_allow(root);
    *out = root;
    return ERR_OK;
}

void route_tree_free(struct route_node *n)
{
    while (n) {
        struct route_node *next = n->sibling;

        route_tree_free(n->child);
        route_tree_free(n->param);
        free(n);
        n = next;
    }
}

/* Which segments of the path are parameters. */
struct captures {
    size_t index[HTTP_PARAMS_MAX];
    size_t count;
};

/* Tries the literal first and comes back for the parameter, so that "/jobs/{id}/log" is
 * found beside "/jobs/summary". The depth is that of the table. */
static const struct route_node *node_find(const struct route_node *n, const struct target *t,
                                          size_t i, struct captures *c)
{
    const struct route_node *found;

    if (i == t->segment_count)
        return n->allow[0] ? n : NULL;
    for (const struct route_node *k = n->child; k; k = k->sibling) {
        if (k->len != t->segment_lens[i] || memcmp(k->text, t->segments[i], k->len) != 0)
            continue;
        found = node_find(k, t, i + 1, c);
        if (found)
            return found;
        break;
    }
    if (!n->param || t->segment_lens[i] == 0 || c->count == HTTP_PARAMS_MAX)
        return NULL;
    c->index[c->count++] = i;
    found = node_find(n->param, t, i + 1, c);
    if (!found)
        c->count--;
    return found;
}

const struct route_node *route_find(const struct route_node *root, const struct target *t,
                                    char params[HTTP_PARAMS_MAX][64])
{
    struct captures c = {.count = 0};
    const struct route_node *n;

    if (t->segment_count == 0 || t->segment_count > HTTP_SEGMENTS_MAX)
        return NULL;
    n = node_find(root, t, 0, &c);
    for (size_t i = 0; n && i < c.count; i++) {
        size_t len = t->segment_lens[c.index[i]];

        if (len >= PARAM_BYTES_MAX)
            return NULL; /* longer than any id */
        memcpy(params[i], t->segments[c.index[i]], len);
        params[i][len] = '\0';
    }
    return n;
}
