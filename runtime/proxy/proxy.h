/* Connections that end here: one loop, a thread beside each worker, which accepts them and finds each a server.
 *
 *      proxy_new ─▶ proxy_start ─▶ [ proxy_tell, proxy_change … ] ─▶ proxy_stop ─▶ proxy_free
 *
 * Loops share nothing but what the workers' vms do (vm/shared): each has listeners of its own on the same addresses,
 * and the kernel deals connections out to them. */
#pragma once

#include <pthread.h>

#include "runtime/exchange/refusal.h"
#include "runtime/proxy/told/counters.h"
#include "runtime/proxy/told/lines.h"
#include "vm/forward/service.h"
#include "vm/stream/first.h"

struct moments;
struct openers;
struct proxy;
struct ring;
struct snapshot;
struct tls_table;

/* Somewhere to listen. */
struct proxy_listen {
    struct stream_addr at; /* all 0: any address of the family */
    uint32_t service;
    int fd; /* a listening socket that does not block, the proxy's from now on; -1: the one that it has there */
};

struct proxy_cfg {
    struct program *program;
    struct vm_cfg vm;                     /* of the chooser: seed, worker of workers, share */
    struct tls_table *tls;                /* what services show and ask; it is held */
    const struct openers *const *openers; /* [vm.workers or 1] what the workers let in; NULL: nobody writes it down */
    struct moments *moments;              /* what is recorded of sessions; NULL: nothing is */
    struct ring *carried;                 /* struct carried, to the loop's worker; NULL: nobody counts */
    /* A batch of sockets that may have clients' addresses (runtime/host/guard/transparent.h): how many, or a negative
     * errno. NULL: there are none. Called with `with`. */
    int (*foreign)(void *with, unsigned family, int fds[]);
    uint32_t sessions_most;
    const uint16_t *iface; /* [iface_count] ids of the interfaces in the program */
    unsigned iface_count;
    void (*called)(void *with); /* something waits for the main thread (proxy_refused) */
    void *with;
};

/* Another program takes the place of the one that runs. Made by the main thread. */
struct proxy_change {
    const struct remap *remap;
    struct chooser *fresh; /* of remap->program, told of the facts; afterwards what is to be freed */
    struct snapshot *world;
    struct tls_table *tls;        /* stays the caller's, who may let go when it was taken */
    struct proxy_listen *listens; /* [count] */
    unsigned count;
    const uint16_t *iface;           /* as in struct proxy_cfg */
    uint64_t number;                 /* of remap->program, for who records */
    struct proxy_counters **counted; /* proxy_counted_new, for the services of remap->program; then as `fresh` */
};

/* Is there a kind of session for the mode (enum pbc_mode)? */
bool proxy_serves(unsigned mode);

/* NULL, and err is a negative errno: memory or descriptors are out. listens: [count]. */
struct proxy *proxy_new(const struct proxy_cfg *cfg, struct snapshot *world, struct proxy_listen *listens,
                        unsigned count, int *err);
/* Its sessions end. Not while its thread runs. */
void proxy_free(struct proxy *p);
/* The number of its program, for who records. Not while its thread runs. */
void proxy_numbered(struct proxy *p, uint64_t number);
/* 0 or a negative errno. cpu: it runs on that one alone; negative: anywhere. */
int proxy_start(struct proxy *p, int cpu);
void proxy_stop(struct proxy *p);
/* Without a thread: what is ready or due, waiting for at most so long. */
void proxy_turn(struct proxy *p, int most_ms);

/* A newer snapshot, which stays the caller's until proxy_taken is past its number. */
void proxy_tell(struct proxy *p, struct snapshot *world);
uint64_t proxy_taken(const struct proxy *p);
/* c stays the caller's until proxy_changed: true, it was taken or, *refused, could not be. */
void proxy_change(struct proxy *p, struct proxy_change *c);
bool proxy_changed(const struct proxy *p, int *refused);
/* The next part of its sessions (listing.h). False: another listing is being filled. l is the loop's until
 * proxy_listed; `called` says so. */
struct session_listing;
bool proxy_list(struct proxy *p, struct session_listing *l);
bool proxy_listed(const struct proxy *p, const struct session_listing *l);
/* The oldest line of an access log that it has; its length, 0: none. *target: lines_target of the log's path. */
uint32_t proxy_line(struct proxy *p, uint64_t *target, char line[LINES_MOST]);
/* Lines that found no room, ever. */
uint64_t proxy_lines_lost(const struct proxy *p);
/* The next that it has to tell. */
bool proxy_refused(struct proxy *p, struct refusal *r);

/* As they are now; it runs on meanwhile. Not while a change is under way. */
const struct proxy_counted *proxy_counted(const struct proxy *p);
const struct conns *proxy_conns(const struct proxy *p);
/* Bytes of a session that is idle, and of one that has most in its buffers; the kernel's not counted. */
void proxy_session_bytes(uint64_t first_bytes, uint64_t *idle, uint64_t *most);
