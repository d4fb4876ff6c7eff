/* Histogram of a duration, drawn in the page with a bar for each bound. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

/* Write the histogram. took: member of the document, such as proxy.took.connect; empty: draws nothing. name: markup. */
void histogram_write(FILE *out, const char *name, const cJSON *took);
