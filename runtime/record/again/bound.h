/* Checks whether a program could have bound the flows of recorded packets. */
#pragma once

#include "vm/program/program.h"
#include "vm/vm.h"

/* True if the flow of a packet with MET_BOUND fits the program that ran: the flow's numbers are valid there, and its
 * target is its server's address. The packet's fields are hostile. */
bool bound_is_of(const struct program *p, const struct flow_met *m);
/* True if another program could bind the flow: a service takes its tuple and has a server at its target address. For
 * a flow of nat: the program has a nat that could do the same. */
bool bound_could_be(const struct program *p, const struct flow_met *m);
/* True if the branch may give that server to a new flow. */
bool bound_may_begin(const struct program *p, uint32_t branch, uint32_t server);
