/* Trees over long runs of rules. A question halves the rules (a bit of an address, a port below or above), and sends
 * a packet to those that it can still match, in their order. */
#pragma once

#include "compiler/code/gen_priv.h"

/* Bits and ports that a rule demands of a packet before it can match. */
struct demand {
    uint32_t care[8], value[8]; /* address slots of the key: the bits in `care` have the values in `value` */
    struct {
        uint16_t lo, hi;
    } port[2]; /* bounds of source and destination port */
};

struct demand demand_of(const struct ir *ir, const struct ir_product *p);

/* A question that sends a packet left or right. */
struct split {
    enum { SPLIT_NONE, SPLIT_BIT, SPLIT_PORT } kind;
    uint8_t slot, bit; /* SPLIT_BIT: left if clear */
    uint8_t side;      /* SPLIT_PORT: 0 source, 1 destination; left if at most `pivot` */
    uint16_t pivot;
};

enum { SPLIT_MIN = 10 }; /* number of rules from which a question pays */

/* Return the question that divides the demands best; SPLIT_NONE if all would leave most rules on both sides. */
struct split find_split(const struct demand *const *d, uint32_t count);
bool goes_left(const struct split *s, const struct demand *d);
bool goes_right(const struct split *s, const struct demand *d);
/* Write the jump for packets that go right. */
void emit_split(struct assembler *as, const struct split *s, struct label *right);
