/* Egress of one worker: the port by which a packet leaves, and its destination's MAC address. Packets for an unknown
 * neighbour wait, at most 16 for each and 1 s; losses are counted by reason. */
#pragma once

#include "runtime/copies/copies.h"
#include "runtime/exchange/ring.h"
#include "runtime/exchange/snapshot.h"
#include "runtime/exchange/tape.h"
#include "runtime/io/io.h"
#include "runtime/worker/routed.h"
#include "vm/vm.h"

/* Most packets that wait, in all and for one neighbour. Routed packets leave room for prey's own, and ask for at most
 * ASK_CROSSING neighbours at a time. */
enum { WAIT_MOST = 256, WAIT_EACH = 16, WAIT_CROSSING = 192, ASK_CROSSING = 64 };

/* Reasons why packets that should leave did not. */
enum egress_loss {
#define LOSS_COUNTER(ident, key, words) LOSS_##ident,
#include "runtime/counters/counter.def"
    LOSS_COUNT
};

struct egress_counters {
    uint64_t lost[LOSS_COUNT];
#define EGRESS_COUNTER(field, key, doc) uint64_t field;
#include "runtime/counters/counter.def"
};

/* A port of the worker. */
struct port {
    const struct io_ops *ops;
    struct io_port *io;
    uint8_t peer;           /* for a bridge: the port to which frames cross; else PORT_ANY */
    bool hidden;            /* the host stack sees no packet that comes by this port */
    uint16_t iface;         /* interface id in the program; above all of its ids if no rule names the interface */
    struct counter seen;    /* packets that were judged */
    struct io_stats before; /* counters of the port's earlier sockets */
    uint8_t at;             /* index of the port */
    struct tape *tape;      /* tape of the worker, or NULL */
};

/* Queue a packet on the port (runtime/io/io.h). */
static inline void port_send(struct port *p, struct pkt *pkt)
{
    if (p->tape) tape_left(p->tape, p->at, pkt);
    p->ops->send(p->io, pkt);
}

struct egress {
    struct port *ports;
    unsigned port_count;
    struct pool *pool;       /* pool of the copies that wait */
    struct ring *asks;       /* struct hop_ask, to the main thread */
    struct copying *copying; /* copies of leaving packets; NULL: none are made */
    const struct snapshot *snapshot;
    struct egress_counters counters;
    struct waiter {
        struct pkt *pkt;
        struct hop_key key;
        uint32_t mtu; /* MTU of the way, if `key` names only the neighbour */
        uint64_t until_ns;
        uint64_t asked_ns; /* last question to the main thread; only in the first waiter for that hop */
        bool routed;
    } waiters[WAIT_MOST];
    unsigned waiting;            /* number of waiters, in order of arrival */
    bool asked;                  /* a question was asked, so the main thread must be woken */
    struct limit answers;        /* limit on answers to routed packets */
    struct pkt *spent[VM_BATCH]; /* queued answers and pieces, to be put back after a flush */
    unsigned spent_count;
};

/* Send the packet by the entry, from port `from` if the entry names none (PORT_ANY: unknown). The packet's bytes are
 * used until the ports are flushed; after that the caller returns it. */
void egress_send(struct egress *e, const struct tx_entry *entry, uint8_t from, uint64_t now_ns);

/* Find the present port and MAC address for the entry's packet. False: unknown. The entry must have a family. */
bool egress_way(const struct egress *e, const struct tx_entry *entry, uint8_t from, uint8_t *port, uint64_t *mac);

/* True if the packet's route has several legs. */
bool egress_is_shared(const struct egress *e, const struct pkt *pkt, const struct key *key);
/* Route an accepted packet to another port, with one hop less. False: the route leads out by an interface that prey
 * does not serve, and the host stack forwards the packet; or there is no route, and the host notifies the sender.
 * host_tells: the host stack has not seen the packet, and gets it by the TUN device; packets that it would send by
 * another way from there are lost. */
bool egress_route(struct egress *e, struct pkt *pkt, const struct key *key, bool host_tells, uint64_t now_ns);
/* True if the packet would leave by one of the ports and is therefore hidden from the host stack. */
bool egress_crosses(const struct egress *e, const struct pkt *pkt, const struct key *key);

/* Forget the mirrors of waiting packets, which belong to a replaced program. */
void egress_forget_mirrors(struct egress *e);

/* Send all queued packets. */
void egress_flush(struct egress *e);

/* Send the waiting packets whose hop the snapshot now knows, and drop expired ones. */
void egress_retry(struct egress *e, uint64_t now_ns);

/* Archive waiting packets and the limit on answers (vm/keyed/archive.h); reading needs a new struct. */
bool egress_archive(struct egress *e, struct archive *a);

/* Put all waiting packets back. */
void egress_fini(struct egress *e);
