/* What the stages are told of a program, see world.h. */
#include "runtime/kernel/world.h"

#include <string.h>

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

static void word6(const struct pbc_range6 *r, uint64_t words[2])
{
    const uint32_t addr[4] = {(uint32_t)(r->lo_hi >> 32), (uint32_t)r->lo_hi, (uint32_t)(r->lo_lo >> 32),
                              (uint32_t)r->lo_lo};
    memcpy(words, addr, sizeof addr);
}

void world_own(struct kernel_world *w, const struct facts *f)
{
    struct kernel_own *own = &w->own;
    const bool few4 = f->self4_count <= KERNEL_FEW, few6 = f->self6_count <= KERNEL_FEW;
    own->count4 = own->count6 = UINT32_MAX; /* meanwhile the maps are asked */
    for (unsigned i = 0; i < KERNEL_FEW && few4 && f->self4_count; i++)
        own->addr4[i] = f->self4[i < f->self4_count ? i : 0];
    for (unsigned i = 0; i < KERNEL_FEW && few6 && f->self6_count; i++)
        word6(&f->self6[i < f->self6_count ? i : 0], own->addr6[i]);
    if (few4) own->count4 = f->self4_count;
    if (few6) own->count6 = f->self6_count;
}
