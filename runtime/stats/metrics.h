/* The document in the Prometheus text format 0.0.4: types, units, HELP. Only rules with a given name become labels. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

void metrics_write(FILE *out, const cJSON *document);
