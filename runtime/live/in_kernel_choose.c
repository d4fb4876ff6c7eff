/* When the executor in the kernel is taken, and which programs it takes. */
#include <stdio.h>

#include "runtime/kernel/flows.h"
#include "runtime/live/in_kernel.h"
#include "runtime/live/in_kernel_priv.h"
#include "runtime/live/start.h"

/* NULL: nothing of the command line stands in the way. */
static const char *refusal(const struct live *l)
{
    for (unsigned i = 0; i < l->o->iface_count; i++) {
        const struct host_link *link = host_link_named(l->host, l->o->ifaces[i]);
        if (link && link->loopback) return "the loopback has no XDP";
        if (link && !xdp_frame_most(link->mtu)) return "an interface's MTU is above 61,000";
    }
    if (l->o->bridge_count) return "a bridge is carried by this process";
    if (l->o->io == OPTIONS_IO_PACKET) return "--io packet shows frames to this process alone";
    return io_XDP.open ? NULL : "this preyrun was built without clang (make KERNEL=0)";
}

int in_kernel_choose(struct live *l)
{
    const bool asked = l->o->exec == OPTIONS_EXEC_KERNEL;
    const char *no = asked ? refusal(l) : NULL;
    if (no) return live_complain("--exec kernel: %s; this does: --exec user", no);
    l->in_kernel = asked;
    return 0;
}

bool in_kernel_takes(const struct live *l, const struct program *p, char *why, size_t len)
{
    const char *lack = l->kernel ? flows_lack(l->kernel->kernel, p) : NULL;
    if (lack)
        snprintf(why, len, "--exec kernel: these rules %s, and those before did not: a restart makes the tables for it",
                 lack);
    return !lack;
}
