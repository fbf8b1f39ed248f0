/* What `make` says about libraries that are not there: all of them at once, with the packages to
 * install. A fake pkg-config knows every library but some. What hourglass-gpu needs where it is
 * copied to, and what `make install` installs. */
#include "tests/support/t.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "core/process.h"

/* `make GOAL` where pkg-config is `program`. Returns its exit status, what it said in `said`. */
static int make_with(const char *program, const char *goal, struct strbuf *said)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    char variable[500];
    const char *argv[] = {"make", "-s", "-C", source ? source : ".", goal, variable, NULL};
    struct process p = {.argv = argv, .timeout_ms = 60000, .errors = said};
    int status = -1;
    struct err e;

    snprintf(variable, sizeof variable, "PKG_CONFIG=%s", program);
    strbuf_reset(said);
    assert_ok(process_run(&p, &status, &e), &e);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A pkg-config that knows all but these, given as a pattern of sh. */
static const char *fake_without(const char *pattern)
{
    static char path[500];
    char text[300];
    struct err e;

    snprintf(path, sizeof path, "%s/pkg-config", t_dir());
    snprintf(text, sizeof text, "#!/bin/sh\ncase \"$2\" in %s) exit 1;; esac\n", pattern);
    assert_ok(file_write(path, text, strlen(text), 0755, &e), &e);
    return path;
}

static void everything_that_is_missing_is_named_with_its_package(void **state)
{
    STRBUF said = {0};

    (void)state;
    strbuf_init(&said, 10000);
    assert_int_not_equal(make_with(fake_without("jansson|ncursesw"), "libs", &said), 0);
    assert_contains(said.data, "missing libraries: jansson (libjansson-dev), ncursesw "
                               "(libncurses-dev): run 'make deps', or install these packages\n");
}

static void what_only_tests_need_is_asked_for_when_tests_are_built(void **state)
{
    const char *fake = fake_without("cmocka|jansson");
    STRBUF said = {0};

    (void)state;
    strbuf_init(&said, 10000);
    assert_int_not_equal(make_with(fake, "libs-test", &said), 0);
    assert_contains(said.data, "jansson (libjansson-dev), cmocka (libcmocka-dev): run 'make "
                               "deps-test', or");
    fake = fake_without("cmocka|vterm|libpq");
    assert_int_equal(make_with(fake, "libs", &said), 0);
    assert_int_not_equal(make_with(fake, "tests-build", &said), 0);
    assert_contains(said.data, "vterm (libvterm-dev), libpq (libpq-dev)");
}

static void every_library_has_its_package_in_the_list(void **state)
{
    STRBUF said = {0};

    (void)state;
    strbuf_init(&said, 10000);
    assert_int_not_equal(make_with("false", "libs-test", &said), 0);
    assert_contains(said.data, "sqlite3 (libsqlite3-dev)");
    assert_null(strstr(said.data, "no package known"));
}

static void a_machine_without_pkg_config_is_told_so(void **state)
{
    STRBUF said = {0};

    (void)state;
    strbuf_init(&said, 10000);
    assert_int_not_equal(make_with("/nonexistent/pkg-config", "libs", &said), 0);
    assert_contains(said.data, "'/nonexistent/pkg-config': run 'make deps', or install the "
                               "package pkg-config\n");
}

/* --- what is built --------------------------------------------------------------------------- */

#define GPU_BYTES_MAX 1000000

/* Run to its end; fails the test unless it succeeds. */
static void run(const char *const *argv, struct strbuf *said)
{
    struct process p = {.argv = argv, .timeout_ms = 60000, .out = said};
    int status = -1;
    struct err e;

    if (said)
        strbuf_reset(said);
    assert_ok(process_run(&p, &status, &e), &e);
    if (status != 0)
        fail_msg("%s %s failed", argv[0], argv[1]);
}

/* It is copied to machines that have nothing of ours: libc and jansson are all it may need there.
 * libdl and libpthread are libc's own since glibc 2.34. */
static void assert_needs_little(const char *program)
{
    static const char *const allowed[] = {"libc.so.6", "libdl.so.2", "libpthread.so.0",
                                          "libjansson.so.4"};
    static const char mark[] = "Shared library: [";
    STRBUF said = {0};
    size_t count = 0;

    strbuf_init(&said, 100000);
    run((const char *const[]){"readelf", "-d", program, NULL}, &said);
    for (char *at = said.data; (at = strstr(at, mark)) != NULL; count++) {
        bool known = false;

        at += sizeof mark - 1;
        for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
            known = known || (strncmp(at, allowed[i], strlen(allowed[i])) == 0 &&
                              at[strlen(allowed[i])] == ']');
        if (!known)
            fail_msg("%s needs %.*s", program, (int)strcspn(at, "]"), at);
    }
    assert_true(count >= 2); /* else readelf's words have changed */
}

