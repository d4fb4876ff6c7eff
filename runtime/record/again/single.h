/* Packets that the kernel judged, each judged again by itself: in its world, by its program, with its recorded flow.
 * Action, rule, service and server are compared; for a new flow, any server of the service counts as equal.
 * README.md lists the fields that are not compared. */
#pragma once

#include "runtime/record/again/actor.h"

/* Do a step or a packet, like actor_step and actor_packet, of a recording with in_kernel. The bytes are hostile. */
void single_step(struct actor *a, const struct scene *s);
void single_packet(struct actor *a, const struct scene *s);
