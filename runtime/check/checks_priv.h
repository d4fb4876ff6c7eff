/* Types shared by checks.c and checks_make.c */
#pragma once

#include "runtime/check/checks.h"
#include "runtime/check/heap.h"
#include "runtime/check/probe.h"
#include "vm/vm.h"

enum { NUMBERS = 65536 - PBC_OWN_PORT_LO };
enum {
    FD_ICMP4 = -1,
    FD_ICMP6 = -2
}; /* epoll data of the sockets for echo requests; other sockets have a server's number */

/* Data shared by all probes of one check */
struct kind {
    uint8_t *request;
    size_t request_len;
    SSL_CTX *tls;
    struct seek *seeks; /* [step_count]: searches, prepared for steps of kind HAS only */
};

struct target {
    struct check_state state;
    const struct pbc_check *check; /* the server's check; NULL: it has none */
    struct check_way *ways;        /* [way_count]: each is tried in a turn, and all must be good */
    uint8_t way_count, way;        /* way: index in `ways` of the probe's way */
    bool waits;                    /* the probe waits for the way to the server */
    bool spared;                   /* the probe has more time, because the loop was late */
    struct probe *probe;           /* probe under way; NULL: the server waits for its turn */
    uint64_t began_ns;
    uint64_t turn_ns; /* start of the current turn; the next is `every` later */
    bool changed;     /* `up` has changed, and checks_next_change has not returned the server yet */
};

struct checks {
    struct program *program;
    struct checks_cfg cfg;
    struct kind *kinds;     /* [checks_count] data of the checks */
    struct target *targets; /* [servers_count] state of the servers */
    struct due_heap due;    /* times of turns and of probes' timeouts */
    uint64_t random;
    uint64_t not_begun;
    uint32_t *changes; /* servers whose state changed, each once */
    uint32_t change_count;
    uint16_t id; /* identifier of echo requests */
    int epoll;
    struct whose { /* [NUMBERS]: owners of ports or identifiers from PBC_OWN_PORT_LO on */
        uint32_t server;
        uint8_t way;
    } * whose;       /* owners of numbers; NULL: no probe goes through a service */
    uint16_t number; /* last number given; numbers wrap, so ended probes stay known for a while */
};

/* Return the number of servers that are checked. Former servers are not checked, because they take no new flows. */
static inline uint32_t checked_servers(const struct program *p)
{
    return p->past ? p->past->servers : p->servers_count;
}
