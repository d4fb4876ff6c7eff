/* A worker: one thread with a vm, a pool and its ports. Only the parts marked as such below are shared; the main
 * thread may look at the rest while the worker is held. */
#pragma once

#include <pthread.h>

#include "runtime/copies/copies.h"
#include "runtime/copies/risen.h"
#include "runtime/counters/totals.h"
#include "runtime/exchange/begun/inlined.h"
#include "runtime/exchange/begun/leaving.h"
#include "runtime/exchange/begun/openers.h"
#include "runtime/exchange/handover.h"
#include "runtime/exchange/heard/heard.h"
#include "runtime/exchange/listing.h"
#include "runtime/exchange/observers.h"
#include "runtime/exchange/refusal.h"
#include "runtime/host/guard/program/opened.h"
#include "runtime/io/inline_io.h"
#include "runtime/worker/ahead.h"
#include "runtime/worker/bridge.h"
#include "runtime/worker/drops.h"
#include "runtime/worker/egress.h"
#include "runtime/worker/pmtu.h"
#include "vm/flow/flow.h"
#include "vm/kernel/gate.h"
#include "vm/vm.h"
#include "vm/worker/owner.h"

struct kernel_world; /* vm/kernel/given.h */

struct log_note {     /* A log event, for the main thread */
    uint64_t program; /* serial of the program to which `rule` belongs; during a reload, not the running one */
    uint64_t mono_ns;
    uint32_t rule, bytes;
    bool would;     /* the rule is audited, one of program->would */
    char text[176]; /* the packet in words, cleaned */
};

struct worker_counters {
    struct totals totals;
    struct counter watched; /* packets that the rules dropped or rejected, but that the host stack got */
    struct counter
        carried; /* packets that passed in the kernel, for connections that end here; included in the verdicts */
#define WORKER_COUNTER(field, key, doc) uint64_t field;
#include "runtime/counters/counter.def"
};

/* Limits that a worker reached, as counts that only grow, for the main thread's reports. */
enum reached_limit {
#define LIMIT(ident, key, told, words) LIMIT_##ident,
#include "runtime/counters/limit.def"
    LIMITS
};

enum { WORKERS_MOST = 16, FRAGMENTS_WAIT_MOST = 64 };

/* Recorded answers in place of live sets, and of walks for cuts, for judging again. */
struct worker_again {
    const struct lives_ear *members; /* recorded answers of live sets; NULL: all live sets are empty */
    struct vm_cuts *cuts;
};

struct worker_cfg {
    struct program *program;
    unsigned worker, workers;    /* number of this worker; number of workers */
    const struct owners *owners; /* owners of packets, shared by all; NULL: a single worker */
    const struct shared *shared; /* counters shared by all; NULL: a single worker */
    uint64_t (*hear)(void *arg,
                     uint64_t value); /* in place of `shared` when judging again (struct share); NULL: live */
    void *hear_arg;
    uint64_t seed;
    int tun;           /* TUN device that gives the host its own packets that it did not see; -1: none */
    int inline_tun;    /* the worker's device of the inline stack; -1: none */
    int inline_memory; /* memory for counts of the worker's spliced connections (leaving_new); 0: none */
    const struct observe_out *observed; /* receiver of events of observed connections; NULL: none */
    const uint32_t *ages_us; /* when judging again: [VM_BATCH] as in struct vm_in; NULL: taken from the ports */
    struct inline_share inline_share; /* memory in which the parent finds tuples of inline connections */
    const struct worker_again *again; /* when judging again: the recorded answers; NULL: live */
    const struct opened *opened;      /* packets of tunnels, which are also hidden from the host stack */
    bool spins;                       /* never sleeps: polls the ports without end */
    bool log;                         /* report log events */
    bool cuts;                        /* judge super-packets in pieces, because some go into a tunnel */
    bool patient;                     /* no caller waits for the worker, so memory is taken as needed */
    bool forwards; /* the host stack forwards packets, so forwarded packets are only watched unless they are routed here
                    */
    bool watches;  /* the host gets all of its own packets, regardless of the rules (--monitor with `kernel`) */
    uint8_t routes;                 /* families whose packets prey routes between ports (enum routed_family) */
    const struct vm_kernel *kernel; /* the worker's access to the kernel executor; NULL: none */
    struct flow_cuts *flow_cuts;    /* members whose flows must end; NULL: none */
    struct kernel_world *world;     /* data for the kernel executor's stages, in their memory; NULL: none */
    void (*ended)(void *arg, const struct flow_record *f); /* called for each flow that ends; NULL: not wanted */
    void *ended_arg;
};

