/* Printing of one product, between its files. */
#pragma once

#include "compiler/analysis/region_text.h"

struct printer {
    const struct region_text *text;
    struct ir *ir;
    const struct ir_product *p;
    FILE *out;
    uint8_t dirs;
    bool begun;
};

/* With a blank before all but the first. */
void print_word(struct printer *t, const char *s);
/* The families and protocols of its packets. family_shows: what else is said tells the family. */
void print_what(struct printer *t, bool family_shows);
