/* Endpoints are matched in the program's order; a branch is chosen once its conditions are known to hold */
#include "vm/observe/choose.h"

#include <string.h>

#include "vm/judge/decide.h"
#include "vm/packet/key.h"

static bool has_tags(const struct pbc_endpoint *e, const struct key *key)
{
    const bool tagged = key->kind & KIND_VLAN;
    switch (e->wire) {
    case PBC_WIRE_UNTAGGED: return !tagged;
    case PBC_WIRE_TAGGED: return tagged;
    case PBC_WIRE_VLAN: return tagged && key->vlan_outer >= e->vlan_lo && key->vlan_outer <= e->vlan_hi;
    default: return true;
    }
}

static bool endpoint_takes(const struct pbc_endpoint *e, const struct key *key)
{
    const uint32_t family = e->family == 4 ? KIND_IP4 : KIND_IP6;
    if (key->dst_port < e->port_lo || key->dst_port > e->port_hi) return false;
    if (e->to == PBC_TO_SELF && !(key->kind & KIND_DST_SELF)) return false;
    if (e->to == PBC_TO_ADDRESS && !(key->kind & family && address_equal(key->dst, e->addr))) return false;
    return (!e->iface || key->iface == e->iface - 1) && has_tags(e, key);
}

uint32_t observe_of(const struct program *p, const struct key *key)
{
    const uint32_t asked = KIND_TCP | KIND_PORTS;
    if ((key->kind & asked) != asked || !(key->kind & KIND_IP)) return PBC_NONE;
    for (uint32_t i = 0; i < p->observe_endpoints_count; i++)
        if (endpoint_takes(&p->observe_endpoints[i], key)) return p->observe_endpoints[i].service;
    return PBC_NONE;
}

/* Turn a client's packet into one of its server, as far as services ask. */
static struct key turned(const struct key *key)
{
    struct key t = *key;
    memcpy(t.src, key->dst, sizeof t.src);
    memcpy(t.dst, key->src, sizeof t.dst);
    t.src_port = key->dst_port;
    t.dst_port = key->src_port;
    t.kind &= ~(uint32_t)(KIND_SRC_SELF | KIND_DST_SELF);
    if (key->kind & KIND_SRC_SELF) t.kind |= KIND_DST_SELF;
    if (key->kind & KIND_DST_SELF) t.kind |= KIND_SRC_SELF;
    return t;
}

uint32_t observe_begins(const struct program *p, const struct key *key, struct key *client, bool *by_server)
{
    const bool syn = key->marks & TCP_SYN, ack = key->marks & TCP_ACK;
    const struct key back = turned(key);
    const uint32_t to = syn && ack ? PBC_NONE : observe_of(p, key);
    const uint32_t from = syn && !ack ? PBC_NONE : observe_of(p, &back);
    *by_server = from != PBC_NONE && (to == PBC_NONE || key->src_port < key->dst_port);
    *client = *by_server ? back : *key;
    return *by_server ? from : to;
}

static enum stream_says cond_says(const struct program *p, const struct pbc_cond *c, const struct key *key,
                                  const struct first *const half[2])
{
    if (stream_asks(c)) return stream_cond(p, c, half[c->flags & PBC_COND_REPLY ? 1 : 0], false);
    return cond_match(p, c, key, NULL) ? STREAM_YES : STREAM_NO;
}

uint32_t observe_choose(const struct program *p, uint32_t observe, const struct key *key,
                        const struct first *const half[2])
{
    const struct pbc_observe *o = &p->observes[observe];
    for (uint32_t i = o->choices; i < o->choices + o->choice_count; i++) {
        const struct pbc_choice *x = &p->choices[i];
        enum stream_says all = STREAM_YES;
        for (uint32_t c = x->conds; c < x->conds + x->cond_count && all != STREAM_NO; c++) {
            const enum stream_says one = cond_says(p, &p->conds[c], key, half);
            if (one != STREAM_YES) all = one;
        }
        if (all != STREAM_NO) return all == STREAM_YES ? i : OBSERVE_MORE;
    }
    return o->choices + o->choice_count - 1;
}

/* Return the result of the branch's conditions; *client: one depends on client bytes not known yet. */
static enum stream_says branch_says(const struct program *p, const struct pbc_choice *x, const struct key *key,
                                    const struct first *const half[2], bool *client)
{
    enum stream_says all = STREAM_YES;
    bool waits = false;
    for (uint32_t c = x->conds; c < x->conds + x->cond_count && all != STREAM_NO; c++) {
        const enum stream_says one = cond_says(p, &p->conds[c], key, half);
        if (one != STREAM_YES) all = one == STREAM_NO || all == STREAM_YES ? one : all;
        waits |= one != STREAM_YES && one != STREAM_NO && !(p->conds[c].flags & PBC_COND_REPLY);
    }
    if (all != STREAM_NO) *client |= waits;
    return all;
}

bool observe_hangs(const struct program *p, uint32_t observe, const struct key *key, const struct first *const half[2])
{
    const struct pbc_observe *o = &p->observes[observe];
    bool client = false;
    for (uint32_t i = o->choices; i < o->choices + o->choice_count; i++) {
        const enum stream_says all = branch_says(p, &p->choices[i], key, half, &client);
        if (all == STREAM_NO) continue;
        if (client && pbc_does_hold(p->choices[i].does)) return true;
        if (all == STREAM_YES) return false;
    }
    return false;
}
