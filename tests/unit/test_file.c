/* Whole files: read with a maximum, replaced in one step, secrets refused when others may
 * read them. */
#include "tests/support/t.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

static const char *path_in(const char *dir, const char *name, char buf[400])
{
    snprintf(buf, 400, "%s/%s", dir, name);
    return buf;
}

static size_t entries_in(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2; /* . and .. */
}

static void what_is_written_is_read(void **state)
{
    char path[400], bytes[100000];
    STRBUF out;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    path_in(t_dir(), "f", path);
    assert_ok(file_write(path, bytes, sizeof bytes, 0644, &e), &e);
    strbuf_init(&out, sizeof bytes);
    assert_ok(file_read(path, &out, &e), &e);
    assert_int_equal(out.len, sizeof bytes);
    assert_memory_equal(out.data, bytes, sizeof bytes);
    assert_ok(file_write(path, "", 0, 0644, &e), &e);
    strbuf_reset(&out);
    assert_ok(file_read(path, &out, &e), &e);
    assert_int_equal(out.len, 0);
}

static void reading_appends(void **state)
{
    char path[400];
    STRBUF out;
    struct err e;

    (void)state;
    path_in(t_dir(), "f", path);
    assert_ok(file_write(path, "two", 3, 0644, &e), &e);
    strbuf_init(&out, 100);
    strbuf_adds(&out, "one ");
    assert_ok(file_read(path, &out, &e), &e);
    assert_string_equal(out.data, "one two");
}

static void a_file_over_the_maximum_is_refused_and_leaves_no_trace(void **state)
{
    char path[400];
    STRBUF out;
    struct err e;

    (void)state;
    path_in(t_dir(), "f", path);
    assert_ok(file_write(path, "123456", 6, 0644, &e), &e);
    strbuf_init(&out, 8);
    strbuf_adds(&out, "abc");
    assert_err(ERR_TOO_LARGE, file_read(path, &out, &e), &e);
    assert_contains(e.msg, "is larger than 8 bytes");
    assert_string_equal(out.data, "abc");
    assert_false(out.failed);
}

static void what_is_not_there_or_not_a_file_is_refused(void **state)
{
    char path[400];
    STRBUF out;
    struct err e;

    (void)state;
    strbuf_init(&out, 100);
    assert_err(ERR_NOT_FOUND, file_read(path_in(t_dir(), "none", path), &out, &e), &e);
    assert_contains(e.msg, "/none'");
    assert_err(ERR_IO, file_read(t_dir(), &out, &e), &e);
    assert_contains(e.msg, "is a folder");
    assert_err(ERR_NOT_FOUND, file_read("/dev/null/x", &out, &e), &e);
    assert_int_equal(out.len, 0);
}

static void a_write_replaces_whole_sets_the_mode_and_leaves_nothing_beside(void **state)
{
    const char *dir = t_dir();
    char path[400];
    struct stat st;
    struct err e;
    STRBUF out;

    (void)state;
    path_in(dir, "f", path);
    assert_ok(file_write(path, "a longer text", 13, 0644, &e), &e);
    assert_ok(file_write(path, "short", 5, 0600, &e), &e);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    strbuf_init(&out, 100);
    assert_ok(file_read(path, &out, &e), &e);
    assert_string_equal(out.data, "short");
    assert_int_equal(entries_in(dir), 1);
}

static void a_failed_write_keeps_the_old_and_leaves_nothing_beside(void **state)
{
    const char *dir = t_dir();
    char path[400], long_path[5000];
    struct err e;

    (void)state;
    path_in(dir, "sub", path);
    assert_ok(dir_make(path, 0755, &e), &e);
    /* A folder stands where the file should go: rename fails after the write. */
    assert_err(ERR_IO, file_write(path, "x", 1, 0644, &e), &e);
    assert_contains(e.msg, "cannot write");
    assert_int_equal(entries_in(dir), 1);
    assert_err(ERR_IO, file_write(path_in(dir, "no/such/f", path), "x", 1, 0644, &e), &e);
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_err(ERR_IO, file_write(long_path, "x", 1, 0644, &e), &e);
    assert_err(ERR_IO, dir_make(long_path, 0755, &e), &e);
}

static void a_passing_write_replaces_whole_and_a_failed_one_leaves_nothing_beside(void **state)
{
    const char *dir = t_dir();
    char path[400];
    STRBUF out;
    struct err e;
    struct stat st;

    (void)state;
    path_in(dir, "f", path);
    assert_ok(file_write_passing(path, "a longer text", 13, 0644, &e), &e);
    assert_ok(file_write_passing(path, "short", 5, 0600, &e), &e);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    strbuf_init(&out, 100);
    assert_ok(file_read(path, &out, &e), &e);
    assert_string_equal(out.data, "short");
    /* A folder stands where the file should go. */
    assert_ok(dir_make(path_in(dir, "sub", path), 0755, &e), &e);
    assert_err(ERR_IO, file_write_passing(path, "x", 1, 0644, &e), &e);
    assert_contains(e.msg, "cannot write");
    assert_int_equal(entries_in(dir), 2);
}

