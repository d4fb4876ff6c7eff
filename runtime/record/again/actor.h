/* One worker of a recording, once more: it does what the recorded one did, at the same times in the same world, and is
 * recorded itself, on a tape of its own; what it decides and sends is compared with what was recorded. */
#pragma once

#include "runtime/record/again/story.h"
#include "runtime/record/again/unmade.h"
#include "runtime/worker/worker.h"

struct actor_counters {
    uint64_t packets, packets_other;   /* that left as recorded; that did not, or only one of both times */
    uint64_t verdicts, verdicts_other; /* likewise. By another program only what became of packets is compared */
    uint64_t unclaimed;                /* verdicts that hang on what was not recorded (README.md) */
    uint64_t passed_over;              /* that came before its first state, or while it did not go on */
};

struct actor;

/* A batch that was judged: its packets are in a->views, a->walls[i] is the time at which packet i came. */
struct judged {
    unsigned n;
    const struct program *program;  /* judged it; */
    const struct verdict *now;      /* [n] its verdicts */
    const struct told_program *ran; /* judged it when it was recorded; */
    struct tape_verdict was[VM_BATCH];
    bool otherwise[VM_BATCH]; /* that packet's verdict is another now; false as well where none was recorded */
};

/* What somebody wants to know of all actors; each function may be NULL. */
struct actor_watch {
    /* Before a batch of n is judged, its packets in a->views; true: that was seen to. */
    bool (*before)(void *arg, struct actor *a, unsigned n);
    void (*judged)(void *arg, const struct actor *a, const struct judged *j);
    /* A frame leaves, bytes behind it. */
    void (*left)(void *arg, const struct tape_frame *f, uint64_t wall_ns);
    void (*logged)(void *arg, const struct actor *a, const struct log_note *n);
    /* A flow has ended; times are the worker's. */
    void (*ended)(void *arg, const struct actor *a, const struct flow_record *f);
    void *arg;
    struct unmade *unmade; /* of single packets, by another program; its keeper's */
    uint64_t to_ns;        /* on the wall: nothing is done after that; 0: all is */
};

struct actor {
    const struct story *story;
    const struct actor_watch *watch;
    unsigned at;      /* which worker */
    struct worker *w; /* NULL: its state is still to come */
    struct tape tape;
    const struct told_program *ran;     /* when it was recorded */
    const struct told_program *program; /* that; NULL: another one judges */
    const char *stopped;                /* why it does not go on, or NULL */
    const char *missed;                 /* why it went on from a later state, or NULL */
    bool over;                          /* it has come to watch->to_ns */
    struct actor_counters counters;
    /* The batch that is being read. */
    uint64_t now_ns;
    unsigned want, got;
    bool ticks;              /* the timers' step is being read */
    const uint8_t *recorded; /* the batch's verdicts, where the step that is being read holds them; else NULL */
    /* What the worker was told by what is shared, in the step that is being read. */
    uint64_t *heard;
    unsigned heard_count, heard_room, heard_at;
    bool unheard; /* it asked for more */
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    uint64_t walls[VM_BATCH];
    struct snapshot *world;         /* of single packets: in which the batch was judged */
    struct flow_met mets[VM_BATCH]; /* what each met in the flow table, */
    unsigned met;                   /* if it is said of so many */
    uint8_t *bytes;
};

/* One that waits for a state. watch stays the caller's. actor_fini in any case. */
void actor_init(struct actor *a, const struct story *t, unsigned at, const struct actor_watch *watch);
/* It is as it was when recording began, by the last program that was told. 0 or -ENOMEM. */
int actor_begin(struct actor *a);
void actor_fini(struct actor *a);
/* It does not go on but from the next state; why: kept. */
void actor_stop(struct actor *a, const char *why);

/* A step or a packet of this worker, as recorded: hostile. What cannot be done stops the actor. */
void actor_step(struct actor *a, const struct scene *s);
void actor_packet(struct actor *a, const struct scene *s);
/* When that was on the wall, by the worker's clock. */
static inline uint64_t actor_wall(const struct actor *a, uint64_t now_ns) { return now_ns + a->story->start.wall_ns; }
/* What was begun and waits for what the worker was told meanwhile is done. */
void actor_finish(struct actor *a);
/* Room for a batch's frames; false, and stopped: memory is out. And one of them. */
bool actor_room(struct actor *a);
void actor_take(struct actor *a, const struct scene *s);
/* There is no more. */
void actor_rest(struct actor *a);
