/* The packet that an ICMP or ICMPv6 error quotes: its headers, as far as they were quoted (RFC 792, RFC 4443 2.4 (c)).
 *
 *     IP | ICMP error, 8 bytes | quoted IP header | (IPv6 extension headers) | at least 8 bytes of L4 | ...
 *
 * Whoever sends the error chose every byte of the quote: each length is checked against the bytes that are there, and
 * what does not hold its tuple whole quotes nothing. */
#pragma once

#include "vm/packet/key.h"
#include "vm/packet/pkt.h"

/* Is the well-formed packet an error, which quotes another? Redirects of IPv4 are (RFC 1122, 3.2.2), those of IPv6 are
 * neighbour discovery. */
bool icmp_is_error(const struct key *key);

struct quoted {
    struct key key; /* addresses, kind (family, protocol, KIND_PORTS, KIND_ICMP_HEADER), ports, proto, ICMP type */
    uint32_t seq;   /* of TCP */
    uint16_t query; /* of ICMP: what stands where queries have their identifier */
};

/* What the error quotes; false: nothing that one could look for, or a later fragment. The packet is well formed and an
 * error. */
bool quoted_read(const struct pkt *pkt, const struct key *key, struct quoted *q);
