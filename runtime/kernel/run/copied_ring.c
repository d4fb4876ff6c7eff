/* The ring of copies, and the rows of programs that copy. */
#include "runtime/kernel/run/copied_ring.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct kernel_copied_ring {
    struct ring_buffer *ring;
    kernel_copied_fn *fn;
    void *arg;
    unsigned left; /* most records to take */
};

/* Take one record. The stages write no other records, but others that map the ring might. */
static int copied_take_one(void *arg, void *data, size_t len)
{
    struct kernel_copied_ring *r = arg;
    const struct kernel_copied *c = data;
    if (len >= sizeof *c && c->cap_len <= len - sizeof *c && c->cap_len <= c->wire_len)
        r->fn(r->arg, c, (const uint8_t *)(c + 1));
    return --r->left ? 0 : -EAGAIN;
}

struct kernel_copied_ring *kernel_copied_new(const struct kernel *k, kernel_copied_fn *fn, void *arg)
{
    struct kernel_copied_ring *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (struct kernel_copied_ring){.fn = fn, .arg = arg};
    r->ring = ring_buffer__new(kernel_map(k, KERNEL_MAP_copied)->fd, copied_take_one, r, NULL);
    if (r->ring) return r;
    const int failed = errno;
    free(r);
    errno = failed;
    return NULL;
}

void kernel_copied_free(struct kernel_copied_ring *r)
{
    if (!r) return;
    ring_buffer__free(r->ring);
    free(r);
}

int kernel_copied_fd(const struct kernel_copied_ring *r) { return ring_buffer__epoll_fd(r->ring); }

unsigned kernel_copied_take(struct kernel_copied_ring *r, unsigned most)
{
    r->left = most;
    ring_buffer__consume(r->ring);
    return most - r->left;
}

bool kernel_copies(const struct kernel *k) { return kernel_map(k, KERNEL_MAP_copies)->entries > 1; }

static struct kernel_copies *row_of(const struct kernel *k, uint32_t serial)
{
    struct kernel_copies *rows = kernel_map(k, KERNEL_MAP_copies)->memory;
    return &rows[serial % KERNEL_PROGRAMS];
}

static struct kernel_mirror *mirror_of(const struct kernel *k, uint32_t serial, uint32_t mirror)
{
    struct kernel_mirror *mirrors = kernel_map(k, KERNEL_MAP_mirrors)->memory;
    return &mirrors[serial % KERNEL_PROGRAMS * PBC_MIRRORS_MAX + mirror % PBC_MIRRORS_MAX];
}

/* Write the program's endpoints if they differ from those of the program in force. */
static void put_observes(const struct kernel *k, struct kernel_copies *c, const struct program *p)
{
    struct kernel_observe *all = kernel_map(k, KERNEL_MAP_observes)->memory;
    const struct kernel_copies *now = row_of(k, kernel_world(k)->program);
    c->observe = now->observe_count && !now->observe ? KERNEL_OBSERVES : 0;
    for (uint32_t i = 0; i < p->observe_endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->observe_endpoints[i];
        struct kernel_observe *w = &all[c->observe + i];
        *w = (struct kernel_observe){.port_lo = e->port_lo, .port_hi = e->port_hi, .to = e->to, .family = e->family};
        memcpy(w->addr, e->addr, sizeof w->addr);
    }
    c->observe_count = p->observe_endpoints_count;
}

void kernel_copies_of(struct kernel *k, const struct program *p)
{
    const uint32_t serial = (uint32_t)p->serial;
    struct kernel_copies *row = row_of(k, serial), fresh = {.serial = serial};
    if (!kernel_copies(k) || row->serial == serial) return;
    for (uint32_t i = 0; i < p->mirrors_count; i++) {
        const struct pbc_mirror *m = &p->mirrors[i];
        if (m->snap > fresh.snap) fresh.snap = m->snap;
        if (m->flags & PBC_MIRROR_SENT) fresh.sent |= UINT64_C(1) << i;
        *mirror_of(k, serial, i) = (struct kernel_mirror){.snap = m->snap};
    }
    put_observes(k, &fresh, p);
    fresh.unseen = row->unseen;
    *row = fresh;
}

void kernel_copies_device(struct kernel *k, const struct program *p, uint32_t mirror, uint32_t ifindex,
                          uint32_t longest)
{
    const uint32_t serial = kernel_world(k)->program;
    struct kernel_copies *row = row_of(k, serial);
    struct kernel_mirror *m = mirror_of(k, serial, mirror);
    const uint64_t bit = UINT64_C(1) << mirror;
    if (!kernel_copies(k) || mirror >= p->mirrors_count || row->serial != serial) return;
    __atomic_store_n(&m->longest, longest, __ATOMIC_RELAXED);
    __atomic_store_n(&m->ifindex, ifindex, __ATOMIC_RELAXED);
    __atomic_store_n(&row->clones, ifindex ? row->clones | bit : row->clones & ~bit, __ATOMIC_RELAXED);
}

static uint64_t count_take(uint64_t *counter) { return __atomic_exchange_n(counter, 0, __ATOMIC_RELAXED); }

struct kernel_mirror kernel_copies_taken(struct kernel *k, uint32_t serial, uint32_t mirror)
{
    if (!kernel_copies(k) || row_of(k, serial)->serial != serial) return (struct kernel_mirror){.ring = 0};
    struct kernel_mirror *m = mirror_of(k, serial, mirror);
    return (struct kernel_mirror){.packets = count_take(&m->packets),
                                  .bytes = count_take(&m->bytes),
                                  .down = count_take(&m->down),
                                  .busy = count_take(&m->busy),
                                  .ring = count_take(&m->ring)};
}

uint64_t kernel_unseen(const struct kernel *k)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < kernel_map(k, KERNEL_MAP_copies)->entries; i++)
        all += __atomic_load_n(&row_of(k, i)->unseen, __ATOMIC_RELAXED);
    return all;
}
