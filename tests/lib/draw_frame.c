/* Random frames: link, tags, ARP, IPv4 with options and fragments, IPv6 with its chain, TCP, UDP, SCTP, ICMP and
 * others. */
#include <string.h>

#include "tests/lib/draw.h"

struct frame {
    uint8_t *at; /* next byte */
    uint8_t *end;
    const struct stock *s;
    struct rng *r;
    uint8_t proto;
    bool later, more;
    unsigned inner; /* number of tunnel headers before this one */
};

static unsigned below(struct frame *f, unsigned n) { return rng_below(f->r, n); }
static bool one_in(struct frame *f, unsigned n) { return rng_one_in(f->r, n); }

/* Flip any one bit of the bytes. */
static void flip(struct frame *f, uint8_t *bytes, unsigned len)
{
    const unsigned at = below(f, len);

    bytes[at] ^= (uint8_t)(1u << below(f, 8));
}

static void put8(struct frame *f, unsigned v)
{
    if (f->at < f->end) *f->at++ = (uint8_t)v;
}

static void put16(struct frame *f, unsigned v)
{
    put8(f, v >> 8);
    put8(f, v & 255);
}

static void put32(struct frame *f, uint32_t v)
{
    put16(f, v >> 16);
    put16(f, v & 0xffff);
}

static void put_bytes(struct frame *f, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) put8(f, bytes[i]);
}

/* Draw the first or last address of a prefix of the stock, a neighbour of these, an own address, or any. */
static uint32_t draw_v4(struct frame *f)
{
    const struct prefix_v4 *p = &f->s->v4[below(f, STOCK_V4)];
    const uint32_t last = p->addr + (p->len == 32 ? 0 : UINT32_MAX >> p->len);

    switch (below(f, 10)) {
    case 0: return f->s->self4[below(f, STOCK_SELF)];
    case 1: return p->addr - 1;
    case 2: return last;
    case 3: return last + 1;
    case 4: return p->addr + below(f, 10);
    case 5: return (uint32_t)rng_next(f->r);
    default: return p->addr;
    }
}

/* Add or subtract 1 as a 128-bit number. */
static void step_v6(uint8_t a[16], bool up)
{
    for (int i = 15; i >= 0; i--) {
        a[i] = (uint8_t)(up ? a[i] + 1 : a[i] - 1);
        if (a[i] != (up ? 0 : 255)) return;
    }
}

static void draw_v6(struct frame *f, uint8_t out[16])
{
    const struct prefix_v6 *p = &f->s->v6[below(f, STOCK_V6)];
    const unsigned how = below(f, 8);

    memcpy(out, how == 0 ? f->s->self6[below(f, 2)] : p->addr, 16);
    if (how == 1) step_v6(out, false);
    if (how == 2 || how == 3)
        for (unsigned b = p->len; b < 128; b++) out[b / 8] |= (uint8_t)(0x80 >> b % 8);
    if (how == 3) step_v6(out, true);
    if (how == 4) out[15] = (uint8_t)(out[15] + below(f, 10));
    if (how == 5) flip(f, out, 16);
}

static unsigned draw_port(struct frame *f)
{
    const unsigned port = f->s->ports[below(f, STOCK_PORTS)];

    return one_in(f, 3) ? (port + below(f, 8) - 3) & 0xffff : port;
}

static void put_payload(struct frame *f)
{
    for (unsigned n = below(f, 4); n; n--) put_bytes(f, f->s->patterns[below(f, STOCK_PATTERNS)], PATTERN_BYTES);
    for (unsigned n = below(f, 3); n; n--) put8(f, below(f, 4));
}

static void put_tcp(struct frame *f)
{
    const unsigned options = one_in(f, 3) ? below(f, 3) : 0;

    put16(f, draw_port(f));
    put16(f, draw_port(f));
    put32(f, below(f, 4));
    put32(f, below(f, 4));
    put8(f, (5 + options) << 4);
    put8(f, one_in(f, 2) ? 2u << below(f, 4) : below(f, 256));
    put16(f, 512);
    put32(f, 0);
    for (unsigned i = 0; i < options; i++) put32(f, 0x01010101);
}

static void put_ip4(struct frame *f);
static void put_ip6(struct frame *f);

/* Put a packet into the packet, and seldom another into that; the outer one's facts stay. */
static void put_inner(struct frame *f, bool six)
{
    const struct frame outer = *f;

    if (f->inner == 2) return;
    f->inner++;
    if (six)
        put_ip6(f);
    else
        put_ip4(f);
    f->inner--;
    f->proto = outer.proto;
    f->later = outer.later;
    f->more = outer.more;
}

static void put_gue(struct frame *f)
{
    const bool six = one_in(f, 2);

    put8(f, one_in(f, 12) ? below(f, 256) : 0);
    put8(f, one_in(f, 12) ? below(f, 256) : six ? 41 : 4);
    put16(f, 0);
    put_inner(f, six);
}

