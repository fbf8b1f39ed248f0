/* Lines of a kernel log: whatever was logged, an event that is read is one that can be told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/kmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool held)
{
    if (!held)
        abort();
}

static bool event_check(const struct xid_event *x, void *ctx)
{
    size_t *count = ctx;
    enum check_result result = xid_event_result(x);
    char again[PCI_ADDRESS_MAX];

    (*count)++;
    need(x->kind && x->kind->meaning[0] && x->kind->action[0]);
    need(x->at_ms >= 0);
    need(x->is_amd ? x->number == 0 && !x->is_switch : x->number > 0);
    need(result == CHECK_PASS || result == CHECK_WARN || result == CHECK_FAIL);
    need(xid_blame_names[x->kind->blame]);
    /* Only a GPU's own NVLink errors are told more exactly than by number, and as that number. */
    need(x->is_amd || x->is_switch || x->kind == xid_kind_find(x->number) ||
         (x->number >= 144 && x->number <= 150 && x->kind->number == x->number));
    need(memchr(x->address, '\0', sizeof x->address));
    /* An address that was read is one in the form that everything else compares. */
    need(!x->address[0] || (pci_address_read(x->address, again) && strcmp(again, x->address) == 0));
    return true;
}

/* As the kernel's file would be read; returns how many events it held. */
static size_t file_check(const uint8_t *data, size_t size)
{
    static int fd = -1;
    size_t count = 0;
    char path[64];

    if (fd < 0)
        fd = memfd_create("kmsg", MFD_CLOEXEC);
    need(fd >= 0 && ftruncate(fd, 0) == 0);
    need(pwrite(fd, data, size, 0) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    need(kmsg_each(path, event_check, &count, NULL) == ERR_OK);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    size_t lines = 0;

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *line = text; line;) {
        char *end = memchr(line, '\n', size - (size_t)(line - text));
        struct xid_event x;
        size_t one = 0;

        if (end)
            *end = '\0';
        if (kmsg_line_read(line, &x)) {
            event_check(&x, &one);
            /* What does not end was not yet written whole, and is not read from the file. */
            lines += end != NULL;
        }
        line = end ? end + 1 : NULL;
    }
    need(size > 4000 || file_check(data, size) == lines);
    free(text);
    return 0;
}
