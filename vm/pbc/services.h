/* Sections of the program file: services, their pools, servers and checks, options of the proxy, and translation. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc/rules.h"

/* Destinations of accepted traffic. A pool is a run of SERVERS, a service has runs of ENDPOINTS and BRANCHES, a branch
 * has runs of CONDS (all must hold; none: the `else`) and of SHARES. Values for flows and live checks are stored as
 * written. */
enum pbc_check_kind { PBC_CHECK_TCP, PBC_CHECK_HTTP, PBC_CHECK_HTTPS, PBC_CHECK_ICMP, PBC_CHECK_UDP, PBC_CHECK_KINDS };
enum pbc_check_flag {
    PBC_CHECK_NO_VERIFY = 1 << 0,
    PBC_CHECK_PASSIVE = 1 << 1,
    PBC_CHECK_VIA_SERVICE = 1 << 2,
    PBC_CHECK_WITHOUT_PROXY = 1 << 3, /* the check's probes begin without the pool's PROXY header */
    PBC_CHECK_FLAGS = (1 << 4) - 1
};
/* A step of a check: bytes to send or to find in the reply. Steps of a check are in order, each owns its bytes. A
 * tcp check has SEND, EXPECT and HAS in any order, a udp check one SEND and then one of the others, an http or https
 * check HEADERs, and then at most one HAS, of the body. */
enum pbc_step_kind {
    PBC_STEP_SEND,
    PBC_STEP_EXPECT, /* the reply continues with these bytes */
    PBC_STEP_HAS,    /* these bytes occur in the rest of the reply */
    PBC_STEP_HEADER, /* line of a request: "Name: value" */
    PBC_STEP_KINDS
};
enum { PBC_CHECK_STEPS_MAX = 32, PBC_STEP_BYTES_MAX = 1024 };
struct pbc_step {
    uint32_t bytes; /* first of the step's `len` bytes in SAID, at least one */
    uint16_t len;
    uint8_t kind; /* enum pbc_step_kind */
    uint8_t reserved;
};

enum pbc_method { PBC_METHOD_GET, PBC_METHOD_HEAD, PBC_METHOD_OPTIONS, PBC_METHODS };
struct pbc_check {
    uint32_t name;
    struct pbc_place place;
    uint8_t kind;                  /* enum pbc_check_kind */
    uint8_t flags;                 /* enum pbc_check_flag */
    uint16_t port;                 /* port that is checked; 0: the server's port */
    uint32_t path, host, sni, ca;  /* strings; 0: none */
    uint32_t steps, step_count;    /* STEPS; those of all checks follow one another */
    uint32_t status, status_count; /* RANGES of status codes */
    uint32_t every_ms, timeout_ms;
    uint16_t rise, fall;
    uint8_t from_family; /* 4 or 6; 0: the host chooses */
    uint8_t method;      /* enum pbc_method, of http and https checks */
    uint8_t reserved[2];
    uint32_t from[4];
};

