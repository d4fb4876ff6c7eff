/* Those who look on: the frames that their filters take are copied, with what became of them, to the main thread. While
 * there are none a worker asks one pointer a batch.
 *
 *      main thread   makes a set of observers, gives it to each worker, keeps it until each has taken a later one
 *      worker        takes the newest set between two batches; puts what it saw on its tape, and never waits: what
 * finds no room, or goes beyond an observer's rate, is counted */
#pragma once

#include "runtime/exchange/filter.h"
#include "runtime/exchange/tape.h"
#include "vm/packet/pkt.h"

enum { OBSERVERS_MOST = 16, OBSERVED_BYTES = 1 << 22 /* of each worker's tape */ };

struct observer {
    const struct filter *filter; /* NULL: nobody is there */
    uint64_t id;                 /* another one's is another number */
    uint32_t snap;               /* bytes that are wanted of a frame */
    uint32_t rate;               /* frames a second, of each worker */
};
struct observer_set {
    uint64_t number;
    unsigned count;
    struct observer of[OBSERVERS_MOST];
};

struct observing {
    const struct observer_set *set; /* the worker's; NULL: nobody looks on */
    struct limit limits[OBSERVERS_MOST];
    uint64_t ids[OBSERVERS_MOST];
    uint32_t masks[VM_BATCH];
    struct pkt *pkts[VM_BATCH]; /* those that somebody looks on at, */
    uint8_t at[VM_BATCH];       /* their places in the batch, */
    unsigned count;
    struct tape_record *record; /* and where they are written, between the two steps below */
    struct tape tape;           /* to the main thread */
    /* shared with the main thread */
    struct observer_set *latest;   /* atomic */
    uint64_t taken;                /* atomic: number of the set in use */
    uint64_t lost[OBSERVERS_MOST]; /* atomic each: frames that an observer did not get, ever */
};

/* By the main thread, once, before the first set. 0 or -ENOMEM. */
int observing_init(struct observing *o);
void observing_fini(struct observing *o);

static inline bool observers_changed(const struct observing *o)
{
    const struct observer_set *s = __atomic_load_n(&o->latest, __ATOMIC_ACQUIRE);
    return s && s->number != o->taken;
}
void observers_take(struct observing *o);

/* Before packets are judged, for that may rewrite them, and after. A packet's cookie is its port. When that is they ask
 * the clock: a worker's stands still for a turn, and may be older than the packets. program: the serial of the one that
 * judges. */
void observe(struct observing *o, struct pkt *const pkts[], unsigned n, const struct facts *facts, uint64_t program);
/* True: the main thread has something to read. */
bool observed(struct observing *o, const struct verdict verdicts[]);
/* One that was held, and what became of it now. */
bool observed_late(struct observing *o, struct pkt *pkt, const struct verdict *v, const struct facts *facts,
                   uint64_t program);
