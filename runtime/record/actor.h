/* One worker of a recording, once more: it does what the recorded one did, at the same times in the same world, and is
 * recorded itself, on a tape of its own; what it decides and sends is compared with what was recorded. */
#ifndef RUNTIME_RECORD_ACTOR_H
#define RUNTIME_RECORD_ACTOR_H

#include "runtime/record/story.h"
#include "runtime/worker/worker.h"

struct actor_counters {
    uint64_t packets, packets_other;   /* that left as recorded; that did not, or only one of both times */
    uint64_t verdicts, verdicts_other; /* likewise. By another program only what became of packets is compared */
};

struct actor;

/* Called for each batch when it is judged: views and verdicts are the worker's, walls[i] when packet i came. */
typedef void actor_judged_fn(void *arg, const struct actor *a, unsigned n);
/* Called for each frame that leaves, bytes behind it. */
typedef void actor_left_fn(void *arg, const struct tape_frame *f, uint64_t wall_ns);

struct actor {
    const struct story *story;
    unsigned at; /* which worker */
    struct worker *w;
    struct tape tape;
    const struct told_program *program; /* NULL: another one judges */
    const char *stopped;                /* why it does not go on, or NULL */
    struct actor_counters counters;
    /* The batch that is being read. */
    uint64_t now_ns;
    unsigned want, got;
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    uint64_t walls[VM_BATCH];
    uint8_t *bytes;
    actor_judged_fn *judged; /* either may be NULL */
    actor_left_fn *left;
    void *arg;
};

/* A worker as it was when recording began. 0 or -ENOMEM; actor_fini in any case. */
int actor_init(struct actor *a, const struct story *t, unsigned at);
void actor_fini(struct actor *a);

/* A step or a packet of this worker, as recorded: hostile. What cannot be done stops the actor. */
void actor_step(struct actor *a, const struct scene *s);
void actor_packet(struct actor *a, const struct scene *s);
/* There is no more. */
void actor_rest(struct actor *a);

#endif
