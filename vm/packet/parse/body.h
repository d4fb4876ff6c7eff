/* The bodies of ARP and neighbour discovery, read for those who answer or describe them; what flows ask of ICMP and
 * SCTP.
 */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* ARP between Ethernet and IPv4 addresses. */
struct arp_body {
    uint16_t op;
    uint64_t sender_mac, target_mac;
    uint32_t sender_ip, target_ip;
};

/* False for any other ARP. The packet is well formed (pkt_parse). */
bool arp_read(const struct pkt *pkt, const struct key *key, struct arp_body *out);

/* The target of a neighbour solicitation that is valid by RFC 4861, 7.1.1, ICMPv6 checksum included; false for anything
 * else. */
bool solicit_read(const struct pkt *pkt, const struct key *key, uint32_t target[4]);

/* The target of a solicitation or advertisement whose first 24 bytes were captured, valid or not. */
bool nd_target_read(const struct pkt *pkt, const struct key *key, uint32_t target[4]);

/* What stands where an ICMP or ICMPv6 query and its reply have their identifier (RFC 792; of node information the
 * question's type, RFC 4620). The packet has an ICMP header. */
uint16_t icmp_query_read(const struct pkt *pkt);

/* The type of an SCTP packet's first chunk (RFC 9260, 3.2); -1: it has none that was captured. */
int sctp_chunk_read(const struct pkt *pkt, const struct key *key);
