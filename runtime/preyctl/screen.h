/* Print the service's document on one screen, for people. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

void screen_print(FILE *out, const cJSON *seen);
/* Print a pool's servers, one line each. before: text before their names; width: of this text and the name together,
 * so that pools line up. */
void screen_servers(FILE *out, const cJSON *pool, const char *before, int width);
/* Return the width that `before` and the names of the pool's servers need together. */
int screen_width(const cJSON *pool, const char *before);
