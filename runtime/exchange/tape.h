/* What a worker did, in a ring of bytes for another thread to write down: the frames that it judged, what left, and all
 * that its judgement depended on. The worker copies and goes on; it never waits. What finds no room is counted, and the
 * ring says so at that place (TAPE_GAP).
 *
 *      | record | body | record | body | ...      each a multiple of 8 bytes, in one piece, in the order of doing */
#pragma once

#include <assert.h>

#include "vm/packet/pkt.h"
#include "vm/verdict.h"

struct flow_met; /* vm/flow/track/met.h */

enum tape_kind {
    TAPE_PAD,      /* nothing: the next record is at the ring's beginning */
    TAPE_BATCH,    /* `count` frames that are judged together: a tape_frame each, then its bytes */
    TAPE_VERDICTS, /* what became of the batch before: `count` of struct tape_verdict */
    TAPE_LEFT,     /* a frame that left: tape_frame and its bytes */
    TAPE_TICK,     /* the vm's timers ran */
    TAPE_RETRY,    /* what waits for neighbours was looked at */
    TAPE_WORLD,    /* from here on the snapshot of that number holds */
    TAPE_CHANGE,   /* the change of program of that number was made */
    TAPE_GAP,      /* so many records found no room */
    TAPE_STATE,    /* all that the worker remembers (worker_archive), in the snapshot of that number: tape_state */
    TAPE_SEEN,     /* `count` frames that somebody looks on at: a tape_seen each, a tape_frame, its bytes */
    TAPE_SHARED,   /* what the worker was told by what is shared: `number` (share_hear), in the step before */
    TAPE_SINGLE,   /* as TAPE_BATCH, of packets that the kernel judged, each by itself: number says by which program in
                      which world (tape_place) */
    TAPE_MET,      /* what each of the TAPE_SINGLE before has met in the flow table: `count` of struct flow_met */
    TAPE_KINDS
};
/* As it is written to a file, too. */
struct tape_record {
    uint32_t bytes; /* with this */
    uint16_t kind;  /* enum tape_kind */
    uint16_t count;
    uint64_t now_ns; /* the worker's clock, mono */
    uint64_t number;
};
enum { TAPE_TO_HOST = 0xff /* a port: back to this machine */ };
struct tape_frame {
    uint32_t cap_len, wire_len; /* cap_len: bytes that follow, padded to 8 */
    uint16_t segment;           /* as in struct pkt, like those below */
    uint8_t port;               /* that it came or left by */
    uint8_t flags;              /* PKT_CSUM_PARTIAL */
    uint8_t tag_count, zero[3];
    struct {
        uint16_t tpid, tci;
    } tags[2];
};
struct tape_verdict {
    uint32_t rule, service, server;
    uint8_t action, reason, flags, asked; /* asked: of one that the kernel judged, else 0 */
};
/* How it judged it: by its rules, and what `state` said of the packet (MARK_STATES of its key). */
enum { TAPE_BY_RULES = 1, TAPE_STATES = 4 /* so far to the right of their place */ };

/* The numbers of a program and of a snapshot, in one. */
static inline uint64_t tape_place(uint64_t program, uint64_t world) { return program << 32 | (uint32_t)world; }
struct tape_verdict tape_verdict_of(const struct verdict *v);
/* On a tape of observers alone (observers.h), never in a file. */
struct tape_seen {
    uint32_t observers, zero; /* bit i: observer i */
    struct tape_verdict verdict;
};
static_assert(sizeof(struct tape_record) == 24 && sizeof(struct tape_frame) == 24 && sizeof(struct tape_verdict) == 16,
              "as written to files: no padding");

