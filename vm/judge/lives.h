/* Live sets: addresses and networks that come and go while packets are judged. One writer or many, any number of
 * readers, no lock on a read.
 *
 * A set has two layers. The overlay is a table of members by (length, address), each with its own end; members never
 * merge. The base is a list of ranges without an end, like that of a static set, and is replaced as a unit. An
 * address is in the set if the base or any member that has not expired covers it.
 *
 * Time is monotonic, in milliseconds, and comes from the caller. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/packet/key.h"
#include "vm/program/program.h"

struct live_set;
struct questions;
struct flow_cuts; /* defined below */

/* A member: an address, or the network of its first `len` bits. addr: as in struct key; bits behind `len` are 0. */
struct live_net {
    uint32_t addr[4];
    uint8_t len; /* prefix length: 0..32; IPv6: 0..128 */
    bool v6;
};
/* End of a member that never expires. */
#define LIVE_FOREVER (UINT64_C(1) << 43)
/* Most prefix lengths per family that members of the overlay may have at once. */
enum { LIVE_LENGTHS_MOST = 8 };

struct live_cfg {
    uint64_t size; /* most members of the overlay, both families together; 0..LIVE_SIZE_MOST */
    bool refuse;   /* a full set refuses a new member; else its member that expires soonest makes way */
    uint64_t seed;
};
#define LIVE_SIZE_MOST (UINT64_C(1) << 24)

/* Make an empty set. NULL: out of memory. Memory is taken as members are added. */
struct live_set *live_new(const struct live_cfg *cfg);
void live_free(struct live_set *s); /* NULL is allowed */

/* The state of a set for a judge that reads its memory from elsewhere, the kernel's (vm/kernel/keyed/lives.h). */
struct live_shown {
    uint64_t lengths[2]; /* IPv4, IPv6: prefix lengths of members, plus 1, a byte each from the longest; 0: no more */
    uint64_t shut_ms;    /* time until which new members are refused: the set is full, or has all its lengths */
    uint64_t turn;       /* number of bases put in force so far: the current one is base[turn & 1] */
    struct live_shown_base {
        uint32_t count4, count6; /* number of ranges */
        uint32_t node4, node6;   /* nodes of the look-up table (set_index.h); 0: it has none */
        uint32_t first4; /* index of the half's word with the first IPv4 range; IPv6 ranges are at the beginning */
        uint32_t lookup; /* offset of the look-up table in the half, in words of 4 bytes */
    } base[2];
};
/* Memory for a set from its owner, all zero. tags, words: [slots]; keys: [slots], IPv6 three times as many; slots:
 * live_slots. */
struct live_memory {
    struct {
        uint16_t *tags;
        uint64_t *words, *keys;
    } of[2];
    uint64_t *ranges; /* two halves of half_words each, at a multiple of 32 bytes: ranges and look-up tables of bases */
    uint64_t half_words;
    struct live_shown *shown;
};
/* Return the number of slots of a family's overlay in a set of that size. */
uint64_t live_slots(uint64_t size);
/* Make an empty set over that memory, which stays the owner's and must outlive the set. NULL: out of memory. */
struct live_set *live_over(const struct live_cfg *cfg, const struct live_memory *memory);
/* True for a set over its owner's memory. */
bool live_is_over(const struct live_set *s);
/* Return the hash key of a family's overlay. */
const struct hash_key *live_hash(const struct live_set *s, bool v6);

/* True for an address that a host may have on more than its own link (RFC 6890): name servers give only addresses of
 * this kind. */
bool live_is_of_host(const uint32_t addr[4], bool v6);

/* True if the set holds the address (as in struct key). */
bool live_has(const struct live_set *s, uint64_t now_ms, const uint32_t addr[4], bool v6);

/* The outcome of a change: X(ident, "word"). */
#define LIVE_SAIDS(X)                                                                                                  \
    X(ADDED, "added")                                                                                                  \
    X(RENEWED, "renewed")                                                                                              \
    X(KEPT, "kept") /* the address is a member already, and keeps its end */                                           \
    X(REMOVED, "removed")                                                                                              \
    X(ABSENT, "absent") /* the address was not a member */                                                             \
    X(FULL, "full")                                                                                                    \
    X(LENGTHS, "full: lengths") /* the member's prefix length would be the ninth */
