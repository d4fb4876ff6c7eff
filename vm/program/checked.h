/* How servers are asked how they are. */
#pragma once

#include "vm/program/program.h"
#include "vm/tables.h"

/* Is a server asked through that service, which sends to it? Where the server has to have the service's address, yes.
 * Where the service rewrites the destination a packet to the server's own address is the very same. */
static inline bool service_checked_via(const struct pbc_service *s)
{
    return mode_is(s->mode, MODE_ONE_SIDED) && !mode_is(s->mode, MODE_REWRITES);
}
