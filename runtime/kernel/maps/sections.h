/* A program's tables where the kernel's code reads them: one map, made anew for each program. */
#pragma once

#include "runtime/kernel/maps/maps.h"

/* More than there are sections: look-up tables of large sets, rules' verdicts side by side. */
enum { SECTION_LOOKUP = PBC_KINDS, SECTION_VERDICTS, SECTION_COUNT };
struct sections {
    struct map map;
    uint64_t at[SECTION_COUNT]; /* bytes into its value */
    uint64_t mask[SECTION_COUNT];
};

/* Those sections that `wanted` has the bit of, copied. Call sections_fini in any case. 0 or a negative errno with one
 * line in err. */
int sections_init(struct sections *s, const struct program *p, uint64_t wanted, char *err, size_t err_len);
void sections_fini(struct sections *s);

/* Which of them the symbol names: table_FIELD or mask_FIELD; SECTION_COUNT: none. */
unsigned section_of(const char *symbol);
bool sections_value(const struct sections *s, const char *symbol, struct link_value *v);
