/* Errors: a code that the program switches on and a sentence that a person
 * reads. The sentence is written at the leaf and grows on the way up. HTTP
 * status, problem slug and default text come from one list, so they cannot
 * drift apart.
 *
 * A fallible function returns enum err_code (0 is success), takes `struct err
 * *e` last and writes its outputs on success only. `e` may be NULL. */
#ifndef CORE_ERRS_H
#define CORE_ERRS_H

#include "core/base.h"

#define ERR_LIST(X)                                                                              \
    /* code                http  slug                      default text             */           \
    X(ERR_BAD_REQUEST, 400, "bad-request", "the request is malformed")                           \
    X(ERR_UNAUTHENTICATED, 401, "unauthenticated", "no valid API key was given")                 \
    X(ERR_NO_CREDIT, 402, "insufficient-credit", "not enough credit")                            \
    X(ERR_FORBIDDEN, 403, "forbidden", "not allowed")                                            \
    X(ERR_NOT_FOUND, 404, "not-found", "no such object")                                         \
    X(ERR_METHOD, 405, "method-not-allowed", "method not allowed here")                          \
    X(ERR_CONFLICT, 409, "conflict", "the state does not allow it")                              \
    X(ERR_NO_STOCK, 409, "out-of-stock", "no capacity left")                                     \
    X(ERR_IN_PROGRESS, 409, "request-in-progress", "the first request with this key still runs") \
    X(ERR_GONE, 410, "gone", "no longer kept")                                                   \
    X(ERR_PRECONDITION, 412, "precondition-failed", "the object has changed")                    \
    X(ERR_TOO_LARGE, 413, "too-large", "larger than allowed")                                    \
    X(ERR_URI_TOO_LONG, 414, "uri-too-long", "address longer than allowed")                      \
    X(ERR_MEDIA_TYPE, 415, "unsupported-media-type", "body must be JSON")                        \
    X(ERR_INVALID, 422, "invalid-request", "a value is not valid")                               \
    X(ERR_KEY_REUSED, 422, "idempotency-key-reused", "key used with another body")               \
    X(ERR_LIMIT, 422, "limit-exceeded", "a limit was reached")                                   \
    X(ERR_PRECONDITION_REQUIRED, 428, "precondition-required", "a required header is missing")   \
    X(ERR_RATE, 429, "rate-limited", "too many requests")                                        \
    X(ERR_HEADERS_LARGE, 431, "headers-too-large", "headers larger than allowed")                \
    X(ERR_INTERNAL, 500, "internal", "internal error")                                           \
    X(ERR_BUSY, 503, "busy", "try again later")                                                  \
    X(ERR_STORAGE, 503, "storage-unavailable", "storage is unavailable")                         \
    X(ERR_ENGINE, 503, "engine-unavailable", "the engine is unavailable")                        \
    X(ERR_IO, 500, "io", "input or output failed")                                               \
    X(ERR_UNREACHABLE, 503, "unreachable", "the service cannot be reached")                      \
    X(ERR_TIMEOUT, 504, "timeout", "no answer in time")

enum err_code {
    ERR_OK = 0,
#define X(code, http, slug, text) code,
    ERR_LIST(X)
#undef X
        ERR_COUNT
};

#define ERR_MSG_MAX     320
#define ERR_DETAILS_MAX 8
#define ERR_FACTS_MAX   8
#define ERR_POINTER_MAX 128
#define ERR_TEXT_MAX    160

/* One mistake in a document: where (JSON pointer, "" is the whole), which kind
 * ("unknown_field", "out_of_range", …: a static string) and what to do. */
struct err_detail {
    char pointer[ERR_POINTER_MAX];
    const char *code;
    char text[ERR_TEXT_MAX];
};

enum err_fact_kind { ERR_FACT_TEXT, ERR_FACT_INT, ERR_FACT_MONEY };

/* A named value that the caller can act on: available and required credit,
 * the offers that have stock, seconds to wait. A text is one item of a list of
 * that name, also when it is the only one. */
struct err_fact {
    const char *key; /* static, snake_case */
    enum err_fact_kind kind;
    int64_t value;           /* INT; MONEY in micro-units */
    char text[ERR_TEXT_MAX]; /* TEXT; MONEY's currency */
};

struct err {
    enum err_code code;
    char msg[ERR_MSG_MAX]; /* always NUL-terminated */
    size_t detail_count, fact_count;
    struct err_detail details[ERR_DETAILS_MAX];
    struct err_fact facts[ERR_FACTS_MAX];
};

/* Empty `e`: code ERR_OK, no sentence. */
void err_clear(struct err *e);

/* Record code and sentence, forget details and facts; returns code, so that
 * `return err_set(...)` reads well. */
enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

#ifdef __clang_analyzer__
/* The analyser cannot see into another file that the code comes back as it was given. */
#define err_set(e, code, ...) ((err_set)((e), (code), __VA_ARGS__), (code))
#endif

/* Prefix the sentence with what the caller was doing ("ctx: sentence"); keeps
 * details and facts. Returns the code it was given. */
enum err_code err_wrap(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

#ifdef __clang_analyzer__
#define err_wrap(e, code, ...) ((err_wrap)((e), (code), __VA_ARGS__), (code))
#endif

/* Add a detail or a fact; past the maximum they are dropped (the first ones
 * matter most). `code` and `key` must be static strings. */
void err_detail(struct err *e, const char *pointer, const char *code, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
void err_fact_text(struct err *e, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
void err_fact_int(struct err *e, const char *key, int64_t value);
void err_fact_money(struct err *e, const char *key, int64_t micros, const char *currency);

int err_http_status(enum err_code code);  /* 200 for ERR_OK */
const char *err_slug(enum err_code code); /* "ok" for ERR_OK */
const char *err_text(enum err_code code);
/* The code with this slug, or ERR_INTERNAL: how the client reads a problem. */
enum err_code err_from_slug(const char *slug);

#endif