enum pbc_down { PBC_DOWN_RESET, PBC_DOWN_KEEP };
struct pbc_pool {
    uint32_t name;
    struct pbc_place place;
    uint32_t servers, server_count;          /* servers of the pool, at least one */
    uint32_t check;                          /* check of servers without their own; PBC_NONE */
    uint32_t sources, source_count;          /* SETS: addresses to translate to; none: the interface's own */
    uint16_t source_port_lo, source_port_hi; /* ports of `sources`; 0-0 without sources: PBC_OWN_PORT_LO to 65535 */
    uint32_t retries;
    uint8_t balance;    /* enum lb_kind */
    uint8_t on_down;    /* enum pbc_down */
    uint8_t send_proxy; /* version (1 or 2) of the PROXY header with which connections to its servers begin; 0: none */
    uint8_t keep_none;  /* 1: no connection to its servers is kept for a later request; else 0 */
    uint64_t drain_ns;
    uint64_t slow_start_ns; /* time in which a server that has become healthy reaches its weight; 0: at once */
};
static_assert(sizeof(struct pbc_pool) == 64, "an index is a shift (docs/kernel.md)");
enum pbc_server_flag {
    PBC_SERVER_BACKUP = 1 << 0,
    PBC_SERVER_HAS_MAC = 1 << 1,
    PBC_SERVER_HAS_VLAN = 1 << 2,  /* `vlan`: outermost tag of frames to the server, in modes with MODE_INLINE */
    PBC_SERVER_HAS_INNER = 1 << 3, /* `inner`: the tag behind the outermost one */
    PBC_SERVER_NAMED = 1 << 4,     /* the server's address is that of a host, which a row of NAMED names */
    PBC_SERVER_UNKNOWN = 1 << 5,   /* set beside the flag above: the address is not known yet, and `addr` is a
                                    * placeholder (program_named_place) */
    PBC_SERVER_FLAGS = (1 << 6) - 1
};
struct pbc_server {
    uint32_t name, pool;
    struct pbc_place place;
    uint32_t addr[4]; /* address, as in struct key: host order, v4 in word 0 */
    uint32_t check;   /* the server's check; PBC_NONE: the pool's */
    uint16_t port;    /* port; 0: the client's destination port is kept */
    uint16_t weight;  /* weight, 0..1000 */
    uint8_t family;   /* family of the address: 4 or 6 */
    uint8_t flags;    /* enum pbc_server_flag */
    uint16_t vlan;    /* VID, 0..4094 */
    uint64_t mac;
    uint32_t max_flows; /* most concurrent sessions, for proxy services; 0: no bound */
    uint16_t inner;     /* VID of the inner tag */
    uint16_t reserved;
};
static_assert(sizeof(struct pbc_server) == 64, "an index is a shift (docs/kernel.md)");

/* A server whose address is that of a host, in the order of servers. The process that runs the program resolves the
 * name and puts the address into SERVERS; ORIGIN then has the digest of the compiled file. */
struct pbc_named {
    uint32_t server;
    uint32_t host;  /* string: a name in normal form, no glob; or that of a service, which begins with `_` (RFC 2782) */
    uint32_t flags; /* enum pbc_named_flag; from PBC_NAMED_PROBE on: steps from the hash of the server's name to its
                     * placeholder address, which is unique in the pool */
    uint32_t nth;   /* with PBC_NAMED_ONE_OF: the server's number among them, from 0 on; else 0 */
};
enum pbc_named_flag {
    PBC_NAMED_ONE_OF = 1 << 0, /* one of several servers of this pool for the addresses of the host or service */
    PBC_NAMED_FLAGS = (1 << 1) - 1
};
enum { PBC_NAMED_PROBE = 16 /* lowest bit of the steps */, PBC_NAMED_PROBES = 1 << 16 };
enum { PBC_NAMED_PORT = 1 /* port of a service's server whose address is not known */ };
enum { PBC_NAMED_MOST = 1 << 16 };

enum pbc_mode {
#define MODE(ident, name, traits, doc) PBC_MODE_##ident,
#include "vm/mode.def"
    PBC_MODES
};
enum pbc_no_server { PBC_NO_SERVER_RESET, PBC_NO_SERVER_DROP, PBC_NO_SERVER_PASS };
struct pbc_service {
    uint32_t name;
    struct pbc_place place;
    uint32_t endpoints, endpoint_count; /* endpoints of the service, at least one except for PBC_SERVICE_CUT */
    uint32_t branches, branch_count;    /* in order; only the last has no conditions */
    uint8_t mode;                       /* enum pbc_mode */
    uint8_t no_server;                  /* enum pbc_no_server */
    uint16_t gue_port;
    uint32_t max_flows, max_flows_per_source; /* most concurrent flows; 0: no bound */
    uint32_t rate;                            /* 1 + meter that bounds packets which open flows; 0: none */
    uint16_t mss;         /* clamp of SYNs: 0: none, PBC_MSS_AUTO: by the way to the server, else the number */
    uint8_t flags;        /* enum pbc_service_flag */
    uint8_t gue_variant;  /* variant that `dsr gue` sends: 0 or 1 */
    uint32_t proxy;       /* 1 + entry in PROXIES, in modes with MODE_PROXIES; else 0 */
    uint64_t idle_ns;     /* idle timeout of flows that both sides use; 0: as in the timeouts */
    uint64_t affinity_ns; /* time for which a source keeps its server after its last flow; 0: no affinity */
    uint64_t reserved2[7];
};
static_assert(sizeof(struct pbc_service) == 128, "an index is a shift (docs/kernel.md)");
enum pbc_service_flag {
    PBC_SERVICE_COOKIES = 1 << 0,
    PBC_SERVICE_ANNOUNCE = 1 << 1,
    PBC_SERVICE_CUT = 1 << 2, /* a service of `mode proxy inline` without endpoints: its connections come from the
                               * observe service of the same name, which cuts into them */
    PBC_SERVICE_FLAGS = (1 << 3) - 1
};
#define PBC_MSS_AUTO 0xffffu