struct tape {
    uint8_t *memory; /* touched only as far as it is used */
    uint64_t size;   /* a power of two */
    uint32_t snap;   /* bytes that are kept of a frame; UINT32_MAX: all */
    uint8_t *state;  /* a TAPE_STATE with its body, beside the ring: the worker's while the writer asks for it */
    size_t state_room;
    /* the worker's */
    uint64_t put __attribute__((aligned(64))); /* atomic: bytes, ever */
    uint64_t now_ns;                           /* of what is being done */
    uint64_t missed;                           /* records, since the last that found room */
    uint64_t lost;                             /* atomic: records, ever */
    uint64_t wants;                            /* atomic: the writer asks for the state, in no older snapshot; 0: not */
    /* the writer's */
    uint64_t taken __attribute__((aligned(64))); /* atomic */
    bool asks;                                   /* for the state, which is not taken yet: its memory is the worker's */
};

/* What comes in 50 ms at 10 Gbit/s: so long the recorder may be kept from its CPU. A batch of the longest frames is 4
 * MB. */
enum { TAPE_BYTES = 1 << 26 };
/* bytes: of the ring, a power of two; state_most: of the largest state that is told. 0 or -ENOMEM. */
int tape_init(struct tape *t, uint64_t bytes, uint32_t snap, size_t state_most);
void tape_fini(struct tape *t);

/* Before they are judged, for that may rewrite them. A packet's cookie is its port. */
void tape_batch(struct tape *t, struct pkt *const pkts[], unsigned n, uint64_t now_ns);
/* Of one place; what they met follows, and then verdicts as ever, with asked[i] of each. */
void tape_single(struct tape *t, struct pkt *const pkts[], unsigned n, uint64_t now_ns, uint64_t place);
void tape_met(struct tape *t, const struct flow_met *mets, unsigned n);
void tape_single_verdicts(struct tape *t, const struct verdict verdicts[], const uint8_t asked[], unsigned n);
void tape_verdicts(struct tape *t, const struct verdict verdicts[], unsigned n);
void tape_left(struct tape *t, uint8_t port, const struct pkt *pkt);
/* A place for the worker's state, and how many bytes there are; NULL: not now. Then what was written there is put on
 * the tape, of a snapshot; 0 bytes: it found no room, which is told as a state without a body. */
uint8_t *tape_state_begin(struct tape *t, size_t *room);
void tape_state_end(struct tape *t, uint64_t now_ns, uint64_t snapshot, size_t bytes);
/* The snapshot that the writer asks for the state in, or a newer one; 0: it does not. The state's memory, which the
 * writer has touched before, is the worker's from then on. */
static inline uint64_t tape_wants(const struct tape *t) { return __atomic_load_n(&t->wants, __ATOMIC_ACQUIRE); }
/* Frames that are to be judged, seen by the observers of masks[]; NULL: there is no room. Nothing else is put on the
 * tape before tape_seen_end says what became of them: verdicts[at[i]] is of frame i. number: of the program. */
struct tape_record *tape_seen_begin(struct tape *t, struct pkt *const pkts[], const uint32_t masks[], unsigned n,
                                    uint64_t now_ns, uint64_t number);
void tape_seen_end(struct tape *t, struct tape_record *r, const struct verdict verdicts[], const uint8_t at[]);
/* A record without a body. */
void tape_note(struct tape *t, enum tape_kind kind, uint64_t now_ns, uint64_t number);

/* Ask for the state in that snapshot (not 0) or a newer one, which follows when the worker has a moment. Memory for at
 * least so many bytes is touched before, so that the worker need not. Nothing where one was asked for that is not taken
 * yet. */
void tape_ask(struct tape *t, uint64_t snapshot, size_t likely);
/* Bytes that are there to be taken, ever: what other threads said before is known then. */
uint64_t tape_there(const struct tape *t);
/* The next record up to there, which holds until tape_done; NULL: there is none. */
const struct tape_record *tape_next(struct tape *t, uint64_t there);
void tape_done(struct tape *t, const struct tape_record *r);
/* The whole of a record that tape_next gave, with what lies beside the ring; holds as long. */
static inline const struct tape_record *tape_whole(const struct tape *t, const struct tape_record *r)
{
    return r->kind == TAPE_STATE ? (const void *)t->state : r;
}

static inline uint64_t tape_padded(uint64_t bytes) { return (bytes + 7) & ~UINT64_C(7); }
