/* A bridge between two ports. Sources are learned for each port, so that a frame for a station on the side that the
 * frame came from does not cross. */
#pragma once

#include "vm/packet/pkt.h"

struct archive;

struct bridge {
    struct bridge_mac {
        uint64_t mac;     /* MAC address of the station; 0: empty */
        uint64_t seen_ns; /* time when the station was last heard */
        uint8_t port;
    } * macs;       /* [1 << bits] by hash; on a collision the newer one stays */
    unsigned shift; /* number of bits to shift a hash by: 64 - bits */
};

/* Make a table for `macs` stations, rounded up to a power of two. Return 0 or -ENOMEM. */
int bridge_init(struct bridge *b, uint64_t macs);
void bridge_fini(struct bridge *b);

/* Archive all stations (vm/keyed/archive.h); reading needs a new table. */
bool bridge_archive(struct bridge *b, struct archive *a);

/* Learn the port of a frame's source. True if the frame crosses: its destination was not heard by the same port in the
 * last five minutes. */
bool bridge_crosses(struct bridge *b, const struct pkt *pkt, uint8_t port, uint64_t now_ns);
