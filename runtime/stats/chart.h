/* Traffic by verdict over the last minutes, as SVG in the page. */
#ifndef RUNTIME_STATS_CHART_H
#define RUNTIME_STATS_CHART_H

#include <cjson/cJSON.h>
#include <stdio.h>

/* history: the document's; null before the second second. */
void chart_write(FILE *out, const cJSON *history);

#endif
