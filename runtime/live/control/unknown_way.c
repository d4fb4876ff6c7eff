/* The words depend on the executor: with the kernel executor the stack sends the packet on, else it is dropped */
#include "runtime/live/control/unknown_way.h"

struct way_told unknown_way(const struct carry *carry, enum way_why why)
{
    if (why == WAY_IPSEC)
        return (struct way_told){.then = carry->in_kernel
                                             ? "forwarded by this machine's network stack"
                                             : "dropped (no-way); --exec kernel leaves it to the network stack",
                                 .instead = "",
                                 .doc = way_why_words(why)->doc,
                                 .next = ""};
    return (struct way_told){.then = carry->in_kernel ? "routed by this machine, then translated if a `nat` takes it"
                                                      : "dropped (no-way)",
                             .instead = carry->in_kernel ? "" : "--exec kernel",
                             .doc = way_why_words(why)->doc,
                             .next = way_why_words(why)->next};
}
