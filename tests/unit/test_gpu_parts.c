/* The parts under hourglass-gpu that read what others wrote: the kernel log, the PCI bus,
 * what a child process said, and the processes themselves. */
#include "tests/support/t.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpu/child.h"
#include "gpu/kmsg.h"
#include "gpu/pci.h"
#include "gpu/record.h"

static void pci_addresses_are_read_in_every_form(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"0000:18:00.0", "0000:18:00.0"},
        {"PCI:0000:05:00): 79", "0000:05:00.0"},
        {"00000000:18:00.0", "0000:18:00.0"},
        {"18:00.0", "0000:18:00.0"},
        {"10000:AB:1F.0", "10000:ab:1f.0"},
        {"0018:01:00", "0018:01:00.0"},
        {"", NULL},
        {"zz", NULL},
        {"PCI:", NULL},
        {"12", NULL},
        {"0000:", NULL},
        {"0000:18:", NULL},
        {"0000:100:00.0", NULL},
        {"0000:18:20.0", NULL},
        {"ffffffff:18:00.0", "ffffffff:18:00.0"},
    };
    char out[PCI_ADDRESS_MAX + 4];

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        bool read = pci_address_read(cases[i].text, out);

        if (read != (cases[i].want != NULL))
            fail_msg("'%s' is %s", cases[i].text, read ? "read" : "refused");
        if (read)
            assert_string_equal(out, cases[i].want);
    }
}

static void a_bus_that_cannot_be_seen_is_an_error(void **state)
{
    struct pci_gpu gpus[4];
    size_t count = 99;
    struct err e;

    UNUSED(state);
    assert_err(ERR_NOT_FOUND, pci_gpus_list("/nonexistent", gpus, 4, &count, &e), &e);
    assert_int_equal(count, 99);
}

static void kernel_lines_that_are_events_are_read(void **state)
{
    static const struct {
        const char *line;
        int64_t number;
        bool is_switch, is_fatal;
    } cases[] = {
        {"4,1,5000000,-;NVRM: Xid (PCI:0000:05:00): 79, pid=1, name=x, GPU has fallen", 79, 0, 0},
        {"4,1,5000000,-;NVRM: Xid (0000:05:00): 59, 0092(2354)", 59, 0, 0},
        {"3,1,5000000,-;NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT Fatal XC0 i0", 149, 0, 1},
        {"3,1,5000000,-;NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT Nonfatal", 149, 0, 0},
        {"3,1,5000000,-;nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32",
         12028, 1, 0},
        {"3,1,5000000,-;nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12020, Fatal, Link 32", 12020, 1,
         1},
        /* programs, other lines and nonsense */
        {"12,1,5000000,-;NVRM: Xid (PCI:0000:05:00): 79, pid=1", 0, 0, 0},
        {"4,1,5000000,-;app: NVRM: Xid (PCI:0000:05:00): 79", 0, 0, 0},
        {"4,1,5000000,-;NVRM: loading NVIDIA UNIX x86_64 Kernel Module", 0, 0, 0},
        {"4,1,5000000,-;NVRM: Xid (PCI:0000:05:00): -3, pid=1", 0, 0, 0},
        {"4,1,5000000,-;NVRM: Xid (PCI:0000:05:00): 99999999999999999999, x", 0, 0, 0},
        {"4,1,5000000,-;NVRM: Xid (PCI:nonsense): 79, x", 0, 0, 0},
        {"4,1,5000000,-;NVRM: Xid (PCI:0000:05:00", 0, 0, 0},
        {"4,1,5000000,-;NVRM: Xid ", 0, 0, 0},
        {"4,1,-7,-;NVRM: Xid (PCI:0000:05:00): 79, x", 0, 0, 0},
        {";NVRM: Xid (PCI:0000:05:00): 79, x", 0, 0, 0},
        {"", 0, 0, 0},
    };

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xid_event x = {0};
        bool read = kmsg_line_read(cases[i].line, &x);

        if (read != (cases[i].number != 0))
            fail_msg("'%s' is %s", cases[i].line, read ? "read" : "refused");
        assert_int_equal(x.number, cases[i].number);
        assert_int_equal(x.is_switch, cases[i].is_switch);
        assert_int_equal(x.is_fatal, cases[i].is_fatal);
        if (read)
            assert_int_equal(x.at_ms, 5000);
    }
}

