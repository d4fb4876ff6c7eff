/* One condition of the rule list on one packet, as cond.def says it: the meaning that every faster executor must match.
 * A condition on a field that the packet does not have is false, and so is its `not`. */
#include "vm/judge/judge.h"

static bool in_ranges(const struct program *p, const struct pbc_cond *c, uint32_t value)
{
    const struct pbc_range *r = p->ranges + c->first;
    for (uint32_t i = 0; i < c->count; i++)
        if (r[i].lo <= value && value <= r[i].hi) return true;
    return false;
}

static bool in_sets(const struct program *p, const struct pbc_cond *c, const struct key *key, bool dst)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (set_has_plain(p, c->first + i, key, dst)) return true;
    return key->kind & c->arg;
}

static bool in_mac_sets(const struct program *p, const struct pbc_cond *c, const struct pkt *pkt, bool dst)
{
    uint64_t mac = pkt_mac(pkt, dst);
    for (uint32_t i = 0; i < c->count; i++)
        if (mac_set_has(p, c->first + i, mac)) return true;
    return mac_is(mac, c->arg);
}

static bool flags_match(uint32_t flags, uint32_t arg)
{
    uint32_t has = arg & 0xff, lacks = arg >> 8;
    return (flags & has) == has && !(flags & lacks);
}

static bool pattern_match(const struct program *p, const struct pbc_cond *c, const struct key *key,
                          const struct pkt *pkt)
{
    const struct pbc_pattern *t = &p->patterns[c->first];
    return pkt_match(pkt, key, t->layer, t->at, t->value, t->mask, t->len);
}

bool cond_has(const struct pbc_cond *c, const struct key *key, const struct pkt *pkt)
{
    uint32_t kind = key->kind;
    switch ((enum cond_kind)c->kind) {
    case COND_FAMILY: return true;
    case COND_PROTO: return kind & KIND_PROTO;
    case COND_ETHER: return kind & KIND_ETHERTYPE;
    case COND_PORT:
    case COND_SOURCE_PORT: return kind & KIND_PORTS && (!c->arg || kind & c->arg);
    case COND_ICMP_TYPE: return kind & KIND_ICMP_HEADER && kind & c->arg & (KIND_ICMP | KIND_ICMP6);
    case COND_ICMP_ND: return kind & KIND_ICMP_HEADER && kind & KIND_ICMP6;
    case COND_ICMP_CODE: return kind & KIND_ICMP_HEADER;
    case COND_ON: return key->iface != IFACE_NONE;
    case COND_VLAN: return c->arg || kind & KIND_VLAN;
    case COND_VLAN_INNER: return kind & KIND_VLAN2;
    case COND_ETHER_FROM:
    case COND_ETHER_TO: return kind & KIND_ETHER;
    case COND_FLAGS: return kind & KIND_TCP_FLAGS;
    case COND_STATE:
    case COND_FLOWS_OVER: return key->marks & MARK_STATES;
    case COND_FROM:
    case COND_TO:
    case COND_FRAGMENT:
    case COND_TTL:
    case COND_LENGTH:
    case COND_DSCP: return kind & KIND_IP;
    case COND_OPTIONS: return kind & KIND_IP4;
    case COND_BYTES: return true; /* pkt_match says no where the layer is not */
    case COND_DURING: return true;
    case COND_OVER:
    case COND_WITHIN: return !c->arg || kind & c->arg;
    case COND_COUNT: break;
    }
    (void)pkt;
    return false;
}

static bool in_list(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt)
{
    uint32_t kind = key->kind;
    bool tagged = kind & KIND_VLAN;
    switch ((enum cond_kind)c->kind) {
    case COND_FAMILY:
    case COND_FRAGMENT: return kind & c->arg;
    case COND_PROTO: return kind & c->arg || in_ranges(p, c, key->proto);
    case COND_ETHER: return in_ranges(p, c, key->ether_type);
    case COND_FROM: return in_sets(p, c, key, false);
    case COND_TO: return in_sets(p, c, key, true);
    case COND_PORT: return in_ranges(p, c, key->dst_port);
    case COND_SOURCE_PORT: return in_ranges(p, c, key->src_port);
    case COND_ICMP_TYPE: return in_ranges(p, c, key->icmp_type);
    case COND_ICMP_ND: return kind & KIND_ND;
    case COND_ICMP_CODE: return in_ranges(p, c, key->icmp_code);
    case COND_ON: return in_ranges(p, c, key->iface);
    case COND_VLAN: return c->arg & (tagged ? VLAN_ANY : VLAN_NONE) || (tagged && in_ranges(p, c, key->vlan_outer));
    case COND_VLAN_INNER: return in_ranges(p, c, key->vlan_inner);
    case COND_ETHER_FROM: return in_mac_sets(p, c, pkt, false);
    case COND_ETHER_TO: return in_mac_sets(p, c, pkt, true);
    case COND_FLAGS: return flags_match(key->marks & 0xff, c->arg);
    case COND_STATE: return key->marks & c->arg;
    case COND_TTL: return in_ranges(p, c, key->ttl);
    case COND_LENGTH: return in_ranges(p, c, key->length);
    case COND_DSCP: return in_ranges(p, c, key->dscp);
    case COND_OPTIONS: return !(kind & KIND_OPTIONS) == !c->arg;
    case COND_BYTES: return pattern_match(p, c, key, pkt);
    case COND_DURING: return key->marks >> MARK_SCHEDULES & c->arg;
    case COND_OVER: return meter_peek(NULL, p, c->first, key, NULL) == METER_OVER;
    case COND_WITHIN: return meter_peek(NULL, p, c->first, key, NULL) == METER_WITHIN;
    case COND_FLOWS_OVER: return false; /* nobody holds flows where nothing is tracked */
    case COND_COUNT: break;
    }
    return false;
}

bool cond_match(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt)
{
    if (!cond_has(c, key, pkt)) return false;
    bool any = c->flags & PBC_COND_ANY, negated = c->flags & PBC_COND_NOT;
    return (any || in_list(p, c, key, pkt)) != negated;
}
