/* The inner packet of a tunnel: taken out, judged, and counted for the outer packet; see inner.h */
#include "vm/worker/inner.h"

#include "vm/packet/edit/edit.h"

static enum pkt_reason reason_of(enum decap d, const struct pkt *pkt)
{
    switch (d) {
    case DECAP_DONE: return REASON_NONE;
    case DECAP_FRAGMENT: return REASON_TUNNEL_FRAGMENT;
    case DECAP_CONGESTED: return REASON_TUNNEL_CONGESTED;
    case DECAP_SHORT: return pkt->flags & PKT_SNAPPED ? REASON_SNAPPED : REASON_BAD_TUNNEL;
    default: return REASON_BAD_TUNNEL;
    }
}

enum pkt_reason program_open(const struct program *p, uint32_t rule, const struct pkt *pkt, const struct key *key,
                             const struct facts *facts, struct pool *pool, struct pkt **inner, struct key *inner_key)
{
    const struct pbc_rule *r = &p->rules[rule];
    const bool fragment = key->kind & KIND_FRAGMENT;
    struct pkt *copy = pool && !fragment ? pool_copy(pool, pkt) : NULL;
    *inner = NULL;
    if (!copy) return fragment ? REASON_TUNNEL_FRAGMENT : REASON_NO_BUFFER;
    const enum tunnel_kind kind = verdict_is(r->verdict, VERDICT_TAKES_PORT) ? TUNNEL_GUE : TUNNEL_IPIP;
    const enum pkt_reason reason = reason_of(tunnel_decap(copy, key, kind, r->port), pkt);
    if (reason != REASON_NONE) {
        pool_put(copy);
        return reason;
    }
    pkt_parse(copy, facts, inner_key);
    *inner = copy;
    return copy->reason == REASON_NONE && inner_key->kind & KIND_SRC_SELF ? REASON_TUNNEL_SOURCE : REASON_NONE;
}

static void refuse_outer(const struct job *j, const struct packet_ctx *c, enum pkt_reason reason)
{
    refuse(j->vm, c, ACTION_DROP, reason);
    c->v->rule = decided_rule(c->decision);
    c->v->firewall = decided_firewall(c->decision);
    const unsigned noticed = c->pkt->flags & (PKT_SNAPPED | PKT_BAD_CSUM);
    c->v->flags = (uint8_t)(noticed | VERDICT_INNER);
    settle_noticed(j->vm, noticed);
}

void inner_count_outer(struct vm *vm, const struct verdict *v, uint32_t outer_bytes)
{
    vm->counters.verdicts[v->action].bytes += outer_bytes;
    if (v->rule != RULE_NONE) decider(vm, decided_as(v->rule, v->action, v->firewall))->bytes += outer_bytes;
    if (v->action != ACTION_DROP || v->reason == REASON_NONE) return;
    vm->counters.reasons[v->reason].bytes += outer_bytes;
    vm->refused.bytes += outer_bytes;
}

/* Judge the inner packet under its own number, by which meters distinguish packets. Keep one entry of vm_tx free. */
static void judge_inner(const struct job *j, struct packet_ctx *inner, uint32_t outer_bytes)
{
    struct vm *vm = j->vm;
    struct job opened = *j;
    opened.outer_bytes = outer_bytes;
    vm->packets++;
    vm->counters.inner++;
    j->tx->cap--;
    judge_single(&opened, inner);
    j->tx->cap++;
}

void inner_judge(const struct job *j, struct packet_ctx *c)
{
    struct vm *vm = j->vm;
    const struct pkt *pkt = c->pkt;
    struct verdict *v = c->v;
    struct packet_ctx inner;
    struct key inner_key;
    struct pkt *copy = NULL;
    counter_add(decider(vm, c->decision), pkt->wire_len);
    enum pkt_reason reason = j->outer_bytes ? REASON_NESTED_TUNNEL
                             : j->tx->count >= j->tx->cap
                                 ? REASON_NO_BUFFER
                                 : program_open(vm->program, decided_rule(c->decision), pkt, c->key, j->in->facts,
                                                vm->cfg.pool, &copy, &inner_key);
    if (reason != REASON_NONE) {
        pool_put(copy);
        refuse_outer(j, c, reason);
        return;
    }
    const uint32_t outer_bytes = pkt->wire_len - copy->wire_len;
    settle_noticed(vm, pkt->flags & PKT_BAD_CSUM);
    ctx_begin(&inner, c->at, copy, &inner_key, v);
    judge_inner(j, &inner, outer_bytes);
    c->left = inner.left;
    inner_count_outer(vm, v, outer_bytes);
    v->flags |= VERDICT_INNER;
    if (v->action == ACTION_ACCEPT && !v->done)
        tx_add(j, &inner, copy, TX_HOST, TX_CAUSE_INNER);
    else if (!inner.gone)
        pool_put(copy);
    v->done = v->action == ACTION_ACCEPT;
}
