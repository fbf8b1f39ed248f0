/* The drivers' complaints in the kernel log: XIDs of NVIDIA's GPUs, SXids of NVSwitches, and
 * what amdgpu says about AMD's. */
#ifndef GPU_KMSG_H
#define GPU_KMSG_H

#include "core/strbuf.h"
#include "gpu/pci.h"
#include "model/report.h"

enum xid_blame { XID_BLAME_APP, XID_BLAME_GPU, XID_BLAME_LINK, XID_BLAME_HOST, XID_BLAME_DRIVER };
extern const char *const xid_blame_names[];

struct xid_kind {
    int64_t number;
    const char *meaning;
    enum xid_blame blame;
    enum check_result result; /* pass, warn or fail: what one recent event means */
    enum remedy remedy;
    const char *action; /* for the operator */
};

/* Never NULL: an unknown number is a kind of its own, with a warning. An event of NVLink 5 may
 * have a kind more exact than its number's: kmsg_line_read finds it by what the line says. */
const struct xid_kind *xid_kind_find(int64_t number);

/* The same for an SXid. */
const struct xid_kind *sxid_kind_find(int64_t number);

struct xid_event {
    int64_t number; /* 0: amdgpu's, which has none */
    int64_t at_ms;  /* since the machine's start */
    bool is_switch; /* an SXid */
    bool is_amd;    /* of amdgpu */
    bool is_fatal;  /* the line itself says Fatal */
    const struct xid_kind *kind;
    char address[PCI_ADDRESS_MAX]; /* "" where amdgpu does not name one */
};

/* What one recent event means: its kind, and the line's own word where the kind is a link's. */
enum check_result xid_event_result(const struct xid_event *x);

/* Calls fn for every event that the kernel itself logged; a line that a program wrote into
 * the log is ignored. fn returns false to stop. Errors: ERR_FORBIDDEN only root may read it,
 * ERR_NOT_FOUND there is none, ERR_IO. */
enum err_code kmsg_each(const char *path, bool (*fn)(const struct xid_event *x, void *ctx),
                        void *ctx, struct err *e) MUST_CHECK;

/* One record "priority,sequence,microseconds,flags;text". False when it is no event. */
bool kmsg_line_read(const char *line, struct xid_event *out);

#endif
