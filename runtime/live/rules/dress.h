/* What the modes that leave a packet whole do to it on its way to a server, apart from any flow: for health checks. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

struct dress {
    const struct program *program;
    const struct facts *facts;
    uint32_t server, service; /* by whose mode */
    uint16_t out;             /* the interface towards the server, IFACE_NONE */
    uint16_t number;          /* of the talk: packets of one go one way (RFC 6438) */
};

/* The packet is in a slot and parsed; its link, and what else only the link needs, are the caller's. 0 or a negative
 * errno: -EADDRNOTAVAIL this machine has no address to speak from. */
int dress(const struct dress *d, struct pkt *pkt, const struct key *key);
