/* Judging of frames in batches, and the steps after it: packets sent, packets given to the host stack, events
 * reported. */
#include "runtime/base/clock.h"
#include "runtime/host/device/tun.h"
#include "runtime/io/gso.h"
#include "runtime/io/offload.h"
#include "runtime/report/text.h"
#include "runtime/worker/owned/owned.h"
#include "runtime/worker/routed.h"
#include "runtime/worker/up.h"
#include "runtime/worker/watched.h"
#include "runtime/worker/worker.h"
#include "vm/forward/service.h"
#include "vm/packet/pkt.h"

/* The vm may have a new deadline after judging, which only a tick returns. */
#define ASK_AFTER_NS UINT64_C(1000000000)
/* Longest time that a frame is believed to have waited */
#define AGE_MOST_NS UINT64_C(1000000000)

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* True for an answer to a packet that the host stack answers itself. */
static bool is_hosts(const struct worker *w, const struct tx_entry *e)
{
    const bool answer = e->cause == TX_CAUSE_RST || e->cause == TX_CAUSE_UNREACHABLE;
    return answer && e->input < VM_BATCH && w->watched >> e->input & 1;
}

static bool is_refused(const struct verdict *v) { return v->action == ACTION_DROP || v->action == ACTION_REJECT; }

/* Send an accepted frame of a bridge on as it came. */
static void cross(struct worker *w, struct pkt *pkt, uint64_t now)
{
    const struct port *from = &w->ports[pkt->cookie];
    if (!bridge_crosses(&w->bridge, pkt, (uint8_t)pkt->cookie, now)) {
        w->counters.stayed++;
        return;
    }
    copying_left(w->copying, pkt, from->peer);
    port_send(&w->ports[from->peer], pkt);
    w->counters.crossed++;
}

static bool is_bridged(const struct worker *w, const struct pkt *pkt) { return w->ports[pkt->cookie].peer != PORT_ANY; }

static bool is_hidden(const struct worker *w, const struct pkt *pkt) { return w->ports[pkt->cookie].hidden; }

/* True if the host stack does not see the frame, because it may be a tunnel's. */
static bool is_opened(const struct worker *w, struct pkt *pkt)
{
    struct key key;
    if (!w->cfg.opened->count) return false;
    pkt_parse(pkt, &w->egress.snapshot->facts, &key);
    return opened_hides(w->cfg.opened, &key);
}

/* True if the host stack did not see the packet, because no socket of its own takes it. */
static bool is_untaken(const struct worker *w, struct pkt *pkt)
{
    const struct facts *facts = &w->egress.snapshot->facts;
    struct key key;
    if (!facts->ports.given_count || pkt->tag_count + pkt->tags_in_frame > 1) return false;
    pkt_parse(pkt, facts, &key);
    return key.kind & KIND_DST_SELF && key.kind & KIND_PORTS && key.kind & (KIND_TCP | KIND_UDP) &&
           facts_gives(&facts->ports, key.dst_port);
}

/* True if prey routes crossing packets of the packet's family, and this packet may cross. */
static bool is_routed_here(const struct worker *w, struct pkt *pkt, struct key *key)
{
    if (!w->cfg.routes || !routed_parse(&w->egress.snapshot->facts, pkt, key)) return false;
    return w->cfg.routes & (key->kind & KIND_IP4 ? ROUTED_IP4 : ROUTED_IP6);
}

/* True if the packet would leave by one of the ports, so that guard rules hide it from the host stack. */
static bool is_crossing(const struct worker *w, struct pkt *pkt)
{
    struct key key;
    return is_routed_here(w, pkt, &key) && egress_crosses(&w->egress, pkt, &key);
}

/* Route an accepted packet that is neither for this machine nor bridged. False: it is not routed here. If the host
 * forwards and has not seen the packet, the sender is notified that no route leads there. */
static bool routes_on(struct worker *w, const struct verdict *v, struct pkt *pkt, uint64_t now)
{
    struct key key;
    /* Beside programs in the kernel, if the route has several legs, this machine's stack sends the following
     * packets, by the leg that it chooses. */
    return !(v->flags & VERDICT_HOSTS) && !is_bridged(w, pkt) && is_routed_here(w, pkt, &key) &&
           !(w->cfg.world && w->cfg.forwards && egress_is_shared(&w->egress, pkt, &key)) &&
           egress_route(&w->egress, pkt, &key, w->cfg.forwards && is_hidden(w, pkt), now);
}

