/* A filter: the language's own conditions as a program, which who asks has compiled. It looks at packets, and nothing
 * comes of that. */
#pragma once

#include "runtime/exchange/snapshot.h"

enum { FILTER_BYTES_MOST = 1 << 20, FILTER_RULES_MOST = 64 };

struct filter {
    struct program *program;    /* held; NULL: it takes all */
    uint16_t iface[PORTS_MOST]; /* ids of the ports in it */
};

/* Of a program, which is the filter's from then on; port i is of device i % count. What keeps state or has more than
 * conditions is refused. False: err says in one line why. */
bool filter_init(struct filter *f, struct program *p, const char *const devices[], unsigned count, char *err,
                 size_t err_len);
/* May it be asked of flows, which have addresses, ports, a protocol and VLANs, and nothing else? As above. */
bool filter_suits_flows(const struct filter *f, char *err, size_t err_len);
void filter_fini(struct filter *f);

/* Does it take the packet, which is parsed and came by that port? What is malformed only where it takes all. */
bool filter_takes(const struct filter *f, const struct pkt *pkt, const struct key *key, unsigned port);
/* The same of a flow: of the packet that began it, as its sender wrote it. */
bool filter_takes_flow(const struct filter *f, const struct facts *facts, const struct flow_record *flow);
