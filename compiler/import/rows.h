/* Find a word in a table whose rows begin with one, or in a table of words. */
#pragma once

#include <string.h>

/* Return the index of the word's row; `count`: none. name may be NULL, as may words in the table. */
static inline size_t row_named(const void *rows, size_t count, size_t size, const char *name)
{
    for (size_t i = 0; name && i < count; i++) {
        const char *word;
        memcpy(&word, (const char *)rows + i * size, sizeof(word));
        if (word && !strcmp(word, name)) return i;
    }
    return count;
}

#define ROWS(rows)            (sizeof(rows) / sizeof(*(rows)))
#define ROW_NAMED(rows, name) row_named(rows, ROWS(rows), sizeof(*(rows)), name)
