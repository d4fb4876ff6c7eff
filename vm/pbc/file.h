/* The program file: its header, its table of sections, and its facts about the whole program (vm/pbc.h). */
#pragma once

#include <assert.h>
#include <stdint.h>

#define PBC_MAGIC         "prey.pbc" /* 8 bytes, no NUL */
#define PBC_VERSION       22u        /* the newest; a file has the oldest that can read it (pbc.h) */
#define PBC_OLDEST        20u
#define PBC_TEXT_MOST     (4u << 20) /* bytes of the rules' text, which a program may carry for readers */
#define PBC_NONE          UINT32_MAX
#define PBC_TARGET        (PBC_NONE - 1) /* values of branch.shares for destinations other than pools (enum pbc_goes) */
#define PBC_ORIGINAL      (PBC_NONE - 2)
#define PBC_REJECT        (PBC_NONE - 3)
#define PBC_PROGRAM       (PBC_NONE - 4)
#define PBC_PASSES        (PBC_NONE - 5)
#define PBC_DIGEST_LEN    32 /* BLAKE2b-256, RFC 7693 */
#define PBC_ALIGN         64
#define PBC_SCHEDULES_MAX 20u          /* schedules; each has a bit in key.marks */
#define PBC_SIZE_MAX      (1ull << 30) /* most bytes of a file: 1 GiB */

struct pbc_header {
    char magic[8];
    uint8_t digest[PBC_DIGEST_LEN]; /* digest of the bytes from `version` to the end of the file */
    uint32_t version;
    uint32_t sections;
    uint64_t size;     /* bytes of the whole file */
    uint64_t reserved; /* must be 0 */
};
static_assert(sizeof(struct pbc_header) == 64, "layout");

struct pbc_section {
    uint32_t kind; /* enum pbc_kind */
    uint32_t entry_size;
    uint64_t offset; /* offset from the file's start, a multiple of PBC_ALIGN */
    uint64_t count;
    uint64_t reserved; /* must be 0 */
};
static_assert(sizeof(struct pbc_section) == 32, "layout");

