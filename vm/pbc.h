/* The program file (.pbc): one header, one section table, flat little-endian sections; no pointers.
 *
 *   struct pbc_header | struct pbc_section[header.sections] | section bytes, each aligned to 64
 *
 * The digest covers every byte after itself up to header.size. A section is an array of `count` entries of
 * `entry_size` bytes. Kinds and entry types are the rows of PBC_SECTIONS; a kind stands at most once and an absent
 * one is empty. The loader (load.c) copies the file into private memory and pads tables that the data path indexes
 * to a power of two; the verifier (verify.c) proves every index. The compiler writes it (compiler/image/emit.c).
 * Strings are offsets into STRINGS, where offset 0 is the empty string; PBC_NONE (~0) means "none" for indices. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm/tables.h"

#define PBC_MAGIC         "prey.pbc" /* 8 bytes, no NUL */
#define PBC_VERSION       9u
#define PBC_NONE          UINT32_MAX
#define PBC_TARGET        (PBC_NONE - 1) /* branch.shares: the server is the target that the client's instruction names */
#define PBC_DIGEST_LEN    32             /* BLAKE2b-256, RFC 7693 */
#define PBC_ALIGN         64
#define PBC_SCHEDULES_MAX 20u /* each has a bit in key.marks */

struct pbc_header {
    char magic[8];
    uint8_t digest[PBC_DIGEST_LEN]; /* of the bytes from `version` to the end of the file */
    uint32_t version;
    uint32_t sections;
    uint64_t size;     /* of the whole file, bytes */
    uint64_t reserved; /* 0 */
};
static_assert(sizeof(struct pbc_header) == 64, "layout");

struct pbc_section {
    uint32_t kind; /* enum pbc_kind */
    uint32_t entry_size;
    uint64_t offset; /* from the file's start, a multiple of PBC_ALIGN */
    uint64_t count;
    uint64_t reserved; /* 0 */
};
static_assert(sizeof(struct pbc_section) == 32, "layout");

/* X(IDENT, field, entry type, most entries); `field` names it in struct program and in listings. */
#define PBC_SECTIONS(X)                                                                                                \
    X(META, meta, struct pbc_meta, 1)                                                                                  \
    X(STRINGS, strings, char, 1u << 28)                                                                                \
    X(RULES, rules, struct pbc_rule, 1u << 20)                                                                         \
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
    X(POOLS, pools, struct pbc_pool, 1u << 16)                                                                         \
    X(SERVERS, servers, struct pbc_server, 1u << 20)                                                                   \
    X(SERVICES, services, struct pbc_service, 1u << 16)                                                                \
    X(PROXIES, proxies, struct pbc_proxy, 1u << 16)                                                                    \
    X(CERTS, certs, struct pbc_cert, 1u << 16)                                                                         \
    X(ENDPOINTS, endpoints, struct pbc_endpoint, 1u << 20)                                                             \
    X(BRANCHES, branches, struct pbc_branch, 1u << 20)                                                                 \
    X(SHARES, shares, struct pbc_share, 1u << 20)                                                                      \
    X(NATS, nats, struct pbc_nat, 1u << 12)                                                                            \
    X(FUNCS, funcs, struct pbc_func, 1u << 20)                                                                         \
    X(CODE, code, struct insn, 1u << 24)                                                                               \
    X(MEMOS, memos, struct pbc_memo, 65535)                                                                            \
    X(CLASSIFIERS, classifiers, struct pbc_classifier, 1u << 16)                                                       \
    X(ENTRIES, entries, struct pbc_entry, 1u << 22)                                                                    \
    X(FORMATS, formats, struct pbc_format, 1u << 16)                                                                   \
    X(TREE, tree, uint64_t, 1u << 26)                                                                                  \
    X(BLOCKS, blocks, struct pbc_block, 1u << 21)

enum pbc_kind {
#define X(ident, name, type, most) PBC_##ident,
    PBC_SECTIONS(X)
#undef X
        PBC_KINDS
};

