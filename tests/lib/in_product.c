/* Testing if a frame is in a product, using only the words of field.def. */
#include "tests/lib/in_product.h"
#include "compiler/normal/flows_over.h"
#include "compiler/normal/normal.h"
#include "vm/judge/effects.h"

enum { LACKS_IT = -1 };

/* Return the value of a RANGES field, or LACKS_IT. */
static int64_t what_of(const struct key *k)
{
    if (k->kind & KIND_ARP) return WHAT_ARP;
    if (!(k->kind & KIND_IP)) return WHAT_OTHER;
    const bool ah6 = k->kind & KIND_IP6 && k->kind & KIND_AH;
    if (!(k->kind & KIND_PROTO)) return ah6 ? WHAT_AH6_UNKNOWN : WHAT_IP6_UNKNOWN;
    return (ah6 ? WHAT_AH6 : k->kind & KIND_IP6 ? WHAT_IP6 : WHAT_IP4) + k->proto;
}

static int64_t state_of(const struct key *k)
{
    for (unsigned i = 0; i < STATE_IS_ABSENT; i++)
        if (k->marks & (uint32_t)MARK_NEW << i) return i;
    return STATE_IS_ABSENT;
}

static int64_t fragment_of(const struct key *k)
{
    if (!(k->kind & KIND_IP)) return LACKS_IT;
    return k->kind & KIND_FRAG_LATER ? FRAGMENT_LATER : k->kind & KIND_FRAG_FIRST ? FRAGMENT_FIRST : FRAGMENT_NO;
}

static int64_t if_has(const struct key *k, uint32_t kinds, int64_t value) { return k->kind & kinds ? value : LACKS_IT; }

static int64_t value_of(const struct moment *m, enum ir_field f)
{
    const struct key *k = m->key;

    switch (f) {
    case IR_WHAT: return what_of(k);
    case IR_SPORT: return if_has(k, KIND_PORTS, k->src_port);
    case IR_DPORT: return if_has(k, KIND_PORTS, k->dst_port);
    case IR_IFACE: return k->iface;
    case IR_OUT: return pkt_way(m->pkt, k);
    case IR_URPF: return pkt_source_failed(m->pkt) > 1 ? SOURCE_ABSENT : (int64_t)pkt_source_failed(m->pkt);
    case IR_VLAN: return k->kind & KIND_VLAN ? k->vlan_outer : VLAN_ABSENT;
    case IR_INNER: return k->kind & KIND_VLAN2 ? k->vlan_inner : VLAN_ABSENT;
    case IR_FRAGMENT: return fragment_of(k);
    case IR_STATE: return state_of(k);
    case IR_TYPE: return if_has(k, KIND_ICMP_HEADER, k->icmp_type);
    case IR_CODE: return if_has(k, KIND_ICMP_HEADER, k->icmp_code);
    case IR_DSCP: return if_has(k, KIND_IP, k->dscp);
    case IR_OPTIONS: return if_has(k, KIND_IP4, !!(k->kind & KIND_OPTIONS));
    case IR_ETHER: return k->kind & KIND_ETHERTYPE ? k->ether_type : ETHER_ABSENT;
    case IR_ND:
        return (k->kind & (KIND_ICMP6 | KIND_ICMP_HEADER)) == (KIND_ICMP6 | KIND_ICMP_HEADER) ? !!(k->kind & KIND_ND)
                                                                                              : LACKS_IT;
    case IR_TTL: return if_has(k, KIND_IP, k->ttl);
    case IR_LENGTH: return if_has(k, KIND_IP, k->length);
    case IR_FLOWLABEL:
        return if_has(k, KIND_IP6, k->kind & KIND_IP6 ? wire_get32(m->pkt->data + m->pkt->l3) & 0xfffff : 0);
    default: return LACKS_IT;
    }
}

static bool has_addr(const struct ir *ir, uint32_t id, const struct key *k, const uint32_t a[4])
{
    const struct ir_addrs *s = ir_addrs(ir, id);
    const unsigned __int128 v = (unsigned __int128)((uint64_t)a[0] << 32 | a[1]) << 64 | ((uint64_t)a[2] << 32 | a[3]);

    if (!(k->kind & KIND_IP)) return id == IR_ALL;
    if (k->kind & KIND_IP4) {
        for (uint32_t i = 0; i < s->count4; i++)
            if (s->r4[i].lo <= a[0] && a[0] <= s->r4[i].hi) return true;
        return false;
    }
    for (uint32_t i = 0; i < s->count6; i++)
        if (((unsigned __int128)s->r6[i].lo_hi << 64 | s->r6[i].lo_lo) <= v &&
            v <= ((unsigned __int128)s->r6[i].hi_hi << 64 | s->r6[i].hi_lo))
            return true;
    return false;
}

