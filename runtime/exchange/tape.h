/* A worker's tape: a ring of bytes that another thread writes to files. It has the judged frames, the frames that
 * left, and all inputs of the judgement. The worker copies and goes on; it never waits. Records without room are
 * counted, and a TAPE_GAP is in their place.
 *
 *      | record | body | record | body | ...      each a multiple of 8 bytes, in one piece, in order of time */
#pragma once

#include <assert.h>

#include "vm/packet/pkt.h"
#include "vm/verdict.h"

struct flow_met; /* vm/flow/track/met.h */

enum tape_kind {
    TAPE_PAD,      /* empty: the next record is at the ring's beginning */
    TAPE_BATCH,    /* `count` frames judged together: for each a tape_frame, then its bytes */
    TAPE_VERDICTS, /* verdicts of the previous batch: `count` of struct tape_verdict */
    TAPE_LEFT,     /* a frame that left: tape_frame and its bytes */
    TAPE_TICK,     /* a run of the vm's timers */
    TAPE_RETRY,    /* packets that wait for neighbours are tried again */
    TAPE_WORLD,    /* from here on the snapshot with that number holds */
    TAPE_CHANGE,   /* the change of program with that number was made */
    TAPE_GAP,      /* `number` records found no room */
    TAPE_STATE,    /* the worker's state (worker_archive) in the snapshot with that number: struct tape_state */
    TAPE_SEEN,     /* `count` observed frames: for each a tape_seen, a tape_frame, its bytes */
    TAPE_SHARED,   /* `number`, read from the state shared by workers (share_hear) in the previous step */
    TAPE_SINGLE,   /* as TAPE_BATCH, for packets that the kernel judged one by one; number: program and world (place) */
    TAPE_MET,      /* flows met by each packet of the previous TAPE_SINGLE: `count` of struct flow_met */
    TAPE_INLINE, /* as TAPE_BATCH, for packets of the inline stack, each behind an Ethernet header without addresses */
    TAPE_COPY,   /* a copy of a frame for mirror `number` (runtime/copies): tape_frame and its bytes; never in a file */
    TAPE_ASKED,  /* a request of the proxy loop about an inline connection: a struct inline_ask (vm/flow/spliced.h) */
    TAPE_ROUTED, /* as TAPE_SINGLE, for a packet that this machine's stack has routed, with the port by which it leaves
                  */
    TAPE_HEARD,  /* `number` answers of live sets in the previous step (heard/heard.h), padded to 8 */
    TAPE_MEMBERS, /* answers of live sets to the kernel about the packets of the previous TAPE_SINGLE: `count` of struct
                     kernel_members */
    TAPE_CUT,     /* `count` flows that a walk for cuts ended in the previous step: for each its struct flow_id */
    TAPE_KINDS
};
/* Head of a record, also the format in files. */
struct tape_record {
    uint32_t bytes; /* length, with this head */
    uint16_t kind;  /* enum tape_kind */
    uint16_t count;
    uint64_t now_ns; /* the worker's clock, monotonic */
    uint64_t number;
};
enum { TAPE_TO_HOST = 0xff /* as a port: back to this machine, or for TAPE_INLINE, from it */ };
enum { TAPE_INLINE_LINK = 14 /* bytes of the Ethernet header of TAPE_INLINE */ };
enum { TAPE_BARE = 1 /* flag of a frame: a bare IP packet (LINK_RAW), not an Ethernet frame */ };
struct tape_frame {
    uint32_t cap_len, wire_len; /* cap_len: bytes that follow, padded to 8 */
    uint16_t segment;           /* this and the fields below: as in struct pkt */
    uint8_t port;               /* port that the frame came or left by */
    uint8_t flags;              /* bits PKT_CSUM_PARTIAL and TAPE_BARE */
    uint8_t tag_count;
    uint8_t
        age_us[3]; /* microseconds from the packet's arrival to the batch, lowest byte first; at most TAPE_AGE_MOST */
    struct {
        uint16_t tpid, tci;
    } tags[2];
};
static inline enum pkt_link tape_link(const struct tape_frame *f)
{
    return f->flags & TAPE_BARE ? LINK_RAW : LINK_ETHER;
}
struct tape_verdict {
    uint32_t rule, service, server;
    uint8_t action, reason, flags, asked; /* asked: for a packet that the kernel judged, else 0 */
};
/* Judgement of a packet by the kernel: by its rules, and the answer to `state` for it (MARK_STATES of its key). */
enum { TAPE_BY_RULES = 1, TAPE_STATES = 4 /* shift of MARK_STATES to the right */ };

