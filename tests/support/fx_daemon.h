/* A real hourglassd on a fresh database and a UNIX socket, with the shipped catalogue, an
 * organization and its key; and a client that asks it. */
#ifndef TESTS_SUPPORT_FX_DAEMON_H
#define TESTS_SUPPORT_FX_DAEMON_H

#include <sys/types.h>

#include "client/client.h"
#include "tests/support/t.h"

#define FX_DAEMON_WAIT_MS 15000

struct fx_daemon {
    pid_t pid; /* 0: not running */
    char dir[128];
    char url[192]; /* "unix:<dir>/api.sock" */
    char socket[160];
    char token[TOKEN_BYTES_MAX];
    const char *grant;     /* NULL: "250.00" */
    const char *engine;    /* NULL: "local" */
    const char *catalogue; /* NULL: the shipped one */
    const char *listen;    /* NULL: the socket; else `url` is the test's to set once it is known */
    const char *ca_file;   /* for clients */
    bool staff;            /* the owner is support staff too */
    const char *extra[8];  /* further flags, NULL-terminated */
    struct client *client;
    struct err e;
};

/* Set up a folder; nothing runs yet. */
void fx_daemon_init(struct fx_daemon *d);
/* Start and wait until it answers; fails the test when it does not. Restart = the same again. */
void fx_daemon_start(struct fx_daemon *d);
/* The two halves of it: begin, and wait until it answers. */
void fx_daemon_spawn(struct fx_daemon *d);
void fx_daemon_await(struct fx_daemon *d);
/* Run it, with this flag before the others (NULL: none), until it ends by itself, and append what
 * it said. For what it refuses. Returns its exit code; fails the test when it goes on running. */
int fx_daemon_run(struct fx_daemon *d, const char *command, struct strbuf *said);
/* Wait until its log has this text; fails the test after FX_DAEMON_WAIT_MS. */
void fx_daemon_await_log(struct fx_daemon *d, const char *text);
/* Send a signal and wait for its end. Returns the wait status. */
int fx_daemon_end(struct fx_daemon *d, int signal);
/* SIGTERM, and the test fails unless it ends with exit code 0 (a sanitizer's word is none). */
void fx_daemon_stop(struct fx_daemon *d);
/* Delete every instance, wait until they are gone, stop. So that no sandbox outlives a test. */
void fx_daemon_clear(struct fx_daemon *d);
/* `hourglassd --check` on its database; 0 when every invariant holds. */
int fx_daemon_check(struct fx_daemon *d);
/* A further client with this token (NULL: the owner's); caller closes. */
struct client *fx_daemon_client(struct fx_daemon *d, const char *token);

/* Ask with a fresh idempotency key; the answer's tree, or NULL with d->e set. Caller owns. */
json_t *fx_ask(struct fx_daemon *d, const char *method, const char *path, const char *body);
json_t *fx_ask_with(struct client *cl, const char *method, const char *path, const char *body,
                    const char *key, struct err *e);
/* Ask, and fail the test unless it works. Caller owns. */
json_t *fx_must(struct fx_daemon *d, const char *method, const char *path, const char *body);
/* "id", "state", … of a tree, or "". Borrowed. */
const char *fx_text(const json_t *o, const char *name);
int64_t fx_micros(const json_t *o, const char *name);
/* Poll until the object's state is this; fails the test after FX_DAEMON_WAIT_MS. Caller owns. */
json_t *fx_await_state(struct fx_daemon *d, const char *path, const char *state);
/* Launch on this offer (free of a deadline) and wait for running; id is copied. */
void fx_daemon_launch(struct fx_daemon *d, const char *offer, char id[ID_MAX]);
/* Delete and wait for the end. */
void fx_daemon_delete(struct fx_daemon *d, const char *id);

#endif