/* Options of a service in a mode with MODE_PROXIES. One entry per service, in their order. Strings: 0 is none. */
enum pbc_proxy_flag {
    PBC_PROXY_TRANSPARENT = 1 << 0, /* servers see the client's address */
    PBC_PROXY_SEND_V1 = 1 << 1,     /* each connection to a server begins with a PROXY header */
    PBC_PROXY_SEND_V2 = 1 << 2,
    PBC_PROXY_ACCEPT = 1 << 3, /* clients in `accept_from` must begin with a PROXY header, others must not */
    PBC_PROXY_TLS_TO_SERVER = 1 << 4,
    PBC_PROXY_TLS_NO_VERIFY = 1 << 5, /* servers' certificates are not verified */
    PBC_PROXY_LOG_COMMON = 1 << 6,    /* format of the access log: at most one of these */
    PBC_PROXY_LOG_JSON = 1 << 7,
    PBC_PROXY_LOG_SYSLOG = 1 << 8,      /* log to syslog; else to the file `log_file` */
    PBC_PROXY_AFFINITY_COOKIE = 1 << 9, /* affinity_name is a cookie's name */
    PBC_PROXY_AFFINITY_HEADER = 1 << 10,
    PBC_PROXY_RELOAD_CLOSE = 1 << 11,  /* `on reload close` */
    PBC_PROXY_SERVER_FIRST = 1 << 12,  /* MODE_INLINE: prey replies to the client after the server has replied */
    PBC_PROXY_OVERLOAD_PASS = 1 << 13, /* MODE_INLINE: connections beyond the bounds pass instead of being refused */
    PBC_PROXY_SPLICE = 1 << 14, /* `splice packets`: connections leave for the packet path once they are decided */
    PBC_PROXY_LEAVES = 1 << 15, /* some connections may leave: `splice packets`, or a branch `-> pass` */
    PBC_PROXY_FLAGS = (1 << 16) - 1
};
struct pbc_proxy {
    uint32_t service, flags;            /* flags: enum pbc_proxy_flag */
    uint32_t accept_from, accept_count; /* SETS: sources trusted to send PROXY headers */
    uint32_t certs,
        cert_count; /* CERTS, with which prey terminates TLS; the first is used for names without another match */
    uint32_t server_sni, server_ca;   /* strings: name that servers are asked for and verified by; file of CAs */
    uint32_t affinity_name, log_file; /* strings: cookie, or field in lower case; path of the access log */
    uint32_t queue, queue_ms;         /* connections that may wait for a full server, and for how long; 0: none */
    uint64_t first_ns;                /* `first bytes within`; 0: settings.proxy_first_ns */
    uint64_t affinity_ns;             /* lifetime of the cookie; 0: as long as the client runs */
    uint32_t wants; /* enum first_wants (vm/stream/wants.h): items of the first bytes that its branches ask for */
    uint32_t trust_from, trust_count; /* SETS: clients whose X-Forwarded-… fields are believed */
    uint32_t reserved[5];
    uint64_t connect_ns;           /* time for a connect; 0: settings.proxy_connect_ns */
    uint64_t client_ns, server_ns; /* longest silence of each end; 0: that of the service */
    uint64_t age_ns;               /* most time that a connection lasts; 0: no limit */
};
static_assert(sizeof(struct pbc_proxy) == 128, "layout");
struct pbc_cert {
    uint32_t cert, key; /* strings: paths of PEM files, as written */
    struct pbc_place place;
};
static_assert(sizeof(struct pbc_cert) == 20, "layout");
#define PBC_PROXY_PORTS_MAX 1024u /* most pairs of an address and a port that one proxy service listens at */

