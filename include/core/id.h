/* Ids: a three-letter prefix that says what it names, an underscore and a
 * UUIDv7 (RFC 9562), so that ids sort by time of creation. */
#ifndef CORE_ID_H
#define CORE_ID_H

#include "core/clock.h"
#include "core/limits.h"

/* prefix, noun: one line per kind of object. */
#define ID_LIST(X)         \
    X(ORGANIZATION, "org") \
    X(PROJECT, "prj")      \
    X(MEMBER, "mem")       \
    X(API_KEY, "key")      \
    X(INSTANCE, "ins")     \
    X(JOB, "job")          \
    X(GRANT, "grt")        \
    X(HOLD, "hld")         \
    X(TRANSACTION, "txn")  \
    X(ENTRY, "ent")        \
    X(REPORT, "rep")       \
    X(NODE, "nod")         \
    X(CASE, "cas")         \
    X(REQUEST, "req")

enum id_kind {
#define X(kind, prefix) ID_##kind,
    ID_LIST(X)
#undef X
        ID_KIND_COUNT
};

/* A new id; strictly increasing within the process, whatever the clock does.
 * Thread-safe. Returns out. */
const char *id_new(enum id_kind kind, struct clock *clock, char out[ID_MAX]);

/* True when `text` is a well-formed id of this kind. */
bool id_is(enum id_kind kind, const char *text);
const char *id_prefix(enum id_kind kind);

#endif
