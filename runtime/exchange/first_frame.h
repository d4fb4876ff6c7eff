/* The packet that began a flow, rebuilt from its tuple, and a program's decision about it. */
#pragma once

#include "vm/judge/decide.h"
#include "vm/judge/routes.h"
#include "vm/packet/reply/frame.h"
#include "vm/verdict.h"

/* Return the description of the packet as its sender wrote it: a SYN for TCP, an echo request for ICMP. */
struct frame_spec first_frame(const struct flow_record *flow);
/* Return the leg by which the packet came, from the route to its sender. ours: this machine opened the flow, and the
 * packet left by the leg. NULL: unknown. */
const struct route_leg *first_frame_leg(const struct routes *r, const struct flow_record *flow, bool ours);
/* Return the leg's port. ROUTE_NO_PORT: unknown. */
uint8_t first_frame_port(const struct routes *r, const struct flow_record *flow, bool ours);
/* Return the program's decision about the packet, or a similar one, on that interface. mark: one of MARK_STATES. */
struct decision first_frame_judge(const struct program *p, const struct facts *facts, const struct frame_spec *s,
                                  uint16_t iface, uint32_t mark);
/* Return the service that takes the packet as the first of its connection, and the decision in *d. PBC_NONE: none, or
 * the packet is not accepted. */
uint32_t first_frame_service(const struct program *p, const struct facts *facts, const struct frame_spec *s,
                             uint16_t iface, struct decision *d);
