/* Filters: conditions of the rule language, compiled by the client into a program. A filter looks at packets without
 * any effect on them. */
#pragma once

#include "runtime/exchange/snapshot.h"

enum { FILTER_BYTES_MOST = 1 << 20, FILTER_RULES_MOST = 64 };

struct filter {
    struct program *program;    /* owned; NULL: the filter takes all packets */
    uint16_t iface[PORTS_MOST]; /* by port: id of its interface in the program */
};

/* Make a filter of a program, which it owns from then on. Port i belongs to device i % count. A program with state,
 * or with anything beyond conditions, is rejected. False: one line in err. */
bool filter_init(struct filter *f, struct program *p, const char *const devices[], unsigned count, char *err,
                 size_t err_len);
/* True if the filter asks only for what flows have: addresses, ports, protocol and VLANs. False: one line in err. */
bool filter_suits_flows(const struct filter *f, char *err, size_t err_len);
void filter_fini(struct filter *f);

/* True if the filter takes a parsed packet that came by `port`. A malformed packet matches only a filter without
 * conditions. */
bool filter_takes(const struct filter *f, const struct pkt *pkt, const struct key *key, unsigned port);
/* True if the filter takes the packet that began the flow, as its sender wrote it. */
bool filter_takes_flow(const struct filter *f, const struct facts *facts, const struct flow_record *flow);
