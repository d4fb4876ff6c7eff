/* One hop of a packet that crosses this machine from one of the ports to another: what a router does to it (RFC 1812,
 * 5.3.1; RFC 8200, 3). Which way it goes is egress.c's to find. */
#pragma once

#include "vm/packet/edit/edit.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

/* Is what crosses ours to send on, with so many ports that are no bridge's? forwards: the host's stack would. */
bool routed_wanted(const struct program *p, unsigned ports, bool forwards);

/* Is an accepted packet one that a router sends on: to one station, without tags, from and to addresses that may cross?
 * It is parsed again, into *key. */
bool routed_parse(const struct facts *f, struct pkt *pkt, struct key *key);

enum routed_fate {
    ROUTED_LEAVES,  /* pkts[0 … count-1]: itself, one hop less, or its pieces, in slots, the caller's to put back */
    ROUTED_EXPIRED, /* no hop was left */
    ROUTED_TOO_BIG, /* longer than the way bears, and not to be cut */
    ROUTED_NO_SLOT, /* or more pieces than FRAGMENTS_MOST */
};
struct routed {
    enum routed_fate fate;
    struct pkt *pkts[FRAGMENTS_MOST];
    unsigned count;
    struct pkt *answer; /* to its sender, by the port that it came by; the caller's to put back; NULL: none */
};

/* Take one hop towards a way that bears `mtu` bytes, where the packet lies (PKT_WRITABLE). Answers take a token of
 * `answers`, come from this machine's address on the interface that the packet came by, and are sent to nobody who may
 * not be answered. */
struct routed routed_hop(const struct facts *f, struct pkt *pkt, uint32_t mtu, struct pool *pool, struct limit *answers,
                         uint64_t now_ns);
