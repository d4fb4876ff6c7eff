/* What the parts of the server's setup share. */
#pragma once

#include "compiler/setup/setup.h"

struct setup {
    struct arena *arena;
    const struct image *img;
    const struct pbc_pool *pool;
    const struct pbc_server *server;
    const uint32_t *services; /* those that send to the pool, in the file's order */
    uint32_t count;
    FILE *out;
};

/* Is the service one of the setup's, in that mode? */
bool setup_in_mode(const struct setup *s, uint32_t i, enum pbc_mode mode);
bool setup_has_mode(const struct setup *s, enum pbc_mode mode);
/* "`www`, `dns`": those of the mode. */
void setup_names(const struct setup *s, enum pbc_mode mode);
/* An address as struct key has it, or `$vip_NAME` where the service stands on none that the rules know. */
void setup_address(const struct setup *s, const uint32_t words[4], uint8_t family);
void setup_endpoint_address(const struct setup *s, const struct pbc_endpoint *e);
/* The server's part of a port range in a command: "443", "80-90". */
void setup_ports(const struct setup *s, uint16_t lo, uint16_t hi);

/* The pool's `source` addresses of the server's family, "a-b, c": with them the balancer sends its tunnels. How many
 * ranges; `out` NULL: only that. */
uint32_t setup_sources(const struct setup *s, FILE *out);

/* dsr l2, ipip, gue: the services' addresses here, and the tunnels' ends (tunnels.c). */
void setup_local(const struct setup *s);
/* Modes that rewrite the destination: how replies find their way (replies.c). */
void setup_replies(const struct setup *s);