struct pbc_meta {
    uint32_t edition;
    uint32_t flags;         /* enum pbc_flag */
    uint32_t reach;         /* bytes of a frame, from its first, that rules may test (0: headers alone) */
    uint32_t rejects_per_s; /* answers a second a worker */
    uint32_t longest_path;  /* instructions, calls expanded: the verifier recomputes and compares */
    uint32_t source;        /* string: path of the main file */
    uint32_t services;      /* function that finds the branch of a service for what was let in; 0: no services */
    uint32_t streams; /* function that finds the branch of a proxy service by the first bytes; 0: no such service */
};
enum pbc_flag {
    PBC_NEEDS_SELF = 1 << 0,   /* some rule or firewall asks for self or a direction */
    PBC_NAMES_ARP = 1 << 1,    /* some rule names arp: malformed ARP is `drop`, `short-arp` */
    PBC_KEEPS_FLOWS = 1 << 3,  /* some condition asks `state` or `flows over`, or there are services or nats: the worker
                                  has a  flow table */
    PBC_COUNTS_FLOWS = 1 << 4, /* some condition asks `flows over` */
    PBC_FOLLOWS_FRAGMENTS = 1 << 5, /* something depends on what later fragments lack: they follow their first */
    PBC_NAMES_FRAGMENT =
        1 << 6,            /* some rule names `fragment`: it is tried on later fragments too (judge/fragment_order.h) */
    PBC_OPENS = 1 << 7,    /* some rule's verdict opens tunnels: what is inside a packet is judged too */
    PBC_ASKS_WAY = 1 << 8, /* some condition asks `out on` (judge/ways.h) */
    PBC_ASKS_SOURCE = 1 << 9, /* some condition asks `urpf-failed` */
};

/* A place in the rules' source: 1-based line and column, length in bytes (0: the line). */
struct pbc_place {
    uint32_t file; /* string */
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
    PBC_RULE_LOG = 1 << 0 /* logs when it matches */,
    PBC_RULE_ARP = 1 << 1 /* judges ARP too */,
    PBC_RULE_NOT_FRAMES = 1 << 2 /* judges nothing but ARP */
};

/* The rule list as written: the naive executor and explain run on it. Rules of one list stand together, in order. */
struct pbc_rule {
    uint32_t name;              /* string, 0: unnamed, printed as LIST:LINE */
    uint32_t list;              /* index of its firewall, or its chain | PBC_LIST_CHAIN */
    struct pbc_place place;     /* of the verdict's keyword */
    uint32_t comment;           /* string or 0 */
    uint32_t conds, cond_count; /* into CONDS */
    uint32_t chain;             /* for DO, else PBC_NONE */
    uint32_t log_meter;         /* 1 + the meter that limits what the rule logs, 0: it logs every match */
    uint32_t log_prefix;        /* string that the lines of its log begin with, 0: none */
    uint8_t verdict;            /* enum pbc_verdict */
    uint8_t answer;             /* enum pbc_answer */
    uint8_t flags;              /* enum pbc_rule_flag */
    uint8_t reserved;
    uint16_t port; /* of a verdict that takes one, else 0 */
    uint16_t reserved2;
};
static_assert(sizeof(struct pbc_rule) == 52, "layout");
#define PBC_LIST_CHAIN 0x80000000u

enum pbc_cond_flag { PBC_COND_NOT = 1 << 0, PBC_COND_ANY = 1 << 1 /* the list holds `any` */ };
struct pbc_cond {
    uint8_t kind;  /* enum cond_kind, cond.def */
    uint8_t flags; /* enum pbc_cond_flag */
    uint16_t reserved;
    uint32_t arg;           /* as cond.def says */
    uint32_t first, count;  /* operands: into RANGES, SETS, MACSETS or PATTERNS as cond.def says */
    uint32_t name;          /* string: the one name the list was written with ("abusers", "web"), else 0 */
    struct pbc_place place; /* of the whole condition */
};
static_assert(sizeof(struct pbc_cond) == 32, "layout");
enum { PBC_PROTO_IP4 = 256 };         /* COND_PROTO compares n in either family, PBC_PROTO_IP4 + n in IPv4 alone */
enum { VLAN_ANY = 1, VLAN_NONE = 2 }; /* COND_VLAN arg */
enum { MAC_MULTICAST = 1, MAC_BROADCAST = 2 }; /* COND_ETHER_* arg, JMACK imm; broadcast is multicast, too */

struct pbc_range {
    uint32_t lo, hi;
}; /* inclusive */
struct pbc_range6 {
    uint64_t lo_hi, lo_lo, hi_hi, hi_lo;
}; /* inclusive; upper and lower 64 bits of lo, then of hi */

/* An address set: sorted, disjoint, non-adjacent ranges of each family. A MAC set: sorted 48-bit numbers
 * (first4/count4 index MACS, first6/count6 are 0). */
struct pbc_set {
    uint32_t name; /* string, 0: anonymous */
    struct pbc_place place;
    uint32_t first4, count4, first6, count6;
};
/* A list of host names and globs: HOSTS holds strings in normal form and in order, none covered by a glob of its list
 * (host_compare). A list of texts: likewise, in their order, `*` at the end stands for anything (text_compare). */
enum pbc_names_kind { PBC_NAMES_HOSTS, PBC_NAMES_TEXTS };
struct pbc_names {
    uint32_t name; /* string */
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
    uint8_t len;    /* 1..PBC_PATTERN_MAX */
    uint8_t is_not; /* 1: holds where as many bytes are there, and differ */
    uint8_t reserved[3];
    uint8_t value[PBC_PATTERN_MAX], mask[PBC_PATTERN_MAX]; /* value & ~mask is 0 */
};
/* A verdict that may be remembered for a flow: whatever else an established packet of the flow and direction holds, on
 * the same interface and for the same own addresses, this rule (or RULE_DEFAULT) decides it in this firewall, and no
 * other rule counts or logs it. Ascending by (firewall, rule). */
