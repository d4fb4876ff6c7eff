/* How one packet leaves: decided for a flow's packet, and kept for the fragments that follow it
 * (flow/fragments/frag.h). */
#pragma once

#include "vm/packet/edit/translate.h"

enum leave_way {
    LEAVE_NOT,       /* it does not */
    LEAVE_TO_SERVER, /* as the service's mode does */
    LEAVE_TO_CLIENT, /* routed to who opened the flow */
    LEAVE_ROUTED,    /* routed to its new destination (nat) */
};

struct leave {
    struct translation to;    /* of its own headers; of a later fragment the addresses alone are used */
    uint32_t service, server; /* PBC_NONE: nat */
    uint32_t hash;            /* of the flow: tunnels spread by it */
    uint8_t mac[6];           /* LEAVE_TO_CLIENT: the client's; all 0: not known */
    uint16_t iface;           /* likewise; IFACE_NONE: the one that it came from */
    uint8_t way;              /* enum leave_way */
    uint16_t mss;             /* of nat: clamp of SYNs, as of struct pbc_nat */
};
