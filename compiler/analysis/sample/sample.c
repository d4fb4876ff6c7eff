/* Make a packet from a product: each field gets the plainest value of its set (sample.h). */
#include "compiler/analysis/sample/sample_priv.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/normal/normal.h"
#include "compiler/normal/region.h"
#include "compiler/normal/what.h"
#include "lang/heap.h"
#include "vm/packet/parse/header.h"

static bool field_has(const struct sampler *s, enum ir_field f, uint32_t value)
{
    return ir_ranges_have(s->ir, s->p->field[f], value);
}

/* Find the set's nth value in lo..hi, or the last one there. False if there is none. */
static bool nth(const struct sampler *s, enum ir_field f, uint32_t lo, uint32_t hi, uint32_t n, uint32_t *value)
{
    const struct pbc_range all = {0, ir_fields[f].most};
    const bool any = s->p->field[f] == IR_ALL;
    const struct ir_ranges r = any ? (struct ir_ranges){&all, 1} : ir_ranges(s->ir, s->p->field[f]);
    bool found = false;
    for (uint32_t i = 0; i < r.count; i++) {
        const uint32_t from = r.r[i].lo > lo ? r.r[i].lo : lo, to = r.r[i].hi < hi ? r.r[i].hi : hi;
        if (from > to) continue;
        found = true;
        *value = n <= to - from ? from + n : to;
        if (n <= to - from) break;
        n -= to - from + 1;
    }
    return found;
}

static bool port(const struct sampler *s, enum ir_field f, uint16_t plain, uint16_t *out)
{
    uint32_t value = plain;
    if ((s->avoid || !field_has(s, f, plain)) && !nth(s, f, 1, 65535, s->avoid, &value) && !nth(s, f, 0, 0, 0, &value))
        return false;
    if (f == IR_SPORT && field_has(s, f, plain + s->avoid)) value = plain + s->avoid;
    *out = (uint16_t)value;
    return true;
}

/* Choose the fragment: an unknown protocol is that of a later fragment; with AH, a known one is never in a later
 * fragment. */
static bool fragment(const struct sampler *s, uint32_t what)
{
    static const uint32_t values[] = {KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER};
    const bool hides = what_is_unknown(what);
    uint32_t value;
    if (!nth(s, IR_FRAGMENT, hides ? FRAGMENT_LATER : FRAGMENT_NO,
             hides || !s->out->ah ? FRAGMENT_LATER : FRAGMENT_FIRST, 0, &value))
        return false;
    s->out->fragment = values[value];
    if (value == FRAGMENT_LATER) s->out->offset = FRAME_LATER_OFFSET;
    return true;
}

static bool ports(const struct sampler *s)
{
    return port(s, IR_SPORT, 50000, &s->out->src_port) && port(s, IR_DPORT, 80, &s->out->dst_port);
}

static bool flags(const struct sampler *s)
{
    const uint32_t must = s->p->field[IR_HAS], negated = s->p->field[IR_LACKS];
    s->out->flags = (uint8_t)must;
    if (!(must & (TCP_SYN | TCP_ACK | TCP_RST)))
        s->out->flags |= (uint8_t)(!(negated & TCP_SYN) ? TCP_SYN : !(negated & TCP_ACK) ? TCP_ACK : 0);
    return !(must & negated);
}

static bool icmp(const struct sampler *s)
{
    const uint32_t echo = s->out->form == FORM_ICMP ? ICMP4_ECHO : ICMP6_ECHO;
    uint32_t type = echo, code;
    if ((s->avoid || !field_has(s, IR_TYPE, echo)) && !nth(s, IR_TYPE, 0, 255, s->avoid, &type)) return false;
    if (s->out->form == FORM_ICMP6 && s->p->field[IR_ND] != IR_ALL && field_has(s, IR_ND, 1) &&
        !nth(s, IR_TYPE, ICMP6_ND_FIRST, ICMP6_ND_LAST, s->avoid, &type))
        return false;
    if (!nth(s, IR_CODE, 0, 255, 0, &code)) return false;
    s->out->type = (uint8_t)type;
    s->out->code = (uint8_t)code;
    return true;
}

