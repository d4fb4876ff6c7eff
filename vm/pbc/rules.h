/* Sections of the program file: rules, conditions and what these name: sets, names, patterns, interfaces, meters,
 * schedules. */
#pragma once

#include <assert.h>
#include <stdint.h>

/* A place in the rules' source: 1-based line and column, length in bytes (0: the line). */
struct pbc_place {
    uint32_t file; /* string: path of the file */
    uint32_t line;
    uint16_t col, len;
};

enum pbc_verdict {
#define VERDICT(ident, name, traits, does, done, doc) PBC_V_##ident,
#include "vm/verdict.def"
    PBC_V_COUNTED
};
enum pbc_answer { PBC_ANSWER_DEFAULT, PBC_ANSWER_RST, PBC_ANSWER_UNREACHABLE, PBC_ANSWER_PROHIBITED };
enum pbc_rule_flag {
    PBC_RULE_LOG = 1 << 0 /* log when the rule matches */,
    PBC_RULE_ARP = 1 << 1 /* also judge ARP */,
    PBC_RULE_NOT_FRAMES = 1 << 2, /* judge only ARP */
    PBC_RULE_AUDIT = 1 << 3       /* under audit: the word is before the rule or its firewall (WOULD_RULES) */
};

/* The rule list as written; the naive executor and explain run on it. Rules of one list are together, in order. */
struct pbc_rule {
    uint32_t name;              /* string: name; 0: unnamed, printed as LIST:LINE */
    uint32_t list;              /* index of its firewall, or its chain | PBC_LIST_CHAIN */
    struct pbc_place place;     /* place of the verdict's keyword */
    uint32_t comment;           /* string: the rule's comment; 0: none */
    uint32_t conds, cond_count; /* the rule's conditions: a range in CONDS */
    uint32_t chain;             /* chain of a DO, else PBC_NONE */
    uint32_t log_meter;         /* 1 + the meter that limits the rule's log; 0: each match is logged */
    uint32_t log_prefix;        /* string at the start of its log lines; 0: none */
    uint8_t verdict;            /* enum pbc_verdict */
    uint8_t answer;             /* enum pbc_answer */
    uint8_t flags;              /* enum pbc_rule_flag */
    uint8_t mirror;             /* row of MIRRORS of a rule that mirrors, else 0 */
    uint16_t port;              /* port of a verdict that takes one, else 0 */
    uint16_t add;               /* 1 + row of ADDS of a rule that adds, else 0 */
};
static_assert(sizeof(struct pbc_rule) == 52, "layout");
#define PBC_LIST_CHAIN 0x80000000u

/* Copies of a rule with the verdict `mirror`. Each row belongs to one rule. */
enum pbc_mirror_to { PBC_MIRROR_DEVICE, PBC_MIRROR_FILE, PBC_MIRROR_SOCKET, PBC_MIRROR_TOS };
enum pbc_mirror_flag { PBC_MIRROR_SENT = 1 << 0 /* copies packets as they leave, not as they arrive */ };
struct pbc_mirror {
    uint32_t rule;
    uint32_t target; /* string: a device; the path of a file; the name of a socket (preyrun --tap) */
    uint32_t meter;  /* 1 + the meter that limits copies, 0: none; it has no key */
    uint32_t snap;   /* most bytes copied of a frame */
    uint64_t size;   /* FILE: most bytes of all its files; else 0 */
    uint8_t to;      /* enum pbc_mirror_to */
    uint8_t flags;   /* enum pbc_mirror_flag */
    uint16_t reserved;
    uint32_t reserved2;
};
static_assert(sizeof(struct pbc_mirror) == 32, "layout");
#define PBC_MIRRORS_MAX     64u /* a packet has a bit for each */
#define PBC_SNAP_MAX        (1u << 18)
#define PBC_SNAP_SENT_MIN   14u          /* least snap of copies to a device: a link header */
#define PBC_MIRROR_SIZE_MIN (1ull << 20) /* least bytes of a ring of files */
#define PBC_MIRROR_SIZE_MAX (1ull << 50)