/* Return the numbers of a program and of a snapshot in one word. */
static inline uint64_t tape_place(uint64_t program, uint64_t world) { return program << 32 | (uint32_t)world; }
struct tape_verdict tape_verdict_of(const struct verdict *v);
/* An observed frame; only on tapes of observers (observers.h), never in a file. */
struct tape_seen {
    uint32_t observers; /* bit i: observer i */
    uint32_t stands;    /* number of packets that the frame represents, for sampling observers; 0: not sampled */
    struct tape_verdict verdict;
};
static_assert(sizeof(struct tape_record) == 24 && sizeof(struct tape_frame) == 24 && sizeof(struct tape_verdict) == 16,
              "as written to files: no padding");

struct tape {
    uint8_t *memory; /* memory of the ring; touched only as far as it is used */
    uint64_t size;   /* bytes of the ring, a power of two */
    uint32_t snap;   /* bytes kept of a frame; UINT32_MAX: all */
    uint8_t *state;  /* a TAPE_STATE with its body, beside the ring; the worker's while the writer wants it */
    size_t state_room;
    /* used by the worker */
    uint64_t put __attribute__((aligned(64))); /* atomic: bytes put, in total */
    uint64_t now_ns;                           /* time of the current step */
    uint64_t missed;                           /* records since the last that found room */
    uint64_t lost;                             /* atomic: records lost, in total */
    uint64_t wants;                            /* atomic: oldest snapshot for the requested state; 0: none */
    /* used by the writer */
    uint64_t taken __attribute__((aligned(64))); /* atomic: bytes taken, in total */
    bool asks;                                   /* a state was requested, but not taken: its memory is the worker's */
};

/* Enough for 50 ms at 10 Gbit/s, the time that the recorder may be kept from its CPU. A batch of the longest frames has
 * 4 MB. */
enum { TAPE_BYTES = 1 << 26 };
/* Make a tape. bytes: of the ring, a power of two; state_most: of the largest state. Return 0 or -ENOMEM. */
int tape_init(struct tape *t, uint64_t bytes, uint32_t snap, size_t state_most);
void tape_fini(struct tape *t);

enum { TAPE_AGE_MOST = (1 << 24) - 1 };
static inline uint32_t tape_age(const struct tape_frame *f)
{
    return f->age_us[0] | (uint32_t)f->age_us[1] << 8 | (uint32_t)f->age_us[2] << 16;
}
/* Put packets before they are judged, because judging may rewrite them. A packet's cookie is its port. ages_us: [n]
 * as in struct vm_in; NULL: 0. */
void tape_batch(struct tape *t, struct pkt *const pkts[], unsigned n, uint64_t now_ns, const uint32_t *ages_us);
/* Put packets that the kernel judged with one program and world (tape_place). Then put the flows they met (second
 * function), and the verdicts with asked[i] for each packet (third function). */
void tape_single(struct tape *t, struct pkt *const pkts[], unsigned n, uint64_t now_ns, uint64_t place);
/* Put a packet that this machine's stack has routed, before it is translated. The flows that it met and its verdict
 * follow as above. */
