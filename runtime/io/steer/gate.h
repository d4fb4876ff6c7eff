/* The gate: segments of the proxy's connections pass in the kernel to the host stack, not to packet sockets. The
 * kernel's own sockets identify these connections. Segments that look like theirs but belong to none are held back and
 * counted, in traffic control, before the guard's hook. The guard holds back first packets, which the vm judges. */
#pragma once

#include "runtime/host/guard/guard.h"
#include "vm/kernel/gate.h"
#include "vm/packet/facts.h"

struct filter;
struct gate;
struct state;

/* Return why a gate is impossible here, in a line with the remedy; NULL: a trial found no obstacle. */
const char *gate_lacks(void);

/* Make a gate over the sockets' filter, which must outlive it. NULL: out of memory (errno), or the build has no
 * clang; then only the guard holds back packets, those that open connections. */
struct gate *gate_open(const struct filter *f);
/* Make a gate over maps of the kernel executor, which must outlive it; no interface is touched. NULL: out of memory
 * (errno). */
struct gate_maps {
    int ends, wides, counts;
    struct gate_config *config;
};
struct gate *gate_over(const struct gate_maps *maps);
void gate_close(struct gate *g);
/* Close the gate if another process has a gate at the same interfaces: a filter (before Linux 6.6) belongs to that
 * process, and stays. */
void gate_leave(struct gate *g);

/* Set the gate to the proxy's matches among these. answers: servers' replies to the host's own addresses are kept
 * from the sockets, too, if no other match has that port. Return 0 or a negative errno; -E2BIG: more than GATE_WIDE
 * of them have 256 ports or more, or any address. */
int gate_rules(struct gate *g, const struct guard_match *all, unsigned count, bool answers);
/* Set the host's own addresses. Return 0 or a negative errno. */
int gate_world(struct gate *g, const struct facts *f);
/* Attach the gate to an interface, by name and number, until gate_close, in place of the port's earlier one. A filter
 * (before Linux 6.6) outlives a kill, so it is recorded first. Return 0, or a negative errno with one line in err. */
int gate_attach(struct gate *g, struct state *s, unsigned port, const char *device, unsigned ifindex, char *err,
                size_t err_len);
/* Set the port's filter again if it is gone, like hooks_keep (runtime/host/hook/hooks.h), or if gate_attach has
 * failed. Return 1 if it was gone and set, or a negative errno; otherwise 0, also after a failed gate_attach. NULL
 * is fine. */
int gate_keep(struct gate *g, struct state *s, unsigned port, const char *device, char *err, size_t err_len);
void gate_detach(struct gate *g, unsigned port); /* NULL is fine */

/* Add the counters of the interface, or of any that differs by a multiple of GATE_COUNTS, to *sum. */
void gate_counts(const struct gate *g, unsigned ifindex, struct gate_count *sum);
