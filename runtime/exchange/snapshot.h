/* The main thread's view of the world, which workers take at a batch boundary: facts for the vm, and next hops.
 * Immutable once published; each snapshot has a number and is freed when all workers have a later one. */
#pragma once

#include <string.h>

#include "runtime/exchange/balance_tables.h"
#include "runtime/host/view/receivers.h"
#include "vm/judge/routes.h"
#include "vm/packet/facts.h"
#include "vm/program/program.h"

struct other; /* runtime/kernel/run/others.h */

/* The devices beside those served. Immutable; it travels in several successive snapshots. */
struct around {
    unsigned refs;              /* references, counted by one thread, which makes and frees the struct */
    struct receivers receivers; /* devices that receive frames with VLAN tags; owned */
    struct other *others;       /* [others_count] unserved devices that rules know, or whose frames are judged as
                                 * they come in, by number; owned */
    uint32_t others_count;
};
struct around *around_get(struct around *a);
void around_put(struct around *a); /* NULL is allowed */

enum { PORTS_MOST = 16, PORT_ANY = ROUTE_NO_PORT };

/* Look-ups that a leaving packet waits for: a neighbour's MAC address, or, if the routes give ROUTE_ASK, the way
 * that the kernel finds. */
enum hop_kind { HOP_WAY, HOP_NEIGHBOUR };
struct hop_key {
    uint32_t addr[4]; /* as in struct key: destination of the packet, or for HOP_NEIGHBOUR the neighbour */
    uint32_t from[4]; /* for HOP_WAY: source of the packet */
    uint8_t family;   /* family of addr: 4 or 6 */
    uint8_t port;     /* index of the port that the packet must leave by; PORT_ANY: according to the route */
    uint8_t in;       /* for HOP_WAY: index of the port by which the packet came; PORT_ANY: unknown */
    uint8_t kind;     /* enum hop_kind */
    uint32_t zero;
};
static_assert(sizeof(struct hop_key) == 40, "words of 8 bytes, and none between the fields");
static inline bool hop_key_same(const struct hop_key *a, const struct hop_key *b) { return !memcmp(a, b, sizeof *a); }

/* A question to the main thread. */
struct hop_ask {
    struct hop_key key;
    bool own; /* for packets that prey itself sends (of a service or tunnel), not only for routed ones */
};

enum hop_state {
    HOP_ASKED,   /* the kernel was asked and has not answered */
    HOP_KNOWN,   /* mac and port are valid */
    HOP_NO_WAY,  /* no route leads there, or the address is this machine's */
    HOP_NO_PORT, /* the route leads out by an interface that prey does not serve */
};
struct hop {
    struct hop_key key;
    uint8_t state; /* enum hop_state */
    uint8_t port;
    uint8_t used; /* atomic: a worker has looked up the hop since the main thread asked */
    uint8_t zero;
    uint32_t mtu; /* MTU of the way, for an IP packet, in bytes */
    uint64_t mac;
};

struct snapshot {
    uint64_t number;
    struct facts facts;               /* facts, with arrays owned by the snapshot */
    uint32_t servers, nats, services; /* number of each in the program and in the facts' arrays */
    uint64_t port_mac[PORTS_MOST];
    uint32_t bare;         /* bit i: interface i has no Ethernet: its packets begin with IP */
    struct routes *routes; /* counted reference, also in the facts; NULL: ROUTE_ASK for everything */
    bool asks;             /* the program asks for ways, so a change of routes changes the facts */
    uint8_t devices;       /* number of served interfaces: port i belongs to interface i % devices; 0: each port is an
                              interface */
    bool elsewhere;        /* this machine has interfaces that prey does not serve */
    struct around *around; /* counted reference; NULL: there are no other devices */
    uint32_t ifindex[PORTS_MOST]; /* the kernel's number of each interface that is served */
    uint32_t hops_mask;           /* number of slots minus one */
    struct hop *hops;             /* open-addressed table; family 0: empty */
    struct tables *tables;        /* balancing tables for these facts; NULL: the judging thread builds them */
    struct tables *tables_next;   /* tables for a later time; NULL: `tables` stay valid for long */
};

/* Copy the facts' arrays (zeros for those that are NULL) and take their routes, with an empty table of hops. NULL: out
 * of memory. */
struct snapshot *snapshot_new(const struct program *p, const struct facts *facts, unsigned hops);
/* True if the snapshots have the same facts of one program, generations apart. */
bool snapshot_same_facts(const struct snapshot *a, const struct snapshot *b);
void snapshot_free(struct snapshot *s);
void snapshot_add(struct snapshot *s, const struct hop *hop);
/* Return the hop, or NULL: not requested yet, or not answered yet. */
struct hop *snapshot_hop(const struct snapshot *s, const struct hop_key *key);

/* Return the interface of a port as routes and questions name it: its first port. */
static inline uint8_t snapshot_device(const struct snapshot *s, uint8_t port)
{
    if (!s->devices || port == PORT_ANY) return port;
    return (uint8_t)(port % s->devices);
}
