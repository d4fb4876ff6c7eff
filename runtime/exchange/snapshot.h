/* What the main thread knows of the world, as workers take it at a batch boundary: facts for the vm, and where next
 * hops are reached. Immutable once published; each has a number, and is freed when all workers have a later one. */
#pragma once

#include <string.h>

#include "runtime/exchange/tables.h"
#include "vm/judge/routes.h"
#include "vm/packet/facts.h"
#include "vm/program/program.h"

enum { PORTS_MOST = 16, PORT_ANY = ROUTE_NO_PORT };

/* What a packet that leaves waits for: a neighbour's MAC; where the table of routes says ROUTE_ASK, the kernel's
 * answer. */
enum hop_kind { HOP_WAY, HOP_NEIGHBOUR };
struct hop_key {
    uint32_t addr[4]; /* as in struct key: whom the packet is for; of HOP_NEIGHBOUR whose MAC it gets */
    uint32_t from[4]; /* of HOP_WAY: its source */
    uint8_t family;   /* of addr: 4 or 6 */
    uint8_t port;     /* index of the port that it must leave by; PORT_ANY: the route says */
    uint8_t in;       /* of HOP_WAY: of the one that it came by; PORT_ANY: not known */
    uint8_t kind;     /* enum hop_kind */
    uint32_t zero;
};
static_assert(sizeof(struct hop_key) == 40, "words of 8 bytes, and none between the fields");
static inline bool hop_key_same(const struct hop_key *a, const struct hop_key *b) { return !memcmp(a, b, sizeof *a); }

/* A question to the main thread. */
struct hop_ask {
    struct hop_key key;
    bool own; /* for what prey itself sends (a service's, a tunnel's), not only for what crosses */
};

enum hop_state {
    HOP_ASKED,   /* the kernel was asked, and has not answered */
    HOP_KNOWN,   /* mac and port may be used */
    HOP_NO_WAY,  /* no route leads there, or it is this machine */
    HOP_NO_PORT, /* a route leads there by an interface that is none of ours */
};
struct hop {
    struct hop_key key;
    uint8_t state; /* enum hop_state */
    uint8_t port;
    uint8_t used; /* atomic: a worker has looked it up since the main thread asked */
    uint8_t zero;
    uint32_t mtu; /* of a way: bytes of an IP packet */
    uint64_t mac;
};

struct snapshot {
    uint64_t number;
    struct facts facts;     /* its arrays are the snapshot's own */
    uint32_t servers, nats; /* of the program: entries of facts.server_out, server_mtu and target_out */
    uint64_t port_mac[PORTS_MOST];
    struct routes *routes;      /* those of the facts, counted; NULL: as if they said ROUTE_ASK of everything */
    bool asks;                  /* the program asks for ways: other routes are other facts */
    uint8_t devices;            /* interfaces that are served: port i is of i % devices; 0: each port is one */
    bool elsewhere;             /* this machine has interfaces that are none of ours */
    uint32_t hops_mask;         /* slots less one */
    struct hop *hops;           /* open table; family 0: empty */
    struct tables *tables;      /* of these facts; NULL: whoever judges builds them */
    struct tables *tables_next; /* of a later time; NULL: these are good for long */
};

/* Copies of the facts' arrays (of those that are NULL: zeros), their routes, and an empty table of hops. NULL: no
 * memory.
 */
struct snapshot *snapshot_new(const struct program *p, const struct facts *facts, unsigned hops);
/* The same facts of one program, generations apart? */
bool snapshot_same_facts(const struct snapshot *a, const struct snapshot *b);
void snapshot_free(struct snapshot *s);
void snapshot_add(struct snapshot *s, const struct hop *hop);
/* NULL: nobody has asked for it yet, or nobody has answered. */
struct hop *snapshot_hop(const struct snapshot *s, const struct hop_key *key);

/* The interface of a port, as routes and questions name it: its first port. */
static inline uint8_t snapshot_device(const struct snapshot *s, uint8_t port)
{
    if (!s->devices || port == PORT_ANY) return port;
    return (uint8_t)(port % s->devices);
}