static bool upper(const struct sampler *s)
{
    if (s->out->fragment == KIND_FRAG_LATER) return true;
    switch (s->out->form) {
    case FORM_TCP: return ports(s) && flags(s);
    case FORM_ICMP:
    case FORM_ICMP6: return icmp(s);
    default: return !form_adds(s->out->form, KIND_PORTS) || ports(s);
    }
}

static bool is_nd(const struct frame_spec *p, uint32_t ttl)
{
    return p->form == FORM_ICMP6 && p->fragment != KIND_FRAG_LATER && p->type >= ICMP6_ND_FIRST &&
           p->type <= ICMP6_ND_LAST && ttl == 255;
}

static bool ttl(const struct sampler *s)
{
    const uint8_t plain = frame_ttl(s->out);
    uint32_t value = plain;
    if (!field_has(s, IR_TTL, plain) || !field_has(s, IR_ND, is_nd(s->out, plain)))
        if (!(field_has(s, IR_TTL, 64) && (value = 64)) && !nth(s, IR_TTL, 2, 254, 0, &value) &&
            !nth(s, IR_TTL, 0, 255, 0, &value))
            return false;
    s->out->ttl = (uint8_t)value;
    if (value != plain) s->out->notes |= NOTE_TTL;
    return field_has(s, IR_ND, is_nd(s->out, value));
}

static bool length(const struct sampler *s)
{
    struct frame_spec *p = s->out;
    const uint32_t least = frame_least(p), head = least - frame_carried(p);
    uint32_t value;
    if (field_has(s, IR_LENGTH, least)) return true;
    for (uint32_t from = least; nth(s, IR_LENGTH, from, 65535, 0, &value); from = value + 1)
        if (p->fragment != KIND_FRAG_FIRST || (value - head) % 8 == 0) {
            p->length = value;
            return true;
        }
    return false;
}

/* Choose a VLAN: 0 is for priorities only and 4095 is reserved (IEEE 802.1Q), but frames may have them. */
static bool tag(const struct sampler *s, enum ir_field f, unsigned n, uint32_t *vid)
{
    return nth(s, f, 1, 4094, n, vid) || nth(s, f, 0, 0, 0, vid) || nth(s, f, 4095, 4095, 0, vid);
}

static bool tags(const struct sampler *s)
{
    uint32_t outer = VLAN_ABSENT, inner = VLAN_ABSENT;
    if (!field_has(s, IR_VLAN, VLAN_ABSENT) && !tag(s, IR_VLAN, s->avoid, &outer)) return false;
    if (!field_has(s, IR_INNER, VLAN_ABSENT) && !tag(s, IR_INNER, 0, &inner)) return false;
    s->out->tags = inner != VLAN_ABSENT ? 2 : outer != VLAN_ABSENT;
    s->out->vid[0] = outer != VLAN_ABSENT ? (uint16_t)outer : 0;
    s->out->vid[1] = inner != VLAN_ABSENT ? (uint16_t)inner : 0;
    return inner == VLAN_ABSENT || outer != VLAN_ABSENT;
}

/* Choose an interface: none, else one that the program names, else another. */
static bool iface(const struct sampler *s)
{
    uint32_t id;
    s->out->iface = IFACE_NONE;
    if (field_has(s, IR_IFACE, IFACE_ABSENT)) return true;
    if (!nth(s, IR_IFACE, 0, IFACE_ABSENT - 1, 0, &id)) return false;
    s->out->iface = id < s->c->image->ifaces_count ? (uint16_t)id : IFACE_OTHER;
    s->out->notes |= NOTE_ON;
    return true;
}

/* Choose the interface of departure, and whether the source is reachable; leave both open if allowed. */
static bool routes(const struct sampler *s)
{
    uint32_t id;
    if (!field_has(s, IR_URPF, SOURCE_ABSENT))
        s->out->source = field_has(s, IR_URPF, 0) ? SOURCE_REACHED : SOURCE_FAILED;
    if (field_has(s, IR_OUT, IFACE_ABSENT)) return true;
    if (!nth(s, IR_OUT, 0, IFACE_ABSENT - 1, 0, &id)) return false;
    s->out->way = 1 + (id < s->c->image->ifaces_count ? (uint16_t)id : IFACE_OTHER);
    return true;
}

