/* One worker of a recording, once more: it does what the recorded one did, at the same times in the same world, and is
 * recorded itself, on a tape of its own; what it decides and sends is compared with what was recorded. */
#ifndef RUNTIME_RECORD_ACTOR_H
#define RUNTIME_RECORD_ACTOR_H

#include "runtime/record/story.h"
#include "runtime/worker/worker.h"

struct actor_counters {
    uint64_t packets, packets_other;   /* that left as recorded; that did not, or only one of both times */
    uint64_t verdicts, verdicts_other; /* likewise. By another program only what became of packets is compared */
    uint64_t passed_over;              /* that came before its first state, or while it did not go on */
};

struct actor;

/* Called for each batch when it is judged: views and verdicts are the worker's, walls[i] when packet i came. */
typedef void actor_judged_fn(void *arg, const struct actor *a, unsigned n);
/* Called before a batch of n is judged, its packets in a->views; true: that was seen to. */
typedef bool actor_before_fn(void *arg, struct actor *a, unsigned n);
/* Called for each frame that leaves, bytes behind it. */
typedef void actor_left_fn(void *arg, const struct tape_frame *f, uint64_t wall_ns);

struct actor {
    const struct story *story;
    unsigned at;      /* which worker */
    struct worker *w; /* NULL: its state is still to come */
    struct tape tape;
    const struct told_program *program; /* NULL: another one judges */
    const char *stopped;                /* why it does not go on, or NULL */
    const char *missed;                 /* why it went on from a later state, or NULL */
    struct actor_counters counters;
    /* The batch that is being read. */
    uint64_t now_ns;
    unsigned want, got;
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    uint64_t walls[VM_BATCH];
    uint8_t *bytes;
    actor_before_fn *before; /* each may be NULL */
    actor_judged_fn *judged;
    actor_left_fn *left;
    void *arg;
};

/* One that waits for a state. actor_fini in any case. */
void actor_init(struct actor *a, const struct story *t, unsigned at);
/* It is as it was when recording began, by the last program that was told. 0 or -ENOMEM. */
int actor_begin(struct actor *a);
void actor_fini(struct actor *a);
/* It does not go on but from the next state; why: kept. */
void actor_stop(struct actor *a, const char *why);

/* A step or a packet of this worker, as recorded: hostile. What cannot be done stops the actor. */
void actor_step(struct actor *a, const struct scene *s);
void actor_packet(struct actor *a, const struct scene *s);
/* There is no more. */
void actor_rest(struct actor *a);

#endif