struct pbc_memo {
    uint32_t rule, firewall;
};
/* One device, or, where `device` ends in `*`, all whose names begin so and that no longer pattern and no device of the
 * table names: its id stands for those alone (iface_match). */
struct pbc_iface {
    uint32_t name /* string, 0: used by device alone */, device /* string */;
    uint32_t within; /* 1 + the longest pattern of the table, but itself, that holds all that it names; 0: none does */
    uint32_t reserved;
};
struct pbc_chain {
    uint32_t name;
    uint32_t rules, rule_count;
};

enum pbc_direction { PBC_DIR_ANY, PBC_DIR_IN, PBC_DIR_OUT, PBC_DIR_FORWARD };
enum pbc_other { PBC_OTHER_DEFAULT, PBC_OTHER_PASS, PBC_OTHER_DROP };
struct pbc_firewall {
    uint32_t name;
    struct pbc_place place;
    uint32_t iface; /* interface id or PBC_NONE */
    uint32_t rules, rule_count;
    uint8_t direction;       /* enum pbc_direction; ANY: every frame that arrives */
    uint8_t default_verdict; /* ACCEPT, DROP or REJECT */
    uint8_t other;           /* enum pbc_other */
    uint8_t reserved;
};

/* A token bucket for each key: `count` tokens every `per_ns`, at most `burst` at once. A packet costs one, or its IP
 * length in bytes. Not named: the rate of a rule's log. */
enum pbc_per { PBC_PER_NONE, PBC_PER_SOURCE, PBC_PER_DESTINATION, PBC_PER_FLOW };
enum pbc_meter_unit { PBC_METER_PACKETS, PBC_METER_BYTES };
struct pbc_meter {
    uint32_t name; /* string, 0: of a rule's log */
    struct pbc_place place;
    uint32_t entries;   /* keys that are told apart; 0 without `per` */
    uint8_t per;        /* enum pbc_per */
    uint8_t unit;       /* enum pbc_meter_unit */
    uint8_t len4, len6; /* bits of an address that make the key; 0 where `per` asks for none */
    uint64_t count, per_ns, burst;
    uint32_t reserved[4];
};
static_assert(sizeof(struct pbc_meter) == 64, "layout");
#define PBC_METER_ENTRIES_MAX (1u << 22) /* all meters together: 800 MiB of tables at most (up to 3 slots an entry) */
#define PBC_METER_REFILL_MAX  (365ull * 86400 * 1000000000) /* ns until an empty bucket is full */

/* Networks of which `flows over` counts flows: bits of a source's address, 32 and 128 for each address. No two alike.
 */
struct pbc_grain {
    uint8_t len4, len6;
    uint16_t reserved;
};
static_assert(sizeof(struct pbc_grain) == 4, "layout");
enum { PBC_GRAINS_MAX = 4 };

/* When it is active, in the zone's time. A span begins on the days of its mask; one that ends no later than it begins
 * runs over midnight. */
struct pbc_schedule {
    uint32_t name, zone; /* strings; zone 0: UTC */
    struct pbc_place place;
    uint32_t first, count; /* into SPANS */
    uint32_t reserved;
};
static_assert(sizeof(struct pbc_schedule) == 32, "layout");
struct pbc_span {
    uint16_t from, to; /* minutes since midnight: 0..1439, 1..1440 */
    uint8_t days;      /* bit 0: Monday; 0: it is of dates */
    uint8_t reserved[3];
    uint32_t first, last; /* of dates: days since 1970; from `from` of the first up to `to` of the last. Else 0 */
};
static_assert(sizeof(struct pbc_span) == 16, "layout");

/* `limits`, `timeouts` and `hash key`, defaults filled in: X(field, doc). `written` has the bit of each that the file
 * says (bit 0: the first), for those whose default depends on where it is used. */
