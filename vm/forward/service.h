/* Services: which branch takes a packet that the firewall accepted, which server of its pools, and a proxy loop's
 * choice of one; what others ask of modes, of edges, of addresses that we answer for. */
#pragma once

#include "vm/judge/decide.h"
#include "vm/keyed/archive.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/program/remap.h"
#include "vm/stream/first.h"
#include "vm/vm.h"

/* The branch that takes the packet, or PBC_NONE, by the plain list: the most specific of all endpoints that hold it,
 * then the first branch of its service whose conditions hold. The oracle for the code. */
uint32_t service_branch(const struct program *p, const struct key *key, const struct pkt *pkt);

/* What only the program knows of a parsed packet: where own addresses are known, traffic that would cross the machine
 * but is for a service counts as `in`. vm_run does it; so must whoever parses for the functions above. */
void key_settle(const struct program *p, struct key *key);
/* The branch of a service (index in BRANCHES) that takes an accepted packet, by the list; PBC_NONE. program_serve
 * (judge/decide.h) says it by the code. */
uint32_t program_serve_naive(const struct program *p, const struct key *key, const struct pkt *pkt);

/* Where a `forward` or a `map` of a nat leads an accepted packet that no service takes: the first that fits. False:
 * none does. What a mapping that stands would lead elsewhere is not asked. */
struct turned {
    uint32_t nat; /* the statement */
    uint32_t dst[4];
    uint16_t dst_port;
};
bool program_turned(const struct program *p, const struct key *key, struct turned *t);

/* The most specific endpoint that holds the packet, or PBC_NONE. */
uint32_t service_endpoint(const struct program *p, const struct key *key);

/* What a program's services and nats do to a packet's way (edges.h, mode/, vips.h). */

/* What `dsr ipip` and `dsr gue` put a service's packets into. */
enum tunnel_kind tunnel_of(const struct pbc_service *service);

/* This machine's address of the packet's family on the interface that it came in by, NULL where facts know none: then
 * an answer comes from the address that was asked. */
const uint32_t *edge_own(const struct facts *f, uint16_t iface, const struct key *key, uint32_t own[4]);

/* May a packet leave as it is, without a tunnel? IPv4 without DF goes in pieces. With DF, or of IPv6, its sender is
 * told of `*told`; never IPv6's of less than 1,280, which every link of it bears (RFC 8200, 5): such ones are let go.
 */
enum tunnel_fit edge_fit(const struct pkt *pkt, const struct key *key, uint32_t mtu, uint32_t *told);

/* Who answers an ARP request or neighbour solicitation that the rules let through. */
enum vips_answers {
    VIPS_NOT_ASKED,
    VIPS_HOST,    /* the host holds the address */
    VIPS_SERVICE, /* we do: a service announces it */
    VIPS_OUTSIDE, /* we do: translation speaks from it, or leads it elsewhere */
    VIPS_SILENT,  /* nobody: a service is at it, and does not announce it */
    VIPS_NOBODY,  /* nobody here: it is no address of ours, as far as facts know */
};
struct vips_asked {
    uint32_t target[4]; /* as in struct key; of VIPS_NOT_ASKED nothing */
    uint32_t service;   /* of VIPS_SERVICE, VIPS_SILENT; else PBC_NONE */
    enum vips_answers answers;
};
/* Of a parsed packet. */
struct vips_asked vips_who(const struct program *p, const struct facts *facts, const struct pkt *pkt,
                           const struct key *key);

/* May the packet be asked of an address that this machine speaks for (vips.h)? */
static inline bool vips_asked(const struct key *key) { return key->kind & (KIND_ARP | KIND_ICMP_HEADER); }

/* Ways of balancing. */
const char *lb_name(enum lb_kind kind);       /* "maglev" */
int lb_by_name(const char *name, size_t len); /* enum lb_kind or -1 */
bool lb_is_prime(uint32_t n);                 /* by trial division: for compilers */

#define LB_KEY_DEFAULT "prey" /* published: machines that say nothing agree */