static void assert_is_small(const char *program)
{
    char stripped[500];
    struct stat s;

    snprintf(stripped, sizeof stripped, "%s/stripped", t_dir());
    run((const char *const[]){"strip", "-o", stripped, program, NULL}, NULL);
    assert_int_equal(stat(stripped, &s), 0);
    if (s.st_size >= GPU_BYTES_MAX)
        fail_msg("%s has %lld bytes stripped", program, (long long)s.st_size);
}

static bool is_instrumented(void)
{
    const char *build = getenv("HOURGLASS_BUILD");

    return build &&
           (strstr(build, "/asan") || strstr(build, "/tsan") || strstr(build, "/coverage"));
}

static void hourglass_gpu_needs_libc_and_jansson_and_is_under_a_megabyte(void **state)
{
    const char *source = getenv("HOURGLASS_SOURCE");
    char shipped[500];

    (void)state;
    if (is_instrumented())
        skip();
    assert_needs_little(t_program("hourglass-gpu"));
    assert_is_small(t_program("hourglass-gpu"));
    /* What is shipped, where it has been built. */
    snprintf(shipped, sizeof shipped, "%s/build/release/hourglass-gpu", source ? source : ".");
    if (access(shipped, R_OK) == 0) {
        assert_needs_little(shipped);
        assert_is_small(shipped);
    }
}

/* --- what is installed ----------------------------------------------------------------------- */

static void assert_file(const char *root, const char *name, unsigned mode)
{
    char path[700];
    struct stat s;

    snprintf(path, sizeof path, "%s%s", root, name);
    if (stat(path, &s) != 0)
        fail_msg("%s is not installed", name);
    assert_true(S_ISREG(s.st_mode) && s.st_size > 0);
    assert_int_equal(s.st_mode & 0777, mode);
}

static void everything_of_hourglass_gpu_is_installed_and_removed(void **state)
{
    static const struct {
        const char *name;
        unsigned mode;
    } files[] = {
        {"/opt/h/bin/hourglass-gpu", 0755},
        {"/opt/h/share/man/man1/hourglass-gpu.1", 0644},
        {"/opt/h/share/hourglass/slurm/prolog.sh", 0755},
        {"/opt/h/share/hourglass/slurm/healthcheck.sh", 0755},
        {"/opt/h/share/hourglass/nhc/hourglass-gpu.nhc", 0644},
        {"/opt/h/share/hourglass/npd/hourglass-gpu.json", 0644},
        {"/opt/h/share/hourglass/grafana/hourglass-gpu.json", 0644},
        {"/opt/h/share/hourglass/schema/gpu-report.json", 0644},
    };
    const char *source = getenv("HOURGLASS_SOURCE"), *build = getenv("HOURGLASS_BUILD");
    char root[300], path[500], directory[500], programs[500];
    const char *argv[] = {"env",
                          "-C",
                          source ? source : ".",
                          directory,
                          "PREFIX=/opt/h",
                          programs,
                          "share/install.sh",
                          NULL,
                          NULL};
    STRBUF text = {0};
    struct err e;

    (void)state;
    assert_true(build != NULL);
    snprintf(root, sizeof root, "%s/root", t_dir());
    snprintf(directory, sizeof directory, "DESTDIR=%s", root);
    snprintf(programs, sizeof programs, "BUILD=%s", build);
    run(argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        assert_file(root, files[i].name, files[i].mode);
    /* Scripts call the program where it was installed. */
    strbuf_init(&text, 100000);
    snprintf(path, sizeof path, "%s/opt/h/share/hourglass/npd/hourglass-gpu.json", root);
    assert_ok(file_read(path, &text, &e), &e);
    assert_contains(text.data, "/opt/h/bin/hourglass-gpu");
    argv[7] = "--remove";
    run(argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        snprintf(path, sizeof path, "%s%s", root, files[i].name);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    snprintf(path, sizeof path, "%s/opt/h/share/hourglass", root);
    assert_int_not_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_is_missing_is_named_with_its_package),
        cmocka_unit_test(what_only_tests_need_is_asked_for_when_tests_are_built),
        cmocka_unit_test(every_library_has_its_package_in_the_list),
        cmocka_unit_test(a_machine_without_pkg_config_is_told_so),
        cmocka_unit_test(hourglass_gpu_needs_libc_and_jansson_and_is_under_a_megabyte),
        cmocka_unit_test(everything_of_hourglass_gpu_is_installed_and_removed),
    };

    return T_RUN("build", tests);
}
