/* From a wish to a frame, and from the frame to its header key. Only the parser makes keys, so every key that is
 * tried is one that a packet can have. */
#include <string.h>

#include "vm/flow/flow.h"
#include "vm/judge/draw.h"
#include "vm/packet/facts.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/reply/frame.h"
#include "vm/packet/wire.h"

enum {
    FILLED = 256,             /* zeros written behind headers, if the packet is that long */
    OTHER_SELF4 = 0xc0000008, /* an address of this machine that no wish asks for: 192.0.0.8 */
    NO_EXTENSION = 60,        /* next header of a later fragment, after which the protocol stays unknown */
    LLC_LEN = 0x26,
};

static uint8_t protocol(const struct key *key)
{
    const uint32_t kind = key->kind;
    for (unsigned i = 0; i < UPPERS; i++)
        if (kind & uppers[i].kind) return uppers[i].number;
    return kind & KIND_PROTO ? (uint8_t)key->proto : NO_EXTENSION;
}

/* Return the frame without length, pattern and link. */
static struct frame_spec packet(const struct frame_wish *w)
{
    const struct key *const k = &w->key;
    const bool six = k->kind & KIND_IP6, ip = k->kind & KIND_IP;
    const uint8_t proto = protocol(k);
    struct frame_spec t = {.form = ip ? frame_form_of(proto, six) : FORM_ARP,
                           .family = six ? 6 : 4,
                           .proto = proto,
                           .src_port = k->src_port,
                           .dst_port = k->dst_port,
                           .flags = (uint8_t)k->marks,
                           .type = (uint8_t)k->icmp_type,
                           .code = (uint8_t)k->icmp_code,
                           .ttl = (uint8_t)k->ttl,
                           .tags = k->kind & KIND_VLAN2  ? 2
                                   : k->kind & KIND_VLAN ? 1
                                                         : 0,
                           .vid = {k->vlan_outer & VLAN_VID, k->vlan_inner & VLAN_VID},
                           .datagram = 1,
                           .fragment = KIND_FRAG_NO,
                           .options = k->kind & KIND_OPTIONS,
                           .ah = six && k->kind & KIND_AH};
    if (k->kind & KIND_FRAG_FIRST) t.fragment = KIND_FRAG_FIRST;
    if (k->kind & KIND_FRAG_LATER) t.fragment = KIND_FRAG_LATER, t.offset = FRAME_LATER_OFFSET;
    for (unsigned i = 0; i < IP_NUMBERS; i++) {
        const struct cond_info *row = &cond_info[ip_number_conds[i]];
        const bool in_key = row->half != HALF_NONE;
        t.number[i] = row->most & (in_key ? k->half[row->half] : row == w->number ? w->number_value : 0);
    }
    memcpy(t.src, k->src, six ? sizeof(t.src) : sizeof(t.src[0]));
    memcpy(t.dst, k->dst, six ? sizeof(t.dst) : sizeof(t.dst[0]));
    return t;
}

/* Offsets of the frame's layers, and its length on the wire. */
struct layers {
    uint32_t l3, l4, payload, end;
};

static uint32_t layer_at(const struct layers *l, unsigned layer)
{
    return layer == PBC_L2 ? 0 : layer == PBC_L3 ? l->l3 : layer == PBC_L4 ? l->l4 : l->payload;
}

static struct layers layers_of(const struct frame_spec *t, uint32_t built)
{
    struct layers l = {.l3 = ETHER_LEN + (uint32_t)t->tags * VLAN_LEN, .end = built};
    const uint32_t upper = frame_carried(t);
    l.l4 = t->form == FORM_ARP ? built : built - upper;
    l.payload = l.l4 + (t->form < UPPERS ? uppers[t->form].header : 0);
    return l;
}

/* Lengthen the packet as wanted, in its IP length and on the wire; fragments by multiples of 8 bytes. */
static void lengthen(uint8_t *bytes, const struct frame_spec *t, const struct frame_wish *w, struct layers *l)
{
    uint32_t wanted = w->sized ? w->key.length : 0;
    if (w->pattern) {
        const uint32_t need = layer_at(l, w->pattern->layer) + w->pattern->at + w->pattern->len;
        if (need > l->l3 && need - l->l3 > wanted) wanted = need - l->l3;
    }
    if (wanted <= l->end - l->l3) return;
    uint32_t more = wanted - (l->end - l->l3);
    if (t->fragment != KIND_FRAG_NO) more = (more + 7) / 8 * 8;
    memset(bytes + l->end, 0, more < FILLED ? more : FILLED);
    l->end += more;
    const uint32_t length = l->end - l->l3;
    if (t->family == 4)
        wire_put16(bytes + l->l3 + IP4_TOTAL, (uint16_t)length);
    else
        wire_put16(bytes + l->l3 + IP6_PAYLOAD, (uint16_t)(length - IP6_LEN));
}