#define PBC_SETTING_FIELDS(X) PBC_LIMIT_FIELDS(X) PBC_TIMEOUT_FIELDS(X)
#define PBC_LIMIT_FIELDS(X)                                                                                            \
    X(flows, "entries of a worker's flow table")                                                                       \
    X(half_open, "flows whose handshake is not complete")                                                              \
    X(fragments, "datagrams whose fragments are remembered")                                                           \
    X(maglev, "slots of a Maglev table")                                                                               \
    X(classifier_bytes, "memory that the classifiers may take")                                                        \
    X(rejects_per_s, "answers of `reject` that a worker sends")                                                        \
    X(macs, "stations that a worker of a bridge remembers")                                                            \
    X(routes, "routes that are held; where the kernel has more, it is asked for each way")                             \
    X(proxy_sessions, "connections that a worker's proxy holds at once")                                               \
    X(first_bytes, "bytes of a connection that are looked at before its pool is chosen")
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
enum { PBC_FLOWS_MOST = 100000000 }; /* the largest `flows` that `limits` accepts */
enum { PBC_MACS_DEFAULT = 4096, PBC_ROUTES_DEFAULT = 100000, PBC_ROUTES_MOST = 10000000 };
struct pbc_settings {
#define X(field, doc) uint64_t field;
    PBC_SETTING_FIELDS(X)
#undef X
    uint64_t written;
    uint8_t hash_key[PBC_DIGEST_LEN]; /* the digest of the text; what Maglev, `source` and shares hash with */
};

/* Where accepted traffic goes. A pool is a run of SERVERS, a service runs of ENDPOINTS and BRANCHES, a branch a run of
 * CONDS (all must hold; none: it is the `else`) and of SHARES. What only flows or live checks need is stored as written
 * and waits for them. */
enum pbc_check_kind { PBC_CHECK_TCP, PBC_CHECK_HTTP, PBC_CHECK_HTTPS, PBC_CHECK_ICMP, PBC_CHECK_UDP, PBC_CHECK_KINDS };
enum pbc_check_flag { PBC_CHECK_NO_VERIFY = 1 << 0, PBC_CHECK_PASSIVE = 1 << 1, PBC_CHECK_VIA_SERVICE = 1 << 2 };
struct pbc_check {
    uint32_t name;
    struct pbc_place place;
    uint8_t kind;                       /* enum pbc_check_kind */
    uint8_t flags;                      /* enum pbc_check_flag */
    uint16_t port;                      /* 0: the server's */
    uint32_t path, host, sni, ca, body; /* strings; 0: none */
    uint32_t send, expect;              /* PATTERNS whose value is sent, or must begin the answer; PBC_NONE */
    uint32_t status, status_count;      /* RANGES of status codes */
    uint32_t every_ms, timeout_ms;
    uint16_t rise, fall;
    uint8_t from_family; /* 4 or 6; 0: the host's choice */
    uint8_t reserved[3];
    uint32_t from[4];
};

enum pbc_down { PBC_DOWN_RESET, PBC_DOWN_KEEP };
struct pbc_pool {
    uint32_t name;
    struct pbc_place place;
    uint32_t servers, server_count;          /* at least one */
    uint32_t check;                          /* of servers that name none of their own; PBC_NONE */
    uint32_t sources, source_count;          /* SETS: addresses for translation; none: the interface's own */
    uint16_t source_port_lo, source_port_hi; /* of `sources`; 0-0 without them: PBC_OWN_PORT_LO to 65535 */
    uint32_t retries;
    uint8_t balance; /* enum lb_kind */
    uint8_t on_down; /* enum pbc_down */
    uint16_t reserved;
    uint64_t drain_ns;
    uint64_t slow_start_ns; /* how long a server that came up takes to reach its weight; 0: at once */
};
static_assert(sizeof(struct pbc_pool) == 64, "KERNEL.md");
enum pbc_server_flag { PBC_SERVER_BACKUP = 1 << 0, PBC_SERVER_HAS_MAC = 1 << 1 };
struct pbc_server {
    uint32_t name, pool;
    struct pbc_place place;
    uint32_t addr[4]; /* as in struct key: host order, v4 in word 0 */
    uint32_t check;   /* PBC_NONE: the pool's */
    uint16_t port;    /* 0: the client's destination port is kept */
    uint16_t weight;  /* 0..1000 */
    uint8_t family;   /* 4 or 6 */
    uint8_t flags;    /* enum pbc_server_flag */
    uint16_t reserved;
    uint64_t mac;
    uint32_t max_flows; /* sessions at once, of proxy services; 0: no bound */
    uint32_t reserved2;
};
static_assert(sizeof(struct pbc_server) == 64, "KERNEL.md");