static void put_udp(struct frame *f)
{
    uint8_t *const start = f->at;

    put16(f, draw_port(f));
    put16(f, draw_port(f));
    put16(f, 0);
    put16(f, 0);
    if (one_in(f, 6)) {
        put_gue(f);
        start[4] = (uint8_t)((f->at - start) >> 8);
        start[5] = (uint8_t)(f->at - start);
        return;
    }
    put_payload(f);
    if (f->at - start >= 8)
        start[5] = (uint8_t)(f->at - start - below(f, (unsigned)(f->at - start) - 7)); /* a shorter one leaves slack */
    if (f->more) start[5] = (uint8_t)(f->at - start + 8);
}

static void put_icmp(struct frame *f)
{
    static const uint8_t types[] = {0, 3, 8, 11, 128, 129, 133, 134, 135, 136, 137, 255};
    const unsigned type = types[below(f, 12)];

    put8(f, one_in(f, 8) ? below(f, 256) : type);
    put8(f, below(f, 6));
    put16(f, 0);
    put32(f, below(f, 4));
}

static void put_transport(struct frame *f)
{
    if (f->later) {
        put_payload(f);
        put32(f, (uint32_t)rng_next(f->r));
        return;
    }
    switch (f->proto) {
    case 6: put_tcp(f); break;
    case 17: put_udp(f); return;
    case 132:
        put16(f, draw_port(f));
        put16(f, draw_port(f));
        put32(f, 1);
        put32(f, 0);
        break;
    case 1:
    case 58: put_icmp(f); break;
    case 4:
    case 41: put_inner(f, f->proto == 41); return;
    default: break;
    }
    put_payload(f);
}

static unsigned draw_proto(struct frame *f, bool six)
{
    static const uint8_t protos[] = {6, 6, 6, 17, 17, 132, 1, 58, 47, 50, 4, 51, 59, 41, 2, 89};
    const unsigned proto = one_in(f, 6) ? protos[below(f, 16)] : protos[below(f, 6)];

    if (one_in(f, 5)) return six ? 58 : 1;
    return one_in(f, 30) ? below(f, 256) : proto;
}

static unsigned draw_ttl(struct frame *f) { return one_in(f, 4) ? 255 : 55 + below(f, 20); }

/* Pad a first fragment's payload to a multiple of 8. */
static void round_up(struct frame *f, const uint8_t *payload)
{
    while ((f->at - payload) % 8) put8(f, 0);
}

static void put_ip4(struct frame *f)
{
    uint8_t *const start = f->at;
    const unsigned options = one_in(f, 6) ? 1 + below(f, 3) : 0;
    const unsigned offset = one_in(f, 8) ? 1 + below(f, 300) : 0;

    f->more = one_in(f, 10);
    f->later = offset != 0;
    f->proto = (uint8_t)draw_proto(f, false);
    put8(f, 0x45 + options);
    put8(f, below(f, 2) ? below(f, 256) : 0xb8);
    put16(f, 0);
    put16(f, below(f, 65536));
    put16(f, (f->more ? 0x2000 : 0) | offset | (one_in(f, 2) && !f->more && !offset ? 0x4000 : 0));
    put8(f, draw_ttl(f));
    put8(f, f->proto);
    put16(f, 0);
    put32(f, draw_v4(f));
    put32(f, draw_v4(f));
    for (unsigned i = 0; i < options; i++) put32(f, 0x01010100);
    uint8_t *const payload = f->at;
    put_transport(f);
    if (f->more) round_up(f, payload);
    start[2] = (uint8_t)((f->at - start) >> 8);
    start[3] = (uint8_t)(f->at - start);
}

/* Put a header of the chain; the header after it fills in its next-header field. Returns that field's place. */
static uint8_t *put_extension(struct frame *f, unsigned kind, uint8_t *next_at)
{
    uint8_t *const start = f->at;

    *next_at = (uint8_t)kind;
    put8(f, 59);
    if (kind == 44) {
        const unsigned offset = one_in(f, 2) ? 1 + below(f, 100) : 0;

        f->later = offset != 0;
        f->more = one_in(f, 2);
        put8(f, 0);
        put16(f, offset << 3 | f->more);
        put32(f, 7);
    } else if (kind == 51) {
        put8(f, 1); /* length of 12 bytes */
        put16(f, 0);
        put32(f, 1);
        put32(f, 2);
    } else {
        put8(f, 0);
        if (kind == 43)
            put16(f, 4 << 8); /* a segment routing header with no segments left */
        else
            put16(f, 0x0100); /* padding */
        put32(f, 0);
    }
    return start;
}

