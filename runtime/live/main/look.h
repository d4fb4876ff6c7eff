/* Checks of this host for obstacles. */
#pragma once

#include "runtime/live/main/state.h"

/* Check rights, interfaces and, if the program could be loaded, ways to servers. Each finding is a line with its
 * remedy. Return the exit status. */
int look_at_host(struct live *l);
/* Check for obstacles to the kernel executor and print them, the most basic first: rights, the kernel's version, a
 * place for pins. Return 0 or the exit status. */
int look_at_kernel(const struct live *l);
/* For --preflight: print that the kernel has taken the program, which is attached to no interface. */
void look_at_proof(const struct live *l);
