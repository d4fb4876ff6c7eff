/* The past of a program as bytes (remap.h): the entries behind those of its file, as they are, and the ids. Input is
 * copied first and then verified, because its writer may still change it. */
#include <stdio.h>
#include <string.h>

#include "vm/keyed/archive.h"
#include "vm/program/remap.h"
#include "vm/program/remap_priv.h"

enum {
    IDS_MOST = 1 << 24, /* most ids of services, and of servers; every reload may add some */
    MOST = 1 << 20      /* most entries of a kind (vm/pbc/file.h has the same for servers, and fewer of the others) */
};

/* Numbers of entries behind the file's parts */
struct counts {
    uint32_t pools, servers, services, nats, strings, service_ids, server_ids;
    uint32_t bytes; /* sum of the sizes of one entry of each kind: another version's may be longer */
};
enum {
    ENTRY_BYTES =
        sizeof(struct pbc_pool) + sizeof(struct pbc_server) + sizeof(struct pbc_service) + sizeof(struct pbc_nat)
};

static struct counts counts_of(const struct program *p)
{
    const struct program_past *past = p->past;
    return (struct counts){.pools = p->pools_count - past->pools,
                           .servers = p->servers_count - past->servers,
                           .services = p->services_count - past->services,
                           .nats = past->nats_count,
                           .strings = p->strings_count - past->under->strings_count,
                           .service_ids = past->service_ids,
                           .server_ids = past->server_ids,
                           .bytes = ENTRY_BYTES};
}

/* Walk over all parts by their counts, in a view that has them or has room for them. */
static bool walk(struct making *m, const struct counts *n, struct archive *a)
{
    const struct program *to = m->past->under;
    archive_part(a, m->strings + to->strings_count, n->strings);
    archive_part(a, m->pools + to->pools_count, n->pools * sizeof *m->pools);
    archive_part(a, m->servers + to->servers_count, n->servers * sizeof *m->servers);
    archive_part(a, m->services + to->services_count, n->services * sizeof *m->services);
    archive_part(a, m->branches + to->branches_count, n->services * sizeof *m->branches);
    archive_part(a, m->nats + to->nats_count, n->nats * sizeof *m->nats);
    archive_part(a, m->until_ns, n->servers * sizeof *m->until_ns);
    archive_part(a, m->service_id, (to->services_count + (size_t)n->services) * sizeof *m->service_id);
    return archive_part(a, m->server_id, (to->servers_count + (size_t)n->servers) * sizeof *m->server_id);
}

static void *own(const void *p) { return (void *)(uintptr_t)p; }

void program_past_write(const struct program *p, struct archive *a)
{
    uint8_t there = !program_is_plain(p);
    if (!ARCHIVE(a, there) || !there) return;
    struct counts n = counts_of(p);
    struct making m = {.past = own(p->past),
                       .pools = own(p->pools),
                       .servers = own(p->servers),
                       .services = own(p->services),
                       .branches = own(p->branches),
                       .nats = own(p->nats),
                       .strings = own(p->strings),
                       .until_ns = own(p->past->until_ns),
                       .service_id = own(p->past->service_id),
                       .server_id = own(p->past->server_id)};
    a->bad |= n.service_ids > IDS_MOST || n.server_ids > IDS_MOST;
    ARCHIVE(a, n);
    walk(&m, &n, a);
}

/* True if these counts are allowed, and there are bytes for the entries, so that memory is only taken for existing
 * entries. */
static bool counts_are_sound(const struct counts *n, const struct program *to, size_t left)
{
    const uint64_t bytes = n->strings + n->pools * sizeof(struct pbc_pool) +
                           n->servers * (sizeof(struct pbc_server) + sizeof(uint64_t) + sizeof(uint32_t)) +
                           n->services * (sizeof(struct pbc_service) + sizeof(struct pbc_branch)) +
                           n->nats * sizeof(struct pbc_nat);
    const uint32_t services = to->services_count + n->services, servers = to->servers_count + n->servers;
    return n->bytes == ENTRY_BYTES && n->pools <= MOST && n->servers <= MOST && n->services <= MOST &&
           n->nats <= MOST && bytes <= left && n->strings <= UINT32_MAX - to->strings_count &&
           n->service_ids <= IDS_MOST && n->server_ids <= IDS_MOST && n->service_ids >= services &&
           n->server_ids >= servers;
}

/* Count the entries read, and map ids to servers. */
static void settle(struct making *m, const struct counts *n)
{
    struct program *p = m->view;
    p->pools_count += n->pools;
    p->servers_count += n->servers;
    p->services_count += n->services;
    p->branches_count += n->services;
    p->strings_count += n->strings;
    m->past->nats_count = n->nats;
    m->past->service_ids = n->service_ids;
    m->past->server_ids = n->server_ids;
    for (uint32_t i = 0; i < p->servers_count; i++)
        if (m->server_id[i] < n->server_ids) m->server_of[m->server_id[i]] = i;
}

struct program *program_past_read(struct program *file, struct archive *a, char *err, size_t err_len)
{
    uint8_t there = 0;
    struct counts n;
    struct making m = {.to = file};
    snprintf(err, err_len, "the part of previous programs is damaged");
    if (!ARCHIVE(a, there) || !archive_sound(a, there < 2)) return NULL;
    if (!there) return program_get(file);
    if (!ARCHIVE(a, n) || !archive_sound(a, counts_are_sound(&n, file, a->left))) return NULL;
    const struct view_room room = {n.pools, n.servers, n.services, n.nats, n.strings, n.server_ids};
    const bool made = remap_view(&m, file, &room);
    if (!made) snprintf(err, err_len, "out of memory");
    if (made && walk(&m, &n, a) && archive_sound(a, !n.strings || !m.strings[file->strings_count + n.strings - 1])) {
        settle(&m, &n);
        if (!program_verify_past(m.view, err, err_len)) return m.view;
    }
    a->bad = true;
    program_put(m.view);
    return NULL;
}