/* Hashing, the same on every machine: SipHash-2-4 under a key made from the text of `hash key` (the first 16 bytes of
 * its BLAKE2b-256, little-endian). Of a server: the bytes of "POOL/SERVER". Of a flow and of a source, in 64-bit words,
 * the lower half first, `f` the family:
 *   flow, v4     src | dst << 32, ports
 *   flow, v6     src[0] | src[1] << 32, src[2] | src[3] << 32, the same of dst, ports
 *   ports        src_port | dst_port << 16 | proto << 32 | f << 40
 *   source, v4   src | f << 32
 *   source, v6   src[0] | src[1] << 32, src[2] | src[3] << 32, f */
struct lb_hash_key {
    uint64_t k0, k1;
};
struct lb_hash_key lb_hash_key(const char *text, size_t len);
/* SipHash-2-4 (Aumasson, Bernstein, INDOCRYPT 2012), for whoever needs a keyed hash. */
uint64_t lb_siphash(struct lb_hash_key key, const void *bytes, size_t len);

/* Every pool's balancing, one worker's. Tables are made here, and when facts change; never by a packet. NULL: no
 * memory. */
struct balance;
struct balance *balance_new(const struct program *p, uint64_t seed);
void balance_free(struct balance *b);
/* `to`, of another program, goes on with the pools of `from` that are the same there. */
void balance_keep(struct balance *to, struct balance *from, const struct remap *r);
/* Take tables that depend on weights alone (maglev, source) from `tables`, of the same program, in exchange. */
void balance_take(struct balance *b, struct balance *tables);
/* What servers can do, if it changed: health, and how far those have come that start slowly. */
void balance_update(struct balance *b, const struct facts *facts, uint64_t now_ns);
/* When the last balance_update holds no longer, its facts being the same; UINT64_MAX: it does for good. */
uint64_t balance_until(const struct balance *b);
/* Has the program any? */
bool balance_has_tables(const struct program *p);
/* What picks have left behind (keyed/archive.h), into balancing that is new; balance_update is to follow. */
void balance_archive(struct balance *b, struct archive *a);
/* Live connections by server, which `least_conn` looks at; the array stays the caller's. */
void balance_by(struct balance *b, const uint32_t *conns);
/* Those of all workers instead, where they are counted together; it stays the caller's. */
void balance_share(struct balance *b, const struct share *s);
/* The next server of the same pool that new flows may go to, for a flow of the branch's service; PBC_NONE: no other. */
uint32_t balance_next(const struct balance *b, uint32_t branch, const struct key *key, uint32_t server);
/* May the server take new flows of the branch, by pools, mode and family, and is it up? */
bool balance_allows(const struct balance *b, uint32_t branch, const struct key *key, uint32_t server);

/* The pool by share, then the server by the pool's balance, among those that the service's mode and the client's family
 * allow. `pool` and `server` are PBC_NONE where there is none. */
struct pick {
    uint32_t pool, server;
};
struct pick balance_pick(struct balance *b, uint32_t branch, const struct key *key);
/* By a value instead, which stands for the client: the same server for the same value, by weight, as long as it takes
 * new flows. What a server's going or coming moves is its own part alone. Reads all servers of the pool. */
struct pick balance_pick_by_value(const struct balance *b, uint32_t branch, const struct key *key, uint64_t value);
/* A number that stands for the server on every machine, by "POOL/SERVER" and the hash key; never 0. And the server of
 * that number, if balance_allows it; PBC_NONE. */
uint64_t balance_mark(const struct balance *b, uint32_t server);
uint32_t balance_marked(const struct balance *b, uint32_t branch, const struct key *key, uint64_t mark);
/* The same pool as balance_pick; its server, PBC_NONE: none; and its choice in words (lb_explain). */
uint32_t balance_explain(const struct balance *b, uint32_t branch, const struct key *key, char *buf, size_t len);
/* Would it find a server? */
bool balance_any(const struct balance *b, uint32_t branch, const struct key *key);
uint32_t balance_pool(const struct balance *b, uint32_t branch, const struct key *key);

