/* The unpacker against gzip itself, on what it can write, and on what it never would. */
#include "tests/support/t.h"

#include <sys/wait.h>

#include "core/file.h"
#include "core/process.h"
#include "gpu/gunzip.h"
#include "gpu/kernel/images.h"

#define LEN_MAX (1 << 20)
/* Half of what the whole program may be. */
#define KERNELS_BYTES_MAX (512 * 1024)

static void pack(const char *level, const char *bytes, size_t len, struct strbuf *out)
{
    char path[512];
    const char *argv[] = {"gzip", "-nc", level, path, NULL};
    struct process p = {.argv = argv, .timeout_ms = 60000, .out = out};
    struct err e;
    int status;

    snprintf(path, sizeof path, "%s/bytes", t_dir());
    assert_ok(file_write_passing(path, bytes, len, 0600, &e), &e);
    strbuf_reset(out);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void noise(char *bytes, size_t len, unsigned kinds)
{
    uint32_t word = 1;

    for (size_t i = 0; i < len; i++) {
        word = word * 1664525u + 1013904223u;
        bytes[i] = (char)((word >> 24) % kinds);
    }
}

static void assert_returns(const char *level, const char *bytes, size_t len)
{
    STRBUF packed;
    char *out = NULL;
    size_t out_len = 0;
    struct err e;

    strbuf_init(&packed, LEN_MAX);
    pack(level, bytes, len, &packed);
    assert_ok(gunzip(packed.data, packed.len, LEN_MAX, &out, &out_len, &e), &e);
    assert_int_equal(out_len, len);
    assert_memory_equal(out, bytes, len);
    assert_int_equal(out[len], '\0');
    free(out);
}

/* Noise of 256 kinds is stored, a few bytes take the fixed code, all else a code of its own. */
static void what_gzip_packs_comes_back(void **state)
{
    static const char *const levels[] = {"-1", "-6", "-9"};
    static const unsigned kinds[] = {1, 2, 7, 64, 256};
    static const size_t lengths[] = {0, 1, 3, 100, 4096, 70000, 300000};
    char *bytes = malloc(300000);

    UNUSED(state);
    assert_non_null(bytes);
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        noise(bytes, 300000, kinds[k]);
        for (size_t l = 0; l < ARRAY_SIZE(lengths); l++)
            assert_returns(levels[(k + l) % ARRAY_SIZE(levels)], bytes, lengths[l]);
    }
    free(bytes);
}

static void every_damaged_byte_is_noticed(void **state)
{
    static const char text[] = "st.global.cg.u32 [%rd1], %r1; st.global.cg.u32 [%rd2], %r2;";
    STRBUF packed;
    struct err e;

    UNUSED(state);
    strbuf_init(&packed, LEN_MAX);
    pack("-9", text, sizeof text, &packed);
    for (size_t i = 0; i < packed.len; i++) {
        char *out = NULL;
        size_t len = 0;
        enum err_code rc;

        /* Nobody reads the file's time, level and system, nor what fills up the last byte. */
        if ((i >= 4 && i < 10) || i == packed.len - 9)
            continue;
        packed.data[i] ^= 0x10;
        rc = gunzip(packed.data, packed.len, LEN_MAX, &out, &len, &e);
        if (rc == ERR_OK)
            fail_msg("byte %zu changed and nobody saw it", i);
        packed.data[i] ^= 0x10;
    }
    for (size_t len = 0; len < packed.len; len++) {
        char *out = NULL;
        size_t out_len = 0;

        assert_true(gunzip(packed.data, len, LEN_MAX, &out, &out_len, &e) != ERR_OK);
    }
}

static void what_is_too_long_is_refused_before_it_is_unpacked(void **state)
{
    static const char zeros[4096];
    STRBUF packed;
    char *out = NULL;
    size_t len = 0;
    struct err e;

    UNUSED(state);
    strbuf_init(&packed, LEN_MAX);
    pack("-9", zeros, sizeof zeros, &packed);
    assert_err(ERR_TOO_LARGE, gunzip(packed.data, packed.len, 4095, &out, &len, &e), &e);
    assert_ok(gunzip(packed.data, packed.len, 4096, &out, &len, &e), &e);
    free(out);
    /* It says that it is shorter than it is. */
    packed.data[packed.len - 4] = 1;
    packed.data[packed.len - 3] = 0;
    assert_err(ERR_INVALID, gunzip(packed.data, packed.len, 4096, &out, &len, &e), &e);
}

static void the_kernels_leave_room_for_the_program(void **state)
{
    size_t size = 0;

    UNUSED(state);
    for (size_t i = 0; i < kernel_image_count; i++)
        size += (size_t)(kernel_images[i].past - kernel_images[i].from);
    assert_in_range(size, 1, KERNELS_BYTES_MAX);
}

/* Whatever this build embeds: PTX of every module, and machine code as ELF files. */
static void every_kernel_inside_the_program_unpacks(void **state)
{
    size_t ptx_count = 0;

    UNUSED(state);
    for (size_t i = 0; i < kernel_image_count; i++) {
        const struct kernel_image *image = &kernel_images[i];
        char *bytes = NULL;
        struct err e;

        assert_ok(kernel_image_unpack(image, &bytes, &e), &e);
        if (strcmp(image->target, "ptx") == 0) {
            assert_contains(bytes, ".visible .entry ");
            ptx_count++;
        } else {
            assert_memory_equal(bytes,
                                "\x7f"
                                "ELF",
                                4);
        }
        free(bytes);
    }
    assert_int_equal(ptx_count, COMPUTE_MODULE_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_gzip_packs_comes_back),
        cmocka_unit_test(every_damaged_byte_is_noticed),
        cmocka_unit_test(what_is_too_long_is_refused_before_it_is_unpacked),
        cmocka_unit_test(the_kernels_leave_room_for_the_program),
        cmocka_unit_test(every_kernel_inside_the_program_unpacks),
    };

    return T_RUN("gpu gunzip", tests);
}