enum pbc_mode {
#define MODE(ident, name, traits, doc) PBC_MODE_##ident,
#include "vm/mode.def"
    PBC_MODES
};
enum pbc_no_server { PBC_NO_SERVER_RESET, PBC_NO_SERVER_DROP, PBC_NO_SERVER_PASS };
struct pbc_service {
    uint32_t name;
    struct pbc_place place;
    uint32_t endpoints, endpoint_count; /* at least one */
    uint32_t branches, branch_count;    /* in order; the last has no conditions */
    uint8_t mode;                       /* enum pbc_mode */
    uint8_t no_server;                  /* enum pbc_no_server */
    uint16_t gue_port;
    uint32_t max_flows, max_flows_per_source; /* at once; 0: no bound */
    uint32_t rate;        /* 1 + the meter that a packet which opens a flow must be within; 0: none */
    uint16_t mss;         /* clamp of SYNs: 0: none, PBC_MSS_AUTO: what the way to the server bears, else the number */
    uint8_t flags;        /* enum pbc_service_flag */
    uint8_t gue_variant;  /* that `dsr gue` sends: 0 or 1 */
    uint32_t proxy;       /* 1 + its entry of PROXIES: of modes with MODE_PROXIES; 0: of all others */
    uint64_t idle_ns;     /* of flows that both sides use; 0: as in the timeouts */
    uint64_t affinity_ns; /* how long a source keeps its server after its last flow ended; 0: no affinity */
    uint64_t reserved2[7];
};
static_assert(sizeof(struct pbc_service) == 128, "KERNEL.md");
enum pbc_service_flag { PBC_SERVICE_COOKIES = 1 << 0, PBC_SERVICE_ANNOUNCE = 1 << 1 };
#define PBC_MSS_AUTO 0xffffu

/* What a service of a mode with MODE_PROXIES says besides. One entry a service, in their order. Strings: 0 is none. */
enum pbc_proxy_flag {
    PBC_PROXY_TRANSPARENT = 1 << 0, /* servers see the client's address */
    PBC_PROXY_SEND_V1 = 1 << 1,     /* a PROXY header goes before all else */
    PBC_PROXY_SEND_V2 = 1 << 2,
    PBC_PROXY_ACCEPT = 1 << 3, /* clients of `accept_from` begin with a PROXY header, no others may */
    PBC_PROXY_TLS_TO_SERVER = 1 << 4,
    PBC_PROXY_TLS_NO_VERIFY = 1 << 5, /* of servers */
    PBC_PROXY_LOG_COMMON = 1 << 6,    /* how the access log looks: at most one of these */
    PBC_PROXY_LOG_JSON = 1 << 7,
    PBC_PROXY_LOG_SYSLOG = 1 << 8,      /* it goes to syslog; without, to the file `log_file` */
    PBC_PROXY_AFFINITY_COOKIE = 1 << 9, /* affinity_name is a cookie's name */
    PBC_PROXY_AFFINITY_HEADER = 1 << 10,
    PBC_PROXY_RELOAD_CLOSE = 1 << 11, /* `on reload close` */
    PBC_PROXY_FLAGS = (1 << 12) - 1
};
struct pbc_proxy {
    uint32_t service, flags;            /* flags: enum pbc_proxy_flag */
    uint32_t accept_from, accept_count; /* SETS: who is trusted to send PROXY headers */
    uint32_t certs, cert_count;         /* CERTS: TLS ends here; the first is for names that no other fits */
    uint32_t server_sni, server_ca;     /* strings: name that servers are asked for and verified by; file of CAs */
    uint32_t affinity_name, log_file;   /* strings: of a cookie, or of a field in lower case; path of the access log */
    uint32_t queue, queue_ms;           /* connections that wait for a server that is full, and how long; 0: none */
    uint64_t first_ns;                  /* `first bytes within`; 0: settings.proxy_first_ns */
    uint64_t affinity_ns;               /* how long a cookie is kept; 0: as long as the client runs */
    uint32_t wants; /* enum first_wants (vm/stream/wants.h): what its branches ask of the first bytes */
    uint32_t reserved[15];
};
static_assert(sizeof(struct pbc_proxy) == 128, "layout");
struct pbc_cert {
    uint32_t cert, key; /* strings: paths of PEM files, as they were written */
    struct pbc_place place;
};
static_assert(sizeof(struct pbc_cert) == 20, "layout");
#define PBC_PROXY_PORTS_MAX 1024u /* pairs of an address and a port that one proxy service listens at */

/* `nat NAME { … }`, one entry a statement, in the file's order: the first that fits a new flow translates it.
 *   MASQUERADE  source in `from`, leaving on `iface`: from that interface's address and a port of the range
 *   SOURCE      the same from one of `outside`, the same for all flows of a source
 *   FORWARD     destination `to`, protocol and port: to `target` and its port
 *   MAP         the prefix of `len` bits at `target`, inside, is that at `to`, outside: of what leaves the source, of
 * what arrives the destination; all else stays as it is */
