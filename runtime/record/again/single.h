/* Packets that the kernel judged, each judged once more by itself: in its world, by its program, with what it met in
 * the flow table. What becomes of it is claimed, the rule, the service and the server; of a flow that begins: that it
 * is one of the service's servers. README.md says what is not claimed. */
#pragma once

#include "runtime/record/again/actor.h"

/* As actor_step and actor_packet, of a recording whose start says in_kernel: hostile. */
void single_step(struct actor *a, const struct scene *s);
void single_packet(struct actor *a, const struct scene *s);
