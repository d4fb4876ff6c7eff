/* preyc --ask: what would become of a packet, and why. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "runtime/report/given/routes.h"

struct asked {
    const char *const *packets, *const *selves; /* --ask, --self */
    unsigned count, self_count;
    const char *at;              /* --at, or NULL */
    struct route_options routes; /* --route, --routes */
    bool json;
};

/* Explain each packet (in the notation of tests, with `on IF` and `out on IF`) as if it were the first that this
 * machine meets; `-` stands for those that standard input has, a line each, where empty ones and those that begin with
 * # are passed over. The machine's addresses are those of `selves`, or of tests; the time is `at` (written_time), or
 * that of tests. Text, or with `json` an object a line. Returns 0, or -EINVAL after lines on standard error: a packet
 * was none, and the others were answered. */
int ask(struct program *p, const struct asked *asked, FILE *out);