/* Choose a MAC: the frame's own, if the set has it; else one in the set, or next to its bounds. */
static bool mac(const struct sampler *s, enum ir_field f, uint64_t own, uint64_t *out)
{
    static const uint64_t others[] = {UINT64_C(0x020000000001), UINT64_C(0x01005e000001), UINT64_C(0xffffffffffff)};
    const uint32_t id = s->p->field[f];
    const struct ir_macs *m = ir_macs(s->ir, id);
    *out = 0;
    if (id == IR_ALL || macs_have(s->ir, id, own)) return true;
    for (uint32_t i = 0; i < 3; i++)
        if (macs_have(s->ir, id, *out = others[i])) return true;
    for (uint32_t i = 0; i < m->count; i++) {
        const uint64_t near[] = {m->macs[i], mac_of_number(m->macs[i]), mac_of_number(m->macs[i] + 1), m->macs[i] + 1};
        for (unsigned k = 0; k < 4; k++)
            if (near[k] && macs_have(s->ir, id, *out = near[k])) return true;
    }
    return false;
}

/* Choose MACs: those that the frame has by its addresses, unless others are asked for. */
static bool macs(const struct sampler *s)
{
    struct pkt pkt;
    if (s->p->field[IR_SRC_MAC] == IR_ALL && s->p->field[IR_DST_MAC] == IR_ALL) return true;
    uint8_t *frame = heap_resized(NULL, FRAME_MOST, 1);
    const uint32_t len = frame_write(s->out, frame);
    pkt_view(&pkt, frame, len, len, LINK_ETHER, IFACE_NONE);
    const bool good = mac(s, IR_SRC_MAC, pkt_mac(&pkt, false), &s->out->src_mac) &&
                      mac(s, IR_DST_MAC, pkt_mac(&pkt, true), &s->out->dst_mac);
    free(frame);
    return good;
}

static const uint8_t ip_fields[IP_NUMBERS] = {
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, ...) IR_##ident,
#include "vm/cond.def"
};

/* Choose the rare numbers of the IP header; TTL and length have separate functions. */
static bool rare(const struct sampler *s)
{
    uint32_t options = 0;
    for (unsigned i = 0; i < IP_NUMBERS; i++) {
        const struct cond_info *row = &cond_info[ip_number_conds[i]];
        const enum ir_field f = ip_fields[i];
        if (f == IR_TTL || f == IR_LENGTH || !row->ip[s->out->family == 6].count) continue;
        if (!nth(s, f, 0, row->most, 0, &s->out->number[i])) return false;
    }
    if (s->out->family == 4 && !nth(s, IR_OPTIONS, 0, 1, 0, &options)) return false;
    s->out->options = options;
    return true;
}

/* Return a pattern's offset behind the headers; negative: in a header. */
static int64_t place_of_pattern(const struct frame_spec *p, const struct pbc_pattern *t)
{
    const int64_t ip = frame_least(p) - frame_carried(p), l4 = frame_carried(p);
    switch ((enum pbc_layer)t->layer) {
    case PBC_L2: return (int64_t)t->at - 14 - 4 * p->tags - ip - l4;
    case PBC_L3: return (int64_t)t->at - ip - l4;
    case PBC_L4: return (int64_t)t->at - l4;
    case PBC_PAYLOAD: break;
    }
    return t->at;
}

/* Change one bit that the pattern asks for; bytes before the payload are left to chance. */
static void spoil(uint8_t *payload, int64_t at, const struct pbc_pattern *t)
{
    int64_t k = 0;
    while (k < t->len && (at + k < 0 || !t->mask[k])) k++;
    if (k < t->len) payload[at + k] ^= (uint8_t)(t->mask[k] & -t->mask[k]);
}

