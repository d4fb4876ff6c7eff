/* Explanation of a packet that was not sent, as the worker would judge it now. */
#pragma once

#include <stdio.h>

#include "runtime/report/explain/explain_look.h"
#include "runtime/report/text.h"

struct explain_asked {
    struct program *program;
    const struct labels *labels;
    const struct explain_look *look;
    uint64_t time_ns; /* wall-clock time of the explanation */
    bool json;
    const char *lost;   /* words about a translated packet that is lost on its way out; NULL: it leaves */
    bool drops_unknown; /* a packet that a nat may take is dropped if its way is unknown */
};

/* Return the packet's server; PBC_NONE: none. */
uint32_t explain_asked_server(const struct explain_asked *a);
/* Write the explanation as --explain does for a frame (JSON: one object), with the packet's present way out. way:
 * device towards explain_asked_server; NULL: unknown. */
void explain_asked(FILE *out, const struct explain_asked *a, const char *way);
