/* Servers that are this machine itself: packets that services forward do not reach them. */
#pragma once

#include "runtime/live/world/world_state.h"

/* The reason why such a server is down, in words. */
#define HERE_WHY "this machine itself has the address, and forwarded packets can't reach it"

/* Note whether a server of the program in force has an address of this machine, for its `down`, and report a change. */
void here_note(struct world *world, uint32_t server, bool here);
