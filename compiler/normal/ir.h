/* The normal form: the meaning of a rule, however it was written.
 *
 * A rule is one product: a set of values for each field of field.def. All conditions of a field are intersected into
 * its set, and `not` is complemented away. A condition may make demands beside its field: `port 80` demands a
 * protocol with ports and no later fragment. These are written into the fields concerned. Sets are interned: a field
 * holds an id, equal sets have equal ids, so equal conditions give equal products however they were written, and
 * comparing two rules is a memcmp. A product with an empty field is all IR_EMPTY: the rule never matches.
 *
 * Readers: analyse.c compares products; codegen.c turns them into straight code; ir_dump.c prints them. A classifier
 * takes the BOX fields as its region, the FINITE fields as value and mask columns, and leaves the RESIDUE to straight
 * code after a hit. A new condition is a row of field.def and a case in narrow.c. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "compiler/image/span.h"
#include "lang/arena.h"
#include "vm/pbc.h"

struct compile;
struct image;

enum ir_field {
#define FIELD(ident, name, sort, most, part, doc) IR_##ident,
#include "compiler/normal/field.def"
    IR_FIELDS
};
enum ir_sort {
    IR_SORT_RANGES,
    IR_SORT_ADDRS,
    IR_SORT_MASK,
    IR_SORT_ANY,
    IR_SORT_MACS,
    IR_SORT_PATTERNS,
    IR_SORT_METERS,
    IR_SORT_FLOWS,
    IR_SORTS
};
enum ir_part { IR_PART_BOX, IR_PART_FINITE, IR_PART_RESIDUE };

struct ir_field_info {
    const char *name;
    uint8_t sort, part;
    uint32_t most; /* the largest value of a RANGES field */
};
extern const struct ir_field_info ir_fields[IR_FIELDS];

/* The place of a field that is one number; half 0: no number. */
struct ir_number {
    uint8_t cond;   /* enum cond_kind that asks for it */
    uint8_t half;   /* half of the key, or enum number_place */
    uint32_t there; /* bits of key.kind, any of which means that the packet has the field */
    uint32_t last;  /* the largest number; a field's `most` above it means "not there" */
};
extern const struct ir_number ir_numbers[IR_FIELDS];

/* True if the packet has the field, but the key does not. */
static inline bool ir_beside_key(enum ir_field f) { return !half_in_key(ir_numbers[f].half); }

/* Return the bit of key.kind that is set if the packet has the field; 0 for fields without a value for "not there". */
static inline uint32_t ir_there(enum ir_field f)
{
    return half_in_key(ir_numbers[f].half) && ir_numbers[f].last < ir_fields[f].most ? ir_numbers[f].there : 0;
}

/* Ids that all sorts share, except MASK and ANY: their values are bits, and 0 demands nothing. METERS and FLOWS
 * (flows_over.h) share the lists of PATTERNS. Those of METERS hold meters' numbers, doubled, plus one for `within`. */
enum { IR_ALL = 0, IR_EMPTY = 1 };

/* Values of IR_WHAT (what.h). */
enum {
    WHAT_IP4 = 0,
    WHAT_IP6 = 256,
    WHAT_AH6 = 512,
    WHAT_IP6_UNKNOWN = 768,
    WHAT_AH6_UNKNOWN = 769,
    WHAT_ARP = 770,
    WHAT_OTHER = 771,
    WHAT_MOST = 771
};
/* Values for frames without the field: IR_VLAN and IR_INNER; IR_ETHER; IR_IFACE and IR_OUT; IR_URPF. */
enum { VLAN_ABSENT = 4096, ETHER_ABSENT = 65536, IFACE_ABSENT = 65535, SOURCE_ABSENT = 2 };
enum { FRAGMENT_NO, FRAGMENT_FIRST, FRAGMENT_LATER };
/* Values of IR_STATE, the first four in the order of enum flow_mark. */
enum { STATE_IS_NEW, STATE_IS_ESTABLISHED, STATE_IS_RELATED, STATE_IS_INVALID, STATE_IS_ABSENT };

