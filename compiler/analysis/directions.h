/* Which frames travel in a direction (vm/packet/pkt.h, key_settle): the source is this machine's, or the destination
 * is, a group or a service's, or neither. */
#pragma once

#include "compiler/normal/region.h"

enum frame_kind { FRAMES_IP, FRAMES_OTHER, FRAMES_ARP };
struct ir_product frames_of_kind(struct ir *ir, enum frame_kind kind);
/* What becomes of those that no rule decides; f: the firewall that judges them, NULL: none does. */
uint8_t default_action(const struct pbc_firewall *f, enum frame_kind kind);
/* What a verdict that decides says; one that opens a tunnel drops the outer packet. */
uint8_t action_said(uint8_t pbc_verdict);
/* Those of the interfaces whose frames of the direction the firewall judges; it is `on` some. */
struct ir_product frames_on(struct compile *c, uint32_t firewall, enum pbc_direction d);

/* Multicast and broadcast. */
uint32_t addrs_of_groups(struct ir *ir);
/* Addresses other than this machine's whose frames come in all the same: groups, and those of services. */
uint32_t addrs_that_come_in(struct compile *c);

/* Those of q, added to `out`. Frames that are neither IP nor ARP are not sent by this machine; which of them, and of
 * ARP, come to it is not in a product, so they may travel either way. */
void frames_in_direction(struct compile *c, const struct ir_product *q, enum pbc_direction d,
                         struct region_budget *budget, struct region *out);
