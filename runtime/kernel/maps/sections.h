/* A program's tables for the kernel's code: one map, made again for each program. */
#pragma once

#include "runtime/kernel/maps/maps.h"

/* Numbers past the program's sections: look-up tables of large sets, and rules' verdicts side by side, with and
 * without `audit`. */
enum { SECTION_LOOKUP = PBC_KINDS, SECTION_VERDICTS, SECTION_WOULD_VERDICTS, SECTION_COUNT };
struct sections {
    struct map map;
    uint64_t at[SECTION_COUNT]; /* offset in the map's value, in bytes */
    uint64_t mask[SECTION_COUNT];
};

/* Copy the sections whose bits are in `wanted`. Call sections_fini in any case. Return 0, or a negative errno with one
 * line in err. */
int sections_init(struct sections *s, const struct program *p, uint64_t wanted, char *err, size_t err_len);
void sections_fini(struct sections *s);

/* Return the section that the symbol table_FIELD or mask_FIELD names, or SECTION_COUNT. */
unsigned section_of(const char *symbol);
bool sections_value(const struct sections *s, const char *symbol, struct link_value *v);
