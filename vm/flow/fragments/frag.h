/* Fragments that follow their first (docs/semantics.md, Fragments): which datagram a fragment belongs to,
 * whether its bytes may still come, and what became of the first. Fixed memory, bounded work.
 *
 * A datagram is source, destination, protocol (IPv4 alone), identification and VLAN stack. Remembered are `fragments`
 * of them, 32 ranges each, for 30 seconds or until they are complete. An exact duplicate is dropped alone; any other
 * overlap ends the datagram, in both families (RFC 5722), and so does a 33rd range or a fragment that contradicts the
 * known end. */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/fragments/ranges.h"
#include "vm/flow/leave.h"
#include "vm/keyed/archive.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/verdict.h"

#define FRAG_KEEP_NS UINT64_C(30000000000) /* how long a datagram is remembered */

struct frags;

/* What is to be done with a fragment. */
enum frag_fate {
    FRAG_FIRST,  /* judge it as any packet, then frag_judged */
    FRAG_FOLLOW, /* *first holds what became of its first */
    FRAG_WAIT,   /* its first is not known: frag_hold it, or judge it alone */
    FRAG_REFUSE, /* drop it, first->verdict.reason */
};

/* What became of a first fragment. */
struct frag_first {
    struct verdict verdict;
    struct leave leave; /* of one that was sent on */
    uint32_t place;     /* the caller's: where in the rules it was decided */
};

struct frags *frags_new(const struct program *p, uint64_t seed); /* NULL when memory is out */
void frags_free(struct frags *f); /* held packets go back to their pool, which must still be there */
const struct frag_counters *frags_counters(const struct frags *f);
/* A parsed fragment (KIND_FRAG_FIRST or _LATER). *datagram: its entry, for the calls below and until the next
 * frag_look. One that was found malformed is refused with its own reason; a first one takes those of its datagram that
 * come later, and those held, with it. */
enum frag_fate frag_look(struct frags *f, uint64_t now_ns, const struct key *key, const struct pkt *pkt,
                         uint32_t *datagram, struct frag_first *first);

/* What became of the first: those held leave with it, unless their time is over. */
void frag_judged(struct frags *f, uint64_t now_ns, uint32_t datagram, const struct frag_first *first);

/* May an early fragment wait now? Otherwise it is counted as not_held. */
bool frag_room(const struct frags *f, uint64_t now_ns);
void frag_not_held(struct frags *f);
/* Keep a copy of it (in a slot of the pool: it is the holder's now). Only with frag_room. outer_bytes: of the tunnel's
 * headers that it was found behind; 0: none. */
void frag_hold(struct frags *f, uint64_t now_ns, uint32_t datagram, struct pkt *copy, uint32_t outer_bytes);

/* A held fragment that leaves. */
struct frag_held {
    struct pkt *pkt;         /* its slot is the caller's again */
    uint32_t outer_bytes;    /* as it was held with */
    bool orphan;             /* its time is over */
    struct frag_first first; /* else what became of its first */
};
/* The next that may leave; false: none now. */
bool frag_next(struct frags *f, uint64_t now_ns, struct frag_held *out);
/* The last held one, whatever became of its first, and its outer_bytes; NULL: none is held. */
struct pkt *frag_drop(struct frags *f, uint32_t *outer_bytes);

/* Every verdict that is remembered of a first, or waits with a held fragment: `fn` may change it. */
typedef void frag_first_fn(void *arg, struct frag_first *first);
void frags_each(struct frags *f, frag_first_fn *fn, void *arg);

/* All datagrams, and what is held (keyed/archive.h), into what is new, with slots of the pool. `fn`: false, that cannot
 * have become of a first. */
typedef bool frag_read_fn(void *arg, const struct frag_first *first);
bool frags_archive(struct frags *f, struct pool *pool, struct archive *a, frag_read_fn *fn, void *arg);

/* Forget what is over, a bounded number at a time; returns the next deadline, UINT64_MAX for none. */
uint64_t frag_tick(struct frags *f, uint64_t now_ns);
