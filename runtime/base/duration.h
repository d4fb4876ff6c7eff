/* A span of time as rules write it: 500ms, 30s, 5m, 2h, 7d. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* False: the text is none, or longer than a hundred years. */
bool duration_read(const char *text, uint64_t *ns);
