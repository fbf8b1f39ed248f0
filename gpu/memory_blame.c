/* From the few words that a kernel reported to what a person can act on. */
#include "gpu/memory_blame.h"

#include <inttypes.h>
#include <stdio.h>

#include "gpu/kernel/memory.h"

#define UNIT_BYTES    16
#define ADDRESS_BITS  40
#define ADDRESS_SHARE 0.9 /* of the listed words must agree: an address hides in the rest */
#define ADDRESS_LEAST 4
#define SM_LEAST      8 /* words that one SM alone must have seen before it is blamed */
#define DATA_LEAST    2

struct traits {
    uint32_t any_bits;  /* of expected ^ got */
    uint32_t high, low; /* of got: set in all, set in any */
    bool one_place, one_sm, right_again;
};

static struct traits traits_of(const struct memory_wrongs *w)
{
    struct traits t = {0, ~0U, 0, true, true, true};

    for (size_t i = 0; i < w->count; i++) {
        const struct memory_wrong *x = &w->list[i];
        uint32_t bits = x->expected ^ x->got;

        t.any_bits |= bits;
        t.high &= x->got;
        t.low |= x->got;
        t.one_place = t.one_place && x->offset == w->list[0].offset;
        t.one_sm = t.one_sm && x->sm == w->list[0].sm && x->sm != MEMORY_SM_UNKNOWN;
        t.right_again = t.right_again && x->again == x->expected;
    }
    return t;
}

static bool is_one_bit(uint32_t bits)
{
    return bits && (bits & (bits - 1)) == 0;
}

static uint32_t pattern_word(const struct memory_wrong *x, uint64_t address)
{
    struct words4 v = memory_unit(x->pattern, x->seed, address / UNIT_BYTES, 0);
    const uint32_t words[] = {v.x, v.y, v.z, v.w};

    return words[address / 4 % 4];
}

/* Would this word be what it is if address bit `line` did not count? Inverses cancel out. */
static bool is_swapped(const struct memory_wrong *x, unsigned line)
{
    uint64_t other = x->address ^ 1ULL << line;

    return (x->expected ^ x->got) == (pattern_word(x, x->address) ^ pattern_word(x, other));
}

/* Only patterns in which no two places are alike tell places apart. */
static bool tells_places(const struct memory_wrong *x)
{
    return x->pattern == MEMORY_ADDRESS || x->pattern == MEMORY_RANDOM;
}

/* The address line that explains nearly all of them; -1: none does. */
static int line_find(const struct memory_wrongs *w)
{
    for (unsigned line = 2; line < ADDRESS_BITS; line++) {
        size_t agree = 0, asked = 0;

        for (size_t i = 0; i < w->count; i++) {
            asked += tells_places(&w->list[i]);
            agree += tells_places(&w->list[i]) && is_swapped(&w->list[i], line);
        }
        if (asked >= ADDRESS_LEAST && (double)agree >= ADDRESS_SHARE * (double)asked)
            return (int)line;
    }
    return -1;
}

static void size_text(uint64_t bytes, char *out, size_t size)
{
    static const char *const names[] = {"bytes", "KiB", "MiB", "GiB"};
    size_t unit = 0;

    for (; bytes >= 1024 && unit < 3; unit++)
        bytes /= 1024;
    snprintf(out, size, "%" PRIu64 " %s", bytes, names[unit]);
}

static enum memory_blame blame_one_word(const struct memory_wrongs *w, const struct traits *t,
                                        char *text, size_t size)
{
    uint64_t at = w->list[0].offset;
    int bit = __builtin_ctz(t->any_bits);

    if (t->right_again) {
        snprintf(text, size, "the word at 0x%" PRIx64 " was right when read again", at);
        return MEMORY_BLAME_READING;
    }
    if (!is_one_bit(t->any_bits)) {
        snprintf(text, size, "%d bits of the word at 0x%" PRIx64 " are wrong",
                 __builtin_popcount(t->any_bits), at);
        return MEMORY_BLAME_WORD;
    }
    if (w->count > 1 && ((t->high | ~t->low) & t->any_bits)) {
        snprintf(text, size, "bit %d of the word at 0x%" PRIx64 " is stuck at %d", bit, at,
                 (t->high & t->any_bits) != 0);
        return MEMORY_BLAME_CELL;
    }
    snprintf(text, size, "bit %d of the word at 0x%" PRIx64 " does not keep its value", bit, at);
    return MEMORY_BLAME_WEAK;
}

enum memory_blame memory_blame(const struct memory_wrongs *w, char *text, size_t size)
{
    struct traits t = traits_of(w);
    int line = line_find(w);
    char apart[32];

    if (w->count == 0) {
        snprintf(text, size, "the memory that the test writes its own report into is wrong, too");
        return MEMORY_BLAME_SCATTERED;
    }
    if (t.one_place)
        return blame_one_word(w, &t, text, size);
    if (line >= 0) {
        size_text(1ULL << line, apart, sizeof apart);
        snprintf(text, size, "places %s apart are one: an address line", apart);
        return MEMORY_BLAME_ADDRESS;
    }
    if (t.one_sm && w->count >= SM_LEAST) {
        snprintf(text, size, "only SM %u sees it: that SM rather than the memory", w->list[0].sm);
        return MEMORY_BLAME_SM;
    }
    if (t.right_again) {
        snprintf(text, size, "all were right when read again: the way rather than the cells");
        return MEMORY_BLAME_READING;
    }
    if (is_one_bit(t.any_bits) && w->count >= DATA_LEAST) {
        snprintf(text, size, "always bit %d, at several places: a data line",
                 __builtin_ctz(t.any_bits));
        return MEMORY_BLAME_DATA;
    }
    snprintf(text, size, "different bits at different places, the first at 0x%" PRIx64,
             w->list[0].offset);
    return MEMORY_BLAME_SCATTERED;
}
