/* The ways by which a server is asked how it is: at its own address, or through each service that sends to it. */
#pragma once

#include "vm/program/program.h"

enum { CHECK_WAYS_MOST = 64 };

struct check_way {
    uint32_t service; /* whose address and mode; PBC_NONE: the server's own address */
    uint32_t addr[4]; /* asked for; as in struct key */
    uint16_t port;    /* of kinds that have ports */
    uint8_t family;   /* 4 or 6 */
};

/* Of a server that has a check: at least one way, all of which are to be good. A service that its check goes through
 * (service_checked_via) is asked at each of its addresses, at its first port there; those on `self` or `any`, or
 * without a port of the check's protocol, name none. A server that no such service names is asked at its own, and at
 * the check's port, its own, or the service's; so is each without `may`. */
unsigned check_ways(const struct program *p, uint32_t server, bool may, struct check_way ways[CHECK_WAYS_MOST]);
