/* What is true of the world while a packet is judged: an input of the vm, a snapshot that others make. */
#ifndef VM_PACKET_FACTS_H
#define VM_PACKET_FACTS_H

#include <stdbool.h>
#include <stdint.h>

struct pbc_range6;

/* An immutable snapshot of the world, with a generation. Arrays are sorted; all stays the caller's. */
struct facts {
    uint64_t generation;
    const uint32_t *self4; /* own IPv4 addresses, host order, ascending */
    unsigned self4_count;
    const struct pbc_range6 *self6; /* own IPv6 addresses (lo = hi), ascending */
    unsigned self6_count;
    uint32_t schedules;  /* bit i: schedule i of the program is active at this time */
    const uint8_t *down; /* [program->servers_count] 1: no new flow; NULL: all are up. A change is a new generation */
    const uint64_t *up_since_ns; /* [program->servers_count] when a server that was down came up, mono; 0: before the
                                    start. For slow start; NULL: all were up before */
    uint32_t addr4; /* this machine speaks from here (answers, outer sources, masquerade), host order; 0: none known */
    uint32_t addr6[4];      /* likewise; all 0: none */
    uint64_t mac;           /* of the interface, for ARP and neighbour answers; 0: made from the address */
    uint32_t mtu;           /* largest IP packet of the links; 0: 1500 */
    bool drop_bad_checksum; /* IPv4 header checksums: wrong is a drop (live, --strict-checksum), else counted */
};

#endif
