/* Columns of text for people, clean. */
#include "gpu/cells.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

void gpu_clean(struct strbuf *out, const char *text)
{
    text_clean(out, text, strlen(text), TEXT_ONE_LINE);
}

/* Text, then spaces up to `width` cells and one more. */
void gpu_column(struct strbuf *out, const char *text, int width)
{
    STRBUF cell;

    strbuf_init(&cell, TEXT_BYTES_MAX * 4);
    gpu_clean(&cell, text);
    strbuf_adds(out, cell.data);
    for (int used = text_width(cell.data); used < width; used++)
        strbuf_addc(out, ' ');
    strbuf_addc(out, ' ');
}

/* No line ends in spaces. */
void gpu_line_end(struct strbuf *out)
{
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    strbuf_addc(out, '\n');
}

void gpu_gpus_text(const struct report_gpu *gpus, size_t count, struct strbuf *out)
{
    int width = 5;

    for (size_t i = 0; i < count; i++)
        width = text_width(gpus[i].model) > width ? text_width(gpus[i].model) : width;
    gpu_column(out, "GPU", 4);
    gpu_column(out, "MODEL", width);
    gpu_column(out, "PCI", 13);
    strbuf_adds(out, "UUID\n");
    for (size_t i = 0; i < count; i++) {
        char index[24];

        snprintf(index, sizeof index, "%" PRId64, gpus[i].index);
        gpu_column(out, index, 4);
        gpu_column(out, gpus[i].model[0] ? gpus[i].model : "-", width);
        gpu_column(out, gpus[i].pci[0] ? gpus[i].pci : "-", 13);
        gpu_clean(out, gpus[i].uuid[0] ? gpus[i].uuid : "-");
        gpu_line_end(out);
    }
}
