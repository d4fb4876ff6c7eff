/* Frames drawn from what the rules ask: from the conditions as they were written, so that nothing that the compiler
 * made of them has a part in it. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/trial/trial_priv.h"
#include "vm/packet/parse/header.h"

/* What a frame may still be while a rule's conditions are looked through. */
struct choice {
    uint32_t families;  /* of KIND_IP4, KIND_IP6, KIND_ARP and OTHER */
    uint32_t protocols; /* of bits of key.kind that name protocols, and NUMBER */
    uint32_t number;    /* if any */
    bool fixed;         /* protocols were asked for */
};
static const uint32_t OTHER = KIND_ETHER, NUMBER = KIND_PROTO;
static const uint32_t FAMILIES = KIND_IP | KIND_ARP | KIND_ETHER;
static const uint32_t NAMED = KIND_WITH_PORTS | KIND_ICMP | KIND_ICMP6;
static const uint32_t FRAGMENTS = KIND_FRAG_NO | KIND_FRAGMENT;

uint32_t doubt_draw(struct doubt *d)
{
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(d->seed >> 33);
}

static uint32_t below(struct doubt *d, uint32_t n) { return n ? doubt_draw(d) % n : 0; }

/* One of the bits. */
static uint32_t one_of(struct doubt *d, uint32_t bits)
{
    uint32_t n = below(d, (uint32_t)__builtin_popcount(bits));

    for (; n; n--) bits &= bits - 1;
    return bits & -bits;
}

static uint32_t index_of(struct doubt *d, uint32_t count, enum corner which)
{
    return which == CORNER_LOW ? 0 : which == CORNER_HIGH ? count - 1 : below(d, count);
}

static bool low_end(struct doubt *d, enum corner which)
{
    return which == CORNER_LOW || (which == CORNER_ANY && doubt_draw(d) & 1);
}

/* A value of the condition's ranges; of `not`, one beside them. */
static uint32_t value(struct doubt *d, const struct pbc_cond *c, enum corner which)
{
    if (!c->count) return doubt_draw(d);
    const struct pbc_range r = d->p->ranges[c->first + index_of(d, c->count, which)];
    const bool low = low_end(d, which);

    if (c->flags & PBC_COND_NOT) return low ? r.lo - 1 : r.hi + 1;
    if (which == CORNER_ANY && doubt_draw(d) & 1) return r.lo + below(d, r.hi - r.lo + 1);
    return low ? r.lo : r.hi;
}

static void member4(struct doubt *d, const struct pbc_set *s, bool outside, enum corner which, uint32_t a[4])
{
    const struct pbc_range r = d->p->set4[s->first4 + index_of(d, s->count4, which)];
    const bool low = low_end(d, which);

    a[1] = a[2] = a[3] = 0;
    a[0] = outside ? (low ? r.lo - 1 : r.hi + 1) : low ? r.lo : r.hi;
    if (!outside && which == CORNER_ANY && doubt_draw(d) & 1) a[0] = r.lo + below(d, r.hi - r.lo);
}

static void member6(struct doubt *d, const struct pbc_set *s, bool outside, enum corner which, uint32_t a[4])
{
    const struct pbc_range6 r = d->p->set6[s->first6 + index_of(d, s->count6, which)];
    const bool low = low_end(d, which);
    uint64_t hi = low ? r.lo_hi : r.hi_hi, lo = low ? r.lo_lo : r.hi_lo;

    if (outside && low) hi -= lo-- == 0;
    if (outside && !low) hi += ++lo == 0;
    a[0] = (uint32_t)(hi >> 32), a[1] = (uint32_t)hi;
    a[2] = (uint32_t)(lo >> 32), a[3] = (uint32_t)lo;
}

static void address(struct doubt *d, const struct pbc_cond *c, bool dst, enum corner which, struct wish *w)
{
    const bool outside = c->flags & PBC_COND_NOT;
    uint32_t *const a = dst ? w->key.dst : w->key.src;

    if (c->flags & PBC_COND_ANY) return;
    if (c->arg && !outside && (!c->count || doubt_draw(d) & 1)) {
        w->key.kind |= c->arg;
        return;
    }
    if (!c->count) return;
    const struct pbc_set *const s = &d->p->sets[c->first + index_of(d, c->count, which)];
    if (w->key.kind & KIND_IP4 && s->count4) member4(d, s, outside, which, a);
    if (w->key.kind & KIND_IP6 && s->count6) member6(d, s, outside, which, a);
}

