/* Copies of whole frames that the stages make: who takes them, and devices that get theirs at traffic control. */
#include <string.h>

#include "runtime/base/complain.h"
#include "runtime/kernel/run/copied.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"

enum { LINK_BYTES = 14 /* Ethernet's header before the packet that an MTU is about */ };

int in_kernel_copies(struct carry *carry)
{
    const int failed = carry->kernel ? risen_begin(&carry->workers[0]->risen, carry->kernel->kernel) : 0;
    if (failed) return complain("--exec kernel: its copies: %s", strerror(-failed));
    in_kernel_devices(carry);
    return 0;
}

/* While a change of programs is under way nothing is told: mirrors of two programs have the same numbers. */
void in_kernel_devices(const struct carry *carry)
{
    const struct program *p = carry->now.program;
    if (!carry->kernel || __atomic_load_n(&carry->kernel->judges, __ATOMIC_ACQUIRE) != p) return;
    for (uint32_t i = 0; i < p->mirrors_count; i++) {
        const struct pbc_mirror *m = &p->mirrors[i];
        const struct host_link *link =
            m->to == PBC_MIRROR_DEVICE ? host_link_named(carry->host, program_str(p, m->target)) : NULL;
        if (link && host_link_has_ethernet(link) && link->up)
            kernel_copies_device(carry->kernel->kernel, p, i, link->ifindex, link->mtu + LINK_BYTES);
        else
            kernel_copies_device(carry->kernel->kernel, p, i, 0, 0);
    }
}
