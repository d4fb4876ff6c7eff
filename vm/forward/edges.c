/* Errors about packets that can't go on, and packets longer than the path MTU; see edges.h */
#include "vm/forward/edges.h"

#include <errno.h>

#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/reply/frame.h"

const uint32_t *edge_own(const struct facts *f, uint16_t iface, const struct key *key, uint32_t own[4])
{
    return facts_address(f, iface, !(key->kind & KIND_IP4), own) ? own : NULL;
}

uint64_t edge_mac(const struct facts *f, uint16_t iface, const struct pkt *pkt)
{
    const struct facts_iface *out = facts_iface(f, iface);
    if (out && out->mac) return out->mac;
    const uint64_t asked = pkt && pkt->link == LINK_ETHER ? pkt_mac(pkt, true) : 0;
    if (asked && !(asked >> 40 & 1)) return asked;
    return edge_mac_for(f, iface, f ? f->addr4 : 0);
}

uint64_t edge_mac_for(const struct facts *f, uint16_t iface, uint32_t last_word)
{
    const uint64_t made = (uint64_t)0x0200 << 32; /* no vendor's (IEEE 802, locally administered) */
    const uint64_t mac = facts_mac(f, iface);
    return mac ? mac : made | last_word;
}

void edge_expired(const struct job *j, const struct packet_ctx *c)
{
    uint32_t own[4];
    struct pkt *out = NULL;
    if (!answer_allowed(c->pkt, c->key) || !answer_begin(j, &j->vm->answers)) return;
    const uint32_t *from = edge_own(j->in->facts, c->pkt->iface, c->key, own);
    if (build_time_exceeded(c->pkt, c->key, from, j->vm->cfg.pool, &out)) out = NULL;
    answer_leave(j, c, out, TX_CAUSE_TIME_EXCEEDED);
}

void edge_too_big(const struct job *j, const struct packet_ctx *c, uint32_t mtu, const uint32_t *from)
{
    struct pkt *out = NULL;
    if (!answer_allowed(c->pkt, c->key) || !answer_begin(j, &j->vm->answers)) return;
    if (build_too_big(c->pkt, c->key, mtu, from, j->vm->cfg.pool, &out)) out = NULL;
    answer_leave(j, c, out, TX_CAUSE_TOO_BIG);
}

enum tunnel_fit edge_fit(const struct pkt *pkt, const struct key *key, uint32_t mtu, uint32_t *told)
{
    const bool v6 = key->kind & KIND_IP6;
    *told = v6 && mtu < IP6_LEAST_MTU ? IP6_LEAST_MTU : mtu;
    if (pkt_longest(pkt, key->length) <= *told) return TUNNEL_FITS;
    return v6 || pkt->segment || bytes_get16(pkt, pkt->l3 + (uint32_t)IP4_FRAG) & IP4_DF ? TUNNEL_TOO_BIG
                                                                                         : TUNNEL_IN_FRAGMENTS;
}

int edge_send(const struct job *j, struct pkt *pkt, uint32_t mtu, enum tunnel_fit fit, uint32_t id,
              const struct tx_entry *as)
{
    struct vm_tx *tx = j->tx;
    struct pkt *fragments[FRAGMENTS_MOST] = {pkt};
    int count = 1;
    if (fit == TUNNEL_IN_FRAGMENTS) {
        count = fragment(pkt, mtu, id, j->vm->cfg.pool, fragments);
        pool_put(pkt);
        if (count < 0) return count == -EMSGSIZE || count == -ENODATA ? count : -ENOBUFS;
    }
    const bool room = tx->count + (unsigned)count <= tx->cap;
    for (int i = 0; i < count; i++) {
        if (!room) {
            pool_put(fragments[i]);
            continue;
        }
        tx->entries[tx->count] = *as;
        tx->entries[tx->count++].pkt = fragments[i];
    }
    return room ? 0 : -ENOBUFS;
}

bool edge_to_stations(const struct facts *f, const struct pkt *pkt, const struct key *key)
{
    const struct facts_iface *one = f && f->bridges ? facts_iface(f, pkt->iface) : NULL;
    const bool crosses = one && one->peer != IFACE_NONE;
    return pkt_is_to_stations(pkt) && !crosses && key->kind & KIND_IP && !key_is_to_group(key);
}