/* True if the host stack gets the packet although the rules have dropped or rejected it. */
static bool is_watched(const struct worker *w, const struct verdict *v, struct pkt *pkt)
{
    if ((is_hidden(w, pkt) && !w->cfg.watches) || v->flags & VERDICT_INNER || is_bridged(w, pkt)) return false;
    return watched(w->cfg.program, w->egress.snapshot, v, pkt, w->cfg.forwards) && !is_opened(w, pkt) &&
           !is_crossing(w, pkt);
}

/* True if this machine's stack would receive the packet with the VLAN tags that it came with. */
static bool has_receiver(const struct worker *w, const struct pkt *pkt)
{
    static const struct receivers none;
    const struct snapshot *s = w->egress.snapshot;
    if (!(pkt->tag_count | pkt->tags_in_frame)) return true;
    const uint8_t at = snapshot_device(s, (uint8_t)pkt->cookie);
    return at < PORTS_MOST && receivers_take_frame(s->around ? &s->around->receivers : &none, s->ifindex[at], pkt);
}

/* Give the packet to the host stack, which did not see it arrive. The stack gets it from its IP header on, so it
 * gets the packet only if it would have received the tags. */
static void host_give(struct worker *w, const struct pkt *pkt)
{
    struct virtio_net_hdr how;
    if (!has_receiver(w, pkt)) {
        w->counters.no_receiver++;
        return;
    }
    offload_give(pkt, &how);
    if (how.flags) how.csum_start = (uint16_t)(how.csum_start - pkt->l3);
    if (how.gso_type) how.hdr_len = (uint16_t)(how.hdr_len - pkt->l3);
    if (w->tape) tape_left(w->tape, TAPE_TO_HOST, pkt);
    w->counters.given++;
    if (pkt->l3 >= pkt->head_len || tun_give(w->cfg.tun, &how, pkt->data + pkt->l3, pkt->head_len - pkt->l3))
        w->counters.not_given++;
}

/* True if an accepted packet must be given to the host stack, which did not see it, or saw only its tunnel. */
static bool is_to_give(const struct worker *w, struct pkt *pkt)
{
    return w->cfg.tun >= 0 && !is_bridged(w, pkt) && (is_hidden(w, pkt) || is_opened(w, pkt) || is_untaken(w, pkt));
}

