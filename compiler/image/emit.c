/* The finished program file: header, table and sections of the image laid out one after the other, then the digest.
 * A section without entries is left out; the loader takes it for empty. */
#include <string.h>

#include "compiler/image/image.h"
#include "lang/heap.h"

struct part {
    uint32_t kind, entry_size;
    uint64_t count;
    const void *bytes;
};

static uint64_t align_up(uint64_t n) { return (n + PBC_ALIGN - 1) / PBC_ALIGN * PBC_ALIGN; }

static unsigned collect(const struct image *img, struct part parts[PBC_KINDS])
{
    unsigned n = 0;

#define X(ident, field, type, most)                                                                                    \
    if (img->field##_count) parts[n++] = (struct part){PBC_##ident, sizeof(type), img->field##_count, img->field};
    PBC_SECTIONS(X)
#undef X
    return n;
}

void image_emit(struct image *img, uint8_t **bytes, size_t *len)
{
    struct part parts[PBC_KINDS];
    struct pbc_section table[PBC_KINDS] = {0};
    const unsigned n = collect(img, parts);
    uint64_t at = align_up(sizeof(struct pbc_header) + n * sizeof(struct pbc_section));

    for (unsigned i = 0; i < n; i++) {
        table[i] = (struct pbc_section){
            .kind = parts[i].kind, .entry_size = parts[i].entry_size, .offset = at, .count = parts[i].count};
        at = align_up(at + parts[i].count * parts[i].entry_size);
    }

    uint8_t *file = heap_zeroed(1, at);
    struct pbc_header header = {.version = PBC_VERSION, .sections = n, .size = at};
    memcpy(header.magic, PBC_MAGIC, sizeof(header.magic));
    memcpy(file, &header, sizeof(header));
    if (n) memcpy(file + sizeof(header), table, n * sizeof(table[0]));
    for (unsigned i = 0; i < n; i++)
        memcpy(file + table[i].offset, parts[i].bytes, parts[i].count * parts[i].entry_size);

    const size_t covered = offsetof(struct pbc_header, version);
    pbc_digest(file + covered, at - covered, file + offsetof(struct pbc_header, digest));
    *bytes = file;
    *len = at;
}
