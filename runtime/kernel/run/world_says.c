/* During a change the stages see what both programs ask for; own addresses have a number that is odd meanwhile */
#include "runtime/kernel/run/world_says.h"

#include <string.h>

struct world_says world_of(const struct program *p)
{
    const bool coarse = p->meta->flags & (PBC_KEEPS_FLOWS | PBC_FOLLOWS_FRAGMENTS) || p->lives_count;
    return (struct world_says){.flags = p->meta->flags,
                               .reach = p->meta->reach,
                               .clock = p->meters_count ? KERNEL_CLOCK_FINE
                                        : coarse        ? KERNEL_CLOCK_COARSE
                                                        : KERNEL_CLOCK_NONE};
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

void world_prepare(struct kernel_world *w, const struct world_says *says)
{
    w->flags |= says->flags;
    w->reach = larger(w->reach, says->reach);
    w->clock = larger(w->clock, says->clock);
}

void world_settle(struct kernel_world *w, const struct world_says *says, uint32_t number)
{
    w->program = number;
    w->flags = says->flags;
    w->reach = says->reach;
    w->clock = says->clock;
}

/* Change the number of own addresses. The fence orders the stores: a stage that meets an odd number, or two
 * different ones, asks the maps (own.bpf.h). */
static void change_own(struct kernel_own *own)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&own->change, own->change + 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void world_own(struct kernel_world *w, const struct facts *f)
{
    struct kernel_own *own = &w->own;
    const bool few4 = f->self4_count <= KERNEL_FEW, few6 = f->self6_count <= KERNEL_FEW;
    change_own(own);
    own->count4 = few4 ? f->self4_count : UINT32_MAX;
    own->count6 = few6 ? f->self6_count : UINT32_MAX;
    for (unsigned i = 0; i < KERNEL_FEW && few4 && f->self4_count; i++)
        own->addr4[i] = f->self4[i < f->self4_count ? i : 0];
    for (unsigned i = 0; i < KERNEL_FEW && few6 && f->self6_count; i++) {
        const struct world_addr6 addr = world_addr6(&f->self6[i < f->self6_count ? i : 0]);
        memcpy(own->addr6[i], &addr, sizeof addr);
    }
    change_own(own);
}