static void put_ip6(struct frame *f)
{
    static const uint8_t kinds[] = {60, 43, 51, 44, 44, 60};
    uint8_t *const start = f->at, *next = start + 6, *fragment_payload = NULL;
    uint8_t addr[16];

    f->later = f->more = false;
    f->proto = (uint8_t)draw_proto(f, true);
    put32(f, 0x60000000u | below(f, 256) << 20 | (one_in(f, 3) ? 1048560 + below(f, 16) : below(f, 24)));
    put16(f, 0);
    put8(f, 0);
    put8(f, draw_ttl(f));
    draw_v6(f, addr);
    put_bytes(f, addr, 16);
    draw_v6(f, addr);
    put_bytes(f, addr, 16);
    if (one_in(f, 8)) next = put_extension(f, 0, next);
    for (unsigned n = one_in(f, 3) ? 1 + below(f, 3) : 0; n && !fragment_payload; n--) {
        const unsigned kind = kinds[below(f, 6)];

        next = put_extension(f, kind, next);
        if (kind == 44) fragment_payload = f->at;
    }
    *next = f->proto;
    if (f->later && one_in(f, 4)) *next = one_in(f, 2) ? 60 : 51; /* then the protocol isn't known */
    put_transport(f);
    if (fragment_payload && f->more) round_up(f, fragment_payload);
    start[4] = (uint8_t)((f->at - start - 40) >> 8);
    start[5] = (uint8_t)(f->at - start - 40);
}

static void put_arp(struct frame *f)
{
    put32(f, 0x00010800);
    put32(f, 0x06040001);
    for (unsigned i = 0; i < 20; i++) put8(f, below(f, 4));
}

static void put_mac(struct frame *f)
{
    static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
    uint8_t mac[6];

    memcpy(mac, one_in(f, 8) ? broadcast : f->s->macs[below(f, STOCK_MACS)], 6);
    if (one_in(f, 6)) mac[5] = (uint8_t)(mac[5] + 1);
    put_bytes(f, mac, 6);
}

static unsigned draw_tci(struct frame *f)
{
    const unsigned near = one_in(f, 3) ? below(f, 5) : 0, vid = f->s->tags[below(f, STOCK_TAGS)] + near;

    return (vid > 4095 ? 4095 : vid) | below(f, 2) << 13;
}

/* Put the network layer after an Ethernet type (under 0x600: a length). */
static void put_network(struct frame *f, unsigned type)
{
    if (type == 0x0800)
        put_ip4(f);
    else if (type == 0x86dd)
        put_ip6(f);
    else if (type == 0x0806)
        put_arp(f);
    else
        put_payload(f);
}

static unsigned draw_type(struct frame *f)
{
    static const uint16_t others[] = {0x0806, 0x0806, 0x0806, 0x88cc, 0x8847, 0x0600, 0xffff, 0x0026};

    if (one_in(f, 8)) return others[below(f, 8)];
    return one_in(f, 3) ? 0x86dd : 0x0800;
}

static void put_ether(struct frame *f, struct pkt *pkt)
{
    static const uint16_t tpids[] = {0x8100, 0x88a8, 0x9100};
    const unsigned type = draw_type(f);

    put_mac(f);
    put_mac(f);
    if (one_in(f, 10)) {
        pkt->tag_count = (uint8_t)(1 + below(f, 2));
        for (unsigned i = 0; i < pkt->tag_count; i++) {
            pkt->tags[i].tpid = 0x8100;
            pkt->tags[i].tci = (uint16_t)draw_tci(f);
        }
    }
    for (unsigned n = one_in(f, 4) ? 1 + below(f, 3) : 0; n; n--) {
        put16(f, tpids[below(f, 3)]);
        put16(f, draw_tci(f));
    }
    put16(f, type);
    put_network(f, type);
    for (unsigned n = one_in(f, 4) ? below(f, 20) : 0; n; n--) /* padding */
        put8(f, below(f, 4));
}

/* Draw no interface, one of the program, or one that it doesn't name: the number for all of those, or another
 * number. */
static uint16_t draw_iface(struct frame *f, unsigned named)
{
    const unsigned n = below(f, 8);

    if (n < 2) return IFACE_NONE;
    if (n < 4) return n == 2 ? IFACE_OTHER : (uint16_t)(named + below(f, 3));
    return named ? (uint16_t)below(f, named) : IFACE_NONE;
}

void frame_draw(uint8_t out[DRAWN_FRAME_MAX], struct pkt *pkt, const struct stock *s, struct rng *r, unsigned ifaces)
{
    struct frame f = {.at = out, .end = out + DRAWN_FRAME_MAX, .s = s, .r = r};
    enum pkt_link link = LINK_ETHER;
    struct pkt tags = {0};

    if (one_in(&f, 10)) {
        link = LINK_RAW;
        put_network(&f, one_in(&f, 3) ? 0x86dd : 0x0800);
    } else {
        put_ether(&f, &tags);
    }
    const uint32_t len = (uint32_t)(f.at - out);
    for (unsigned n = one_in(&f, 8) ? 1 + below(&f, 3) : 0; n && len; n--) flip(&f, out, len);
    const uint32_t cap = one_in(&f, 30) ? below(&f, len + 1) : len;
    pkt_view(pkt, out, cap, len, link, draw_iface(&f, ifaces));
    pkt->tag_count = tags.tag_count;
    memcpy(pkt->tags, tags.tags, sizeof(tags.tags));
}

void ways_draw(struct pkt *pkt, struct rng *r, unsigned ifaces)
{
    pkt->way = (uint16_t)rng_below(r, ifaces + 2);
    pkt->source = (uint8_t)rng_below(r, SOURCE_FAILED + 1);
    pkt->flags |= PKT_WAY_SAID | PKT_SOURCE_SAID;
}
