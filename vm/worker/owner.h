/* Owners: which worker a packet belongs to, so that all packets of a conversation, and all that is counted by its
 * client's address, meet in one worker's memory (ARCHITECTURE.md, Workers and state).
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
 * where it keeps none by addresses, its port counts, too. The order differs from the README of the design in one
 * thing: own addresses are asked, which are facts, because `masquerade` and pools without `source` translate to them.
 *
 * State by source is one worker's where the source is the client. Of others each worker has its own, so a meter or
 * `flows over N per source` lets them have more: what a forward's target sends from its port that answers no flow,
 * protocols without a mapping from behind a nat, senders of ICMP errors, what merely crosses.
 *
 *      datagram in pieces: vm_owner says who puts its pieces in order (VM_OWNER_FRAGMENT | worker); there
 *      datagram_owner (datagrams.h) says whose they are, once the first has come, for it alone has ports. So at most
 * two are handed a packet. */
#pragma once

#include "vm/packet/facts.h"
#include "vm/packet/key.h"
#include "vm/packet/pkt.h"
#include "vm/program/program.h"

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