/* Seen once: a Prometheus textfile written to /dev/null replaced it for the whole machine. */
static void a_write_replaces_no_device_and_no_pipe(void **state)
{
    char path[400];
    struct stat st;
    struct err e;

    (void)state;
    assert_int_equal(mkfifo(path_in(t_dir(), "pipe", path), 0600), 0);
    assert_err(ERR_IO, file_write(path, "x", 1, 0644, &e), &e);
    assert_contains(e.msg, "is no plain file");
    assert_err(ERR_IO, file_write_passing(path, "x", 1, 0644, &e), &e);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(symlink("/dev/null", path_in(t_dir(), "link", path)), 0);
    assert_err(ERR_IO, file_write_passing(path, "x", 1, 0644, &e), &e);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    /* /dev/stdout is a link, often to a plain file: the folder decides. */
    assert_err(ERR_IO, file_write_passing("/dev/hourglass-test", "x", 1, 0644, &e), &e);
    assert_contains(e.msg, "/dev is for devices");
    assert_int_not_equal(access("/dev/hourglass-test", F_OK), 0);
}

static void a_folder_that_takes_no_files_is_an_error(void **state)
{
    struct err e;

    (void)state;
    /* Nothing can be created in /proc, whoever runs the test. */
    assert_err(ERR_IO, file_write("/proc/hourglass-test", "x", 1, 0644, &e), &e);
    assert_contains(e.msg, "/proc/hourglass-test");
}

static void folders_are_made_with_their_parents(void **state)
{
    const char *dir = t_dir();
    char path[400];
    struct stat st;
    struct err e;

    (void)state;
    assert_ok(dir_make(path_in(dir, "a/b//c/", path), 0700, &e), &e);
    assert_int_equal(stat(path_in(dir, "a/b/c", path), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_ok(dir_make(path, 0700, &e), &e);
    assert_ok(dir_make("/", 0700, &e), &e);
    assert_err(ERR_IO, dir_make("", 0700, &e), &e);
    assert_ok(file_write(path_in(dir, "f", path), "x", 1, 0644, &e), &e);
    assert_err(ERR_IO, dir_make(path, 0700, &e), &e);
    assert_contains(e.msg, "is in the way");
    assert_err(ERR_IO, dir_make(path_in(dir, "f/g", path), 0700, &e), &e);
}

static void a_secret_must_be_ours_alone(void **state)
{
    static const struct {
        unsigned mode;
        enum err_code want;
    } row[] = {
        {0600, ERR_OK},        {0400, ERR_OK},        {0644, ERR_FORBIDDEN}, {0640, ERR_FORBIDDEN},
        {0604, ERR_FORBIDDEN}, {0620, ERR_FORBIDDEN}, {0700, ERR_FORBIDDEN},
    };
    char path[400];
    STRBUF out;
    struct err e;

    (void)state;
    path_in(t_dir(), "token", path);
    strbuf_init(&out, 100);
    assert_err(ERR_NOT_FOUND, file_read_secret(path, &out, &e), &e);
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        assert_ok(file_write(path, "hush", 4, row[i].mode, &e), &e);
        strbuf_reset(&out);
        assert_int_equal(file_read_secret(path, &out, &e), row[i].want);
        assert_string_equal(out.data, row[i].want ? "" : "hush");
    }
    assert_contains(e.msg, "must have 0600");
    assert_err(ERR_FORBIDDEN, file_read_secret("/dev/null", &out, &e), &e);
    assert_contains(e.msg, "not a plain file");
}

static void a_secret_of_another_user_is_refused(void **state)
{
    char path[400];
    STRBUF out;
    struct err e;

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    path_in(t_dir(), "token", path);
    strbuf_init(&out, 100);
    assert_ok(file_write(path, "hush", 4, 0600, &e), &e);
    if (chown(path, 65534, 65534) != 0)
        skip();
    assert_err(ERR_FORBIDDEN, file_read_secret(path, &out, &e), &e);
    assert_contains(e.msg, "belongs to another user");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_written_is_read),
    cmocka_unit_test(reading_appends),
    cmocka_unit_test(a_file_over_the_maximum_is_refused_and_leaves_no_trace),
    cmocka_unit_test(what_is_not_there_or_not_a_file_is_refused),
    cmocka_unit_test(a_write_replaces_whole_sets_the_mode_and_leaves_nothing_beside),
    cmocka_unit_test(a_failed_write_keeps_the_old_and_leaves_nothing_beside),
    cmocka_unit_test(a_passing_write_replaces_whole_and_a_failed_one_leaves_nothing_beside),
    cmocka_unit_test(a_write_replaces_no_device_and_no_pipe),
    cmocka_unit_test(a_folder_that_takes_no_files_is_an_error),
    cmocka_unit_test(folders_are_made_with_their_parents),
    cmocka_unit_test(a_secret_must_be_ours_alone),
    cmocka_unit_test(a_secret_of_another_user_is_refused),
};

int main(void)
{
    return T_RUN("file", tests);
}
