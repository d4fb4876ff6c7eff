/* Searches of a classifier (pbc.h: struct pbc_classifier): the first of its entries that holds for a header key. One
 * image, several walks: scalar, SSE 4.1, AVX2, NEON; the best that the processor has is chosen once, all find
 * the same (tests/diff/walks.c). Nothing here is checked: the verifier proved every word and block. */
#pragma once

#include <stdint.h>

#include "vm/judge/judge.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

/* The first entry for each key of `todo` (at most 64), into its place of found[]; other places are left alone. */
void classify_batch(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                    uint32_t found[]);

/* Walks by name, for tests and measurements. */
enum walk { WALK_SCALAR, WALK_SSE, WALK_AVX2, WALK_NEON, WALKS };
struct walk_ops {
    const char *name;
    uint32_t (*one)(const struct program *, uint32_t, const struct key *, uint32_t);
    void (*batch)(const struct program *, uint32_t, const struct key[], uint64_t, uint32_t[]);
};
/* NULL: not made for this processor, or it lacks what the walk needs. WALK_SCALAR always is there. */
const struct walk_ops *walk_ops(enum walk w);
/* What classify_one and classify_batch use. */
const struct walk_ops *walk_best(void);

/* What a batch found ahead of the code: for each packet the instruction where its code goes on, the classifier that it
 * will certainly reach first, or PBC_NONE, and that classifier's first entry for it (ENTRY_NONE: none). */
struct ahead {
    uint32_t from[64], classifier[64], entry[64];
};
/* What became of packets that stand at a CALL of function 0: they are decided; nothing was found, and they go on behind
 * the DECIDE that follows; or their code is still to run, from the CALL on. */
struct called {
    uint64_t none, left;
};
/* Follow the call for each packet of `todo` to the first classifier, as far as no instruction on the way has an effect,
 * and search that for all of them together. Where what is found decides by itself, that goes into out[]. */
struct called classify_call(const struct program *p, const struct insn *call, const struct key keys[], uint64_t todo,
                            struct ahead *ahead, decided out[]);
