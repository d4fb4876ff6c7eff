/* Frames drawn from a rule, and by chance (draw.h). */
#include "vm/judge/draw/draw_priv.h"

#include "vm/packet/parse/header.h"

uint32_t draw_number(struct frame_draw *d)
{
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(d->seed >> 33);
}

uint32_t draw_below(struct frame_draw *d, uint32_t n) { return n ? draw_number(d) % n : 0; }

uint32_t draw_bit(struct frame_draw *d, uint32_t bits)
{
    uint32_t n = draw_below(d, (uint32_t)__builtin_popcount(bits));
    for (; n; n--) bits &= bits - 1;
    return bits & -bits;
}

/* Decide the kind. In IPv4 AH is the protocol, in IPv6 a header before it. */
static void decide_kind(struct frame_draw *d, struct choice *ch, struct frame_wish *w)
{
    struct key *const k = &w->key;
    if (ch->ah && ch->fixed && ch->families & KIND_IP6) ch->families &= KIND_IP6;
    if (ch->fixed && !(ch->protocols & ~(uint32_t)KIND_ICMP)) ch->families &= KIND_IP4;
    if (ch->fixed && !(ch->protocols & ~(uint32_t)KIND_ICMP6)) ch->families &= KIND_IP6;
    if (ch->families & KIND_IP && draw_number(d) % 8) ch->families &= KIND_IP;
    k->kind = ch->families ? draw_bit(d, ch->families) : KIND_IP4;
    if (!(k->kind & KIND_IP)) return;
    if (ch->ah && k->kind & KIND_IP4) {
        k->kind |= KIND_PROTO | KIND_FRAG_NO;
        k->proto = IPPROTO_NR_AH;
        return;
    }
    if (ch->ah) k->kind |= KIND_AH;
    const uint32_t strange = k->kind & KIND_IP4 ? KIND_ICMP6 : KIND_ICMP;
    uint32_t protocols = ch->protocols & ~strange;
    if (!ch->fixed && draw_number(d) % 4) protocols &= KIND_TCP | KIND_UDP;
    k->kind |= KIND_PROTO | (protocols ? draw_bit(d, protocols) : KIND_TCP);
    k->proto = (uint16_t)ch->number;
    k->kind |= KIND_FRAG_NO;
}

/* Draw a list's direction, if it has one; chains and services have none. */
static uint32_t direction(struct frame_draw *d, const struct pbc_rule *r)
{
    static const uint32_t kinds[] = {[PBC_DIR_ANY] = KIND_IN | KIND_FORWARD,
                                     [PBC_DIR_IN] = KIND_IN,
                                     [PBC_DIR_OUT] = KIND_OUT,
                                     [PBC_DIR_FORWARD] = KIND_FORWARD};
    const uint32_t all = KIND_IN | KIND_OUT | KIND_FORWARD;
    return draw_bit(d, r->list & PBC_LIST_CHAIN ? all : kinds[d->program->firewalls[r->list].direction]);
}

/* Draw an interface: one of the program, the first that it does not name, or none. */
static uint16_t any_interface(struct frame_draw *d)
{
    const uint32_t named = d->program->ifaces_count, n = draw_below(d, named + 2);
    return n > named ? IFACE_NONE : (uint16_t)n;
}

/* Draw all fields by chance; conditions then set theirs. */
static void by_chance(struct frame_draw *d, struct frame_wish *w)
{
    struct key *const k = &w->key;
    *w = (struct frame_wish){.bare = draw_number(d) % 16 == 0};
    for (unsigned i = 0; i < 4; i++) {
        k->src[i] = draw_number(d) ^ draw_number(d) << 16;
        k->dst[i] = draw_number(d) ^ draw_number(d) << 16;
    }
    k->marks = draw_number(d);
    k->src_port = (uint16_t)draw_number(d);
    k->dst_port = (uint16_t)draw_number(d);
    k->icmp_type = draw_number(d) & 255;
    for (unsigned i = 0; i < IP_NUMBERS; i++) {
        const struct cond_info *row = &cond_info[ip_number_conds[i]];
        if (row->half != HALF_NONE && draw_number(d) & 1) k->half[row->half] = (uint16_t)(draw_number(d) & row->most);
    }
    if (draw_number(d) & 1) k->ttl = 64;
    k->vlan_outer = (uint16_t)draw_number(d);
}

