/* Frames that travel in a direction (vm/packet/pkt.h, key_settle). The direction depends on two questions: is the
 * source this machine's, and is the destination this machine's, a group's or a service's? */
#pragma once

#include "compiler/normal/region.h"
#include "vm/program/program.h"

enum frame_kind { FRAMES_IP, FRAMES_OTHER, FRAMES_ARP };
struct ir_product frames_of_kind(struct ir *ir, enum frame_kind kind);
/* Return the action for frames that no rule decides. f: the firewall that judges them; NULL: none. */
uint8_t default_action(const struct pbc_firewall *f, enum frame_kind kind);
/* Return the action of a verdict that decides; a verdict that opens a tunnel drops the outer packet. */
uint8_t action_said(uint8_t pbc_verdict);
/* Return all frames of the interfaces on which this firewall judges frames of the direction. The firewall must have
 * `on`. */
struct ir_product frames_on(struct compile *c, uint32_t firewall, enum pbc_direction d);

/* Return multicast and broadcast addresses. */
uint32_t addrs_of_groups(struct ir *ir);
/* Return addresses, other than this machine's, whose frames come in: groups, and addresses of services. */
uint32_t addrs_that_come_in(struct compile *c);
/* Return the sources whose frames a nat's statement translates, as a value of IR_SRC of any family; IR_ALL: all. */
uint32_t nat_sources(struct ir *ir, const struct program *p, const struct pbc_nat *n);

/* Add to `out` the frames of q in the direction. This machine sends only IP and ARP. A product does not show if ARP,
 * or frames other than IP, are for this machine, so these may have either direction. */
void frames_in_direction(struct compile *c, const struct ir_product *q, enum pbc_direction d,
                         struct region_budget *budget, struct region *out);
