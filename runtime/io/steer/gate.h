/* What connections of the proxy carry passes in the kernel: packet sockets do not get it, the host's stack does. Which
 * connections these are the kernel's own sockets say. What looks like a part of one and is of none is held back and
 * counted, in traffic control, before the guard's hook; first packets the guard holds back, and the vm judges. */
#pragma once

#include "runtime/host/guard/guard.h"
#include "vm/kernel/gate.h"
#include "vm/packet/facts.h"

struct filter;
struct gate;
struct state;

/* Why there can be none here, in a line with what mends it; NULL: there can, as far as trying tells. */
const char *gate_lacks(void);

/* Over the filter of the sockets, which outlives it. NULL: memory is out, as errno says, or the build has no
 * clang; then the guard alone holds back what opens connections, and the rest passes. */
struct gate *gate_open(const struct filter *f);
/* Over maps of the executor in the kernel, which outlive it: nothing is put on interfaces. NULL: likewise. */
struct gate_maps {
    int ends, wides, counts;
    struct gate_config *config;
};
struct gate *gate_over(const struct gate_maps *maps);
void gate_close(struct gate *g);

/* Those of the matches that are the proxy's, from now on. answers: what servers answer to the host's own addresses is
 * kept from the sockets, too, where no other match is of that port. 0 or a negative errno: -E2BIG, more than GATE_WIDE
 * of them are of 256 ports or more, or of any address. */
int gate_rules(struct gate *g, const struct guard_match *all, unsigned count, bool answers);
/* The host's own addresses. 0 or a negative errno. */
int gate_world(struct gate *g, const struct facts *f);
/* On an interface, by its name and number, until gate_close; in the place of the one that the port had before. A filter
 * (before Linux 6.6) outlives a kill, so it is recorded before. 0, or a negative errno with one line in err. */
int gate_attach(struct gate *g, struct state *s, unsigned port, const char *device, unsigned ifindex, char *err,
                size_t err_len);
/* Is its filter, where it is one, still there? Else it is set again, like hooks_keep (runtime/host/hook/hooks.h); also,
 * and then 0 is returned, where gate_attach has failed. NULL is fine. */
int gate_keep(struct gate *g, struct state *s, unsigned port, const char *device, char *err, size_t err_len);
void gate_detach(struct gate *g, unsigned port); /* NULL is fine */

/* Of that interface (or one that differs by a multiple of GATE_COUNTS), added to *sum. */
void gate_counts(const struct gate *g, unsigned ifindex, struct gate_count *sum);
