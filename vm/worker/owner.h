/* Owners: the worker that a packet belongs to. All packets of a conversation, and everything counted by its client's
 * address, are in one worker's memory (docs/architecture.md, Workers and state).
 *
 * The client is found by these tests in order, on both sides of a packet alike, so that replies find the same owner:
 *
 *   DHCP and router solicitation                      the first worker, because replies go to groups
 *   to a service, or an address that a nat forwards   its source
 *   a port that flows are translated to               the worker that has the port (vm/shared/shared.h)
 *   from a server that sees clients' addresses,       its destination
 *   from the target of a nat's forward
 *   this machine and another                          the other
 *   the inside of a nat                               the inside host; for protocols without a mapping, the other end
 *   else                                              both addresses
 *
 * So both directions of every TCP connection have one owner, which watches it, too (vm/observe/).
 *
 * An outside address of a map counts as its inside address, unless a service has it, so both are one conversation, also
 * between mapped hosts. An unmapped host that reaches a mapped one this way is answered at this machine's address: for
 * protocols without a mapping, only the mapped host identifies the conversation.
 *
 * An ICMP error belongs to the owner of the packet that it quotes; a tunnel that the program opens, to the owner of the
 * inner packet. A client is hashed by its address, cut to the shortest prefix by which the program keeps state; if it
 * keeps none by address, the client's port counts, too. This machine's own addresses, which are facts, count because
 * `masquerade` and pools without `source` translate to them.
 *
 * State by source is in one worker if the source is the client. For other sources each worker has its own state, so
 * a meter or `flows over N per source` lets more through. Such sources are: those of packets from the port of a
 * forward's target that are no replies, of protocols without a mapping from behind a nat, of ICMP errors, and of
 * traffic that is only forwarded.
 *
 * A connection of `mode proxy inline` that goes on to a pool's server has two pairs of ends on the wire, with the
 * client in both; a packet does not show which of its ends is the client. So a program with such a service has one
 * owner for all packets of a family, and so does one whose clients name targets in the inline stack.
 *
 * Fragments: vm_owner names the worker that puts them in order (VM_OWNER_FRAGMENT | worker). There, datagram_owner
 * names their owner once the first fragment has come, because only that has ports. So a fragment is handed on at most
 * twice. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/hash.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/shared/shared.h"
#include "vm/worker/roles.h"

#define VM_OWNER_FRAGMENT 0x80000000u

struct owners_cfg {
    unsigned workers; /* at least 1 */
    uint64_t seed;    /* same for all workers, and secret: an attacker with it could aim packets at one worker */
    const struct port_owners
        *ports; /* owners of single ports; it outlives this struct; NULL: each worker has its slice */
};

/* Return the first statement of a nat that has too few ports for this number of workers: clients would be refused,
 * because workers do not lend ports (bind/ports.h, ports_are_lent); NULL: none. */
const struct pbc_nat *owners_too_narrow(const struct program *p, unsigned workers);

/* Make the owners of a program, which are immutable and shared by all workers, and hold a reference to the program.
 * before: owners of the program that this one replaces at now_ns; NULL at the start. With it, continuing flows keep
 * their owners: prefixes, ports and seed stay, and former services and servers keep their roles for another day.
 * NULL: out of memory. */
struct owners;
struct owners *owners_new(struct program *p, const struct owners_cfg *cfg, const struct owners *before,
                          uint64_t now_ns);
void owners_free(struct owners *o);
/* Write what the owners have of earlier programs: prefixes, ports, and their roles with the times (CLOCK_MONOTONIC) at
 * which they end. */
struct archive;
void owners_write(const struct owners *o, struct archive *a);
/* Make the owners again from an archive, whose bytes are hostile, for the same program and number of workers, with
 * the seed of cfg. NULL: damaged (a->bad), or out of memory. */
struct owners *owners_read(struct program *p, const struct owners_cfg *cfg, struct archive *a);