/* Write payload with all patterns behind the headers, before other payload; those inside headers are left to chance. */
static bool bytes(const struct sampler *s)
{
    enum { MOST = 60000 };
    const struct image *img = s->c->image;
    const struct ir_patterns all = ir_patterns(s->ir, s->p->field[IR_BYTES]);
    int64_t end = 0;
    if (s->p->field[IR_BYTES] == IR_ALL) return true;
    for (uint32_t i = 0; i < all.count; i++) {
        const int64_t to = place_of_pattern(s->out, &img->patterns[all.pattern[i]]) + img->patterns[all.pattern[i]].len;
        if (to > end) end = to;
    }
    if (end > MOST) return false;
    uint8_t *payload = arena_alloc(s->c->arena, (size_t)end + 1);
    for (uint32_t i = 0; i < all.count; i++) {
        const struct pbc_pattern *t = &img->patterns[all.pattern[i]];
        const int64_t at = place_of_pattern(s->out, t);
        for (int64_t k = 0; k < t->len; k++)
            if (at + k >= 0) payload[at + k] = (uint8_t)((payload[at + k] & ~t->mask[k]) | t->value[k]);
        if (t->is_not) spoil(payload, at, t);
    }
    s->out->payload = (struct frame_payload){payload, (uint32_t)end};
    return true;
}

static bool sample_build(struct sampler *s, uint32_t what)
{
    struct frame_spec *p = s->out;
    *p = (struct frame_spec){
        .form = FORM_PROTO, .family = what_is_six(what) ? 6 : 4, .ah = what_has_ah6(what), .datagram = 1};
    p->proto = what == WHAT_ARP ? 0 : what_is_unknown(what) ? IPPROTO_NR_NONE : (uint8_t)(what % WHAT_IP6);
    p->seq = p->ack = 1;
    p->fragment = KIND_FRAG_NO;
    p->form = what == WHAT_ARP ? FORM_ARP : frame_form_of(p->proto, what_is_six(what));
    s->family = p->family;
    if (!sample_addresses(s) || !tags(s) || !iface(s) || !routes(s)) return false;
    /* an ARP request goes to all machines, so it comes in */
    p->arp_answer = p->form == FORM_ARP && s->direction == PBC_DIR_FORWARD;
    if (p->form == FORM_ARP) return macs(s);
    if (!fragment(s, what) || !upper(s) || !rare(s) || !ttl(s) || !bytes(s) || !length(s)) return false;
    p->rest = frame_icmp_rest(p);
    return macs(s);
}

/* True if packets can have the protocol. IPv6 headers that other headers follow aren't protocols. */
static bool can_be(const struct sampler *s, uint32_t what)
{
    struct ir_product alone;
    product_all(&alone);
    alone.field[IR_WHAT] = ir_intern_ranges(s->c->ir, &(struct pbc_range){what, what}, 1, WHAT_MOST);
    return product_settle(s->c->ir, &alone);
}

bool sample_packet(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                   const struct facts *self, unsigned avoid, struct frame_spec *out)
{
    static const uint32_t plain[] = {6,
                                     17,
                                     1,
                                     132,
                                     WHAT_IP6 + 6,
                                     WHAT_IP6 + 17,
                                     WHAT_IP6 + 58,
                                     WHAT_IP6 + 132,
                                     WHAT_ARP,
                                     WHAT_IP4 + WHAT_AH_NUMBER,
                                     WHAT_AH6 + IPPROTO_NR_NONE,
                                     WHAT_AH6 + 6,
                                     WHAT_AH6 + 17,
                                     WHAT_AH6_UNKNOWN};
    enum { OTHERS = 64 };
    struct sampler s = {c, c->ir, p, direction, self, avoid, out, 0};
    uint32_t what;
    if (ir_is_empty(p)) return false;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (field_has(&s, IR_WHAT, plain[i]) && sample_build(&s, plain[i])) return true;
    for (uint32_t at = 0, tries = 0; tries < OTHERS && nth(&s, IR_WHAT, at, WHAT_IP6_UNKNOWN - 1, 0, &what); tries++) {
        if (can_be(&s, what) && sample_build(&s, what)) return true;
        at = what + 1;
    }
    return false;
}
