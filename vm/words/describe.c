/* A packet in one line, in words of the rule language if it has them:
 *
 *     tcp 198.18.0.1:50000 > 203.0.113.10:443 SYN
 *     icmp6 fe80::1 > ff02::1:ff00:2 nd-neighbor-solicit 2001:db8::2 vlan 5
 *     udp 192.0.2.1 > 192.0.2.2 fragment later
 *     arp who-has 192.0.2.1 tell 192.0.2.2
 *     ether 0x88cc 02:00:00:00:00:01 > 01:80:c2:00:00:0e
 *     tcp 192.0.2.1 > 192.0.2.2 (short-tcp) */
#include <stdio.h>

#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/vm.h"
#include "vm/words/words.h"
#include "vm/words/words_priv.h"

static void add_side(struct text *t, const struct key *key, const uint32_t addr[4], uint16_t port)
{
    bool ports = key->kind & KIND_PORTS, brackets = ports && (key->kind & KIND_IP6);
    if (brackets) text_add(t, "[");
    text_add_address(t, addr, key->kind & KIND_IP6);
    if (brackets) text_add(t, "]");
    if (ports) text_add(t, ":%u", port);
}

static void add_tcp_flags(struct text *t, uint32_t flags)
{
    static const char *const names[8] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    for (unsigned i = 0; i < 8; i++)
        if (flags >> i & 1) text_add(t, " %s", names[i]);
    if ((flags & 0xff) == 0) text_add(t, " no flags");
}

static void add_icmp(struct text *t, const struct pkt *pkt, const struct key *key)
{
    const char *name = icmp_type_name(key->kind & KIND_ICMP ? 4 : 6, key->icmp_type);
    if (name)
        text_add(t, " %s", name);
    else
        text_add(t, " type %u", key->icmp_type);
    if (key->icmp_code) text_add(t, " code %u", key->icmp_code);
    uint32_t target[4];
    if (nd_target_read(pkt, key, target)) {
        text_add(t, " ");
        text_add_address(t, target, true);
    }
}

static void add_ip(struct text *t, const struct pkt *pkt, const struct key *key)
{
    const char *name = proto_name(key->proto);
    if (!(key->kind & KIND_PROTO))
        text_add(t, "%s ", key->kind & KIND_IP4 ? "ip" : "ip6");
    else if (name)
        text_add(t, "%s ", name);
    else
        text_add(t, "proto %u ", key->proto);
    add_side(t, key, key->src, key->src_port);
    text_add(t, " > ");
    add_side(t, key, key->dst, key->dst_port);
    if (key->kind & KIND_TCP_FLAGS) add_tcp_flags(t, key->marks);
    if (key->kind & KIND_ICMP_HEADER) add_icmp(t, pkt, key);
    if (key->kind & KIND_AH && key->kind & KIND_IP6) text_add(t, " ah");
    if (key->kind & KIND_FRAG_FIRST) text_add(t, " fragment first");
    if (key->kind & KIND_FRAG_LATER) text_add(t, " fragment later");
}

static void add_arp(struct text *t, const struct pkt *pkt, const struct key *key)
{
    struct arp_body arp;
    text_add(t, "arp");
    if (!arp_read(pkt, key, &arp)) return;
    if (arp.op == ARP_REQUEST) {
        text_add(t, " who-has ");
        text_add_address(t, (const uint32_t[4]){arp.target_ip}, false);
        text_add(t, " tell ");
        text_add_address(t, (const uint32_t[4]){arp.sender_ip}, false);
    } else if (arp.op == ARP_REPLY) {
        text_add(t, " ");
        text_add_address(t, (const uint32_t[4]){arp.sender_ip}, false);
        text_add(t, " is-at ");
        text_add_mac(t, arp.sender_mac);
    } else {
        text_add(t, " operation %u", arp.op);
    }
}

static void add_frame(struct text *t, const struct pkt *pkt, const struct key *key)
{
    if (key->kind & KIND_ETHERTYPE)
        text_add(t, "ether 0x%04x", key->ether_type);
    else
        text_add(t, key->kind & KIND_ETHER && !pkt->reason ? "llc" : "frame");
    if (!(key->kind & KIND_ETHER)) return;
    text_add(t, " ");
    text_add_mac(t, pkt_mac(pkt, false));
    text_add(t, " > ");
    text_add_mac(t, pkt_mac(pkt, true));
}

void pkt_describe(const struct pkt *pkt, const struct key *key, char *buf, size_t len)
{
    struct text t = text_of(buf, len);
    if (key->kind & KIND_IP)
        add_ip(&t, pkt, key);
    else if (key->kind & KIND_ARP)
        add_arp(&t, pkt, key);
    else
        add_frame(&t, pkt, key);
    if (key->kind & KIND_VLAN) text_add(&t, " vlan %u", key->vlan_outer);
    if (key->kind & KIND_VLAN2) text_add(&t, " inner %u", key->vlan_inner);
    if (pkt->reason) text_add(&t, " (%s)", reason_name(pkt->reason));
}
