/* Addresses of an absent machine's interfaces, from files with its routes; in a live run the kernel reports them
 * (host_source). */
#pragma once

#include "runtime/base/self.h"
#include "vm/packet/facts.h"
#include "vm/program/program.h"

enum { IFACE_NAME_MOST = 15 };

struct given_address {
    char device[IFACE_NAME_MOST + 1];
    uint32_t addr[4]; /* the address, as in struct key */
    uint32_t place;   /* place of the address in the order of the files */
    uint8_t family;
    bool secondary; /* an earlier address is in the same subnet */
};
/* Certainty of the address that was chosen for an interface in a family. */
enum given_doubt { GIVEN_SURE, GIVEN_SEVERAL, GIVEN_OTHERWISE };
struct given_iface {
    uint32_t first, count; /* first index in `all`, and number of addresses */
    uint16_t id;           /* id of the interface's frames; IFACE_NONE: no id was left, and its address is not used */
    uint16_t as;           /* the interface's id in rules; IFACE_OTHER: not named by rules */
    uint8_t doubt[2];      /* enum given_doubt: of IPv4, of IPv6 */
};

/* All zero: nothing is known. */
struct given_addresses {
    const struct program *program;
    struct self own; /* all addresses of packets to this machine, sorted once settled */
    struct given_address *all;
    uint32_t count, room;
    struct given_iface *ifaces; /* [ifaces_count] interfaces, by name */
    uint32_t ifaces_count, left_out;
    struct facts_iface *facts; /* [facts_count] facts of interfaces by id, for struct facts */
    uint32_t facts_count;
    bool patterns, files;
};

/* Add an address of a device. Return 0 or -ENOMEM. */
int addresses_add(struct given_addresses *g, const char *device, uint8_t family, const uint32_t addr[4],
                  bool secondary);
/* Add the addresses of a prefix, whose packets this machine receives. Loopback networks and networks of more than
 * 65,536 addresses are left out. Return 0 or -ENOMEM. */
int addresses_own(struct given_addresses *g, uint8_t family, const uint32_t to[4], unsigned bits);
/* Put these addresses into the facts, for each family of which --self lists none. */
void addresses_are_self(const struct given_addresses *g, struct facts *facts);
/* Close the list. A device that the rules know by a pattern, or not at all, gets its own id, as live interfaces do.
 * files: routes came from files. Return 0 or -ENOMEM. */
int addresses_settle(struct given_addresses *g, const struct program *p, bool files);
/* Return the id of frames of the device, whose id in rules is `as`. */
uint16_t addresses_iface(const struct given_addresses *g, const char *device, uint16_t as);
/* Choose each interface's address among this machine's own in `facts`, and set it. said: the own addresses in
 * `facts` are the machine's. If it is false, or for a family without any, they represent unknown addresses. */
void addresses_tell(struct given_addresses *g, struct facts *facts, bool said);
/* Report, one line each, the interfaces of which the right address may differ from the one that `masquerade` uses by
 * these facts. */
typedef void addresses_tell_fn(void *arg, const char *line);
void addresses_doubts(const struct given_addresses *g, const struct facts *facts, addresses_tell_fn *tell, void *arg);
void addresses_fini(struct given_addresses *g);
