/* The inner packet of a tunnel. When a rule that opens tunnels decides, the outer headers are taken off in a slot.
 * The firewall then judges the inner packet again, on the interface and tags of the outer one; its direction follows
 * from its own addresses. Flows and fragments are those of the inner packet. The outer packet counts for the opening
 * rule, and its verdict is the inner one's.
 *
 * | dropped as | where |
 * |---|---|
 * | `tunnel-fragment` | the outer packet is a fragment: it is not reassembled here |
 * | `bad-tunnel` | GUE of a variant over 1, with flags or a wrong checksum; an invalid inner version or length |
 * | `tunnel-congested` | RFC 6040, 4.2 |
 * | `tunnel-source` | the inner source is this machine's address: no other sender may use it |
 * | `nested-tunnel` | an opening rule decides about the inner packet: only one level is taken off |
 * | any reason of the parser | the inner packet is malformed |
 * | `no-buffer` | no slot, or no room in vm_tx |
 *
 * The verdict's rule is then the opening one (`-` if the inner packet is malformed). An accepted inner packet leaves
 * through vm_tx for the host (TX_HOST, TX_CAUSE_INNER); verdict.done says that the outer packet does not go there. */
#pragma once

#include "vm/context/context.h"

/* True if a rule that opens tunnels decided. Only in programs with such a rule (vm->opens). */
static inline bool inner_asked(const struct program *p, decided d)
{
    return decided_rule(d) < RULE_DEFAULT && verdict_is(p->rules[decided_rule(d)].verdict, VERDICT_OPENS);
}

/* Open a packet that such a rule decided, and judge the inner packet. */
void inner_judge(const struct job *j, struct packet_ctx *c);

/* Add the outer headers to the counters of the inner packet's verdict, rule and reason, which have only the inner
 * packet's bytes. */
void inner_count_outer(struct vm *vm, const struct verdict *v, uint32_t outer_bytes);
