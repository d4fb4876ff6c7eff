/* Rules with `mirror`: as the packet passes them, it notes which mirrors copy it. */
#include "vm/kernel/bpf.h"
#include "vm/kernel/loop.bpf.h"
#include "vm/pbc.h"

SECTION(const struct pbc_rule, rules);
SECTION(const struct pbc_mirror, mirrors);

uint64_t kernel_meter_take(struct kpkt *k NONNULL, uint32_t id);

/* Do the same as effect_mirror, except the copy, which act makes (copy.bpf.c). */
GLOBAL uint64_t kernel_mirror(struct kpkt *k NONNULL, uint32_t rule)
{
    if (k->flags & KERNEL_DRY) return 0;
    const uint32_t id = ROW(rules, rule).mirror & (PBC_MIRRORS_MAX - 1);
    const uint32_t meter = ROW(mirrors, id).meter;
    const uint64_t bit = UINT64_C(1) << id;
    if (k->mirrors & bit || (meter && !kernel_meter_take(k, meter - 1))) return 0;
    k->mirrors |= bit;
    return 0;
}
