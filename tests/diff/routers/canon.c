/* Converting frames of two routers to one form */
#include "tests/diff/routers/canon.h"

#include <stdlib.h>
#include <string.h>

#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { ETHERNET = 14, NAME = 0xff00 };

/* Return the place of a number in the order of first appearance, from NAME on. */
static uint16_t name_of(struct names *names, uint16_t number)
{
    for (unsigned i = 0; i < names->count; i++)
        if (names->at[i] == number) return (uint16_t)(NAME + i);
    if (names->count == NAMES_MOST) return number;
    names->at[names->count] = number;
    return (uint16_t)(NAME + names->count++);
}

/* Name a port if the side chose it; other ports stay. */
static void name_port(struct names *names, uint8_t *at)
{
    const uint16_t port = wire_get16(at);
    if (port >= PORT_LO) wire_put16(at, name_of(names, port));
}

/* Do the same for a query's identifier at an outside end, which may be any, even the inside one. Identifiers to and
 * from the opener are the inside ones, and stay. */
static void name_query(const struct talk *t, struct names *names, const uint8_t *ip, uint8_t *at)
{
    const bool v6 = ip[0] >> 4 == 6;
    const unsigned len = v6 ? 16 : 4, src = v6 ? 8 : 12;
    const bool inside = !memcmp(ip + src, t->src, len) || !memcmp(ip + src + len, t->src, len);
    const uint16_t id = wire_get16(at);
    if (id >= PORT_LO || !inside) wire_put16(at, name_of(names, id));
}

static bool is_icmp(uint8_t proto, bool v6) { return proto == (v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP); }
static bool is_error_type(uint8_t type, bool v6) { return v6 ? type < 128 : type == 3 || type == 11 || type == 12; }

/* Convert an IP packet of `len` bytes, or the part of one that is quoted, to the form. */
static void canon_ip(const struct talk *t, struct names *names, uint8_t *ip, unsigned len, bool quoted, bool *right)
{
    uint8_t proto;
    bool later;
    const unsigned upper = packet_upper(ip, len, &proto, &later);
    const bool v6 = ip[0] >> 4 == 6;
    if (!upper || upper > len) return;
    if (!v6) {
        if (packet_sum_ip(ip, 20) != 0) *right = false;
        wire_put16(ip + 10, 0);
    }
    if (later) return;
    uint8_t *at = ip + upper;
    const unsigned left = len - upper, sum = packet_sum_at(proto),
                   more = v6 ? proto != ip[6] && ip[43] & 1 : ip[6] & 0x20;
    if (sum && left >= sum + 2u) {
        if (!quoted && !more && packet_sum_upper(ip, at, left, proto) != 0) *right = false;
        wire_put16(at + sum, 0);
    }
    if (proto == IPPROTO_NR_TCP || proto == IPPROTO_NR_UDP) {
        if (left >= 4) name_port(names, at), name_port(names, at + 2);
    } else if (is_icmp(proto, v6) && left >= 8) {
        if (is_error_type(at[0], v6))
            canon_ip(t, names, at + 8, left - 8, true, right);
        else
            name_query(t, names, ip, at + 4);
    }
}

/* Join the fragments of a datagram in place; a fragment that doesn't fit stays. */
static unsigned join(struct frame *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct packet p, q;
        if (!packet_parse(&f[i], &p) || p.offset || !p.more) continue;
        const unsigned head = p.v6 ? 48 : 20;
        for (unsigned k = 0; k < count; k++) {
            if (k == i || !packet_parse(&f[k], &q) || q.v6 != p.v6 || q.ip_id != p.ip_id || f[k].iface != f[i].iface)
                continue;
            if (memcmp(q.src, p.src, 16) || memcmp(q.dst, p.dst, 16) || q.offset != f[i].len - ETHERNET - head)
                continue;
            const unsigned fragment = f[k].len - ETHERNET - head;
            if (f[i].len + fragment > FRAME_MOST) continue;
            memcpy(f[i].bytes + f[i].len, f[k].bytes + ETHERNET + head, fragment);
            f[i].len = (uint16_t)(f[i].len + fragment);
            uint8_t *ip = f[i].bytes + ETHERNET;
            if (!q.more && p.v6)
                ip[43] &= 0xfe, wire_put32(ip + 44, 0); /* because a router that joins fragments renumbers them */
            else if (!q.more)
                ip[6] &= 0xdf;
            if (p.v6)
                wire_put16(ip + 4, (uint16_t)(f[i].len - ETHERNET - 40));
            else
                wire_put16(ip + 2, (uint16_t)(f[i].len - ETHERNET)), wire_put16(ip + 10, 0),
                    wire_put16(ip + 10, packet_sum_ip(ip, 20));
            memmove(f + k, f + k + 1, (--count - k) * sizeof *f);
            if (k < i) i--;
            k = UINT32_MAX; /* start again */
        }
    }
    return count;
}