/* Give the packet to the host's socket, unless the host stack got it on arrival because no guard rule holds it back. */
static void to_proxy(struct worker *w, struct tx_entry *e, uint64_t now)
{
    struct key key;
    pkt_parse(e->pkt, &w->egress.snapshot->facts, &key);
    const bool opens = (key.marks & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    if (opens && e->input < VM_BATCH) {
        /* The rule that let a new connection in. The vm does not report it for a first packet that was held. */
        const struct verdict *v = &w->verdicts[e->input];
        const struct opener o = {.key = opener_key_of(&key),
                                 .at_ns = now,
                                 .program = w->cfg.program->serial,
                                 .rule = v->rule,
                                 .firewall = v->firewall,
                                 .service = v->service};
        openers_put(w->openers, &o);
    }
    if (w->cfg.tun >= 0 && (opens || is_hidden(w, e->pkt))) host_give(w, e->pkt);
}

/* Give the packet to the inline stack. The proxy loop that accepts its connection finds the needed facts there. */
static void to_inline(struct worker *w, const struct tx_entry *e, uint64_t now)
{
    struct inline_open open;
    if (e->cause == TX_CAUSE_INLINE && w->inlined && vm_inline_open(w->vm, (uint32_t)e->cookie, &open)) {
        const struct verdict *v = e->input < VM_BATCH ? &w->verdicts[e->input] : NULL;
        open.rule = v ? v->rule : RULE_NONE;
        open.firewall = v ? v->firewall : PBC_NONE;
        inlined_put(w->inlined, &open, w->cfg.program->serial, now);
    }
    w->counters.to_inline++;
    if (!inline_io_give(&w->inline_io, e->pkt)) w->counters.inline_lost++;
}

static void entry_leave(struct worker *w, struct tx_entry *e, uint64_t now)
{
    if (e->kind == TX_INLINE_STACK) {
        if (e->input < VM_BATCH)
            copying_sent(w->copying, w->pkts[e->input]); /* the entry's own addresses are made up */
        to_inline(w, e, now);
        return;
    }
    if (e->cause == TX_CAUSE_PROXY) {
        copying_sent(w->copying, e->pkt);
        to_proxy(w, e, now);
        return;
    }
    if (e->cause == TX_CAUSE_HELD) {
        totals_decided(&w->counters.totals, w->cfg.program, &e->verdict, e->pkt->wire_len + e->outer_bytes);
        const bool lets_by = is_watched(w, &e->verdict, e->pkt);
        if (lets_by) watched_count(&w->counters.watched, e->pkt->wire_len + e->outer_bytes);
        if (is_refused(&e->verdict)) drops_note(&w->drops, e->pkt, &e->verdict, lets_by, w->cfg.program->serial, now);
        if (lets_by && (w->cfg.watches || is_untaken(w, e->pkt))) host_give(w, e->pkt);
        if (e->kind == TX_HOST && is_bridged(w, e->pkt)) cross(w, e->pkt, now);
        if (__builtin_expect(w->observing.set != NULL, 0))
            w->egress.asked |=
                observed_late(&w->observing, e->pkt, &e->verdict, &w->egress.snapshot->facts, w->cfg.program->serial);
    }
    if (e->cause == TX_CAUSE_RESET && is_bridged(w, e->pkt)) {
        cross(w, e->pkt, now);
        return;
    }
    if (e->kind == TX_SEND && !is_hosts(w, e)) egress_send(&w->egress, e, (uint8_t)e->cookie, now);
    /* The host stack got each fragment that was held on its arrival. */
    if (e->kind == TX_HOST && routes_on(w, &e->verdict, e->pkt, now)) return;
    if (e->kind == TX_HOST && !is_bridged(w, e->pkt)) copying_sent(w->copying, e->pkt);
    if (e->kind == TX_HOST && w->cfg.tun >= 0 &&
        (e->cause == TX_CAUSE_INNER || (e->cause == TX_CAUSE_HELD && e->outer_bytes) || is_to_give(w, e->pkt)))
        host_give(w, e->pkt);
    else if (e->kind == TX_HOST && e->cause != TX_CAUSE_HELD)
        w->counters.to_host++;
}

static void log_event(struct worker *w, const struct event *e, uint64_t now)
{
    struct log_note note = {.program = w->cfg.program->serial, .mono_ns = now, .rule = e->rule, .would = e->would};
    struct pkt *pkt = e->input < VM_BATCH      ? w->pkts[e->input]
                      : e->entry < w->tx.count ? w->entries[e->entry].pkt
                                               : NULL;
    if (!pkt) return;
    struct pkt seen = *pkt;
    struct key key;
    pkt_parse(&seen, &w->egress.snapshot->facts, &key);
    pkt_describe(&seen, &key, note.text, sizeof note.text);
    note.bytes = pkt->wire_len;
    if (ring_put(&w->logs, &note))
        w->egress.asked = true;
    else
        __atomic_fetch_add(&w->logs_lost, 1, __ATOMIC_RELAXED);
}

static void events_leave(struct worker *w, uint64_t now)
{
    struct totals *t = &w->counters.totals;
    for (unsigned i = 0; i < w->tx.event_count; i++) {
        const struct event *e = &w->tx.events[i];
        t->log_events += e->kind == EVENT_LOG;
        if (e->kind == EVENT_REFUSED) {
            const struct refusal r = {.program = w->cfg.program->serial, .server = e->server};
            if (ring_put(&w->refusals, &r)) w->egress.asked = true;
        }
        if (e->kind == EVENT_FLOW && w->cfg.ended) w->cfg.ended(w->cfg.ended_arg, &e->flow);
        if (w->cfg.log && e->kind == EVENT_LOG) log_event(w, e, now);
    }
    t->log_events += w->tx.events_lost;
    t->log_lost += w->tx.events_lost;
    w->tx.event_count = 0;
    w->tx.events_lost = 0;
}

void worker_tell_loop(struct worker *w)
{
    struct inline_told told;
    bool any = false, former = false;
    while (leaving_has_room(w->leaving) && vm_inline_told(w->vm, &told)) {
        leaving_tell(w->leaving, &told);
        any = true;
        former |= told.former != 0;
    }
    if (any) leaving_call(w->leaving);
    w->egress.asked |= former; /* the main thread passes these messages on */
}

void worker_leave(struct worker *w, uint64_t now)
{
    if (w->leaving) worker_tell_loop(w);
    if (w->tx.event_count || w->tx.events_lost) events_leave(w, now);
    for (unsigned i = 0; i < w->tx.count; i++) entry_leave(w, &w->entries[i], now);
    egress_flush(&w->egress);
    vm_sent(w->vm);
    for (unsigned i = 0; i < w->tx.count; i++) pool_put(w->entries[i].pkt);
    w->tx.count = 0;
}

struct vm_in worker_input(const struct worker *w, uint64_t now)
{
    return (struct vm_in){.mono_ns = now, .facts = &w->egress.snapshot->facts, .ways = w->cfg.world ? &w->ways : NULL};
}

/* Handle a router's error about packets in prey's tunnels, regardless of the rules, because prey sent those packets. */
static void hear_router(struct worker *w, struct pkt *pkt, uint64_t now)
{
    struct pmtu_note note;
    if (!pmtu_maybe(pkt) || !limit_take(&w->told_limit, now)) return;
    if (pmtu_told(w->cfg.program, &w->egress.snapshot->facts, pkt, &note) && ring_put(&w->told, &note))
        w->egress.asked = true;
}

static void verdicts_count(struct worker *w, unsigned n, uint64_t now)
{
    struct worker_counters *c = &w->counters;
    w->watched = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct verdict *v = &w->verdicts[i];
        totals_decided(&c->totals, w->cfg.program, v, w->lengths[i]);
        if (v->action == ACTION_HELD) w->tick_ns = sooner(w->tick_ns, time_after(now, FRAG_HOLD_NS));
        if (w->cfg.cuts && v->action != ACTION_FORWARD) hear_router(w, w->pkts[i], now);
        const bool lets = v->action == ACTION_ACCEPT || v->action == ACTION_PASS;
        if (lets && !v->done) clamp_accepted(w->cfg.program, &w->egress.snapshot->facts, w->pkts[i]);
        if (lets && !v->done && is_bridged(w, w->pkts[i])) cross(w, w->pkts[i], now);
        const bool goes = lets && !v->done && routes_on(w, v, w->pkts[i], now);
        if (lets && !v->done && !goes && !is_bridged(w, w->pkts[i])) copying_sent(w->copying, w->pkts[i]);
        if (lets && !v->done && !goes && is_to_give(w, w->pkts[i])) host_give(w, w->pkts[i]);
        if (!is_refused(v)) continue;
        const bool lets_by = is_watched(w, v, w->pkts[i]);
        drops_note(&w->drops, w->pkts[i], v, lets_by, w->cfg.program->serial, now);
        if (!lets_by) {
            /* The host stack didn't see the packet. It gets the packet, and reports to the sender that no route exists.
             */
            if (v->flags & VERDICT_HOSTS && w->cfg.world && w->cfg.forwards && is_to_give(w, w->pkts[i]))
                host_give(w, w->pkts[i]);
            continue;
        }
        w->watched |= UINT64_C(1) << i;
        watched_count(&c->watched, w->lengths[i]);
        if (w->cfg.watches || is_untaken(w, w->pkts[i])) host_give(w, w->pkts[i]);
    }
}

