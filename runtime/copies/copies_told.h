/* Copies in reports: `mirrors` in the JSON, and a line each in the text. */
#pragma once

#include <stdio.h>

#include "runtime/copies/copies.h"
#include "vm/verdict.h"

/* counters: of all workers, or NULL. */
struct copies_told {
    const struct copies *copies; /* NULL: nothing is reported */
    const struct copies_table *table;
    const struct program *program;
    const struct vm_counters *counters;
    bool replayed;   /* nothing was sent; */
    const char *dir; /* copies are below it; NULL: they were only counted */
};

struct cJSON;
void copies_json(struct cJSON *root, const struct copies_told *of);
/* root: the document, with what copies_json adds. */
void copies_text(FILE *out, const struct cJSON *root, const struct copies_told *of);