/* X(IDENT, field, entry type, most entries); `field` is the name in struct program and in listings. */
#define PBC_SECTIONS(X)                                                                                                \
    X(META, meta, struct pbc_meta, 1)                                                                                  \
    X(STRINGS, strings, char, 1u << 28)                                                                                \
    X(RULES, rules, struct pbc_rule, 1u << 20)                                                                         \
    X(MIRRORS, mirrors, struct pbc_mirror, PBC_MIRRORS_MAX)                                                            \
    X(CONDS, conds, struct pbc_cond, 1u << 24)                                                                         \
    X(RANGES, ranges, struct pbc_range, 1u << 24)                                                                      \
    X(SETS, sets, struct pbc_set, 1u << 20)                                                                            \
    X(SET4, set4, struct pbc_range, 1u << 26)                                                                          \
    X(SET6, set6, struct pbc_range6, 1u << 26)                                                                         \
    X(MACSETS, macsets, struct pbc_set, 1u << 16)                                                                      \
    X(MACS, macs, uint64_t, 1u << 24)                                                                                  \
    X(NAMES, names, struct pbc_names, 1u << 16)                                                                        \
    X(HOSTS, hosts, uint32_t, 1u << 24)                                                                                \
    X(MAPS, maps, struct pbc_map, 1u << 12)                                                                            \
    X(PATTERNS, patterns, struct pbc_pattern, 1u << 20)                                                                \
    X(IFACES, ifaces, struct pbc_iface, 1u << 12)                                                                      \
    X(CHAINS, chains, struct pbc_chain, 1u << 20)                                                                      \
    X(FIREWALLS, firewalls, struct pbc_firewall, 1u << 12)                                                             \
    X(METERS, meters, struct pbc_meter, 1u << 16)                                                                      \
    X(GRAINS, grains, struct pbc_grain, 4)                                                                             \
    X(SCHEDULES, schedules, struct pbc_schedule, 20)                                                                   \
    X(SPANS, spans, struct pbc_span, 1u << 12)                                                                         \
    X(SETTINGS, settings, struct pbc_settings, 1)                                                                      \
    X(CHECKS, checks, struct pbc_check, 1u << 16)                                                                      \
    X(STEPS, steps, struct pbc_step, 1u << 20)                                                                         \
    X(SAID, said, uint8_t, 1u << 24)                                                                                   \
    X(POOLS, pools, struct pbc_pool, 1u << 16)                                                                         \
    X(SERVERS, servers, struct pbc_server, 1u << 20)                                                                   \
    X(SERVICES, services, struct pbc_service, 1u << 16)                                                                \
    X(PROXIES, proxies, struct pbc_proxy, 1u << 16)                                                                    \
    X(CERTS, certs, struct pbc_cert, 1u << 16)                                                                         \
    X(ENDPOINTS, endpoints, struct pbc_endpoint, 1u << 20)                                                             \
    X(BRANCHES, branches, struct pbc_branch, 1u << 20)                                                                 \
    X(SHARES, shares, struct pbc_share, 1u << 20)                                                                      \
    X(NATS, nats, struct pbc_nat, 1u << 12)                                                                            \
    X(OBSERVES, observes, struct pbc_observe, 256)                                                                     \
    X(OBSERVE_ENDPOINTS, observe_endpoints, struct pbc_endpoint, 1024)                                                 \
    X(CHOICES, choices, struct pbc_choice, 1u << 16)                                                                   \
    X(FUNCS, funcs, struct pbc_func, 1u << 20)                                                                         \
    X(CODE, code, struct insn, 1u << 24)                                                                               \
    X(MEMOS, memos, struct pbc_memo, 65535)                                                                            \
    X(CLASSIFIERS, classifiers, struct pbc_classifier, 1u << 16)                                                       \
    X(ENTRIES, entries, struct pbc_entry, 1u << 22)                                                                    \
    X(FORMATS, formats, struct pbc_format, 1u << 16)                                                                   \
    X(TREE, tree, uint64_t, 1u << 26)                                                                                  \
    X(BLOCKS, blocks, struct pbc_line, 1u << 23)                                                                       \
    X(RANKS, ranks, struct pbc_rank, 1u << 22)                                                                         \
    X(WOULD_RULES, would_rules, struct pbc_rule, 1u << 20)                                                             \
    X(WOULD_CHAINS, would_chains, struct pbc_chain, 1u << 20)                                                          \
    X(WOULD_FIREWALLS, would_firewalls, struct pbc_firewall, 1u << 12)                                                 \
    X(WOULD_MEMOS, would_memos, struct pbc_memo, 65535)                                                                \
    X(WOULD_TWINS, would_twins, uint32_t, (1u << 20) + (1u << 12))                                                     \
    X(TEXT, text, char, PBC_TEXT_MOST)                                                                                 \
    X(LIVES, lives, struct pbc_live, PBC_LIVES_MAX)                                                                    \
    X(LIVE_NODES, live_nodes, struct pbc_live_node, 1u << 16)                                                          \
    X(ADDS, adds, struct pbc_add, PBC_ADDS_MAX)                                                                        \
    X(NAMED, named, struct pbc_named, PBC_NAMED_MOST)                                                                  \
    X(ORIGIN, origin, uint8_t, PBC_DIGEST_LEN)

enum pbc_kind {
#define X(ident, name, type, most) PBC_##ident,
    PBC_SECTIONS(X)
#undef X
        PBC_KINDS
};