static uint64_t mac(struct doubt *d, const struct pbc_cond *c, enum corner which)
{
    if (!c->count) return c->arg & MAC_BROADCAST ? 0xffffffffffff : 0x01005e000001;
    const struct pbc_set *const s = &d->p->macsets[c->first + index_of(d, c->count, which)];

    if (!s->count4) return 0;
    return d->p->macs[s->first4 + index_of(d, s->count4, which)] ^ (c->flags & PBC_COND_NOT ? 1 : 0);
}

/* Families in which a side's sets have members. */
static uint32_t families_of_sets(const struct doubt *d, const struct pbc_cond *c)
{
    uint32_t families = c->arg || c->flags & (PBC_COND_ANY | PBC_COND_NOT) ? KIND_IP : 0;

    for (uint32_t i = c->first; i < c->first + c->count && c->flags != PBC_COND_ANY && families != KIND_IP; i++)
        families |= (d->p->sets[i].count4 ? KIND_IP4 : 0u) | (d->p->sets[i].count6 ? KIND_IP6 : 0u);
    return families;
}

static uint32_t families_of_type(uint32_t type)
{
    return type == ETHER_IP4 ? KIND_IP4 : type == ETHER_IP6 ? KIND_IP6 : type == ETHER_ARP ? KIND_ARP : OTHER;
}

static uint32_t named_number(uint32_t number)
{
    return number == 6     ? KIND_TCP
           : number == 17  ? KIND_UDP
           : number == 132 ? KIND_SCTP
           : number == 1   ? KIND_ICMP
           : number == 58  ? KIND_ICMP6
                           : NUMBER;
}

static void ask_protocols(struct choice *ch, uint32_t protocols)
{
    ch->protocols &= protocols;
    ch->fixed = true;
    ch->families &= KIND_IP;
}

static void choose_protocol(struct doubt *d, struct choice *ch, const struct pbc_cond *c, enum corner which)
{
    uint32_t protocols = c->arg & NAMED;

    if (c->flags & PBC_COND_NOT) {
        ask_protocols(ch, ~protocols);
        return;
    }
    if (c->count) {
        ch->number = value(d, c, which) & 0xff;
        protocols |= named_number(ch->number);
    }
    ask_protocols(ch, protocols);
}

/* What the condition leaves of families and protocols. */
static void narrow(struct doubt *d, struct choice *ch, const struct pbc_cond *c, enum corner which)
{
    const bool not = c->flags & PBC_COND_NOT;

    switch ((enum cond_kind)c->kind) {
    case COND_FAMILY: ch->families &= not ? ~c->arg : c->arg; break;
    case COND_FROM:
    case COND_TO: ch->families &= families_of_sets(d, c); break;
    case COND_PROTO: choose_protocol(d, ch, c, which); break;
    case COND_PORT:
    case COND_SOURCE_PORT: ask_protocols(ch, c->arg ? c->arg : KIND_WITH_PORTS); break;
    case COND_ICMP_TYPE: ask_protocols(ch, c->arg & NAMED); break;
    case COND_ICMP_ND: ask_protocols(ch, KIND_ICMP6); break;
    case COND_ICMP_CODE: ask_protocols(ch, KIND_ICMP | KIND_ICMP6); break;
    case COND_FLAGS: ask_protocols(ch, KIND_TCP); break;
    case COND_OPTIONS: ch->families &= KIND_IP4; break;
    case COND_ETHER:
        if (!not ) ch->families &= families_of_type(value(d, c, which));
        break;
    case COND_STATE:
    case COND_FLOWS_OVER:
    case COND_FRAGMENT:
    case COND_TTL:
    case COND_LENGTH:
    case COND_DSCP: ch->families &= KIND_IP; break;
    default: break;
    }
}

static void decide_kind(struct doubt *d, struct choice *ch, struct wish *w)
{
    struct key *const k = &w->key;

    if (ch->fixed && !(ch->protocols & ~(uint32_t)KIND_ICMP)) ch->families &= KIND_IP4;
    if (ch->fixed && !(ch->protocols & ~(uint32_t)KIND_ICMP6)) ch->families &= KIND_IP6;
    if (ch->families & KIND_IP && doubt_draw(d) % 8) ch->families &= KIND_IP;
    k->kind = ch->families ? one_of(d, ch->families) : KIND_IP4;
    if (!(k->kind & KIND_IP)) return;
    const uint32_t strange = k->kind & KIND_IP4 ? KIND_ICMP6 : KIND_ICMP;
    uint32_t protocols = ch->protocols & ~strange;
    if (!ch->fixed && doubt_draw(d) % 4) protocols &= KIND_TCP | KIND_UDP;
    k->kind |= KIND_PROTO | (protocols ? one_of(d, protocols) : KIND_TCP);
    k->proto = (uint16_t)ch->number;
    k->kind |= KIND_FRAG_NO;
}