static void xid_kinds_are_sorted_and_say_what_to_do(void **state)
{
    size_t fails = 0;

    UNUSED(state);
    for (int64_t n = 1; n < 200; n++) {
        const struct xid_kind *k = xid_kind_find(n);

        assert_true(k->meaning[0] && k->action[0]);
        assert_non_null(xid_blame_names[k->blame]);
        assert_true(k->result == CHECK_PASS || k->result == CHECK_WARN || k->result == CHECK_FAIL);
        /* An application's own mistake never condemns a GPU. */
        if (k->blame == XID_BLAME_APP)
            assert_int_equal(k->result, CHECK_PASS);
        fails += k->result == CHECK_FAIL;
    }
    assert_true(fails > 15);
    assert_int_equal(xid_kind_find(79)->result, CHECK_FAIL);
    assert_int_equal(xid_kind_find(31)->blame, XID_BLAME_APP);
    assert_int_equal(xid_kind_find(99999)->result, CHECK_WARN);
}

static bool count_event(const struct xid_event *x, void *ctx)
{
    UNUSED(x);
    ++*(int *)ctx;
    return true;
}

static void endless_lines_in_the_kernel_log_are_survived(void **state)
{
    char path[600];
    int count = 0;
    struct err e;
    FILE *file;

    UNUSED(state);
    snprintf(path, sizeof path, "%s/kmsg", t_dir());
    file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 100000; i++)
        fputs("4,1,1,-;NVRM: Xid (", file);
    fputs("\n4,1,5,-;NVRM: Xid (PCI:0000:05:00): 79, x\n", file);
    fputs("4,1,5,-;NVRM: Xid (PCI:0000:05:00): 48, cut off", file);
    assert_int_equal(fclose(file), 0);
    assert_ok(kmsg_each(path, count_event, &count, &e), &e);
    assert_int_equal(count, 1);
    assert_err(ERR_NOT_FOUND, kmsg_each("/nonexistent/kmsg", count_event, &count, &e), &e);
    assert_err(ERR_IO, kmsg_each(t_dir(), count_event, &count, &e), &e);
}

static void talk(int fd, void *ctx)
{
    const char *words = ctx;

    assert_true(write(fd, words, strlen(words)) >= 0);
}

static void hang(int fd, void *ctx)
{
    talk(fd, ctx);
    for (;;)
        pause();
}

static void die(int fd, void *ctx)
{
    talk(fd, ctx);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void leave(int fd, void *ctx)
{
    talk(fd, ctx);
    _exit(7);
}

static void flood(int fd, void *ctx)
{
    char bytes[4096];

    UNUSED(ctx);
    memset(bytes, 'x', sizeof bytes);
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
}

static void children_are_heard_and_the_silent_are_killed(void **state)
{
    struct clock *clock = clock_real();
    int64_t from = clock_mono_ms(clock);
    struct gpu_child c[5] = {0};
    char said[] = "words", end[100];
    struct err e;

    UNUSED(state);
    assert_ok(gpu_child_start(&c[0], talk, said, &e), &e);
    assert_ok(gpu_child_start(&c[1], hang, said, &e), &e);
    assert_ok(gpu_child_start(&c[2], die, said, &e), &e);
    assert_ok(gpu_child_start(&c[3], leave, said, &e), &e);
    assert_ok(gpu_child_start(&c[4], flood, said, &e), &e);
    gpu_children_wait(c, 5, clock, from + 1000);
    assert_in_range(clock_mono_ms(clock) - from, 900, 3000);
    for (int i = 0; i < 4; i++)
        assert_string_equal(c[i].said.data, "words");
    assert_false(c[0].timed_out);
    assert_true(WIFEXITED(c[0].status) && WEXITSTATUS(c[0].status) == 0);
    assert_true(c[1].timed_out);
    assert_string_equal(gpu_child_end(&c[1], end, sizeof end), "no answer in time");
    assert_contains(gpu_child_end(&c[2], end, sizeof end), "signal 11");
    assert_contains(gpu_child_end(&c[3], end, sizeof end), "status 7");
    assert_true(c[4].said.failed);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(c[i].pid, 0);
        gpu_child_release(&c[i]);
    }
}

