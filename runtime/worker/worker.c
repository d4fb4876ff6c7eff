/* A worker's turn: news from the main thread, frames from each port, timers. */
#include "runtime/worker/worker.h"

#include <unistd.h>

#include "runtime/worker/owned/owned.h"
#include "runtime/worker/up.h"
#include "vm/judge/lives.h"

/* Longest wait for a turn without frames before the state is put on the tape. */
#define STATE_WAIT_NS UINT64_C(5000000)

/* Judge a batch of the port. Return the number of frames. */
static unsigned take_batch(struct worker *w, uint8_t from, uint64_t now)
{
    struct port *p = &w->ports[from];
    struct pkt *pkts[VM_BATCH];
    struct vm_parsed parsed;
    const unsigned n = p->ops->receive(p->io, pkts, VM_BATCH);
    for (unsigned i = 0; i < n; i++) {
        pkts[i]->iface = p->iface;
        pkts[i]->cookie = from;
    }
    const unsigned own = w->cfg.owners && n ? owned_deal(w, pkts, n, &parsed, now) : n;
    if (own) worker_judge_own(w, pkts, own, w->cfg.owners ? &parsed : NULL, now);
    p->ops->release(p->io);
    return n;
}

/* Take packets that another worker has handed over. Return their number. */
static unsigned take_handed(struct worker *w, unsigned from, uint64_t now)
{
    struct pkt *own[VM_BATCH];
    struct vm_parsed parsed;
    unsigned count;
    const unsigned n = owned_handed(w, from, own, &count, &parsed, now);
    if (count) worker_judge_own(w, own, count, &parsed, now);
    owned_lend(w, from, n, now);
    if (n) handover_release(&w->in[from]);
    return n;
}

void worker_inline_sent(struct worker *w, struct pkt *pkts[], unsigned n, uint64_t now)
{
    const struct vm_in in = worker_input(w, now);
    for (unsigned i = 0; i < n; i++) pkts[i]->cookie = PORT_ANY;
    if (w->tape) tape_inline_sent(w->tape, pkts, n, now);
    w->counters.from_inline += n;
    worker_listen(w);
    vm_inline_sent(w->vm, &in, pkts, n, &w->tx);
    worker_heard(w);
    worker_leave(w, now);
}

void worker_asked(struct worker *w, const struct inline_ask *ask, uint64_t now)
{
    const struct vm_in in = worker_input(w, now);
    if (w->tape) tape_asked(w->tape, ask, now);
    if (w->copying) w->copying->now_ns = now;
    worker_listen(w);
    vm_inline_ask(w->vm, &in, ask, &w->tx);
    worker_heard(w);
    worker_leave(w, now);
    w->tick_ns = now; /* the request may have set a timer of the vm */
}

/* Serve the proxy loop's requests, as many as its ring holds. Return their number. */
static unsigned take_asks(struct worker *w, uint64_t now)
{
    struct inline_ask ask;
    unsigned n = 0;
    const bool still = __atomic_load_n(&w->leaving->still, __ATOMIC_ACQUIRE);
    bool any = false;
    for (; n < LEAVING_ENTRIES && (!still || leaving_has_room(w->leaving)) && leaving_asked(w->leaving, &ask); n++) {
        const bool stays = still && ask.kind == INLINE_LEAVE;
        if (stays)
            leaving_stays(w->leaving, &ask, SPLICE_WHY_MOVED);
        else
            worker_asked(w, &ask, now);
        any |= stays;
    }
    if (any) leaving_call(w->leaving);
    return n;
}

/* Forward the inline stack's packets for inline connections, after the proxy loop's earlier requests, because a
 * target's name comes before the packets to it. Return the number of both. */
static unsigned take_inline(struct worker *w, uint64_t now)
{
    struct pkt *pkts[INLINE_IO_BATCH];
    const unsigned n = w->inline_io.fd >= 0 ? inline_io_read(&w->inline_io, pkts) : 0,
                   asks = w->leaving ? take_asks(w, now) : 0;
    if (n) worker_inline_sent(w, pkts, n, now);
    return n + asks;
}

void worker_last(struct worker *w, uint64_t now)
{
    enum { TURNS = 10000 }; /* each turn takes at most a ring of requests and a batch of packets */
    unsigned some = w->egress.snapshot && (w->leaving || w->inline_io.fd >= 0);
    for (unsigned i = 0; some && i < TURNS; i++) {
        w->inline_io.likely = true;
        some = take_inline(w, now);
    }
}

void worker_tick(struct worker *w, uint64_t now)
{
    if (w->tape) tape_note(w->tape, TAPE_TICK, now, 0);
    const struct vm_in in = worker_input(w, now);
    w->counters.ticks++;
    if (w->copying) w->copying->now_ns = now;
    w->watched = 0;
    worker_listen(w);
    w->tick_ns = vm_tick(w->vm, &in, &w->tx);
    worker_heard(w);
    limits_publish(w, now);
    if (__atomic_load_n(&w->swapping, __ATOMIC_RELAXED) && !vm_swapping(w->vm))
        __atomic_store_n(&w->swapping, 0, __ATOMIC_RELEASE);
    worker_leave(w, now);
}

