/* Traffic of a program that the host's own stack must not see, as guard matches; ports that it must leave to
 * translation */
#pragma once

#include "runtime/host/guard/guard.h"
#include "runtime/host/guard/ports.h"
#include "vm/packet/facts.h"
#include "vm/program/program.h"

struct guarded {
    struct guard_match *matches; /* without duplicates */
    unsigned match_count, match_cap;
    struct host_ports *ports; /* ports on this machine's own addresses, including those that stay with the host */
    unsigned port_count, port_cap;
    bool routed;                    /* set by the caller: prey handles packets between interfaces */
    bool failed;                    /* out of memory */
    const struct facts_ports *host; /* ports that stay with the host; NULL: none */
};

/* Collect from a program, and from the program before (or NULL): services (addresses, ports, servers' replies), nat
 * (outgoing packets and replies), `decap` rules (what they open). probes: also replies to health checks through
 * services, hidden only from the host's stack. host: ports of its own addresses that masquerade leaves to it; NULL:
 * none. False: out of memory. */
bool guarded_init(struct guarded *g, const struct program *p, const struct program *before,
                  const struct facts_ports *host, bool probes);
/* Collect from nat only. masquerades: only from masquerade, which shares its ports with the host */
bool guarded_nats(struct guarded *g, const struct program *p, const struct facts_ports *host, bool masquerades);
/* Add a match of an earlier program's masquerade, without the ports that stay with g->host now */
void guarded_share(struct guarded *g, const struct guard_match *m);
/* Leave out packets that are forwarded by their route: eBPF programs take them before the guard, and those left to
 * the host's stack are not prey's */
void guarded_spare_sent(struct guarded *g);
/* Leave out the matches of heard senders, and of packets hidden from them, because no route leads past prey's
 * interfaces */
void guarded_spare_heard(struct guarded *g);
void guarded_fini(struct guarded *g);
/* Add `count` matches. False: out of memory. */
bool guarded_more(struct guarded *g, const struct guard_match *more, unsigned count);
