/* What commands print, of the documents that they are answered with. */
#ifndef RUNTIME_PREYCTL_PRINT_H
#define RUNTIME_PREYCTL_PRINT_H

#include <cjson/cJSON.h>
#include <stdio.h>

/* As one line. */
void print_json(const cJSON *document);

/* A member's text, "" where there is none. */
const char *text_at(const cJSON *object, const char *member);

#endif
