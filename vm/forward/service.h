/* Services: the branch that takes a packet accepted by the firewall, the choice of a server, for packets and for proxy
 * loops; also functions of modes, edges and vips for other rooms */
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

/* Return the branch that takes the packet, or PBC_NONE, by a search of the lists: the most specific endpoint that
 * holds the packet, then the first branch of its service whose conditions hold. The oracle for the compiled code. */
uint32_t service_branch(const struct program *p, const struct key *key, const struct pkt *pkt);

/* Return the action for a packet that would begin a flow or a connection at a service that has no server for it, or
 * that drains (`on no server`). */
static inline enum action service_without_server(const struct pbc_service *s)
{
    switch ((enum pbc_no_server)s->no_server) {
    case PBC_NO_SERVER_DROP: return ACTION_DROP;
    case PBC_NO_SERVER_PASS: return ACTION_ACCEPT;
    default: return ACTION_REJECT;
    }
}

/* Complete the key of a parsed packet by the program: if own addresses are known, traffic that would cross the
 * machine but is for a service counts as `in`. vm_run calls it; so must other callers that parse for the functions
 * above. */
void key_settle(const struct program *p, struct key *key);
/* Return the branch of a service (index in BRANCHES) that takes an accepted packet, by a search of the list;
 * PBC_NONE: none. program_serve (judge/decide.h) uses the compiled code. */
uint32_t program_serve_naive(const struct program *p, const struct key *key, const struct pkt *pkt);

/* Find the first `forward` or `map` of a nat that translates an accepted packet that no service takes. False: none.
 * Existing mappings are not considered. */
struct turned {
    uint32_t nat; /* statement, index in NATS */
    uint32_t dst[4];
    uint16_t dst_port;
};
bool program_turned(const struct program *p, const struct key *key, struct turned *t);

/* True if a `masquerade` lets packets leave by the interface with that id in rules. */
bool program_masquerades(const struct program *p, uint16_t iface);
/* Return the idle time of a nat's UDP flows (RFC 4787, REQ-5), in ns; 0: the timeouts written in the file apply. */
uint64_t program_udp_idle_ns(const struct program *p);
/* True if a statement of a nat translates the source of a packet that this machine's stack has routed. The packet
 * carries its way (PKT_WAY_SAID). *unknown: a statement asks for the incoming interface, which the key does not
 * contain. */
bool nat_takes_routed(const struct program *p, const struct facts *f, const struct key *key, const struct pkt *pkt,
                      bool *unknown);

/* Return the most specific endpoint that holds the packet, or PBC_NONE. */
uint32_t service_endpoint(const struct program *p, const struct key *key);

/* Effects of a program's services and nats on a packet's way (edges.h, mode/, vips.h) */

/* Return the tunnel of a service with `dsr ipip` or `dsr gue`. */
enum tunnel_kind tunnel_of(const struct pbc_service *service);

/* Return this machine's address of the packet's family on its incoming interface. NULL: the facts have none; a reply
 * then comes from the packet's destination. */
const uint32_t *edge_own(const struct facts *f, uint16_t iface, const struct key *key, uint32_t own[4]);

/* Lower the MSS of an accepted SYN that crosses this machine unchanged, by the clamps of its incoming and outgoing
 * interfaces (`mss clamp … out on` of a nat). Other packets stay. */
void clamp_accepted(const struct program *p, const struct facts *f, struct pkt *pkt);
/* The same for a SYN that the host has routed (vm_run_routed). key: its iface is the id in rules of the incoming
 * device. */
void clamp_routed(const struct program *p, const struct facts *f, struct pkt *pkt, const struct key *key);

/* Test if a packet fits without a tunnel. IPv4 without DF is cut. For IPv4 with DF, and IPv6, the sender is notified
 * of the MTU *told, for IPv6 at least 1,280: every link carries that (RFC 8200, 5), so packets up to that length
 * fit. */
enum tunnel_fit edge_fit(const struct pkt *pkt, const struct key *key, uint32_t mtu, uint32_t *told);

/* The station that answers an ARP request or neighbour solicitation that the rules let through */
enum vips_answers {
    VIPS_NOT_ASKED,
    VIPS_HOST,    /* the host holds the address */
    VIPS_SERVICE, /* this machine: a service announces it */
    VIPS_OUTSIDE, /* this machine: translation uses it as source, or redirects it */
    VIPS_SILENT,  /* no one: a service has it, but does not announce it */
    VIPS_NOBODY,  /* no one here: not this machine's address, as far as the facts show */
};
struct vips_asked {
    uint32_t target[4]; /* as in struct key; unset for VIPS_NOT_ASKED */
    uint32_t service;   /* for VIPS_SERVICE, VIPS_SILENT; else PBC_NONE */
    enum vips_answers answers;
};
/* Return the station that answers a parsed packet. */
struct vips_asked vips_who(const struct program *p, const struct facts *facts, const struct pkt *pkt,
                           const struct key *key);