struct ir_product {
    uint32_t field[IR_FIELDS];
};

static_assert(2 * PBC_LIVES_MAX <= 8 * sizeof(live_bits), "a bit for each live set of two programs");
/* Return the number of the first set bit; at least one must be set. */
static inline unsigned live_bits_first(live_bits live)
{
    const uint64_t low = (uint64_t)live;
    return (unsigned)(low ? __builtin_ctzll(low) : 64 + __builtin_ctzll((uint64_t)(live >> 64)));
}

/* Interned values. Pointers hold as long as the arena. */
struct ir_ranges {
    const struct pbc_range *r;
    uint32_t count;
};
/* A set that depends on live sets is split by the first of them in the image. Its halves are its members if that
 * live set has the address (`in`), and its members if not (`out`). Its ranges are then all its possible members.
 * `in` holds only possible members of the live set. A set that is the same in both cases is not split, so splits are
 * canonical, too. */
struct ir_addrs {
    const struct pbc_range *r4;
    const struct pbc_range6 *r6;
    uint32_t count4, count6;
    uint32_t split;       /* 1 + the live set; 0: the ranges are the set */
    uint32_t in, out;     /* split: ids of both halves */
    live_bits lives;      /* split: live sets on which it depends */
    uint32_t ways;        /* split: number of its parts (ir_addrs_part), UINT32_MAX for more */
    uint32_t in_free;     /* `in`, and all addresses that can't be members */
    uint32_t complement;  /* id of its complement once computed, else PBC_NONE */
    uint32_t narrowed[4]; /* by families: its id if only those are possible; PBC_NONE: not yet computed */
    /* for straight code, which prefers a set that the image already has: */
    uint32_t set;      /* image set with the same members in the families set_in; PBC_NONE: none */
    uint32_t mirror;   /* id of the complement in the families mirror_in; PBC_NONE: none */
    uint32_t parts[2]; /* ids whose union it is in the families parts_in, or PBC_NONE */
    uint8_t set_in, mirror_in, parts_in;
};
struct ir_macs {
    const uint64_t *macs; /* MACs, ascending */
    uint32_t count;
    uint8_t kinds; /* MAC_MULTICAST | MAC_BROADCAST: addresses of that kind, too */
    bool negated;  /* true for every MAC but these */
    uint32_t set;  /* image MAC set with these MACs; PBC_NONE: none */
};
/* `kinds` of MAC sets computed by regions, not from a rule: pairs of first and last number (mac_ranges.c). */
enum { MACS_ARE_RANGES = 0x40 };
struct ir_patterns {
    const uint32_t *pattern;
    uint32_t count; /* indices into PATTERNS, ascending, each once */
};

enum ir_state {
    IR_LIVE,
    IR_IMPOSSIBLE, /* its conditions contradict each other */
    IR_SHADOWED,   /* `covers` decides all of its packets */
};
struct ir_rule {
    struct ir_product product;
    uint32_t cover;         /* SHADOWED: first rule that decides some of its packets; else PBC_NONE */
    const uint32_t *covers; /* SHADOWED: all rules needed to decide its packets, `cover` included, ascending */
    uint32_t cover_count;
    uint8_t state;  /* enum ir_state */
    bool elsewhere; /* IMPOSSIBLE: only because its firewall judges other interfaces */
    bool met;       /* LIVE: an earlier rule is known to decide a part of it */
};

/* Results of the search for verdicts that may be remembered for a flow (memos.c): YES, or why not. MEMO(ident,
 * text); %s in the text is the name that `struct ir_memo` gives. NONE: the rule decides no established packets; not
 * reported. */
#define MEMO_REASONS(MEMO)                                                                                             \
    MEMO(NONE, "")                                                                                                     \
    MEMO(YES, "")                                                                                                      \
    MEMO(LOGS, "the rule logs")                                                                                        \
    MEMO(ASKS, "the rule has `%s`, which can change from packet to packet")                                            \
    MEMO(OPENS, "prey judges the inner packet each time")                                                              \
    MEMO(CHAIN, "the rule is in a chain, and the `do` of that chain counts")                                           \
    MEMO(BEHIND, "the rule is after %s, which can change from packet to packet")                                       \
    MEMO(COUNTED, "the rule is after %s, which counts")                                                                \
    MEMO(GIVEN_UP, "preyc didn't compare the rule with earlier rules, because there are too many")
