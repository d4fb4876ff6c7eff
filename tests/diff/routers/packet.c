/* Converting fields to frames and back */
#include "tests/diff/routers/packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"

enum { ETHERNET = 14, FRAGMENT_LEN = 8, MF = 0x2000, DF = 0x4000 };

bool packet_is_query(const struct packet *p)
{
    if (p->proto != (p->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP)) return false;
    return p->type == icmp_echo(p->v6, false) || p->type == icmp_echo(p->v6, true);
}

bool packet_is_error(const struct packet *p)
{
    if (p->v6) return p->proto == IPPROTO_NR_ICMP6 && p->type < 128;
    return p->proto == IPPROTO_NR_ICMP && (p->type == 3 || p->type == 11 || p->type == 12);
}

uint8_t icmp_echo(bool v6, bool reply) { return v6 ? (reply ? 129 : 128) : reply ? 0 : 8; }

void packet_make_error(struct packet *p, enum icmp_error error)
{
    static const uint8_t kinds[4][2][2] = {{{3, 3}, {1, 4}}, {{3, 1}, {1, 3}}, {{11, 0}, {3, 0}}, {{3, 4}, {2, 0}}};
    p->proto = p->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP;
    p->type = kinds[error][p->v6][0];
    p->code = kinds[error][p->v6][1];
    p->mtu = error == ERROR_TOO_BIG ? 1280 : 0;
}

/* Write the header after IP's; returns its length with the payload. */
static unsigned build_upper(const struct packet *p, uint8_t *at)
{
    unsigned head = p->proto == IPPROTO_NR_TCP ? 20 : 8, len = p->payload;
    memset(at, 0, head);
    if (p->proto == IPPROTO_NR_TCP || p->proto == IPPROTO_NR_UDP) {
        wire_put16(at, p->src_port);
        wire_put16(at + 2, p->dst_port);
    }
    if (p->proto == IPPROTO_NR_TCP) {
        wire_put32(at + 4, p->seq);
        wire_put32(at + 8, p->ack);
        at[12] = 5 << 4;
        at[13] = p->flags;
        wire_put16(at + 14, 8192);
    } else if (p->proto == IPPROTO_NR_UDP)
        wire_put16(at + 4, (uint16_t)(head + len));
    else {
        at[0] = p->type;
        at[1] = p->code;
        if (packet_is_error(p)) {
            if (p->v6)
                wire_put32(at + 4, p->mtu);
            else
                wire_put16(at + 6, p->mtu);
            len = p->quote_len;
            memcpy(at + head, p->quote, len);
        } else
            wire_put16(at + 4, p->src_port), wire_put16(at + 6, 1);
    }
    if (!packet_is_error(p))
        for (unsigned i = 0; i < len; i++) at[head + i] = (uint8_t)(i * 7 + 1);
    return head + len;
}

static void build_ip(const struct packet *p, uint8_t *ip, unsigned upper)
{
    if (p->v6) {
        memset(ip, 0, 40);
        ip[0] = 0x60;
        wire_put16(ip + 4, (uint16_t)upper);
        ip[6] = p->proto;
        ip[7] = p->ttl;
        memcpy(ip + 8, p->src, 16);
        memcpy(ip + 24, p->dst, 16);
        return;
    }
    memset(ip, 0, 20);
    ip[0] = 0x45;
    wire_put16(ip + 2, (uint16_t)(20 + upper));
    wire_put16(ip + 4, p->ip_id);
    wire_put16(ip + 6, p->no_fragments ? DF : 0);
    ip[8] = p->ttl;
    ip[9] = p->proto;
    memcpy(ip + 12, p->src, 4);
    memcpy(ip + 16, p->dst, 4);
}

static void build_ethernet(const struct packet *p, uint8_t *eth)
{
    memcpy(eth, p->to_mac, 6);
    memcpy(eth + 6, p->from_mac, 6);
    wire_put16(eth + 12, p->v6 ? 0x86dd : 0x0800);
}

