/* Subject of a report, a line or an explanation. */
#pragma once

#include "runtime/base/options/run_options.h"
#include "runtime/capture/capture.h"
#include "runtime/report/given/given_routes.h"
#include "runtime/report/only.h"
#include "runtime/report/text.h"

/* A program and its inputs. A replay makes one subject for all its passes; other callers set only the members they
 * use. */
struct subject {
    const struct options *o;
    struct program *program;
    struct capture *capture;
    struct labels labels;
    struct facts facts;
    struct ports *ports; /* ports of the capture; NULL: no capture */
    struct known_routes routes;
    struct only only;
    struct lives *lives; /* live sets without members */
    uint8_t *down;       /* [servers_count] 1: named by --down; NULL: none */
    struct pool *pool;   /* pool for answers */
};