/* A worker's part of a change to another program. Made by the main thread. */
struct next_program {
    struct vm *fresh; /* from vm_prepare; after the change, the rest of the old vm */
    const struct remap *remap;
    struct snapshot *snapshot; /* snapshot with facts for the new program */
    const struct owners *owners;
    const struct shared *shared;
    const uint16_t *iface; /* [ports] interface ids in the new program */
    const struct opened *opened;
    uint8_t routes;
    int tun;
    int inline_tun; /* device of the inline stack, as in the configuration */
    bool cuts;
    const struct copies_table *copies; /* mirrors of the program; NULL: it has none */
    uint64_t number;                   /* number of the change, for the recorder */
    /* puts the program in force in the kernel, before the vm takes it. Returns 0, or a negative errno with nothing
     * changed. NULL: no judge in the kernel */
    int (*put_in_force)(void *arg, struct vm *vm);
    void *arg;
};

struct worker {
    struct worker_cfg cfg;
    struct vm *vm;
    struct ahead ahead; /* thread for the flows' memory; does not run in kernel mode */
    void *pool_memory;
    struct pool *pool;
    struct port ports[PORTS_MOST];
    struct egress egress;
    struct worker_counters counters;
    struct vm_tx tx;
    struct tx_entry entries[VM_BATCH * VM_TX_PER_PACKET];
    struct pkt *pkts[VM_BATCH];
    uint32_t lengths[VM_BATCH];
    uint32_t ages_us[VM_BATCH]; /* ages of the packets, as in struct vm_in, if connections are observed */
    struct verdict verdicts[VM_BATCH];
    struct vm_up ups[VM_BATCH]; /* findings of the kernel executor on these packets */
    uint8_t asked[VM_BATCH];    /* recorded: flags of the kernel's judgement (exchange/tape.h) */
    uint16_t came[VM_BATCH];    /* recorded: devices by which they came in (flow/track/met.h) */
    struct flow_met mets[VM_BATCH];
    struct kernel_members members[VM_BATCH]; /* recorded: answers of live sets */
    struct vm_ways ways;                     /* finds port and MAC address for recipes (up.h) */
    struct bridge bridge;
    struct inline_io inline_io;
    struct limit told_limit;            /* limit on errors that may be about prey's tunnels */
    uint64_t watched;                   /* for the batch: bit i: packet i is the host's regardless of the rules */
    uint64_t tick_ns;                   /* time when the vm's timers are due */
    struct datagrams *datagrams;        /* owners of fragments' datagrams; NULL: a single worker */
    struct known_owners *known;         /* owners known from earlier packets; NULL: a single worker */
    struct borrowings *borrowed;        /* borrowed recipes; NULL: a single worker */
    const struct loan *loans[VM_BATCH]; /* loans by which packets of the batch leave */
    struct handed *handed;              /* [VM_BATCH] packets taken from other workers; NULL: a single worker */
    uint64_t tables;                    /* number of the balancing tables taken last */
    uint64_t tables_ns;                 /* time to take the snapshot's next tables */
    uint64_t limits_due_ns;             /* time when `limits` is written again */
    struct waiting_fragment {
        struct pkt *pkt; /* copy of a fragment; its datagram's first fragment has not come */
        uint64_t until_ns;
    } fragments[FRAGMENTS_WAIT_MOST];
    unsigned fragments_waiting;
    struct worker *const *others; /* [workers] all workers, including this one */
    uint32_t woken;               /* bit i: worker i was handed something */
    struct tape *tape;            /* tape of the recorder; NULL: not recorded */
    uint64_t state_by_ns;         /* time when the state is put on the tape even if packets come; 0: not requested */
    uint64_t program;             /* number of the running program, for the recorder */
    struct heard_answers heard;   /* for the recorder: answers of live sets in this step */
    struct vm_cuts cuts;          /* for the recorder: flows that cuts end in this step */
    struct flow_id cut[VM_CUTS_MOST];
    unsigned cut_count;
    struct observing observing; /* observers of this worker */
    struct copying *copying;    /* tape for copies; NULL: no copies are made */
    struct vm_copies copies;    /* the vm's interface to `copying` */
    struct risen risen;         /* copies that the kernel executor makes */