void tape_routed(struct tape *t, struct pkt *pkt, uint64_t now_ns, uint64_t place);
void tape_met(struct tape *t, const struct flow_met *mets, unsigned n);
/* Put the live sets' answers to the kernel about these packets, between the flows and the verdicts. */
struct kernel_members;
void tape_members(struct tape *t, const struct kernel_members *members, unsigned n);
void tape_single_verdicts(struct tape *t, const struct verdict verdicts[], const uint8_t asked[], unsigned n);
/* Put packets of the inline stack before they are sent on: bare, with headroom, which is written to. */
void tape_inline_sent(struct tape *t, struct pkt *const pkts[], unsigned n, uint64_t now_ns);
/* Put a request of the proxy loop, before it is carried out. */
struct inline_ask;
void tape_asked(struct tape *t, const struct inline_ask *ask, uint64_t now_ns);
void tape_verdicts(struct tape *t, const struct verdict verdicts[], unsigned n);
/* Put the live sets' answers of the step, and the flows that cuts ended in it, before the leaving packets. */
struct heard_answers;
struct flow_id;
void tape_heard(struct tape *t, const struct heard_answers *h);
void tape_cut(struct tape *t, const struct flow_id *ids, unsigned n);
/* Put a packet that left. A packet to this machine without an Ethernet header gets one without addresses. */
void tape_left(struct tape *t, uint8_t port, const struct pkt *pkt);
/* Put a copy of a packet, at most `snap` bytes of it, on a tape of copies (runtime/copies). False: no room. */
bool tape_copy(struct tape *t, uint64_t number, uint64_t now_ns, uint32_t snap, const struct pkt *pkt);
/* Begin a state: return the memory for it, and its size in *room; NULL: not now. tape_state_end puts the bytes
 * written there on the tape, with their snapshot; 0 bytes: the state had no room, and is recorded without a body. */
uint8_t *tape_state_begin(struct tape *t, size_t *room);
void tape_state_end(struct tape *t, uint64_t now_ns, uint64_t snapshot, size_t bytes);
/* Return the oldest snapshot in which the writer asks for the state; 0: no state is wanted. From then on the state's
 * memory, which the writer has touched before, is the worker's. */
static inline uint64_t tape_wants(const struct tape *t) { return __atomic_load_n(&t->wants, __ATOMIC_ACQUIRE); }
/* Begin a record of frames that are to be judged, seen by the observers of masks[], with stands[] as in struct
 * tape_seen. NULL: no room. Nothing else may be
 * put on the tape before tape_seen_end adds the verdicts; verdicts[at[i]] is frame i's. number: of the program. */
struct tape_record *tape_seen_begin(struct tape *t, struct pkt *const pkts[], const uint32_t masks[],
                                    const uint32_t stands[], unsigned n, uint64_t now_ns, uint64_t number);
void tape_seen_end(struct tape *t, struct tape_record *r, const struct verdict verdicts[], const uint8_t at[]);
/* Put a record without a body. */
void tape_note(struct tape *t, enum tape_kind kind, uint64_t now_ns, uint64_t number);

/* Ask for the state in that snapshot (not 0) or a newer one; it follows when the worker has time. At least `likely`
 * bytes of memory are touched first, to spare the worker that. No effect while an earlier state is not taken yet. */
void tape_ask(struct tape *t, uint64_t snapshot, size_t likely);
/* Return the total of bytes put. All earlier messages of other threads are then known. */
uint64_t tape_there(const struct tape *t);
/* Return the next record before `there`, valid until tape_done; NULL: none. */
const struct tape_record *tape_next(struct tape *t, uint64_t there);
/* The same at *at, a total of bytes taken, which moves past the record. This is for readers that take several
 * records together, and then release all before *at by tape_done_to. *at begins as t->taken. */
const struct tape_record *tape_ahead(const struct tape *t, uint64_t *at, uint64_t there);
static inline void tape_done_to(struct tape *t, uint64_t at) { __atomic_store_n(&t->taken, at, __ATOMIC_RELEASE); }
void tape_done(struct tape *t, const struct tape_record *r);
/* Return a complete record from tape_next, with the part beside the ring. It is valid as long as the record. */
static inline const struct tape_record *tape_whole(const struct tape *t, const struct tape_record *r)
{
    return r->kind == TAPE_STATE ? (const void *)t->state : r;
}

static inline uint64_t tape_padded(uint64_t bytes) { return (bytes + 7) & ~UINT64_C(7); }