/* The parts of a client that are hashed: leading bits of its IPv4 or IPv6 address, and its port if `ports` */
struct owner_key {
    uint8_t len4, len6;
    bool ports;
};
struct owner_key owner_key_of(const struct pbc_meter *meters, uint32_t meters_count, const struct pbc_grain *grains,
                              uint32_t grains_count, const struct pbc_service *services, uint32_t services_count,
                              uint32_t flags);
/* True if the program needs another key than that of the first owners. Then each worker keeps state by source for
 * itself, until a restart. */
bool owners_need_restart(const struct owners *o);

/* True if that key would separate connections from their replies: the program has a service in the wire that goes on
 * to pools, and the owners began without one. */
bool owners_part_answers(const struct owners *o);

/* Return the packet's owner, 0 to workers - 1; for a fragment the owner of the datagram, with VM_OWNER_FRAGMENT. Parses
 * the packet (pkt.h). Packets that are malformed or not IP belong to worker 0. */
unsigned vm_owner(const struct owners *o, const struct facts *facts, struct pkt *pkt);
/* The same for a packet parsed by these facts. */
unsigned vm_owner_of(const struct owners *o, const struct facts *facts, const struct pkt *pkt, const struct key *key);
/* The same; VM_OWNER_OF_PORT | port: the worker that has the port at this moment, which owners_of_port returns. */
#define VM_OWNER_OF_PORT 0x40000000u
unsigned vm_owner_or_port(const struct owners *o, const struct facts *facts, const struct pkt *pkt,
                          const struct key *key);
unsigned owners_of_port(const struct owners *o, uint16_t port);
/* VM_OWNER_GUEST | worker: the worker that has this flow (guests.h), as long as the flow lasts: do not cache it. */
#define VM_OWNER_GUEST 0x20000000u
struct guests;
/* Ask those guests from now on; takes a reference. Call this while no worker judges. */
void owners_guests(struct owners *o, struct guests *guests);

/* The ends of a flow as packets of one side show them */
struct owner_ends {
    uint32_t src[4], dst[4];
    uint16_t src_port, dst_port; /* queries: both the identifier */
    uint16_t iface;              /* as in struct key */
    uint8_t proto, v6;           /* enum role_proto; 0 or 1 */
    bool answers;                /* true: a reply to a query */
};
/* Return the owner of unfragmented packets with these ends, as vm_owner_or_port does. */
unsigned owner_of_ends(const struct owners *o, const struct facts *facts, const struct owner_ends *e);
/* Return the owner of a client with that address and port. */
unsigned owner_of_client(const struct owners *o, const uint32_t addr[4], uint16_t port, uint8_t proto, bool v6);
/* True if the client's address names the owner for all of the program's state by source. */
bool owners_know_clients(const struct owners *o);
/* True if the port does not lead packets to that worker's flow: it is shared, or free and in another worker's slice. */
bool owners_port_is_apart(const struct owners *o, uint16_t port, unsigned worker);
/* List interfaces by which packets of equal ends may have different owners; return their number, at least 1. */
enum { OWNER_IFACES = 32 };
unsigned owners_ifaces(const struct owners *o, uint16_t ifaces[OWNER_IFACES]);

/* True if the program opens no tunnels. Then, by the same facts, all whole TCP and UDP packets with the same
 * addresses, protocol, ports and interface belong to one worker, or to that of the same port. */
bool owners_by_ends(const struct owners *o);

/* Return the owner of a parsed packet as if it were unfragmented: a first fragment names the owner of its datagram. */
unsigned owner_of_whole(const struct owners *o, const struct facts *facts, const struct pkt *pkt,
                        const struct key *key);

/* Owners of a datagram's fragments: only the first has ports. Used at the worker that vm_owner names for a fragment,
 * where all of them meet. */

struct datagrams; /* datagrams of one worker, as many as the program's `fragments` */
struct datagrams *datagrams_new(const struct program *p, uint64_t seed); /* NULL: out of memory */
void datagrams_free(struct datagrams *d);

