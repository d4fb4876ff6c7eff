/* Ways of packets to servers: endpoints of services, a nat's forwards and maps. */
#pragma once

#include "compiler/analysis/diff/diff_priv.h"

/* One endpoint to one server. Of a map all addresses of a prefix, each to its own of another. */
struct way {
    struct pbc_endpoint from; /* PBC_EP_IP: its ports are the protocol's number */
    uint32_t ifaces, sources; /* by which and from which they come: an IR_IFACE and an IR_SRC of the ir of both, the
                               * sources of from.family alone */
    uint8_t len;              /* of a map's prefixes; 0: no map */
    uint32_t addr[4];
    uint16_t port; /* of `fixed`: the server's; else what is added to the packet's, 0 where it is kept */
    uint8_t family;
    bool fixed;
    const char *by;            /* the service, or the nat */
    const char *pool, *server; /* NULL: of a nat */
    uint32_t service;          /* own number, PBC_NONE */
};

struct ways {
    struct way *w;
    uint32_t count, cap;
    uint64_t steps; /* of the search that made them */
    bool too_many;  /* they, or the steps: some are missing */
};

/* The ways of a side, and pointers to them in the order of their servers and places. */
struct side_ways {
    struct ways ways;
    uint32_t maps; /* the first of them that is a map; all behind it are */
    const struct way **sorted;
};

/* What forwards before it take is none of a forward's. The result is the caller's to side_ways_fini. */
void ways_gather(struct diff *d, unsigned side, struct side_ways *to);
void side_ways_fini(struct side_ways *s);
/* Add to `alone` what of the way no ways of the other side take to its server. */
void ways_alone(struct diff *d, const struct way *w, const struct side_ways *other, struct ways *alone);
/* The order of the servers that they go to, by address and port: < 0, 0: one, > 0. */
int way_server_order(const struct way *a, const struct way *b);
