/* Recipes on loan: for a short time another worker may send ordinary packets of a UDP flow by a copy of its recipe,
 * without asking the owner. Such a packet changes only the time when the flow was last seen, and a loan is too short
 * for that to matter.
 *
 * The flow stays its owner's. Any other change of the flow, such as its end or another recipe, ends its loans: the
 * owner increments the number in the cell of the flow's slot, which borrowers read before each packet. Cells are
 * shared by many flows, so a loan may end without need; none outlives its recipe, except for packets under way. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/packet/edit/recipe.h"

#define LOAN_NS UINT64_C(100000000)
/* Flows with a shorter timeout are not lent, because the owner does not see the packets of a loan. */
#define LOAN_IDLE_LEAST_NS (20 * LOAN_NS)

enum { LENDING_CELLS = 4096 };
/* An owner's loans. Its memory outlives all workers that may borrow. */
struct lending {
    uint32_t numbers[LENDING_CELLS] __attribute__((aligned(64)));  /* atomic: read by borrowers, written by the owner */
    uint64_t until_ns[LENDING_CELLS] __attribute__((aligned(64))); /* end of the last loan of any of the cell's flows */
};

/* Copy of a recipe as a borrower has it */
struct loan {
    struct recipe recipe;
    uint64_t until_ns;
    const uint32_t *cell;
    uint32_t number;  /* equals the number in the cell while the loan holds */
    uint32_t hash;    /* as in struct recipe_numbers */
    uint16_t longest; /* bytes of the longest IP packet that may leave by this kind of recipe */
    uint8_t kind;     /* kind of the recipe */
    bool reply;       /* for packets of the side that did not open the flow */
};

/* End all loans of the slot's flow. l: NULL if nothing is ever lent. */
void lending_end(struct lending *l, uint32_t slot, uint64_t now_ns);

/* True while packets may leave by the loan. */
static inline bool loan_holds(const struct loan *l, uint64_t now_ns)
{
    return now_ns < l->until_ns && __atomic_load_n(l->cell, __ATOMIC_ACQUIRE) == l->number;
}