enum pbc_nat_kind { PBC_NAT_MASQUERADE, PBC_NAT_SOURCE, PBC_NAT_FORWARD, PBC_NAT_MAP, PBC_NAT_KINDS };
struct pbc_nat {
    uint32_t name; /* string: of the block */
    struct pbc_place place;
    uint32_t from, from_count; /* SETS: sources; none: any */
    uint32_t iface;            /* that it leaves by; FORWARD: that it came in by; PBC_NONE: any */
    uint32_t to[4], target[4]; /* FORWARD, MAP: as in struct key */
    uint16_t port_lo, port_hi; /* MASQUERADE, SOURCE: ports to translate to; FORWARD: those that are forwarded */
    uint16_t target_port;      /* of port_lo; the others follow it in order; 0: kept */
    uint8_t kind;              /* enum pbc_nat_kind */
    uint8_t family;            /* 4 or 6; MASQUERADE: 0, both */
    uint8_t proto;             /* FORWARD: enum pbc_endpoint_proto; an echo has ports 0-0 and target port 0 */
    uint8_t flags;             /* enum pbc_nat_flag */
    uint8_t ip_proto;          /* FORWARD of PBC_EP_IP: the protocol's number */
    uint8_t len;               /* MAP: of both prefixes */
    uint16_t mss;              /* clamp of SYNs, as of struct pbc_service */
    uint8_t reserved[2];
    uint32_t outside, outside_count; /* SETS; SOURCE: addresses to translate to, those of `family` */
    uint8_t reserved2[44];
};
static_assert(sizeof(struct pbc_nat) == 128, "KERNEL.md");
enum pbc_nat_flag { PBC_NAT_TO_SELF = 1 << 0 /* FORWARD: `to` is any address of this machine, of `family` */ };
/* Of the endpoints that hold a packet the most specific decides: an address before `self` before any, then a protocol
 * before any, then fewer ports before more, then the first in the file. Only IP packets that the host does not send
 * itself. */
enum pbc_endpoint_to { PBC_TO_ADDRESS, PBC_TO_SELF, PBC_TO_ANY };
enum pbc_endpoint_proto {
#define ENDPOINT(ident, name, kinds, doc) PBC_EP_##ident,
#include "vm/endpoint.def"
    PBC_EP_PROTOS
};
struct pbc_endpoint {
    uint32_t service;
    struct pbc_place place;
    uint32_t addr[4];          /* of PBC_TO_ADDRESS, as in struct key */
    uint16_t port_lo, port_hi; /* of protocols with ports: the packet has ports, and its destination's is one of them */
    uint8_t to;                /* enum pbc_endpoint_to */
    uint8_t family;            /* 4 or 6 of an address, else 0 */
    uint8_t proto;             /* enum pbc_endpoint_proto; an echo is an ICMP echo request */
    uint8_t reserved;
};
struct pbc_branch {
    uint32_t service;
    struct pbc_place place;
    uint32_t conds, cond_count;
    uint32_t shares, share_count; /* no shares: nothing matched, which is "no server"; shares PBC_TARGET: the target */
};
static_assert(sizeof(struct pbc_branch) == 32, "KERNEL.md");
struct pbc_share {
    uint32_t pool, percent;
}; /* those of a branch add up to 100 */

enum {
    PBC_OWN_PORT_LO = 61000, /* ports that the host does not hand out: for an address that it has itself, up to 65535 */
    PBC_SOURCE_PORT_LO = 1024,      /* for addresses for translation alone, up to 65535 */
    PBC_SLOTS_MAX = 1 << 26,        /* of all tables that a worker makes for pools (pbc_pool_slots) */
    PBC_SOURCES_MAX = 4096,         /* addresses of a pool's `source` */
    PBC_OUTSIDES_MAX = 1 << 16,     /* addresses that all nats translate to */
    PBC_PORT_SPACES_MAX = 1 << 16,  /* pairs of an address that is written as a `source` and a server, all pools */
    PBC_SERVER_NAMES_MAX = 1 << 27, /* bytes of "POOL/SERVER" of all servers together */
};

/* A function: straight code with one entry, called with no argument, returning one scalar. Function 0 is the program;
 * function meta.services is run after it for what it accepted, function meta.streams when the first bytes of a
 * connection to a proxy service have come. A call only goes to a function with a higher index (so calls are acyclic),
 * at most 4 deep. */
struct pbc_func {
    uint32_t name /* string */, first, count;
};
struct insn {
    uint8_t op, a;
    uint16_t to;
    uint32_t imm;
};
static_assert(sizeof(struct insn) == 8, "KERNEL.md");

/* A classifier stands for a list of rules, in its order: its entries. It finds the first entry, from a given one on,
 * all of whose masks and port ranges hold for a header key (vm/judge/classify/README.md: walks of it;
 * compiler/classify: how it is built).
 *
 * All numbers inside are relative to the classifier's own part of ENTRIES, FORMATS, TREE and BLOCKS; the parts of one
 * classifier after another tile each section. The search begins at word 0 of its tree. A word is one of
 *   CUT    go on at word base + (key.word[word] >> shift & mask of `bits` bits)
 *   FORK   the lower entry of what words base and base + 1 find; `least` is the lowest entry below base + 1, so that
 *          part is visited only where the first found none lower
 *   LEAF   a run of blocks from `base` on, in a format
 *   NONE   nothing below here
 * A base is greater than the word's own number, so a tree has no circles; tables (2^bits words, or two) that differ in
 * their base do not overlap, those that share one have one size. Unused bits of a word are 0. Runs may share blocks
 * where they read them in one format. */
