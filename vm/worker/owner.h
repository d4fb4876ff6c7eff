/* Owners: which worker a packet belongs to, so that all packets of a conversation, and all that is counted by its
 * client's address, meet in one worker's memory (docs/architecture.md, Workers and state).
 *
 * Who is the client is asked in this order, of both sides of a packet alike, so that its answers find the same owner:
 *
 *   to a service, or what a nat forwards   its source
 *   a port that flows are translated to    the worker in whose slice the port lies (bind/mappings.h, port_slice)
 *   from a server that knows its clients,  its destination
 *   from the target of a nat's forward
 *   this machine and another               the other
 *   the inside of a nat                    the inside host; of protocols that have no mapping the other end
 *   else                                   both addresses
 *
 * An outside address of a map counts as the inside one that it stands for, where it is no service's: so both are one
 * conversation, between mapped hosts, too. A host that is not mapped and reaches a mapped one so is answered at our own
 * address: what has no mapping is then known by the mapped host alone.
 *
 * An ICMP error belongs where the packet that it quotes does; what a tunnel brings that the program opens, where the
 * packet inside does. A client is hashed by its address, cut to the shortest prefix by which the program keeps state;
 * where it keeps none by addresses, its port counts, too. Own addresses are asked, which are facts, because
 * `masquerade` and pools without `source` translate to them.
 *
 * State by source is one worker's where the source is the client. Of others each worker has its own, so a meter or
 * `flows over N per source` lets them have more: what a forward's target sends from its port that answers no flow,
 * protocols without a mapping from behind a nat, senders of ICMP errors, what merely crosses.
 *
 *      datagram in pieces: vm_owner says who puts its pieces in order (VM_OWNER_FRAGMENT | worker); there
 *      datagram_owner says whose they are, once the first has come, for it alone has ports. So at most
 * two are handed a packet. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/keyed/hash.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"
#include "vm/worker/roles.h"

#define VM_OWNER_FRAGMENT 0x80000000u

struct owners_cfg {
    unsigned workers; /* at least 1 */
    uint64_t seed;    /* one for all workers, and secret: who knows it can aim at one of them */
};

/* Immutable; all workers may share it. `before`, NULL at the start: that of the program which this one replaces at
 * `now_ns`. Then flows that go on keep their owners: prefixes, ports and seed stay as they were, and what is no service
 * or server any more is known as one for another day. NULL: out of memory. Holds a reference to the program. */
struct owners;
struct owners *owners_new(struct program *p, const struct owners_cfg *cfg, const struct owners *before,
                          uint64_t now_ns);
void owners_free(struct owners *o);

/* By how much of a client's address it is hashed: bits of IPv4 and of IPv6; whether its port counts. */
struct owner_key {
    uint8_t len4, len6;
    bool ports;
};
struct owner_key owner_key_of(const struct pbc_meter *meters, uint32_t meters_count, const struct pbc_grain *grains,
                              uint32_t grains_count, const struct pbc_service *services, uint32_t services_count,
                              uint32_t flags);
/* Does the program that they were made for need another key than they began with? Then state by source is kept by each
 * worker for itself, until a restart. */
bool owners_need_restart(const struct owners *o);

/* The packet's owner, 0 to workers - 1; of fragments the owner of the datagram, with VM_OWNER_FRAGMENT. Parses the
 * packet (pkt.h). What is not IP, or malformed, is worker 0's. */
unsigned vm_owner(const struct owners *o, const struct facts *facts, struct pkt *pkt);

/* The same of a parsed packet as if it were whole: what a first piece says of its datagram. */
unsigned owner_of_whole(const struct owners *o, const struct facts *facts, const struct pkt *pkt,
                        const struct key *key);

/* Owners of the pieces of a datagram: the first alone has ports. Asked at the worker that vm_owner names for a piece,
 * so all of them meet here. */

struct datagrams; /* a worker's, as many as its program's `fragments` */
struct datagrams *datagrams_new(const struct program *p, uint64_t seed); /* NULL: out of memory */
void datagrams_free(struct datagrams *d);

/* The owner of a fragment of which vm_owner said VM_OWNER_FRAGMENT. VM_OWNER_UNKNOWN: its first has not come. The
 * caller keeps it back until that has, DATAGRAM_WAIT_NS at most, and asks again; then its own vm judges it. */
#define VM_OWNER_UNKNOWN UINT32_MAX
enum { DATAGRAM_WAIT_NS = 100000000 };
unsigned datagram_owner(struct datagrams *d, const struct owners *o, const struct facts *facts, struct pkt *pkt,
                        uint64_t now_ns);

/* Inputs of the decision about a conversation's owner (whose_owner.h): shapes of the tables, and of a conversation. */

/* The part that is no array. */
struct whose {
    struct hash_key hash;
    uint32_t workers;
    uint32_t mask;                              /* of slots */
    uint32_t masquerades, anys, froms4, froms6; /* how many there are */
    uint8_t len4, len6;                         /* by how much of a client's address it is hashed */
    uint8_t ports;                              /* whether its port counts */
    uint8_t reserved[5];
};

/* Sources that a nat translates: a range of addresses, or whatever does not come in where it goes out. */
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

/* A conversation, as one packet of it shows it. Side 0 is where that packet came from. */
struct whose_talk {
    uint32_t addr[2][4]; /* as in struct key */
    uint32_t role[2];
    uint16_t port[2];
    uint16_t iface;
    uint8_t family, proto; /* enum role_proto */
    uint8_t asked;         /* of a query: the side that is asked, as 1 << side; else both */
    uint8_t own[2];        /* is the side's address this machine's? */
    uint8_t reserved;
};

/* A piece of a datagram that is in no other. */
struct whose_piece {
    uint32_t src[4], dst[4], id;
    uint32_t proto; /* of IPv4; else 0 */
};

/* The halves of an address. */
static inline uint64_t whose_high(const uint32_t a[4]) { return (uint64_t)a[0] << 32 | a[1]; }
static inline uint64_t whose_low(const uint32_t a[4]) { return (uint64_t)a[2] << 32 | a[3]; }

/* The slot at which the look-up of an address begins. */
static inline uint32_t whose_slot(uint32_t mask, unsigned family, uint64_t high, uint64_t low)
{
    uint64_t h = high * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29 ^ low ^ family) * 0xbf58476d1ce4e5b9u;
    return (uint32_t)(h >> 32) & mask;
}

/* The worker, of a hash. */
static inline unsigned whose_one_of(const struct whose *w, uint64_t hash)
{
    return (unsigned)((hash >> 32) * w->workers >> 32);
}

/* The worker that puts the datagram's pieces in order. */
static inline unsigned whose_datagram(const struct whose *w, const struct whose_piece *f)
{
    const hash_word words[5] = {hash_pair(f->src[0], f->src[1]), hash_pair(f->src[2], f->src[3]),
                                hash_pair(f->dst[0], f->dst[1]), hash_pair(f->dst[2], f->dst[3]),
                                hash_pair(f->id, f->proto)};
    return whose_one_of(w, hash_words(&w->hash, words, 5));
}

/* The owners' tables, for those who decide by them elsewhere (runtime/io/steer/deal.c). */

struct whose_tables {
    struct whose numbers;
    const struct roles *roles;
    struct whose_any *anys;     /* [numbers.anys] */
    struct whose_from4 *froms4; /* [numbers.froms4], sorted, disjoint */
    struct whose_from6 *froms6;
};

/* As long as the owners live. NULL: tunnels are opened, and what is inside decides, which these tables do not tell. */
const struct whose_tables *owners_tables(const struct owners *o);
