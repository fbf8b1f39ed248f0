/* Reads /dev/kmsg, or a file of the same form, and picks out what the drivers reported. */
#include "gpu/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KMSG_BYTES_MAX  (64 * 1024 * 1024) /* far above any kernel's ring */
#define KMSG_READ_BYTES 16384              /* above the kernel's longest record */
#define KMSG_LINE_MAX   4096
#define FACILITY_SHIFT  3
#define XID_NUMBER_MAX  100000

/* NVLink 5's, which say more than their number. */
#define NVLINK_XID_FIRST 144
#define NVLINK_XID_LAST  150

const char *const xid_blame_names[] = {
    [XID_BLAME_APP] = "application", [XID_BLAME_GPU] = "GPU",       [XID_BLAME_LINK] = "link",
    [XID_BLAME_HOST] = "machine",    [XID_BLAME_DRIVER] = "driver", NULL,
};

static const struct xid_kind xid_kinds[] = {
#define XID(number, meaning, blame, result, ...) \
    {number, meaning, XID_BLAME_##blame, CHECK_##result, __VA_ARGS__},
#include "gpu/xids.def.h"
#undef XID
};

/* Rows of another list, whose classes are macros of several words each. */
#define NVLINK_KIND(number, ...) NVLINK_KIND_OF(number, __VA_ARGS__)
#define NVLINK_KIND_OF(number, meaning, blame, result, ...)             \
    {                                                                   \
        number, meaning, XID_BLAME_##blame, CHECK_##result, __VA_ARGS__ \
    }

enum nvlink_severity { NVLINK_NONFATAL, NVLINK_FATAL };

static const struct nvlink_rule {
    const char *units; /* names with '/' between them */
    enum nvlink_severity severity;
    uint32_t reason, status;
    struct xid_kind kind;
} nvlink_rules[] = {
#define NVLINK_XID(number, units, severity, reason, status, ...) \
    {units, NVLINK_##severity, reason, status, NVLINK_KIND(number, __VA_ARGS__)},
#include "gpu/nvlink_xids.def.h"
#undef NVLINK_XID
};

static const struct xid_kind xid_unknown = {
    .meaning = "unknown to this version",
    .blame = XID_BLAME_GPU,
    .result = CHECK_WARN,
    .remedy = REMEDY_WATCH,
    .action = "look it up in NVIDIA's XID catalogue",
};

const struct xid_kind *xid_kind_find(int64_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(xid_kinds); i++) {
        if (xid_kinds[i].number == number)
            return &xid_kinds[i];
    }
    return &xid_unknown;
}

static const struct {
    int64_t first, last;
    struct xid_kind kind;
} sxid_kinds[] = {
#define SXID(first, last, meaning, result, ...) \
    {first, last, {first, meaning, XID_BLAME_LINK, CHECK_##result, __VA_ARGS__}},
#include "gpu/sxids.def.h"
#undef SXID
};

static const struct xid_kind sxid_unknown = {
    .meaning = "unknown to this version",
    .blame = XID_BLAME_LINK,
    .result = CHECK_WARN,
    .remedy = REMEDY_INSPECT,
    .action = "look it up in NVIDIA's fabric manager guide",
};

static const struct {
    const char *words;
    struct xid_kind kind;
} amd_kinds[] = {
#define AMD_LOG(words, meaning, blame, result, ...) \
    {words, {0, meaning, XID_BLAME_##blame, CHECK_##result, __VA_ARGS__}},
#include "gpu/amd_log.def.h"
#undef AMD_LOG
};

const struct xid_kind *sxid_kind_find(int64_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(sxid_kinds); i++) {
        if (number >= sxid_kinds[i].first && number <= sxid_kinds[i].last)
            return &sxid_kinds[i].kind;
    }
    return &sxid_unknown;
}

enum check_result xid_event_result(const struct xid_event *x)
{
    bool of_link = x->kind->blame == XID_BLAME_LINK && !x->is_amd;

    return of_link && x->is_fatal ? CHECK_FAIL : x->kind->result;
}

/* "149, NETIR_LINK_EVT Fatal XC0", "12020, Fatal, Link 32": the first or the second word after
 * the number. Further on, anybody's process name may stand. */
static bool fatal_read(const char *text)
{
    static const char apart[] = ", ";

    for (int word = 0; word < 2; word++) {
        size_t len;

        text += strspn(text, apart);
        len = strcspn(text, apart);
        if (len == 5 && strncmp(text, "Fatal", 5) == 0)
            return true;
        text += len;
    }
    return false;
}

/* One of a rule's names. */
static bool nvlink_unit_is(const char *units, const char *unit)
{
    size_t len = strlen(unit);

    for (const char *at = units; *at; at += strspn(at, "/")) {
        size_t one = strcspn(at, "/");

        if (one == len && strncmp(at, unit, len) == 0)
            return true;
        at += one;
    }
    return false;
}

/* "145, pid=7, name=train, RLW_RXPIPE Nonfatal XC0 i0 Link 13 (0x0409a0c2 0x00000008 ...)": what
 * the driver says itself has no comma and comes last, so that a process cannot put its name in
 * its place. A form that is not this one is left to the number and the line's own word. */
static void nvlink_read(const char *text, struct xid_event *x)
{
    const char *last = text;
    char unit[40], severity[10];
    uint32_t info, status;
    bool is_fatal;

    for (const char *at = text; (at = strstr(at, ", ")) != NULL;)
        last = at += 2;
    if (sscanf(last, "%39s %9s XC%*u i%*u Link %*d (0x%8" SCNx32 " 0x%8" SCNx32, unit, severity,
               &info, &status) != 4 ||
        !strchr(last, ')'))
        return;
    is_fatal = strcmp(severity, "Fatal") == 0;
    if (!is_fatal && strcmp(severity, "Nonfatal") != 0)
        return;
    x->is_fatal = is_fatal;
    for (size_t i = 0; i < ARRAY_SIZE(nvlink_rules); i++) {
        const struct nvlink_rule *r = &nvlink_rules[i];

        if (r->kind.number == x->number && (r->severity == NVLINK_FATAL) == is_fatal &&
            r->reason == (info >> 20 & 0x3f) && r->status == status &&
            nvlink_unit_is(r->units, unit)) {
            x->kind = &r->kind;
            return;
        }
    }
}

/* "(PCI:0000:05:00): 79, text" after the word Xid. */
static bool event_read(const char *text, struct xid_event *out)
{
    char *end;
    const char *number;

    if (*text++ != '(' || !pci_address_read(text, out->address))
        return false;
    number = strstr(text, "): ");
    if (!number)
        return false;
    number += 3;
    out->number = strtol(number, &end, 10);
    if (end == number || out->number <= 0 || out->number > XID_NUMBER_MAX)
        return false;
    out->is_fatal = fatal_read(end);
    out->kind = out->is_switch ? sxid_kind_find(out->number) : xid_kind_find(out->number);
    if (!out->is_switch && out->number >= NVLINK_XID_FIRST && out->number <= NVLINK_XID_LAST)
        nvlink_read(end, out);
    return true;
}

/* "amdgpu 0000:0b:00.0: amdgpu: 2 uncorrectable hardware errors detected in umc block", or
 * without an address "[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring gfx timeout, signaled". */
static bool amd_read(const char *text, struct xid_event *out)
{
    static const char driver[] = "amdgpu ", drm[] = "[drm:amdgpu_";

    if (strncmp(text, driver, sizeof driver - 1) == 0) {
        if (!pci_address_read(text + sizeof driver - 1, out->address))
            return false;
    } else if (strncmp(text, drm, sizeof drm - 1) != 0) {
        return false;
    }
    /* Here a program's name stands, which may be any words. */
    if (strstr(text, "rocess information"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(amd_kinds); i++) {
        const char *at = strstr(text, amd_kinds[i].words);

        if (!at)
            continue;
        /* The driver also tells that it has counted none. */
        if ((at - text >= 3 && strncmp(at - 3, " 0 ", 3) == 0) ||
            (at - text >= 4 && strncmp(at - 4, " no ", 4) == 0))
            return false;
        out->is_amd = true;
        out->kind = &amd_kinds[i].kind;
        return true;
    }
    return false;
}

static bool text_read(const char *text, struct xid_event *x)
{
    static const char gpu_words[] = "NVRM: Xid ", switch_words[] = ": SXid ";

    if (strncmp(text, gpu_words, sizeof gpu_words - 1) == 0)
        return event_read(text + sizeof gpu_words - 1, x);
    if (strncmp(text, "nvidia-nvswitch", 15) == 0 && strstr(text, switch_words)) {
        x->is_switch = true;
        return event_read(strstr(text, switch_words) + sizeof switch_words - 1, x);
    }
    return amd_read(text, x);
}

bool kmsg_line_read(const char *line, struct xid_event *out)
{
    struct xid_event x = {0};
    unsigned priority;
    int64_t at_us;
    const char *text = strchr(line, ';');

    if (!text || sscanf(line, "%u,%*u,%" SCNd64, &priority, &at_us) != 2 || at_us < 0)
        return false;
    /* The kernel marks what programs write with another facility than its own, 0. */
    if (priority >> FACILITY_SHIFT != 0)
        return false;
    x.at_ms = at_us / 1000;
    if (!text_read(text + 1, &x))
        return false;
    *out = x;
    return true;
}

struct reader {
    char line[KMSG_LINE_MAX];
    size_t len; /* may exceed the line: what does not fit is dropped */
    bool (*fn)(const struct xid_event *x, void *ctx);
    void *ctx;
};

static bool bytes_take(struct reader *r, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct xid_event x;

        if (bytes[i] != '\n') {
            if (r->len < sizeof r->line - 1)
                r->line[r->len++] = bytes[i];
            continue;
        }
        r->line[r->len] = '\0';
        r->len = 0;
        if (kmsg_line_read(r->line, &x) && !r->fn(&x, r->ctx))
            return false;
    }
    return true;
}

static enum err_code kmsg_open(const char *path, int *fd, struct err *e)
{
    *fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (*fd >= 0)
        return ERR_OK;
    if (errno == EPERM || errno == EACCES)
        return err_set(e, ERR_FORBIDDEN, "only root may read the kernel log here");
    if (errno == ENOENT || errno == ENXIO || errno == ENODEV)
        return err_set(e, ERR_NOT_FOUND, "there is no kernel log here");
    return err_set(e, ERR_IO, "cannot open the kernel log: %m");
}

enum err_code kmsg_each(const char *path, bool (*fn)(const struct xid_event *x, void *ctx),
                        void *ctx, struct err *e)
{
    struct reader r = {.fn = fn, .ctx = ctx};
    char bytes[KMSG_READ_BYTES];
    size_t total = 0;
    int fd;
    enum err_code rc = kmsg_open(path, &fd, e);

    if (rc)
        return rc;
    while (total < KMSG_BYTES_MAX) {
        ssize_t n = read(fd, bytes, sizeof bytes);

        /* EPIPE: the ring moved on under us; the next read is at its new start. */
        if (n < 0 && (errno == EINTR || errno == EPIPE))
            continue;
        if (n < 0 && errno != EAGAIN)
            rc = errno == EPERM
                     ? err_set(e, ERR_FORBIDDEN, "only root may read the kernel log here")
                     : err_set(e, ERR_IO, "cannot read the kernel log: %m");
        if (n <= 0 || !bytes_take(&r, bytes, (size_t)n))
            break;
        total += (size_t)n;
    }
    close(fd);
    return rc;
}