enum tree_kind { TREE_NONE, TREE_CUT, TREE_FORK, TREE_LEAF };
#define TREE_KIND(w)   ((unsigned)(w)&3u)
#define TREE_BASE(w)   ((uint32_t)((w) >> 32))             /* CUT, FORK: a word; LEAF: a block */
#define TREE_WORD(w)   ((unsigned)((w) >> 2) & 7u)         /* CUT: of key.word */
#define TREE_SHIFT(w)  ((unsigned)((w) >> 5) & 63u)        /* CUT */
#define TREE_BITS(w)   (((unsigned)((w) >> 11) & 15u) + 1) /* CUT: 1..16 */
#define TREE_LEAST(w)  ((uint32_t)((w) >> 2) & 0x3fffffu)  /* FORK: 22 bits */
#define TREE_FORMAT(w) ((uint32_t)((w) >> 2) & 0xffffu)    /* LEAF */
#define TREE_CUT_WORD(base, word, shift, bits)                                                                         \
    ((uint64_t)(base) << 32 | (uint64_t)((bits)-1) << 11 | (uint64_t)(shift) << 5 | (uint64_t)(word) << 2 | TREE_CUT)
#define TREE_FORK_WORD(base, least)  ((uint64_t)(base) << 32 | (uint64_t)(least) << 2 | TREE_FORK)
#define TREE_LEAF_WORD(base, format) ((uint64_t)(base) << 32 | (uint64_t)(format) << 2 | TREE_LEAF)

struct pbc_classifier {
    uint32_t name; /* string: of the list */
    uint32_t entries, entry_count;
    uint32_t formats, format_count;
    uint32_t tree, tree_count; /* at least one word */
    uint32_t blocks, block_count;
    /* Of all ways through the tree the worst, each for itself: the verifier recomputes and compares. At a CUT the worst
     * of its table's words, at a FORK both of its words together. */
    uint32_t words;    /* of the tree that are read: each word counts 1 */
    uint32_t compared; /* blocks of 256 bytes that are read, where nothing before the last one matches */
    uint32_t forks;    /* on a path from the root, at most PBC_FORKS_MAX: the worst of a FORK's words, and 1 */
    uint32_t chain;    /* entries with code that stand on all paths of one search together: at most so many are asked in
                          turn.    A leaf counts each of its entries once, a FORK adds up */
    uint32_t reserved[3];
};
static_assert(sizeof(struct pbc_classifier) == 64, "KERNEL.md");

/* What is done when an entry is found. code 0: its rule decides, and nothing else happens. Else the number of an
 * instruction of the function that classifies, counted from its first: the rest of the rule's tests, or what it does
 * beside deciding; it may end in AGAIN, which goes on behind this entry. */
struct pbc_entry {
    uint32_t rule, code;
};

/* Which parts of the key the columns of a block compare. A block holds eight rules, lane by lane, in columns of eight
 * u32; `size` units of 256 bytes together are one:
 *   size 1: 2 slots, size 2: 6 slots, size 4: 14 slots: first a column of values for each, then a column of masks for
 * each (so that two columns beside each other are alike): key.slot[i] & mask == value then source port, destination
 * port: lo | (65535 - hi) << 16 then one half: value | mask << 16: key.half[half] & mask == value then the entry; bit
 * 31 of lane 7: another block of the run follows Lanes ascend by entry, also from block to block. What a format does
 * not use has slot 0 (half 20) and masks 0. An unused lane has mask 0 and value 1 in its first slot, and the entry
 * PBC_LANE_NONE. */
struct pbc_format {
    uint8_t size;     /* 1, 2 or 4 */
    uint8_t half;     /* 20..31 */
    uint8_t slot[14]; /* those behind the size's number are 0 */
};
static_assert(sizeof(struct pbc_format) == 16, "KERNEL.md");
struct pbc_block {
    uint32_t col[8][8];
}; /* [column][lane] */
static_assert(sizeof(struct pbc_block) == 256, "KERNEL.md");
#define PBC_LANE_MORE 0x80000000u
#define PBC_LANE_NONE 0x3fffffu
static inline unsigned pbc_format_slots(unsigned size) { return size * 4 - 2; }
/* Numbers of a block's columns behind values (0 ..) and masks (pbc_format_slots ..), in u32[8] from its first. */
static inline unsigned pbc_col_sport(unsigned size) { return size * 8 - 4; }
static inline unsigned pbc_col_dport(unsigned size) { return size * 8 - 3; }
static inline unsigned pbc_col_half(unsigned size) { return size * 8 - 2; }
static inline unsigned pbc_col_entry(unsigned size) { return size * 8 - 1; }

