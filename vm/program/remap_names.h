/* Rules and firewalls of one program that go on in another, so that their counts are shown of them there. */
#pragma once

#include "vm/program/program.h"

/* By old number the new one: of rules that have a name, by name and verdict; of firewalls by name and default. The
 * arrays hold PBC_NONE throughout before; what finds nothing is left so. False: out of memory. n log n. */
bool remap_names(const struct program *from, const struct program *to, uint32_t *rule, uint32_t *firewall);