void worker_retry(struct worker *w, uint64_t now)
{
    if (w->tape) tape_note(w->tape, TAPE_RETRY, now, 0);
    egress_retry(&w->egress, now);
}

/* A snapshot whose tables are for a time after this turn's was published meanwhile: it is taken in the next turn. */
void worker_look(struct worker *w, uint64_t now)
{
    struct snapshot *s = __atomic_load_n(&w->latest, __ATOMIC_ACQUIRE);
    if (s == w->egress.snapshot || (s->tables && now < s->tables->at_ns)) return;
    if (w->tape) tape_note(w->tape, TAPE_WORLD, now, s->number);
    w->egress.snapshot = s;
    w->tables_ns = 0;
    up_renew(w, now);
    __atomic_store_n(&w->taken, s->number, __ATOMIC_RELEASE);
}

void worker_take_change(struct worker *w, uint64_t now)
{
    const struct next_program *c = __atomic_load_n(&w->change, __ATOMIC_ACQUIRE);
    if (vm_swapping(w->vm)) return;
    up_forget(w);
    int err = c->put_in_force ? c->put_in_force(c->arg, w->vm) : 0;
    if (!err) up_copies_change(w);
    if (!err) err = vm_swap(w->vm, c->fresh, c->remap);
    w->refused = err;
    if (!err) {
        if (w->tape) tape_note(w->tape, TAPE_CHANGE, now, c->number);
        w->program = c->number;
        w->cfg.program = c->remap->program;
        w->cfg.owners = c->owners;
        w->cfg.shared = c->shared;
        w->cfg.cuts = c->cuts;
        w->cfg.opened = c->opened;
        w->cfg.routes = c->routes;
        w->cfg.tun = c->tun;
        if (w->copying) w->copying->table = c->copies;
        egress_forget_mirrors(&w->egress);
        w->inline_io.fd = c->inline_tun;
        w->egress.snapshot = c->snapshot;
        w->tables_ns = 0;
        w->tick_ns = now; /* the new program has its own timers */
        for (unsigned i = 0; i < w->egress.port_count; i++) w->ports[i].iface = c->iface[i];
        __atomic_store_n(&w->latest, c->snapshot, __ATOMIC_RELAXED);
        __atomic_store_n(&w->swapping, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&w->taken, c->snapshot->number, __ATOMIC_RELEASE);
    }
    up_renew(w, now);
    __atomic_store_n(&w->change, NULL, __ATOMIC_RELEASE);
    wake(w->call_fd);
}

/* Let the proxy loop find inline connections of a process before this one, which may wait in its listener's queue.
 * The rule that let them in is unknown, so the loop finds it out. */
static void know_inlined(struct worker *w, uint64_t now)
{
    struct inline_open open;
    const uint32_t high = vm_inline_former(w->vm);
    for (uint32_t n = 0; n < high; n++)
        if (vm_inline_open(w->vm, n, &open)) inlined_put(w->inlined, &open, INLINED_ANY, now);
}

bool worker_archive(struct worker *w, struct archive *a, uint64_t now)
{
    const struct vm_in in = worker_input(w, now);
    ARCHIVE(a, w->program);
    if (!bridge_archive(&w->bridge, a) || !egress_archive(&w->egress, a) || !vm_archive(w->vm, &in, a)) return false;
    if (a->reads && w->inlined) know_inlined(w, now);
    return true;
}

void worker_tell_state(struct worker *w, uint64_t now, bool idle)
{
    const struct snapshot *s = w->egress.snapshot;
    struct archive a = {0};
    if (!w->state_by_ns) w->state_by_ns = now + STATE_WAIT_NS;
    if (!idle && now < w->state_by_ns) return;
    if (!s || s->number < tape_wants(w->tape) || !vm_rests(w->vm)) return;
    uint8_t *const begin = a.at = tape_state_begin(w->tape, &a.left);
    if (!begin) return;
    const bool whole = worker_archive(w, &a, now);
    tape_state_end(w->tape, now, s->number, whole ? (size_t)(a.at - begin) : 0);
    w->state_by_ns = 0;
}

static void list_flows(struct listing *l, const struct vm *vm, uint64_t now_ns)
{
    enum { GROUPS_A_STEP = 16 };
    for (unsigned groups = 0; l->count < LISTING_FLOWS && groups < LISTING_GROUPS && !l->observed;) {
        const int found = vm_flow_near(vm, &l->at, GROUPS_A_STEP, now_ns, &l->flows[l->count]);
        l->count += found > 0;
        groups += found == 0 ? GROUPS_A_STEP : 0;
        l->observed = found < 0;
    }
    if (l->observed) l->at = 0;
}

