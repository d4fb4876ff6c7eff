/* A bridge between two ports: which frames cross. Sources are learned a port, so that a frame for the side that it came
 * from stays there. */
#pragma once

#include "vm/packet/pkt.h"

struct archive;

struct bridge {
    struct bridge_mac {
        uint64_t mac;     /* 0: empty */
        uint64_t seen_ns; /* last heard */
        uint8_t port;
    } * macs;       /* [1 << bits] by hash; the newest of two that meet stays */
    unsigned shift; /* 64 - bits */
};

/* Room for `macs` stations, rounded up to a power of two. 0, or -ENOMEM. */
int bridge_init(struct bridge *b, uint64_t macs);
void bridge_fini(struct bridge *b);

/* All stations (vm/keyed/archive.h), into a table that is new. */
bool bridge_archive(struct bridge *b, struct archive *a);

/* Learn where a frame's source is, and say whether the frame crosses: not one for a station that was heard by the same
 * port in the last five minutes. */
bool bridge_crosses(struct bridge *b, const struct pkt *pkt, uint8_t port, uint64_t now_ns);
