/* A digest of the contents of maps (maps/map.def, maps/table.def) and rings, made from the BTF of the stages' types.
 * Two builds with the same digest read each other's maps alike. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc.h"

/* Raise this when a value in the maps changes its meaning but not its type: another hash, another order of groups,
 * other numbers of states. */
#ifndef KERNEL_LAYOUT
#define KERNEL_LAYOUT 1
#endif

/* Write the digest of this build, which is slow the first time; call it in one thread only. False: out of memory, or
 * built with KERNEL=0. */
bool kernel_layout(uint8_t digest[PBC_DIGEST_LEN]);

struct btf;
/* Describe the structs that `words` names ("struct NAME", anywhere in it) and all their members, by the types of a
 * build, as text that the caller frees. *missing: number of structs without a type. NULL: out of memory. */
char *layout_text(const struct btf *types, const char *words, unsigned *missing);
/* Return the words of this build: the content of each map by map.def and table.def, and the records of rings. */
const char *layout_words(void);
