/* A packet that nobody has sent, explained as the worker would judge it now. */
#pragma once

#include <stdio.h>

#include "runtime/report/explain/look.h"
#include "runtime/report/text.h"

struct explain_asked {
    struct program *program;
    const struct labels *labels;
    const struct explain_look *look;
    uint64_t time_ns; /* on the wall */
    bool json;
};

/* The server that it would go to; PBC_NONE: to none. */
uint32_t explain_asked_server(const struct explain_asked *a);
/* As --explain prints a frame (JSON: one object), and where it would go now. way: the device that leads to
 * explain_asked_server; NULL: not known. */
void explain_asked(FILE *out, const struct explain_asked *a, const char *way);
