/* How long something took, as a drawing in the page: a bar for each bound. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

/* took: of the document, as proxy.took.connect; nothing is drawn where it was never measured. name: markup. */
void histogram_write(FILE *out, const char *name, const cJSON *took);
