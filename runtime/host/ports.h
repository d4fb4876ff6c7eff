/* Ports that the kernel must not give to the host's own connections, because translated connections use them. */
#ifndef RUNTIME_HOST_PORTS_H
#define RUNTIME_HOST_PORTS_H

#include <stddef.h>
#include <stdint.h>

struct state;

struct host_ports {
    uint16_t lo, hi; /* inclusive */
};

/* Claim these ports for translation to the host's own addresses. Those that the kernel could choose for the host's own
 * connections (ip_local_port_range) are added to ip_local_reserved_ports; nothing is written where there are none.
 * Recorded in s, and undone with it: then the ports that were added are taken out, whatever else has been reserved
 * since. 0, or a negative errno with one line in err: -EADDRINUSE: another instance that lives has some of them;
 * -ENOSPC: the host would have none left. */
int ports_reserve(struct state *s, const struct host_ports *ranges, unsigned count, char *err, size_t err_len);

/* 0, or -ENOSPC with the same line in err: ports_reserve would be refused. Changes nothing. */
int ports_look(const struct host_ports *ranges, unsigned count, char *err, size_t err_len);

#endif
