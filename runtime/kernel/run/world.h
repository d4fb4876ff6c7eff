/* What the stages that are no program's are told of the program (vm/kernel/world.h). */
#pragma once

#include "vm/kernel/world.h"
#include "vm/program/program.h"

struct world_says {
    uint32_t flags, reach, clock; /* as there */
};
struct world_says world_of(const struct program *p);

/* Before that program's judge is in force, while another's may be: what either of them needs is done for both. */
void world_prepare(struct kernel_world *w, const struct world_says *says);
/* Its judge is in force, and no other one. */
void world_settle(struct kernel_world *w, const struct world_says *says, uint32_t number);

/* An own address as the stages have it. */
struct world_addr6 {
    uint32_t word[4]; /* as in struct key */
};
static inline struct world_addr6 world_addr6(const struct pbc_range6 *r)
{
    return (struct world_addr6){
        {(uint32_t)(r->lo_hi >> 32), (uint32_t)r->lo_hi, (uint32_t)(r->lo_lo >> 32), (uint32_t)r->lo_lo}};
}

/* Own addresses into world->own, if they are few enough; before the facts themselves. */
void world_own(struct kernel_world *w, const struct facts *f);