struct pbc_meta {
    uint32_t edition;
    uint32_t flags;         /* enum pbc_flag */
    uint32_t reach;         /* first bytes of a frame that rules may test (0: headers only) */
    uint32_t rejects_per_s; /* most replies per second that a worker sends */
    uint32_t longest_path;  /* instructions, calls expanded; the verifier recomputes and compares it */
    uint32_t source;        /* string: path of the main file */
    uint32_t services;      /* function that finds a service's branch for accepted packets; 0: no services */
    uint32_t streams;       /* function that finds a proxy service's branch by the first bytes; 0: no such service */
    /* A program with `audit` holds its rules twice: as they decide, in RULES, CHAINS, FIREWALLS and MEMOS, and as
     * they would without the word, in the sections of the same names behind WOULD_. Numbers in these, and in
     * functions from `would` on, are those of the WOULD_ sections; all other sections are shared. Firewalls in audit
     * are first. WOULD_TWINS holds for each of their rules, then of their firewalls' defaults, its number in RULES
     * or FIREWALLS; PBC_NONE: audited. */
    uint32_t
        would; /* function for decisions without `audit`; earlier functions call neither it nor later ones. 0: none */
    uint32_t would_classifiers; /* first classifier that these functions search */
};
enum pbc_flag {
    PBC_NEEDS_SELF = 1 << 0,   /* a rule or firewall asks for self or a direction */
    PBC_NAMES_ARP = 1 << 1,    /* a rule names arp: malformed ARP is dropped as `short-arp` */
    PBC_KEEPS_FLOWS = 1 << 3,  /* a condition asks `state` or `flows over`, or services or nats exist: the worker has
                                * a flow table */
    PBC_COUNTS_FLOWS = 1 << 4, /* a condition asks `flows over` */
    PBC_FOLLOWS_FRAGMENTS =
        1 << 5, /* decisions depend on fields that later fragments lack, so these follow their first */
    PBC_NAMES_FRAGMENT =
        1 << 6,            /* a rule names `fragment`: it is also tried on later fragments (judge/fragment_order.h) */
    PBC_OPENS = 1 << 7,    /* a rule's verdict opens tunnels: the packet inside is also judged */
    PBC_ASKS_WAY = 1 << 8, /* a condition asks `out on` (judge/ways.h) */
    PBC_ASKS_SOURCE = 1 << 9,  /* a condition asks `urpf-failed` */
    PBC_NATS_BY_WAY = 1 << 10, /* a statement of a nat has `out on` */
    PBC_CLAMPS = 1 << 11,      /* an interface has an `mss` */
};

/* `limits`, `timeouts` and `hash key`, defaults filled in: X(field, doc). `written` has a bit for each setting that the
 * file gives (bit 0: the first), for settings whose default depends on where they are used. */
#define PBC_SETTING_FIELDS(X) PBC_LIMIT_FIELDS(X) PBC_TIMEOUT_FIELDS(X)
#define PBC_LIMIT_FIELDS(X)                                                                                            \
    X(flows, "entries of a worker's flow table")                                                                       \
    X(half_open, "flows whose handshake isn't complete")                                                               \
    X(fragments, "datagrams whose fragments are remembered")                                                           \
    X(maglev, "slots of a Maglev table")                                                                               \
    X(classifier_bytes, "memory that the classifiers may take")                                                        \
    X(rejects_per_s, "replies per second that a worker sends for `reject`")                                            \
    X(macs, "stations that a worker of a bridge remembers")                                                            \
    X(routes, "routes held in memory; if the kernel has more, prey asks the kernel for each route")                    \
    X(proxy_sessions, "connections that a worker's proxy holds at once")                                               \
    X(first_bytes, "bytes of a connection that are read before its pool is chosen")                                    \
    X(observed, "connections that a worker observes at once")                                                          \
    X(observed_bytes, "memory for bytes of observed connections that wait")
#define PBC_TIMEOUT_FIELDS(X)                                                                                          \
    X(tcp_established_ns, "timeout of `tcp established`")                                                              \
    X(tcp_half_open_ns, "timeout of `tcp half_open`")                                                                  \
    X(tcp_closing_ns, "timeout of `tcp closing`")                                                                      \
    X(udp_ns, "timeout of `udp`")                                                                                      \
    X(icmp_ns, "timeout of `icmp`")                                                                                    \
    X(sctp_ns, "timeout of `sctp`")                                                                                    \
    X(other_ns, "timeout of `other`")                                                                                  \
    X(pickup_ns, "timeout of `pickup`")                                                                                \
    X(proxy_connect_ns, "timeout of `proxy connect`")                                                                  \
    X(proxy_idle_ns, "timeout of `proxy idle`")                                                                        \
    X(proxy_first_ns, "timeout of `proxy first`")                                                                      \
    X(proxy_half_close_ns, "timeout of `proxy half_close`")
enum {
#define X(field, doc) PBC_SETTING_##field,
    PBC_SETTING_FIELDS(X)
#undef X
        PBC_SETTINGS_KEYS /* also the bit of the hash key in `written` */
};
enum { PBC_FLOWS_MOST = 100000000 }; /* largest `flows` that `limits` accepts */
enum { PBC_MACS_DEFAULT = 4096, PBC_ROUTES_DEFAULT = 100000, PBC_ROUTES_MOST = 10000000 };
struct pbc_settings {
#define X(field, doc) uint64_t field;
    PBC_SETTING_FIELDS(X)
#undef X
    uint64_t written;
    uint8_t hash_key[PBC_DIGEST_LEN]; /* digest of the text; Maglev, `source` and shares hash with it */
};
