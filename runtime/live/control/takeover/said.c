/* Numbers, texts and states are copied; the only effect is that workers are held */
#include "runtime/live/control/takeover/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/worker_ports.h"
#include "runtime/live/control/takeover/former.h"
#include "runtime/live/control/takeover/lends.h"
#include "runtime/live/control/takeover/luggage.h"
#include "runtime/live/world/hops.h"
#include "runtime/record/format.h"
#include "vm/keyed/keyed.h"
#include "vm/vm.h"

#define TURN_NS  UINT64_C(30000)     /* time for a worker to take packets from others */
#define TURNS_NS UINT64_C(500000000) /* longest wait until no packet is on its way between workers */

void hello_of(const struct control *control, struct handoff_hello *h)
{
    const struct carry *carry = control->carry;
    const struct options *o = control->o;
    *h = (struct handoff_hello){.magic = HANDOFF_MAGIC,
                                .form = HANDOFF_FORM,
                                .version = RECORD_VERSION,
                                .seed = carry->seed,
                                .owners_seed = carry->owners_seed,
                                .flows = carry->now.program->flows,
                                .half_open = carry->now.program->half_open,
                                .process = control->tell->channel->parent,
                                .workers = carry->worker_count,
                                .ifaces = o->iface_count,
                                .tun_ifindex = carry->tun.ifindex,
                                .xdp = carry->io == &io_XDP,
                                .frame_most = carry->ports.frame_most,
                                .generic = carry->ports.generic,
                                .lent = lends_count(carry),
                                .wire = lends_wire(carry),
                                .table = carry->flows};
    for (unsigned i = 0; i < o->iface_count; i++) snprintf(h->names[i], sizeof h->names[i], "%s", o->ifaces[i]);
    snprintf(h->name, sizeof h->name, "%s", carry->now.name);
    snprintf(h->stats, sizeof h->stats, "%s", o->stats ? o->stats : "");
    memcpy(h->file_digest, control->rules->file_digest, sizeof h->file_digest);
}

void hello_hops(struct control *control, struct handoff_hello *h, struct said_file *f)
{
    const uint64_t from = h->program + h->former;
    struct archive a = {.at = f->at + from, .left = f->len / 2 - from};
    hops_archive(&control->world->hops, &a, 0);
    h->hops = a.bad ? 0 : (uint64_t)(a.at - f->at) - from;
    f->used = from + h->hops;
}

bool hello_program(struct control *control, struct handoff_hello *h, struct said_file *f)
{
    size_t len;
    uint8_t *text = program_file(control->carry->now.program, &len);
    const bool fits = text && len <= f->len / 2;
    struct archive a = {.bad = !fits};
    if (fits) {
        memcpy(f->at, text, len);
        a = (struct archive){.at = f->at + len, .left = f->len / 2 - len};
        former_write(control, &a);
    }
    free(text);
    if (a.bad) return false;
    h->program = len;
    h->former = (uint64_t)(a.at - f->at) - len;
    hello_hops(control, h, f);
    return true;
}

/* True if some worker has packets from another that it has not taken yet. */
static bool some_are_handed(const struct carry *carry)
{
    for (unsigned i = 0; i < carry->worker_count; i++)
        for (unsigned k = 0; k < carry->worker_count; k++)
            if (i != k && handover_waits(&carry->workers[i]->in[k])) return true;
    return false;
}

/* True if the worker that sends by the kernel's recipes has an older snapshot than this process. */
static bool news_wait(const struct carry *carry)
{
    const uint64_t taken = __atomic_load_n(&carry->workers[0]->taken, __ATOMIC_ACQUIRE);
    return carry->in_kernel && carry->latest && taken < carry->latest->number;
}

bool hold_all(const struct carry *carry)
{
    for (unsigned i = 0; i < carry->worker_count; i++)
        __atomic_store_n(&carry->workers[i]->still, carry->worker_count > 1, __ATOMIC_RELEASE);
    const uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + TURNS_NS;
    for (;;) {
        for (unsigned i = 0; i < carry->worker_count; i++) worker_hold(carry->workers[i]);
        if ((!some_are_handed(carry) && !news_wait(carry)) || clock_ns(CLOCK_MONOTONIC) >= until_ns) break;
        for (unsigned i = 0; i < carry->worker_count; i++) worker_release(carry->workers[i]);
        nanosleep(&(struct timespec){.tv_nsec = TURN_NS},
                  NULL); /* a worker that is held again immediately has not run at all */
    }
    return !some_are_handed(carry);
}

void release_all(const struct carry *carry)
{
    for (unsigned i = 0; i < carry->worker_count; i++) {
        __atomic_store_n(&carry->workers[i]->still, 0, __ATOMIC_RELEASE);
        worker_release(carry->workers[i]);
    }
}

bool luggage_write(struct control *control, struct handoff_luggage *l, const struct said_file *f, bool sockets,
                   struct archive *a)
{
    const struct carry *carry = control->carry;
    const uint64_t from = (f->used + 63) / 64 * 64;
    *a = (struct archive){
        .at = f->at + from, .left = f->len - from, .beside = carry->in_kernel && !l->whole, .moves = l->whole};
    if (!luggage_archive(control, a, sockets)) return false;
    const uint64_t end = (uint64_t)(a->at - f->at);
    l->state = (struct handoff_part){from, end - from};
    for (unsigned i = 0; i < carry->worker_count; i++) l->workers[i] = (struct handoff_part){end, 0};
    return true;
}

bool luggage_write_workers(const struct control *control, struct handoff_luggage *l, const struct said_file *f,
                           bool sockets, struct archive *a)
{
    const struct carry *carry = control->carry;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < carry->worker_count; i++) {
        struct worker *w = carry->workers[i];
        const uint8_t *begin = a->at;
        a->rest = l->rest;
        /* A worker that has not seen the world yet has no state. */
        if (!w->egress.snapshot || !vm_rests(w->vm) || !worker_archive(w, a, now)) return false;
        if (sockets && !l->whole && !ports_walk_state(carry, w, a)) return false;
        l->workers[i] = (struct handoff_part){(uint64_t)(begin - f->at), (uint64_t)(a->at - begin)};
    }
    return true;
}
