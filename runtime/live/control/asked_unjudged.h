/* `explain` of packets that no firewall judges, because of their incoming or outgoing device. */
#pragma once

#include "runtime/ctl/server.h"
#include "runtime/live/control/control_state.h"
#include "vm/packet/pkt.h"

/* Answer the question if it is about such a packet. on: its incoming device, or the device by which this machine
 * sends it; NULL: found by routes. False: firewalls judge the packet, or the program has none for it. */
bool asked_unjudged(struct control *control, struct call *c, const struct pkt *pkt, const char *on);

/* Set pkt->iface to the id in rules by which the kernel executor judges a packet forwarded from an unserved device,
 * as it leaves: the id of the device, or of the outgoing interface if no firewall is for the device. Set pkt->source
 * by the device. on: as above. IFACE_NONE: the packet comes from no unserved device, or this process judges. */
void asked_crosses(const struct control *control, struct pkt *pkt, const char *on);

/* Write why guard rules drop a packet that the rules accept at one of prey's ports: it goes to a device that is
 * shut. False: it goes elsewhere. */
enum { ASKED_SHUT = SERVED_TEXT + 40 };
bool asked_shut(const struct control *control, const struct pkt *pkt, char why[ASKED_SHUT]);
