/* What checks.c and checks_make.c share. */
#pragma once

#include "runtime/check/checks.h"
#include "runtime/check/heap.h"
#include "runtime/check/probe.h"
#include "vm/vm.h"

enum { NUMBERS = 65536 - PBC_OWN_PORT_LO };
enum { FD_ICMP4 = -1, FD_ICMP6 = -2 }; /* what epoll says of the sockets for echo requests; of others their server */

/* What all probes of one check share. */
struct kind {
    uint8_t *request;
    size_t request_len;
    SSL_CTX *tls;
};

struct target {
    struct check_state state;
    const struct pbc_check *check; /* NULL: the server has none */
    struct check_way *ways;        /* [way_count]: in a turn each is gone, and is to be good */
    uint8_t way_count, way;        /* way: the one that the probe goes */
    bool waits;                    /* for the way to the server to be known */
    bool spared;                   /* the probe has more time, for the loop came late */
    struct probe *probe;           /* under way; NULL: it waits for its turn */
    uint64_t began_ns;
    uint64_t turn_ns; /* of its probes: begun at such a time, the next is every later */
    uint16_t seq;     /* of echo requests */
    bool changed;     /* up has, and nobody has been told */
};

struct checks {
    struct program *program;
    struct checks_cfg cfg;
    struct kind *kinds;     /* [checks_count] */
    struct target *targets; /* [servers_count] */
    struct due_heap due;    /* when a turn, or the time of a probe, is over */
    uint64_t random;
    uint64_t not_begun;
    uint32_t *changes; /* servers whose state changed, each once */
    uint32_t change_count;
    uint16_t id; /* of echo requests */
    int epoll;
    struct whose { /* [NUMBERS] of probes through services: the port, or identifier, from PBC_OWN_PORT_LO on */
        uint32_t server;
        uint8_t way;
    } * whose;       /* NULL: none goes so */
    uint16_t number; /* the next, in turn, so that those who end are heard a while */
};

/* Those of the past take nothing new, so nobody asks how they are. */
static inline uint32_t checked_servers(const struct program *p)
{
    return p->past ? p->past->servers : p->servers_count;
}
