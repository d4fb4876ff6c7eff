/* A takeover of the kernel executor. The former instance hands over its maps, in which flows, meters and counters go
 * on; the stages that use them are the taker's own. Until the taker judges, it writes the world to a copy
 * (kernel_world_copy), because the attached stages still obey the former instance. */
#include "runtime/live/carry/kernel/in_kernel_pass.h"

#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/base/complain.h"
#include "runtime/kernel/run/counted.h"
#include "runtime/live/carry/kernel/in_kernel_priv.h"
#include "runtime/live/tell/log.h"
#include "runtime/worker/up.h"

unsigned in_kernel_pass(const struct carry *carry, struct kernel_passed_says *says, int fds[PASSED_FDS])
{
    /* A taker that has failed may still be testing its judge. */
    enum { FIRST = KERNEL_ASKERS / 2, NUMBERS = KERNEL_ASKERS / 2 - 1 };
    static unsigned times;
    return kernel_pass(carry->kernel->kernel, FIRST + times++ % NUMBERS, says, fds);
}

struct kernel_passed_hooks in_kernel_pass_hooks(const struct carry *carry)
{
    struct kernel_passed_hooks h = {.by_tc = carry->by_tc, .rings = carry->rings};
    for (unsigned i = 0; i < carry->o->iface_count; i++) h.generic |= (uint32_t)carry->kernel->generic[i] << i;
    return h;
}

uint32_t in_kernel_slots(const struct carry *carry, uint32_t *bound)
{
    *bound = kernel_map(carry->kernel->kernel, KERNEL_MAP_flow_recipes)->entries > 1;
    const struct flow_head *flows = kernel_map(carry->kernel->kernel, KERNEL_MAP_flow_head)->memory;
    return carry->kernel->ops.flows ? flows->table.groups * GROUP : 0;
}

uint32_t in_kernel_mark(const struct carry *carry) { return kernel_world(carry->kernel->kernel)->ours; }

void in_kernel_archive(const struct carry *carry, struct archive *a)
{
    if (carry->kernel && a->beside) counted_archive(carry->kernel->counted, a);
}

void in_kernel_go_on(struct carry *carry)
{
    struct in_kernel *k = carry->kernel;
    if (!k || !k->waits) return;
    k->waits = false;
    kernel_world_back(k->kernel);
    carry->workers[0]->cfg.world = kernel_world(k->kernel);
    in_kernel_sends(carry);
    in_kernel_world(carry);
    in_kernel_samples(carry);
    up_renew(carry->workers[0], clock_ns(CLOCK_MONOTONIC));
    for (unsigned i = 0; i < carry->o->iface_count; i++)
        if (!(carry->away >> i & 1)) k->unhooked |= 1u << i;
}

void in_kernel_hook_all(struct carry *carry)
{
    for (unsigned i = 0; carry->kernel && i < carry->o->iface_count; i++)
        if (carry->kernel->unhooked >> i & 1 && !in_kernel_port(carry, i)) carry->kernel->unhooked &= ~(1u << i);
}
