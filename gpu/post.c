/* POST by libcurl, found with dlopen. */
#include "gpu/post.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"

#define CONNECT_MS_MAX   5000L
#define REQUEST_MS_MAX   20000L
#define ANSWER_BYTES_MAX (2 * 1024 * 1024)

/* Only the header's types and numbers are used; the library comes later or never. */
struct post_library {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*setopt)(CURL *easy, CURLoption option, ...);
    CURLcode (*perform)(CURL *easy);
    CURLcode (*getinfo)(CURL *easy, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *easy);
    const char *(*strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
};

static const struct {
    size_t offset;
    const char *symbol;
} symbols[] = {
    {offsetof(struct post_library, global_init), "curl_global_init"},
    {offsetof(struct post_library, easy_init), "curl_easy_init"},
    {offsetof(struct post_library, setopt), "curl_easy_setopt"},
    {offsetof(struct post_library, perform), "curl_easy_perform"},
    {offsetof(struct post_library, getinfo), "curl_easy_getinfo"},
    {offsetof(struct post_library, easy_cleanup), "curl_easy_cleanup"},
    {offsetof(struct post_library, strerror), "curl_easy_strerror"},
    {offsetof(struct post_library, slist_append), "curl_slist_append"},
    {offsetof(struct post_library, slist_free_all), "curl_slist_free_all"},
};

/* --- options --------------------------------------------------------------------------- */

static const char *given(const char *option, const char *variable)
{
    const char *value = option ? option : getenv(variable);

    return value ? value : "";
}

/* Only letters that no two parsers of addresses read differently. */
static bool host_is_plain(const char *host, size_t len)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-:[]";

    for (size_t i = 0; i < len; i++)
        if (!strchr(letters, host[i]))
            return false;
    return len > 0;
}

static bool host_is_here(const char *host, size_t len)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        size_t n = strlen(names[i]);

        if (len >= n && strncmp(host, names[i], n) == 0 && (len == n || host[n] == ':'))
            return true;
    }
    return false;
}

static enum err_code web_take(struct post *p, const char *text, struct err *e)
{
    bool secure = strncmp(text, "https://", 8) == 0;
    const char *host = text + (secure ? 8 : 7);
    size_t len = strcspn(host, "/");
    size_t end;

    if (!secure && strncmp(text, "http://", 7) != 0)
        return err_set(e, ERR_INVALID, "'%s': expected https://, http:// or unix:PATH", text);
    if (!host_is_plain(host, len) || strpbrk(host, "?#@ \\%"))
        return err_set(e, ERR_INVALID, "'%s': expected no more than a host, a port and a path",
                       text);
    if (!secure && !host_is_here(host, len))
        return err_set(e, ERR_INVALID, "'%s': a key is sent beyond this machine by https only",
                       text);
    text_copy(p->url, sizeof p->url, text);
    for (end = strlen(p->url); end && p->url[end - 1] == '/'; end--)
        p->url[end - 1] = '\0';
    return ERR_OK;
}

static enum err_code server_take(struct post *p, const char *text, struct err *e)
{
    if (!text[0])
        return err_set(e, ERR_INVALID, "say where to report to: --server, or HOURGLASS_URL");
    if (!text_copy(p->name, sizeof p->name, text))
        return err_set(e, ERR_INVALID, "the server's address is too long");
    if (strncmp(text, "unix:", 5) != 0)
        return web_take(p, text, e);
    if (text[5] != '/')
        return err_set(e, ERR_INVALID, "'%s': expected unix: and an absolute path", text);
    text_copy(p->socket_path, sizeof p->socket_path, text + 5);
    text_copy(p->url, sizeof p->url, "http://localhost");
    return ERR_OK;
}

