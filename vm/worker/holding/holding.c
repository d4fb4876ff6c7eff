/* Packets are held as they are judged and let go in order; a rejected connection gets a reset at both ends */
#include "vm/worker/holding/holding.h"

#include "vm/packet/edit/edit.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/reply/frame.h"

/* Reset both ends of a connection, by one of its packets. The reset to the other end leaves in its turn. */
static void reset_both(const struct job *j, const struct packet_ctx *c, const struct both_reset *to)
{
    struct vm *vm = j->vm;
    struct pkt *answer = NULL, *on = NULL;
    struct tcp_segment s;
    if (!vm->cfg.pool) return;
    tcp_read(c->pkt, c->key, &s);
    const bool opens = (s.flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
    const struct flow_segment back = {.seq = opens ? 0 : to->sender, .ack = s.seq + s.len, .flags = TCP_RST | TCP_ACK};
    const struct flow_segment forth = {
        .seq = to->other, .ack = s.ack, .flags = (uint8_t)(TCP_RST | (s.flags & TCP_ACK))};
    if (j->tx->count < j->tx->cap) {
        build_tcp_reply(c->pkt, c->key, &back, vm->cfg.pool, &answer);
        answer_leave(j, c, answer, TX_CAUSE_RST);
    }
    if (build_tcp_instead(c->pkt, c->key, &forth, vm->cfg.pool, &on)) return;
    on->cookie = c->pkt->cookie;
    if (!observers_send(vm->observers, on)) pool_put(on);
}

/* Hold the packet; without room, release its connection's held packets. False: this packet goes on, too. */
static bool packet_hold(const struct job *j, const struct packet_ctx *c, struct holding *g)
{
    struct vm *vm = j->vm;
    struct pkt *copy = vm->cfg.pool ? pool_copy(vm->cfg.pool, c->pkt) : NULL;
    bool held = copy && observers_hold(vm->observers, g, copy);
    if (!held) observers_let(vm->observers, g);
    if (!held && copy) held = observers_hold(vm->observers, g, copy);
    if (!held && copy) pool_put(copy);
    if (held) refuse(vm, c, ACTION_HELD, REASON_NONE);
    return held;
}

bool holding_take(const struct job *j, struct packet_ctx *c, struct observe_packet *s, uint64_t came_ns, bool *read)
{
    struct vm *vm = j->vm;
    struct holding g;
    /* This machine's stack also has a copy of its own packets, so holding would have no effect */
    if (j->outer_bytes || c->key->kind & (KIND_SRC_SELF | KIND_DST_SELF)) return false;
    /* A capture on the sending machine lacks right checksums */
    if (vm->cfg.live && observers_hang_on(vm->observers, s) && !tcp_sum_is_right(c->pkt, c->key)) {
        observers_drop_damaged(vm->observers, s);
        *read = false;
        refuse(vm, c, ACTION_DROP, REASON_OBSERVE_WAIT);
        return true;
    }
    const enum holding_says says = observers_holding(vm->observers, came_ns, s, &g);
    if (says == HOLDING_NONE) return false;
    *read = false;
    if (g.cut && !holding_cut(j, c, &g)) g.waits = false;
    switch (says) {
    case HOLDING_WAITS: return packet_hold(j, c, &g);
    case HOLDING_DROP: refuse(vm, c, ACTION_DROP, REASON_OBSERVE_WAIT); return true;
    case HOLDING_REJECT:
        refuse(vm, c, ACTION_REJECT, REASON_OBSERVE_REJECT);
        if (!g.quiet) reset_both(j, c, &g.reset);
        return true;
    default: return false;
    }
}

/* Judge a packet by itself, as the only one of its batch. */
static void leave_one(const struct job *j, const struct waiting *h, holding_judge_fn *judge)
{
    struct vm *vm = j->vm;
    struct vm_tx *tx = j->tx;
    const unsigned events = tx->event_count;
    struct packet_ctx c;
    struct key key;
    struct verdict v;
    struct pkt view = *h->pkt; /* not writable, so that a copy goes on and the packet itself leaves with its verdict */
    view.flags &= (uint8_t)~PKT_WRITABLE;
    view.pool = NULL;
    pkt_parse(&view, j->in->facts, &key);
    ctx_begin(&c, 0, &view, &key, &v);
    if (!h->ours) counter_take(&vm->counters.verdicts[ACTION_HELD], view.wire_len);
    if (h->fate == HELD_GOES)
        judge(j, &c);
    else
        refuse(vm, &c, ACTION_REJECT, REASON_OBSERVE_REJECT);
    if (h->fate == HELD_RESETS) reset_both(j, &c, &h->reset);
    h->pkt->mirrors = view.mirrors;
    for (unsigned i = events; i < tx->event_count; i++) tx->events[i].entry = tx->count;
    vm->packets++; /* its own number, by which meters distinguish packets */
    const bool goes = v.action == ACTION_ACCEPT || v.action == ACTION_PASS;
    tx->entries[tx->count++] = (struct tx_entry){.pkt = h->pkt,
                                                 .kind = goes && !v.done ? TX_HOST : TX_FREE,
                                                 .cause = h->ours ? TX_CAUSE_RESET : TX_CAUSE_HELD,
                                                 .out_if = IFACE_NONE,
                                                 .input = INPUT_NONE,
                                                 .cookie = h->pkt->cookie,
                                                 .verdict = v};
}

void holding_leave(const struct job *j, holding_judge_fn *judge)
{
    struct waiting h;
    while (j->tx->count + VM_TX_PER_PACKET <= j->tx->cap && observers_leaves(j->vm->observers, &h))
        leave_one(j, &h, judge);
}
