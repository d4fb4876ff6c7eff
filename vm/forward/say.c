/* Segments to one side of a flow in the name of the other, without a packet to answer: each has the link header of
 * the flow's packets */
#include <string.h>

#include "vm/forward/edges.h"
#include "vm/forward/forward_priv.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

void forward_speech(struct speech *e, const struct job *j, const struct flow *flow, const struct track_tuple *own,
                    const struct flow_bind *b)
{
    struct stack_tag tags[STACK_TAGS];
    *e = (struct speech){.j = j,
                         .f = j->vm->forward,
                         .flow = flow,
                         .bind = b,
                         .own = *own,
                         .v6 = flow->kind & FLOW_ID_IP6,
                         .input = INPUT_NONE};
    e->tag_count = track_tags(e->f->track, flow->stack, tags);
    for (unsigned i = 0; i < e->tag_count; i++) e->tags[i] = (struct edit_tag){tags[i].tpid, tags[i].vid};
}

static bool segment_leave(const struct speech *e, struct flow_segment *s, struct way_back to, enum tx_cause cause)
{
    struct vm *vm = e->j->vm;
    struct vm_tx *tx = e->j->tx;
    struct pkt *out = NULL;
    s->v6 = e->v6;
    if (tx->count >= tx->cap || !vm->cfg.pool || build_flow_segment(s, vm->cfg.pool, &out)) return false;
    if (wire_get48(e->bind->client_mac) && !(e->bind->flags & BIND_BY_HOST))
        edit_ether(out, to.mac, edge_mac(e->j->in->facts, to.iface, NULL), e->tags, e->tag_count,
                   e->v6 ? ETHER_IP6 : ETHER_IP4);
    struct tx_entry entry = {.pkt = out,
                             .kind = TX_SEND,
                             .cause = (uint8_t)cause,
                             .out_if = to.iface,
                             .input = e->input,
                             .cookie = e->cookie,
                             .family = to.mac  ? 0
                                       : e->v6 ? 6
                                               : 4};
    memcpy(entry.next_hop, s->dst, sizeof entry.next_hop);
    tx->entries[tx->count++] = entry;
    return true;
}

bool forward_say_client(const struct speech *e, struct flow_segment *s, enum tx_cause cause)
{
    memcpy(s->src, e->own.dst, sizeof s->src);
    memcpy(s->dst, e->own.src, sizeof s->dst);
    s->src_port = e->own.dst_port;
    s->dst_port = e->own.src_port;
    const struct flow_bind *b = e->bind;
    return segment_leave(e, s, forward_back(e->j->in->facts, b), cause);
}

bool forward_say_server(const struct speech *e, struct flow_segment *s, enum tx_cause cause)
{
    const struct pbc_server *server = e->bind->server == PBC_NONE ? NULL : &e->f->p->servers[e->bind->server];
    memcpy(s->src, e->bind->to_src, sizeof s->src);
    memcpy(s->dst, e->bind->to_dst, sizeof s->dst);
    s->src_port = e->bind->to_src_port;
    s->dst_port = e->bind->to_dst_port;
    const struct way_back to = {server && server->flags & PBC_SERVER_HAS_MAC ? server->mac : 0, IFACE_NONE};
    return segment_leave(e, s, to, cause);
}