static bool has_mac(const struct ir *ir, uint32_t id, const struct moment *m, bool dst)
{
    const struct ir_macs *s = ir_macs(ir, id);
    const uint64_t mac = pkt_mac(m->pkt, dst);
    bool found = false;

    if (id == IR_ALL) return true;
    if (s->kinds == MACS_ARE_RANGES) return macs_have(ir, id, m->key->kind & KIND_ETHER ? mac : MAC_NONE);
    if (!(m->key->kind & KIND_ETHER)) return false;
    for (uint32_t i = 0; i < s->count; i++) found |= s->macs[i] == mac;
    return (found || mac_is(mac, s->kinds)) != s->negated;
}

static bool has_patterns(const struct compile *c, uint32_t id, const struct moment *m)
{
    const struct ir_patterns all = ir_patterns(c->ir, id);

    for (uint32_t i = 0; i < all.count; i++) {
        if (!pkt_pattern(m->pkt, m->key, &c->image->patterns[all.pattern[i]])) return false;
    }
    return true;
}

static bool has_meters(const struct ir *ir, uint32_t id, const struct moment *m)
{
    const struct ir_patterns all = ir_patterns(ir, id);

    for (uint32_t i = 0; i < all.count; i++)
        if ((m->over >> all.pattern[i] / 2 & 1) == (all.pattern[i] & 1)) return false;
    return true;
}

/* Networks of every length hold equally many flows. */
static bool has_flows(const struct ir *ir, uint32_t id, const struct moment *m)
{
    struct flows_demand d[PBC_GRAINS_MAX];
    const uint32_t n = flows_demands(ir, id, d);
    uint32_t i = 0;

    while (i < n && m->flows > d[i].over) i++;
    return i == n && state_of(m->key) != STATE_IS_ABSENT;
}

static bool has_bits(const struct moment *m, enum ir_field f, uint32_t bits)
{
    const uint32_t flags = m->key->marks & 0xff, active = m->key->marks >> MARK_SCHEDULES;

    switch (f) {
    case IR_HAS: return m->key->kind & KIND_TCP_FLAGS && (flags & bits) == bits;
    case IR_LACKS: return m->key->kind & KIND_TCP_FLAGS && !(flags & bits);
    case IR_DURING: return active & bits;
    default: return !(active & bits);
    }
}

static bool in_field(const struct compile *c, enum ir_field f, uint32_t id, const struct moment *m)
{
    const struct key *k = m->key;
    const int64_t value = value_of(m, f);

    switch (f) {
    case IR_SRC: return k->kind & KIND_SRC_SELF || has_addr(c->ir, id, k, k->src);
    case IR_SRC_SELF: return !(k->kind & KIND_SRC_SELF) || has_addr(c->ir, id, k, k->src);
    case IR_DST: return k->kind & KIND_DST_SELF || has_addr(c->ir, id, k, k->dst);
    case IR_DST_SELF: return !(k->kind & KIND_DST_SELF) || has_addr(c->ir, id, k, k->dst);
    case IR_HAS:
    case IR_LACKS:
    case IR_DURING:
    case IR_NOT_DURING: return has_bits(m, f, id);
    case IR_SRC_MAC:
    case IR_DST_MAC: return has_mac(c->ir, id, m, f == IR_DST_MAC);
    case IR_BYTES: return has_patterns(c, id, m);
    case IR_METERS: return has_meters(c->ir, id, m);
    case IR_FLOWS: return has_flows(c->ir, id, m);
    default: return value != LACKS_IT && ir_ranges_have(c->ir, id, (uint32_t)value);
    }
}

bool in_product(const struct compile *c, const struct ir_product *p, const struct moment *m)
{
    if (ir_is_empty(p)) return false;
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (p->field[f] != IR_ALL && !in_field(c, f, p->field[f], m)) return false;
    return true;
}