    /* shared with the main thread */
    struct ring asks;        /* struct hop_ask, to the main thread */
    struct ring told;        /* struct pmtu_note, to the main thread */
    struct ring logs;        /* struct log_note, to the main thread */
    struct ring refusals;    /* struct refusal, to the main thread; dropped if there is no room, because more follow */
    struct ring carried;     /* struct carried, from the proxy loop with the same number */
    struct inlined *inlined; /* inline connections, for the proxy loops; NULL: none */
    struct leaving *leaving; /* connections that leave the inline stack; NULL: none */
    struct openers *openers; /* openers of connections that end here, for the proxy loops */
    struct drops drops;      /* notes of dropped packets, to the main thread */
    uint64_t logs_lost;      /* atomic: notes without room, until the main thread has reported them */
    struct handover in[WORKERS_MOST]; /* by sender: packets from each other worker */
    struct ring wishes[WORKERS_MOST]; /* by borrower: struct wish; dropped if there is no room, because more follow */
    struct ring offers[WORKERS_MOST]; /* by owner: struct offer; dropped in the same way */
    struct lending *lending;          /* loans to other workers; NULL: a single worker */
    int sleeps;                       /* atomic; nonzero: a sender of packets must wake this worker */
    int wake_fd, call_fd;             /* eventfds that wake the worker, and the main thread */
    struct snapshot *latest;          /* atomic: newest snapshot, set by the main thread */
    uint64_t taken;                   /* atomic: number of the snapshot in use */
    int stop, hold;                   /* atomic: requests to the worker */
    bool over;                        /* set before `stop`: another process has taken all of the worker's state */
    int still;                   /* atomic; nonzero: the worker receives no frames, but handles those handed over */
    struct next_program *change; /* atomic: change to make at a batch boundary; NULL: none, or done */
    struct listing *listing;     /* atomic: listing to fill at a batch boundary; NULL: none, or filled */
    int refused;                 /* result of the last change: 0, or the negative errno that prevented it */
    int swapping;            /* atomic: some flows are not converted yet after the last change; its remap is in use */
    uint64_t limits[LIMITS]; /* atomic each: counts of the reached limits */
    int fault_port, fault;   /* atomic: a port that failed, and its errno; 0: none */
    pthread_mutex_t lock;    /* guards `held` */
    pthread_cond_t changed;
    bool held;
    pthread_t thread;
};

/* Make a worker: memory, rings and the vm. The caller opens w->ports before worker_start. Return 0 or -ENOMEM. */
int worker_init(struct worker *w, const struct worker_cfg *cfg);
void worker_fini(struct worker *w);

/* Make memory for inline connections, once, before the worker gets its device of the inline stack. p: the first program
 * that has such services. Return 0 or -ENOMEM. */
int worker_inline(struct worker *w, const struct program *p, int memory);
/* Make memory for counts of spliced connections, once, if the program has inline services. Return 0 or -ENOMEM. */
int worker_leaving(struct worker *w, const struct program *p);

/* Give the worker its first or a newer snapshot, which the caller keeps until w->taken is past its number. */
void worker_tell(struct worker *w, struct snapshot *s);

/* Return the configuration of the worker's vm. */
struct vm_cfg worker_vm_cfg(struct worker *w);

/* Count the proxy's reports on connections that end here. Call this in the worker's thread, or while the worker is
 * held. */
void worker_take_carried(struct worker *w);

/* Offer the worker another program. The worker takes it at a batch boundary, and then sets w->change to NULL. */
void worker_change(struct worker *w, struct next_program *c);

/* Ask the worker for a part of its flows. When it is filled, w->listing is NULL and the main thread is called; this
 * waits while flows are converted to another program. False: another listing is being filled. */
bool worker_list(struct worker *w, struct listing *l);

/* Make the worker look for cuts (vm/judge/lives.h; cfg.flow_cuts). When it has finished, the main thread is called. */
void worker_cut(struct worker *w);

/* Give the worker another set of observers, which the caller keeps until w->observing.taken is past its number. */
void worker_observe(struct worker *w, struct observer_set *s);

