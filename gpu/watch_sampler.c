/* The process that asks the driver, and the parent's end of it. It answers questions and has no
 * time of its own, so that one clock rules the watcher. */
#include "gpu/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gpu/probe.h"

_Static_assert(sizeof(struct watch_record) <= PIPE_BUF, "a record is written at once");

#define PCIE_SENT       0 /* NVML_PCIE_UTIL_TX_BYTES */
#define PCIE_RECEIVED   1
#define BYTES_PER_KB    1000
#define HEARD_BYTES_MAX (256 * 1024)

/* --- in the child --------------------------------------------------------------------- */

struct sampler_child {
    struct watch_sampler *sampler;
    int ask_fd, parents_end;
    struct nvml nvml;
    struct gpu_target targets[GPUS_PER_INSTANCE_MAX];
    size_t gpu_count;
};

static void record_send(int fd, const struct watch_record *r)
{
    while (write(fd, r, sizeof *r) < 0 && errno == EINTR)
        ;
}

static bool failed(int fd, const char *reason)
{
    struct watch_record r = {.kind = WATCH_FAILED};

    gpu_text_copy(r.as.reason, sizeof r.as.reason, reason, strlen(reason));
    record_send(fd, &r);
    return false;
}

static bool driver_start(struct sampler_child *c, int fd)
{
    struct watch_record ready = {.kind = WATCH_READY};
    char version[SLUG_BYTES_MAX] = "";
    unsigned count = 0;
    struct err e;
    int code;

    if (nvml_open(&c->nvml, c->sampler->options.nvml_path, &e))
        return failed(fd, e.msg);
    code = c->nvml.init();
    if (code == NVML_OK)
        code = c->nvml.device_count(&count);
    if (code != NVML_OK)
        return failed(fd, nvml_code_text(code));
    c->gpu_count = count > GPUS_PER_INSTANCE_MAX ? GPUS_PER_INSTANCE_MAX : count;
    ready.as.ready.count = (int64_t)c->gpu_count;
    if (NVML_CALL(&c->nvml, driver_version, version, sizeof version - 1) == NVML_OK)
        gpu_text_copy(ready.as.ready.version, sizeof ready.as.ready.version, version,
                      strlen(version));
    record_send(fd, &ready);
    return true;
}

static void identity_tell(struct sampler_child *c, int fd, size_t gpu)
{
    struct gpu_info info = {.gpu.index = (int64_t)gpu, .vendor_index = (uint32_t)gpu};
    struct watch_record r = {.kind = WATCH_IDENTITY, .gpu = (uint32_t)gpu};

    c->targets[gpu].nvml = &c->nvml;
    gpu_identify(&c->targets[gpu], &info);
    if (!info.answered)
        return;
    r.as.identity = info.gpu;
    record_send(fd, &r);
}

static int64_t pcie_ask(const struct sampler_child *c, size_t gpu, int direction)
{
    unsigned kilobytes = 0;

    return NVML_CALL(&c->nvml, pcie_throughput, c->targets[gpu].device, direction, &kilobytes) ==
                   NVML_OK
               ? (int64_t)kilobytes * BYTES_PER_KB
               : -1;
}

static void reading_tell(struct sampler_child *c, int fd, size_t gpu, bool pcie)
{
    struct watch_record r = {.kind = WATCH_READING,
                             .gpu = (uint32_t)gpu,
                             .as.reading.code = c->targets[gpu].device_code,
                             .as.reading.pcie = {-1, -1}};

    if (c->targets[gpu].device)
        r.as.reading.code =
            telemetry_read(&c->nvml, c->targets[gpu].device, &r.as.reading.telemetry);
    r.as.reading.read_at_ms = clock_mono_ms(c->sampler->options.clock);
    if (r.as.reading.code == NVML_OK && pcie) {
        r.as.reading.pcie.rx_bytes_per_second = pcie_ask(c, gpu, PCIE_RECEIVED);
        r.as.reading.pcie.tx_bytes_per_second = pcie_ask(c, gpu, PCIE_SENT);
    }
    record_send(fd, &r);
}