/* Write the pattern; for one with `is_not`, bytes that differ in the first tested byte. */
static void put_pattern(uint8_t *bytes, const struct pbc_pattern *t, const struct layers *l, uint32_t cap)
{
    const uint32_t at = layer_at(l, t->layer) + t->at;
    for (uint32_t i = 0; i < t->len && at + i < cap; i++)
        bytes[at + i] = (uint8_t)((bytes[at + i] & ~t->mask[i]) | t->value[i]);
    for (uint32_t i = 0; t->is_not && i < t->len && at + i < cap; i++)
        if (t->mask[i]) {
            bytes[at + i] ^= (uint8_t)(t->mask[i] & -t->mask[i]);
            return;
        }
}

/* This machine's addresses: those of the frame that should be its own, or another, or none. */
struct own {
    uint32_t v4[2];
    struct pbc_range6 v6[2];
    struct facts facts;
};

static struct pbc_range6 one6(const uint32_t a[4])
{
    const uint64_t hi = (uint64_t)a[0] << 32 | a[1], lo = (uint64_t)a[2] << 32 | a[3];
    return (struct pbc_range6){hi, lo, hi, lo};
}

static bool before6(const struct pbc_range6 *a, const struct pbc_range6 *b)
{
    return a->lo_hi != b->lo_hi ? a->lo_hi < b->lo_hi : a->lo_lo < b->lo_lo;
}

static void own_address(struct own *o, const uint32_t a[4], bool six)
{
    unsigned *const n = six ? &o->facts.self6_count : &o->facts.self4_count;
    if (six) {
        o->v6[*n] = one6(a);
        if (*n && before6(&o->v6[1], &o->v6[0])) o->v6[1] = o->v6[0], o->v6[0] = one6(a);
    } else {
        o->v4[*n] = a[0];
        if (*n && o->v4[1] < o->v4[0]) o->v4[1] = o->v4[0], o->v4[0] = a[0];
    }
    (*n)++;
}

static void own_addresses(struct own *o, const struct key *key)
{
    const bool six = key->kind & KIND_IP6, same = memcmp(key->src, key->dst, sizeof(key->src)) == 0;
    *o = (struct own){.facts = {.self4 = o->v4, .self6 = o->v6}};
    if (key->kind & (KIND_SRC_SELF | KIND_OUT)) own_address(o, key->src, six);
    if (key->kind & KIND_DST_SELF && (!same || !(key->kind & (KIND_SRC_SELF | KIND_OUT))))
        own_address(o, key->dst, six);
    if (key->kind & KIND_FORWARD && !o->facts.self4_count && !o->facts.self6_count)
        o->v4[0] = OTHER_SELF4, o->facts.self4_count = 1;
}

/* Return the states that tracking can give the frame. */
static uint32_t states_of(const struct frame_draw *d)
{
    const struct key *const k = &d->key;
    const struct program *const p = d->program;
    if (!(p->meta->flags & PBC_KEEPS_FLOWS) || !(k->kind & KIND_IP) || !(k->kind & KIND_PROTO) ||
        k->kind & KIND_FRAG_LATER)
        return 0;
    return flow_states((uint8_t)k->proto, k->kind & KIND_IP6, k->marks & 0xff, k->icmp_type,
                       flow_picks_up(p->settings_count ? p->settings : NULL));
}

/* Return a wanted state if it is possible, otherwise a possible one. */
static uint32_t state_of(struct frame_draw *d, uint32_t wished)
{
    const uint32_t can = states_of(d);
    uint32_t left = can & wished ? can & wished : can;
    for (uint32_t skip = draw_number(d) & 3; skip && left & (left - 1); skip--) left &= left - 1;
    return left & -left;
}

bool draw_frame(struct frame_draw *d, const struct frame_wish *w)
{
    const struct frame_spec t = packet(w);
    const uint32_t built = frame_write(&t, d->bytes);
    struct layers l = layers_of(&t, built);
    struct own own;
    if (w->key.kind & KIND_IP) lengthen(d->bytes, &t, w, &l);
    const uint32_t cap = l.end - built < FILLED ? l.end : built + FILLED;
    if (w->pattern) put_pattern(d->bytes, w->pattern, &l, cap);
    if (w->dst_mac) wire_put48(d->bytes, w->dst_mac);
    if (w->src_mac) wire_put48(d->bytes + 6, w->src_mac);
    if (!(w->key.kind & (KIND_IP | KIND_ARP)))
        wire_put16(d->bytes + ETHER_TYPE_AT + VLAN_LEN * t.tags,
                   w->key.kind & KIND_ETHERTYPE ? w->key.ether_type : LLC_LEN);
    const bool bare = w->bare && w->key.kind & KIND_IP && !t.tags;
    const uint32_t skip = bare ? ETHER_LEN : 0;
    pkt_view(&d->pkt, d->bytes + skip, cap - skip, l.end - skip, bare ? LINK_RAW : LINK_ETHER, w->key.iface);
    d->pkt.way = w->way;
    d->pkt.source = w->source;
    d->pkt.flags |= (uint8_t)((w->way ? PKT_WAY_SAID : 0) | (w->source ? PKT_SOURCE_SAID : 0));
    own_addresses(&own, &w->key);
    if (pkt_parse(&d->pkt, &own.facts, &d->key) != REASON_NONE) return false;
    d->key.marks |= state_of(d, w->key.marks);
    d->key.marks |= w->key.marks & ((1u << d->program->schedules_count) - 1) << MARK_SCHEDULES;
    d->frames++;
    return true;
}
