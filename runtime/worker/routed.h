/* One hop of a packet forwarded from one port to another, with a router's duties (RFC 1812, 5.3.1; RFC 8200, 3).
 * egress.c finds the way. */
#pragma once

#include "vm/packet/edit/edit.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

/* True if prey routes packets between its ports. ports: number outside bridges; forwards: the host stack forwards. */
bool routed_wanted(const struct program *p, unsigned ports, bool forwards);

/* Families whose packets prey itself forwards between its ports */
enum routed_family { ROUTED_IP4 = 1, ROUTED_IP6 = 2, ROUTED_BOTH = ROUTED_IP4 | ROUTED_IP6 };

/* True if the host's stack does not see forwarded packets that are not translated: in user space, guard rules hide
 * replies of flows that a nat leaves untouched, and other packets of a forward target. With the kernel executor,
 * fragments come up, and the host would get them by another device than their incoming one. */
bool routed_hidden(const struct program *p, unsigned ports);

/* True if a router forwards the accepted packet: for one station, untagged, with forwardable addresses. Parses the
 * packet again into *key. */
bool routed_parse(const struct facts *f, struct pkt *pkt, struct key *key);

enum routed_fate {
    ROUTED_LEAVES, /* pkts[0 … count-1]: the packet with one hop less, or its fragments, in slots that the caller puts
                      back */
    ROUTED_EXPIRED, /* the packet has no hop left */
    ROUTED_TOO_BIG, /* longer than the MTU, and must not be fragmented */
    ROUTED_NO_SLOT, /* no slot, or more than FRAGMENTS_MOST fragments */
};
struct routed {
    enum routed_fate fate;
    struct pkt *pkts[FRAGMENTS_MOST];
    unsigned count;
    struct pkt *answer; /* packet to the sender, by the incoming port; the caller returns it; NULL: none */
};

/* Take one hop towards a way with this MTU (in bytes), in place (PKT_WRITABLE). An answer takes a token of
 * `answers`, has this machine's address on the packet's incoming interface, and goes only to senders that may be
 * answered. */
struct routed routed_hop(const struct facts *f, struct pkt *pkt, uint32_t mtu, struct pool *pool, struct limit *answers,
                         uint64_t now_ns);
