/* Health checks: each server that names one, or whose pool does, is probed again and again; so many good or bad probes
 * in a row change what is said of it. One loop for thousands: an epoll descriptor that the caller polls, one probe a
 * server at a time, nothing that blocks.
 *
 *     checks_new ─▶ [ poll checks_fd, at most until checks_due ─▶ checks_step ─▶ checks_next_change … ] ─▶ checks_free
 */
#pragma once

#include <sys/socket.h>

#include "runtime/check/ways.h"
#include "runtime/host/host.h"

struct remap;

struct checks;

/* For probes that go through a service, as its clients' packets do (runtime/live/rules/via.h). */
struct checks_aside {
    /* Whom a probe speaks as, and whether the way to the server is known. 0; -EAGAIN: it is being asked for; another
     * negative errno: there is none. */
    int (*ready)(void *with, uint32_t server, const struct check_way *way, struct host_addr *from);
    /* A socket that may speak as `from`: a descriptor, or a negative errno. */
    int (*socket)(void *with, const struct sockaddr *from, int type);
    void *with;
};

struct checks_cfg {
    int icmp4, icmp6; /* raw sockets for echo requests, the caller's, which stay open; -1: that family is not probed */
    uint64_t seed;    /* of the jitter */
    /* A file for reading (certificates), or a negative errno; NULL: opened here. */
    int (*open_file)(void *with, const char *path);
    void *with;
    struct checks_aside aside; /* not there: servers are asked at their own addresses alone */
};

/* Of one server, as its last probes say. */
struct check_state {
    bool checked; /* some check is for it; else all below is 0 */
    bool known;   /* a probe has ended since the start: until then it is taken to be up */
    bool up;
    uint16_t row;        /* probes in a row that speak against `up` */
    uint64_t since_ns;   /* mono, when `up` became what it is; 0: at the start */
    uint64_t good, bad;  /* probes that ended so */
    uint32_t changes;    /* of `up` */
    uint32_t latency_us; /* of the last good probe; 0: none yet */
    char why[136];       /* the last probe's result in words: "status 503", "connection refused"; "": none yet */
};

/* The libraries read their own files: once, while the process may still open some. */
void checks_ready(void);

/* For all servers of the program, which is held. before, of the program that ran, or NULL: servers that remap knows
 * keep their state; those that are checked as before keep their turn, too. now_ns: mono. NULL, with one line in err:
 * memory or descriptors are out, or certificates cannot be read. */
struct checks *checks_new(struct program *p, const struct checks_cfg *cfg, const struct checks *before,
                          const struct remap *remap, uint64_t now_ns, char *err, size_t err_len);
void checks_free(struct checks *c);

/* Readable when some probe can go on. */
int checks_fd(const struct checks *c);
/* When checks_step has something to do even if the descriptor is not readable, mono; UINT64_MAX: never. */
uint64_t checks_due(const struct checks *c);
/* Go on with all that is ready or due; bounded, so call again where checks_due is past. */
void checks_step(struct checks *c, uint64_t now_ns);
/* The next server whose `up` has changed since it was asked last; UINT32_MAX: none. */
uint32_t checks_next_change(struct checks *c);

/* Whose the packets with that local port, or identifier of an echo, are: of a probe that went through a service not
 * long ago. NULL: nobody's. */
const struct check_way *checks_whose(const struct checks *c, uint16_t number, uint32_t *server);

/* Of a server of the program. */
const struct check_state *checks_of(const struct checks *c, uint32_t server);
/* Traffic says that a new flow found it dead (a reset, an unreachable): a bad probe, if its check says `passive`. */
void checks_hint(struct checks *c, uint32_t server, const char *why, uint64_t now_ns);
/* Probes that could not begin for want of descriptors or memory, or because this machine forbids them: they say nothing
 * of a server. */
uint64_t checks_not_begun(const struct checks *c);
