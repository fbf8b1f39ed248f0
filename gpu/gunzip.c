/* zlib's inflate, on what gzip wrote. zlib is linked in, not looked for: a rented machine need
 * not have it. */
#include "gpu/gunzip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define WINDOW_BITS   15
#define GZIP_ONLY     16 /* of zlib.h: added to the bits, a gzip header is demanded */
#define TRAILER_BYTES 8  /* checksum and length, both with the lowest byte first */

static size_t length_claimed(const unsigned char *bytes, size_t size)
{
    const unsigned char *at = bytes + size - 4;

    return at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

static bool unpack(const void *bytes, size_t size, char *out, size_t len)
{
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)bytes,
                  .avail_in = (uInt)size,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)len};
    int code;

    if (inflateInit2(&z, WINDOW_BITS + GZIP_ONLY) != Z_OK)
        return false;
    code = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return code == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0;
}

enum err_code gunzip(const void *bytes, size_t size, size_t len_max, char **out, size_t *len,
                     struct err *e)
{
    size_t claimed;
    char *text;

    if (size < TRAILER_BYTES || size > UINT_MAX)
        return err_set(e, ERR_INVALID, "not what gzip writes");
    claimed = length_claimed(bytes, size);
    if (claimed > len_max || claimed > UINT_MAX)
        return err_set(e, ERR_TOO_LARGE, "%zu bytes unpacked, at most %zu", claimed, len_max);
    text = malloc(claimed + 1);
    if (!text)
        return err_set(e, ERR_IO, "out of memory");
    if (!unpack(bytes, size, text, claimed)) {
        free(text);
        return err_set(e, ERR_INVALID, "damaged, or not what gzip writes");
    }
    text[claimed] = '\0';
    *out = text;
    *len = claimed;
    return ERR_OK;
}
