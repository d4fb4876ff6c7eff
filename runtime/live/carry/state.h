/* The state of carrying packets: the program in force, workers and their ports, the executor in the kernel, proxy
 * loops, the recorder. */
#pragma once

#include "runtime/base/obstacle.h"
#include "runtime/host/guard/guarded.h"
#include "runtime/host/guard/sockets.h"
#include "runtime/host/host.h"
#include "runtime/live/carry/lingering.h"
#include "runtime/live/carry/ruling.h"
#include "runtime/live/tell/state.h"
#include "runtime/record/reel.h"
#include "runtime/worker/worker.h"

struct access;
struct deal_tables;
struct guard_news;
struct in_kernel;
struct proxied;
struct proxied_change;
struct recorder;
struct sampled;
struct xmit;

enum { SHARED_PORTS_MOST = 256 }; /* of either protocol, that sockets keep; others are not seen */

struct shared_ports {
    struct sockets sockets;
    struct facts_ports host; /* what guard rules leave alone: `bound` are those that were bound at the start */
    struct facts_port bound[2 * SHARED_PORTS_MOST];
    struct facts_port all[4 * SHARED_PORTS_MOST]; /* with those that were bound since */
    unsigned all_count;
    bool crowded[2]; /* of TCP, UDP: more were bound at the start than are kept, so none is called new */
    uint64_t lost;   /* ports that were bound since, each time they were */
    struct ports_look {
        struct facts_port all[SHARED_PORTS_MOST];
        unsigned count;
        uint64_t due_ns; /* not before then again */
    } looks[2];          /* at sockets of TCP, of UDP */
};

struct carry {
    const struct options *o;
    struct tell *tell;
    /* Programs: the one in force, and a change of it (change.h). */
    struct ruling now;
    const struct ruling *before;         /* the one that ran, while some worker or flow is of it; NULL: none is */
    bool reloading;                      /* a change is under way, or not all flows are in line with it */
    bool offered;                        /* workers may have it */
    struct proxied_change *loops_change; /* the same of proxy loops; NULL: none */
    struct lingering lingering;          /* of those before */
    struct shared_ports ports;
    /* This machine, as it is served. */
    struct host *host;
    unsigned ifindex[PORTS_MOST];
    bool forwards;                 /* the host's stack forwards packets */
    bool forwards4, forwards6;     /* of IPv4; of IPv6 */
    struct snapshot *latest;       /* the world, as it was given last */
    struct guard_news *guard_news; /* who changes our rules; NULL: the kernel does not tell */
    bool proxies;                  /* some connections end here, or did: they pass in the kernel */
    bool watched;                  /* it was told that rules ask for what is only watched, since addresses changed */
    /* Ports and workers. */
    const struct io_ops *io;
    unsigned port_count; /* of each worker: one an interface, or, behind these, one more each (steered.h) */
    struct worker *workers[WORKERS_MOST];
    unsigned worker_count;
    struct umem *umems[WORKERS_MOST]; /* of each worker's ports */
    unsigned frame_most;              /* bytes of a frame that a slot holds; 0: not known yet */
    struct deal_tables *dealt;        /* what the dealing program is told; NULL: there is none */
    int tun;                          /* back to the host; -1: it sees all that is its own */
    unsigned tun_ifindex;             /* what comes by it */
    bool generic;                     /* some port's steering program is not in the driver */
    /* The executor in the kernel. */
    bool in_kernel;               /* programs in the kernel judge, and `io` has what they send up */
    char exec_why[600];           /* why it is they, or this process */
    struct obstacle kernel_lacks; /* for that, as far as --exec auto had to ask; empty: nothing */
    struct in_kernel *kernel;     /* they, by descriptors of the parent's; NULL: not made yet, or not wanted */
    struct xmit *xmit;            /* NULL: there is none, or memory is out */
    /* Proxy loops and the recorder. */
    struct access *access;     /* logs of proxy services; NULL: there was never one */
    struct proxied *proxied;   /* loops of proxy services; NULL: there was never one */
    struct recorder *recorder; /* NULL: nothing is recorded */
    struct reel reel;          /* its files, before it has them */
    uint64_t record_lost;      /* told of */
    /* Who wants to know, in rooms above; `ears` is theirs. */
    void *ears;
    bool (*looks)(void *ears);                                             /* somebody looks on at packets */
    void (*seen)(void *ears, const struct sampled *s);                     /* a packet that the kernel judged */
    void (*refused)(void *ears, const struct refusal *r, uint64_t now_ns); /* a server refuses new connections */
};
