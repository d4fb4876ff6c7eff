/* The document for Prometheus (text format 0.0.4): types, units, HELP. Rules are labels only by names that somebody
 * gave them. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

void metrics_write(FILE *out, const cJSON *document);