enum ir_memo_reason {
#define MEMO(ident, text) MEMO_##ident,
    MEMO_REASONS(MEMO)
#undef MEMO
};
struct ir_memo {
    uint8_t reason; /* enum ir_memo_reason */
    uint32_t what;  /* ASKS: the condition; BEHIND, COUNTED: the earlier rule */
};

struct ir_pool; /* one sort's values (intern.c) */
struct normal;  /* state of making the normal form (normal.c) */

/* Most bytes of address ranges that the normal form may hold, with all combinations by rules. */
enum { IR_BYTES_MAX = 1 << 29 };

struct ir {
    struct arena *arena;
    struct ir_rule *rules; /* one for each of image->rules */
    uint32_t rule_count;
    struct ir_pool *ranges, *addrs, *macs, *patterns;
    struct normal *normal;
    uint64_t held;                           /* bytes of ranges in `addrs` */
    bool too_large;                          /* IR_BYTES_MAX was reached: sets interned later are empty */
    struct ir_memo *memos;                   /* memos of rules, then of firewalls' defaults; NULL: no flow table */
    uint32_t memos_undecided;                /* number of rules and defaults that find_memos gave up on */
    uint32_t undecided;                      /* number of rules that the analysis gave up on */
    bool keeps_flows;                        /* a condition asks for the state; without one, packets have no state */
    bool picks_up;                           /* true if mid-stream TCP can be new */
    struct pbc_grain grains[PBC_GRAINS_MAX]; /* grains of the image */
    uint32_t moments;           /* number of schedules of which exactly one is always active, at most 31; 0: they are
                                 * independent (a program's) */
    const double *moment_share; /* [moments]: share of all time */
    const uint32_t *longer;     /* [32] schedules that are active whenever this schedule is; NULL: unknown */
    uint32_t *live_within;      /* by live set of the image: id of the addresses that it may have */
    uint32_t inlined;           /* number of chains flattened into their callers (codegen.c) */
};

struct ir *ir_new(struct arena *arena, uint32_t rule_count);

/* Return values by id. IR_ALL of RANGES has no list (its end depends on the field) and must not be requested; of
 * ADDRS it is two full ranges. */
struct ir_ranges ir_ranges(const struct ir *ir, uint32_t id);
const struct ir_addrs *ir_addrs(const struct ir *ir, uint32_t id);
const struct ir_macs *ir_macs(const struct ir *ir, uint32_t id);
struct ir_patterns ir_patterns(const struct ir *ir, uint32_t id);

/* Intern values and return their ids. Lists are copied; ranges are canonical (sorted, disjoint, non-adjacent). */
uint32_t ir_intern_ranges(struct ir *ir, const struct pbc_range *r, uint32_t count, uint32_t most);
uint32_t ir_intern_addrs(struct ir *ir, const struct ir_addrs *a);
/* Note substitutes of a for straight code, each valid in these families: an image set, or the complement of b. */
void ir_addrs_note_set(struct ir *ir, uint32_t a, uint32_t set, unsigned families);
void ir_addrs_note_mirror(struct ir *ir, uint32_t a, uint32_t b, unsigned families);
void ir_addrs_note_narrowed(struct ir *ir, uint32_t a, unsigned families, uint32_t narrowed);
void ir_addrs_note_parts(struct ir *ir, uint32_t a, const uint32_t parts[2], unsigned families);
void ir_addrs_pair(struct ir *ir, uint32_t a, uint32_t b); /* note that each is the other's complement */
uint32_t ir_intern_macs(struct ir *ir, const struct ir_macs *m);
/* Return the id of one range of a RANGES field, of plain ranges, or of one address in the form of struct key. */
uint32_t ir_field_range(struct ir *ir, enum ir_field f, uint32_t lo, uint32_t hi);
uint32_t ir_addrs_ranges(struct ir *ir, const struct pbc_range *r4, uint32_t count4, const struct pbc_range6 *r6,
                         uint32_t count6);