/* `nat NAME { … }`, one entry per statement, in the file's order; the first that fits a new flow translates it.
 *   MASQUERADE  source in `from`, leaving on `iface`: to that interface's address and a port of the ranges
 *   SOURCE      the same to an address in `outside`, the same one for all flows of a source
 *   FORWARD     destination `to`, protocol and port: to `target` and its port
 *   MAP         swaps prefixes of `len` bits, `target` inside and `to` outside: in the source of packets that leave,
 *               in the destination of those that arrive; the other bits stay
 * All conditions must hold, too. They see the source as it arrives, and the destination after it was turned inwards
 * (FORWARD: as it arrives). Kinds: nat_asks (verify/nats.c). COND_OUT_ON is used if `iface` can't express the way
 * out, because packets leave by one of several interfaces. */
enum pbc_nat_kind { PBC_NAT_MASQUERADE, PBC_NAT_SOURCE, PBC_NAT_FORWARD, PBC_NAT_MAP, PBC_NAT_KINDS };
struct pbc_nat {
    uint32_t name; /* string: name of the block */
    struct pbc_place place;
    uint32_t from, from_count; /* SETS: sources; none: any */
    uint32_t iface;            /* outgoing interface; FORWARD: incoming interface; PBC_NONE: any, or by conditions */
    uint32_t to[4], target[4]; /* FORWARD, MAP: addresses, as in struct key */
    uint16_t port_lo,
        port_hi;          /* MASQUERADE, SOURCE: ports to translate to, first and last; FORWARD: ports to forward */
    uint16_t target_port; /* target of port_lo, the others follow in order; 0: the port is kept */
    uint8_t kind;         /* enum pbc_nat_kind */
    uint8_t family;       /* 4 or 6; MASQUERADE: 0, both families */
    uint8_t proto;        /* FORWARD: enum pbc_endpoint_proto; an echo has ports 0-0 and target port 0 */
    uint8_t flags;        /* enum pbc_nat_flag */
    uint8_t ip_proto;     /* FORWARD of PBC_EP_IP: the protocol's number */
    uint8_t len;          /* MAP: bits of both prefixes */
    uint16_t mss;         /* clamp of SYNs, as in struct pbc_service */
    uint8_t reserved[2];
    uint32_t outside, outside_count; /* SETS; SOURCE: addresses to translate to, those in `family` */
    uint32_t conds, cond_count;      /* CONDS: further conditions */
    uint32_t ports, port_count;      /* RANGES; MASQUERADE, SOURCE: the ports, if there are several ranges; else none */
    uint8_t reserved2[28];
};
static_assert(sizeof(struct pbc_nat) == 128, "an index is a shift (docs/kernel.md)");
enum pbc_nat_flag {
    PBC_NAT_TO_SELF = 1 << 0, /* FORWARD: `to` is any address of this machine, in `family` */
    PBC_NAT_TO_ANY =
        1 << 1, /* FORWARD: `to` is any address in `family` except the target's; the target is not translated */
    PBC_NAT_QUERIES = 1 << 2, /* MASQUERADE, SOURCE: identifiers of queries are also drawn from the ports */
    PBC_NAT_FLAGS = (1 << 3) - 1
};
/* True for a FORWARD of one address. */
static inline bool nat_to_one(const struct pbc_nat *n)
{
    return n->kind == PBC_NAT_FORWARD && !(n->flags & (PBC_NAT_TO_SELF | PBC_NAT_TO_ANY));
}
/* The most specific of the endpoints that hold a packet decides: an address before `self` before any, then a protocol
 * before any, then fewer ports before more, then an interface before any, then fewer VIDs before more, these before
 * `vlan any` and `none`, and those before all tags, then the first in the file. Packets that the host itself sends, and
 * packets without IP, match no endpoint; packets to the host itself match none of a service with MODE_INLINE. */