/* Return the owner of a fragment with VM_OWNER_FRAGMENT. VM_OWNER_UNKNOWN: the first fragment has not come. The
 * caller keeps the fragment until then, at most DATAGRAM_WAIT_NS, and asks again; after that its own vm judges the
 * fragment. */
#define VM_OWNER_UNKNOWN UINT32_MAX
enum { DATAGRAM_WAIT_NS = 100000000 };
unsigned datagram_owner(struct datagrams *d, const struct owners *o, const struct facts *facts, struct pkt *pkt,
                        uint64_t now_ns);

/* Inputs of the decision about a conversation's owner (whose_owner.h): shapes of the tables and of a conversation */

/* The scalars of the tables */
struct whose {
    struct hash_key hash;
    uint32_t workers;
    uint32_t mask;                              /* mask for an index in slots */
    uint32_t masquerades, anys, froms4, froms6; /* number of entries */
    uint8_t len4, len6;                         /* bits of a client's address that are hashed */
    uint8_t ports;                              /* 1: the client's port counts */
    uint8_t reserved[5];
};

/* Sources that a nat translates: a range of addresses, or (whose_any) all packets that did not arrive on `out` */
struct whose_from4 {
    uint32_t lo, hi;
};
struct whose_from6 {
    uint64_t lo_hi, lo_lo, hi_hi, hi_lo;
};
struct whose_any {
    uint16_t out;
    uint8_t family; /* 0: both */
    uint8_t reserved;
};

/* A conversation as one of its packets shows it; side 0 is that packet's source */
struct whose_talk {
    uint32_t addr[2][4]; /* as in struct key */
    uint32_t role[2];
    uint16_t port[2];
    uint16_t iface;
    uint8_t family, proto; /* enum role_proto */
    uint8_t asked;         /* queries: the side asked, as 1 << side; otherwise both sides */
    uint8_t own[2];        /* 1: the side's address is this machine's */
    uint8_t reserved;
};

/* The identity of a fragment's datagram */
struct whose_fragment {
    uint32_t src[4], dst[4], id;
    uint32_t proto; /* IPv4 only; otherwise 0 */
};

/* The halves of an address */
static inline uint64_t whose_high(const uint32_t a[4]) { return (uint64_t)a[0] << 32 | a[1]; }
static inline uint64_t whose_low(const uint32_t a[4]) { return (uint64_t)a[2] << 32 | a[3]; }

enum { WHOSE_PROBES = 64 }; /* most slots that the look-up of an address reads */
/* Return the slot where the look-up of an address begins. */
static inline uint32_t whose_slot(uint32_t mask, unsigned family, uint64_t high, uint64_t low)
{
    uint64_t h = high * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29 ^ low ^ family) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(h >> 32) & mask;
}

/* Return the worker for a hash. */
static inline unsigned whose_one_of(const struct whose *w, uint64_t hash)
{
    return (unsigned)((hash >> 32) * w->workers >> 32);
}

/* Return the worker that orders the datagram's fragments. */
static inline unsigned whose_datagram(const struct whose *w, const struct whose_fragment *f)
{
    const hash_word words[5] = {hash_pair(f->src[0], f->src[1]), hash_pair(f->src[2], f->src[3]),
                                hash_pair(f->dst[0], f->dst[1]), hash_pair(f->dst[2], f->dst[3]),
                                hash_pair(f->id, f->proto)};
    return whose_one_of(w, hash_words(&w->hash, words, 5));
}

/* The owners' tables, for code that decides by them elsewhere (runtime/io/steer/deal.c) */

struct whose_tables {
    struct whose numbers;
    const struct roles *roles;
    struct whose_any *anys;     /* [numbers.anys] */
    struct whose_from4 *froms4; /* [numbers.froms4], sorted, disjoint */
    struct whose_from6 *froms6;
};

/* Return the tables, valid as long as the owners. NULL: the program opens tunnels or has maps, which these tables do
 * not cover. */
const struct whose_tables *owners_tables(const struct owners *o);
