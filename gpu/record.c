/* Records between child and parent. */
#include "gpu/record.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define PCIE_GENERATION_MAX 16
#define PCIE_LANES_MAX      32

_Static_assert(sizeof(bool) == 1, "a bool is one byte, whatever is in it");
_Static_assert(sizeof(struct gpu_record) <= PIPE_BUF, "a record is written at once");

void gpu_record_send(int fd, const struct gpu_record *r)
{
    while (write(fd, r, sizeof *r) < 0 && errno == EINTR)
        ;
}

#define TERMINATE(array) ((array)[sizeof(array) - 1] = '\0')

static void gpu_trim(struct gpu_info *g)
{
    unsigned char limited;

    TERMINATE(g->gpu.uuid);
    TERMINATE(g->gpu.model);
    TERMINATE(g->gpu.pci);
    TERMINATE(g->reason);
    if (g->memory_total_bytes < 0)
        g->memory_total_bytes = 0;
    if (g->memory_used_bytes < 0)
        g->memory_used_bytes = 0;
    if (g->pcie_generation < 0 || g->pcie_generation > PCIE_GENERATION_MAX)
        g->pcie_generation = 0;
    if (g->pcie_lanes < 0 || g->pcie_lanes > PCIE_LANES_MAX)
        g->pcie_lanes = 0;
    memcpy(&limited, &g->is_power_limited, 1);
    g->is_power_limited = limited != 0;
}

static bool finding_trim(struct finding *f)
{
    unsigned char moot;

    memcpy(&moot, &f->is_moot, 1);
    f->is_moot = moot != 0;
    TERMINATE(f->check);
    TERMINATE(f->unit);
    TERMINATE(f->detail);
    TERMINATE(f->source);
    TERMINATE(f->action);
    return (unsigned)f->result <= CHECK_ERROR && (unsigned)f->remedy <= REMEDY_REPLACE &&
           isfinite(f->value) && isfinite(f->floor);
}

static bool record_trim(struct gpu_record *r)
{
    switch (r->kind) {
    case RECORD_LOADED:
        return true;
    case RECORD_FAILED:
        TERMINATE(r->as.failed.reason);
        return r->as.failed.state <= GPU_DRIVER_SILENT;
    case RECORD_READY:
        TERMINATE(r->as.ready.version);
        return r->as.ready.count >= 0;
    case RECORD_GPU:
        gpu_trim(&r->as.gpu);
        return (unsigned)r->as.gpu.vendor < GPU_VENDOR_COUNT;
    case RECORD_BEGIN:
        return r->check < gpu_check_count;
    case RECORD_FINDING:
        return r->check < gpu_check_count && finding_trim(&r->as.finding);
    default:
        return false;
    }
}

bool gpu_record_next(const struct strbuf *said, size_t *at, struct gpu_record *out)
{
    if (said->len - *at < sizeof *out)
        return false;
    memcpy(out, said->data + *at, sizeof *out);
    *at += sizeof *out;
    return record_trim(out);
}
