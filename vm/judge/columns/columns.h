/* A batch through function 0, instruction by instruction, before packets go through it one by one. */
#pragma once

#include <stdint.h>

#include "vm/judge/effects.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

/* Run the packets of `todo` through function 0 as far as their order has no effect: tests, counters, decisions, and
 * the search of classifiers. The decision of a decided packet is in out[]. Return the other packets: ahead->from is
 * where each one's code goes on, ahead->classifier and ahead->entry what was already found for it. Without effects
 * nothing is counted. keys and out have room for COLUMN_LANES, of which those outside `todo` don't matter. */
uint64_t columns_run(const struct program *p, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                     const struct effects *e, struct ahead *ahead, decided out[]);

/* True if columns_run is faster for these packets than to run each by itself, and function 0 is not too long. */
bool columns_pay(const struct program *p, uint64_t todo);

/* Operations on a column (the same slot of 64 keys in a row): tests, with a bit for each lane, and the decision of many
 * lanes at once. */
enum { COLUMN_LANES = 64 };
struct column_ops {
    const char *name;
    uint64_t (*equal)(const uint32_t column[], uint32_t mask, uint32_t value); /* (slot & mask) == value */
    /* (slot << shift) - lo <= span */
    uint64_t (*within)(const uint32_t column[], unsigned shift, uint32_t lo, uint32_t span);
    void (*put)(decided out[], uint64_t lanes, decided d); /* write d to each place of `lanes` */
};
/* Return operations, for tests. NULL: they are not built for this processor, or it lacks their instructions.
 * COLUMNS_PLAIN always exists. */
enum columns { COLUMNS_PLAIN, COLUMNS_AVX2, COLUMNS_WAYS };
const struct column_ops *column_ops(enum columns way);
const struct column_ops *column_best(void);