enum live_said {
#define X(ident, word) LIVE_##ident,
    LIVE_SAIDS(X)
#undef X
};
const char *live_said_word(enum live_said said);

/* Effect of adding a member that is there already. */
enum live_how {
    LIVE_SET,   /* gives the member this end */
    LIVE_LATER, /* gives the member the later of both ends */
    LIVE_ONCE,  /* keeps the member's end */
};
/* Add a member until end_ms (LIVE_FOREVER: for good), or renew it. A full set drops expired members near the new
 * one's place, then, without `refuse`, the one there that expires soonest; members without an end never make way. A
 * new member whose end has passed counts as added and expired, and takes no room. Any thread may call this. */
enum live_said live_add(struct live_set *s, uint64_t now_ms, const struct live_net *net, uint64_t end_ms,
                        enum live_how how);
/* Remove exactly that member, not networks around or within it: REMOVED or ABSENT. Any thread may call this. */
enum live_said live_remove(struct live_set *s, uint64_t now_ms, const struct live_net *net);

/* Find that member (exactly this address and length). False: not a member, or expired. */
bool live_find(const struct live_set *s, uint64_t now_ms, const struct live_net *net, uint64_t *end_ms);
/* Find why the set holds an address: the member with the latest end that covers it; if several do, the one with the
 * longest prefix. A range of the base counts as a member that never expires, and is written as lo and hi. */
struct live_why {
    struct live_net net; /* member of the overlay that covers the address */
    uint64_t end_ms;
    bool base; /* the base has the address */
    uint32_t lo[4], hi[4];
};
bool live_why(const struct live_set *s, uint64_t now_ms, const uint32_t addr[4], bool v6, struct live_why *why);

/* Replace the base by these ranges: ascending, disjoint, not adjacent; copied. Readers see the old or the new one;
 * the old one stays in memory. One thread at a time may call this. False: out of memory, or no room in the owner's
 * memory; then the old base stays in force. */
struct live_base {
    const struct pbc_range *r4;
    const struct pbc_range6 *r6;
    uint32_t count4, count6;
};
bool live_replace(struct live_set *s, const struct live_base *base);
/* Take the bases that were replaced since the last call; NULL: none. Looks that began before a base was replaced may
 * still read it: free these once all of them have ended. The thread that replaces calls this; live_free frees the
 * bases that are left. */
struct live_block *live_replaced(struct live_set *s);
void live_block_free(struct live_block *all); /* NULL is allowed */
/* True if the set has room for these ranges; a set over its owner's memory may have no room. */
bool live_base_fits(const struct live_set *s, const struct live_base *base);
/* Return the base in force. The thread that replaces it may read this until it takes the base that was replaced. */
struct live_base live_base(const struct live_set *s);

/* Read the next members of the overlay, at most `most` of them, that have not expired. *at: 0 at first. Return their
 * number; 0: no more. Members added meanwhile may be left out; none is read twice unless it was removed and added
 * again. */
struct live_entry {
    struct live_net net;
    uint64_t end_ms;
};
unsigned live_list(const struct live_set *s, uint64_t now_ms, uint64_t *at, struct live_entry *out, unsigned most);

/* Copy all members that have not expired, and with `base` the base. Members that do not fit are left out. Copies are
 * not counted, except members that made way. False: the base is left out. */
bool live_copy(struct live_set *to, const struct live_set *from, uint64_t now_ms, bool base);
/* Remove all current members of the overlay. */
void live_clear(struct live_set *s, uint64_t now_ms);

/* Free expired members in the next `groups` groups of sixteen places, each at most once. Any thread may call this;
 * it never blocks others. */
void live_sweep(struct live_set *s, uint64_t now_ms, unsigned groups);

/* Numbers since the set was made: X(field, doc). */
#define LIVE_COUNTS(X)                                                                                                 \
    X(added, "members that were added")                                                                                \
    X(renewed, "members that got another expiry time")                                                                 \
    X(removed, "members that were removed")                                                                            \
    X(expired, "members that expired")                                                                                 \
    X(evicted, "members removed from a full set before they expired")                                                  \
    X(full, "members refused because the set was full")                                                                \
    X(lengths, "members refused because of a ninth prefix length")
