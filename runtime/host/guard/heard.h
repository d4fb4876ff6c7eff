/* Answers to whom prey heard, where a `map` or a `forward` turned the packet inwards. Their route may lead out of an
 * interface that prey does not serve, while prey sends them by the one that the opener came in by: this machine's stack
 * would send them a second time, with their inside address. A part of the guard rules, in peers.h's table at the
 * ingress.
 *
 * Packets of a match that hears (GUARD_HEARS) note their source: protocol, address and port, and the address alone.
 * What a match that hides from those heard (GUARD_HIDES_FROM_HEARD) holds is dropped if it goes to such an end; of what
 * has no port (echo replies, bare protocols, later pieces, ICMP errors) if it goes to such an address. The kernel keeps
 * both as packets pass, so the first answer is hidden, too. */
#pragma once

#include <stdio.h>

#include "runtime/host/guard/guard.h"

enum { HEARD_MOST = 65536 }; /* ends of a family; answers to further ones are not hidden */

/* True if matches hear somebody. */
bool heard_wanted(const struct guard *g);
/* Write the sets, whose declarations never change, as they live on. */
void heard_write_sets(FILE *out);
/* Write the rules of the chain. Return 0, or -ENOMEM */
int heard_write(FILE *out, const struct guard *g);
