/* Writer of the finished program file: the sections of the image that have entries. */
#include <string.h>

#include "compiler/image/image.h"
#include "lang/heap.h"

static bool text_add(struct image *img, const char *text, size_t len)
{
    if (len > PBC_TEXT_MOST - img->text_count) return false;
    for (size_t i = 0; i < len; i++) *image_add_text(img) = text[i];
    return true;
}

void image_text(struct image *img, const struct sources *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const struct source_file *f = &s->files[i];
        const bool ends = f->len && f->text[f->len - 1] == '\n';
        if (f->typed) continue;
        bool fits = text_add(img, "# ", 2) && text_add(img, f->path, strlen(f->path)) && text_add(img, ":\n", 2);
        fits = fits && text_add(img, f->text, f->len) && text_add(img, "\n", !ends);
        if (!fits) return;
    }
}

void image_emit(struct image *img, uint8_t **bytes, size_t *len)
{
    struct pbc_part parts[PBC_KINDS];
    unsigned n = 0;
    uint64_t size = 0;
#define X(ident, field, type, most)                                                                                    \
    if (img->field##_count)                                                                                            \
        parts[n++] = (struct pbc_part){PBC_##ident, sizeof(type), img->field##_count, img->field, 0};
    PBC_SECTIONS(X)
#undef X
    *bytes = pbc_file(parts, n, 0, &size);
    if (!*bytes) out_of_memory();
    *len = size;
}
