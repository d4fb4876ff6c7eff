/* The normal form: what a rule says, with every way of saying it removed.
 *
 * A rule is one product: a set of values for each field of field.def. All conditions of a field are intersected into
 * its set, `not` is complemented away, and what a condition demands beside its field (`port 80` demands a protocol with
 * ports and no later fragment) is written into the fields that say so. Sets are interned: a field holds an id, equal
 * sets have equal ids, so equal conditions give equal products however they were written, and comparing two rules is
 * a memcmp. A product with an empty field is all IR_EMPTY: the rule never matches.
 *
 * Readers: analyse.c compares products; codegen.c turns them into straight code; ir_dump.c prints them. A classifier
 * takes the BOX fields as its region, the FINITE ones as value and mask columns, and leaves the RESIDUE to straight
 * code after a hit. A new condition is a row of field.def and a case in narrow.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

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

/* Where a field that is one number stands; half 0: it is none. */
struct ir_number {
    uint8_t cond;   /* enum cond_kind that asks for it */
    uint8_t half;   /* of the key, or enum number_place */
    uint32_t there; /* bits of key.kind, of which one says that the packet has it */
    uint32_t last;  /* the largest number; a field's `most` above it stands for "not there" */
};
extern const struct ir_number ir_numbers[IR_FIELDS];

/* Does only the packet hold it, and not the key? */
static inline bool ir_beside_key(enum ir_field f) { return !half_in_key(ir_numbers[f].half); }

/* The bit of key.kind that says that the field is there, where a value stands for "it is not"; 0: none does. */
static inline uint32_t ir_there(enum ir_field f)
{
    return half_in_key(ir_numbers[f].half) && ir_numbers[f].last < ir_fields[f].most ? ir_numbers[f].there : 0;
}

/* Ids that every sort but MASK and ANY shares. Those hold their bits: 0 demands nothing. METERS shares the lists of
 * PATTERNS: numbers of meters, doubled, and one more for `within`; so does FLOWS (flows.h). */
enum { IR_ALL = 0, IR_EMPTY = 1 };

/* IR_WHAT (what.h). */
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
/* The value of IR_VLAN and IR_INNER, of IR_ETHER, of IR_IFACE and IR_OUT, and of IR_URPF for a frame that has none. */
enum { VLAN_ABSENT = 4096, ETHER_ABSENT = 65536, IFACE_ABSENT = 65535, SOURCE_ABSENT = 2 };
enum { FRAGMENT_NO, FRAGMENT_FIRST, FRAGMENT_LATER };
/* IR_STATE, the first four in the order of enum flow_mark. */
enum { STATE_IS_NEW, STATE_IS_ESTABLISHED, STATE_IS_RELATED, STATE_IS_INVALID, STATE_IS_ABSENT };

struct ir_product {
    uint32_t field[IR_FIELDS];
};

/* The interned values. Pointers hold as long as the arena. */
struct ir_ranges {
    const struct pbc_range *r;
    uint32_t count;
};
struct ir_addrs {
    const struct pbc_range *r4;
    const struct pbc_range6 *r6;
    uint32_t count4, count6;
    uint32_t complement;  /* id of its complement if that was asked for, else PBC_NONE */
    uint32_t narrowed[4]; /* by families: its id where only those can come, PBC_NONE before that was asked */
    /* For straight code, which wants a set that stands in the image anyway: */
    uint32_t set;      /* an image set that has the same members in the families set_in, PBC_NONE */
    uint32_t mirror;   /* an id that is the complement in the families mirror_in, PBC_NONE */
    uint32_t parts[2]; /* ids of which it is the union in the families parts_in, or PBC_NONE */
    uint8_t set_in, mirror_in, parts_in;
};
struct ir_macs {
    const uint64_t *macs; /* ascending */
    uint32_t count;
    uint8_t kinds; /* MAC_MULTICAST | MAC_BROADCAST: or such an address */
    bool negated;  /* every MAC but these */
    uint32_t set;  /* image MAC set with these MACs, PBC_NONE */
};
/* `kinds` of what regions make of MACs, which no rule says: pairs of first and last number (mac_ranges.c). */
enum { MACS_ARE_RANGES = 0x40 };
struct ir_patterns {
    const uint32_t *pattern;
    uint32_t count; /* indices into PATTERNS, ascending, none twice */
};

