/* A concrete packet of a product of the normal form, as refutations and `--diff` show it and the vm confirms it */
#pragma once

#include "compiler/analysis/sample/notation.h"
#include "compiler/compiler.h"
#include "compiler/normal/ir.h"
#include "vm/vm.h"

/* Start of every test, always the same so that results do not depend on the date: Monday 2026-01-05, 00:00 UTC */
#define TEST_BEGIN_NS (UINT64_C(1767571200) * 1000000000)

/* Make the plainest packet of the product in this direction (whole, TTL 64, no tag, TCP with SYN, the lowest realistic
 * addresses and ports) in *out, in the arena. self: this machine's addresses. avoid: number of the sample, 0 for the
 * first; samples differ where possible. Byte patterns are placed if behind the headers; states, meters and flows are
 * not looked at. False: no such packet exists or can be built (an unknown type, a pattern inside a header, …). */
bool sample_packet(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                   const struct facts *self, unsigned avoid, struct frame_spec *out);
/* Return `given` if one of its addresses can be this machine's in the product, or else a copy with one more that
 * can, in the arena. NULL: no address can. */
const struct facts *sample_self(struct compile *c, const struct ir_product *p, enum pbc_direction direction,
                                const struct facts *given);

/* Give the program's live sets the members that the packet assumes; NULL: none. They hold until the next packet. All
 * functions below call it themselves. */
void sample_assume(struct program *program, const struct frame_spec *p);
/* Judge the packet by a loaded program, in a fresh state, with `schedules` active, after `before` packets like it.
 * Returns the verdict and the packet's `state`. */
void sample_judge_by(struct program *program, const struct frame_spec *p, const struct facts *self, uint32_t schedules,
                     uint32_t before, struct verdict *v, uint32_t *state);
/* The same for many packets in one state, a second apart. Their connections are independent */
struct sample_vm;
struct sample_vm *sample_vm_new(struct program *program);
void sample_vm_free(struct sample_vm *s);
void sample_vm_judge(struct sample_vm *s, const struct frame_spec *p, const struct facts *self, uint32_t schedules,
                     struct verdict *v);
/* Decide the packet with an assumed `state` (enum flow_mark), without the conversation that leads to it. */
struct decision sample_decide(struct program *program, const struct frame_spec *p, const struct facts *self,
                              uint32_t schedules, uint32_t state);
/* Parse the packet as the program does, in `frame` of FRAME_MOST bytes. False: malformed. */
bool sample_parse(struct program *program, const struct frame_spec *p, const struct facts *facts, uint8_t *frame,
                  struct pkt *pkt, struct key *key);
