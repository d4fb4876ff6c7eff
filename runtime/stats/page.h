/* The page for people: HTML that works without a script, and updates with one. All text of the document is escaped,
 * since names come from rule files. */
#pragma once

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdio.h>

void page_write(FILE *out, const cJSON *document);

/* A file of the page, found by its path: "/page.css". NULL: there is no such file. */
struct page_file {
    const char *path, *type, *text;
    size_t len;
};
const struct page_file *page_file(const char *path);
