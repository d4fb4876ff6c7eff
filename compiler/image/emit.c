/* Writer of the finished program file: the sections of the image that have entries. */
#include "compiler/image/image.h"
#include "lang/heap.h"

void image_emit(struct image *img, uint8_t **bytes, size_t *len)
{
    struct pbc_part parts[PBC_KINDS];
    unsigned n = 0;
    uint64_t size = 0;
#define X(ident, field, type, most)                                                                                    \
    if (img->field##_count) parts[n++] = (struct pbc_part){PBC_##ident, sizeof(type), img->field##_count, img->field};
    PBC_SECTIONS(X)
#undef X
    *bytes = pbc_file(parts, n, &size);
    if (!*bytes) out_of_memory();
    *len = size;
}