static void set_fragment(struct doubt *d, const struct pbc_cond *c, struct key *k)
{
    const uint32_t left = FRAGMENTS & (c->flags & PBC_COND_NOT ? ~c->arg : c->arg);

    k->kind = (k->kind & ~FRAGMENTS) | one_of(d, left ? left : FRAGMENTS);
}

static void set_vlan(struct doubt *d, const struct pbc_cond *c, enum corner which, struct key *k)
{
    const uint32_t tagged = c->flags & PBC_COND_NOT ? VLAN_NONE : VLAN_ANY;

    if (c->count || c->arg & tagged || !c->arg) k->kind |= KIND_VLAN;
    if (c->count) k->vlan_outer = (uint16_t)value(d, c, which);
}

static void set_schedules(const struct pbc_cond *c, struct key *k)
{
    const uint32_t bits = c->arg << MARK_SCHEDULES;

    k->marks = c->flags & PBC_COND_NOT ? k->marks & ~bits : k->marks | bits;
}

static void set_flags(struct doubt *d, const struct pbc_cond *c, struct key *k)
{
    const uint32_t has = c->arg & 0xff, lacks = c->arg >> 8 & 0xff;

    k->marks = (k->marks | has) & ~lacks;
    if (c->flags & PBC_COND_NOT) k->marks ^= one_of(d, has | lacks);
}

/* The condition's own field. */
static void fulfil(struct doubt *d, const struct pbc_cond *c, enum corner which, struct wish *w)
{
    struct key *const k = &w->key;

    switch ((enum cond_kind)c->kind) {
    case COND_FROM: address(d, c, false, which, w); break;
    case COND_TO: address(d, c, true, which, w); break;
    case COND_PORT: k->dst_port = (uint16_t)value(d, c, which); break;
    case COND_SOURCE_PORT: k->src_port = (uint16_t)value(d, c, which); break;
    case COND_ICMP_TYPE: k->icmp_type = (uint16_t)value(d, c, which); break;
    case COND_ICMP_ND: k->icmp_type = (uint16_t)(ICMP6_ND_FIRST + below(d, 4)), k->ttl = 255; break;
    case COND_ICMP_CODE: k->icmp_code = (uint16_t)value(d, c, which); break;
    case COND_ETHER:
        if (!(k->kind & (KIND_IP | KIND_ARP))) k->kind |= KIND_ETHERTYPE, k->ether_type = (uint16_t)value(d, c, which);
        break;
    case COND_ON: k->iface = (uint16_t)value(d, c, which); break;
    case COND_VLAN: set_vlan(d, c, which, k); break;
    case COND_VLAN_INNER: k->kind |= KIND_VLAN | KIND_VLAN2, k->vlan_inner = (uint16_t)value(d, c, which); break;
    case COND_ETHER_FROM: w->src_mac = mac(d, c, which); break;
    case COND_ETHER_TO: w->dst_mac = mac(d, c, which); break;
    case COND_FLAGS: set_flags(d, c, k); break;
    case COND_STATE:
        k->marks = (k->marks & ~(uint32_t)MARK_STATES) | ((c->flags & PBC_COND_NOT ? ~c->arg : c->arg) & MARK_STATES);
        break;
    case COND_FRAGMENT: set_fragment(d, c, k); break;
    case COND_TTL: k->ttl = (uint16_t)value(d, c, which); break;
    case COND_LENGTH: k->length = (uint16_t)value(d, c, which), w->sized = true; break;
    case COND_DSCP: k->dscp = (uint16_t)value(d, c, which); break;
    case COND_OPTIONS:
        if (!c->arg == !(c->flags & PBC_COND_NOT)) break;
        k->kind |= KIND_OPTIONS;
        break;
    case COND_BYTES:
        if (!(c->flags & PBC_COND_NOT)) w->pattern = &d->p->patterns[c->first];
        break;
    case COND_DURING: set_schedules(c, k); break;
    default: break;
    }
}

/* A list's direction, where it has one; chains and services have none. */
static uint32_t direction(struct doubt *d, const struct pbc_rule *r)
{
    static const uint32_t kinds[] = {[PBC_DIR_ANY] = KIND_IN | KIND_FORWARD,
                                     [PBC_DIR_IN] = KIND_IN,
                                     [PBC_DIR_OUT] = KIND_OUT,
                                     [PBC_DIR_FORWARD] = KIND_FORWARD};
    const uint32_t all = KIND_IN | KIND_OUT | KIND_FORWARD;

    return one_of(d, r->list & PBC_LIST_CHAIN ? all : kinds[d->p->firewalls[r->list].direction]);
}

