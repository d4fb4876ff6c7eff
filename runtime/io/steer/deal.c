/* The program's data section is mapped: the service writes the tables in place */
#include "runtime/io/steer/deal_priv.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/embed.h"
#include "runtime/io/steer/object.h"
#include "vm/pbc.h"
#include "vm/worker/owner.h"

EMBED(object, "runtime/io/steer/deal.bpf.o");

struct deal *deal_open(void)
{
    struct deal *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->program = d->memory = -1;
    d->program = object_load(object, EMBEDDED_LEN(object), "deal", &d->object);
    d->memory = d->object ? object_map(d->object, "deal.bss") : -1;
    if (d->memory >= 0) return d;
    deal_close(d);
    return NULL;
}

bool deal_reads(int memory)
{
    const size_t bytes = sizeof(struct deal_tables);
    struct bpf_map_info info = {0};
    uint32_t len = sizeof info;
    const bool whole =
        !bpf_obj_get_info_by_fd(memory, &info, &len) && info.map_flags & BPF_F_MMAPABLE &&
        (uint64_t)info.value_size * info.max_entries >= bytes; /* access beyond a shorter one's end would be a fault */
    void *at = whole ? mmap(NULL, bytes, PROT_READ, MAP_SHARED, memory, 0) : MAP_FAILED;
    const struct deal_tables *t = at;
    const bool reads = at != MAP_FAILED && __atomic_load_n(&t->form, __ATOMIC_RELAXED) == DEAL_FORM;
    if (at != MAP_FAILED) munmap(at, bytes);
    return reads;
}

struct deal *deal_adopt(int program, int memory)
{
    struct deal *d = deal_reads(memory) ? calloc(1, sizeof *d) : NULL;
    if (d) {
        *d = (struct deal){.program = program, .memory = memory};
        return d;
    }
    close(program);
    close(memory);
    return NULL;
}

void deal_close(struct deal *d)
{
    if (d && d->object) {
        bpf_object__close(d->object);
    } else if (d) {
        if (d->program >= 0) close(d->program);
        if (d->memory >= 0) close(d->memory);
    }
    free(d);
}

int deal_join_program(int program, int socket)
{
    return setsockopt(socket, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof program) ? -errno : 0;
}

int deal_join(const struct deal *d, int socket) { return deal_join_program(d->program, socket); }

int deal_program(const struct deal *d) { return fcntl(d->program, F_DUPFD_CLOEXEC, 0); }
int deal_memory(const struct deal *d) { return fcntl(d->memory, F_DUPFD_CLOEXEC, 0); }

static_assert(offsetof(struct deal_tables, port_owners) == 0, "mapped from the first page on");

struct deal_tables *deal_map(int memory, struct port_owners *ports)
{
    const int may = PROT_READ | PROT_WRITE;
    void *at = mmap(NULL, sizeof(struct deal_tables), may, MAP_SHARED, memory, 0);
    if (at != MAP_FAILED && mmap(ports, sizeof *ports, may, MAP_SHARED | MAP_FIXED, memory, 0) == MAP_FAILED) {
        munmap(at, sizeof(struct deal_tables));
        at = MAP_FAILED;
    }
    close(memory);
    return at == MAP_FAILED ? NULL : at;
}

void deal_unmap(struct deal_tables *t)
{
    if (t) munmap(t, sizeof *t);
}

static bool fill_owners(struct deal_tables *t, const struct whose_tables *from)
{
    const struct roles *r = from->roles;
    const struct whose *n = &from->numbers;
    if (r->mask >= DEAL_SLOTS || r->addresses_count > DEAL_ADDRESSES || r->parts_count > DEAL_PARTS) return false;
    if (n->masquerades > DEAL_NATS || n->anys > DEAL_NATS || n->froms4 > DEAL_FROMS || n->froms6 > DEAL_FROMS)
        return false;
    t->numbers = *n;
    memcpy(t->slots, r->slots, (r->mask + 1u) * sizeof *r->slots);
    memcpy(t->addresses, r->addresses, r->addresses_count * sizeof *r->addresses);
    if (r->parts_count) memcpy(t->parts, r->parts, r->parts_count * sizeof *r->parts);
    memcpy(t->masquerades, r->masquerades, n->masquerades * sizeof *r->masquerades);
    memcpy(t->anys, from->anys, n->anys * sizeof *from->anys);
    memcpy(t->froms4, from->froms4, n->froms4 * sizeof *from->froms4);
    memcpy(t->froms6, from->froms6, n->froms6 * sizeof *from->froms6);
    return true;
}

static struct deal_iface addresses_of(uint32_t addr4, const uint32_t addr6[4])
{
    return (struct deal_iface){.addr4 = addr4, .addr6 = {addr6[0], addr6[1], addr6[2], addr6[3]}};
}

static bool fill_facts(struct deal_tables *t, const struct facts *f)
{
    if (f->self4_count > DEAL_OWN || f->self6_count > DEAL_OWN || f->ifaces_count > DEAL_IFACES) return false;
    t->own4_count = f->self4_count;
    t->own6_count = f->self6_count;
    t->ifaces_count = f->ifaces_count;
    for (unsigned i = 0; i < f->self4_count; i++) t->own4[i] = f->self4[i];
    for (unsigned i = 0; i < f->self6_count; i++) t->own6[i] = (struct deal_ip){f->self6[i].lo_hi, f->self6[i].lo_lo};
    for (unsigned i = 0; i < f->ifaces_count; i++) t->ifaces[i] = addresses_of(f->ifaces[i].addr4, f->ifaces[i].addr6);
    t->all = addresses_of(f->addr4, f->addr6);
    return true;
}

bool deal_fill(struct deal_tables *t, const struct deal_world *w)
{
    const struct whose_tables *from = owners_tables(w->owners);
    memset(t->ports, 0, sizeof t->ports);
    for (unsigned i = 0; i < w->ports && i < DEAL_PORTS; i++)
        t->ports[i] = (struct deal_port){w->ifindex[i], w->iface[i]};
    t->every = UINT32_MAX;
    const bool fits = from && fill_owners(t, from) && fill_facts(t, w->facts);
    t->numbers.workers = w->workers;
    t->form = DEAL_FORM;
    __atomic_store_n(&t->ready, fits, __ATOMIC_RELEASE);
    return fits;
}