enum ir_state {
    IR_LIVE,
    IR_IMPOSSIBLE, /* its own conditions contradict each other */
    IR_SHADOWED,   /* all of it is decided by `covers` */
};
struct ir_rule {
    struct ir_product product;
    uint32_t cover;         /* SHADOWED: the first rule that decides some of it, PBC_NONE */
    const uint32_t *covers; /* SHADOWED: all rules that it takes to decide it, ascending, the first one again */
    uint32_t cover_count;
    uint8_t state;  /* enum ir_state */
    bool elsewhere; /* IMPOSSIBLE: only because its firewall judges other interfaces */
    bool met;       /* LIVE: some earlier rule decides a part of it, as far as was looked */
};

/* May the rule's verdict be remembered for a flow (memos.c), and if not, why: MEMO(ident, text), the text with %s for
 * the name of what `struct ir_memo` names. NONE: the rule decides no established packets, and nothing is said of it. */
#define MEMO_REASONS(MEMO)                                                                                             \
    MEMO(NONE, "")                                                                                                     \
    MEMO(YES, "")                                                                                                      \
    MEMO(LOGS, "it logs")                                                                                              \
    MEMO(ASKS, "it asks `%s`, which may change from packet to packet")                                                 \
    MEMO(OPENS, "what is inside is judged each time")                                                                  \
    MEMO(CHAIN, "it stands in a chain, and the `do` that leads there counts")                                          \
    MEMO(BEHIND, "it stands behind %s, which asks for what may change from packet to packet")                          \
    MEMO(COUNTED, "it stands behind %s, which counts")                                                                 \
    MEMO(GIVEN_UP, "not decided: too much stands before it")
enum ir_memo_reason {
#define MEMO(ident, text) MEMO_##ident,
    MEMO_REASONS(MEMO)
#undef MEMO
};
struct ir_memo {
    uint8_t reason; /* enum ir_memo_reason */
    uint32_t what;  /* ASKS: the condition; BEHIND, COUNTED: the rule before it */
};

struct ir_pool; /* one sort's values (intern.c) */
struct normal;  /* what making the normal form remembers (normal.c) */

/* Ranges of address sets that the normal form may hold, with every way in which rules combine them. */
enum { IR_BYTES_MAX = 1 << 29 };

struct ir {
    struct arena *arena;
    struct ir_rule *rules; /* beside image->rules */
    uint32_t rule_count;
    struct ir_pool *ranges, *addrs, *macs, *patterns;
    struct normal *normal;
    uint64_t held;            /* bytes of ranges in `addrs` */
    bool too_large;           /* IR_BYTES_MAX was reached: what was interned since is empty */
    struct ir_memo *memos;    /* of each rule, then of each firewall's default; NULL: the program keeps no flows */
    uint32_t memos_undecided; /* rules and defaults that find_memos gave up on */
    uint32_t undecided;       /* rules that the analysis gave up on */
    bool keeps_flows;         /* some condition asks for the state: without one, no packet has any */
    bool picks_up;            /* mid-stream TCP can be new */
    struct pbc_grain grains[PBC_GRAINS_MAX]; /* the image's */
    uint32_t moments;           /* schedules exclude each other and one of this many is active at any time; 0: they are
                                 * independent (a program's own). At most 31 */
    const double *moment_share; /* [moments]: of all time */
    const uint32_t *longer;     /* [32] schedules that are active whenever this one is; NULL: nothing is known */
    uint32_t inlined;           /* chains flattened into their callers (codegen.c) */
};

struct ir *ir_new(struct arena *arena, uint32_t rule_count);

/* Values by id. IR_ALL of RANGES has no list of its own (its end depends on the field) and must not be asked for; of
 * ADDRS it is two full ranges. */
struct ir_ranges ir_ranges(const struct ir *ir, uint32_t id);
const struct ir_addrs *ir_addrs(const struct ir *ir, uint32_t id);
const struct ir_macs *ir_macs(const struct ir *ir, uint32_t id);
struct ir_patterns ir_patterns(const struct ir *ir, uint32_t id);
uint32_t ir_count(const struct ir *ir, enum ir_sort sort);

