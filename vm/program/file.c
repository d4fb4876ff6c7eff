/* Write the program file: header, section table, sections one after the other, then the digest. A section without
 * entries is left out; the loader takes it for empty. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vm/program/program.h"
#include "vm/program/remap.h"

static uint64_t align_up(uint64_t n) { return (n + PBC_ALIGN - 1) / PBC_ALIGN * PBC_ALIGN; }

enum { LIVE_SETS = 22 }; /* the version that introduced live sets */

/* Return the oldest version that can read such a file. A change of the format adds a test for files that need a
 * later version. */
static uint32_t version_of(const struct pbc_part parts[], unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (parts[i].kind == PBC_LIVES) return LIVE_SETS;
    return PBC_OLDEST;
}

/* Return the bytes of an entry in a file of that version: fields that it does not know are at the end. */
static uint32_t entry_size_of(const struct pbc_part *part, uint32_t version)
{
    const bool sets = part->kind == PBC_SETS || part->kind == PBC_MACSETS;
    return sets && version < LIVE_SETS ? offsetof(struct pbc_set, live) : part->entry_size;
}

static void put_part(uint8_t *to, const struct pbc_part *part, uint32_t entry_size)
{
    const uint8_t *from = part->bytes;
    const uint32_t stride = part->stride ? part->stride : part->entry_size;
    if (stride == entry_size) {
        memcpy(to, from, part->count * entry_size);
        return;
    }
    for (uint64_t i = 0; i < part->count; i++, to += entry_size) memcpy(to, from + i * stride, entry_size);
}

uint8_t *pbc_file(const struct pbc_part parts[], unsigned n, uint32_t version, uint64_t *len)
{
    struct pbc_section table[PBC_KINDS] = {0};
    const uint32_t written = version ? version : version_of(parts, n);
    uint64_t at = align_up(sizeof(struct pbc_header) + n * sizeof(struct pbc_section));
    for (unsigned i = 0; i < n; i++) {
        table[i] = (struct pbc_section){.kind = parts[i].kind,
                                        .entry_size = entry_size_of(&parts[i], written),
                                        .offset = at,
                                        .count = parts[i].count};
        at = align_up(at + parts[i].count * table[i].entry_size);
    }
    uint8_t *file = calloc(1, at);
    if (!file) return NULL;
    struct pbc_header header = {.version = written, .sections = n, .size = at};
    memcpy(header.magic, PBC_MAGIC, sizeof header.magic);
    memcpy(file, &header, sizeof header);
    if (n) memcpy(file + sizeof header, table, n * sizeof table[0]);
    for (unsigned i = 0; i < n; i++) put_part(file + table[i].offset, &parts[i], table[i].entry_size);
    const size_t covered = offsetof(struct pbc_header, version);
    pbc_digest(file + covered, at - covered, file + offsetof(struct pbc_header, digest));
    *len = at;
    return file;
}

uint8_t *program_file_with(const struct program *p, const struct pbc_server servers[], size_t *len)
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
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        if (parts[i].kind == PBC_SERVERS) parts[i].bytes = servers;
        if (parts[i].kind != PBC_ORIGIN) parts[kept++] = parts[i];
    }
    bool known = false;
    for (uint32_t i = 0; i < p->named_count; i++) known |= !(servers[p->named[i].server].flags & PBC_SERVER_UNKNOWN);
    if (known) parts[kept++] = (struct pbc_part){PBC_ORIGIN, 1, sizeof p->digest, p->digest, 1};
    uint8_t *file = pbc_file(parts, kept, p->version, &bytes);
    *len = bytes;
    return file;
}

static const struct program *compiled_of(const struct program *p) { return p->past ? p->past->under : p; }

uint8_t *program_file(const struct program *p, size_t *len)
{
    return program_file_with(p, compiled_of(p)->servers, len);
}

struct pbc_server *program_servers_copy(const struct program *p)
{
    const struct program *const from = compiled_of(p);
    struct pbc_server *all = malloc((from->servers_count + (size_t)1) * sizeof *all);
    if (all) memcpy(all, from->servers, from->servers_count * sizeof *all);
    return all;
}

void program_forget_address(const struct program *p, uint32_t row, struct pbc_server *s)
{
    s->flags |= PBC_SERVER_UNKNOWN;
    program_named_place(program_str(p, p->named[row].host), &p->named[row], s->family, s->addr);
    if (*program_str(p, p->named[row].host) != '_') return;
    s->flags &= (uint8_t)~PBC_SERVER_BACKUP;
    s->port = PBC_NAMED_PORT;
    s->weight = 1;
}

uint8_t *program_file_compiled(const struct program *p, size_t *len)
{
    const struct program *const from = compiled_of(p);
    struct pbc_server *all = program_servers_copy(p);
    for (uint32_t i = 0; all && i < from->named_count; i++)
        program_forget_address(from, i, &all[from->named[i].server]);
    uint8_t *file = all ? program_file_with(p, all, len) : NULL;
    free(all);
    return file;
}
