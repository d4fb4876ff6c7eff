#include "runtime/live/control/unknown_way.h"

struct way_told unknown_way(const struct carry *carry, enum way_why why)
{
    const bool by_tc = carry->by_tc == (1u << carry->o->iface_count) - 1;
    return (struct way_told){.then = !carry->in_kernel ? "dropped (no-way)"
                                     : by_tc           ? "translated behind this machine's routing"
                                                       : "lost behind this machine's routing",
                             .instead = !carry->in_kernel ? "--exec kernel --hook tc"
                                        : by_tc           ? ""
                                                          : "--hook tc",
                             .doc = way_why_words(why)->doc,
                             .next = way_why_words(why)->next};
}
