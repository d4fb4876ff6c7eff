/* Turns of packets with DNS questions and answers, from which live sets take members (vm/judge/answers/); and the
 * packet that left in place of another, for observers. */
#pragma once

#include "vm/context/context.h"

/* Return the packet that left in place of this one; NULL: none. before: number of entries of tx before the packet's
 * turn. */
const struct pkt *left_for(const struct job *j, const struct packet_ctx *c, unsigned before);

typedef void turn_fn(const struct job *j, struct packet_ctx *c);
/* Take the turn of a packet that may be of DNS (answers_may), and note its content if it was let through. */
void answered_take(const struct job *j, struct packet_ctx *c, turn_fn *take);
/* The same for a packet that the host has routed: a question that leaves here. Arriving packets were noted on
 * arrival. */
void answered_routed(const struct job *j, struct packet_ctx *c, turn_fn *take);
