/* What the main thread of live traffic holds. */
#pragma once

#include "runtime/base/complain.h"
#include "runtime/base/options.h"
#include "runtime/live/carry/guard/shared_ports.h"
#include "runtime/live/carry/lingering.h"
#include "runtime/live/carry/ruling.h"
#include "runtime/live/control/confirm.h"
#include "runtime/live/control/onfile.h"
#include "runtime/live/control/watch.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/tell/events.h"
#include "runtime/live/world/clock.h"
#include "runtime/live/world/hops.h"
#include "runtime/live/world/pmtu.h"
#include "runtime/parent/ask.h"
#include "runtime/record/reel.h"
#include "runtime/report/text.h"
#include "runtime/worker/worker.h"

/* Of an interface that is served: as it was told last. */
enum link_state { LINK_UP, LINK_DOWN, LINK_GONE };

enum { OLDER_MOST = 64 };

struct in_kernel;
struct documents;
struct proxied;
struct access;
struct load;
struct onlookers;
struct walk;
struct recorder;
struct ctl;
struct via;
struct web;
struct xmit;

struct live {
    const struct options *o;
    struct ruling now;
    struct lingering lingering; /* of those before */
    struct shared_ports ports;
    struct events events;
    struct host *host;
    struct xmit *xmit; /* with the executor in the kernel; NULL: there is none, or memory is out */
    unsigned ifindex[PORTS_MOST];
    struct hops hops;
    struct {
        struct routes *table; /* NULL: the kernel has not told yet */
        bool stale, full;     /* it is to be made anew; the kernel has more routes than it holds */
        uint32_t count;       /* routes that the kernel has */
        bool failed;          /* they could not be read the last time */
        uint64_t due_ns;      /* not before then */
        bool ways_stale;      /* ways to servers are to be asked for anew */
        uint64_t ways_due_ns; /* not before then */
    } routing;
    struct pmtu pmtu;
    struct facts facts; /* as published last; arrays are the host's */
    struct clock clock;
    uint64_t until_ns; /* the schedules hold for earlier times, of the clock on the wall */
    struct snapshot *latest;
    struct snapshot *older[OLDER_MOST + 1]; /* those that a worker may still use */
    unsigned older_count;
    bool proxies;                  /* some connections end here, or did: they pass in the kernel */
    bool forwards;                 /* the host's stack forwards packets */
    bool forwards4, forwards6;     /* of IPv4; of IPv6 */
    struct guard_news *guard_news; /* who changes our rules; NULL: the kernel does not tell */
    struct channel *channel;       /* to the parent; NULL: not forked yet */
    const struct io_ops *io;
    char unjudged[500];        /* what no firewall of the program in force judges (judged.h); empty: nothing */
    uint64_t room;             /* connections that all workers have room for, where rules leave it open (room.h) */
    bool watched;              /* it was told that rules ask for what is only watched, since addresses changed */
    bool in_kernel;            /* programs in the kernel judge, and `io` has what they send up */
    char exec_why[600];        /* why it is they, or this process */
    char kernel_lacks[400];    /* for that, as far as --exec auto had to ask; empty: nothing */
    struct in_kernel *kernel;  /* they, by descriptors of the parent's; NULL: not made yet, or not wanted */
    unsigned port_count;       /* of each worker: one an interface, or, behind these, one more each (steered.h) */
    struct deal_tables *dealt; /* what the dealing program is told; NULL: there is none */
    struct umem *umems[WORKERS_MOST]; /* of each worker's ports */
    unsigned frame_most;              /* bytes of a frame that a slot holds; 0: not known yet */
    int tun;                          /* back to the host; -1: it sees all that is its own */
    unsigned tun_ifindex;             /* what comes by it */
    bool unkept[PORTS_MOST];          /* told of its filter of traffic control, which had to be set again */
    bool generic;                     /* some port's steering program is not in the driver */
    struct worker *workers[WORKERS_MOST];
    unsigned worker_count;
    bool stale;                     /* what is published is not the latest */
    uint64_t tables_number;         /* of the balancing tables that were built last */
    uint64_t announced[PORTS_MOST]; /* addresses were claimed since the link came up, which was this change of its */
    enum link_state links[PORTS_MOST];
    struct reload *reload;               /* under way, or not all flows in line with it; NULL: none */
    bool wanted;                         /* another one, when that is through */
    struct load *load;                   /* asked for over the control socket, until it is made; NULL: none */
    struct confirm confirm;              /* what waits to be confirmed */
    struct watch watch;                  /* of the file of the command line */
    uint8_t file_digest[PBC_DIGEST_LEN]; /* of the program in the file of the command line, as it was read last */
    struct onfile onfile;                /* and as it is now */
    bool report;                         /* counters, when it is made */
    struct limit_told {
        uint64_t count, at_ns; /* of w->limits, when it was told last */
    } limits[LIMITS];
    struct notified {
        bool wanted;                /* a service manager listens */
        uint64_t every_ns, told_ns; /* signs of life: 0, none is wanted; the last one */
    } notified;
    bool ready;                       /* it was told: faults are events from now on */
    int echo[2];                      /* raw sockets of checks by echo requests, IPv4 and IPv6; -1: none */
    struct via *via;                  /* of checks through services; NULL: none goes so */
    uint64_t not_begun, not_begun_ns; /* health checks, as they were told last */
    struct access *access;            /* logs of proxy services; NULL: there was never one */
    struct proxied *proxied;          /* loops of proxy services; NULL: there was never one */
    struct recorder *recorder;        /* NULL: nothing is recorded */
    struct reel reel;                 /* its files, before it has them */
    uint64_t record_lost;             /* told of */
    struct walk *walks;               /* through flows, under way */
    struct by_hand *by_hand;          /* what is set, the latest first */
    struct ctl *ctl;                  /* the control socket */
    struct onlookers *onlookers;      /* NULL: nobody ever was */
    struct documents *documents;      /* what is seen (document.h); NULL: nothing was asked yet */
    uint64_t begun_ns;                /* mono, when workers began */
    struct web *web;                  /* statistics over HTTP; NULL: nobody asked for them */
    int signal_fd;
    int ended_by; /* the signal; 0: none */
};

/* As complain; once it is ready an event. */
int live_fault(struct live *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Which of the CPUs that we may use is the worker's, in turn; -1: any. */
int live_cpu_of(unsigned worker);
