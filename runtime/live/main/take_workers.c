/* The running instance notices nothing of this before it has yielded */
#include "runtime/live/main/take_workers.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/live/carry/proxy/inline_stack.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/carry/worker_ports.h"
#include "vm/worker/owner.h"

struct others {
    unsigned count;
    struct shared *shared;
    struct worker *workers[WORKERS_MOST]; /* [count] workers of the former shape */
};

const char *take_workers_stay(const struct take *t, const struct carry *carry)
{
    const struct program *p = carry->now.program;
    if (t->hello.xdp || carry->io != &io_PACKET || carry->in_kernel) return "XDP sockets belong to their workers";
    if (t->hello.crashes) return "after a crash, connections stay with their worker";
    if (p->observes_count) return "observed connections stay with their worker";
    if (inline_stack_wanted(p)) return "inline connections stay with their worker";
    return NULL;
}

bool take_workers_make(struct live *l)
{
    const struct take *t = l->take;
    struct others *o = l->take->others = calloc(1, sizeof *o);
    if (!o) return false;
    if (t->hello.workers > 1) o->shared = shared_new(l->carry.now.program, NULL, NULL, clock_ns(CLOCK_MONOTONIC));
    if (t->hello.workers > 1 && !o->shared) return false;
    for (unsigned i = 0; i < t->hello.workers; i++) {
        const struct worker_cfg cfg = {.program = l->carry.now.program,
                                       .worker = i,
                                       .workers = t->hello.workers,
                                       .shared = o->shared,
                                       .seed = l->carry.seed,
                                       .tun = -1,
                                       .inline_tun = -1,
                                       .patient = true};
        struct worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
        if (!w) return false;
        o->workers[o->count++] = w;
        if (worker_init(w, &cfg)) return false;
        for (unsigned at = 0; at < l->carry.ports.count; at++) w->ports[at] = l->carry.workers[0]->ports[at];
        w->latest = l->carry.workers[0]->latest;
    }
    return true;
}

struct worker *take_worker(const struct live *l, unsigned worker)
{
    if (!l->take->others) return l->carry.workers[worker];
    struct worker *w = l->take->others->workers[worker];
    w->latest = l->carry.workers[0]->latest; /* no message reports it */
    return w;
}

struct worker *take_ports_of(const struct live *l, unsigned worker)
{
    return worker < l->carry.worker_count ? l->carry.workers[worker] : l->take->others->workers[worker];
}

/* Copy the stations that a worker's bridge knows to another worker. False: out of memory. */
static bool move_bridge(struct worker *w, struct worker *from)
{
    enum { MOST = 64 << 20 };
    uint8_t *bytes = malloc(MOST);
    struct archive a = {.at = bytes, .left = MOST}, r = {.at = bytes, .reads = true};
    bool good = bytes && bridge_archive(&from->bridge, &a);
    r.left = MOST - a.left;
    good = good && bridge_archive(&w->bridge, &r);
    free(bytes);
    return good;
}

bool take_workers_move(struct live *l, uint64_t now_ns)
{
    struct carry *carry = &l->carry;
    const struct others *o = l->take->others;
    struct vm *from[WORKERS_MOST], *to[WORKERS_MOST];
    struct vm_move m = {.owners = carry->now.owners, .to = to, .workers = carry->worker_count};
    bool good = true;
    for (unsigned i = 0; i < o->count; i++) from[i] = o->workers[i]->vm;
    for (unsigned i = 0; good && i < carry->worker_count; i++) {
        struct worker *w = carry->workers[i];
        to[i] = w->vm;
        worker_look(w, now_ns);
        w->tick_ns = now_ns;
        good = w->egress.snapshot && move_bridge(w, o->workers[i % o->count]);
    }
    const struct vm_in in = good ? worker_input(carry->workers[0], now_ns) : (struct vm_in){0};
    good = good && vm_move(&m, from, o->count, &in);
    if (good && m.ended)
        complain("notice: %llu flows end, because their packets would go to several workers",
                 (unsigned long long)m.ended);
    return good;
}

/* Judge the frames that wait in a port, each by its own worker. No worker runs yet. */
static void drain_port(struct carry *carry, struct port *p, unsigned at, uint64_t now_ns)
{
    enum { TURNS = 1 << 14 };
    struct pkt *pkts[VM_BATCH];
    unsigned n = 1;
    for (unsigned turn = 0; turn < TURNS && n; turn++) {
        n = p->ops->receive(p->io, pkts, VM_BATCH);
        for (unsigned i = 0; i < n; i++) {
            struct worker *w = carry->workers[0];
            pkts[i]->iface = p->iface;
            pkts[i]->cookie = at;
            if (carry->now.owners)
                w = carry->workers[vm_owner(carry->now.owners, &w->egress.snapshot->facts, pkts[i]) &
                                   ~VM_OWNER_FRAGMENT];
            worker_judge_own(w, &pkts[i], 1, NULL, now_ns);
        }
        p->ops->release(p->io);
    }
}

void take_workers_drain(struct live *l)
{
    struct carry *carry = &l->carry;
    const struct others *o = l->take->others;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = o->count;
         i-- > carry->worker_count;) /* from the last one, so that the others keep their places */
        for (unsigned at = 0; at < o->workers[i]->egress.port_count; at++) {
            struct port *p = &o->workers[i]->ports[at];
            drain_port(carry, p, at, now);
            p->ops->close(p->io);
            p->io = NULL;
        }
    for (unsigned i = 0; i < o->count; i++) o->workers[i]->egress.port_count = 0;
    take_workers_free(l->take);
}

void take_workers_free(struct take *t)
{
    if (!t->others) return;
    for (unsigned i = 0; i < t->others->count; i++) {
        worker_fini(t->others->workers[i]);
        free(t->others->workers[i]);
    }
    shared_free(t->others->shared);
    free(t->others);
    t->others = NULL;
}
