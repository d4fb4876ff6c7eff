/* The state of carrying packets: the program in force, workers and their ports, the kernel executor, proxy loops,
 * the recorder. */
#pragma once

#include "runtime/base/obstacle.h"
#include "runtime/host/guard/program/guarded.h"
#include "runtime/host/guard/sockets.h"
#include "runtime/host/host.h"
#include "runtime/kernel/loaded.h"
#include "runtime/live/carry/lingering.h"
#include "runtime/live/carry/ruling.h"
#include "runtime/live/tell/tell_state.h"
#include "runtime/record/reel.h"
#include "runtime/worker/worker.h"

struct access;
struct program_change;
struct copies;
struct flow_cuts; /* vm/judge/lives.h */
struct deal_tables;
struct port_owners; /* vm/shared/shared.h */
struct guard_news;
struct listeners_handed; /* proxy/listeners.h */
struct in_kernel;
struct kernel_passed;
struct inline_stack;
struct proxied;
struct proxied_change;
struct recorder;
struct kernel_event_sample;
struct tuples;
struct xmit;

/* A packet that the kernel judged, as its event reports it (vm/kernel/events.h) */
struct sampled {
    const struct pkt *pkt; /* its cookie is the index of the served interface */
    const struct key *key;
    const struct verdict *verdict;
    const struct labels *labels; /* names of the program that judged it; NULL: the program is gone */
    uint64_t now_ns, at_ns;      /* time for its rules; time of its verdict */
    uint8_t asked;               /* judgement by the kernel, as on a tape (runtime/exchange/tape.h) */
    const struct kernel_event_sample *said;
    uint32_t world; /* lower half of the number of the snapshot in which it was judged */
};

enum { SHARED_PORTS_MOST = 256 }; /* most ports per protocol that sockets keep; further ones are not seen */

enum { SHARED_WORDS = 65536 / 64, GIVEN_MOST = 65536 / 2 };
struct shared_ports {
    struct sockets sockets;
    struct facts_ports host; /* ports that guard rules leave alone; `bound`: those bound at the start */
    struct facts_port bound[2 * SHARED_PORTS_MOST];
    struct facts_port all[4 * SHARED_PORTS_MOST]; /* bound at the start, or since then */
    unsigned all_count;
    struct facts_range spare[PORTS_MORE]; /* [spare_count] reserved; `host.more` leaves out ports that sockets have */
    unsigned spare_count;
    /* For the user executor: ports of `spare`, now or earlier, which mappings may have (facts_ports.given): */
    struct facts_range *given; /* [given_count], room for GIVEN_MOST; NULL: none yet */
    unsigned given_count;
    bool given_anew;               /* guard rules do not know `given` yet */
    bool more_anew;                /* workers do not know yet which ports may be drawn */
    bool opens;                    /* the program opens tunnels, so no range grows */
    bool ungiven;                  /* guard rules could not hide `given`, so ranges do not grow */
    uint64_t ever[SHARED_WORDS];   /* ports that were ever spare */
    uint64_t hidden[SHARED_WORDS]; /* ports of which guard rules in force hide packets that no socket takes */
    uint64_t had[SHARED_WORDS];    /* ports that had a socket at the previous look */
    uint64_t named[SHARED_WORDS];  /* ports whose packets are subject to the program's services and translation */
    bool crowded[2]; /* TCP, UDP: not all ports bound at the start fit in the list, so no port counts as new */
    uint64_t lost;   /* number of times that a port of translation was bound since the start */
    struct ports_look {
        struct facts_port all[SHARED_PORTS_MOST];
        unsigned count;
        uint64_t due_ns; /* earliest time of the next look */
    } looks[2];          /* looks at sockets of TCP, of UDP */
};

/* Guard rules, which keep packets from this machine's stack */
struct guarding {
    struct guard_news *news;     /* reports changes of guard rules by other processes; NULL: not available */
    struct lingering lingering;  /* leftovers of earlier programs */
    struct shared_ports ports;   /* ports that stay with this machine */
    unsigned let_in[PORTS_MOST]; /* number of the interface whose packets the guard rules let in, because they are
                                  * judged; another interface of that name is shut */
    bool proxies;                /* connections end here, or did; their packets go through the kernel */
    bool hears;                  /* guard rules test whether a sender was heard, for replies past prey's interfaces */
    bool unhidden;               /* guard rules could not be set when they were last wanted */
};

/* Ports of the workers (worker_ports.h) */
struct worker_ports {
    unsigned count;                   /* number of each worker's ports: one for each interface, or two (steered.h) */
    unsigned told_off[PORTS_MOST];    /* offloads of the interface that were reported as turned off */
    unsigned frame_most;              /* bytes of the longest frame in a slot; 0: not known yet */
    bool generic;                     /* a port's steering program runs in generic mode, not in the driver */
    struct umem *umems[WORKERS_MOST]; /* memory of each worker's ports */
    struct port_owners *owners;       /* workers that have ports of translation; NULL: one worker has all */
    struct deal_tables *dealt;        /* the dealing program's tables; NULL: none */
    int dealer; /* descriptor of the dealing program while another instance judges; 0: it deals already, or there is
                   none */
};

