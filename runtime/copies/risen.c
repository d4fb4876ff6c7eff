/* The ring is read more often while copies come; the former program's table is kept for its late copies */
#include "runtime/copies/risen.h"

#include <errno.h>

#include "runtime/copies/copies.h"
#include "runtime/kernel/run/copied_ring.h"

#define BUSY_NS UINT64_C(1000000)
#define IDLE_NS UINT64_C(16000000)
enum { AT_ONCE = 4096 };

/* Copy for mirrors. The table may be that of the previous program, whose last packets still come. */
static void risen_copy(const struct risen *s, const struct kernel_copied *c, struct pkt *pkt)
{
    struct copying *to = s->to->copying;
    const struct copies_table *now = to ? to->table : NULL;
    const struct copies_table *table = c->program == s->program ? now : s->table_before;
    if (!table || (c->program != s->program && c->program != s->before)) return;
    pkt->mirrors = table->count < 64 ? c->mirrors & ((UINT64_C(1) << table->count) - 1) : c->mirrors;
    pkt->cookie = c->served == KERNEL_SERVED ? s->to->port(s->to->arg, c->iface) : c->served;
    to->table = table;
    to->now_ns = c->at_ns;
    copying_all(to, pkt);
    to->table = now;
}

static void risen_one(void *arg, const struct kernel_copied *c, const uint8_t *bytes)
{
    struct risen *s = arg;
    struct pkt pkt;
    pkt_view(&pkt, bytes, c->cap_len, c->wire_len, (enum pkt_link)c->link, c->iface);
    pkt.flags |= c->flags & PKT_CSUM_PARTIAL;
    pkt.segment = c->segment;
    pkt.tag_count = c->tag_count < 2 ? c->tag_count : 2;
    for (unsigned i = 0; i < 2; i++) {
        pkt.tags[i].tpid = c->tags[i][0];
        pkt.tags[i].tci = c->tags[i][1];
    }
    if (c->mirrors) risen_copy(s, c, &pkt);
    if (!c->observed) return;
    const struct vm_in in = {.mono_ns = c->at_ns, .facts = s->to->facts};
    vm_show(s->to->vm, &in, &pkt);
    s->frames++;
}

int risen_begin(struct risen *s, struct kernel *k)
{
    if (!kernel_copies(k)) return 0;
    s->ring = kernel_copied_new(k, risen_one, s);
    if (!s->ring) return -errno;
    s->kernel = k;
    s->program = s->before = kernel_world(k)->program;
    s->wait_ns = BUSY_NS;
    return 0;
}

void risen_end(struct risen *s)
{
    kernel_copied_free(s->ring);
    *s = (struct risen){.kernel = NULL};
}

unsigned risen_take(struct risen *s, const struct risen_to *to)
{
    if (!s->kernel) return 0;
    s->to = to;
    const unsigned n = kernel_copied_take(s->ring, AT_ONCE);
    s->wait_ns = n ? BUSY_NS : s->wait_ns < IDLE_NS ? 2 * s->wait_ns : IDLE_NS;
    return n;
}

uint64_t risen_wait_ns(const struct risen *s) { return s->kernel ? s->wait_ns : UINT64_MAX; }

int risen_fd(const struct risen *s) { return s->kernel ? kernel_copied_fd(s->ring) : -1; }

void risen_count(const struct risen *s, const struct copies_table *table)
{
    for (unsigned i = 0; s->kernel && table && i < table->count; i++) {
        const struct kernel_mirror m = kernel_copies_taken(s->kernel, s->program, i);
        const uint64_t lost[COPY_LOSSES] = {[COPY_DOWN] = m.down, [COPY_BUSY] = m.busy, [COPY_RING] = m.ring};
        copies_add(table->slot[i], m.packets, m.bytes, lost);
    }
}

void risen_change(struct risen *s, const struct risen_to *to)
{
    if (!s->kernel) return;
    risen_take(s, to);
    s->table_before = to->copying ? to->copying->table : NULL;
    risen_count(s, s->table_before);
    s->before = s->program;
    s->program = kernel_world(s->kernel)->program;
}