static uint16_t interface(struct doubt *d, const struct pbc_rule *r)
{
    const uint32_t own = r->list & PBC_LIST_CHAIN ? PBC_NONE : d->p->firewalls[r->list].iface;

    if (own != PBC_NONE) return (uint16_t)own;
    return (uint16_t)below(d, d->p->ifaces_count + 1);
}

/* All that no condition asks. */
static void by_chance(struct doubt *d, struct wish *w)
{
    struct key *const k = &w->key;

    *w = (struct wish){.bare = doubt_draw(d) % 16 == 0};
    for (unsigned i = 0; i < 4; i++) {
        k->src[i] = doubt_draw(d) ^ doubt_draw(d) << 16;
        k->dst[i] = doubt_draw(d) ^ doubt_draw(d) << 16;
    }
    k->marks = doubt_draw(d);
    k->src_port = (uint16_t)doubt_draw(d);
    k->dst_port = (uint16_t)doubt_draw(d);
    k->icmp_type = doubt_draw(d) & 255;
    k->ttl = doubt_draw(d) & 1 ? 64 : doubt_draw(d) & 255;
    k->dscp = doubt_draw(d) & 1 ? 0 : doubt_draw(d) & 63;
    k->vlan_outer = (uint16_t)doubt_draw(d);
}

/* The rule's i-th condition, or, of the one to stand beside, its opposite. */
static struct pbc_cond cond_of(const struct doubt *d, const struct pbc_rule *r, uint32_t i, uint32_t beside)
{
    struct pbc_cond c = d->p->conds[r->conds + i];

    if (i == beside) c.flags ^= PBC_COND_NOT;
    return c;
}

void wish_of_rule(struct doubt *d, uint32_t rule, uint32_t beside, enum corner which, struct wish *w)
{
    const struct pbc_rule *const r = &d->p->rules[rule];
    struct choice ch = {.families = FAMILIES, .protocols = NAMED | NUMBER, .number = doubt_draw(d) & 0xff};

    if (r->flags & PBC_RULE_NOT_FRAMES) ch.families = KIND_ARP;
    if (!(r->flags & PBC_RULE_ARP)) ch.families &= ~(uint32_t)KIND_ARP;
    by_chance(d, w);
    for (uint32_t i = 0; i < r->cond_count; i++) {
        const struct pbc_cond c = cond_of(d, r, i, beside);
        narrow(d, &ch, &c, which);
    }
    decide_kind(d, &ch, w);
    w->key.kind |= direction(d, r);
    w->key.iface = interface(d, r);
    for (uint32_t i = 0; i < r->cond_count; i++) {
        const struct pbc_cond c = cond_of(d, r, i, beside);
        fulfil(d, &c, which, w);
    }
}

/* One field beside what its rule asks. */
static void stray(struct doubt *d, struct key *k)
{
    const uint32_t number = doubt_draw(d);

    switch (below(d, 12)) {
    case 0: k->src[below(d, 4)] ^= 1u << number % 32; break;
    case 1: k->dst[below(d, 4)] ^= 1u << number % 32; break;
    case 2: k->src_port = (uint16_t)number; break;
    case 3: k->dst_port = (uint16_t)number; break;
    case 4: k->dst_port = (uint16_t)(k->dst_port + (number & 1 ? 1 : -1)); break;
    case 5: k->marks ^= 1u << number % (MARK_SCHEDULES + 4); break;
    case 6: k->ttl = number & 255; break;
    case 7: k->kind ^= KIND_VLAN; break;
    case 8: k->kind |= number & 1 ? KIND_SRC_SELF : KIND_DST_SELF; break;
    case 9: k->iface = (uint16_t)below(d, d->p->ifaces_count + 1); break;
    case 10:
        if (number % 4 == 0 && k->kind & KIND_IP)
            k->kind = (k->kind & ~FRAGMENTS) | (number & 8 ? KIND_FRAG_FIRST : KIND_FRAG_LATER);
        break;
    default: k->icmp_type = number & 255; break;
    }
}

void wish_any(struct doubt *d, struct wish *w)
{
    const uint32_t rule = below(d, d->p->rules_count), count = d->p->rules[rule].cond_count;

    wish_of_rule(d, rule, doubt_draw(d) & 1 ? below(d, count) : PBC_NONE, CORNER_ANY, w);
    for (uint32_t n = below(d, 4); n; n--) stray(d, &w->key);
}
