/* Reading and printing of answers. */
#pragma once

#include <cjson/cJSON.h>
#include <stddef.h>

/* Return a document from its text, each number as raw JSON with all its digits. NULL: malformed, or out of memory. */
cJSON *document_parse(const char *text, size_t len);
/* Print the document as one line. */
void print_json(const cJSON *document);