/* What does not fit a header would break out of it. */
static bool token_is_plain(const char *token)
{
    for (const char *c = token; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return token[0] != '\0';
}

static enum err_code token_take(struct post *p, const char *file, struct err *e)
{
    const char *value = getenv("HOURGLASS_TOKEN");
    STRBUF text = {0};
    enum err_code rc = ERR_OK;

    strbuf_init(&text, TOKEN_BYTES_MAX);
    if (file)
        rc = file_read_secret(file, &text, e);
    else
        strbuf_adds(&text, value ? value : "");
    while (!rc && text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.data[--text.len] = '\0';
    if (!rc && !text.len)
        rc = err_set(e, ERR_INVALID, "say who reports: --token-file, or HOURGLASS_TOKEN");
    else if (!rc && (text.failed || !text_copy(p->token, sizeof p->token, text.data) ||
                     !token_is_plain(p->token)))
        rc = err_set(e, ERR_INVALID, "%s: expected one API key and nothing else",
                     file ? file : "HOURGLASS_TOKEN");
    if (text.size)
        explicit_bzero(text.data, text.len);
    return rc;
}

enum err_code post_open(struct post *p, const struct post_options *o, struct err *e)
{
    enum err_code rc;

    *p = (struct post){0};
    rc = server_take(p, given(o->server, "HOURGLASS_URL"), e);
    if (!rc)
        rc = token_take(p, o->token_file, e);
    if (!rc && o->ca_file && !text_copy(p->ca_file, sizeof p->ca_file, o->ca_file))
        rc = err_set(e, ERR_INVALID, "--ca-file: the path is too long");
    if (rc)
        post_close(p);
    return rc;
}

void post_close(struct post *p)
{
    explicit_bzero(p->token, sizeof p->token);
    free(p->library); /* libcurl itself stays: unloading what has threads is asking for trouble */
    p->library = NULL;
}

bool post_may_retry(enum err_code code)
{
    return code == ERR_UNREACHABLE || code == ERR_TIMEOUT || code == ERR_RATE || code == ERR_BUSY ||
           code == ERR_STORAGE || code == ERR_ENGINE || code == ERR_INTERNAL ||
           code == ERR_IN_PROGRESS;
}

/* --- libcurl ----------------------------------------------------------------------------- */

static enum err_code library_load(struct post *p, struct err *e)
{
    struct post_library found;
    void *handle;

    if (p->library)
        return ERR_OK;
    handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return err_set(e, ERR_UNREACHABLE, "reporting needs libcurl: %s", dlerror());
    for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
        void *address = dlsym(handle, symbols[i].symbol);

        if (!address)
            return err_set(e, ERR_UNREACHABLE, "this libcurl has no %s", symbols[i].symbol);
        memcpy((char *)&found + symbols[i].offset, &address, sizeof address);
    }
    if (found.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, ERR_UNREACHABLE, "libcurl does not start");
    p->library = malloc(sizeof *p->library);
    if (!p->library)
        return err_set(e, ERR_UNREACHABLE, "out of memory");
    *p->library = found;
    return ERR_OK;
}

/* Called by libcurl; taking less than it gives ends the transfer. */
static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
    struct strbuf *answer = ctx;

    if (answer->len + size * count > ANSWER_BYTES_MAX)
        return 0;
    strbuf_add(answer, bytes, size * count);
    return answer->failed ? 0 : size * count;
}