/* Return the time that has passed since each packet came, as far as ports know it; NULL: nothing is observed. A
 * clock that was set in between makes the time unknown. */
static const uint32_t *find_ages(struct worker *w, unsigned n, uint64_t now)
{
    if (!w->cfg.program->observes_count) return NULL;
    if (w->cfg.ages_us) return w->cfg.ages_us;
    const uint64_t wall_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC) + now;
    for (unsigned i = 0; i < n; i++) {
        const struct port *p = &w->ports[w->pkts[i]->cookie];
        const uint64_t came_ns = p->ops->came ? p->ops->came(p->io, w->pkts[i]) : 0;
        const bool known = came_ns && came_ns < wall_ns && wall_ns - came_ns < AGE_MOST_NS;
        w->ages_us[i] = known ? (uint32_t)((wall_ns - came_ns) / 1000) : 0;
    }
    return w->ages_us;
}

/* Take out of the batch the packets that the host has routed, because the rules have accepted them already. Return
 * the number of the others. */
static unsigned leave_routed(struct worker *w, struct pkt *pkts[], unsigned n, uint64_t now)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        if (io_note(pkts[i]).flags & KERNEL_ROUTED) {
            /* Translate a packet that the host has routed, and send it on. Its interface is the one by which it
             * leaves. */
            const struct vm_in in = worker_input(w, now);
            struct verdict v;
            pkts[i]->iface = w->ports[pkts[i]->cookie].iface;
            const uint16_t came = up_came(w, pkts[i]);
            if (w->tape) up_note_routed(w, pkts[i], now);
            worker_listen(w);
            vm_run_routed(w->vm, &in, pkts[i], came, &v, &w->tx);
            worker_heard(w);
            if (w->tape) up_note_left(w, &v);
            if (is_refused(&v)) drops_note(&w->drops, pkts[i], &v, false, w->cfg.program->serial, now);
            worker_leave(w, now);
        } else
            pkts[kept++] = pkts[i];
    }
    return kept;
}

