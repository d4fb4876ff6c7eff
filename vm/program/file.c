/* Write the program file: header, section table, sections one after the other, then the digest. A section without
 * entries is left out; the loader takes it for empty. */
#include <stdlib.h>
#include <string.h>

#include "vm/program/program.h"
#include "vm/program/remap.h"

static uint64_t align_up(uint64_t n) { return (n + PBC_ALIGN - 1) / PBC_ALIGN * PBC_ALIGN; }

/* Return the oldest version that can read such a file. A change of the format adds by what a file needs a later one. */
static uint32_t version_of(void) { return PBC_OLDEST; }

static void put_part(uint8_t *to, const struct pbc_part *part)
{
    const uint8_t *from = part->bytes;
    if (!part->stride || part->stride == part->entry_size) {
        memcpy(to, from, part->count * part->entry_size);
        return;
    }
    for (uint64_t i = 0; i < part->count; i++, to += part->entry_size)
        memcpy(to, from + i * part->stride, part->entry_size);
}

uint8_t *pbc_file(const struct pbc_part parts[], unsigned n, uint32_t version, uint64_t *len)
{
    struct pbc_section table[PBC_KINDS] = {0};
    uint64_t at = align_up(sizeof(struct pbc_header) + n * sizeof(struct pbc_section));
    for (unsigned i = 0; i < n; i++) {
        table[i] = (struct pbc_section){
            .kind = parts[i].kind, .entry_size = parts[i].entry_size, .offset = at, .count = parts[i].count};
        at = align_up(at + parts[i].count * parts[i].entry_size);
    }
    uint8_t *file = calloc(1, at);
    if (!file) return NULL;
    struct pbc_header header = {.version = version ? version : version_of(), .sections = n, .size = at};
    memcpy(header.magic, PBC_MAGIC, sizeof header.magic);
    memcpy(file, &header, sizeof header);
    if (n) memcpy(file + sizeof header, table, n * sizeof table[0]);
    for (unsigned i = 0; i < n; i++) put_part(file + table[i].offset, &parts[i]);
    const size_t covered = offsetof(struct pbc_header, version);
    pbc_digest(file + covered, at - covered, file + offsetof(struct pbc_header, digest));
    *len = at;
    return file;
}

uint8_t *program_file(const struct program *p, size_t *len)
{
    struct pbc_part parts[PBC_KINDS];
    unsigned n = 0;
    uint64_t bytes = 0;
    if (p->past) p = p->past->under;
#define X(ident, field, type, most)                                                                                    \
    if (p->field##_count)                                                                                              \
        parts[n++] =                                                                                                   \
            (struct pbc_part){PBC_##ident, p->entry_size[PBC_##ident], p->field##_count, p->field, sizeof(type)};
    PBC_SECTIONS(X)
#undef X
    uint8_t *file = pbc_file(parts, n, p->version, &bytes);
    *len = bytes;
    return file;
}
