/* UUIDv7 with a prefix. Within one millisecond, and when the clock goes back, the
 * random part is counted up by a random step (RFC 9562 §6.2, method 2), so that ids
 * increase and still cannot be guessed from a neighbour. */
#include "core/id.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define UUID_TEXT_LEN 36
#define PREFIX_LEN    3
#define TIME_MS_MAX   ((INT64_C(1) << 48) - 1)
#define HIGH_BITS     12
#define LOW_BITS      62
#define STEP_MASK     0xFFFFFFFFu

static const char *const prefixes[ID_KIND_COUNT] = {
#define X(kind, prefix) prefix,
    ID_LIST(X)
#undef X
};

/* The last id given out: its time and the 74 random bits after it. */
static struct {
    pthread_mutex_t lock;
    int64_t ms;
    uint64_t high, low;
} last = {.lock = PTHREAD_MUTEX_INITIALIZER, .ms = -1};

struct uuid {
    int64_t ms;
    uint64_t high, low;
};

/* Called with the lock held. */
static void last_advance(int64_t ms)
{
    uint64_t random[2];

    /* The kernel's own generator; without it no id can be trusted not to repeat. */
    if (getentropy(random, sizeof random) != 0)
        abort();
    if (ms <= last.ms) {
        last.low += (random[0] & STEP_MASK) + 1;
        if (last.low >> LOW_BITS) {
            last.low &= (UINT64_C(1) << LOW_BITS) - 1;
            last.high++;
        }
        if (!(last.high >> HIGH_BITS))
            return;
        ms = last.ms + 1; /* counted to the end of this millisecond: borrow the next */
    }
    last.ms = ms;
    last.high = random[0] & ((1u << HIGH_BITS) - 1);
    last.low = random[1] & ((UINT64_C(1) << LOW_BITS) - 1);
}

static struct uuid uuid_next(struct clock *clock)
{
    int64_t now = clock_now_ms(clock);
    int64_t ms = now < 0 ? 0 : now > TIME_MS_MAX ? TIME_MS_MAX : now;
    struct uuid u;

    pthread_mutex_lock(&last.lock);
    last_advance(ms);
    u = (struct uuid){last.ms, last.high, last.low};
    pthread_mutex_unlock(&last.lock);
    return u;
}

static char *hex_put(char *p, uint64_t value, int digits)
{
    static const char hex[] = "0123456789abcdef";

    for (int i = digits - 1; i >= 0; i--, value >>= 4)
        p[i] = hex[value & 15];
    return p + digits;
}

const char *id_new(enum id_kind kind, struct clock *clock, char out[ID_MAX])
{
    struct uuid u = uuid_next(clock);
    uint64_t ms = (uint64_t)u.ms;
    char *p = out;

    memcpy(p, id_prefix(kind), PREFIX_LEN);
    p += PREFIX_LEN;
    *p++ = '_';
    p = hex_put(p, ms >> 16, 8);
    *p++ = '-';
    p = hex_put(p, ms & 0xFFFF, 4);
    *p++ = '-';
    p = hex_put(p, 0x7000 | u.high, 4);
    *p++ = '-';
    p = hex_put(p, 0x8000 | u.low >> 48, 4);
    *p++ = '-';
    p = hex_put(p, u.low & 0xFFFFFFFFFFFF, 12);
    *p = '\0';
    assert(id_is(kind, out));
    return out;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool id_is(enum id_kind kind, const char *text)
{
    const char *u = text + PREFIX_LEN + 1;

    if (strncmp(text, id_prefix(kind), PREFIX_LEN) != 0 || text[PREFIX_LEN] != '_')
        return false;
    for (int i = 0; i < UUID_TEXT_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? u[i] != '-' : !is_hex(u[i]))
            return false;
    }
    return u[UUID_TEXT_LEN] == '\0' && u[14] == '7' && strchr("89ab", u[19]) != NULL;
}

const char *id_prefix(enum id_kind kind)
{
    assert(kind < ID_KIND_COUNT);
    return prefixes[kind];
}