static void batch_judge(struct worker *w, struct pkt *pkts[], unsigned n, const struct vm_parsed *parsed, uint64_t now)
{
    struct totals *t = &w->counters.totals;
    for (unsigned i = 0; i < n; i++) {
        struct counter *seen = &w->ports[pkts[i]->cookie].seen;
        w->pkts[i] = pkts[i];
        pkts[i]->iface =
            w->ports[pkts[i]->cookie].iface; /* the worker that handed over the packet may have another program */
        if (w->cfg.world) w->ups[i] = up_of(w, pkts[i]);
        t->bytes += w->lengths[i] = pkts[i]->wire_len;
        seen->bytes += w->lengths[i];
        seen->packets++;
    }
    struct vm_in in = worker_input(w, now);
    in.parsed = parsed;
    in.ages_us = find_ages(w, n, now);
    const bool taped = w->tape && n;
    if (taped) {
        if (w->cfg.world)
            up_note(w, n, now);
        else
            tape_batch(w->tape, w->pkts, n, now, in.ages_us);
    }
    if (w->copying) w->copying->now_ns = now;
    if (__builtin_expect(w->observing.set != NULL, 0))
        observe(&w->observing, w->pkts, n, in.facts, w->cfg.program->serial);
    worker_listen(w);
    if (w->cfg.world)
        vm_run_up(w->vm, &in, w->pkts, n, w->ups, w->verdicts, &w->tx);
    else
        vm_run(w->vm, &in, w->pkts, n, w->verdicts, &w->tx);
    worker_heard(w);
    if (__builtin_expect(w->observing.set != NULL, 0)) w->egress.asked |= observed(&w->observing, w->verdicts);
    if (taped) {
        if (w->cfg.world)
            up_note_verdicts(w, n);
        else
            tape_verdicts(w->tape, w->verdicts, n);
    }
    t->frames += n;
    __atomic_store_n(&w->counters.batches, w->counters.batches + 1, __ATOMIC_RELAXED); /* other threads may read it */
    verdicts_count(w, n, now);
    w->tick_ns = sooner(w->tick_ns, time_after(now, ASK_AFTER_NS));
    worker_leave(w, now);
}

void worker_judge(struct worker *w, struct pkt *pkts[], unsigned n, uint64_t now)
{
    batch_judge(w, pkts, n, NULL, now);
}

/* Judge a super-packet by its pieces, or as it is if it has too many. */
static void judge_pieces(struct worker *w, struct pkt *super, uint64_t now)
{
    struct pkt *pieces[GSO_PIECES];
    unsigned n;
    if (!gso_cut(super, w->pool, pieces, &n)) {
        worker_judge(w, &super, 1, now);
        return;
    }
    w->counters.cut++;
    w->counters.pieces += n;
    for (unsigned i = 0; i < n && w->cfg.world; i++) io_note_none(pieces[i]);
    for (unsigned i = 0; i < n; i += VM_BATCH) worker_judge(w, pieces + i, n - i < VM_BATCH ? n - i : VM_BATCH, now);
    for (unsigned i = 0; i < n; i++)
        pool_put(pieces[i]); /* pool_put ignores pieces that have left and are back already */
}

void worker_judge_own(struct worker *w, struct pkt *pkts[], unsigned n, const struct vm_parsed *parsed, uint64_t now)
{
    unsigned first = 0;
    if (w->cfg.world) n = leave_routed(w, pkts, n, now);
    for (unsigned i = 0; i < n && w->cfg.cuts; i++) {
        if (!pkts[i]->segment) continue;
        if (i > first) batch_judge(w, pkts + first, i - first, NULL, now);
        judge_pieces(w, pkts[i], now);
        first = i + 1;
    }
    if (n > first) batch_judge(w, pkts + first, n - first, first ? NULL : parsed, now);
}
