/* A batch through function 0 instruction by instruction, before packets go through it one by one. */
#pragma once

#include <stdint.h>

#include "vm/judge/judge.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

/* Take the packets of `todo` through function 0 as far as order among packets can't matter: tests, counters, decisions,
 * and the search of classifiers. Who is decided has it in out[]. Returns the others: ahead->at says for each where its
 * code goes on, ahead->classifier and ahead->entry what was found for it already. Without effects nothing is counted.
 * keys, out: COLUMN_LANES of them are there, of which those outside `todo` don't matter. */
uint64_t columns_run(const struct program *p, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                     const struct effects *e, struct ahead *ahead, decided out[]);

/* Is that shorter for these packets than to take each by itself, and function 0 not too long for it? */
bool columns_pay(const struct program *p, uint64_t todo);

/* The same slot of 64 keys in a row, what instructions ask of it, a bit for each lane, and how many are decided at
 * once.
 */
enum { COLUMN_LANES = 64 };
struct column_ops {
    const char *name;
    uint64_t (*equal)(const uint32_t column[], uint32_t mask, uint32_t value); /* (slot & mask) == value */
    /* (slot << shift) - lo <= span */
    uint64_t (*within)(const uint32_t column[], unsigned shift, uint32_t lo, uint32_t span);
    void (*put)(decided out[], uint64_t lanes, decided d); /* into each place of `lanes` */
};
/* By name, for tests; NULL: not made for this processor, or it lacks what that needs. COLUMNS_PLAIN always is there. */
enum columns { COLUMNS_PLAIN, COLUMNS_AVX2, COLUMNS_WAYS };
const struct column_ops *column_ops(enum columns way);
const struct column_ops *column_best(void);