/* Ids of values. Lists are copied; ranges are canonical (sorted, disjoint, non-adjacent). */
uint32_t ir_intern_ranges(struct ir *ir, const struct pbc_range *r, uint32_t count, uint32_t most);
uint32_t ir_intern_addrs(struct ir *ir, const struct ir_addrs *a);
/* Note what straight code may use in place of a: an image set, or the complement of b, each in these families. */
void ir_addrs_note_set(struct ir *ir, uint32_t a, uint32_t set, unsigned families);
void ir_addrs_note_mirror(struct ir *ir, uint32_t a, uint32_t b, unsigned families);
void ir_addrs_note_narrowed(struct ir *ir, uint32_t a, unsigned families, uint32_t narrowed);
void ir_addrs_note_parts(struct ir *ir, uint32_t a, const uint32_t parts[2], unsigned families);
void ir_addrs_pair(struct ir *ir, uint32_t a, uint32_t b); /* each is the other's complement */
uint32_t ir_intern_macs(struct ir *ir, const struct ir_macs *m);
/* One range of a RANGES field; plain ranges, and one address as struct key has it. */
uint32_t ir_field_range(struct ir *ir, enum ir_field f, uint32_t lo, uint32_t hi);
uint32_t ir_addrs_ranges(struct ir *ir, const struct pbc_range *r4, uint32_t count4, const struct pbc_range6 *r6,
                         uint32_t count6);
uint32_t ir_addrs_one(struct ir *ir, uint8_t family, const uint32_t addr[4]);
uint32_t ir_intern_patterns(struct ir *ir, const uint32_t *pattern, uint32_t count);

/* The algebra (box.c). `most` is the field's largest value. */
uint32_t ir_ranges_and(struct ir *ir, uint32_t a, uint32_t b, uint32_t most);
uint32_t ir_ranges_not(struct ir *ir, uint32_t a, uint32_t most);
bool ir_ranges_within(const struct ir *ir, uint32_t a, uint32_t b); /* is a part of b? */
bool ir_ranges_meet(const struct ir *ir, uint32_t a, uint32_t b);
bool ir_ranges_have(const struct ir *ir, uint32_t a, uint32_t value);

enum { IR_V4 = 1, IR_V6 = 2 };

/* The ranges of one family as numbers. */
struct addr_span {
    unsigned __int128 lo, hi;
};
static inline uint32_t addr_count(const struct ir_addrs *a, unsigned family)
{
    return family == IR_V4 ? a->count4 : a->count6;
}
static inline struct addr_span addr_span(const struct ir_addrs *a, unsigned family, uint32_t i)
{
    if (family == IR_V4) return (struct addr_span){a->r4[i].lo, a->r4[i].hi};
    return (struct addr_span){(unsigned __int128)a->r6[i].lo_hi << 64 | a->r6[i].lo_lo,
                              (unsigned __int128)a->r6[i].hi_hi << 64 | a->r6[i].hi_lo};
}
/* The first range that does not end before the address; their count: none. */
uint32_t addr_find(const struct ir_addrs *a, unsigned family, unsigned __int128 address);
bool addr_held(const struct ir_addrs *a, unsigned family, unsigned __int128 address);

uint32_t ir_addrs_and(struct ir *ir, uint32_t a, uint32_t b);
uint32_t ir_addrs_or(struct ir *ir, uint32_t a, uint32_t b);
uint32_t ir_addrs_not(struct ir *ir, uint32_t a);
uint32_t ir_addrs_of_families(struct ir *ir, uint32_t a, unsigned families); /* canonical where only these can come */
unsigned ir_addrs_families(const struct ir *ir, uint32_t a);                 /* in which it has members */
unsigned ir_addrs_full(const struct ir *ir, uint32_t a);                     /* in which it has all */
bool ir_addrs_within(const struct ir *ir, uint32_t a, uint32_t b, unsigned families, uint64_t *work);
bool ir_addrs_meet(const struct ir *ir, uint32_t a, uint32_t b, unsigned families);

/* The address families that the product's WHAT admits. */
unsigned ir_families(const struct ir *ir, const struct ir_product *p);
bool ir_is_empty(const struct ir_product *p);
/* Is one of the schedules `b` active whenever one of `a` is, as far as ir->longer knows? */
bool ir_schedules_within(const struct ir *ir, uint32_t a, uint32_t b);
/* Is every frame of a one of b? Exact but where two fields depend on each other: then it may say no. `work` counts
 * ranges looked at. */
bool ir_within(const struct ir *ir, const struct ir_product *a, const struct ir_product *b, uint64_t *work);
/* May some frame be in both? No is certain. */
bool ir_may_meet(const struct ir *ir, const struct ir_product *a, const struct ir_product *b);
