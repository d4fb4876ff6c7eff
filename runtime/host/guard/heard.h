/* Replies to senders that prey received. If a packet was translated inwards (`map`, `forward`) or balanced with its
 * client's address, prey sends the replies by the packet's incoming interface. Their route may lead through an
 * interface that prey does not serve: this machine's stack would send them there a second time, with their inside
 * address. A part of the guard rules, in peers.h's table at the ingress.
 *
 * The sender of a packet in a GUARD_HEARS match is noted: its protocol and address, and its port or identifier if
 * the protocol has one. A packet in a GUARD_HIDES_FROM_HEARD match is dropped if it goes to such a sender; so
 * are its later fragments, and ICMP errors about packets from such a sender to the match's addresses. The kernel
 * notes senders as packets pass, so the first reply is hidden, too. */
#pragma once

#include <stdio.h>

#include "runtime/host/guard/guard.h"

enum { HEARD_MOST = 65536 }; /* entries of each set; replies to further senders are not hidden */

/* True if matches note senders. */
bool heard_wanted(const struct guard *g);
/* Write the sets, whose declarations never change because the sets persist. */
void heard_write_sets(FILE *out);
/* Write the chain and its rules. Return 0, or -ENOMEM */
int heard_write(FILE *out, const struct guard *g, int priority);