uint32_t ir_addrs_one(struct ir *ir, uint8_t family, const uint32_t addr[4]);
uint32_t ir_intern_patterns(struct ir *ir, const uint32_t *pattern, uint32_t count);

/* Compute with sets (box.c). `most` is the field's largest value. */
uint32_t ir_ranges_and(struct ir *ir, uint32_t a, uint32_t b, uint32_t most);
uint32_t ir_ranges_not(struct ir *ir, uint32_t a, uint32_t most);
bool ir_ranges_within(const struct ir *ir, uint32_t a, uint32_t b); /* true if a is a part of b */
bool ir_ranges_meet(const struct ir *ir, uint32_t a, uint32_t b);
bool ir_ranges_have(const struct ir *ir, uint32_t a, uint32_t value);

enum { IR_V4 = 1, IR_V6 = 2 };

static inline uint32_t addr_count(const struct ir_addrs *a, unsigned family)
{
    return family == IR_V4 ? a->count4 : a->count6;
}
static inline struct addr_span addr_span(const struct ir_addrs *a, unsigned family, uint32_t i)
{
    if (family == IR_V4) return (struct addr_span){a->r4[i].lo, a->r4[i].hi};
    return span6(&a->r6[i]);
}
/* Return the index of the first range that does not end before the address; the number of ranges: none. */
uint32_t addr_find(const struct ir_addrs *a, unsigned family, unsigned __int128 address);
bool addr_held(const struct ir_addrs *a, unsigned family, unsigned __int128 address);

/* Make a set from two parts: for addresses in a live set, and for others. */
uint32_t ir_addrs_split(struct ir *ir, uint32_t live, uint32_t in, uint32_t out);
/* Return the number of a set's parts without a split, at most UINT32_MAX. */
uint32_t ir_addrs_parts(const struct ir *ir, uint32_t a);
/* Return the nth part without a split, and the live sets that have its addresses as bits; it may be empty. PBC_NONE:
 * no more. The first is that of addresses in no live set. */
uint32_t ir_addrs_part(const struct ir *ir, uint32_t a, uint32_t nth, live_bits *live);
/* Return all possible members of a set, whatever live sets hold. */
uint32_t ir_addrs_hull(struct ir *ir, uint32_t a);
/* Return the part for an address that these live sets have. */
uint32_t ir_addrs_now(const struct ir *ir, uint32_t a, live_bits live);
uint32_t ir_addrs_and(struct ir *ir, uint32_t a, uint32_t b);
uint32_t ir_addrs_or(struct ir *ir, uint32_t a, uint32_t b);
uint32_t ir_addrs_not(struct ir *ir, uint32_t a);
uint32_t ir_addrs_of_families(struct ir *ir, uint32_t a, unsigned families); /* canonical if only these are possible */
unsigned ir_addrs_families(const struct ir *ir, uint32_t a); /* return the families in which it has members */
unsigned ir_addrs_full(const struct ir *ir, uint32_t a);     /* return the families in which it is full */

/* Return the address families allowed by the product's WHAT. */
unsigned ir_families(const struct ir *ir, const struct ir_product *p);
bool ir_is_empty(const struct ir_product *p);
/* True if, by ir->longer, a schedule of `b` is active whenever one of `a` is. */
bool ir_schedules_within(const struct ir *ir, uint32_t a, uint32_t b);
/* True if every frame of a is in b. If two fields depend on each other, false may be wrong. `work` counts ranges looked
 * at. */
bool ir_within(const struct ir *ir, const struct ir_product *a, const struct ir_product *b, uint64_t *work);
/* True if some frame may be in both; false is certain. */
bool ir_may_meet(const struct ir *ir, const struct ir_product *a, const struct ir_product *b);
