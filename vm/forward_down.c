/* Servers that went down (`on down reset`): their flows end, at their next packet or when the sweep meets them, and
 * both sides are told where their numbers are known. */
#include <string.h>

#include "vm/build.h"
#include "vm/edges.h"
#include "vm/forward_priv.h"
#include "vm/proto/edit.h"
#include "vm/proto/header.h"

enum { SWEEP_FLOWS = 1 << 14, RESETS = 2 /* a flow: one a side */ };

bool forward_is_down(const struct program *p, const struct facts *facts, const struct flow_bind *b)
{
    return facts && facts->down && b->kind == BIND_SERVICE && facts->down[b->server] &&
           p->pools[p->servers[b->server].pool].on_down == PBC_DOWN_RESET;
}

/* The flow that ends, and where its resets go. */
struct ending {
    const struct job *j;
    struct forward *f;
    const struct flow *flow;
    const struct flow_bind *bind;
    struct track_tuple own;
    bool v6;
    uint32_t input;
    uint64_t cookie;
    struct edit_tag tags[STACK_TAGS]; /* of its VLAN stack */
    unsigned tag_count;
};

/* A reset to one side leaves behind the link header that its packets have. */
static void leave(const struct ending *e, const struct flow_rst *rst, uint64_t mac, uint16_t iface)
{
    struct vm *vm = e->j->vm;
    struct vm_tx *tx = e->j->tx;
    struct pkt *out = NULL;
    const bool ether = e->bind->client_mac[0] | e->bind->client_mac[1] | e->bind->client_mac[2] |
                       e->bind->client_mac[3] | e->bind->client_mac[4] | e->bind->client_mac[5];
    if (tx->count >= tx->cap || !vm->cfg.pool || build_flow_rst(rst, vm->cfg.pool, &out)) return;
    if (ether)
        edit_ether(out, mac, edge_mac(e->j->in->facts, NULL), e->tags, e->tag_count, e->v6 ? ETHER_IP6 : ETHER_IP4);
    struct tx_entry entry = {.pkt = out,
                             .kind = TX_SEND,
                             .cause = TX_CAUSE_RST,
                             .out_if = iface,
                             .input = e->input,
                             .cookie = e->cookie,
                             .family = mac ? 0 : e->v6 ? 6 : 4};
    memcpy(entry.next_hop, rst->dst, sizeof entry.next_hop);
    tx->entries[tx->count++] = entry;
    e->f->counters.resets++;
}

static void reset_client(const struct ending *e)
{
    const struct tcp_track *t = &e->flow->tcp;
    const bool heard = t->flags & TCP_TRACK_HEARD_REPLY;
    struct flow_rst rst = {.src_port = e->own.dst_port, .dst_port = e->own.src_port, .v6 = e->v6};
    memcpy(rst.src, e->own.dst, sizeof rst.src);
    memcpy(rst.dst, e->own.src, sizeof rst.dst);
    rst.seq = heard ? t->side[FLOW_REPLY].end : t->side[FLOW_ORIGINAL].acked;
    if (!rst.seq || (!heard && e->flow->state == FLOW_STATE_SYN_SENT)) {
        rst.seq = 0;
        rst.has_ack = true;
        rst.ack = t->side[FLOW_ORIGINAL].end;
    }
    uint64_t mac = 0;
    for (unsigned i = 0; i < 6; i++) mac = mac << 8 | e->bind->client_mac[i];
    leave(e, &rst, mac, e->bind->client_iface);
}

static void reset_server(const struct ending *e)
{
    const struct pbc_server *server = &e->f->p->servers[e->bind->server];
    struct flow_rst rst = {.src_port = e->bind->to_src_port,
                           .dst_port = e->bind->to_dst_port,
                           .seq = e->flow->tcp.side[FLOW_ORIGINAL].end,
                           .v6 = e->v6};
    memcpy(rst.src, e->bind->to_src, sizeof rst.src);
    memcpy(rst.dst, e->bind->to_dst, sizeof rst.dst);
    leave(e, &rst, server->flags & PBC_SERVER_HAS_MAC ? server->mac : 0, IFACE_NONE);
}

/* Both are told; of a DSR flow the client: what the server has sent it is not known here. */
static void reset_both(const struct ending *e)
{
    if (e->flow->proto != IPPROTO_NR_TCP || e->flow->state == FLOW_STATE_RESET) return;
    reset_client(e);
    if (!(e->flow->flags & FLOW_ONE_SIDED)) reset_server(e);
}

static void read_tags(struct ending *e, uint16_t stack)
{
    struct stack_tag tags[STACK_TAGS];
    e->tag_count = track_tags(e->f->track, stack, tags);
    for (unsigned i = 0; i < e->tag_count; i++) e->tags[i] = (struct edit_tag){tags[i].tpid, tags[i].vid};
}

void forward_reset(const struct passing *p)
{
    struct forward *f = p->f;
    struct ending e = {.j = p->j,
                       .f = f,
                       .flow = track_flow(f->track, p->seen),
                       .bind = track_bound(f->track, p->seen),
                       .own = track_own(f->track, p->seen),
                       .v6 = p->key->kind & KIND_IP6,
                       .input = p->j->input == INPUT_NONE ? INPUT_NONE : p->j->input + p->at,
                       .cookie = p->pkt->cookie};
    read_tags(&e, e.flow->stack);
    reset_both(&e);
    track_end(f->track, p->seen, FLOW_END_SERVER_DOWN);
    forward_refuse(p, REASON_SERVER_DOWN);
}

/* ---- the sweep ---- */

static bool sweep_one(void *arg, const struct flow *flow, const struct flow_id *id, const struct flow_bind *b)
{
    const struct job *j = arg;
    struct forward *f = j->vm->forward;
    if (!forward_is_down(f->p, j->in->facts, b)) return false;
    struct ending e = {.j = j,
                       .f = f,
                       .flow = flow,
                       .bind = b,
                       .own = track_tuple_of(id, flow->flags & FLOW_OPENED_BY_HIGH),
                       .v6 = id->kind & FLOW_ID_IP6,
                       .input = INPUT_NONE};
    read_tags(&e, id->stack);
    reset_both(&e);
    return true;
}

static bool any_down(const struct program *p, const struct facts *facts)
{
    if (!facts || !facts->down) return false;
    for (uint32_t i = 0; i < p->servers_count; i++)
        if (facts->down[i] && p->pools[p->servers[i].pool].on_down == PBC_DOWN_RESET) return true;
    return false;
}

bool forward_tick(const struct job *j)
{
    struct forward *f = j->vm->forward;
    const struct facts *facts = j->in->facts;
    const uint64_t generation = facts ? facts->generation : 0;
    if (facts != f->facts || generation != f->generation) {
        f->facts = facts;
        f->generation = generation;
        f->hand = 0;
        f->sweeping = any_down(f->p, facts);
    }
    for (unsigned i = 0; f->sweeping && i < SWEEP_FLOWS && j->tx->count + RESETS <= j->tx->cap; i++)
        f->sweeping =
            track_visit_bound(f->track, &f->hand, 1, sweep_one, FLOW_END_SERVER_DOWN, (void *)(uintptr_t)j);
    return f->sweeping;
}