enum pbc_cond_flag {
    PBC_COND_NOT = 1 << 0,
    PBC_COND_ANY = 1 << 1,   /* the list holds `any` */
    PBC_COND_REPLY = 1 << 2, /* `reply` of an observe service: first bytes of the server, not the client */
    PBC_COND_LIVE = 1 << 3   /* the condition's sets depend on live sets, so its result changes between packets */
};
struct pbc_cond {
    uint8_t kind;  /* enum cond_kind, cond.def */
    uint8_t flags; /* enum pbc_cond_flag */
    uint16_t reserved;
    uint32_t arg;          /* argument, see cond.def */
    uint32_t first, count; /* operands in RANGES, SETS, MACSETS or PATTERNS, see cond.def */
    uint32_t name; /* string: the name of the list, if it was written with a single name ("abusers", "web"), else 0 */
    struct pbc_place place; /* place of the whole condition */
};
static_assert(sizeof(struct pbc_cond) == 32, "layout");
enum { PBC_PROTO_IP4 = 256 };         /* COND_PROTO compares n in either family, PBC_PROTO_IP4 + n in IPv4 only */
enum { VLAN_ANY = 1, VLAN_NONE = 2 }; /* argument of COND_VLAN */
enum { MAC_MULTICAST = 1, MAC_BROADCAST = 2 }; /* argument of COND_ETHER_*, imm of JMACK; broadcast is multicast, too */

struct pbc_range {
    uint32_t lo, hi;
}; /* both ends inclusive */
struct pbc_range6 {
    uint64_t lo_hi, lo_lo, hi_hi, hi_lo;
}; /* both ends inclusive; upper and lower 64 bits of lo, then of hi */

/* Split the first address of the range into lo and its last address into hi: four 32-bit words each, the most
 * significant word first. */
static inline void range6_words(const struct pbc_range6 *r, uint32_t lo[4], uint32_t hi[4])
{
    const uint64_t halves[4] = {r->lo_hi, r->lo_lo, r->hi_hi, r->hi_lo};
    for (int i = 0; i < 4; i++) {
        lo[i] = (uint32_t)(halves[i / 2] >> (i % 2 ? 0 : 32));
        hi[i] = (uint32_t)(halves[2 + i / 2] >> (i % 2 ? 0 : 32));
    }
}
static inline struct pbc_range6 range6_of_words(const uint32_t lo[4], const uint32_t hi[4])
{
    return (struct pbc_range6){.lo_hi = (uint64_t)lo[0] << 32 | lo[1],
                               .lo_lo = (uint64_t)lo[2] << 32 | lo[3],
                               .hi_hi = (uint64_t)hi[0] << 32 | hi[1],
                               .hi_lo = (uint64_t)hi[2] << 32 | hi[3]};
}

/* An address set: sorted, disjoint, non-adjacent ranges of each family. Or a MAC set: sorted 48-bit numbers;
 * first4/count4 index MACS, first6/count6 are 0. */
struct pbc_set {
    uint32_t name; /* string: name; 0: anonymous */
    struct pbc_place place;
    uint32_t first4, count4, first6, count6;
    uint32_t live; /* 1 + its node in LIVE_NODES: members change at run time, within these ranges; 0: the members are
                    * these ranges */
};
/* A set that depends on a live set: it holds the members of one set if that live set has the address, else of
 * another. Both are before the sets that have the node. */
