/* The page that a person reads: HTML that needs no script, and lives with one. Names come from rule files, so all text
 * of the document is escaped. */
#pragma once

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdio.h>

void page_write(FILE *out, const cJSON *document);

/* What belongs to it, by its path: "/page.css". NULL: there is no such file. */
struct page_file {
    const char *path, *type, *text;
    size_t len;
};
const struct page_file *page_file(const char *path);
