/* Splits the words at commas and reads them like --route */
#include "tests/lib/known_routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool know_routes(struct known_routes *known, const char *words, const struct program *p, struct facts *facts, char *err,
                 size_t err_len)
{
    const char *written[KNOWN_ROUTES_MAX];
    struct route_options o = {.written = written};
    char *copy = strdup(words);
    known_routes_fini(known);
    for (char *w = strtok(copy, ", \t"); w && o.written_count < KNOWN_ROUTES_MAX; w = strtok(NULL, ", \t"))
        if (strcmp(w, "-") != 0) written[o.written_count++] = w;
    const bool good = !known_routes_read(known, &o, p, err, err_len);
    known_routes_tell(known, facts, true);
    facts->generation++;
    facts->ways++;
    free(copy);
    return good;
}
