/* Openers: the rule and firewall that accepted a connection which ends on this machine. The worker's vm judges the
 * first packet, and stores its verdict here; the host stack and the proxy see the connection later, in another
 * thread, which looks the verdict up. There is no lock: a place being written reads as empty. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "vm/packet/key.h"
#include "vm/verdict.h"

struct opener_key {
    uint32_t from[4], to[4]; /* addresses of the client and the service, as in struct key */
    uint16_t from_port, to_port;
    uint8_t family; /* 4 or 6 */
    uint8_t zero[3];
};
struct opener {
    struct opener_key key;
    uint64_t at_ns;          /* monotonic time of the judgement */
    uint64_t program;        /* serial of the program that the numbers below belong to */
    uint32_t rule, firewall; /* rule and firewall that accepted the connection, as in struct verdict */
    uint32_t service, zero;
};

/* Traffic of such a connection since the last report, from the proxy to the worker by a ring. */
struct carried {
    uint64_t program;                         /* serial of the program that the numbers below belong to */
    uint32_t rule, firewall, service, server; /* numbers as in struct verdict */
    struct counter of;
};

/* Places per worker: enough for connections between first packet and accept, a handshake's time at most. A new opener
 * replaces the oldest of its group of four. */
enum { OPENERS = 16384 };
struct openers;

/* Return a table, or NULL if memory is out. Memory is touched as it is used. */
struct openers *openers_new(void);
void openers_free(struct openers *o);

/* Store an opener, in place of an earlier one of the same key. Called by one thread. */
void openers_put(struct openers *o, const struct opener *opener);
/* Find an opener. Called by any thread. False: none, or overwritten. */
bool openers_find(const struct openers *o, const struct opener_key *key, struct opener *found);

/* Return the key of a TCP packet to a service. */
static inline struct opener_key opener_key_of(const struct key *k)
{
    struct opener_key o = {.from_port = k->src_port, .to_port = k->dst_port, .family = k->kind & KIND_IP6 ? 6 : 4};
    memcpy(o.from, k->src, sizeof o.from);
    memcpy(o.to, k->dst, sizeof o.to);
    return o;
}
