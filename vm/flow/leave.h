/* The way out of one packet: decided for a flow's packet, and kept for its later fragments (flow/fragments/frag.h) */
#pragma once

#include "vm/packet/edit/translate.h"

enum leave_way {
    LEAVE_NOT,       /* the packet does not leave */
    LEAVE_TO_SERVER, /* sent on according to the service's mode */
    LEAVE_TO_CLIENT, /* routed to the opener of the flow */
    LEAVE_TO_HOST,   /* translated, to the host's stack, which routes it to the opener of the flow */
    LEAVE_ROUTED,    /* routed to its new destination (nat) */
    LEAVE_SPLICED,   /* to the other end of a spliced connection (vm/forward/inline/); `hash` is its number */
};

struct leave {
    struct translation to;    /* new headers of the packet; later fragments: addresses only */
    uint32_t service, server; /* index of the service and of the server; PBC_NONE: nat */
    uint32_t hash;            /* hash of the flow, by which tunnels spread */
    uint8_t mac[6]; /* LEAVE_TO_CLIENT: MAC of the client, or of the next hop if the host has routed the packet; all 0:
                       unknown */
    uint16_t iface; /* LEAVE_TO_CLIENT: the client's interface; IFACE_NONE: the packet's incoming interface if `mac` is
                       known, otherwise by the routes */
    uint8_t way;    /* enum leave_way */
    uint16_t mss;   /* nat: clamp of SYNs, as in struct pbc_nat */
};