/* True if the packet may ask for an address that this machine speaks for (vips.h). */
static inline bool vips_asked(const struct key *key) { return key->kind & (KIND_ARP | KIND_ICMP_HEADER); }

/* The balancing algorithms */
const char *lb_name(enum lb_kind kind);       /* "maglev" */
int lb_by_name(const char *name, size_t len); /* enum lb_kind or -1 */
bool lb_is_prime(uint32_t n);                 /* by trial division: for compilers */

#define LB_KEY_DEFAULT "prey" /* published: machines without `hash key` agree */

/* Hashing, the same on every machine: SipHash-2-4 under a key made from the text of `hash key` (the first 16 bytes of
 * its BLAKE2b-256, little-endian). A server: the bytes of "POOL/SERVER". A flow or a source: 64-bit words, the lower
 * half first; `f` is the family:
 *   flow, v4     src | dst << 32, ports
 *   flow, v6     src[0] | src[1] << 32, src[2] | src[3] << 32, the same for dst, ports
 *   ports        src_port | dst_port << 16 | proto << 32 | f << 40
 *   source, v4   src | f << 32
 *   source, v6   src[0] | src[1] << 32, src[2] | src[3] << 32, f */
struct lb_hash_key {
    uint64_t k0, k1;
};
struct lb_hash_key lb_hash_key(const char *text, size_t len);
/* Return the key of a program's hashes: of its `hash key`, or the published one. */
struct lb_hash_key balance_key(const struct program *p);
/* Return SipHash-2-4 (Aumasson, Bernstein, INDOCRYPT 2012), for any keyed hash. */
uint64_t lb_siphash(struct lb_hash_key key, const void *bytes, size_t len);

/* Make the balancing of every pool, for one worker. Tables are made here, and when facts change; never by a packet.
 * NULL: out of memory. */
struct balance;
struct balance *balance_new(const struct program *p, uint64_t seed);
void balance_free(struct balance *b);
/* From now on, pick for proxies, whose connections also reach servers on this machine (facts_down). */
void balance_for_proxies(struct balance *b);
/* Move the pools of `from` that are the same in `to`, of another program. */
void balance_keep(struct balance *to, struct balance *from, const struct remap *r);
/* Exchange tables that depend on weights only (maglev, source) with `tables`, of the same program. */
void balance_take(struct balance *b, struct balance *tables);
/* Take the state of the servers, if it changed: health, and the steps of slowly starting ones. */
void balance_update(struct balance *b, const struct facts *facts, uint64_t now_ns);
/* Return the time until which the last balance_update is valid with the same facts: that of the next step of a
 * slowly starting server; UINT64_MAX: always. Not valid for tables exchanged since then. */
uint64_t balance_until(const struct balance *b);
/* True if the program has tables that depend on weights only. */
bool balance_has_tables(const struct program *p);
/* Write the state that earlier picks left, or read it into a new balance (keyed/archive.h); then call
 * balance_update. */
void balance_archive(struct balance *b, struct archive *a);
/* Set the live connections by server, for `least_conn`; the array is the caller's. */
void balance_by(struct balance *b, const uint32_t *conns);
/* Use the connections of all workers instead, if they are counted together; `s` is the caller's. */
void balance_share(struct balance *b, const struct share *s);
/* Return the next server of the same pool that takes new flows of the branch's service; PBC_NONE: no other. */
uint32_t balance_next(const struct balance *b, uint32_t branch, const struct key *key, uint32_t server);
/* True if the server is up and may take new flows of the branch, by pools, mode and family. */
bool balance_allows(const struct balance *b, uint32_t branch, const struct key *key, uint32_t server);

/* Pick a pool by share, then a server by the pool's balance, among those that the service's mode and the client's
 * family allow. `pool` and `server` are PBC_NONE if there is none. */
struct pick {
    uint32_t pool, server;
};
struct pick balance_pick(struct balance *b, uint32_t branch, const struct key *key);
/* Pick by a value that stands for the client: the same server for the same value, by weight, while it takes new
 * flows. A server that comes or goes moves only its own share of the values. Reads all servers of the pool. */
struct pick balance_pick_by_value(const struct balance *b, uint32_t branch, const struct key *key, uint64_t value);
/* Return a number for the server by "POOL/SERVER" and the hash key: the same on every machine, never 0; return the
 * server with that number, if balance_allows it, or PBC_NONE (second function). */
uint64_t balance_mark(const struct balance *b, uint32_t server);
uint32_t balance_marked(const struct balance *b, uint32_t branch, const struct key *key, uint64_t mark);
/* Explain the pick of balance_pick (lb_explain). Return its server; PBC_NONE: none. */
uint32_t balance_explain(const struct balance *b, uint32_t branch, const struct key *key, char *buf, size_t len);
/* True if balance_pick would find a server. */
bool balance_any(const struct balance *b, uint32_t branch, const struct key *key);
uint32_t balance_pool(const struct balance *b, uint32_t branch, const struct key *key);

