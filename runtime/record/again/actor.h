/* One worker of a recording, run again: it repeats the recorded worker's steps, at the same times in the same world,
 * and is itself recorded on its own tape. Its decisions and sent packets are compared with the recorded ones. */
#pragma once

#include "runtime/io/io.h"
#include "runtime/record/again/story.h"
#include "runtime/record/again/unmade.h"
#include "runtime/worker/worker.h"

struct actor_counters {
    uint64_t packets, packets_other; /* sent packets as recorded; sent packets that differ or are missing on one side */
    uint64_t verdicts, verdicts_other; /* verdicts as recorded; those that differ (another program: in their action) */
    uint64_t unheard;                  /* questions about members of live sets that have no recorded answer */
    uint64_t untold;                   /* verdicts that depend on unrecorded facts (README.md) */
    uint64_t passed_over;              /* packets before the first state, or while the actor was stopped */
};

struct actor;

/* A judged batch: its packets are in a->views; a->walls[i] is the time when packet i came. */
struct judged {
    unsigned n;
    const struct program *program;  /* program that judged it now */
    const struct verdict *now;      /* [n] verdicts now */
    const struct told_program *ran; /* program that judged it at the time of the recording */
    struct tape_verdict was[VM_BATCH];
    bool otherwise[VM_BATCH]; /* the packet's verdict differs from the recorded one; false if none was recorded */
};

/* Callbacks of all actors; each may be NULL. */
struct actor_watch {
    /* Called before a batch of n is judged, its packets in a->views; true: the callback has handled the batch. */
    bool (*before)(void *arg, struct actor *a, unsigned n);
    void (*judged)(void *arg, const struct actor *a, const struct judged *j);
    /* A frame leaves; its bytes follow f. */
    void (*left)(void *arg, const struct tape_frame *f, uint64_t wall_ns);
    void (*logged)(void *arg, const struct actor *a, const struct log_note *n);
    /* The actor's worker begins to run the program: give it the receiver of copies (worker_copy), and return the
     * program's slots; NULL: no mirrors, or out of memory. */
    const struct copies_table *(*copies)(void *arg, struct actor *a, const struct program *p);
    /* The actor's worker begins to run the program, or is made for it: return the receiver of events of observed
     * connections, the same for all programs of an actor; NULL: no one is notified. */
    const struct observe_out *(*observed)(void *arg, struct actor *a, const struct program *p);
    /* A flow has ended; its times are the worker's. */
    void (*ended)(void *arg, const struct actor *a, const struct flow_record *f);
    void *arg;
    struct unmade *unmade; /* flows of single packets that do not begin with another program; owned by the player */
    uint64_t to_ns;        /* wall time after which no step is done; 0: no end */
};

struct actor {
    const struct story *story;
    const struct actor_watch *watch;
    unsigned at;      /* number of the worker */
    struct worker *w; /* the actor's worker; NULL: its state has not come yet */
    struct tape tape;
    const struct told_program *ran;     /* program at the time of the recording */
    const struct told_program *program; /* that program if it judges now, too; NULL: another program judges */
    const char *stopped;                /* reason why the actor stopped, or NULL */
    const char *missed;                 /* reason why the actor went on from a later state, or NULL */
    bool over;                          /* the actor has reached watch->to_ns */
    struct actor_counters counters;
    /* The batch that is being read. */
    uint64_t now_ns;
    unsigned want, got;
    bool ticks;              /* a tick is being read */
    bool inline_sent;        /* the inline stack sent the batch */
    bool routed;             /* for single packets: this machine's stack has routed it (TAPE_ROUTED) */
    const uint8_t *recorded; /* the batch's verdicts if the current step holds them; else NULL */
    /* Words from shared counters to the worker in the current step. */
    uint64_t *heard;
    unsigned heard_count, heard_room, heard_at;
    bool unheard; /* the worker asked for more words */
    /* Answers of live sets in the current step, and flows that cuts ended in it. */
    struct heard_again members;
    uint32_t same[PBC_LIVES_MAX];     /* sets as in struct heard_again, if another program judges */
    const struct told_program *knows; /* recorded program for which `same` is; NULL: none yet */
    struct vm_cuts cuts;
    struct flow_id cut[VM_CUTS_MOST];
    struct worker_again again;
    bool asks; /* a request of the proxy loop is being read */
    struct inline_ask ask;
    struct pkt pkts[VM_BATCH], *views[VM_BATCH];
    uint64_t walls[VM_BATCH];
    uint32_t ages_us[VM_BATCH];           /* ages of these packets, as in struct vm_in */
    struct snapshot *world;               /* for single packets: world in which the batch was judged */
    struct flow_met mets[VM_BATCH];       /* for single packets: their flows as met in the flow table */
    unsigned met;                         /* number of known entries in `mets` */
    struct kernel_members told[VM_BATCH]; /* for single packets: answers of live sets to the kernel */
    unsigned told_count;                  /* number of packets for which answers are known */
    uint8_t *bytes;
};

/* Bytes of a slot for a frame of a batch: headroom as for frames from a port, and room for a link header with ten
 * tags */
enum {
    ACTOR_ROOM = IO_HEADROOM + 54,
    ACTOR_SLOT = (ACTOR_ROOM + (1 << 17) + 63) / 64 * 64,
    ACTOR_FRAME_MOST = ACTOR_SLOT - ACTOR_ROOM
};

/* Make an actor that waits for a state. watch stays the caller's. Call actor_fini in any case. */
void actor_init(struct actor *a, const struct story *t, unsigned at, const struct actor_watch *watch);
/* Put the actor into the state at the beginning of the recording, under the last reported program. Return 0 or
 * -ENOMEM. */
int actor_begin(struct actor *a);
void actor_fini(struct actor *a);
/* Stop the actor until its next state. `why` must stay valid. */
void actor_stop(struct actor *a, const char *why);

/* actor_make.c: make the worker; program NULL: another program judges. Return 0 or -ENOMEM. The second function undoes
 * it. */
struct told_program;
int actor_make(struct actor *a, const struct told_program *program);
void actor_unmake(struct actor *a);
/* Make live sets answer as they did to the recorded program. */
void actor_members(struct actor *a);
/* True if the program forwards packets, by the rule of runtime/live/main/start.c. */
uint8_t actor_routes(const struct story *t, const struct program *p);

/* Do a recorded step or packet of this worker. The bytes are hostile: an impossible step stops the actor. */
void actor_step(struct actor *a, const struct scene *s);
void actor_packet(struct actor *a, const struct scene *s);
/* Convert a time of the worker's clock to wall time. */
static inline uint64_t actor_wall(const struct actor *a, uint64_t now_ns) { return now_ns + a->story->start.wall_ns; }
/* Complete a batch or tick that waited for later words to the worker. */
void actor_finish(struct actor *a);
/* Make room for a batch's frames (false: out of memory, and stopped), and add one of them (second function). */
bool actor_room(struct actor *a);
void actor_take(struct actor *a, const struct scene *s);
/* Finish the actor: no steps follow. */
void actor_rest(struct actor *a);
