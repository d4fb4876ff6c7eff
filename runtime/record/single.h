/* Packets that the kernel judged, each judged once more by itself: in its world, by its program, with what `state` said
 * of it then. That the same rule decides, alike, and that the same service takes it, is claimed; not what hangs on
 * more: meters, flows by source, datagrams in pieces, tunnels, and replies that are not judged. */
#ifndef RUNTIME_RECORD_SINGLE_H
#define RUNTIME_RECORD_SINGLE_H

#include "runtime/record/actor.h"

/* As actor_step and actor_packet, of a recording whose start says in_kernel: hostile. */
void single_step(struct actor *a, const struct scene *s);
void single_packet(struct actor *a, const struct scene *s);

#endif
