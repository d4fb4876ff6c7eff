/* What the host's own stack must not see of a program's traffic, as guard rules word it; and the ports that it must
 * leave to translation. */
#pragma once

#include "runtime/host/guard/guard.h"
#include "runtime/host/guard/ports.h"
#include "vm/packet/facts.h"
#include "vm/program/program.h"

struct guarded {
    struct guard_match *matches; /* each once */
    unsigned match_count, match_cap;
    struct host_ports *ports; /* of this machine's own addresses; what stays with the host among them */
    unsigned port_count, port_cap;
    bool routed;                    /* the caller's to say: what crosses from one interface to another is ours */
    bool failed;                    /* memory is out */
    const struct facts_ports *host; /* the ports that stay with the host; NULL: none do */
};

/* Of services: their addresses and ports, and what servers send back; of nat: what is translated on its way out, and
 * what comes back; of `decap` rules: what they open; of the program before, which may be NULL, too. probes: and
 * the answers to health checks through services, which nobody but the host's stack is kept from. host: the ports of
 * its own addresses that masquerade leaves to it; NULL: none. False: memory is out. */
bool guarded_init(struct guarded *g, const struct program *p, const struct program *before,
                  const struct facts_ports *host, bool probes);
/* Of nat alone; of masquerade alone, which shares its ports with the host. */
bool guarded_nats(struct guarded *g, const struct program *p, const struct facts_ports *host, bool masquerades);
/* A match of an earlier program's masquerade, but for the ports that stay with g->host now. */
void guarded_share(struct guarded *g, const struct guard_match *m);
void guarded_fini(struct guarded *g);
/* `count` more of them. False: memory is out. */
bool guarded_more(struct guarded *g, const struct guard_match *more, unsigned count);
