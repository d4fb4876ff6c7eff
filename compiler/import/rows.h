/* Looking up a word in a table of rows that begin with one, or of words alone. */
#pragma once

#include <string.h>

/* The place of its row, or `count`: there is none. name may be NULL, as may be the words of gaps. */
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
