/* What runs, on one screen: the service's document as people read it. */
#ifndef RUNTIME_PREYCTL_SCREEN_H
#define RUNTIME_PREYCTL_SCREEN_H

#include <cjson/cJSON.h>
#include <stdio.h>

void screen_print(FILE *out, const cJSON *seen);
/* The servers of a pool, a line each; `pool` is what stands before their names. */
void screen_servers(FILE *out, const cJSON *pool, const char *before);

#endif
