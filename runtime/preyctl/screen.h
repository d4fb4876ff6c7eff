/* The service's document on one screen, as people read it. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

void screen_print(FILE *out, const cJSON *seen);
/* The servers of a pool, a line each; `before` is what stands before their names, width what both take together: pools
 * of one width stand under one another. */
void screen_servers(FILE *out, const cJSON *pool, const char *before, int width);
/* So many columns are enough for the pool's. */
int screen_width(const cJSON *pool, const char *before);
