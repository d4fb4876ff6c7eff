/* Data about the running program for the stages that belong to no program (vm/kernel/given.h). */
#pragma once

#include "vm/kernel/given.h"
#include "vm/program/program.h"

struct world_says {
    uint32_t flags, reach, clock; /* needs of the program, as in struct kernel_world */
};
struct world_says world_of(const struct program *p);

/* Set the fields to meet the needs of both the program and the present one, before the program's judge is in force. */
void world_prepare(struct kernel_world *w, const struct world_says *says);
/* Set the fields to meet the program's needs only, once no other judge is in force. */
void world_settle(struct kernel_world *w, const struct world_says *says, uint32_t number);

/* An own address in the stages' form. */
struct world_addr6 {
    uint32_t word[4]; /* words of the address, as in struct key */
};
static inline struct world_addr6 world_addr6(const struct pbc_range6 *r)
{
    struct world_addr6 address;
    uint32_t last[4];
    range6_words(r, address.word, last);
    return address;
}

/* Write own addresses to world->own, if they are few enough; to be called before the facts are written. */
void world_own(struct kernel_world *w, const struct facts *f);
