/* Copies in reports: `mirrors` in the JSON, and a line each in the text. */
#pragma once

#include <stdio.h>

#include "runtime/copies/copies.h"
#include "vm/verdict.h"

/* Copies to report. counters: of all workers, or NULL. */
struct copies_told {
    const struct copies *copies; /* copies to report; NULL: nothing is reported */
    const struct copies_table *table;
    const struct program *program;
    const struct vm_counters *counters;
    bool replayed;   /* true: nothing was sent */
    const char *dir; /* directory of the copies; NULL: they were only counted */
};

struct cJSON;
void copies_json(struct cJSON *root, const struct copies_told *of);
/* Print a line for each mirror. root: the document with the members that copies_json adds. */
void copies_text(FILE *out, const struct cJSON *root, const struct copies_told *of);