static bool header_add(const struct post_library *lib, struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = lib->slist_append(*list, text);

    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool headers_make(const struct post *p, const char *key, struct curl_slist **list)
{
    const struct post_library *lib = p->library;
    char who[TOKEN_BYTES_MAX + 32], once[ID_MAX + 32];
    bool made;

    snprintf(who, sizeof who, "Authorization: Bearer %s", p->token);
    snprintf(once, sizeof once, "Idempotency-Key: %s", key);
    made = header_add(lib, list, "Content-Type: application/json") &&
           header_add(lib, list, "Expect:") && header_add(lib, list, who) &&
           header_add(lib, list, once);
    explicit_bzero(who, sizeof who);
    return made;
}

/* Each option matters: one that this libcurl does not know is an error, not a detail. */
static bool options_set(const struct post *p, CURL *easy, const char *url, struct curl_slist *list,
                        const struct strbuf *body)
{
    CURLcode (*set)(CURL *, CURLoption, ...) = p->library->setopt;

    return !set(easy, CURLOPT_URL, url) && !set(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
           !set(easy, CURLOPT_HTTPHEADER, list) && !set(easy, CURLOPT_POSTFIELDS, body->data) &&
           !set(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len) &&
           !set(easy, CURLOPT_FOLLOWLOCATION, 0L) && !set(easy, CURLOPT_PROXY, "") &&
           !set(easy, CURLOPT_SSL_VERIFYPEER, 1L) && !set(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
           !set(easy, CURLOPT_NOSIGNAL, 1L) && !set(easy, CURLOPT_PATH_AS_IS, 1L) &&
           !set(easy, CURLOPT_USERAGENT, "hourglass-gpu/" HOURGLASS_VERSION) &&
           !set(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS_MAX) &&
           !set(easy, CURLOPT_TIMEOUT_MS, REQUEST_MS_MAX) &&
           (!p->socket_path[0] || !set(easy, CURLOPT_UNIX_SOCKET_PATH, p->socket_path)) &&
           (!p->ca_file[0] || !set(easy, CURLOPT_CAINFO, p->ca_file));
}

static enum err_code status_code(long status)
{
    for (int code = ERR_OK + 1; code < ERR_COUNT; code++)
        if (err_http_status((enum err_code)code) == (int)status)
            return (enum err_code)code;
    return status >= 400 && status < 500 ? ERR_BAD_REQUEST : ERR_UNREACHABLE;
}

/* The problem document's own words, or what the status says. */
static enum err_code problem_tell(long status, const struct strbuf *answer, struct err *e)
{
    json_t *tree = NULL;
    const char *detail = NULL, *slug = NULL;
    enum err_code code = status_code(status);

    if (json_parse(answer->data, answer->len, &tree, NULL) == ERR_OK) {
        slug = json_string_value(json_object_get(tree, "code"));
        detail = json_string_value(json_object_get(tree, "detail"));
        if (!detail || !detail[0])
            detail = json_string_value(json_object_get(tree, "title"));
    }
    if (slug && err_from_slug(slug) != ERR_INTERNAL)
        code = err_from_slug(slug);
    if (detail && detail[0])
        err_set(e, code, "%s", detail);
    else
        err_set(e, code, "the server answered with status %ld", status);
    json_decref(tree);
    return code;
}

static enum err_code transfer_run(const struct post *p, CURL *easy, struct strbuf *answer,
                                  struct err *e)
{
    char why[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURLcode rc;

    if (p->library->setopt(easy, CURLOPT_ERRORBUFFER, why) ||
        p->library->setopt(easy, CURLOPT_WRITEFUNCTION, on_body) ||
        p->library->setopt(easy, CURLOPT_WRITEDATA, answer))
        return err_set(e, ERR_UNREACHABLE, "this libcurl is too old");
    rc = p->library->perform(easy);
    if (rc == CURLE_OK)
        rc = p->library->getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK)
        return err_set(e, rc == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_UNREACHABLE, "%s: %s",
                       p->name, why[0] ? why : p->library->strerror(rc));
    if (status < 200 || status > 299)
        return problem_tell(status, answer, e);
    return ERR_OK;
}

enum err_code post_send(struct post *p, const char *path, const struct strbuf *body,
                        const char *key, struct strbuf *answer, struct err *e)
{
    char url[URL_BYTES_MAX * 2];
    struct curl_slist *list = NULL;
    enum err_code rc = library_load(p, e);
    CURL *easy;

    if (rc)
        return rc;
    easy = p->library->easy_init();
    snprintf(url, sizeof url, "%s%s", p->url, path);
    if (!easy || !headers_make(p, key, &list) || !options_set(p, easy, url, list, body))
        rc = err_set(e, ERR_UNREACHABLE, "this libcurl is too old, or memory is short");
    else
        rc = transfer_run(p, easy, answer, e);
    if (easy)
        p->library->easy_cleanup(easy);
    p->library->slist_free_all(list);
    return rc;
}
