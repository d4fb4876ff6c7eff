/* A digest of what is in the maps (maps/map.def, maps/table.def) and goes through their rings: of the stages' own
 * types, by their BTF. Two builds with one digest read each other's maps alike. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc.h"

/* To be raised when something in the maps means another thing though its type is the same: another hash, another order
 * of groups, other numbers of states. */
#ifndef KERNEL_LAYOUT
#define KERNEL_LAYOUT 1
#endif

/* Write the digest of this build, which takes a while the first time; by one thread. False: out of memory, or built
 * with KERNEL=0. */
bool kernel_layout(uint8_t digest[PBC_DIGEST_LEN]);

struct btf;
/* Describe the structs that `words` names ("struct NAME", anywhere in it) and all that they hold, by the types of a
 * build, in text for the caller to free. *missing: number of those that are not among the types. NULL: out of memory.
 */
char *layout_text(const struct btf *types, const char *words, unsigned *missing);
/* Return the words of this build: what map.def and table.def say is in each map, and the records of rings. */
const char *layout_words(void);
