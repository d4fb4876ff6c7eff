/* Searches of a classifier (pbc.h: struct pbc_classifier): the first of its entries that holds for a header key. One
 * image has several walks: scalar, SSE 4.1, AVX2, NEON. The best for the processor is chosen once; all give the same
 * result (tests/diff/walks.c). Nothing is checked here: the verifier proved every word and block. */
#pragma once

#include <stdint.h>

#include "vm/judge/effects.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

/* Find the first entry for each key of `todo` (at most 64), into its place in found[]; other places do not change. */
void classify_batch(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                    uint32_t found[]);

/* Walks by number, for tests and measurements. */
enum walk { WALK_SCALAR, WALK_SSE, WALK_AVX2, WALK_NEON, WALKS };
struct walk_ops {
    const char *name;
    uint32_t (*one)(const struct program *, uint32_t, const struct key *, uint32_t);
    void (*batch)(const struct program *, uint32_t, const struct key[], uint64_t, uint32_t[]);
};
/* Return a walk. NULL: it is not built for this processor, or the processor lacks its instructions. WALK_SCALAR
 * always exists. */
const struct walk_ops *walk_ops(enum walk w);
/* Return the walk that classify_one and classify_batch use. */
const struct walk_ops *walk_best(void);

/* Results for a batch ahead of the code. For each packet: the instruction where its code goes on; the classifier that
 * it will certainly reach first, or PBC_NONE; and that classifier's first entry for it (ENTRY_NONE: none). */
struct ahead {
    uint32_t from[64], classifier[64], entry[64];
};
/* Packets at a CALL of function 0 that are not decided. none: no entry was found, and they go on behind the DECIDE
 * that follows. left: their code must still run, from the CALL on. */
struct called {
    uint64_t none, left;
};
/* Follow the call to the first classifier for each packet of `todo`, as long as no instruction on the way has an
 * effect, and search the classifier for all of them together. A result that decides by itself goes into out[]. */
struct called classify_call(const struct program *p, const struct insn *call, const struct key keys[], uint64_t todo,
                            struct ahead *ahead, decided out[]);
