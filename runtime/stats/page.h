/* The page for people: HTML that works without a script, and updates with one. All text of the document is escaped,
 * because names come from rule files. */
#pragma once

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdio.h>

void page_write(FILE *out, const cJSON *document);

/* Write the hash of the style that the page includes, as a content security policy names it behind "sha256-". Return
 * 0, or -ENOTSUP: the library lacks this hash. */
enum { PAGE_STYLE_HASH = 45 };
int page_style_hash(char to[PAGE_STYLE_HASH]);

/* A file of the page, found by its path: "/page.js". NULL: the path is unknown. */
struct page_file {
    const char *path, *type, *text;
    size_t len;
};
const struct page_file *page_file(const char *path);
