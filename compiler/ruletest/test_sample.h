/* A concrete packet of a product of the normal form: what a refutation and `--diff` show, and the vm confirms. */
#ifndef COMPILER_TEST_SAMPLE_H
#define COMPILER_TEST_SAMPLE_H

#include "compiler/ruletest/test_priv.h"

/* A packet of the product that travels in `direction`, as plain as it can be (whole, TTL 64, no tag, TCP with SYN,
 * addresses and ports the lowest that a reader would take for real), into *out, in the arena. `self`: what this
 * machine's addresses are. avoid: the nth sample is asked for, 0 the first; others differ where they can. False:
 * the notation of tests can't say any packet of the product (a MAC, an unknown type, …) or there is none. */
bool sample_packet(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                   const struct test_self *self, unsigned avoid, struct test_packet *out);
/* As it would be written in a test: "tcp 192.0.2.9:50000 -> 203.0.113.10:22 syn on eth0". */
void sample_print(const struct compile *c, const struct test_packet *p, FILE *out);
/* What the finished program does with it in a fresh state, at its start: verdict, and what `state` said. 0 or -ENOMEM. */
int sample_judge(struct compile *c, const struct test_packet *p, const struct test_self *self, struct verdict *v,
                 uint32_t *state);

#endif
