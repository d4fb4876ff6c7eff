/* What a report, a line or an explanation is about. */
#pragma once

#include "runtime/base/options.h"
#include "runtime/capture/capture.h"
#include "runtime/report/given/routes.h"
#include "runtime/report/only.h"
#include "runtime/report/text.h"

/* What is told of: a program and what it was given. A replay opens one once, the same for every pass; who tells of
 * something else fills in what it has. */
struct subject {
    const struct options *o;
    struct program *program;
    struct capture *capture;
    struct labels labels;
    struct facts facts;
    struct ports *ports; /* NULL: not of a capture */
    struct known_routes routes;
    struct only only;
    uint8_t *down;     /* [servers_count] 1: --down names it; NULL: none */
    struct pool *pool; /* of answers */
    void *pool_memory;
};
