/* The host's own addresses for kernel programs: a map from struct numbered_ip to one byte. */
#pragma once

#include "runtime/io/steer/steer.bpf.h"
#include "vm/packet/facts.h"

/* Return an address in the programs' form; IPv4 as family 4, as in struct host_addr. */
struct host_addr;
struct numbered_ip own_ip(const struct host_addr *a);

/* Set the map to exactly these addresses. Return 0, or the first negative errno: an address without room is left
 * out. */
int own_addresses(int map, const struct facts *f);
