/* What commands print, of the documents that they are answered with. */
#ifndef RUNTIME_PREYCTL_PRINT_H
#define RUNTIME_PREYCTL_PRINT_H

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>

/* As one line. */
void print_json(const cJSON *document);

/* A member's text, "" where there is none; its number, 0. */
const char *text_at(const cJSON *object, const char *member);
uint64_t number_at(const cJSON *object, const char *member);

#endif
