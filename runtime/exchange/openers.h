/* Who let a connection in that ends here: the worker's vm judges its first packet, the host's stack and the proxy see
 * the connection later, in another thread. The worker writes down what was said of each such packet; whoever accepts
 * the connection finds it there. No lock: a place that is being written is read as empty. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "vm/packet/key.h"
#include "vm/verdict.h"

struct opener_key {
    uint32_t from[4], to[4]; /* as in struct key: the client, the service */
    uint16_t from_port, to_port;
    uint8_t family; /* 4 or 6 */
    uint8_t zero[3];
};
struct opener {
    struct opener_key key;
    uint64_t at_ns;          /* mono: when it was judged */
    uint64_t program;        /* serial of the one whose numbers follow */
    uint32_t rule, firewall; /* as in struct verdict */
    uint32_t service, zero;
};

/* And what came of such a connection since it was told last; from the proxy to the worker, by a ring. */
struct carried {
    uint64_t program;                         /* serial of the one whose numbers follow */
    uint32_t rule, firewall, service, server; /* as in struct verdict */
    struct counter of;
};

/* As many are kept, a worker: those between the first packet and accept, at most a handshake's time. The oldest of four
 * gives way to a new one. */
enum { OPENERS = 16384 };
struct openers;

/* NULL: memory is out. Memory is touched as it is used. */
struct openers *openers_new(void);
void openers_free(struct openers *o);

/* By one thread; a later one of the same key takes the place of the earlier. */
void openers_put(struct openers *o, const struct opener *opener);
/* By any thread. False: there is none, or it was overwritten. */
bool openers_find(const struct openers *o, const struct opener_key *key, struct opener *found);

/* The key of a TCP packet that goes to a service. */
static inline struct opener_key opener_key_of(const struct key *k)
{
    struct opener_key o = {.from_port = k->src_port, .to_port = k->dst_port, .family = k->kind & KIND_IP6 ? 6 : 4};
    memcpy(o.from, k->src, sizeof o.from);
    memcpy(o.to, k->dst, sizeof o.to);
    return o;
}