static void list_observed(struct listing *l, const struct vm *vm)
{
    while (l->observed_count < LISTING_OBSERVED && !l->ended) {
        struct observed_listed *w = &l->watching[l->observed_count];
        l->ended = !vm_observed_next(vm, &l->at, &w->record);
        if (l->ended) break;
        struct observe_summary *sum = &w->record.sum;
        const struct view name = sum->sni.at ? sum->sni : sum->host;
        const size_t len = name.len < LISTING_NAME ? name.len : LISTING_NAME - 1;
        if (name.at) memcpy(w->name, name.at, len);
        w->name[name.at ? len : 0] = '\0';
        sum->sni = sum->alpn = sum->host = sum->method = sum->path = (struct view){0};
        l->observed_count++;
    }
}

static void fill_listing(struct worker *w, uint64_t now)
{
    if (vm_swapping(w->vm)) return;
    /* Fill the next part, from l->at on. */
    struct listing *l = __atomic_load_n(&w->listing, __ATOMIC_ACQUIRE);
    l->program = w->cfg.program->serial;
    l->now_ns = now;
    l->count = l->observed_count = 0;
    if (l->observed)
        list_observed(l, w->vm);
    else
        list_flows(l, w->vm, now);
    __atomic_store_n(&w->listing, NULL, __ATOMIC_RELEASE);
    wake(w->call_fd);
}

/* Reports with the numbers of another program are skipped, because the total of passed segments includes them,
 * without a service. */
void worker_take_carried(struct worker *w)
{
    struct carried c;
    while (ring_take(&w->carried, &c)) {
        if (c.program != w->cfg.program->serial) continue;
        const struct verdict v = {
            .action = ACTION_FORWARD, .rule = c.rule, .firewall = c.firewall, .service = c.service, .server = c.server};
        vm_carried(w->vm, &v, c.of);
        counter_sum(&w->counters.carried, &c.of);
        if (c.rule == RULE_NONE) counter_sum(&w->counters.totals.nobody, &c.of);
    }
}

/* True if members whose flows must end wait for the main thread. */
static bool cuts_want_round(const struct worker *w)
{
    const struct flow_cuts *c = w->cfg.flow_cuts;
    return c && __builtin_expect(flow_cuts_wait(c), 0) && !flow_cuts_under_way(c);
}

unsigned worker_turn(struct worker *w, uint64_t now)
{
    unsigned got = 0;
    worker_look(w, now);
    if (__builtin_expect(__atomic_load_n(&w->change, __ATOMIC_ACQUIRE) != NULL, 0)) worker_take_change(w, now);
    if (__builtin_expect(observers_changed(&w->observing), 0)) {
        observers_take(&w->observing);
        w->egress.asked = true;
    }
    if (__builtin_expect(__atomic_load_n(&w->listing, __ATOMIC_RELAXED) != NULL, 0)) fill_listing(w, now);
    if (__builtin_expect(now >= w->tables_ns, 0)) {
        /* Take the snapshot's balancing tables as soon as they hold. w->tables_ns: time of the next check. */
        struct balance *due = tables_due(w->egress.snapshot, w->cfg.worker, now, &w->tables, &w->tables_ns);
        if (due) vm_take_tables(w->vm, due);
    }
    worker_take_carried(w);
    got += up_copied(w, now); /* before packets that came up, because these were copied earlier */
    const bool still = __atomic_load_n(&w->still, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < w->egress.port_count && !still; i++) got += take_batch(w, (uint8_t)i, now);
    for (unsigned i = 0; i < w->cfg.workers && w->cfg.owners; i++)
        if (i != w->cfg.worker) got += take_handed(w, i, now);
    if (w->fragments_waiting) {
        /* Judge fragments whose datagram's first fragment has come since, or never came. */
        struct pkt *own[FRAGMENTS_WAIT_MOST];
        const unsigned n = owned_waited(w, own, now);
        for (unsigned i = 0; i < n; i++) {
            worker_judge_own(w, &own[i], 1, NULL, now);
            pool_put(own[i]);
        }
    }
    got += take_inline(w, now);
    if (w->leaving) worker_tell_loop(w);
    if (w->woken) owned_wake(w);
    if (w->egress.waiting) worker_retry(w, now);
    const bool cuts = vm_cut_due(w->vm);
    if (__builtin_expect(cuts, 0)) w->tick_ns = now;
    if (now >= w->tick_ns) worker_tick(w, now);
    if ((cuts && !vm_cut_due(w->vm)) || cuts_want_round(w)) w->egress.asked = true;
    if (w->egress.asked) {
        w->egress.asked = false;
        wake(w->call_fd);
    }
    if (w->tape && tape_wants(w->tape)) worker_tell_state(w, now, !got);
    return got;
}
