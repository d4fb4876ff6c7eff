/* Replies of translated flows that ports can't distinguish from this machine's own packets: SCTP, which keeps its
 * ports, and protocols without ports. A part of the guard rules, in its own tables.
 *
 * Packets of a match that hides from peers (GUARD_HIDES_FROM_PEERS) make their receiver a peer: an address and a
 * protocol, for SCTP with both ports. A peer's packets of that protocol to this machine's addresses are hidden,
 * unless this machine itself has sent such packets to the peer. The kernel notes both as packets pass, so the first
 * reply is hidden, too. The table at the ingress also has the chain and the sets of heard senders (heard.h), because
 * both persist. */
#pragma once

#include <stdio.h>

#include "runtime/host/guard/guard.h"

enum {
    PEERS_MOST = 65536
}; /* most peers of a family, with SCTP's counted separately; packets of further peers are not hidden */
/* Suffix of these tables' names, behind the name of the instance's table */
#define PEERS_SUFFIX "_peers"

/* True if matches make peers. */
bool peers_wanted(const struct guard *g);
/* Write the tables for the instance's table `name`, in place of the former ones; without such matches, write their
 * removal. Known peers stay known. Return 0, or -ENOMEM */
int peers_write(FILE *out, const char *name, const struct guard *g);
