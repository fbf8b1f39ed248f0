/* DEFLATE (RFC 1951), the plain way: canonical codes are walked bit by bit. */
#include "gpu/gunzip.h"

#include <stdlib.h>
#include <string.h>

#define CODE_BITS_MAX  15
#define LITERALS_MAX   288
#define DISTANCES_MAX  32
#define HEADER_BYTES   10
#define TRAILER_BYTES  8
#define FLAG_NAMES     0x1e /* of the header: something follows that `gzip -n` does not write */
#define END_OF_BLOCK   256
#define LENGTH_FIRST   257
#define LENGTHS_COUNT  29
#define DISTANCE_COUNT 30

struct stream {
    const uint8_t *in;
    size_t in_len, in_at;
    uint32_t held; /* bits that were read and not used, the next one lowest */
    unsigned held_count;
    uint8_t *out;
    size_t out_len, out_at;
    bool failed;
};

/* How many codes there are of each length, and the symbols in the order of their codes. */
struct code {
    uint16_t count[CODE_BITS_MAX + 1];
    uint16_t symbol[LITERALS_MAX];
};

static unsigned bits_read(struct stream *s, unsigned count)
{
    unsigned value;

    while (s->held_count < count) {
        if (s->in_at == s->in_len) {
            s->failed = true;
            return 0;
        }
        s->held |= (uint32_t)s->in[s->in_at++] << s->held_count;
        s->held_count += 8;
    }
    value = s->held & ((1u << count) - 1);
    s->held >>= count;
    s->held_count -= count;
    return value;
}

/* False when more codes are asked for than there can be. */
static bool code_build(struct code *c, const uint8_t *lengths, size_t count)
{
    uint16_t first[CODE_BITS_MAX + 2] = {0};
    int left = 1;

    memset(c->count, 0, sizeof c->count);
    for (size_t i = 0; i < count; i++)
        c->count[lengths[i]]++;
    c->count[0] = 0;
    for (unsigned bits = 1; bits <= CODE_BITS_MAX; bits++) {
        left = left * 2 - c->count[bits];
        if (left < 0)
            return false;
        first[bits + 1] = (uint16_t)(first[bits] + c->count[bits]);
    }
    for (size_t i = 0; i < count; i++) {
        if (lengths[i])
            c->symbol[first[lengths[i]]++] = (uint16_t)i;
    }
    return true;
}

static unsigned symbol_read(struct stream *s, const struct code *c)
{
    unsigned code = 0, first = 0, index = 0;

    for (unsigned bits = 1; bits <= CODE_BITS_MAX; bits++) {
        unsigned count = c->count[bits];

        code |= bits_read(s, 1);
        if (s->failed)
            return 0;
        if (code - first < count)
            return c->symbol[index + (code - first)];
        index += count;
        first = (first + count) << 1;
        code <<= 1;
    }
    s->failed = true;
    return 0;
}

static void byte_add(struct stream *s, unsigned byte)
{
    if (s->out_at == s->out_len)
        s->failed = true;
    else
        s->out[s->out_at++] = (uint8_t)byte;
}

static void copy_add(struct stream *s, unsigned length_symbol, const struct code *distances)
{
    static const uint16_t length_base[LENGTHS_COUNT] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                                        15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                                        67, 83, 99, 115, 131, 163, 195, 227, 258};
    static const uint8_t length_extra[LENGTHS_COUNT] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                        2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static const uint16_t distance_base[DISTANCE_COUNT] = {
        1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    unsigned length, distance, symbol;

    if (length_symbol >= LENGTHS_COUNT) {
        s->failed = true;
        return;
    }
    length = length_base[length_symbol] + bits_read(s, length_extra[length_symbol]);
    symbol = symbol_read(s, distances);
    if (s->failed || symbol >= DISTANCE_COUNT) {
        s->failed = true;
        return;
    }
    distance = distance_base[symbol] + bits_read(s, symbol < 2 ? 0 : symbol / 2 - 1);
    if (distance > s->out_at)
        s->failed = true;
    for (; length > 0 && !s->failed; length--)
        byte_add(s, s->out[s->out_at - distance]);
}

static void codes_follow(struct stream *s, const struct code *literals,
                         const struct code *distances)
{
    while (!s->failed) {
        unsigned symbol = symbol_read(s, literals);

        if (s->failed || symbol == END_OF_BLOCK)
            return;
        if (symbol < END_OF_BLOCK)
            byte_add(s, symbol);
        else
            copy_add(s, symbol - LENGTH_FIRST, distances);
    }
}

