/* A packet out of a product: each field gets the value of its set that a reader finds plainest (test_sample.h). */
#include <stdlib.h>
#include <string.h>

#include "compiler/normal/normal_priv.h"
#include "compiler/normal/region.h"
#include "compiler/ruletest/test_sample.h"
#include "vm/proto/header.h"

struct sampler {
    struct compile *c;
    const struct ir *ir;
    const struct ir_product *p;
    enum pbc_direction direction;
    const struct test_self *self;
    unsigned avoid;
    struct test_packet *out;
};

/* Numbers ------------------------------------------------------------------------------------------------------------
 */

static bool has(const struct sampler *s, enum ir_field f, uint32_t value)
{
    return ir_ranges_have(s->ir, s->p->field[f], value);
}

/* The nth value of the set that lies in lo..hi, or its last there; false: none does. */
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

    if ((s->avoid || !has(s, f, plain)) && !nth(s, f, 1, 65535, s->avoid, &value) && !nth(s, f, 0, 0, 0, &value))
        return false;
    if (f == IR_SPORT && has(s, f, plain + s->avoid)) value = plain + s->avoid;
    *out = (uint16_t)value;
    return true;
}

/* Addresses ----------------------------------------------------------------------------------------------------------
 */

struct window {
    u128 lo, hi;
};
#define V6(first, rest) ((u128)(first) << 112 | (rest))
static const struct window windows4[] = {
    {0xc6336401, 0xc63364fe}, /* 198.51.100.0/24, 203.0.113.0/24, 192.0.2.0/24: for examples (RFC 5737) */
    {0xcb007101, 0xcb0071fe}, {0xc0000201, 0xc00002fe}, {0xc6120001, 0xc613fffe}, /* 198.18.0.0/15 */
    {0x0a000001, 0x0afffffe}, /* 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 */
    {0xac100001, 0xac1ffffe}, {0xc0a80001, 0xc0a8fffe}, {0x01000001, 0x7efffffe},
    {0x80000001, 0xdffffffe}, {0, 0xffffffff},
};
static const struct window windows6[] = {
    {V6(0x2001, (u128)0xdb8 << 96) + 1, V6(0x2001, (u128)0xdb9 << 96) - 1}, /* 2001:db8::/32 (RFC 3849) */
    {V6(0x2000, 1), V6(0x4000, 0) - 1},
    {V6(0xfc00, 1), V6(0xfe00, 0) - 1},
    {V6(0xfe80, 1), V6(0xfec0, 0) - 1},
    {1, V6(0xff00, 0) - 1},
    {0, ~(u128)0},
};
enum { WINDOWS4 = sizeof(windows4) / sizeof(windows4[0]), WINDOWS6 = sizeof(windows6) / sizeof(windows6[0]) };

static struct window range_of(const struct ir_addrs *a, uint8_t family, uint32_t i)
{
    if (family == 4) return (struct window){a->r4[i].lo, a->r4[i].hi};
    return (struct window){(u128)a->r6[i].lo_hi << 64 | a->r6[i].lo_lo, (u128)a->r6[i].hi_hi << 64 | a->r6[i].hi_lo};
}

static uint32_t range_count(const struct ir_addrs *a, uint8_t family) { return family == 4 ? a->count4 : a->count6; }