struct pbc_live_node {
    uint32_t live;    /* index in LIVES */
    uint32_t in, out; /* indices in SETS */
};
/* A live set: its members are added by rules and by operators, and outlive the program. */
enum pbc_live_flag {
    PBC_LIVE_KEEP = 1 << 0,  /* members survive a stop */
    PBC_LIVE_REFUSE = 1 << 1 /* a full set refuses new members */
};
struct pbc_live {
    uint32_t name; /* string: name of the set */
    struct pbc_place place;
    uint32_t size;      /* most members that are added one by one; with `file` most ranges of that file */
    uint32_t in, never; /* indices in SETS: all members are within one, and none meets the other; PBC_NONE: any may
                         * be added */
    uint32_t flags;     /* enum pbc_live_flag */
    uint32_t file;      /* string: path of the file whose addresses are the only members; 0: none */
    uint32_t answers;   /* 1 + list in NAMES: hosts whose addresses in DNS answers are the members; 0: none */
    uint32_t from;      /* with `answers` index in SETS: resolvers whose answers count; else 0 */
    uint32_t names;     /* 1 + list in NAMES of hosts, no globs: the members are their addresses only; 0: none */
    uint32_t reserved[4];
};
static_assert(sizeof(struct pbc_live) == 64, "an index is a shift (docs/kernel.md)");
/* True if the set's declaration names the source of its members: neither rules nor operators change it. */
static inline bool pbc_live_is_filled(const struct pbc_live *l) { return l->file || l->names; }
enum { PBC_LIVES_MAX = 64, PBC_ADDS_MAX = 256 };
/* Live sets by their numbers, as bits; the sets of two compared programs are numbered together. */
typedef unsigned __int128 live_bits;
#define PBC_LIVE_SIZE_MAX (1u << 24)
enum { PBC_RESOLVERS_MOST = 16 /* ranges of addresses that `from` of a live set has, both families together */ };
enum { PBC_LIVE_PATH_MOST = 4000 /* longest path of a live set's file, in bytes; it begins with `/` */ };
/* A list of host names and globs: strings of HOSTS in normal form and in order, none covered by a glob of the list
 * (host_compare). Or a list of texts, in order, where `*` at the end matches anything (text_compare). */
enum pbc_names_kind { PBC_NAMES_HOSTS, PBC_NAMES_TEXTS };
struct pbc_names {
    uint32_t name; /* string: name of the list */
    struct pbc_place place;
    uint32_t first, count;
    uint32_t kind; /* enum pbc_names_kind */
    uint32_t reserved;
};
static_assert(sizeof(struct pbc_names) == 32, "layout");
struct pbc_map {
    uint32_t bits[2048];
}; /* bit n: bits[n / 32] >> (n % 32) & 1 */

enum pbc_layer { PBC_L2, PBC_L3, PBC_L4, PBC_PAYLOAD };
enum { PBC_PATTERN_MAX = 64 };
struct pbc_pattern {
    uint16_t at;    /* bytes from the layer's start */
    uint8_t layer;  /* enum pbc_layer */
    uint8_t len;    /* number of bytes, 1..PBC_PATTERN_MAX */
    uint8_t is_not; /* 1: true if that many bytes exist and differ */
    uint8_t reserved[3];
    uint8_t value[PBC_PATTERN_MAX], mask[PBC_PATTERN_MAX]; /* value & ~mask is 0 */
};
/* A verdict that may be remembered for a flow. It holds for every established packet of the flow and direction, on
 * the same interface and for the same own addresses: this rule (or RULE_DEFAULT) decides in this firewall, and no
 * other rule counts or logs the packet. Ascending by (firewall, rule). */
struct pbc_memo {
    uint32_t rule, firewall;
};
/* One device; or, if `device` ends in `*`, all devices with that beginning, except those that a longer pattern or a
 * device of the table names (iface_match). */
struct pbc_iface {
    uint32_t name /* string, 0: only the device is named */, device /* string */;
    uint32_t within; /* 1 + the longest other pattern of the table that includes this one; 0: none */
    uint16_t mss;    /* clamp of SYNs forwarded by it, in both directions, as in struct pbc_service; 0: none */
    uint16_t reserved;
};
struct pbc_chain {
    uint32_t name;
    uint32_t rules, rule_count;
};