enum pbc_endpoint_to { PBC_TO_ADDRESS, PBC_TO_SELF, PBC_TO_ANY };
/* Frames that an endpoint of a service with MODE_INLINE takes, by their tags; PBC_WIRE_NOT: the endpoint belongs to
 * another service */
enum pbc_endpoint_wire { PBC_WIRE_NOT, PBC_WIRE_ALL, PBC_WIRE_UNTAGGED, PBC_WIRE_TAGGED, PBC_WIRE_VLAN, PBC_WIRES };
enum pbc_endpoint_proto {
#define ENDPOINT(ident, name, kinds, doc) PBC_EP_##ident,
#include "vm/endpoint.def"
    PBC_EP_PROTOS
};
struct pbc_endpoint {
    uint32_t service;
    struct pbc_place place;
    uint32_t addr[4];          /* address of PBC_TO_ADDRESS, as in struct key */
    uint16_t port_lo, port_hi; /* protocols with ports: range of the destination port; a packet without ports fails */
    uint8_t to;                /* enum pbc_endpoint_to */
    uint8_t family;            /* 4 or 6 with an address, else 0 */
    uint8_t proto;             /* enum pbc_endpoint_proto; an echo is an ICMP echo request */
    uint8_t wire;              /* enum pbc_endpoint_wire */
    uint32_t iface;            /* 1 + interface that the packet came in by; 0: all. In the wire only */
    uint16_t vlan_lo, vlan_hi; /* PBC_WIRE_VLAN: range of the outermost VID, 0..4094; else 0 */
};
static_assert(sizeof(struct pbc_endpoint) == 48, "layout");
/* Return a FORWARD's destination in the form of an endpoint. */
static inline uint8_t nat_endpoint_to(const struct pbc_nat *n)
{
    return n->flags & PBC_NAT_TO_SELF ? PBC_TO_SELF : n->flags & PBC_NAT_TO_ANY ? PBC_TO_ANY : PBC_TO_ADDRESS;
}
/* Return how specific the endpoint is about tags: any, tagged or untagged, a VID. */
static inline unsigned endpoint_tags_asked(const struct pbc_endpoint *e)
{
    return e->wire == PBC_WIRE_VLAN ? 2 : e->wire > PBC_WIRE_ALL;
}

struct pbc_branch {
    uint32_t service;
    struct pbc_place place;
    uint32_t conds, cond_count;
    /* Shares of pools; none: `no server`. If `shares` is PBC_TARGET or a value beside it, the destination is not a
     * pool; share_count is then 0, or for PBC_PROGRAM the string with the path of its socket. Use branch_goes and
     * branch_shares. */
    uint32_t shares, share_count;
};
static_assert(sizeof(struct pbc_branch) == 32, "an index is a shift (docs/kernel.md)");
/* Destinations of a branch. PBC_GOES_ORIGINAL and later ones: only in modes with MODE_INLINE */
enum pbc_goes {
    PBC_GOES_POOLS,
    PBC_GOES_NOWHERE,  /* no server */
    PBC_GOES_TARGET,   /* the target that the client's instruction names */
    PBC_GOES_ORIGINAL, /* the client's original destination */
    PBC_GOES_REJECT,   /* the connection is refused */
    PBC_GOES_PROGRAM,  /* a user's process behind a Unix socket, then the original destination */
    PBC_GOES_PASS,     /* like the original destination, but the connection leaves for the packet path */
    PBC_GOES
};
#define PBC_SOCKET_MAX 107u /* most bytes of a socket's path: room of struct sockaddr_un */
static inline enum pbc_goes branch_goes(const struct pbc_branch *b)
{
    return b->shares == PBC_TARGET     ? PBC_GOES_TARGET
           : b->shares == PBC_ORIGINAL ? PBC_GOES_ORIGINAL
           : b->shares == PBC_REJECT   ? PBC_GOES_REJECT
           : b->shares == PBC_PROGRAM  ? PBC_GOES_PROGRAM
           : b->shares == PBC_PASSES   ? PBC_GOES_PASS
           : b->share_count            ? PBC_GOES_POOLS
                                       : PBC_GOES_NOWHERE;
}
/* True for a branch to the client's original destination, directly or through a user's process. */
static inline bool branch_goes_on(const struct pbc_branch *b)
{
    const enum pbc_goes goes = branch_goes(b);
    return goes == PBC_GOES_ORIGINAL || goes == PBC_GOES_PROGRAM || goes == PBC_GOES_PASS;
}
/* Return the number of the branch's entries in SHARES. */
static inline uint32_t branch_shares(const struct pbc_branch *b)
{
    return b->shares >= PBC_PASSES ? 0 : b->share_count;
}
struct pbc_share {
    uint32_t pool, percent;
}; /* percents of a branch add up to 100 */