/* Return the folded one's complement sum of the bytes, added to `sum`. */
static uint16_t sum_of(const uint8_t *b, unsigned len, uint64_t sum)
{
    for (unsigned i = 0; i < len; i++) sum += (uint64_t)b[i] << (i % 2 ? 0 : 8);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

uint16_t packet_sum_ip(const uint8_t *ip, unsigned head) { return (uint16_t)~sum_of(ip, head, 0); }

uint16_t packet_sum_upper(const uint8_t *ip, const uint8_t *upper, unsigned len, uint8_t proto)
{
    const bool v6 = ip[0] >> 4 == 6;
    const uint64_t pseudo =
        proto == IPPROTO_NR_ICMP ? 0 : (uint64_t)sum_of(ip + (v6 ? 8 : 12), v6 ? 32 : 8, 0) + proto + len;
    return (uint16_t)~sum_of(upper, len, pseudo);
}

unsigned packet_sum_at(uint8_t proto)
{
    return proto == IPPROTO_NR_TCP                                 ? 16
           : proto == IPPROTO_NR_UDP                               ? 6
           : proto == IPPROTO_NR_ICMP || proto == IPPROTO_NR_ICMP6 ? 2
                                                                   : 0;
}

void packet_build(const struct packet *p, uint8_t iface, struct frame *f)
{
    uint8_t *ip = f->bytes + ETHERNET;
    const unsigned head = p->v6 ? 40 : 20, upper = build_upper(p, ip + head);
    f->iface = iface;
    build_ethernet(p, f->bytes);
    build_ip(p, ip, upper);
    if (!p->v6) wire_put16(ip + 10, packet_sum_ip(ip, head));
    wire_put16(ip + head + packet_sum_at(p->proto), packet_sum_upper(ip, ip + head, upper, p->proto));
    f->len = (uint16_t)(ETHERNET + head + upper);
}

unsigned packet_fragments(const struct packet *p, uint8_t iface, unsigned fragment, struct frame *f, unsigned most)
{
    struct frame whole;
    packet_build(p, iface, &whole);
    const unsigned head = p->v6 ? 40 : 20, upper = whole.len - ETHERNET - head;
    unsigned count = 0;
    for (unsigned at = 0; at < upper && count < most; at += fragment, count++) {
        const unsigned len = upper - at < fragment ? upper - at : fragment, more = at + len < upper;
        struct frame *one = &f[count];
        uint8_t *ip = one->bytes + ETHERNET;
        one->iface = iface;
        memcpy(one->bytes, whole.bytes, ETHERNET + head);
        if (p->v6) {
            wire_put16(ip + 4, (uint16_t)(len + FRAGMENT_LEN));
            ip[40] = ip[6];
            ip[6] = IPPROTO_NR_FRAGMENT;
            ip[41] = 0;
            wire_put16(ip + 42, (uint16_t)(at | more));
            wire_put32(ip + 44, p->ip_id);
        } else {
            wire_put16(ip + 2, (uint16_t)(20 + len));
            wire_put16(ip + 6, (uint16_t)((more ? MF : 0) | at / 8));
            wire_put16(ip + 10, 0);
            wire_put16(ip + 10, packet_sum_ip(ip, head));
        }
        const unsigned start = head + (p->v6 ? FRAGMENT_LEN : 0);
        memcpy(ip + start, whole.bytes + ETHERNET + head + at, len);
        one->len = (uint16_t)(ETHERNET + start + len);
    }
    return count;
}

unsigned packet_upper(const uint8_t *ip, unsigned len, uint8_t *proto, bool *fragment)
{
    *fragment = false;
    if (len >= 20 && ip[0] >> 4 == 4) {
        *proto = ip[9];
        *fragment = (wire_get16(ip + 6) & 0x1fff) != 0;
        return (ip[0] & 15u) * 4;
    }
    if (len < 40 || ip[0] >> 4 != 6) return 0;
    *proto = ip[6];
    if (*proto != IPPROTO_NR_FRAGMENT || len < 48) return 40;
    *proto = ip[40];
    *fragment = (wire_get16(ip + 42) & 0xfff8) != 0;
    return 48;
}

static void parse_ip(const uint8_t *ip, struct packet *p)
{
    p->v6 = ip[0] >> 4 == 6;
    p->ttl = ip[p->v6 ? 7 : 8];
    memcpy(p->src, ip + (p->v6 ? 8 : 12), p->v6 ? 16 : 4);
    memcpy(p->dst, ip + (p->v6 ? 24 : 16), p->v6 ? 16 : 4);
    if (p->v6) {
        if (ip[6] != IPPROTO_NR_FRAGMENT) return;
        p->offset = wire_get16(ip + 42) & 0xfff8;
        p->more = ip[43] & 1;
        p->ip_id = (uint16_t)wire_get32(ip + 44);
        return;
    }
    p->ip_id = wire_get16(ip + 4);
    p->no_fragments = wire_get16(ip + 6) & DF;
    p->more = wire_get16(ip + 6) & MF;
    p->offset = (uint16_t)((wire_get16(ip + 6) & 0x1fff) * 8);
}

bool packet_parse(const struct frame *f, struct packet *p)
{
    const uint8_t *ip = f->bytes + ETHERNET;
    bool later;
    memset(p, 0, sizeof *p);
    if (f->len < ETHERNET + 20) return false;
    const unsigned upper = packet_upper(ip, f->len - ETHERNET, &p->proto, &later);
    if (!upper || f->len < ETHERNET + upper + 8) return false;
    memcpy(p->to_mac, f->bytes, 6);
    memcpy(p->from_mac, f->bytes + 6, 6);
    parse_ip(ip, p);
    const uint8_t *at = ip + upper;
    if (later) return true;
    if (p->proto == IPPROTO_NR_TCP || p->proto == IPPROTO_NR_UDP)
        p->src_port = wire_get16(at), p->dst_port = wire_get16(at + 2);
    if (p->proto == IPPROTO_NR_TCP && f->len >= ETHERNET + upper + 20)
        p->seq = wire_get32(at + 4), p->ack = wire_get32(at + 8), p->flags = at[13];
    if (p->proto == (p->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP)) {
        p->type = at[0], p->code = at[1];
        if (packet_is_query(p)) p->src_port = p->dst_port = wire_get16(at + 4);
    }
    return true;
}

static size_t ports_text(const struct packet *p, char *buf, size_t len)
{
    if (p->offset) return (size_t)snprintf(buf, len, " later");
    if (packet_is_query(p))
        return (size_t)snprintf(buf, len, " echo%s id %u", p->type == icmp_echo(p->v6, true) ? " reply" : "",
                                p->src_port);
    if (p->proto != IPPROTO_NR_TCP && p->proto != IPPROTO_NR_UDP)
        return (size_t)snprintf(buf, len, " type %u code %u", p->type, p->code);
    if (p->proto == IPPROTO_NR_UDP) return 0;
    return (size_t)snprintf(buf, len, " %s%s%s%s seq %u ack %u", p->flags & FLAG_SYN ? "S" : "",
                            p->flags & FLAG_FIN ? "F" : "", p->flags & FLAG_RST ? "R" : "",
                            p->flags & FLAG_ACK ? "A" : "", p->seq, p->ack);
}

const char *packet_text(const struct frame *f, char *buf, size_t len)
{
    struct packet p;
    if (!packet_parse(f, &p)) {
        snprintf(buf, len, "e%u a frame of %u bytes", f->iface, f->len);
        return buf;
    }
    char src[48], dst[48];
    inet_ntop(p.v6 ? AF_INET6 : AF_INET, p.src, src, sizeof src);
    inet_ntop(p.v6 ? AF_INET6 : AF_INET, p.dst, dst, sizeof dst);
    const char *proto = p.proto == IPPROTO_NR_TCP ? "tcp" : p.proto == IPPROTO_NR_UDP ? "udp" : p.v6 ? "icmp6" : "icmp";
    size_t n = (size_t)snprintf(buf, len, "e%u %s %s#%u > %s#%u", f->iface, proto, src, p.src_port, dst, p.dst_port);
    if (n < len) n += ports_text(&p, buf + n, len - n);
    if (n < len) n += (size_t)snprintf(buf + n, len - n, " ttl %u len %u", p.ttl, f->len);
    if (n < len && packet_is_error(&p)) {
        struct frame quoted = {.iface = f->iface, .len = (uint16_t)(f->len - (p.v6 ? 48 : 28))};
        char inner[240];
        memcpy(quoted.bytes + ETHERNET, f->bytes + ETHERNET + (p.v6 ? 48 : 28), quoted.len - ETHERNET);
        snprintf(buf + n, len - n, " about [%s]", packet_text(&quoted, inner, sizeof inner));
    }
    return buf;
}