/* A rule with the verdict `add`: its live set, and the member to add. Each row belongs to one rule. */
enum pbc_add_flag {
    PBC_ADD_DESTINATION = 1 << 0, /* the packet's destination, not its source */
    PBC_ADD_ONCE = 1 << 1,        /* a member that exists keeps its time of expiry */
    PBC_ADD_CUT = 1 << 2          /* flows of a new member end */
};
struct pbc_add {
    uint32_t rule, live;
    uint64_t for_ns;    /* time that the member stays */
    uint8_t len4, len6; /* leading bits of the address: its network */
    uint8_t flags;      /* enum pbc_add_flag */
    uint8_t reserved[13];
};
static_assert(sizeof(struct pbc_add) == 32, "an index is a shift (docs/kernel.md)");
#define PBC_ADD_NS_MIN UINT64_C(1000000)
#define PBC_ADD_NS_MAX (UINT64_C(3660) * 86400 * 1000000000)

enum pbc_direction { PBC_DIR_ANY, PBC_DIR_IN, PBC_DIR_OUT, PBC_DIR_FORWARD };
enum pbc_other { PBC_OTHER_DEFAULT, PBC_OTHER_PASS, PBC_OTHER_DROP };
struct pbc_firewall {
    uint32_t name;
    struct pbc_place place;
    uint32_t iface; /* interface id, or PBC_NONE */
    uint32_t rules, rule_count;
    uint8_t direction;       /* enum pbc_direction; ANY: every frame that arrives */
    uint8_t default_verdict; /* ACCEPT, DROP or REJECT */
    uint8_t other;           /* enum pbc_other */
    uint8_t audit;           /* enum pbc_audit (WOULD_FIREWALLS) */
};
enum pbc_audit { PBC_AUDIT_NOT, PBC_AUDIT_DEFAULT /* only the default is audited */, PBC_AUDIT_ALL };

/* A token bucket for each key: `count` tokens every `per_ns`, at most `burst` at once. A packet costs one, or its IP
 * length in bytes. The rate of a rule's log is a meter without a name. */
enum pbc_per { PBC_PER_NONE, PBC_PER_SOURCE, PBC_PER_DESTINATION, PBC_PER_FLOW };
enum pbc_meter_unit { PBC_METER_PACKETS, PBC_METER_BYTES };
struct pbc_meter {
    uint32_t name; /* string, 0: meter of a rule's log */
    struct pbc_place place;
    uint32_t entries;   /* number of keys distinguished; 0 without `per` */
    uint8_t per;        /* enum pbc_per */
    uint8_t unit;       /* enum pbc_meter_unit */
    uint8_t len4, len6; /* address bits in the key; 0 if `per` uses none */
    uint64_t count, per_ns, burst;
    uint32_t reserved[4];
};
static_assert(sizeof(struct pbc_meter) == 64, "layout");
#define PBC_METER_ENTRIES_MAX                                                                                          \
    (1u << 22) /* all meters together: at most 800 MiB of tables (up to 3 slots per entry)                             \
                */
#define PBC_METER_REFILL_MAX (365ull * 86400 * 1000000000) /* ns until an empty bucket is full */

/* Networks whose flows `flows over` counts: leading bits of a source's address; 32, 128: each address. No two equal. */
struct pbc_grain {
    uint8_t len4, len6;
    uint16_t reserved;
};
static_assert(sizeof(struct pbc_grain) == 4, "layout");
enum { PBC_GRAINS_MAX = 4 };

/* Times when a schedule is active, in the zone's time. A span begins on the days of its mask; if it ends no later than
 * it begins, it runs over midnight. */
struct pbc_schedule {
    uint32_t name, zone; /* strings; zone 0: UTC */
    struct pbc_place place;
    uint32_t first, count; /* range in SPANS */
    uint32_t reserved;
};
static_assert(sizeof(struct pbc_schedule) == 32, "layout");
struct pbc_span {
    uint16_t from, to; /* minutes since midnight: 0..1439, 1..1440 */
    uint8_t days;      /* bit 0: Monday; 0: a span of dates */
    uint8_t reserved[3];
    uint32_t first, last; /* span of dates: days since 1970, from `from` on the first to `to` on the last day; else 0 */
};
static_assert(sizeof(struct pbc_span) == 16, "layout");