static int order(const void *a, const void *b)
{
    const struct canon *x = a, *y = b;
    if (x->iface != y->iface) return x->iface - y->iface;
    if (x->len != y->len) return x->len - y->len;
    return memcmp(x->bytes, y->bytes, x->len);
}

/* Return the offset of the IPv4 header that an ICMP error quotes; 0: not an error. */
static unsigned quote_at(const uint8_t *ip, unsigned len)
{
    uint8_t proto;
    bool later;
    const unsigned upper = ip[0] >> 4 == 4 ? packet_upper(ip, len, &proto, &later) : 0;
    if (!upper || later || proto != IPPROTO_NR_ICMP || len < upper + 28 || !is_error_type(ip[upper], false)) return 0;
    return upper + 8;
}

/* Clear the identification in a quote if it is the sent packet's, which differs between sides because their openers'
 * packets differ. */
static void name_quoted_id(uint8_t *ip, unsigned len, const struct frame *sent)
{
    const unsigned at = quote_at(ip, len), there = quote_at(sent->bytes + ETHERNET, sent->len - ETHERNET);
    if (!at) return;
    const uint8_t *own = sent->bytes + ETHERNET + there;
    if (own[0] >> 4 == 4 && wire_get16(ip + at + 4) == wire_get16(own + 4)) wire_put16(ip + at + 4, 0);
}

unsigned canon_make(const struct talk *t, struct names *names, const struct frame *sent, const struct frame *frames,
                    unsigned count, struct canon *out)
{
    static struct frame joined[GOT_MOST];
    struct packet p, in;
    memcpy(joined, frames, count * sizeof *frames);
    count = join(joined, count);
    packet_parse(sent, &in);
    for (unsigned i = 0; i < count; i++) {
        struct canon *c = &out[i];
        memset(c, 0, sizeof *c);
        c->iface = joined[i].iface;
        c->len = joined[i].len;
        c->sums_right = true;
        memcpy(c->bytes, joined[i].bytes, c->len);
        if (!packet_parse(&joined[i], &p)) continue;
        uint8_t *ip = c->bytes + ETHERNET;
        canon_ip(t, names, ip, c->len - ETHERNET, false, &c->sums_right);
        name_quoted_id(ip, c->len - ETHERNET, sent);
        /* Routers choose the numbers of their own packets, and whether other routers may fragment them. */
        c->keeps_id = !p.v6 && p.ttl + 1 == in.ttl && p.ip_id == in.ip_id;
        if (!p.v6) wire_put16(ip + 4, 0);
        if (!p.v6 && p.ttl + 1 != in.ttl) ip[6] &= 0xbf;
    }
    qsort(out, count, sizeof *out, order);
    return count;
}

static const char *field_at(const struct canon *c, unsigned at)
{
    const bool v6 = c->bytes[ETHERNET] >> 4 == 6;
    if (at < ETHERNET) return "MAC addresses";
    const unsigned ip = at - ETHERNET, upper = v6 ? 40 : 20;
    if (ip >= upper + 8) return "what it carries";
    if (ip >= upper) return "ports, numbers or type";
    if (v6) return ip >= 24 ? "destination" : ip >= 8 ? "source" : ip == 7 ? "TTL" : "IP header";
    return ip >= 16   ? "destination"
           : ip >= 12 ? "source"
           : ip == 8  ? "TTL"
           : ip == 1  ? "TOS"
           : ip == 6  ? "DF"
                      : "IP header";
}

const char *canon_differs(const struct canon *a, unsigned a_count, const struct canon *b, unsigned b_count)
{
    if (!a_count && b_count) return "something leaves";
    if (a_count && !b_count) return "nothing leaves";
    if (a_count != b_count) return "number of frames";
    for (unsigned i = 0; i < a_count; i++) {
        if (a[i].iface != b[i].iface) return "interface";
        if (a[i].sums_right != b[i].sums_right) return "checksums";
        if (a[i].keeps_id != b[i].keeps_id) return "identification";
        for (unsigned k = 0; k < a[i].len && k < b[i].len; k++)
            if (a[i].bytes[k] != b[i].bytes[k]) return field_at(&a[i], k);
        if (a[i].len != b[i].len) return "length";
    }
    return NULL;
}