/* Return the rule's i-th condition, or its opposite if i is `beside`. */
static struct pbc_cond cond_of(const struct frame_draw *d, const struct pbc_rule *r, uint32_t i, uint32_t beside)
{
    struct pbc_cond c = d->program->conds[r->conds + i];
    if (i == beside) c.flags ^= PBC_COND_NOT;
    return c;
}

void draw_rule(struct frame_draw *d, uint32_t rule, uint32_t beside, enum corner which, struct frame_wish *w)
{
    const struct pbc_rule *const r = &d->program->rules[rule];
    struct choice ch = {.families = KIND_IP | KIND_ARP | DRAW_OTHER,
                        .protocols = DRAW_NAMED | DRAW_NUMBER,
                        .number = draw_number(d) & 0xff};
    if (r->flags & PBC_RULE_NOT_FRAMES) ch.families = KIND_ARP;
    if (!(r->flags & PBC_RULE_ARP)) ch.families &= ~(uint32_t)KIND_ARP;
    by_chance(d, w);
    for (uint32_t i = 0; i < r->cond_count; i++) {
        const struct pbc_cond c = cond_of(d, r, i, beside);
        draw_narrow(d, &ch, &c, which);
    }
    decide_kind(d, &ch, w);
    w->key.kind |= direction(d, r);
    const uint32_t own = r->list & PBC_LIST_CHAIN ? PBC_NONE : d->program->firewalls[r->list].iface;
    w->key.iface = own != PBC_NONE ? (uint16_t)own : any_interface(d);
    for (uint32_t i = 0; i < r->cond_count; i++) {
        const struct pbc_cond c = cond_of(d, r, i, beside);
        draw_fulfil(d, &c, which, w);
    }
}

/* Change one field away from what its rule wants. */
static void stray(struct frame_draw *d, struct key *k)
{
    const uint32_t number = draw_number(d);
    switch (draw_below(d, 12)) {
    case 0: k->src[draw_below(d, 4)] ^= 1u << number % 32; break;
    case 1: k->dst[draw_below(d, 4)] ^= 1u << number % 32; break;
    case 2: k->src_port = (uint16_t)number; break;
    case 3: k->dst_port = (uint16_t)number; break;
    case 4: k->dst_port = (uint16_t)(k->dst_port + (number & 1 ? 1 : -1)); break;
    case 5: k->marks ^= 1u << number % (MARK_SCHEDULES + 4); break;
    case 6: k->ttl = number & 255; break;
    case 7: k->kind ^= KIND_VLAN; break;
    case 8: k->kind |= number & 1 ? KIND_SRC_SELF : KIND_DST_SELF; break;
    case 9: k->iface = any_interface(d); break;
    case 10:
        if (number % 4 == 0 && k->kind & KIND_IP)
            k->kind = (k->kind & ~(uint32_t)DRAW_FRAGMENTS) | (number & 8 ? KIND_FRAG_FIRST : KIND_FRAG_LATER);
        break;
    default: k->icmp_type = number & 255; break;
    }
}

void draw_any(struct frame_draw *d, struct frame_wish *w)
{
    const uint32_t rule = draw_below(d, d->program->rules_count), count = d->program->rules[rule].cond_count;
    draw_rule(d, rule, draw_number(d) & 1 ? draw_below(d, count) : PBC_NONE, CORNER_ANY, w);
    for (uint32_t n = draw_below(d, 4); n; n--) stray(d, &w->key);
}
