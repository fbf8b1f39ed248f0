/* What every test stands on: assertions that print sentences, folders that vanish, the
 * way to the built programs. */
#include "tests/support/t.h"

#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/strbuf.h"

#define DIRS_MAX 256

/* Folders to remove, and the process that made the first: a forked child that exits must
 * not take them away from its parent. */
static struct {
    char *path[DIRS_MAX];
    size_t count;
    pid_t owner;
} dirs;

static void print_err(const struct err *e)
{
    if (!e)
        return;
    print_error("  %s: %s\n", err_slug(e->code), e->msg);
    for (size_t i = 0; i < e->detail_count && i < ERR_DETAILS_MAX; i++)
        print_error("  at '%s' (%s): %s\n", e->details[i].pointer, e->details[i].code,
                    e->details[i].text);
    for (size_t i = 0; i < e->fact_count && i < ERR_FACTS_MAX; i++)
        print_error("  %s: %lld %s\n", e->facts[i].key, (long long)e->facts[i].value,
                    e->facts[i].text);
}

void t_assert_ok(enum err_code rc, const struct err *e, const char *call, const char *file,
                 int line)
{
    if (rc == ERR_OK)
        return;
    print_error("%s failed with %s\n", call, err_slug(rc));
    print_err(e);
    _fail(file, line);
}

void t_assert_err(enum err_code want, enum err_code rc, const struct err *e, const char *call,
                  const char *file, int line)
{
    if (rc == want && (!e || e->code == want))
        return;
    print_error("%s returned %s, expected %s\n", call, err_slug(rc), err_slug(want));
    if (e && e->code != rc)
        print_error("  but the error says %s\n", err_slug(e->code));
    if (rc != ERR_OK)
        print_err(e);
    _fail(file, line);
}

void t_assert_contains(const char *text, const char *part, const char *file, int line)
{
    if (text && strstr(text, part))
        return;
    print_error("expected to find\n  %s\nin\n  %s\n", part, text ? text : "(null)");
    _fail(file, line);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    /* A test may have left a folder that nobody may write into. */
    if (type == FTW_D || type == FTW_DNR)
        chmod(path, 0700);
    remove(path);
    return 0;
}

static int open_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    if (type == FTW_D || type == FTW_DNR)
        chmod(path, 0700);
    return 0;
}

static void dirs_remove(void)
{
    if (getpid() != dirs.owner)
        return;
    for (size_t i = 0; i < dirs.count; i++) {
        nftw(dirs.path[i], open_one, 16, FTW_PHYS);
        nftw(dirs.path[i], remove_one, 16, FTW_PHYS | FTW_DEPTH);
        free(dirs.path[i]);
    }
    dirs.count = 0;
}

const char *t_dir(void)
{
    const char *parent = getenv("TMPDIR");
    char path[PATH_MAX];

    if (dirs.count == 0 || dirs.owner != getpid()) {
        dirs.count = 0;
        dirs.owner = getpid();
        atexit(dirs_remove);
    }
    if (dirs.count == DIRS_MAX)
        fail_msg("more than %d folders in one program", DIRS_MAX);
    snprintf(path, sizeof path, "%s/hourglass-test.XXXXXX", parent && parent[0] ? parent : "/tmp");
    if (!mkdtemp(path))
        fail_msg("cannot make a folder like %s", path);
    dirs.path[dirs.count] = strdup(path);
    assert_non_null(dirs.path[dirs.count]);
    return dirs.path[dirs.count++];
}

/* build/<profile>/tests/<kind>/test_x is three folders below the programs. */
static void build_folder(char *folder, size_t size)
{
    const char *given = getenv("HOURGLASS_BUILD");
    ssize_t len;

    if (given && given[0]) {
        text_copy(folder, size, given);
        return;
    }
    len = readlink("/proc/self/exe", folder, size - 1);
    if (len <= 0)
        fail_msg("cannot tell where this test lies");
    folder[len] = '\0';
    for (int i = 0; i < 3; i++) {
        char *slash = strrchr(folder, '/');

        if (slash)
            *slash = '\0';
    }
}

const char *t_program(const char *name)
{
    static __thread char paths[4][PATH_MAX]; /* so that one call may name several */
    static __thread unsigned next;
    char *path = paths[next++ % 4];
    size_t len;

    build_folder(path, PATH_MAX);
    len = strlen(path);
    snprintf(path + len, PATH_MAX - len, "/%s", name);
    if (access(path, X_OK) != 0)
        fail_msg("no program %s: build it first", path);
    return path;
}

int t_run(const char *suite, const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
          CMFixtureFunction teardown)
{
    const char *pattern = getenv("K");

    if (pattern && pattern[0])
        cmocka_set_test_filter(pattern);
    return _cmocka_run_group_tests(suite, tests, count, setup, teardown);
}