enum {
    PBC_TREE_DEPTH = 32, /* words on a path from the root to a leaf, and forks among them: */
    PBC_FORKS_MAX = 6,
    PBC_COMPARED_MAX = 1 << 15, /* units of 256 bytes that one search may compare */
    PBC_CHAIN_WARN = 32,        /* entries with code that one packet may be asked in turn: warned of, */
    PBC_CHAIN_MAX = 1024,       /* and refused */
};

enum {
    PBC_CALL_DEPTH = 4,   /* nested calls below function 0: the kernel has 8 frames, for its entry, function 0, these, a
                             classifier and its leaf */
    PBC_CHAIN_DEPTH = 16, /* nested `do` in the rule list */
    PBC_BRANCH_MAX = 2000,  /* instructions a branch may skip */
    PBC_PATH_MAX = 1000000, /* longest path in instructions, calls expanded */
    PBC_BLOCK_RULES = 1000, /* rules in one function of straight code */
    PBC_REGS = 8,
    PBC_NAME_MAX = 4096,    /* bytes of a name or path; comments may be longer */
    PBC_WALK_MAX = 1 << 24, /* rules, conditions and operands that the naive executor may try for one packet */
};
#define PBC_SIZE_MAX (1ull << 30) /* bytes of a file: 1 GiB */

/* The longest path in instructions through function 0 and then, unless it is 0, function `services`, or through
 * function `streams`, whichever is longer, calls expanded: an instruction counts 1, a CALL 1 and the longest path of
 * what it calls. A CLASSIFY counts 1 and what a search reads, words and blocks, each time it may search: once, and once
 * behind each entry with code that may be asked in turn; and the longest ways from as many entries' code. Saturates at
 * UINT32_MAX. What meta.longest_path must say. The code need not be verified; what leads outside counts as an end.
 * Returns 0 when memory is out. */
struct pbc_code {
    const struct pbc_func *funcs;
    const struct insn *code;
    const struct pbc_classifier *classifiers;
    const struct pbc_entry *entries;
    uint32_t funcs_count, code_count, classifiers_count, entries_count;
    uint32_t services, streams;
};
uint32_t pbc_longest_path(const struct pbc_code *c);

/* Those of meta.flags that follow from the rules' conditions and the services (PBC_NEEDS): what meta must say, the
 * others left out. The operands of conditions and the conditions of rules are in bounds. `before`: room for conds_count
 * + 1. */
#define PBC_ASKS_ROUTES (PBC_ASKS_WAY | PBC_ASKS_SOURCE)
#define PBC_NEEDS                                                                                                      \
    (PBC_KEEPS_FLOWS | PBC_COUNTS_FLOWS | PBC_FOLLOWS_FRAGMENTS | PBC_NAMES_FRAGMENT | PBC_OPENS | PBC_ASKS_ROUTES)
struct pbc_lists {
    const struct pbc_rule *rules;
    const struct pbc_cond *conds;
    const struct pbc_pattern *patterns;
    const struct pbc_meter *meters;
    uint32_t rules_count, conds_count, services_count, nats_count;
};
uint32_t pbc_needs(const struct pbc_lists *l, uint32_t *before);

/* Does the condition ask for nothing but what all established packets of one direction of a flow, on one interface,
 * have in common? The type of an ICMP query is its flow's; whether a packet carries AH is its own. And for nothing but
 * what a connection has, so that a `when` of a proxy service may ask it? */
bool pbc_asks_flow(const struct pbc_cond *c);
bool pbc_asks_stream(const struct pbc_cond *c);

/* A section of a file to be. */
struct pbc_part {
    uint32_t kind, entry_size;
    uint64_t count;
    const void *bytes;
};
/* The file of these sections, which stand in order of their kinds, none of them empty: laid out one after the other,
 * then the digest. malloc'd, *len bytes; NULL: out of memory. */
uint8_t *pbc_file(const struct pbc_part parts[], unsigned n, uint64_t *len);

/* The digest over `len` bytes (BLAKE2b-256, unkeyed, RFC 7693). */
void pbc_digest(const void *bytes, uint64_t len, uint8_t out[PBC_DIGEST_LEN]);

/* The families of a pool's servers, of enum pbc_families. */
enum pbc_families { PBC_FAMILY_4 = 1, PBC_FAMILY_6 = 2 };
unsigned pbc_pool_families(const struct pbc_pool *pool, const struct pbc_server *servers);
/* Slots of the tables that a worker makes for these pools, each at `slots`: a pool with servers of both families has
 * three. A small table counts as what is needed beside it. */
uint64_t pbc_pool_slots(const struct pbc_pool *pools, uint32_t count, const struct pbc_server *servers, uint64_t slots);
