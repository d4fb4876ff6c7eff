/* Drawing of each kind of condition, by the function that its row of cond.def names. The row shows which frames have
 * the field, and the place of a number. */
#include "vm/judge/draw/draw_priv.h"
#include "vm/packet/parse/header.h"
#include "vm/tables.h"

static uint32_t index_of(struct frame_draw *d, uint32_t count, enum corner which)
{
    return which == CORNER_LOW ? 0 : which == CORNER_HIGH ? count - 1 : draw_below(d, count);
}

static bool low_end(struct frame_draw *d, enum corner which)
{
    return which == CORNER_LOW || (which == CORNER_ANY && draw_number(d) & 1);
}

/* Return a value of the condition's ranges; for `not`, one just outside. */
static uint32_t value(struct frame_draw *d, const struct pbc_cond *c, enum corner which)
{
    if (!c->count) return draw_number(d);
    const struct pbc_range r = d->program->ranges[c->first + index_of(d, c->count, which)];
    const bool low = low_end(d, which);
    if (c->flags & PBC_COND_NOT) return low ? r.lo - 1 : r.hi + 1;
    if (which == CORNER_ANY && draw_number(d) & 1) return r.lo + draw_below(d, r.hi - r.lo + 1);
    return low ? r.lo : r.hi;
}

static void member4(struct frame_draw *d, const struct pbc_set *s, bool outside, enum corner which, uint32_t a[4])
{
    const struct pbc_range r = d->program->set4[s->first4 + index_of(d, s->count4, which)];
    const bool low = low_end(d, which);
    a[1] = a[2] = a[3] = 0;
    a[0] = outside ? (low ? r.lo - 1 : r.hi + 1) : low ? r.lo : r.hi;
    if (!outside && which == CORNER_ANY && draw_number(d) & 1) a[0] = r.lo + draw_below(d, r.hi - r.lo);
}

static void member6(struct frame_draw *d, const struct pbc_set *s, bool outside, enum corner which, uint32_t a[4])
{
    const struct pbc_range6 r = d->program->set6[s->first6 + index_of(d, s->count6, which)];
    const bool low = low_end(d, which);
    uint64_t hi = low ? r.lo_hi : r.hi_hi, lo = low ? r.lo_lo : r.hi_lo;
    if (outside && low) hi -= lo-- == 0;
    if (outside && !low) hi += ++lo == 0;
    a[0] = (uint32_t)(hi >> 32), a[1] = (uint32_t)hi;
    a[2] = (uint32_t)(lo >> 32), a[3] = (uint32_t)lo;
}

static void address_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    const bool outside = c->flags & PBC_COND_NOT;
    uint32_t *const a = c->kind == COND_TO ? w->key.dst : w->key.src;
    if (c->flags & PBC_COND_ANY) return;
    if (c->arg && !outside && (!c->count || draw_number(d) & 1)) {
        w->key.kind |= c->arg;
        return;
    }
    if (!c->count) return;
    const struct pbc_set *const s = &d->program->sets[c->first + index_of(d, c->count, which)];
    if (w->key.kind & KIND_IP4 && s->count4) member4(d, s, outside, which, a);
    if (w->key.kind & KIND_IP6 && s->count6) member6(d, s, outside, which, a);
}

static uint64_t mac(struct frame_draw *d, const struct pbc_cond *c, enum corner which)
{
    if (!c->count) return c->arg & MAC_BROADCAST ? 0xffffffffffff : 0x01005e000001;
    const struct pbc_set *const s = &d->program->macsets[c->first + index_of(d, c->count, which)];
    if (!s->count4) return 0;
    return d->program->macs[s->first4 + index_of(d, s->count4, which)] ^ (c->flags & PBC_COND_NOT ? 1 : 0);
}

/* Return the families in which a side's sets have members. */
static uint32_t families_of_sets(const struct frame_draw *d, const struct pbc_cond *c)
{
    uint32_t families = c->arg || c->flags & (PBC_COND_ANY | PBC_COND_NOT) ? KIND_IP : 0;
    for (uint32_t i = c->first; i < c->first + c->count && c->flags != PBC_COND_ANY && families != KIND_IP; i++)
        families |= (d->program->sets[i].count4 ? KIND_IP4 : 0u) | (d->program->sets[i].count6 ? KIND_IP6 : 0u);
    return families;
}

static uint32_t families_of_type(uint32_t type)
{
    return type == ETHER_IP4 ? KIND_IP4 : type == ETHER_IP6 ? KIND_IP6 : type == ETHER_ARP ? KIND_ARP : DRAW_OTHER;
}

static uint32_t named_number(uint32_t number)
{
    for (unsigned i = 0; i < UPPERS; i++)
        if (uppers[i].number == number) return uppers[i].kind;
    return DRAW_NUMBER;
}

static void ask_protocols(struct choice *ch, uint32_t protocols)
{
    ch->protocols &= protocols;
    ch->fixed = true;
    ch->families &= KIND_IP;
}

static void narrow_by_proto(struct frame_draw *d, struct choice *ch, const struct pbc_cond *c, enum corner which)
{
    uint32_t protocols = c->arg & DRAW_NAMED;
    if (c->arg & KIND_AH && !(c->flags & PBC_COND_NOT) && ((!protocols && !c->count) || draw_number(d) & 1)) {
        ch->ah = true;
        ch->families &= KIND_IP;
        return;
    }
    if (!(c->flags & PBC_COND_NOT) && c->count) {
        const uint32_t number = value(d, c, which);
        ch->number = number & 0xff;
        protocols |= named_number(ch->number);
        if (number >= PBC_PROTO_IP4) ch->families &= KIND_IP4;
    }
    ask_protocols(ch, c->flags & PBC_COND_NOT ? ~protocols : protocols);
}

