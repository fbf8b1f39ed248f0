/* Every call goes to SQLite's own VFS; reads, writes and flushes are counted on the way and
 * fail when they are told to. */
#include "tests/support/fault_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* right behind this struct */
};

static struct {
    sqlite3_vfs *real;
    _Atomic int kind;
    _Atomic int64_t left; /* operations before the failure */
    _Atomic bool sticky;
    _Atomic int64_t hits, size_max;
} faults;

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct fault_file *)f)->real;
}

/* True when this operation is the one to fail. */
static bool strikes(enum fault_kind kind)
{
    int64_t left;

    if (faults.kind != (int)kind)
        return false;
    left = atomic_fetch_sub(&faults.left, 1);
    if (left > 0 || (left < 0 && !faults.sticky))
        return false;
    atomic_fetch_add(&faults.hits, 1);
    return true;
}

static int f_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int f_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
    if (strikes(FAULT_READ))
        return SQLITE_IOERR_READ;
    return real_of(f)->pMethods->xRead(real_of(f), to, len, at);
}

static int f_write(sqlite3_file *f, const void *from, int len, sqlite3_int64 at)
{
    if (faults.size_max && at + len > faults.size_max) {
        atomic_fetch_add(&faults.hits, 1);
        return SQLITE_FULL;
    }
    if (strikes(FAULT_FULL))
        return SQLITE_FULL;
    if (strikes(FAULT_WRITE))
        return SQLITE_IOERR_WRITE;
    return real_of(f)->pMethods->xWrite(real_of(f), from, len, at);
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int f_sync(sqlite3_file *f, int flags)
{
    if (strikes(FAULT_SYNC))
        return SQLITE_IOERR_FSYNC;
    return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int f_size(sqlite3_file *f, sqlite3_int64 *out)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), out);
}

static int f_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int f_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int f_check(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int f_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int f_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int f_device(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int f_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int f_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void f_shm_barrier(sqlite3_file *f)
{
    real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int f_shm_unmap(sqlite3_file *f, int remove)
{
    return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* with shared memory, without mapped files */
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_device,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static int f_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *out_flags)
{
    struct fault_file *file = (struct fault_file *)f;
    int rc;

    (void)vfs;
    file->real = (sqlite3_file *)(void *)(file + 1);
    rc = faults.real->xOpen(faults.real, path, file->real, flags, out_flags);
    f->pMethods = file->real->pMethods ? &methods : NULL;
    return rc;
}

void fault_vfs_install(void)
{
    static sqlite3_vfs vfs;

    if (faults.real)
        return;
    faults.real = sqlite3_vfs_find(NULL);
    vfs = *faults.real;
    vfs.pNext = NULL;
    vfs.zName = "fault";
    vfs.szOsFile += (int)sizeof(struct fault_file);
    vfs.xOpen = f_open;
    sqlite3_vfs_register(&vfs, 1);
}

void fault_vfs_set(enum fault_kind kind, int64_t after, bool sticky)
{
    faults.kind = FAULT_NONE;
    faults.left = after;
    faults.sticky = sticky;
    faults.hits = 0;
    faults.kind = (int)kind;
}

void fault_vfs_size_max(int64_t bytes)
{
    faults.size_max = bytes;
}

int64_t fault_vfs_hits(void)
{
    return faults.hits;
}
