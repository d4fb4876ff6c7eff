/* `explain` of packets that no firewall judges, because of the device that they come in or leave by. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/live/control/state.h"
#include "vm/packet/pkt.h"

/* Answer the question, if such a packet is asked about. on: the device that it comes in by, or that this machine sends
 * it by; NULL: the one that routes lead to. False: firewalls judge it, or none is for it. */
bool asked_unjudged(struct control *control, struct call *c, const struct pkt *pkt, const char *on);