/* A proxy loop's balancing: the choice of a server for a client's connection, by the same pools, weights, health,
 * affinity and limits as for packets of other modes. It does for connections what vm_run does for packets: used by
 * one thread, pure, no allocation except in chooser_new.
 *
 *      chooser_facts        at each turn of the loop
 *      chooser_admit        a connection was accepted: test for a place
 *      chooser_pick         its branch is known: choose the server
 *      chooser_begin        before connecting; false: the server is full meanwhile, call chooser_next
 *      chooser_next         the connection failed: choose another
 *      chooser_end          a connection to a server has ended; there may be several, also one after the other
 *      chooser_leave        the client's connection has ended
 *
 * `key`: the client's connection as in its parsed first packet: src, dst, ports, proto, kind (family, KIND_TCP,
 * KIND_PORTS). `service`, `branch`, `pool`, `server`: numbers of the chooser's program. The service's `rate` is not
 * checked here: the vm checks it with the connection's first packet. */

struct chooser;

/* Make a chooser of the program, to which it holds a reference, with cfg's seed and share. Loops with a share count
 * `max flows` and least_conn together; without a share, each counts for itself. NULL: out of memory. A table of
 * 65,537 slots takes a millisecond, so another thread may make it for chooser_swap, and tables for
 * chooser_take_tables. */
struct chooser *chooser_new(struct program *p, const struct vm_cfg *cfg);
void chooser_free(struct chooser *c); /* NULL is allowed */

/* Take the time, and the state of the servers. The facts must stay until the next call. */
void chooser_facts(struct chooser *c, const struct vm_in *in);

/* Exchange tables with `tables` (vm_tables, of the same program), before chooser_facts gets their facts: then it builds
 * none. */
void chooser_take_tables(struct chooser *c, struct balance *tables);

/* Admit one more connection of the client at the service. REASON_NONE: chooser_leave must follow, with *known; else
 * REASON_MAX_FLOWS (`max flows`, `max flows per source`). */
enum pkt_reason chooser_admit(struct chooser *c, uint32_t service, const struct key *key, bool *known);
void chooser_leave(struct chooser *c, uint32_t service, const struct key *key, bool known);

struct choice {
    uint32_t pool, server;  /* PBC_NONE: none */
    enum pkt_reason reason; /* without a server: REASON_NO_SERVER; REASON_MAX_FLOWS if all are full */
};
/* Pick the server that the client keeps, or the pool by share and the server by the pool's balance; if a server is
 * full (its `max flows`), the next one with room. affinity: from chooser_affinity; 0: none. */
struct choice chooser_pick(struct chooser *c, uint32_t branch, const struct key *key, uint64_t affinity);
/* Return the cookie value for a client at that server: the same in all loops, on all machines, after a reload. Not
 * 0. */
uint64_t chooser_cookie(const struct chooser *c, uint32_t server);
/* Return the affinity value of a request whose head was read: with `affinity cookie` the number in the client's cookie,
 * with `affinity header` a hash of the field's first value. 0: none. */
uint64_t chooser_affinity(const struct chooser *c, uint32_t service, const struct first *f);
/* Return the next server in the pool's order, wrapping at its end, that is not full; PBC_NONE: no other takes new
 * connections. */
uint32_t chooser_next(struct chooser *c, uint32_t branch, const struct key *key, uint32_t server);

/* Count a connection to the server, for least_conn; a source with affinity keeps the server. False, and not counted:
 * the server is full, because another loop was faster. */
bool chooser_begin(struct chooser *c, uint32_t branch, uint32_t server, const struct key *key);
void chooser_end(struct chooser *c, uint32_t server);

/* Replace the program: `fresh`, a chooser of r->program that has counted nothing, gives its parts and must be freed
 * afterwards. Counts go on under the new numbers (r->service, r->branch, r->server), by which the loop renumbers its
 * sessions. Return 0; -EINVAL, and nothing has changed: the remap has other programs or leaves out a used one
 * (prevented by chooser_conns in the counters given to vm_gone). */
int chooser_swap(struct chooser *c, struct chooser *fresh, const struct remap *r);

/* Numbers of flows bound to each server and each service (bind/conns.h) */
struct conns {
    uint32_t *servers, *services; /* by index in SERVERS, SERVICES */
    uint64_t *begun;              /* by index in SERVERS: flows that the server got since it was added */
    struct share share;           /* zero: a single worker */
    bool reserved;                /* a shared place at a service is reserved for the flow that begins */
};

/* Write the chooser's memory of clients and picks, or read it into a new one, which begins at now_ns: clients keep
 * their servers, and no connection is counted (keyed/archive.h). */
bool chooser_archive(struct chooser *c, struct archive *a, uint64_t now_ns);

/* Take over the servers that another chooser's clients keep, of those clients for whom takes(with, …) is true, unless a
 * newer one is kept here. addr: as in struct key. False: out of memory. */
bool chooser_remember(struct chooser *c, const struct chooser *from,
                      bool takes(void *with, const uint32_t addr[4], bool v6), void *with);

/* Return the connections by service and server: current ones, and all so far. */
const struct conns *chooser_conns(const struct chooser *c);
