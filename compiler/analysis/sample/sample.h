/* A concrete packet of a product of the normal form: what a refutation and `--diff` show, and the vm confirms. */
#pragma once

#include "compiler/analysis/sample/notation.h"
#include "compiler/compiler.h"
#include "compiler/normal/ir.h"
#include "vm/vm.h"

/* A packet of the product that travels in `direction`, as plain as it can be (whole, TTL 64, no tag, TCP with SYN,
 * addresses and ports the lowest that a reader would take for real), into *out, in the arena. `self`: what this
 * machine's addresses are. avoid: the nth sample is asked for, 0 the first; others differ where they can. Byte patterns
 * are put where they belong as far as that is behind the headers; states, meters and flows are not looked at. False:
 * no such packet is known how to be built (an unknown type, a pattern inside a header, …) or there is none. */
bool sample_packet(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                   const struct facts *self, unsigned avoid, struct frame_spec *out);
/* `given`, if one of its addresses can be what the product says of this machine's; else the same and one more that can,
 * in the arena. NULL: it says nothing that an address can be. */
const struct facts *sample_self(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                                const struct facts *given);

/* What a loaded program does with it in a fresh state, while `schedules` are active, after `before` packets like it:
 * verdict, and what `state` said. */
void sample_judge_by(struct program *program, const struct frame_spec *p, const struct facts *self, uint32_t schedules,
                     uint32_t before, struct verdict *v, uint32_t *state);
/* The same in one state for many packets, a second apart: for connections that have nothing to do with each other. */
struct sample_vm;
struct sample_vm *sample_vm_new(struct program *program);
void sample_vm_free(struct sample_vm *s);
void sample_vm_judge(struct sample_vm *s, const struct frame_spec *p, const struct facts *self, uint32_t schedules,
                     struct verdict *v);
/* What the program decides if `state` (enum flow_mark) is what is said of the packet: no conversation leads there, it
 * is taken for granted. */
struct decision sample_decide(struct program *program, const struct frame_spec *p, const struct facts *self,
                              uint32_t schedules, uint32_t state);
/* The packet as the program sees it, in `frame` of FRAME_MOST bytes. False: it is malformed. */
bool sample_parse(const struct program *program, const struct frame_spec *p, const struct facts *facts, uint8_t *frame,
                  struct pkt *pkt, struct key *key);