/* A proxy loop's balancing: which server a client's connection goes to, by the same pools, weights, health, affinity
 * and bounds as packets of the other modes. What vm_run is to packets this is to connections: one thread's, pure, no
 * allocation but in chooser_new.
 *
 *      chooser_facts        at each turn of the loop
 *      chooser_admit        a connection was accepted: is there a place for it?
 *      chooser_pick         its branch is known: the server
 *      chooser_begin        it is connected to; false: it is full since, chooser_next
 *      chooser_next         that failed: another one
 *      chooser_end          the connection to the server is over; there may be one after the other, and several
 *      chooser_leave        the client's is over
 *
 * `key`: the client's connection as its first packet was parsed: src, dst, ports, proto, kind (family, KIND_TCP,
 * KIND_PORTS). `service`, `branch`, `pool`, `server`: numbers of the chooser's program. The service's `rate` is not
 * asked here: the vm asks it of the connection's first packet. */

struct chooser;

/* Of the program, which it holds a reference to, with the seed and the share of cfg: where several loops count together
 * `max flows` and least_conn are of all of them; without a share it counts alone. NULL: out of memory. A table of
 * 65,537 slots takes a millisecond, so another thread may make it for chooser_swap, and tables for chooser_take_tables.
 */
struct chooser *chooser_new(struct program *p, const struct vm_cfg *cfg);
void chooser_free(struct chooser *c); /* NULL is fine */

/* The time, and what servers can do. The facts stay there until the next call. */
void chooser_facts(struct chooser *c, const struct vm_in *in);

/* Exchange tables for those in `tables` (vm_tables, of the same program), before chooser_facts is told what they are
 * of: then it builds none. */
void chooser_take_tables(struct chooser *c, struct balance *tables);

/* One more connection of the client's at the service. REASON_NONE, and chooser_leave is to follow, with *known; or why
 * not: REASON_MAX_FLOWS (`max flows`, `max flows per source`). */
enum pkt_reason chooser_admit(struct chooser *c, uint32_t service, const struct key *key, bool *known);
void chooser_leave(struct chooser *c, uint32_t service, const struct key *key, bool known);

struct choice {
    uint32_t pool, server;  /* PBC_NONE: none */
    enum pkt_reason reason; /* without a server: REASON_NO_SERVER, or REASON_MAX_FLOWS: all hold as many as they may */
};
/* The server that the client keeps, or the pool by share and the server by the pool's balance; where that is full
 * (`max flows` of a server), the next that is not. affinity: what chooser_affinity has said; 0: nothing did. */
struct choice chooser_pick(struct chooser *c, uint32_t branch, const struct key *key, uint64_t affinity);
/* What the cookie of a client at that server says: the same in all loops, on all machines, after a reload. Not 0. */
uint64_t chooser_cookie(const struct chooser *c, uint32_t server);
/* What a request whose head was read says to it: of services with `affinity cookie` the number of the client's cookie,
 * with `affinity header` a hash of the field's first value. 0: nothing. */
uint64_t chooser_affinity(const struct chooser *c, uint32_t service, const struct first *f);
/* The server behind that one in its pool's order, round its end, that is not full; PBC_NONE: no other takes new
 * connections. */
uint32_t chooser_next(struct chooser *c, uint32_t branch, const struct key *key, uint32_t server);

/* A connection to the server is begun: least_conn counts it, a source with affinity keeps the server. False, and it is
 * not counted: the server is full, another loop was faster. */
bool chooser_begin(struct chooser *c, uint32_t branch, uint32_t server, const struct key *key);
void chooser_end(struct chooser *c, uint32_t server);

/* Another program takes this one's place: `fresh`, a chooser of r->program that has counted nothing, gives its parts
 * and is to be freed then. What is counted goes on under the new numbers (r->service, r->branch, r->server), by which
 * the loop renames what its sessions hold. 0; or, and nothing has changed: -EINVAL, the remap is of other programs or
 * leaves out what is used (chooser_conns, in the counters that vm_gone is given, prevents it). */
int chooser_swap(struct chooser *c, struct chooser *fresh, const struct remap *r);

/* How many flows are bound to each server and each service (bind/conns.h). */
struct conns {
    uint32_t *servers, *services; /* by index in SERVERS, SERVICES */
    uint64_t *begun;              /* by index in SERVERS: flows that the server was given, ever */
    struct share share;           /* zero: the worker is alone */
    bool reserved;                /* a place at a service, in what is shared, for the flow that is being begun */
};

/* Connections by service and server, now and ever. */
const struct conns *chooser_conns(const struct chooser *c);
