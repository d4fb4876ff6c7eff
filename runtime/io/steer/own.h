/* The host's own addresses, for a program of the kernel: a map from struct numbered_ip to one byte. */
#pragma once

#include "runtime/io/steer/steer.bpf.h"
#include "vm/packet/facts.h"

/* An address as those programs have it; v4 of family 4, as in struct host_addr. */
struct host_addr;
struct numbered_ip own_ip(const struct host_addr *a);

/* The map holds these and no others. 0 or a negative errno. */
int own_addresses(int map, const struct facts *f);
