/* The packet that began a flow, made anew from its tuple, and what a program would say of it. */
#pragma once

#include "vm/judge/decide.h"
#include "vm/judge/routes.h"
#include "vm/packet/reply/frame.h"
#include "vm/verdict.h"

/* As its sender wrote it; of TCP a SYN, of ICMP an echo request. */
struct frame_spec first_frame(const struct flow_record *flow);
/* The port that it came by, as routes know: its opener is behind it; ours: this machine opened it, and it left there.
 * ROUTE_NO_PORT: nobody knows. */
uint8_t first_frame_port(const struct routes *r, const struct flow_record *flow, bool ours);
/* What the program decides of it, or of another packet made so, on that interface: `mark`, one of MARK_STATES. */
struct decision first_frame_judge(const struct program *p, const struct facts *facts, const struct frame_spec *s,
                                  uint16_t iface, uint32_t mark);
