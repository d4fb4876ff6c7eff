/* Recipes that a worker has borrowed from the owners of flows (vm/flow/track/loan.h), for flows whose packets keep
 * coming to it. Those packets are sent here instead of being handed over.
 *
 * A packet never overtakes those of its flow that were handed over before it: a loan is used once the owner has
 * released them. A full set forgets the flow for which the worker asked longer ago. */
#pragma once

#include <stdint.h>

#include "runtime/worker/owned/known.h"
#include "vm/vm.h"

/* Request to lend a recipe further, by one of the packets that leave by it */
struct wish {
    struct plain plain;
    uint16_t iface;
    uint64_t world; /* number of the borrower's snapshot */
};

/* Answer of an owner: a recipe on loan */
struct offer {
    struct known ends;
    uint64_t world; /* number of the snapshot by which both work */
    struct loan loan;
};

struct borrowed {
    struct loan loan;
    struct known ends;
    uint32_t put;      /* position in the owner's ring behind the last packet handed over */
    uint32_t world;    /* lower half of the number of the snapshot by which both worked */
    uint32_t asks_ms;  /* a packet soon after this time asks for a loan */
    bool has, settled; /* has: there is a loan; settled: the loan has been used */
};
static_assert(sizeof(struct borrowed) == 128, "two lines");

enum { BORROWED_BITS = 12, BORROWED_SETS = 1 << BORROWED_BITS };
struct borrowings {
    struct borrowed sets[BORROWED_SETS][2] __attribute__((aligned(64)));
};

/* Return the place of those ends, made if there is none. */
struct borrowed *borrowed_of(struct borrowings *all, const struct known *ends);

/* Take a loan, if its flow is still in the table. */
void borrowed_take(struct borrowings *all, const struct offer *o);

/* True if the packet may leave by the loan of its ends. released: the owner's count for its ring. */
bool borrowed_takes(struct borrowed *b, uint64_t world, uint64_t now_ns, const uint32_t *released,
                    const struct pkt *pkt, const struct plain *p);

/* True if it is time to ask for the loan once more, because half of its time has passed. */
bool borrowed_renews(struct borrowed *b, uint64_t now_ns);
/* True if a packet of these ends, about to be handed over, should ask for a loan. */
bool borrowed_asks(struct borrowed *b, uint64_t now_ns);
/* Note that a packet is in the owner's ring before that position. */
static inline void borrowed_handed(struct borrowed *b, uint32_t put)
{
    b->put = put;
    b->settled = false;
}
