/* Fragments that follow their first (docs/semantics.md, Fragments): the datagram of a fragment, the check of its bytes,
 * and the fate of the first fragment. Fixed memory, bounded work.
 *
 * A datagram is source, destination, protocol (IPv4 only), identification and VLAN stack. The table holds
 * `fragments` datagrams of 32 ranges each, for 30 seconds or until they are complete. If a fragment is an exact
 * duplicate, only the copy is dropped. Any other overlap ends the datagram, in both families (RFC 5722), and so does
 * a 33rd range or a fragment that contradicts the known end. */
#pragma once

#include "vm/cfg.h"
#include "vm/flow/fragments/ranges.h"
#include "vm/flow/leave.h"
#include "vm/keyed/archive.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/verdict.h"

#define FRAG_KEEP_NS UINT64_C(30000000000) /* time for which a datagram is remembered */

/* Return the number of datagrams that the table can hold. */
static inline uint64_t frags_most(const struct program *p) { return p->settings_count ? p->settings->fragments : 4096; }

struct frags;

/* The way to handle a fragment */
enum frag_fate {
    FRAG_FIRST,  /* judge it as any packet, then call frag_judged */
    FRAG_FOLLOW, /* follow the first, whose fate is in *first */
    FRAG_WAIT,   /* the first is unknown: call frag_hold, or judge the fragment on its own */
    FRAG_REFUSE, /* drop it for first->verdict.reason */
};

/* The fate of a first fragment */
struct frag_first {
    struct verdict verdict;
    struct leave leave; /* valid if the first fragment was sent on */
    uint64_t mirrors;   /* mirrors that matched the first, one bit each: they copy later fragments, too */
    uint32_t place;     /* place of the rule that decided the first fragment; only for the caller */
};

struct frags *frags_new(const struct program *p, uint64_t seed); /* NULL: out of memory */
void frags_free(struct frags *f); /* returns held packets to their pool, which must still exist */
const struct frag_counters *frags_counters(const struct frags *f);
/* Classify a parsed fragment (KIND_FRAG_FIRST or _LATER). *datagram: its entry, valid for the calls below until the
 * next frag_look. A malformed fragment is refused for its own reason; a malformed first also ends the datagram, with
 * held and later fragments. */
enum frag_fate frag_look(struct frags *f, uint64_t now_ns, const struct key *key, const struct pkt *pkt,
                         uint32_t *datagram, struct frag_first *first);

/* Record the fate of the first fragment. Held fragments leave with it, unless they have expired. */
void frag_judged(struct frags *f, uint64_t now_ns, uint32_t datagram, const struct frag_first *first);

/* True if an early fragment may wait now; otherwise call frag_not_held, which counts it. */
bool frag_room(const struct frags *f, uint64_t now_ns);
void frag_not_held(struct frags *f);
/* Hold a copy, whose slot of the pool now belongs to frags. Call it only if frag_room is true. outer_bytes: length
 * of the tunnel's headers in front; 0: none. */
void frag_hold(struct frags *f, uint64_t now_ns, uint32_t datagram, struct pkt *copy, uint32_t outer_bytes);

/* A held fragment that leaves */
struct frag_held {
    struct pkt *pkt;         /* the caller owns its slot again */
    uint32_t outer_bytes;    /* as given to frag_hold */
    bool orphan;             /* the fragment has expired */
    struct frag_first first; /* fate of the first, unless `orphan` */
};
/* Take the next fragment that may leave; false: none now. */
bool frag_next(struct frags *f, uint64_t now_ns, struct frag_held *out);
/* Take the last held fragment, whatever the fate of its first, with its outer_bytes; NULL: none is held. */
struct pkt *frag_drop(struct frags *f, uint32_t *outer_bytes);

/* Call `fn` for every remembered fate of a first, in the table or with a held fragment; `fn` may change the fate. */
typedef void frag_first_fn(void *arg, struct frag_first *first);
void frags_each(struct frags *f, frag_first_fn *fn, void *arg);

/* Write all datagrams and held fragments, or read them into new frags with slots of the pool (keyed/archive.h). fn:
 * false if no first fragment can have that fate. */
typedef bool frag_read_fn(void *arg, const struct frag_first *first);
bool frags_archive(struct frags *f, struct pool *pool, struct archive *a, frag_read_fn *fn, void *arg);

/* Forget expired datagrams, a bounded number at a time. Return the next deadline, UINT64_MAX for none. */
uint64_t frag_tick(struct frags *f, uint64_t now_ns);
