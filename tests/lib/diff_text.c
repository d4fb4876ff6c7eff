/* Comparing two programs into a stream in memory */
#include "tests/lib/diff_text.h"

#include <stdio.h>

#include "compiler/analysis/diff/diff.h"

char *diff_text(struct program *old, struct program *new, bool json)
{
    const struct diff_options o = {.json = json};
    char *text = NULL, err[256] = "";
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (diff_print(old, new, &o, out, err, sizeof(err)) < 0) fprintf(out, "%s\n", err);
    fclose(out);
    return text;
}
