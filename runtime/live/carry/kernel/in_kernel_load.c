/* The executor is loaded before the fork, so that a refusal is known while this process can still judge in its
 * place. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/complain.h"
#include "runtime/host/device/offload.h"
#include "runtime/host/hook/xdp.h"
#include "runtime/host/look/preflight.h"
#include "runtime/kernel/pass/passed.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"

int in_kernel_load(struct carry *carry, char *err, size_t err_len)
{
    if (carry->loaded.kernel) return 0;
    const bool all = carry->by_tc == (1u << carry->o->iface_count) - 1;
    const unsigned bare = in_kernel_may_be_bare(carry) ? KERNEL_BARE : 0;
    const unsigned hooks = (all ? KERNEL_TC : KERNEL_XDP | KERNEL_TC) | bare;
    const bool passes = carry->passed && carry->passed->count;
    const struct kernel_cfg cfg = {.hooks = passes ? carry->passed->says.hooks : hooks,
                                   .live = true,
                                   .raises = passes ? 0 : carry->by_tc | carry->rings,
                                   .passed = passes ? carry->passed : NULL,
                                   .sizes = carry->passed ? &carry->passed->says.sizes : NULL,
                                   .mark = carry->passed ? carry->passed->mark : 0,
                                   .seed = carry->o->seed};
    return loaded_begin(&carry->loaded, program_of_file(carry->now.program), &cfg, err, err_len);
}

/* Try to attach a program to an interface, if that is needed. Return 0 or a negative errno. Some drivers turn an
 * offload off for the trial, and leave it off. */
static int try_on(const struct carry *carry, const struct host_link *link)
{
    if (!link || host_xdp_is_taken(carry->host, NULL, link->name))
        return 0; /* the program is prey's, or prey replaces it */
    const unsigned before = offloads_on(link->name);
    const int got = xdp_try(link->ifindex);
    if (got < 0) return got;
    close(got);
    offloads_again(link->name, before);
    return 0;
}

bool in_kernel_refused(struct carry *carry, char *err, size_t err_len)
{
    if (!carry->exec.either || carry->o->preflight) return false;
    for (unsigned i = 0; i < carry->o->iface_count; i++) {
        const struct host_link *link = host_link_named(carry->host, carry->o->ifaces[i]);
        const int got = carry->by_tc >> i & 1 ? 0 : try_on(carry, link);
        if (!got) continue;
        snprintf(err, err_len, "the driver of %s supports XDP programs, but rejects one now (%s)", link->name,
                 strerror(-got));
        return true;
    }
    return false;
}
