/* Reads sysfs, a world of small files that are all checked before they are believed. */
#include "gpu/pci.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"

#define CLASS_DISPLAY     0x03
#define CLASS_ACCELERATOR 0x12 /* "processing accelerator", as MI300X calls itself */
#define SYSFS_VALUE_MAX   64
#define PCI_DEVICES_MAX   65536
#define PCI_DOMAIN_DIGITS 8

/* "0x10de\n"; -1 when the file is missing or holds anything else. */
static long value_read(const char *dir, const char *device, const char *name)
{
    char path[PATH_MAX], *end;
    STRBUF text;
    long value;

    strbuf_init(&text, SYSFS_VALUE_MAX);
    if (snprintf(path, sizeof path, "%s/%s/%s", dir, device, name) >= (int)sizeof path ||
        file_read(path, &text, NULL))
        return -1;
    value = strtol(text.data, &end, 16);
    return end != text.data && (*end == '\0' || *end == '\n') ? value : -1;
}

static void driver_read(const char *dir, const char *device, char *out, size_t size)
{
    char path[PATH_MAX], target[PATH_MAX];
    const char *name;
    ssize_t n;

    out[0] = '\0';
    if (snprintf(path, sizeof path, "%s/%s/driver", dir, device) >= (int)sizeof path)
        return;
    n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return;
    target[n] = '\0';
    name = strrchr(target, '/');
    text_copy(out, size, name ? name + 1 : target);
}

/* One hexadecimal number of at most `digits` digits; returns the digits read. */
static int hex_read(const char *text, int digits, unsigned long *out)
{
    unsigned long value = 0;
    int n = 0;

    while (n < digits && isxdigit((unsigned char)text[n])) {
        char c = (char)tolower((unsigned char)text[n++]);

        value = value * 16 + (unsigned long)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *out = value;
    return n;
}

bool pci_address_read(const char *text, char out[PCI_ADDRESS_MAX])
{
    unsigned long part[3] = {0};
    size_t parts = 0;
    int n;

    if (strncmp(text, "PCI:", 4) == 0)
        text += 4;
    for (; parts < 3; parts++) {
        n = hex_read(text, PCI_DOMAIN_DIGITS, &part[parts]);
        if (n == 0)
            return false;
        text += n;
        if (*text != ':')
            break;
        text++;
    }
    if (parts == 1) { /* bus and device: domain 0 */
        part[2] = part[1];
        part[1] = part[0];
        part[0] = 0;
    } else if (parts != 2) {
        return false;
    }
    if (part[1] > 0xff || part[2] > 0x1f)
        return false;
    return snprintf(out, PCI_ADDRESS_MAX, "%04lx:%02lx:%02lx.0", part[0], part[1], part[2]) <
           PCI_ADDRESS_MAX;
}

static bool is_gpu(const char *dir, const char *device, unsigned *vendor)
{
    long id = value_read(dir, device, "vendor"), class = value_read(dir, device, "class") >> 16;

    *vendor = (unsigned)id;
    return (id == PCI_VENDOR_NVIDIA && class == CLASS_DISPLAY) ||
           (id == PCI_VENDOR_AMD && (class == CLASS_DISPLAY || class == CLASS_ACCELERATOR));
}

enum err_code pci_gpus_list(const char *sysfs_dir, struct pci_gpu *out, size_t max, size_t *count,
                            struct err *e)
{
    char path[PATH_MAX];
    struct dirent *entry;
    size_t found = 0;
    DIR *dir;

    if (snprintf(path, sizeof path, "%s/bus/pci/devices", sysfs_dir) >= (int)sizeof path)
        return err_set(e, ERR_NOT_FOUND, "the path of sysfs is too long");
    dir = opendir(path);
    if (!dir)
        return err_set(e, ERR_NOT_FOUND, "the PCI bus cannot be seen from here");
    for (int seen = 0; found < max && seen < PCI_DEVICES_MAX; seen++) {
        struct pci_gpu *g = &out[found];

        entry = readdir(dir);
        if (!entry)
            break;
        if (entry->d_name[0] == '.' || !pci_address_read(entry->d_name, g->address) ||
            !is_gpu(path, entry->d_name, &g->vendor))
            continue;
        driver_read(path, entry->d_name, g->driver, sizeof g->driver);
        found++;
    }
    closedir(dir);
    *count = found;
    return ERR_OK;
}
