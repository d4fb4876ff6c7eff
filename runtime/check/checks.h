/* Health checks: each server with a check, its own or its pool's, is probed in turns; enough good or bad probes in a
 * row change its state. One loop serves thousands: an epoll descriptor that the caller polls, one probe per server
 * at a time, and nothing blocks.
 *
 *     checks_new ─▶ [ poll checks_fd, at most until checks_due ─▶ checks_step ─▶ checks_next_change … ] ─▶ checks_free
 */
#pragma once

#include <sys/socket.h>

#include "runtime/check/check_ways.h"
#include "runtime/host/host.h"

struct remap;

struct checks;

/* Callbacks for probes through a service; these probes take the same way as clients' packets
 * (runtime/live/rules/via.h) */
struct check_stack {
    /* Get the source address of a probe. Return 0; -EAGAIN while the way to the server is being resolved; another
     * negative errno if there is no way. */
    int (*ready)(void *with, uint32_t server, const struct check_way *way, struct host_addr *from);
    /* Return a socket that may use the address `from`, or a negative errno */
    int (*socket)(void *with, const struct sockaddr *from, int type);
    void *with;
};

struct checks_cfg {
    int icmp4, icmp6; /* raw sockets for echo requests, which stay the caller's; -1: the family is not probed */
    uint64_t seed;    /* seed of the jitter */
    /* Open a file for reading (certificates); return a negative errno on failure. NULL: the file is opened here. */
    int (*open_file)(void *with, const char *path);
    void *with;
    struct check_stack stack; /* all NULL: servers are probed at their own addresses only */
};

enum { CHECK_WHY = 200 }; /* bytes for a result in words */

/* State of one server by its last probes */
struct check_state {
    bool checked; /* the server has a check; else all members below are 0 */
    bool known;   /* a probe has ended since the start; until then `up` is true */
    bool up;
    uint16_t row;        /* number of latest probes in a row whose result differs from `up` */
    uint64_t since_ns;   /* last change of `up`, monotonic; 0: none since the start */
    uint64_t good, bad;  /* number of good and of bad probes */
    uint32_t changes;    /* number of changes of `up` */
    uint32_t latency_us; /* duration of the last good probe; 0: none yet */
    char why[CHECK_WHY]; /* the last probe's result: "status 503", "connection refused"; "": none yet */
};

/* Let the libraries read their own files, once, while the process may still open files */
void checks_ready(void);

/* Make the checks of all servers of a program, and hold the program. before: checks of the former program, or NULL;
 * servers found by remap keep their state, and their turn if their check is the same. now_ns: monotonic. NULL, with one
 * line in err: out of memory or descriptors, or unreadable certificates. */
struct checks *checks_new(struct program *p, const struct checks_cfg *cfg, const struct checks *before,
                          const struct remap *remap, uint64_t now_ns, char *err, size_t err_len);
void checks_free(struct checks *c);

/* Return a descriptor that is readable when a probe can go on */
int checks_fd(const struct checks *c);
/* Return the monotonic time at which checks_step has work even if the descriptor is not readable; UINT64_MAX: never */
uint64_t checks_due(const struct checks *c);
/* Advance all probes that are ready or due. The work of a call is bounded, so call again if checks_due is past */
void checks_step(struct checks *c, uint64_t now_ns);
/* Return a server whose `up` has changed since the last call for it; UINT32_MAX: none */
uint32_t checks_next_change(struct checks *c);

/* Find the server and way of packets with that local port or echo identifier, which a recent probe used. NULL: none. */
const struct check_way *checks_whose(const struct checks *c, uint16_t number, uint32_t *server);

/* Return the state of a server of the program */
const struct check_state *checks_of(const struct checks *c, uint32_t server);
/* Continue from the state found by another process's probes; a server without a check is left alone. */
void checks_restore(struct checks *c, uint32_t server, const struct check_state *s);
/* If the server's check is `passive`, count a bad probe for a new flow that found the server dead (a reset, an
 * unreachable) */
void checks_hint(struct checks *c, uint32_t server, const char *why, uint64_t now_ns);
/* Return the number of probes that could not begin because descriptors or memory were missing, or that this machine
 * forbids. They are no evidence against a server. */
uint64_t checks_not_begun(const struct checks *c);