struct live_counts {
#define X(field, doc) uint64_t field;
    LIVE_COUNTS(X)
#undef X
    uint64_t members; /* members in the overlay now, including expired ones that were not swept */
};
struct live_counts live_counts(const struct live_set *s);

/* All live sets of a program, by their numbers in LIVES: an instance's members and the time by which they expire.
 * Successive programs may share a set. */
#define LIVE_ANSWERED(X)                                                                                               \
    X(answers, "DNS answers that were taken")                                                                          \
    X(unasked, "DNS answers to no question that waited: forged, late or repeated")                                     \
    X(bad, "DNS answers that were cut or couldn't be read")
struct live_answered {
#define X(field, doc) uint64_t field; /* count, atomic */
    LIVE_ANSWERED(X)
#undef X
};
/* Members that answers have added or renewed, for functions that show them. Those without room are left out. */
enum { LIVE_NAMED_MOST = 512, LIVE_HOST_MOST = 100 };
struct live_named {
    uint32_t live;
    struct live_net net;
    uint64_t end_ms;
    char host[LIVE_HOST_MOST + 1]; /* name in the answer; its end if it is long */
};
struct live_names {
    uint32_t lock, count;
    struct live_named of[LIVE_NAMED_MOST];
};
struct lives {
    uint64_t now_ms; /* atomic: time in milliseconds */
    uint32_t count;
    /* Atomic; number of members that rules failed to add: refused by `in` or `never`, or lost on their way here */
    uint64_t refused[PBC_LIVES_MAX];
    struct live_set *sets[PBC_LIVES_MAX];
    struct live_answered answered[PBC_LIVES_MAX];
    struct questions *
        questions; /* counted reference, for sets with `answers` (vm/judge/asked/questions.h); NULL without such sets */
    struct live_names *names; /* names that answers reported; NULL without `questions` */
    /* Memory under sets (live_over), given back once they are freed; NULL: none */
    void (*give_back)(void *memory);
    void *memory;
    /* Receiver of members whose flows are to end (below); NULL: nothing is cut. */
    struct flow_cuts *cuts;
    bool owns_cuts;                /* cuts are made and freed with the sets */
    uint16_t named[PBC_LIVES_MAX]; /* numbers of the sets in `cuts` */
};

/* Make the sets of a program, empty; NULL: out of memory. The caller gives them to the program (program_members),
 * and frees them once no worker judges by that program. */
struct lives *lives_new(const struct program *p, uint64_t seed);
/* Make one of these sets, empty, for the caller to put in its place; NULL: out of memory. */
struct live_set *lives_set_new(const struct program *p, uint32_t live, uint64_t seed);
/* The same over an owner's memory, where a set with a file has room only for its base. */
struct live_set *lives_set_over(const struct program *p, uint32_t live, uint64_t seed, const struct live_memory *m);
/* Free all sets that exist. NULL is allowed. */
void lives_free(struct lives *l);
/* Use another table of waiting questions, if the sets have any; NULL is allowed. Call it before any packet is judged
 * by them. */
void lives_ask_as(struct lives *l, struct questions *q);
/* Report that an answer for a host has added or renewed a member. Any thread may call this. */
void lives_name(struct lives *l, uint32_t live, const struct live_net *net, uint64_t end_ms, const char *host);
/* Move all reported members into `out`. Return their number. */
uint32_t lives_named(struct lives *l, struct live_named out[LIVE_NAMED_MOST]);
/* Return the number of questions that made way before they expired. */
uint64_t lives_evicted(const struct lives *l);
/* Use other cuts in place of the sets' own, which exist if rules of the program cut. The caller still owns them.
 * named: numbers of the sets in these cuts, below FLOW_CUTS_SETS. */
void lives_cut_by(struct lives *l, struct flow_cuts *cuts, const uint16_t named[]);
/* Ask that the member's flows end. Any thread may call this. */
void lives_cut(const struct lives *l, uint32_t live, const struct live_net *net);
/* Let packets of the program be judged by these members. Call it before any packet is judged; NULL: all sets are
 * empty. */
void program_members(struct program *p, struct lives *l);

/* Set the time. Any thread may call this. */
static inline void lives_at(struct lives *l, uint64_t mono_ns)
{
    __atomic_store_n(&l->now_ms, mono_ns / 1000000, __ATOMIC_RELAXED);
}
static inline uint64_t lives_now(const struct lives *l) { return __atomic_load_n(&l->now_ms, __ATOMIC_RELAXED); }

