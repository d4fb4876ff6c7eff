/* State of printing one product, shared by the files that print its parts */
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

/* Print a word, after a blank except at the beginning. */
void print_word(struct printer *t, const char *s);
/* True if the product has all protocols of its families. */
bool what_is_all(const struct printer *t);
/* Print families and protocols. family_shows: other parts of the text show the family. */
void print_what(struct printer *t, bool family_shows);
