/* Ports that translated connections and the host's own share out: what the kernel must not give to the host's own
 * connections, and what translation must leave to them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct state;

/* So many ports of ip_local_port_range stay with the host at least, or all, where it has fewer. */
enum { PORTS_KEPT = 4096 };

/* The notice that ports stay with the host: the first and the last of them. */
#define PORTS_STAY                                                                                                     \
    "ports %u-%u stay with this machine's own connections, and `masquerade` uses the others of its `ports`"

struct host_ports {
    uint16_t lo, hi;  /* inclusive */
    uint16_t yields;  /* 1: translation can do without some of them (masquerade draws them); 0: it needs each */
    uint16_t nothing; /* 0 */
};
/* What of those that yield stays with the host, for it would have too few; hi 0: nothing. It only grows. */
struct host_kept {
    uint16_t lo, hi;               /* inclusive */
    uint16_t chosen_lo, chosen_hi; /* ip_local_port_range, of which the kernel chooses; 0: it was not read yet */
};

/* Claim these ports for translation to the host's own addresses, but for what `kept` says: what it says already stays
 * so, and of ports that s has no claim of before, more is added where the host would have too few. Those that the
 * kernel could choose for the host's own connections are added to ip_local_reserved_ports; nothing is written where
 * there are none. Recorded in s, and undone with it: then the ports that were added are taken out, whatever else has
 * been reserved since. 0, or a negative errno with one line in err: -EADDRINUSE: another instance that lives has some
 * of them; -ENOSPC: no port is left to one side. Then nothing is claimed. */
int ports_reserve(struct state *s, const struct host_ports *ranges, unsigned count, struct host_kept *kept, char *err,
                  size_t err_len);

/* Would ports_reserve be refused for one of these? With the same line in err; else 0, and *kept is what would be kept.
 * s NULL: there is no record yet, and others are not asked. Changes nothing of the host's. */
int ports_look(const struct state *s, const struct host_ports *ranges, unsigned count, struct host_kept *kept,
               char *err, size_t err_len);