/* Return a set, or put another one in its place (second function). Readers may use the old set until their batch
 * ends. */
static inline struct live_set *lives_set(const struct lives *l, uint32_t live)
{
    return __atomic_load_n(&l->sets[live], __ATOMIC_ACQUIRE);
}
static inline void lives_put(struct lives *l, uint32_t live, struct live_set *s)
{
    __atomic_store_n(&l->sets[live], s, __ATOMIC_RELEASE);
}

/* True if the live set holds the packet's source or destination. l: NULL if all sets are empty. */
bool lives_have(const struct lives *l, uint32_t live, const struct key *key, bool dst);
/* A listener for the results of look-ups: a recording stores them, and a replay returns the recorded ones. */
struct lives_ear {
    /* Receive a result: whether the set, by its number in LIVES, holds the address (as in struct key). Return the
     * result to use. */
    bool (*hear)(void *arg, uint32_t live, const uint32_t addr[4], bool v6, bool held);
    void *arg;
};
/* Pass all results for the calling thread through the listener, until it is replaced; NULL: no listener. */
void lives_listen(const struct lives_ear *ear);
/* Give the calling thread's listener, if any, a result that another judge found for the packet. */
void lives_tell(uint32_t live, const struct key *key, bool dst, bool held);

/* Reason for which a set refuses a member, however it is added. */
enum live_refusal {
    LIVE_MAY,     /* the set may hold the member */
    LIVE_OUTSIDE, /* a part of the member is outside `in` */
    LIVE_NEVER    /* an address of the member is in `never` */
};
enum live_refusal lives_refuse(const struct program *p, uint32_t live, const struct live_net *net);
/* The same for all addresses from lo to hi. */
enum live_refusal lives_refuse_range(const struct program *p, uint32_t live, bool v6, const uint32_t lo[4],
                                     const uint32_t hi[4]);
/* The same for all ranges of a base; *first: the first address of the first range that is refused. */
enum live_refusal lives_refuse_base(const struct program *p, uint32_t live, const struct live_base *base,
                                    struct live_net *first);
/* Write the first and the last address of a network. */
void live_net_ends(const struct live_net *net, uint32_t lo[4], uint32_t hi[4]);
/* Members that rules add for the current packet. They are added once it has been judged, so that a set is the same
 * from the first rule to the last. */
struct adds_due {
    uint32_t count;
    struct {
        uint32_t add; /* row of ADDS; each row is here at most once */
        struct live_net net;
    } of[PBC_ADDS_MAX];
};
/* True for a reset, which adds no member: a stranger could provoke it from a third party by forged segments, and the
 * third party would become the member. The flow counts as established by it. */
static inline bool adds_for_forged(const struct key *key) { return key->kind & KIND_TCP_FLAGS && key->marks & TCP_RST; }
/* Note the packet's address, or its network, for a row of ADDS. */
void adds_note(struct adds_due *due, const struct program *p, uint32_t add, const struct key *key);
/* Add all noted members. Those that a set refuses are counted. */
void adds_make(struct adds_due *due, const struct program *p);
/* Add one of them now. If the row has `cut`, flows of a new member end. */
void adds_one(const struct program *p, uint32_t add, const struct live_net *net);
/* The same for a member that the kernel's stages report, in memory that other processes may write: a report that
 * does not fit the program is ignored. v6: 1 for IPv6; len: its prefix length. */
void adds_told(const struct program *p, uint32_t add, unsigned v6, unsigned len, const uint32_t addr[4]);
/* Return the number of the live set of that name in LIVES; PBC_NONE: none. */
uint32_t lives_find(const struct program *p, const char *name);

/* Write all members, or read them into sets of the same names; members that a set may not hold now are left out. l:
 * NULL if the program has no live sets. The input is hostile. False: no room, out of memory, or malformed. */
struct archive;
struct lives_read {
    int64_t later_ms; /* added to each end: time by which this clock is ahead of the one at writing */
    bool kept;        /* read only sets that had `keep` */
    uint32_t no_room; /* after reading: 1 + the last set whose ranges had no room; 0: none */
};
bool lives_archive(struct lives *l, const struct program *p, struct archive *a, struct lives_read *how);
/* Return the most bytes that lives_archive writes, if no members are added meanwhile. */
uint64_t lives_archive_most(const struct lives *l);

