/* Replies to senders that prey received. If a packet was translated inwards (`map`, `forward`) or balanced with its
 * client's address, prey sends the replies by the packet's incoming interface. Their route may lead through an
 * interface that prey does not serve: this machine's stack would send them there a second time, with their inside
 * address. A part of the guard rules, in peers.h's table at the ingress.
 *
 * A packet of a match that hears (GUARD_HEARS) notes its far end: protocol, address, and port or identifier; of another
 * protocol the address. What a match that hides from those heard (GUARD_HIDES_FROM_HEARD) holds is dropped if it goes
 * to such an end; so are the later fragments of it, and ICMP errors about what such an end sent to the
 * match's addresses. The kernel notes as packets pass, so the first answer is hidden, too. */
#pragma once

#include <stdio.h>

#include "runtime/host/guard/guard.h"

enum { HEARD_MOST = 65536 }; /* entries of each set; replies to further ends are not hidden */

/* True if matches note senders. */
bool heard_wanted(const struct guard *g);
/* Write the sets, whose declarations never change because the sets persist. */
void heard_write_sets(FILE *out);
/* Write the chain and its rules. Return 0, or -ENOMEM */
int heard_write(FILE *out, const struct guard *g, int priority);
