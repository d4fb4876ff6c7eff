/* What is said of filters of traffic control that cannot be put on an interface. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/host/hook/clsact.h"

void clsact_why(const struct clsact *at, int failed, const char *device, char *err, size_t err_len)
{
    if (failed == -ENOENT)
        snprintf(err, err_len,
                 "the kernel has no filters of traffic control that run programs (its modules sch_ingress and "
                 "cls_bpf); this mends it: modprobe -a sch_ingress cls_bpf");
    else if (failed == -EEXIST)
        snprintf(
            err, err_len,
            "%s has the queueing discipline ingress of another program, in whose place clsact goes; this mends it, "
            "and takes off its filters: tc qdisc del dev %s ingress",
            device, device);
    else if (failed == -EOPNOTSUPP)
        snprintf(err, err_len,
                 "filters for what %s by %s are shared with other interfaces (%s_block), and one of them could not be "
                 "for it alone; this shows it: tc qdisc show dev %s",
                 at->leaves ? "leaves" : "arrives", device, at->leaves ? "egress" : "ingress", device);
    else if (failed == -EINVAL)
        snprintf(err, err_len,
                 "another program has a filter of another kind at priority %u for what %s by %s; this shows it: tc "
                 "filter show dev %s %s",
                 at->priority, at->leaves ? "leaves" : "arrives", device, device, at->leaves ? "egress" : "ingress");
    else
        snprintf(err, err_len, "no filter of traffic control can be put on %s: %s", device, strerror(-failed));
}