/* Narrow the choice to frames that have the field. */
static void narrow_by_row(struct choice *ch, const struct pbc_cond *c)
{
    const struct cond_info *row = &cond_info[c->kind];
    uint32_t protocols = row->has & DRAW_NAMED;
    if (row->has & KIND_PORTS) protocols |= KIND_WITH_PORTS;
    if (row->has & KIND_TCP_FLAGS) protocols |= KIND_TCP;
    if (row->has & KIND_ICMP_HEADER && !protocols) protocols = KIND_ICMP | KIND_ICMP6;
    if (row->traits & COND_ARG_KINDS && c->arg & protocols) protocols &= c->arg;
    if (protocols) ask_protocols(ch, protocols);
    if (row->has & KIND_IP) ch->families &= row->has;
    if (row->traits & COND_IN_IP) ch->families &= KIND_IP;
}

void draw_narrow(struct frame_draw *d, struct choice *ch, const struct pbc_cond *c, enum corner which)
{
    const bool negated = c->flags & PBC_COND_NOT;
    switch (c->kind) {
    case COND_FAMILY: ch->families &= negated ? ~c->arg : c->arg; break;
    case COND_PROTO: narrow_by_proto(d, ch, c, which); break;
    case COND_FROM:
    case COND_TO: ch->families &= families_of_sets(d, c); break;
    case COND_ETHER:
        if (!negated) ch->families &= families_of_type(value(d, c, which));
        break;
    default: narrow_by_row(ch, c); break;
    }
}

typedef void cond_draw_fn(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w);

/* Set the way. A packet that this machine sends has no other interface. */
static void way(struct frame_wish *w, uint16_t id)
{
    if (w->key.kind & KIND_OUT)
        w->key.iface = id;
    else
        w->way = (uint16_t)(id + 1);
}

static void number_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    const struct cond_info *row = &cond_info[c->kind];
    const uint32_t kind = row->has & (KIND_VLAN | KIND_VLAN2 | KIND_ETHERTYPE);
    if (kind & KIND_ETHERTYPE && w->key.kind & (KIND_IP | KIND_ARP)) return;
    w->key.kind |= kind & KIND_VLAN2 ? kind | KIND_VLAN : kind;
    const uint32_t number = value(d, c, which);
    if (half_in_key(row->half))
        w->key.half[row->half] = (uint16_t)number;
    else if (row->half == HALF_WAY)
        way(w, (uint16_t)number);
    else if (row->half == HALF_SOURCE)
        w->source = (uint8_t)((number + SOURCE_REACHED) % (SOURCE_FAILED + 1)); /* a number above 1 is SOURCE_UNKNOWN */
    else
        w->number = row, w->number_value = number;
    w->sized |= row->half == KEY_HALF(length);
}

static void nd_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    w->key.icmp_type = (uint16_t)(ICMP6_ND_FIRST + draw_below(d, 4));
    w->key.ttl = 255;
}

static void vlan_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    const uint32_t tagged = c->flags & PBC_COND_NOT ? VLAN_NONE : VLAN_ANY;
    if (c->count || c->arg & tagged || !c->arg) w->key.kind |= KIND_VLAN;
    if (c->count) w->key.vlan_outer = (uint16_t)value(d, c, which);
}

static void mac_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    *(c->kind == COND_ETHER_TO ? &w->dst_mac : &w->src_mac) = mac(d, c, which);
}

static void flags_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    const uint32_t has = c->arg & 0xff, lacks = c->arg >> 8 & 0xff;
    w->key.marks = (w->key.marks | has) & ~lacks;
    if (c->flags & PBC_COND_NOT) w->key.marks ^= draw_bit(d, has | lacks);
}

static void state_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    const uint32_t states = (c->flags & PBC_COND_NOT ? ~c->arg : c->arg) & MARK_STATES;
    w->key.marks = (w->key.marks & ~(uint32_t)MARK_STATES) | states;
}

static void fragment_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    const uint32_t left = DRAW_FRAGMENTS & (c->flags & PBC_COND_NOT ? ~c->arg : c->arg);
    w->key.kind = (w->key.kind & ~(uint32_t)DRAW_FRAGMENTS) | draw_bit(d, left ? left : (uint32_t)DRAW_FRAGMENTS);
}

static void options_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    if (!c->arg != !(c->flags & PBC_COND_NOT)) w->key.kind |= KIND_OPTIONS;
}

static void bytes_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    if (!(c->flags & PBC_COND_NOT)) w->pattern = &d->program->patterns[c->first];
}

static void during_draw(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    const uint32_t bits = c->arg << MARK_SCHEDULES;
    w->key.marks = c->flags & PBC_COND_NOT ? w->key.marks & ~bits : w->key.marks | bits;
}

/* Kinds without a field of a header, or whose field the choice of family and protocol has set. */
#define family_draw NULL
#define proto_draw  NULL
#define meter_draw  NULL
#define flows_draw  NULL
#define stream_draw NULL

void draw_fulfil(struct frame_draw *d, const struct pbc_cond *c, enum corner which, struct frame_wish *w)
{
    static cond_draw_fn *const draws[COND_COUNT] = {
#define COND(ident, name, code, operands, has, args, words, traits, lacks, doc) [COND_##ident] = code##_draw,
#include "vm/cond.def"
    };
    if (draws[c->kind]) draws[c->kind](d, c, which, w);
}
