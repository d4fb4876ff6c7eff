/* A worker: one thread with a vm, a pool and its ports. Nothing of it is shared but what this header says; the main
 * thread may look at the rest while the worker is held. */
#pragma once

#include <pthread.h>

#include "runtime/counters/totals.h"
#include "runtime/exchange/handover.h"
#include "runtime/exchange/listing.h"
#include "runtime/exchange/observers.h"
#include "runtime/exchange/openers.h"
#include "runtime/exchange/refusal.h"
#include "runtime/host/guard/opened.h"
#include "runtime/worker/ahead.h"
#include "runtime/worker/bridge.h"
#include "runtime/worker/egress.h"
#include "runtime/worker/pmtu.h"
#include "vm/vm.h"
#include "vm/worker/owner.h"

struct kernel_world; /* vm/kernel/world.h */

struct log_note {     /* of one log event */
    uint64_t program; /* serial of the one whose rule it is: at a reload another than the one that runs */
    uint64_t mono_ns;
    uint32_t rule, bytes;
    char text[176]; /* the packet in words, cleaned */
};

struct worker_counters {
    struct totals totals;
    struct counter watched; /* dropped or rejected by the rules, and the host's stack got them all the same */
    struct counter carried; /* passed in the kernel, of connections that end here: among the verdicts */
#define WORKER_COUNTER(field, key, doc) uint64_t field;
#include "runtime/counters/counter.def"
};

/* Limits that a worker reached, as counts that only grow, for the main thread to tell of. */
enum reached_limit {
#define LIMIT(ident, key, told, words) LIMIT_##ident,
#include "runtime/counters/limit.def"
    LIMITS
};

enum { WORKERS_MOST = 16, PIECES_WAIT_MOST = 64 };

struct worker_cfg {
    struct program *program;
    unsigned worker, workers;    /* this one of so many */
    const struct owners *owners; /* shared by all; NULL: there is one worker */
    const struct shared *shared; /* likewise: what they count together */
    uint64_t (*hear)(void *arg,
                     uint64_t value); /* instead of `shared`, judged again (struct share); NULL: it is live */
    void *hear_arg;
    uint64_t seed;
    int tun; /* by it the host gets back what is its own and it did not see; -1: nothing is to be given back */
    const struct opened *opened; /* tunnels' packets, which the host does not see either */
    bool spins;                  /* it never sleeps: ports are asked without end */
    bool log;                    /* tell of log events */
    bool cuts;                   /* super-packets are judged in pieces, for some go into a tunnel */
    bool patient;                /* nobody waits for it: memory comes as it is needed */
    bool forwards;               /* the host's stack forwards packets: what crosses is watched unless we take it */
    bool watches; /* what is the host's own it gets from here, whatever the rules say of it (--monitor with `kernel`) */
    bool routes;  /* what crosses from one port to another is ours to send on */
    const struct vm_kernel *kernel; /* of what the executor in the kernel has not done itself; NULL: there is none */
    struct kernel_world *world;     /* what its stages are told, in its memory; NULL likewise */
    void (*ended)(void *arg, const struct flow_record *f); /* each flow that ends; NULL: nobody asks */
    void *ended_arg;
};

/* Another program takes the place of the one that runs: what a worker needs for it. Made by the main thread. */
struct next_program {
    struct vm *fresh; /* of vm_prepare; after the change what is left of the old */
    const struct remap *remap;
    struct snapshot *snapshot; /* facts of the new program */
    const struct owners *owners;
    const struct shared *shared;
    const uint16_t *iface; /* [ports] ids in the new program */
    const struct opened *opened;
    bool routes;
    int tun;
    bool cuts;
    uint64_t number; /* of this change, for who records it */
    /* The same in the kernel, at once, before the vm takes it; 0 or a negative errno: then nothing changes. NULL:
     * nothing judges there. */
    int (*put_in_force)(void *arg, struct vm *vm);
    void *arg;
};

struct worker {
    struct worker_cfg cfg;
    struct vm *vm;
    struct ahead ahead; /* for what its flows will use; in kernel mode it does not run */
    void *pool_memory;
    struct pool *pool;
    struct port ports[PORTS_MOST];
    struct egress egress;
    struct worker_counters counters;
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    struct pkt *pkts[VM_BATCH];
    uint32_t lengths[VM_BATCH];
    struct verdict verdicts[VM_BATCH];
    struct vm_up ups[VM_BATCH]; /* what the kernel's executor knew of these, */
    uint8_t asked[VM_BATCH];    /* and of it what is recorded (exchange/tape.h) */
    struct flow_met mets[VM_BATCH];
    struct vm_ways ways; /* where its recipes lead (up.h) */
    struct bridge bridge;
    struct limit told_limit;     /* of errors that may be about our tunnels */
    uint64_t watched;            /* of the batch: bit i, packet i is the host's whatever the rules said */
    uint64_t tick_ns;            /* when the vm's timers are due */
    struct datagrams *datagrams; /* whose pieces of datagrams are; NULL: there is one worker */
    uint64_t tables;             /* number of the balancing tables that were taken last */
    uint64_t tables_ns;          /* when the next ones of the snapshot are to be taken */
    uint64_t limits_due_ns;      /* when limits are written anew */
    struct piece {
        struct pkt *pkt; /* a copy: its first has not come */
        uint64_t until_ns;
    } pieces[PIECES_WAIT_MOST];
    unsigned pieces_waiting;
    struct worker *const *others; /* [workers], with this one */
    uint32_t woken;               /* bit i: worker i was handed something */
    struct tape *tape;            /* where it is recorded; NULL: nowhere */
    uint64_t state_by_ns;         /* its state is told then, though packets come; 0: it is not asked for */
    uint64_t program;             /* number of the program that runs, for who records it */
    struct observing observing;   /* who looks on */