enum {
    PBC_OWN_PORT_LO = 61000,        /* for the host's own addresses: from here to 65535 the host gives out no port */
    PBC_SOURCE_PORT_LO = 1024,      /* for addresses used only for translation: ports from here to 65535 */
    PBC_SLOTS_MAX = 1 << 26,        /* most slots of all pools' tables of a worker (pbc_pool_slots) */
    PBC_SOURCES_MAX = 4096,         /* most addresses of a pool's `source` */
    PBC_OUTSIDES_MAX = 1 << 16,     /* most addresses that all nats translate to */
    PBC_NAT_PORTS_MAX = 4096,       /* most ranges of ports that all nats translate to */
    PBC_PORT_SPACES_MAX = 1 << 16,  /* most pairs of a `source` address and a server, over all pools */
    PBC_SERVER_NAMES_MAX = 1 << 27, /* most bytes of "POOL/SERVER" of all servers together */
};

/* Sections of the program file: services in `mode observe`, which watch TCP connections without taking packets. They
 * are separate from SERVICES, whose entries take the packets that they match. */

/* Bytes that count if two segments differ: as in Linux, the first, or the last */
enum pbc_overlaps { PBC_OVERLAPS_LINUX, PBC_OVERLAPS_FIRST, PBC_OVERLAPS_LAST, PBC_OVERLAPS };
enum pbc_observe_flag { PBC_OBSERVE_PCAPNG = 1 << 0 /* `stream to … as pcapng` */ };

/* Endpoints are in OBSERVE_ENDPOINTS, as in ENDPOINTS: `service` is an index in OBSERVES, `wire` is never
 * PBC_WIRE_NOT. The first that takes a connection wins; the compiler puts more specific ones first. */
struct pbc_observe {
    uint32_t name;
    struct pbc_place place;
    uint32_t choices, choice_count;        /* in order; only the last has no conditions */
    uint32_t sessions, stream;             /* strings: file of the sessions, directory of the bytes; 0: none */
    uint64_t sessions_limit, stream_limit; /* most bytes of the file, and of all files in the directory; 0: no bound */
    uint64_t first_ns;                     /* `first bytes within`; 0: settings.proxy_first_ns */
    uint32_t wants[2];                     /* enum first_wants (vm/stream/wants.h): first bytes of client and server */
    uint8_t overlaps;                      /* enum pbc_overlaps */
    uint8_t flags;                         /* enum pbc_observe_flag */
    uint8_t reserved[2];
    uint32_t cut; /* 1 + service of connections that are cut into (PBC_SERVICE_CUT); 0: no branch cuts */
    uint8_t reserved2[8];
};
static_assert(sizeof(struct pbc_observe) == 80, "layout");

/* Treatment of a connection, in this order: report its session and put its bytes into the stream; report the
 * session; neither; report the session, and reset both ends; report the session, and continue the connection through
 * sockets (`proxy inline`) */
enum pbc_does { PBC_STREAM, PBC_PASS, PBC_IGNORE, PBC_RESETS, PBC_CUTS, PBC_DOES };
/* True for treatments beyond watching, whose decision holds packets back */
static inline bool pbc_does_hold(uint32_t does) { return does == PBC_RESETS || does == PBC_CUTS; }
struct pbc_choice {
    uint32_t observe; /* index in OBSERVES */
    struct pbc_place place;
    uint32_t conds, cond_count;
    uint32_t does; /* enum pbc_does */
    uint32_t reserved;
};
static_assert(sizeof(struct pbc_choice) == 32, "layout");

#define PBC_WATCH_PATH_MAX 1024u /* most bytes of the path of `sessions to` or `stream to` */
