/* What the stages are told of a program, see world.h. */
#include "runtime/kernel/world.h"

static uint32_t clock_of(const struct program *p)
{
    if (p->meters_count) return KERNEL_CLOCK_FINE;
    return p->meta->flags & (PBC_KEEPS_FLOWS | PBC_FOLLOWS_FRAGMENTS) ? KERNEL_CLOCK_COARSE : KERNEL_CLOCK_NONE;
}

struct world_says world_of(const struct program *p)
{
    return (struct world_says){.flags = p->meta->flags, .reach = p->meta->reach, .clock = clock_of(p)};
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
