/* Traffic by verdict over the last minutes, as SVG in the page. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

/* history: the document's; null before the second second. */
void chart_write(FILE *out, const cJSON *history);