/* ---- cuts ----
 *
 * Members whose flows are to end. Any thread asks for them. Waiting members are taken together, as a *round*, and
 * all keepers of flows (*walkers*: workers, and the loops of proxies) walk over their flows once, each at its own
 * pace and in parts. Later members wait for the next round. So a round is one walk for any number of members.
 *
 *      flow_cuts_ask … ─▶ flow_cuts_begin ─▶ [ each walker: flow_cuts_due, flow_cuts_cover …, flow_cuts_walked ]
 *                      ─▶ flow_cuts_done ─▶ flow_cuts_end
 *
 * Their time is monotonic, in nanoseconds, and comes from the caller. */

enum {
    FLOW_CUTS_WALKERS = 128,
    FLOW_CUTS_LOOPS = FLOW_CUTS_WALKERS / 2, /* number of the first loop of a proxy, as a walker */
    FLOW_CUTS_SETS = 256                     /* number of sets that are distinguished */
};

struct flow_cuts_cfg {
    uint32_t most;     /* most members of a round. If more are asked for, flows of all members of their set end */
    uint64_t slack_ns; /* how far the clocks of threads that ask, and of those that begin flows, may differ */
    uint64_t rest_ns;  /* time before a round begins, in which packets under way come to the table */
    uint64_t seed;
};
/* NULL: out of memory. Memory is taken as members are added. */
struct flow_cuts *flow_cuts_new(const struct flow_cuts_cfg *cfg);
void flow_cuts_free(struct flow_cuts *c); /* NULL is allowed */

/* Ask that this member's flows end if they began by now_ns, plus the slack. set: below FLOW_CUTS_SETS; the caller
 * defines its meaning. Any thread may call this. */
void flow_cuts_ask(struct flow_cuts *c, uint32_t set, const struct live_net *net, uint64_t now_ns);

/* Functions for one thread: */

/* True if members wait for a round. Any thread may call this. */
bool flow_cuts_wait(const struct flow_cuts *c);
/* True if a round is under way, or about to begin. Any thread may call this. */
bool flow_cuts_under_way(const struct flow_cuts *c);
/* Return the number of the round that was taken last; 0: none. New requests are in the next one. */
uint64_t flow_cuts_number(const struct flow_cuts *c);
/* Make a round of all waiting members, unless one is under way, and begin it after its rest. True if it begins now. */
bool flow_cuts_begin(struct flow_cuts *c, uint64_t now_ns);
/* Return the time at which flow_cuts_begin has work; UINT64_MAX: not before a round ends. */
uint64_t flow_cuts_due_ns(const struct flow_cuts *c);
/* True if the walker has been through its flows for the round that was taken last. */
bool flow_cuts_done(const struct flow_cuts *c, unsigned walker);
/* Return the number of flows that have ended for this member in the round under way, or for its set if the member
 * had no room. */
uint64_t flow_cuts_ended(const struct flow_cuts *c, uint32_t set, const struct live_net *net);
/* End the round, which all walkers have done. told: gets the number of flows that have ended for each set, in one or
 * more calls. */
typedef void flow_cuts_told_fn(void *arg, uint32_t set, uint64_t flows);
void flow_cuts_end(struct flow_cuts *c, flow_cuts_told_fn *told, void *arg);

/* Functions for walkers: */

/* True if a round is under way that this walker has not done. */
bool flow_cuts_due(const struct flow_cuts *c, unsigned walker);
/* The ends of a flow: addresses of both sides, as they see each other. */
struct flow_cuts_flow {
    struct flow_cuts_addr {
        const uint32_t *addr; /* address, as in struct key */
        bool v6;
    } of[4];
    unsigned count;
    uint64_t began_ns; /* 0: unknown, so it counts as before all requests */
};
/* Find the member that ends the flow, for a walker with a round to do; if several do, the one with the longest
 * prefix. l: live sets of the walker's program, or NULL. Return the place to count the flow once it has ended
 * (atomic); NULL: the flow goes on. */
uint64_t *flow_cuts_cover(struct flow_cuts *c, const struct lives *l, const struct flow_cuts_flow *f);
/* Note that the walker has been through all of its flows. */
void flow_cuts_walked(struct flow_cuts *c, unsigned walker);
