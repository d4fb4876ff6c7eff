/* Ports shared between translated connections and the host's own: ports that the kernel must not give to own
 * connections, and ports that translation must leave to them */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "vm/packet/facts.h"

struct state;

enum { PORTS_MORE = 8, PORTS_MORE_LO = 1024 };
/* Minimum number of ports of ip_local_port_range that stay with the host; all if it has fewer */
enum { PORTS_KEPT = 4096 };

/* Notice that ports stay with the host: the first and the last */
#define PORTS_STAY                                                                                                     \
    "ports %u-%u stay reserved for this machine's own connections; `masquerade` uses the rest of its `ports`"

struct host_ports {
    uint16_t lo, hi; /* inclusive */
    uint16_t yields; /* 1: translation can do without some of them (for masquerade); 0: it needs each */
    uint16_t grows;  /* 1: the rules do not name them, and translation takes further unused ports */
};
/* Ports that stay with the host, out of ranges that yield; hi 0: none. The range only grows. */
struct host_kept {
    uint16_t lo, hi;               /* inclusive */
    uint16_t chosen_lo, chosen_hi; /* ip_local_port_range, from which the kernel chooses; 0: not read yet */
    uint32_t more_count; /* further ranges for those that grow, from PORTS_MORE_LO on: outside of ip_local_port_range,
                            not reserved, not another instance's; the longest ones, ascending */
    struct facts_range more[PORTS_MORE];
};

/* Add a range to the `*count` longest, which are in order of arrival. If there are more than `most`, the shortest is
 * dropped. */
void ports_keep_longest(struct facts_range *all, uint32_t *count, unsigned most, struct facts_range one);

/* Reserve these ports for translation to the host's own addresses, except `kept`, and kept->more for ranges that grow.
 * `kept` grows if the host would have too few ports, but not by ports that s has taken before. Ports that the kernel
 * could choose for own connections are added to ip_local_reserved_ports, which is not written if there are none.
 * Recorded in s; undo removes the added ports, whatever others have reserved since. Return 0, or a negative errno with
 * one line in err and no reservation: -EADDRINUSE: another live instance has some of them; -ENOSPC: one side would have
 * no port. */
int ports_reserve(struct state *s, const struct host_ports *ranges, unsigned count, struct host_kept *kept, char *err,
                  size_t err_len);

/* Test if ports_reserve would fail, without a change. Return its result, with the same line; if 0, *kept has the
 * ports that would be kept. s NULL: there is no record yet, and other instances are not checked. */
int ports_look(const struct state *s, const struct host_ports *ranges, unsigned count, struct host_kept *kept,
               char *err, size_t err_len);