static bool question_read(int fd, struct watch_question *q)
{
    ssize_t n;

    do
        n = read(fd, q, sizeof *q);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *q;
}

/* A process stuck in the driver outlives its kill. It must not hold on to the port. */
static void others_close(int a, int b)
{
    unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);

    if (low > 3)
        close_range(3, low - 1, 0);
    if (high > low + 1)
        close_range(low + 1, high - 1, 0);
    close_range(high + 1, ~0U, 0);
}

static void sampler_main(int fd, void *ctx)
{
    struct sampler_child *c = ctx;
    struct watch_question q;
    bool started = false;

    others_close(fd, c->ask_fd);
    while (question_read(c->ask_fd, &q)) {
        if (!started && !driver_start(c, fd))
            return;
        started = true;
        for (size_t i = 0; i < c->gpu_count; i++) {
            if (!(q.gpus >> i & 1))
                continue;
            if (!c->targets[i].device)
                identity_tell(c, fd, i);
            reading_tell(c, fd, i, q.pcie >> i & 1);
        }
        record_send(fd, &(struct watch_record){.kind = WATCH_ROUND});
    }
}

/* --- in the parent --------------------------------------------------------------------- */

enum err_code watch_sampler_start(struct watch_sampler *s, struct err *e)
{
    static struct sampler_child child; /* its size is no stack's; only the child uses it */
    int ends[2];
    enum err_code rc;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_set(e, ERR_IO, "cannot make a pipe: %m");
    child = (struct sampler_child){.sampler = s, .ask_fd = ends[0], .parents_end = ends[1]};
    rc = gpu_child_start(&s->child, sampler_main, &child, e);
    close(ends[0]);
    if (rc) {
        close(ends[1]);
        return rc;
    }
    s->ask_fd = ends[1];
    fcntl(s->ask_fd, F_SETFL, O_NONBLOCK);
    fcntl(s->child.fd, F_SETFL, O_NONBLOCK);
    return ERR_OK;
}

bool watch_sampler_ask(struct watch_sampler *s, const struct watch_question *q)
{
    return s->child.listening && write(s->ask_fd, q, sizeof *q) == (ssize_t)sizeof *q;
}

bool watch_sampler_hear(struct watch_sampler *s)
{
    char bytes[16384];
    ssize_t n = read(s->child.fd, bytes, sizeof bytes);

    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    if (n == 0 || s->child.said.len + (size_t)n > HEARD_BYTES_MAX)
        return false;
    strbuf_add(&s->child.said, bytes, (size_t)n);
    return !s->child.said.failed;
}

#define TERMINATE(array) ((array)[sizeof(array) - 1] = '\0')

/* The driver may have scribbled over the child's memory: believe nothing. */
static bool record_trim(struct watch_record *r)
{
    if (r->gpu >= GPUS_PER_INSTANCE_MAX)
        return false;
    switch (r->kind) {
    case WATCH_FAILED:
        TERMINATE(r->as.reason);
        return true;
    case WATCH_READY:
        TERMINATE(r->as.ready.version);
        return r->as.ready.count >= 0 && r->as.ready.count <= GPUS_PER_INSTANCE_MAX;
    case WATCH_IDENTITY:
        TERMINATE(r->as.identity.uuid);
        TERMINATE(r->as.identity.model);
        TERMINATE(r->as.identity.pci);
        return true;
    case WATCH_READING:
        return r->as.reading.read_at_ms > 0;
    default:
        return r->kind == WATCH_ROUND;
    }
}

bool watch_sampler_next(struct watch_sampler *s, struct watch_record *out)
{
    while (s->child.said.len >= sizeof *out) {
        memcpy(out, s->child.said.data, sizeof *out);
        strbuf_consume(&s->child.said, sizeof *out);
        if (record_trim(out))
            return true;
    }
    return false;
}

void watch_sampler_end(struct watch_sampler *s)
{
    if (s->child.listening)
        close(s->ask_fd);
    gpu_child_release(&s->child);
}
