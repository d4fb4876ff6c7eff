/* What is inside a packet: a rule that opens tunnels decided it, so its outer headers are taken off in a slot and what
 * they held is judged anew by the whole firewall, on the interface and tags that it came with; its direction is that of
 * its own addresses. It has flows and fragments of its own. The outer packet has neither: it counts for that rule, and
 * its verdict is the one of what was inside.
 *
 * | dropped as | where |
 * |---|---|
 * | `tunnel-fragment` | the outer packet is a fragment: nothing puts it together here |
 * | `bad-tunnel` | GUE of a variant over 1, with flags or a wrong checksum; an inner version or length that is none |
 * | `tunnel-congested` | RFC 6040, 4.2 |
 * | `tunnel-source` | the inner source is this machine's address: nobody else may speak for it |
 * | `nested-tunnel` | such a rule decides about what was inside: one level is taken off, not more |
 * | any reason of the parser | what is inside is malformed |
 * | `no-buffer` | no slot, or no room in vm_tx |
 *
 * The rule is then the opening one (`-` where it is malformed inside). What is accepted leaves through vm_tx for the
 * host (TX_HOST, TX_CAUSE_INSIDE), and verdict.done says that the outer packet does not. */
#pragma once

#include "vm/context/context.h"

/* Did such a rule decide? Only in programs that have one (vm->opens). */
static inline bool inside_asked(const struct program *p, decided d)
{
    return decided_rule(d) < RULE_DEFAULT && verdict_is(p->rules[decided_rule(d)].verdict, VERDICT_OPENS);
}

/* The packet whose decision that is. */
void inside_judge(const struct job *j, struct packet_ctx *c);

/* The verdict of what was inside was counted with its own bytes; the frame had `outer_bytes` more, for its verdict,
 * rule and reason. */
void inside_count_outer(struct vm *vm, const struct verdict *v, uint32_t outer_bytes);
