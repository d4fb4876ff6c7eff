/* How long something took, as a drawing in the page: a bar for each bound. */
#ifndef RUNTIME_STATS_HISTOGRAM_H
#define RUNTIME_STATS_HISTOGRAM_H

#include <cjson/cJSON.h>
#include <stdio.h>

/* took: of the document, as proxy.took.connect; nothing is drawn where it was never measured. name: markup. */
void histogram_write(FILE *out, const char *name, const cJSON *took);

#endif
