/* The way out of one worker: which port a packet leaves by and whose MAC it is for. Packets for a neighbour that is not
 * known yet wait, at most 16 for each and 1 s; what is lost is counted by its reason. */
#pragma once

#include "runtime/exchange/ring.h"
#include "runtime/exchange/snapshot.h"
#include "runtime/exchange/tape.h"
#include "runtime/io/io.h"
#include "runtime/worker/routed.h"
#include "vm/vm.h"

/* Packets that wait, and of them for one neighbour; what only crosses leaves room for what prey itself sends, and asks
 * for so many neighbours at a time. */
enum { WAIT_MOST = 256, WAIT_EACH = 16, WAIT_CROSSING = 192, ASK_CROSSING = 64 };

/* Packets that were to leave, and did not. */
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
    uint8_t peer;           /* of a bridge: the port that frames cross to; PORT_ANY: none */
    bool hidden;            /* the host sees nothing of what comes by it */
    uint16_t iface;         /* its id in the program: of an interface that no rule names, one above all that are */
    struct counter seen;    /* packets that were judged */
    struct io_stats before; /* of sockets that it had before */
    uint8_t at;             /* its index */
    struct tape *tape;      /* the worker's, or NULL */
};

/* Queue it there (runtime/io/io.h). */
static inline void port_send(struct port *p, struct pkt *pkt)
{
    if (p->tape) tape_left(p->tape, p->at, pkt);
    p->ops->send(p->io, pkt);
}

struct egress {
    struct port *ports;
    unsigned port_count;
    struct pool *pool; /* copies that wait are from it */
    struct ring *asks; /* of struct hop_ask, to the main thread */
    const struct snapshot *snapshot;
    struct egress_counters counters;
    struct waiter {
        struct pkt *pkt;
        struct hop_key key;
        uint32_t mtu; /* of its way, where key says no more than the neighbour */
        uint64_t until_ns;
        uint64_t asked_ns; /* when the main thread was asked last; only of the first for that hop */
        bool routed;
    } waiters[WAIT_MOST];
    unsigned waiting;            /* the first so many of waiters, in the order they came */
    bool asked;                  /* a question was put that the main thread has to be woken for */
    struct limit answers;        /* to what is routed */
    struct pkt *spent[VM_BATCH]; /* answers and pieces that are queued: to be put back after a flush */
    unsigned spent_count;
};

/* Send what the entry says, from port `from` where it does not say (PORT_ANY: unknown). The packet's bytes are used
 * until the ports are flushed; the entry's packet stays the caller's to put back after that. */
void egress_send(struct egress *e, const struct tx_entry *entry, uint8_t from, uint64_t now_ns);

/* Where it would leave now, if that is known: its port, and whose MAC address it gets. The entry has a family. */
bool egress_way(const struct egress *e, const struct tx_entry *entry, uint8_t from, uint8_t *port, uint64_t *mac);

/* An accepted packet crosses to another port, by the route to its destination, one hop less. False: the route leads by
 * an interface that is none of ours, so the host's stack sends it on. */
bool egress_route(struct egress *e, struct pkt *pkt, const struct key *key, uint64_t now_ns);
/* Is a packet with that key hidden from the host's stack, since it would leave by one of the ports? */
bool egress_crosses(const struct egress *e, const struct pkt *pkt, const struct key *key);

/* All that is queued leaves. */
void egress_flush(struct egress *e);

/* Those that wait: send whom the snapshot knows now, give up on whom nobody answers for. */
void egress_retry(struct egress *e, uint64_t now_ns);

/* Those that wait, and answers (vm/keyed/archive.h), into one that is new. */
bool egress_archive(struct egress *e, struct archive *a);

/* Put all that wait back. */
void egress_fini(struct egress *e);