/* The first range that does not end before the address. */
static uint32_t first_range(const struct ir_addrs *a, uint8_t family, u128 at)
{
    uint32_t from = 0, count = range_count(a, family);

    while (count) {
        const uint32_t half = count / 2;

        if (range_of(a, family, from + half).hi < at) {
            from += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return from;
}

static struct addr addr_of(u128 value, uint8_t family)
{
    struct addr a = {.family = family};
    const unsigned bytes = family == 4 ? 4 : 16;

    for (unsigned i = 0; i < bytes; i++) a.bytes[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return a;
}

static u128 value_of_addr(const struct addr *a) { return a->family == 4 ? addr_v4(a) : addr_v6(a); }

static bool is_self(const struct test_self *self, const struct addr *a)
{
    if (a->family == 4) {
        for (unsigned i = 0; i < self->count4; i++)
            if (self->v4[i] == addr_v4(a)) return true;
        return false;
    }
    for (unsigned i = 0; i < self->count6; i++)
        if (((u128)self->v6[i].lo_hi << 64 | self->v6[i].lo_lo) == addr_v6(a)) return true;
    return false;
}

static bool is_group(const struct addr *a)
{
    if (a->family == 6) return a->bytes[0] == 0xff;
    return a->bytes[0] >> 4 == 0xe || addr_v4(a) == UINT32_MAX;
}

static bool is_endpoint(const struct pbc_endpoint *e, const struct addr *a)
{
    if (e->to != PBC_TO_ADDRESS || e->family != a->family) return false;
    if (a->family == 4) return e->addr[0] == addr_v4(a);
    return ((u128)e->addr[0] << 96 | (u128)e->addr[1] << 64 | (u128)e->addr[2] << 32 | e->addr[3]) == addr_v6(a);
}

/* A group's or a service's: what goes there comes in, though it is not to an address of this machine. */
static bool is_ours_too(const struct sampler *s, const struct addr *a)
{
    const struct image *img = s->c->image;

    for (uint32_t i = 0; i < img->endpoints_count; i++)
        if (is_endpoint(&img->endpoints[i], a)) return true;
    return is_group(a);
}

static bool takes_any(const struct sampler *s)
{
    for (uint32_t i = 0; i < s->c->image->endpoints_count; i++)
        if (s->c->image->endpoints[i].to == PBC_TO_ANY) return true;
    return false;
}

typedef bool fits_fn(const struct sampler *s, const struct addr *a);

static bool fits_source(const struct sampler *s, const struct addr *a) { return !is_self(s->self, a); }

static bool differs(const struct sampler *s, const struct addr *a)
{
    return memcmp(a->bytes, s->out->src.bytes, sizeof(a->bytes)) != 0;
}

static bool fits_destination(const struct sampler *s, const struct addr *a)
{
    if (is_self(s->self, a)) return false;
    if (s->direction == PBC_DIR_OUT) return true;
    return s->direction == PBC_DIR_FORWARD ? !is_ours_too(s, a) : is_ours_too(s, a) || takes_any(s);
}

static bool fits_other(const struct sampler *s, const struct addr *a)
{
    return fits_destination(s, a) && differs(s, a);
}

/* Of a source, where there is but one destination. */
static bool fits_apart(const struct sampler *s, const struct addr *a)
{
    return fits_source(s, a) && memcmp(a->bytes, s->out->dst.bytes, sizeof(a->bytes)) != 0;
}

static bool fits_new_self(const struct sampler *s, const struct addr *a)
{
    (void)s;
    return !is_group(a) && value_of_addr(a) != 0;
}

/* Addresses of one window, in order; *n more that fit are passed over. */
static bool choose_in(const struct sampler *s, const struct ir_addrs *set, uint8_t family, struct window w,
                      fits_fn *fits, unsigned *n, struct addr *out)
{
    enum { TRIES = 300, EACH = 6 };
    unsigned tries = 0;

    for (uint32_t i = first_range(set, family, w.lo); i < range_count(set, family) && tries < TRIES; i++) {
        struct window r = range_of(set, family, i);

        if (r.lo > w.hi) break;
        if (r.lo < w.lo) r.lo = w.lo;
        if (r.hi > w.hi) r.hi = w.hi;
        /* A network's own address is no host's. */
        if (r.hi - r.lo > 1 && (r.lo & 0xff) == 0) r.lo++;
        for (unsigned k = 0; k < EACH + *n && r.lo + k <= r.hi; k++, tries++) {
            *out = addr_of(r.lo + k, family);
            if (fits(s, out) && (*n)-- == 0) return true;
            if (r.lo + k == r.hi) break;
        }
    }
    return false;
}

/* first: the window to begin with. */
static bool choose(const struct sampler *s, enum ir_field f, uint8_t family, unsigned first, fits_fn *fits,
                   struct addr *out)
{
    const struct ir_addrs *set = ir_addrs(s->ir, s->p->field[f]);
    const unsigned count = family == 4 ? WINDOWS4 : WINDOWS6, turn = family == 4 ? 3 : 1;

    for (unsigned tries = 0, n = s->avoid; tries < 2; tries++, n = 0)
        for (unsigned i = 0; i < count; i++) {
            const unsigned at = i < turn ? (i + first) % turn : i;
            if (choose_in(s, set, family, family == 4 ? windows4[at] : windows6[at], fits, &n, out)) return true;
        }
    return false;
}

/* An address of this machine that the field holds. */
static bool choose_self(const struct sampler *s, enum ir_field f, uint8_t family, struct addr *out)
{
    const struct ir_addrs *set = ir_addrs(s->ir, s->p->field[f]);
    const unsigned count = family == 4 ? s->self->count4 : s->self->count6;
    const struct addr *first = &s->self->first[family == 6];

    for (unsigned i = 0; i <= count; i++) {
        if (i == 0 && first->family != family) continue;
        *out = i == 0        ? *first
               : family == 4 ? addr_of(s->self->v4[i - 1], 4)
                             : addr_of((u128)s->self->v6[i - 1].lo_hi << 64 | s->self->v6[i - 1].lo_lo, 6);
        const u128 value = value_of_addr(out);
        const uint32_t r = first_range(set, family, value);
        if (r < range_count(set, family) && range_of(set, family, r).lo <= value) return true;
    }
    return false;
}

/* The address that the word `self` stands for. */
static bool is_word_self(const struct sampler *s, const struct addr *a)
{
    const struct addr *first = &s->self->first[a->family == 6];

    return first->family == a->family && memcmp(first->bytes, a->bytes, a->family == 4 ? 4 : 16) == 0;
}

static bool choose_both(const struct sampler *s, uint8_t family)
{
    struct test_packet *p = s->out;
    const bool out = s->direction == PBC_DIR_OUT;

    if (out ? !choose_self(s, IR_SRC_SELF, family, &p->src) : !choose(s, IR_SRC, family, 0, fits_source, &p->src))
        return false;
    if (s->direction == PBC_DIR_IN && choose_self(s, IR_DST_SELF, family, &p->dst)) return true;
    if (choose(s, IR_DST, family, 1, fits_other, &p->dst)) return true;
    if (choose(s, IR_DST, family, 1, fits_destination, &p->dst)) {
        struct addr apart;

        if (!out && choose(s, IR_SRC, family, 0, fits_apart, &apart)) p->src = apart;
        return true;
    }
    return out && choose_self(s, IR_DST_SELF, family, &p->dst);
}

static bool addresses(const struct sampler *s, uint8_t family)
{
    if (!choose_both(s, family)) return false;
    s->out->src_is_self = is_word_self(s, &s->out->src);
    s->out->dst_is_self = is_word_self(s, &s->out->dst);
    return true;
}

/* Headers ------------------------------------------------------------------------------------------------------------
 */

static bool fragment(const struct sampler *s)
{
    static const uint32_t values[] = {KIND_FRAG_NO, KIND_FRAG_FIRST, KIND_FRAG_LATER};
    uint32_t value;

    if (!nth(s, IR_FRAGMENT, 0, 2, 0, &value)) return false;
    s->out->fragment = values[value];
    if (value == FRAGMENT_LATER) s->out->offset = TEST_LATER_OFFSET;
    return true;
}

static bool ports(const struct sampler *s)
{
    return port(s, IR_SPORT, 50000, &s->out->src_port) && port(s, IR_DPORT, 80, &s->out->dst_port);
}

static bool flags(const struct sampler *s)
{
    const uint32_t must = s->p->field[IR_HAS], not = s->p->field[IR_LACKS];

    s->out->flags = (uint8_t)must;
    if (!(must & (TCP_SYN | TCP_ACK | TCP_RST)))
        s->out->flags |= (uint8_t)(!(not &TCP_SYN) ? TCP_SYN : !(not &TCP_ACK) ? TCP_ACK : 0);
    return !(must & not );
}

static bool icmp(const struct sampler *s)
{
    const uint32_t echo = s->out->form == FORM_ICMP ? ICMP4_ECHO : ICMP6_ECHO;
    uint32_t type = echo, code;

    if ((s->avoid || !has(s, IR_TYPE, echo)) && !nth(s, IR_TYPE, 0, 255, s->avoid, &type)) return false;
    if (s->out->form == FORM_ICMP6 && s->p->field[IR_ND] != IR_ALL && has(s, IR_ND, 1) &&
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
    case FORM_UDP:
    case FORM_SCTP: return ports(s);
    case FORM_ICMP:
    case FORM_ICMP6: return icmp(s);
    default: return true;
    }
}

static bool is_nd(const struct test_packet *p, uint32_t ttl)
{
    return p->form == FORM_ICMP6 && p->fragment != KIND_FRAG_LATER && p->type >= ICMP6_ND_FIRST &&
           p->type <= ICMP6_ND_LAST && ttl == 255;
}

static bool ttl(const struct sampler *s)
{
    const uint8_t plain = test_default_ttl(s->out);
    uint32_t value = plain;

    if (!has(s, IR_TTL, plain) || !has(s, IR_ND, is_nd(s->out, plain)))
        if (!(has(s, IR_TTL, 64) && (value = 64)) && !nth(s, IR_TTL, 2, 254, 0, &value) &&
            !nth(s, IR_TTL, 0, 255, 0, &value))
            return false;
    s->out->ttl = (uint8_t)value;
    s->out->ttl_written = value != plain;
    return has(s, IR_ND, is_nd(s->out, value));
}

static bool length(const struct sampler *s)
{
    struct test_packet *p = s->out;
    const uint32_t least = test_packet_least(p), head = least - test_packet_carried(p);
    uint32_t value;

    if (has(s, IR_LENGTH, least)) return true;
    for (uint32_t from = least; nth(s, IR_LENGTH, from, 65535, 0, &value); from = value + 1)
        if (p->fragment != KIND_FRAG_FIRST || (value - head) % 8 == 0) {
            p->length = value;
            return true;
        }
    return false;
}

/* Link ---------------------------------------------------------------------------------------------------------------
 */

/* 0 is for priorities alone, and 4095 is reserved (IEEE 802.1Q), but frames may have them. */
static bool tag(const struct sampler *s, enum ir_field f, unsigned n, uint32_t *vid)
{
    return nth(s, f, 1, 4094, n, vid) || nth(s, f, 0, 0, 0, vid) || nth(s, f, 4095, 4095, 0, vid);
}

static bool tags(const struct sampler *s)
{
    uint32_t outer = VLAN_ABSENT, inner = VLAN_ABSENT;

    if (!has(s, IR_VLAN, VLAN_ABSENT) && !tag(s, IR_VLAN, s->avoid, &outer)) return false;
    if (!has(s, IR_INNER, VLAN_ABSENT) && !tag(s, IR_INNER, 0, &inner)) return false;
    s->out->tags = inner != VLAN_ABSENT ? 2 : outer != VLAN_ABSENT;
    s->out->vid[0] = outer != VLAN_ABSENT ? (uint16_t)outer : 0;
    s->out->vid[1] = inner != VLAN_ABSENT ? (uint16_t)inner : 0;
    return inner == VLAN_ABSENT || outer != VLAN_ABSENT;
}

static bool iface(const struct sampler *s)
{
    uint32_t id;

    s->out->iface = IFACE_NONE;
    if (has(s, IR_IFACE, IFACE_ABSENT)) return true;
    if (!nth(s, IR_IFACE, 0, IFACE_ABSENT - 1, 0, &id) || id >= s->c->image->ifaces_count) return false;
    s->out->iface = (uint16_t)id;
    s->out->on = true;
    return true;
}

/* The frame's own MAC, if the set has it; else one that stands in the set, or beside its ends. */
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

/* As the frame has them by its addresses, unless others are asked for. */
static bool macs(const struct sampler *s)
{
    struct pkt pkt;
    bool good = false;

    if (s->p->field[IR_SRC_MAC] == IR_ALL && s->p->field[IR_DST_MAC] == IR_ALL) return true;
    uint8_t *frame = malloc(TEST_FRAME_MOST);
    if (frame) {
        const uint32_t len = test_frame_build(s->out, frame);

        pkt_view(&pkt, frame, len, len, LINK_ETHER, IFACE_NONE);
        good = mac(s, IR_SRC_MAC, pkt_mac(&pkt, false), &s->out->src_mac) &&
               mac(s, IR_DST_MAC, pkt_mac(&pkt, true), &s->out->dst_mac);
    }
    free(frame);
    return good;
}

static bool rare(const struct sampler *s)
{
    uint32_t dscp, options = 0;

    if (!nth(s, IR_DSCP, 0, 63, 0, &dscp)) return false;
    if (s->out->family == 4 && !nth(s, IR_OPTIONS, 0, 1, 0, &options)) return false;
    s->out->dscp = (uint8_t)dscp;
    s->out->options = options;
    return true;
}

/* Bytes --------------------------------------------------------------------------------------------------------------
 */

/* Where in what follows the headers a pattern stands; negative: in a header. */
static int64_t place_of_pattern(const struct test_packet *p, const struct pbc_pattern *t)
{
    const int64_t ip = test_packet_least(p) - test_packet_carried(p), l4 = test_packet_carried(p);

    switch ((enum pbc_layer)t->layer) {
    case PBC_L2: return (int64_t)t->at - 14 - 4 * p->tags - ip - l4;
    case PBC_L3: return (int64_t)t->at - ip - l4;
    case PBC_L4: return (int64_t)t->at - l4;
    case PBC_PAYLOAD: break;
    }
    return t->at;
}

/* Payload that holds all patterns behind the headers; those inside are left to chance. Called before there is any. */
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
    char *payload = arena_alloc(s->c->arena, (size_t)end + 1);
    for (uint32_t i = 0; i < all.count; i++) {
        const struct pbc_pattern *t = &img->patterns[all.pattern[i]];
        const int64_t at = place_of_pattern(s->out, t);

        for (int64_t k = 0; k < t->len; k++)
            if (at + k >= 0) payload[at + k] = (char)((payload[at + k] & ~t->mask[k]) | t->value[k]);
    }
    s->out->payload = (struct str){payload, (size_t)end};
    return true;
}

/* The whole ----------------------------------------------------------------------------------------------------------
 */

static bool build(const struct sampler *s, uint32_t what)
{
    static const struct {
        uint16_t what;
        uint8_t form;
    } forms[] = {
        {6, FORM_TCP},
        {WHAT_IP6 + 6, FORM_TCP},
        {17, FORM_UDP},
        {WHAT_IP6 + 17, FORM_UDP},
        {132, FORM_SCTP},
        {1, FORM_ICMP},
        {WHAT_IP6 + 132, FORM_SCTP},
        {WHAT_IP6 + 58, FORM_ICMP6},
        {WHAT_ARP, FORM_ARP},
    };
    struct test_packet *p = s->out;

    *p = (struct test_packet){.form = FORM_PROTO, .family = what < WHAT_IP6 || what == WHAT_ARP ? 4 : 6, .datagram = 1};
    p->proto = what == WHAT_ARP ? 0 : (uint8_t)(what % WHAT_IP6);
    p->seq = p->ack = 1;
    p->fragment = KIND_FRAG_NO;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (forms[i].what == what) p->form = (enum test_form)forms[i].form;
    if (!addresses(s, p->family) || !tags(s) || !iface(s)) return false;
    p->arp_answer = p->form == FORM_ARP && s->direction == PBC_DIR_FORWARD; /* a question is for all: it comes in */
    if (p->form == FORM_ARP) return macs(s);
    if (!fragment(s) || !upper(s) || !rare(s) || !ttl(s) || !bytes(s) || !length(s)) return false;
    p->rest = test_icmp_rest(p);
    return macs(s);
}

/* Is it ever a packet's protocol? Headers of IPv6 that others follow are none. */
static bool can_be(const struct sampler *s, uint32_t what)
{
    struct ir_product alone;

    product_all(&alone);
    alone.field[IR_WHAT] = ir_intern_ranges(s->c->ir, &(struct pbc_range){what, what}, 1, WHAT_MOST);
    return product_settle(s->c->ir, &alone);
}

bool sample_packet(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                   const struct test_self *self, unsigned avoid, struct test_packet *out)
{
    static const uint32_t plain[] = {6,       17, 1, 132, WHAT_IP6 + 6, WHAT_IP6 + 17, WHAT_IP6 + 58, WHAT_IP6 + 132,
                                     WHAT_ARP};
    enum { OTHERS = 64 };
    const struct sampler s = {c, c->ir, p, direction, self, avoid, out};
    uint32_t what;

    if (ir_is_empty(p)) return false;
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (has(&s, IR_WHAT, plain[i]) && build(&s, plain[i])) return true;
    for (uint32_t at = 0, tries = 0; tries < OTHERS && nth(&s, IR_WHAT, at, WHAT_IP6_UNKNOWN - 1, 0, &what); tries++) {
        if (can_be(&s, what) && build(&s, what)) return true;
        at = what + 1;
    }
    return false;
}

/* Own addresses ------------------------------------------------------------------------------------------------------
 */

static int compare_addr(const struct addr *a, uint32_t v4, const struct pbc_range6 *v6)
{
    const u128 x = value_of_addr(a), y = v6 ? (u128)v6->lo_hi << 64 | v6->lo_lo : v4;

    return x < y ? -1 : x > y;
}

/* Both lists stay in order. */
static const struct test_self *self_with(struct compile *c, const struct test_self *given, const struct addr *a)
{
    struct test_self *self = arena_alloc(c->arena, sizeof(*self));
    unsigned at = 0;

    *self = *given;
    if (!self->first[a->family == 6].family) self->first[a->family == 6] = *a;
    self->v4 = arena_alloc(c->arena, (given->count4 + 1) * sizeof(*self->v4));
    self->v6 = arena_alloc(c->arena, (given->count6 + 1) * sizeof(*self->v6));
    if (given->count4) memcpy(self->v4, given->v4, given->count4 * sizeof(*self->v4));
    if (given->count6) memcpy(self->v6, given->v6, given->count6 * sizeof(*self->v6));
    if (a->family == 4) {
        while (at < self->count4 && compare_addr(a, self->v4[at], NULL) > 0) at++;
        memmove(self->v4 + at + 1, self->v4 + at, (self->count4++ - at) * sizeof(*self->v4));
        self->v4[at] = addr_v4(a);
    } else {
        const u128 v = addr_v6(a);

        while (at < self->count6 && compare_addr(a, 0, &self->v6[at]) > 0) at++;
        memmove(self->v6 + at + 1, self->v6 + at, (self->count6++ - at) * sizeof(*self->v6));
        self->v6[at] = (struct pbc_range6){(uint64_t)(v >> 64), (uint64_t)v, (uint64_t)(v >> 64), (uint64_t)v};
    }
    return self;
}

/* NULL: the field holds no address of the family that can be this machine's; or, without `more`, it has none yet. */
static const struct test_self *self_having(struct sampler *s, enum ir_field f, uint8_t family, bool more)
{
    struct addr a;

    if (!s->self || choose_self(s, f, family, &a)) return s->self;
    return more && choose(s, f, family, 2, fits_new_self, &a) ? self_with(s->c, s->self, &a) : NULL;
}

const struct test_self *sample_self(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                                    const struct test_self *given)
{
    struct sampler s = {.c = c, .ir = c->ir, .p = p, .direction = direction};
    const unsigned families = ir_families(c->ir, p);

    if (direction == PBC_DIR_FORWARD || ir_is_empty(p)) return given;
    for (unsigned more = 0; more < 2; more++)
        for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
            if (!(families & (family == 4 ? IR_V4 : IR_V6))) continue;
            s.self = given;
            if (direction == PBC_DIR_OUT) s.self = self_having(&s, IR_SRC_SELF, family, more);
            if (p->field[IR_DST] == IR_EMPTY) s.self = self_having(&s, IR_DST_SELF, family, more);
            if (s.self) return s.self;
        }
    return NULL;
}
