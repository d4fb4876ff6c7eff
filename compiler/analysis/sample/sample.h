/* A concrete packet of a product of the normal form: what a refutation and `--diff` show, and the vm confirms. */
#ifndef COMPILER_SAMPLE_H
#define COMPILER_SAMPLE_H

#include "compiler/normal/ir.h"
#include "compiler/ruletest/ruletest.h"

/* A packet of the product that travels in `direction`, as plain as it can be (whole, TTL 64, no tag, TCP with SYN,
 * addresses and ports the lowest that a reader would take for real), into *out, in the arena. `self`: what this
 * machine's addresses are. avoid: the nth sample is asked for, 0 the first; others differ where they can. Byte patterns
 * are put where they belong as far as that is behind the headers; states, meters and flows are not looked at. False:
 * no such packet is known how to be built (an unknown type, a pattern inside a header, …) or there is none. */
bool sample_packet(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                   const struct test_self *self, unsigned avoid, struct test_packet *out);
/* `given`, if one of its addresses can be what the product says of this machine's; else the same and one more that can,
 * in the arena. NULL: it says nothing that an address can be. */
const struct test_self *sample_self(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                                    const struct test_self *given);

/* As it would be written in a test: "tcp 192.0.2.9:50000 -> 203.0.113.10:22 syn on eth0". What the notation can't say
 * follows as a comment, as a rule would ask for it: " # with dscp 46". */
void sample_print(const struct compile *c, const struct test_packet *p, FILE *out);

/* What a loaded program does with it in a fresh state, while `schedules` are active, after `before` packets like it:
 * verdict, and what `state` said. */
void sample_judge_by(struct program *program, const struct test_packet *p, const struct test_self *self,
                     uint32_t schedules, uint32_t before, struct verdict *v, uint32_t *state);
/* What the program decides if `state` (enum flow_mark) is what is said of the packet: no conversation leads there, it
 * is taken for granted. */
struct decision sample_decide(struct program *program, const struct test_packet *p, const struct test_self *self,
                              uint32_t schedules, uint32_t state);

#endif
