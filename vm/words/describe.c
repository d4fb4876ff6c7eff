/* A packet in one line, in the words of the rule language where it has them:
 *
 *     tcp 198.18.0.1:50000 > 203.0.113.10:443 SYN
 *     icmp6 fe80::1 > ff02::1:ff00:2 nd-neighbor-solicit 2001:db8::2 vlan 5
 *     udp 192.0.2.1 > 192.0.2.2 fragment later
 *     arp who-has 192.0.2.1 tell 192.0.2.2
 *     ether 0x88cc 02:00:00:00:00:01 > 01:80:c2:00:00:0e
 *     tcp 192.0.2.1 > 192.0.2.2 (short-tcp) */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/wire.h"
#include "vm/vm.h"
#include "vm/words/words.h"

struct line {
    char *buf;
    size_t len, used;
};

/* Append to the line; what does not fit is cut off. */
static void __attribute__((format(printf, 2, 3))) add(struct line *l, const char *format, ...)
{
    if (l->used + 1 >= l->len) return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(l->buf + l->used, l->len - l->used, format, args);
    va_end(args);
    if (n > 0) l->used += (size_t)n;
    if (l->used >= l->len) l->used = l->len - 1;
}

static void add_mac(struct line *l, uint64_t mac)
{
    for (int shift = 40; shift >= 0; shift -= 8) add(l, "%02x%s", (unsigned)(mac >> shift & 0xff), shift ? ":" : "");
}

static void add_addr4(struct line *l, uint32_t addr)
{
    add(l, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 0xff, addr >> 8 & 0xff, addr & 0xff);
}

static void add_addr6(struct line *l, const uint32_t addr[4])
{
    uint8_t bytes[16];
    char text[INET6_ADDRSTRLEN];
    for (unsigned i = 0; i < 4; i++) wire_put32(bytes + 4 * i, addr[i]);
    add(l, "%s", inet_ntop(AF_INET6, bytes, text, sizeof(text)) ? text : "?");
}

static void add_side(struct line *l, const struct key *key, const uint32_t addr[4], uint16_t port)
{
    bool ports = key->kind & KIND_PORTS, brackets = ports && (key->kind & KIND_IP6);
    if (brackets) add(l, "[");
    if (key->kind & KIND_IP4)
        add_addr4(l, addr[0]);
    else
        add_addr6(l, addr);
    if (brackets) add(l, "]");
    if (ports) add(l, ":%u", port);
}

static void add_tcp_flags(struct line *l, uint32_t flags)
{
    static const char *const names[8] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    for (unsigned i = 0; i < 8; i++)
        if (flags >> i & 1) add(l, " %s", names[i]);
    if ((flags & 0xff) == 0) add(l, " no flags");
}

static void add_icmp(struct line *l, const struct pkt *pkt, const struct key *key)
{
    const char *name = icmp_type_name(key->kind & KIND_ICMP ? 4 : 6, key->icmp_type);
    if (name)
        add(l, " %s", name);
    else
        add(l, " type %u", key->icmp_type);
    if (key->icmp_code) add(l, " code %u", key->icmp_code);
    uint32_t target[4];
    if (nd_target_read(pkt, key, target)) {
        add(l, " ");
        add_addr6(l, target);
    }
}

static void add_ip(struct line *l, const struct pkt *pkt, const struct key *key)
{
    const char *name = proto_name(key->proto);
    if (!(key->kind & KIND_PROTO))
        add(l, "%s ", key->kind & KIND_IP4 ? "ip" : "ip6");
    else if (name)
        add(l, "%s ", name);
    else
        add(l, "proto %u ", key->proto);
    add_side(l, key, key->src, key->src_port);
    add(l, " > ");
    add_side(l, key, key->dst, key->dst_port);
    if (key->kind & KIND_TCP_FLAGS) add_tcp_flags(l, key->marks);
    if (key->kind & KIND_ICMP_HEADER) add_icmp(l, pkt, key);
    if (key->kind & KIND_AH && key->kind & KIND_IP6) add(l, " ah");
    if (key->kind & KIND_FRAG_FIRST) add(l, " fragment first");
    if (key->kind & KIND_FRAG_LATER) add(l, " fragment later");
}

static void add_arp(struct line *l, const struct pkt *pkt, const struct key *key)
{
    struct arp_body arp;
    add(l, "arp");
    if (!arp_read(pkt, key, &arp)) return;
    if (arp.op == ARP_REQUEST) {
        add(l, " who-has ");
        add_addr4(l, arp.target_ip);
        add(l, " tell ");
        add_addr4(l, arp.sender_ip);
    } else if (arp.op == ARP_REPLY) {
        add(l, " ");
        add_addr4(l, arp.sender_ip);
        add(l, " is-at ");
        add_mac(l, arp.sender_mac);
    } else {
        add(l, " operation %u", arp.op);
    }
}

static void add_frame(struct line *l, const struct pkt *pkt, const struct key *key)
{
    if (key->kind & KIND_ETHERTYPE)
        add(l, "ether 0x%04x", key->ether_type);
    else
        add(l, key->kind & KIND_ETHER && !pkt->reason ? "llc" : "frame");
    if (!(key->kind & KIND_ETHER)) return;
    add(l, " ");
    add_mac(l, pkt_mac(pkt, false));
    add(l, " > ");
    add_mac(l, pkt_mac(pkt, true));
}

void pkt_describe(const struct pkt *pkt, const struct key *key, char *buf, size_t len)
{
    struct line l = {.buf = buf, .len = len};
    if (len == 0) return;
    buf[0] = '\0';
    if (key->kind & KIND_IP)
        add_ip(&l, pkt, key);
    else if (key->kind & KIND_ARP)
        add_arp(&l, pkt, key);
    else
        add_frame(&l, pkt, key);
    if (key->kind & KIND_VLAN) add(&l, " vlan %u", key->vlan_outer);
    if (key->kind & KIND_VLAN2) add(&l, " inner %u", key->vlan_inner);
    if (pkt->reason) add(&l, " (%s)", reason_name(pkt->reason));
}
