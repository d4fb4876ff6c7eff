/* Observers: frames that their filters take are copied to the main thread, with their verdicts. Without observers a
 * worker checks one pointer per batch.
 *
 *      main thread   makes a set of observers, gives it to each worker, keeps it until each has taken a later one
 *      worker        takes the newest set between two batches, puts observed frames on its tape, and never waits:
 *                    frames without room, or beyond an observer's rate, are counted */
#pragma once

#include "runtime/exchange/filter.h"
#include "runtime/exchange/tape.h"
#include "vm/packet/pkt.h"

enum { OBSERVERS_MOST = 16, OBSERVED_BYTES = 1 << 22 /* bytes of each worker's tape */ };
enum {
    THIN_OBSERVED = 512 /* most frames of a span (vm/packet/thin.h) shown without sampling to observers that thin */
};

struct observer {
    const struct filter *filter; /* filter of the observer; NULL: no observer */
    uint64_t id;                 /* id, different for each observer */
    uint32_t snap;               /* most bytes of a frame that are copied */
    uint32_t rate;               /* most frames per second and worker */
    bool thins; /* the observer sees one of many frames, which stands for the others; `rate` has no effect */
};
struct observer_set {
    uint64_t number;
    unsigned count;
    uint32_t thin, all; /* observers that see one of many frames; observers that see all: bit i is observer i */
    struct observer of[OBSERVERS_MOST];
};

struct observing {
    const struct observer_set *set; /* the worker's set; NULL: no observers */
    struct limit limits[OBSERVERS_MOST];
    uint64_t ids[OBSERVERS_MOST];
    struct thin thin; /* sampler for all observers that thin */
    uint32_t masks[VM_BATCH];
    uint32_t stands[VM_BATCH];
    struct pkt *pkts[VM_BATCH]; /* packets that are observed */
    uint8_t at[VM_BATCH];       /* places of these packets in the batch */
    unsigned count;
    struct tape_record *record; /* record of these packets, between observe and observed */
    struct tape tape;           /* tape to the main thread */
    /* shared with the main thread */
    struct observer_set *latest;   /* atomic: newest set */
    uint64_t taken;                /* atomic: number of the set in use */
    uint64_t lost[OBSERVERS_MOST]; /* atomic each: frames that the observer missed, in total */
};

/* Initialise; called by the main thread once, before the first set. Return 0 or -ENOMEM. */
int observing_init(struct observing *o);
void observing_fini(struct observing *o);

static inline bool observers_changed(const struct observing *o)
{
    const struct observer_set *s = __atomic_load_n(&o->latest, __ATOMIC_ACQUIRE);
    return s && s->number != o->taken;
}
void observers_take(struct observing *o);

/* Note packets before they are judged, because judging may rewrite them. A packet's cookie is its port. Each call
 * reads the clock, because a worker's time is fixed for a turn and may be older than the packets. program: serial of
 * the judging program. */
void observe(struct observing *o, struct pkt *const pkts[], unsigned n, const struct facts *facts, uint64_t program);
/* Add the verdicts. True: the main thread has records to read. */
bool observed(struct observing *o, const struct verdict verdicts[]);
/* Note a held packet, with its final verdict. */
bool observed_late(struct observing *o, struct pkt *pkt, const struct verdict *v, const struct facts *facts,
                   uint64_t program);
