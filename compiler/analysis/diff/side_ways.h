/* Ways of packets to servers: endpoints of services, forwards and maps of nats */
#pragma once

#include "compiler/analysis/diff/diff_priv.h"

/* One endpoint and one server; for a map, all addresses of a prefix, each with its own target */
struct way {
    struct pbc_endpoint from; /* PBC_EP_IP: ports hold the protocol number */
    uint32_t ifaces, sources; /* IR_IFACE and IR_SRC of its packets, in the ir of both; sources of from.family only */
    uint8_t len;              /* length of a map's prefixes; 0: not a map */
    uint32_t addr[4];
    uint16_t port; /* server's port if `fixed`; else added to the packet's port, 0: kept */
    uint8_t family;
    bool fixed;
    const char *by;            /* name of the service or nat */
    const char *pool, *server; /* names of the target; NULL: a nat */
    const char *host;          /* name of the target's address, with `addr` as placeholder; NULL: none */
    uint32_t service;          /* own number of the service; PBC_NONE: a nat */
};

struct ways {
    struct way *w;
    uint32_t count, cap;
    uint64_t steps; /* steps that the search spent */
    bool too_many;  /* too many ways or steps: some are missing */
};

/* Return an endpoint of the side, with its interface's number in the image of both. */
struct pbc_endpoint side_endpoint(const struct side *s, uint32_t endpoint);

/* Ways of a side, and pointers to them sorted by server and place */
struct side_ways {
    struct ways ways;
    uint32_t maps; /* index of the first map; all ways behind it are maps */
    const struct way **sorted;
};

/* Find the ways of a side; a forward excludes packets of earlier forwards. The caller calls side_ways_fini. */
void ways_gather(struct diff *d, unsigned side, struct side_ways *to);
void side_ways_fini(struct side_ways *s);
/* Add to `alone` the part of the way that no way of the other side takes to its server. */
void ways_alone(struct diff *d, const struct way *w, const struct side_ways *other, struct ways *alone);
/* Compare the servers of two ways, by address and port: < 0, 0: the same, > 0. */
int way_server_order(const struct way *a, const struct way *b);