/* The device for packets back to the host (steered.h) */
struct tun_device {
    int fd; /* descriptor; -1: the host sees these packets itself */
    unsigned ifindex;
};

/* True if the host's stack forwards packets: of any family; IPv4; IPv6 */
struct host_forwards {
    bool any, ip4, ip6;
};

/* Observers that see one of many packets, and observers that see all */
enum looks { LOOKS_AT_SOME = 1, LOOKS_AT_ALL = 2 };

/* Callbacks into rooms above */
struct ears {
    void *arg;
    unsigned (*looks)(void *arg);                     /* kinds of present observers: enum looks, or'ed */
    void (*seen)(void *arg, const struct sampled *s); /* a packet that the kernel judged */
    void (*refused)(void *arg, const struct refusal *r, uint64_t now_ns); /* a server refuses new connections */
    void (*dropped)(void *arg, const struct drop_note *n);                /* packets that the kernel dropped */
};

/* The choice of the executor */
struct exec_choice {
    char why[600];         /* reason for the choice */
    bool either;           /* --exec auto had a free choice: this process enforces the same */
    bool by_rules;         /* --exec auto chose this process because of the rules */
    struct obstacle lacks; /* obstacle that --exec auto found; empty: none */
};

/* The flight recorder */
struct recording_to {
    struct recorder *to; /* the recorder; NULL: recording is off */
    struct reel reel;    /* new files, until the recorder takes them */
    uint64_t lost;       /* reported losses */
};

struct carry {
    const struct options *o;
    struct tell *tell;
    /* Programs: the one in force, and a change under way (change.h). */
    struct ruling now;
    struct program_change *change; /* change under way, or with flows not all converted; NULL: none */
    struct flow_cuts *cuts;        /* members whose flows are to end (rules/members/rounds.c) */
    uint64_t flows; /* room of a worker's flow table, in flows: set by the first rules that keep flows, and kept until a
                       stop */
    struct guarding guard;
    /* This machine and its served interfaces. */
    struct host *host;
    unsigned ifindex[PORTS_MOST];
    uint32_t bare; /* bit i: interface i has no Ethernet (ports_bare) */
    uint32_t away; /* bit i: interface i has not been opened yet, because it was absent or down at the start */
    bool judges;   /* sockets are open, and the programs of the start are loaded */
    struct host_forwards forwards;
    struct snapshot *latest; /* the newest snapshot */
    bool watched;            /* reported since addresses changed: some rules can only be watched */
    /* Ports and workers. */
    const struct io_ops *io;
    struct worker_ports ports;
    struct worker *workers[WORKERS_MOST];
    unsigned worker_count;
    uint64_t seed, owners_seed; /* secrets of the workers' tables, and of dealing flows to workers */
    struct tuples *tuples;      /* tuples of inline connections, for the parent; NULL: out of memory */
    struct tun_device tun;
    /* The kernel executor. */
    bool in_kernel; /* the kernel judges; `io` gets the packets that it sends up */
    uint32_t by_tc; /* bit i: packets of interface i reach it by traffic control, not XDP */
    bool sees_own;  /* packet sockets also get this machine's packets (needs_outgoing) */
    uint32_t rings; /* bit i: interface i has a ring beside the sockets of XDP (in_kernel_rings) */
    unsigned takes; /* number of workers of the instance taken over, whose executor this one keeps; 0: a plain start */
    bool takes_xdp; /* the other instance takes frames by --io xdp */
    const struct kernel_passed
        *passed; /* state of the other instance's kernel executor; NULL: it judges in user space, or there is none */
    struct loaded loaded;     /* the executor, loaded before the fork, until the parent has it */
    struct in_kernel *kernel; /* its programs and maps; NULL: not made yet, or not wanted */
    struct xmit *xmit; /* finds interfaces that send frames of XDP programs; NULL: not in use, or out of memory */
    struct exec_choice exec;
    /* Proxy loops and the recorder. */
    struct recording_to record;
    struct access *access;             /* logs of proxy services; NULL: never opened */
    struct inline_stack *inline_stack; /* the stack in which inline connections end; NULL: never made */
    struct proxied *proxied;           /* loops of proxy services; NULL: never made */
    struct listeners_handed *handed;  /* listeners of the instance that this one takes over from; NULL: a plain start */
    struct counter carried_before;    /* that instance's counts for its connections */
    struct observed_thread *observed; /* writer of observed connections */
    bool observed_late;               /* true: the former writer was too slow to hand over its state */
    struct copies *copies;            /* copies of packets; NULL: not made yet */
    struct ears ears;
};