static void a_child_that_still_runs_is_ended_by_release(void **state)
{
    struct gpu_child c = {0};
    char said[] = "words";
    struct err e;
    pid_t pid;

    UNUSED(state);
    assert_ok(gpu_child_start(&c, hang, said, &e), &e);
    pid = c.pid;
    gpu_child_release(&c);
    assert_int_equal(c.pid, 0);
    /* Killed: it can still be collected, unless release already did. */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    assert_int_equal(kill(pid, 0), -1);
}

/* Nobody is left behind in the driver when the program itself is killed. */
static void children_die_with_their_parent(void **state)
{
    struct pollfd end = {.events = POLLIN};
    struct gpu_child c = {0};
    char said[] = "words", byte;
    int alive[2];
    pid_t parent;

    UNUSED(state);
    assert_int_equal(pipe(alive), 0);
    parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        /* Its first word says that it is past its start and hangs. */
        if (gpu_child_start(&c, hang, said, NULL) == ERR_OK && read(c.fd, &byte, 1) == 1)
            kill(getpid(), SIGKILL);
        _exit(0);
    }
    close(alive[1]); /* held by both of them until they end */
    end.fd = alive[0];
    assert_int_equal(poll(&end, 1, 10000), 1);
    assert_int_equal(read(alive[0], &byte, 1), 0);
    close(alive[0]);
    while (waitpid(parent, NULL, 0) < 0 && errno == EINTR)
        ;
}

static void what_a_child_says_is_not_believed(void **state)
{
    struct gpu_record good = {.kind = RECORD_FINDING}, r;
    struct strbuf said;
    size_t at = 0;

    UNUSED(state);
    strbuf_init(&said, 1 << 20);
    memset(&good.as.finding.detail, 'x', sizeof good.as.finding.detail);
    strbuf_add(&said, &good, sizeof good);
    r = good;
    r.as.finding.result = (enum check_result)77;
    strbuf_add(&said, &r, sizeof r);
    assert_true(gpu_record_next(&said, &at, &r));
    assert_int_equal(strlen(r.as.finding.detail), TEXT_BYTES_MAX - 1);
    assert_false(gpu_record_next(&said, &at, &r));

    strbuf_reset(&said);
    at = 0;
    r = good;
    memset(&r.as.finding.is_moot, 0xa5, 1);
    strbuf_add(&said, &r, sizeof r);
    assert_true(gpu_record_next(&said, &at, &r));
    assert_true(r.as.finding.is_moot);
    r = (struct gpu_record){.kind = RECORD_BEGIN, .check = 100000};
    strbuf_add(&said, &r, sizeof r);
    assert_false(gpu_record_next(&said, &at, &r));

    strbuf_reset(&said);
    at = 0;
    r = good;
    r.check = 100000;
    strbuf_add(&said, &r, sizeof r);
    assert_false(gpu_record_next(&said, &at, &r));

    strbuf_reset(&said);
    at = 0;
    r = good;
    r.as.finding.value = 0.0 / 0.0;
    strbuf_add(&said, &r, sizeof r);
    assert_false(gpu_record_next(&said, &at, &r));

    strbuf_reset(&said);
    at = 0;
    strbuf_add(&said, &good, sizeof good - 1);
    assert_false(gpu_record_next(&said, &at, &r));
    strbuf_release(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pci_addresses_are_read_in_every_form),
        cmocka_unit_test(a_bus_that_cannot_be_seen_is_an_error),
        cmocka_unit_test(kernel_lines_that_are_events_are_read),
        cmocka_unit_test(xid_kinds_are_sorted_and_say_what_to_do),
        cmocka_unit_test(endless_lines_in_the_kernel_log_are_survived),
        cmocka_unit_test(children_are_heard_and_the_silent_are_killed),
        cmocka_unit_test(a_child_that_still_runs_is_ended_by_release),
        cmocka_unit_test(children_die_with_their_parent),
        cmocka_unit_test(what_a_child_says_is_not_believed),
    };

    return T_RUN("gpu parts", tests);
}