static void block_stored(struct stream *s)
{
    unsigned length, inverse;

    bits_read(s, s->held_count % 8);
    length = bits_read(s, 16);
    inverse = bits_read(s, 16);
    if (s->failed || length != (~inverse & 0xffff)) {
        s->failed = true;
        return;
    }
    for (; length > 0 && !s->failed; length--)
        byte_add(s, bits_read(s, 8));
}

static void block_fixed(struct stream *s)
{
    uint8_t lengths[LITERALS_MAX];
    struct code literals, distances;

    for (unsigned i = 0; i < LITERALS_MAX; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    code_build(&literals, lengths, LITERALS_MAX);
    memset(lengths, 5, DISTANCES_MAX);
    code_build(&distances, lengths, DISTANCES_MAX);
    codes_follow(s, &literals, &distances);
}

/* The lengths of both codes, themselves in a code with repeats. */
static void lengths_read(struct stream *s, const struct code *c, uint8_t *lengths, unsigned count)
{
    unsigned at = 0;

    while (at < count && !s->failed) {
        unsigned symbol = symbol_read(s, c), repeat = 1, value = symbol;

        if (symbol == 16) {
            value = at ? lengths[at - 1] : CODE_BITS_MAX + 1;
            repeat = 3 + bits_read(s, 2);
        } else if (symbol > 16) {
            value = 0;
            repeat = symbol == 17 ? 3 + bits_read(s, 3) : 11 + bits_read(s, 7);
        }
        if (value > CODE_BITS_MAX || repeat > count - at) {
            s->failed = true;
            return;
        }
        while (repeat-- > 0)
            lengths[at++] = (uint8_t)value;
    }
}

static void block_dynamic(struct stream *s)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERALS_MAX + DISTANCES_MAX] = {0};
    unsigned literal_count = bits_read(s, 5) + LENGTH_FIRST, distance_count = bits_read(s, 5) + 1;
    unsigned length_count = bits_read(s, 4) + 4;
    struct code literals, distances;

    for (unsigned i = 0; i < length_count; i++)
        lengths[order[i]] = (uint8_t)bits_read(s, 3);
    if (s->failed || literal_count > LITERALS_MAX || !code_build(&literals, lengths, 19)) {
        s->failed = true;
        return;
    }
    memset(lengths, 0, sizeof lengths);
    lengths_read(s, &literals, lengths, literal_count + distance_count);
    if (s->failed || !code_build(&literals, lengths, literal_count) ||
        !code_build(&distances, lengths + literal_count, distance_count)) {
        s->failed = true;
        return;
    }
    codes_follow(s, &literals, &distances);
}

static void blocks_follow(struct stream *s)
{
    bool last = false;

    while (!last && !s->failed) {
        last = bits_read(s, 1);
        switch (bits_read(s, 2)) {
        case 0:
            block_stored(s);
            break;
        case 1:
            block_fixed(s);
            break;
        case 2:
            block_dynamic(s);
            break;
        default:
            s->failed = true;
        }
    }
}

static uint32_t checksum(const uint8_t *bytes, size_t len)
{
    uint32_t table[16], sum = ~0u;

    for (uint32_t i = 0; i < 16; i++) {
        table[i] = i;
        for (int bit = 0; bit < 4; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    for (size_t i = 0; i < len; i++) {
        sum = table[(sum ^ bytes[i]) & 15] ^ sum >> 4;
        sum = table[(sum ^ (uint32_t)bytes[i] >> 4) & 15] ^ sum >> 4;
    }
    return ~sum;
}

static uint32_t word_at(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

enum err_code gunzip(const void *bytes, size_t size, size_t len_max, char **out, size_t *len,
                     struct err *e)
{
    const uint8_t *b = bytes;
    struct stream s = {.in = b + HEADER_BYTES};

    if (size < HEADER_BYTES + TRAILER_BYTES || b[0] != 0x1f || b[1] != 0x8b || b[2] != 8 ||
        b[3] & FLAG_NAMES)
        return err_set(e, ERR_INVALID, "not written by gzip -n");
    s.in_len = size - HEADER_BYTES - TRAILER_BYTES;
    s.out_len = word_at(b + size - 4);
    if (s.out_len > len_max)
        return err_set(e, ERR_TOO_LARGE, "unpacks to more than %zu bytes", len_max);
    s.out = malloc(s.out_len + 1);
    if (!s.out)
        return err_set(e, ERR_IO, "out of memory");
    blocks_follow(&s);
    if (s.failed || s.out_at != s.out_len || s.in_at != s.in_len ||
        checksum(s.out, s.out_len) != word_at(b + size - 8)) {
        free(s.out);
        return err_set(e, ERR_INVALID, "damaged");
    }
    s.out[s.out_len] = '\0';
    *out = (char *)s.out;
    *len = s.out_len;
    return ERR_OK;
}
