/* Chart of the traffic by verdict over the last minutes, as SVG in the page. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

/* Write the chart. history: member of the document; null during the first second. */
void chart_write(FILE *out, const cJSON *history);