/* Return the number of CPUs that this process may use, at most WORKERS_MOST. */
unsigned worker_cpus(void);
/* Return the CPU for a worker; CPUs are dealt in turn; -1: any. */
int worker_cpu(unsigned worker);
/* Start the thread on that CPU (negative: any). Return 0 or a negative errno. */
int worker_start(struct worker *w, int cpu);
/* Stop and wait for the thread; a held worker judges no more. over: another process continues its observed
 * connections, which do not end. */
void worker_stop(struct worker *w, bool over);

/* Send the worker's copies to that receiver, from worker_start on; the caller keeps it. */
void worker_copy(struct worker *w, struct copying *copying, const struct copies_table *table);

/* Record the worker, from worker_start on. The caller keeps the tape. program: number of the worker's program. */
void worker_record(struct worker *w, struct tape *tape, uint64_t program);

/* Hold the worker at a batch boundary. Let it go on (second function). */
void worker_hold(struct worker *w);
void worker_release(struct worker *w);

/* Write w->limits again, once per second, without those of the ports, whose counters the kernel holds. Called by the
 * worker between two batches. */
void limits_publish(struct worker *w, uint64_t now_ns);

/* Record the answers of live sets and the flows that cuts end: begin before a step of the vm, and end after it
 * (second function). */
static inline void worker_listen(struct worker *w)
{
    if (__builtin_expect(!w->cfg.program->lives_count, 1)) return;
    if (w->cfg.again)
        lives_listen(w->cfg.again->members);
    else if (w->tape)
        lives_listen(&w->heard.ear);
}
static inline void worker_heard(struct worker *w)
{
    if (__builtin_expect(w->cfg.program->lives_count, 0)) {
        lives_listen(NULL);
        if (w->heard.count) w->heard.full(w, &w->heard);
    }
    if (__builtin_expect(w->cut_count, 0)) tape_cut(w->tape, w->cut, w->cut_count);
    w->cut_count = 0;
}

/* Return the vm's input: time and world. */
struct vm_in worker_input(const struct worker *w, uint64_t now_ns);
/* Do all due work: news from the main thread, a batch of each port, packets handed over, timers. Return the number
 * of arrived frames. */
unsigned worker_turn(struct worker *w, uint64_t now_ns);
/* Send the last packets of the proxy loop and its sockets, which reset inline connections. */
void worker_last(struct worker *w, uint64_t now_ns);
/* Judge n packets, at most VM_BATCH, and let them leave. A packet's cookie is the port by which it came. The
 * verdicts are in w->verdicts afterwards. */
void worker_judge(struct worker *w, struct pkt *pkts[], unsigned n, uint64_t now_ns);
/* Judge any number of packets; super-packets by their pieces if w->cfg.cuts. */
void worker_judge_own(struct worker *w, struct pkt *pkts[], unsigned n, const struct vm_parsed *parsed,
                      uint64_t now_ns);
/* Forward n packets of the inline stack, at most VM_BATCH, as inline_io_read returns them. */
void worker_inline_sent(struct worker *w, struct pkt *pkts[], unsigned n, uint64_t now_ns);
/* Carry out the proxy loop's request for an inline connection. */
void worker_asked(struct worker *w, const struct inline_ask *ask, uint64_t now_ns);
/* Pass the vm's messages to the proxy loop, as far as there is room. w->leaving is not NULL. */
void worker_tell_loop(struct worker *w);
/* Send the entries that a vm call left in w->tx, report its events, and return the packets to the pool. */
void worker_leave(struct worker *w, uint64_t now_ns);
/* Run the vm's timers. */
void worker_tick(struct worker *w, uint64_t now_ns);
/* Send waiting packets whose neighbour is known now. */
void worker_retry(struct worker *w, uint64_t now_ns);
/* Take the snapshot in w->latest. */
void worker_look(struct worker *w, uint64_t now_ns);
/* Archive the number of the worker's program and all of the worker's state (vm/keyed/archive.h). Reading needs a new
 * worker that runs that program and has the snapshot; the input is untrusted. False: no room, or malformed; then the
 * worker may only be freed (worker_fini). */
bool worker_archive(struct worker *w, struct archive *a, uint64_t now_ns);
/* Put the state that the recorder asked for on the tape. The state waits for a turn without frames (idle), but only
 * for a while. */
void worker_tell_state(struct worker *w, uint64_t now_ns, bool idle);
/* Take w->change, which must be set, unless the previous change is unfinished. Gives it to vm_swap and clears it. */
void worker_take_change(struct worker *w, uint64_t now_ns);
