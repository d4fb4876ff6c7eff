/* Shared by the parts of the server's setup. */
#pragma once

#include "compiler/setup/setup.h"

struct setup {
    struct arena *arena;
    const struct image *img;
    const struct pbc_pool *pool;
    const struct pbc_server *server;
    const uint32_t *services; /* services that send to the pool, in the file's order */
    uint32_t count;
    FILE *out;
};

/* True if the service is part of the setup and has that mode. */
bool setup_in_mode(const struct setup *s, uint32_t i, enum pbc_mode mode);
bool setup_has_mode(const struct setup *s, enum pbc_mode mode);
/* Print the services of the mode: "`www`, `dns`". */
void setup_names(const struct setup *s, enum pbc_mode mode);
/* Print an address, given in words as in struct key, or `$vip_NAME` for a service without an address in the rules. */
void setup_address(const struct setup *s, const uint32_t words[4], uint8_t family);
void setup_endpoint_address(const struct setup *s, const struct pbc_endpoint *e);
/* Print a port range as in a command: "443", "80-90". */
void setup_ports(const struct setup *s, uint16_t lo, uint16_t hi);

/* Print the pool's `source` addresses of the server's family, "a-b, c", from which the balancer sends its tunnels.
 * Return the number of ranges; `out` NULL: print nothing. */
uint32_t setup_sources(const struct setup *s, FILE *out);

/* Print the setup for dsr l2, ipip, gue: the services' addresses, and the tunnels' ends (tunnels.c). */
void setup_local(const struct setup *s);
/* Print the setup for modes that rewrite the destination: the way of the replies (replies.c). */
void setup_replies(const struct setup *s);