    /* shared with the main thread */
    struct ring asks;                 /* struct hop_ask, to it */
    struct ring told;                 /* struct pmtu_note, to it */
    struct ring logs;                 /* struct log_note, to it */
    struct ring refusals;             /* struct refusal, to it: those that find no room are as many again */
    struct ring carried;              /* struct carried, from the proxy's loop of the same number */
    struct openers *openers;          /* who let connections in that end here, to the proxy's loops */
    uint64_t logs_lost;               /* atomic: notes that found no room, until the main thread has told of them */
    struct handover in[WORKERS_MOST]; /* from each other worker */
    int sleeps;                       /* atomic: whoever hands a packet over has to wake it */
    int wake_fd, call_fd;             /* eventfds: to the worker, to the main thread */
    struct snapshot *latest;          /* atomic; put by the main thread */
    uint64_t taken;                   /* atomic: number of the snapshot in use */
    int stop, hold;                   /* atomic */
    struct next_program *change;      /* atomic: to take at a batch boundary; NULL: none, or it is taken */
    struct listing *listing;          /* atomic: to fill at a batch boundary; NULL: none, or it is filled */
    int refused;                      /* of the last change: 0, or the negative errno for which it was not made */
    int swapping;                     /* atomic: some flows are not in line with the last change: its remap is in use */
    uint64_t limits[LIMITS];          /* atomic each */
    int fault_port, fault;            /* atomic: a port that failed, its errno; 0: none */
    pthread_mutex_t lock;             /* of held */
    pthread_cond_t changed;
    bool held;
    pthread_t thread;
};

/* Memory, rings and the vm; ports are opened by the caller into w->ports, before worker_start. 0, or -ENOMEM. */
int worker_init(struct worker *w, const struct worker_cfg *cfg);
void worker_fini(struct worker *w);

/* Give it the first or a newer snapshot, which stays the caller's until w->taken is past its number. */
void worker_tell(struct worker *w, struct snapshot *s);

/* The configuration of its vm. */
struct vm_cfg worker_vm_cfg(struct worker *w);

/* Count what the proxy has told of connections that end here. While the worker stands still (worker_hold) or in its own
 * thread. */
void worker_take_carried(struct worker *w);

/* Offer it another program, which it takes at a batch boundary: then w->change is NULL. */
void worker_change(struct worker *w, struct next_program *c);

/* Ask it for a part of its flows; filled, w->listing is NULL again and the main thread is called. While flows are
 * brought in line with another program that waits. False: it fills one for somebody else. */
bool worker_list(struct worker *w, struct listing *l);

/* Another set of observers, which stays the caller's until w->observing.taken is past its number. */
void worker_observe(struct worker *w, struct observer_set *s);

/* CPUs that this process may use, as many as there may be workers. */
unsigned worker_cpus(void);
/* Which of them is the worker's, in turn; -1: any. */
int worker_cpu(unsigned worker);
/* 0 or a negative errno. CPU: it runs on that one alone; negative: anywhere. */
int worker_start(struct worker *w, int cpu);
void worker_stop(struct worker *w); /* and wait for it */

/* It is recorded from now on, before worker_start. The tape stays the caller's. program: the number of its own. */
void worker_record(struct worker *w, struct tape *tape, uint64_t program);

/* Between these two the worker stands still at a batch boundary. */
void worker_hold(struct worker *w);
void worker_release(struct worker *w);

/* By the worker, between two batches: once a second it writes w->limits anew, all but those of its ports, whose
 * counters the kernel holds. */
void limits_publish(struct worker *w, uint64_t now_ns);

/* The vm's input: time and world. */
struct vm_in worker_input(const struct worker *w, uint64_t now_ns);
/* Whatever is there: news of the main thread, a batch of each port, what other workers have handed over, what is due.
 * How many frames came. */
unsigned worker_turn(struct worker *w, uint64_t now_ns);
/* Judge n packets, at most VM_BATCH, and let them leave. A packet's cookie is the port that it came by. Afterwards
 * w->verdicts has their verdicts. */
void worker_judge(struct worker *w, struct pkt *pkts[], unsigned n, uint64_t now_ns);
/* The same of any number; super-packets by their pieces, where w->cfg.cuts. */
void worker_judge_own(struct worker *w, struct pkt *pkts[], unsigned n, uint64_t now_ns);
/* Send what a call of the vm left in w->tx, tell of its events, and put the packets back. */
void worker_leave(struct worker *w, uint64_t now_ns);
/* The vm's timers. */
void worker_tick(struct worker *w, uint64_t now_ns);
/* Send what waits for neighbours that are known now. */
void worker_retry(struct worker *w, uint64_t now_ns);
/* Take the snapshot in w->latest. */
void worker_look(struct worker *w, uint64_t now_ns);
/* All that the worker remembers (vm/keyed/archive.h), and its program, whose number stands first; into a worker that is
 * new, runs that program and has the snapshot. What is read is hostile. False: there is no room; or it is no such
 * state, and the worker is good for worker_fini alone. */
bool worker_archive(struct worker *w, struct archive *a, uint64_t now_ns);
/* The recorder asks for the state: put it on the tape in a turn in which nothing came (idle), or in any once it has
 * waited for one. */
void worker_tell_state(struct worker *w, uint64_t now_ns, bool idle);
/* Take w->change, which must be there, if the one before is through: then vm_swap takes it, and w->change is NULL. */
void worker_take_change(struct worker *w, uint64_t now_ns);
