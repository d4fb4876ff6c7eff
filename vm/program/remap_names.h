/* Rules and firewalls of one program that continue in another, so that their counts continue. */
#pragma once

#include "vm/program/program.h"

/* Map old numbers to new ones: named rules by name and verdict, firewalls by name and default. The caller fills both
 * arrays with PBC_NONE; entries without a match keep it. Return false if out of memory. n log n. */
bool remap_names(const struct program *from, const struct program *to, uint32_t *rule, uint32_t *firewall);
