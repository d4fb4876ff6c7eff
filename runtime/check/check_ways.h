/* Ways to probe a server: at its own address, or through each service that sends to it */
#pragma once

#include "vm/program/program.h"

enum { CHECK_WAYS_MOST = 64 };

struct check_way {
    uint32_t service; /* service that gives address and mode; PBC_NONE: the server's own address */
    uint32_t addr[4]; /* address to probe, in the form of struct key */
    uint16_t port;    /* port to probe; 0 for kinds without ports */
    uint8_t family;   /* 4 or 6 */
};

/* Find the ways of a server that has a check. Return their number, at least 1; all must be good. A service that the
 * check goes through (service_checked_via; none if not `may`) gives a way for each of its addresses, at the first port
 * there. Endpoints on `self` or `any`, or without a port of the check's protocol, give none. If a service gives none,
 * or no service sends to the server, the server's own address is a way, at the port of the check, the server or the
 * service. */
unsigned check_ways(const struct program *p, uint32_t server, bool may, struct check_way ways[CHECK_WAYS_MOST]);
