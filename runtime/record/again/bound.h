/* Flows that are sent on, as recorded packets met them: could a program have sent them on so? */
#pragma once

#include "vm/program/program.h"
#include "vm/vm.h"

/* The flow of one that has MET_BOUND; hostile. By the program that ran: are its numbers some of that program's, and
 * does it go to the address that the server has there? */
bool bound_is_of(const struct program *p, const struct flow_met *m);
/* By another program, whose numbers are its own: does one of its services take the flow's tuple, and has that a server
 * at that address? Of translation: has it a statement of that kind? */
bool bound_could_be(const struct program *p, const struct flow_met *m);
/* May the branch give that server to a flow that begins? */
bool bound_may_begin(const struct program *p, uint32_t branch, uint32_t server);
