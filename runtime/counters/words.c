/* Tables of names and words, searched from their beginning (words.h) */
#include "runtime/counters/words.h"

#include <stddef.h>
#include <string.h>

/* A name of a table and its words. */
struct named {
    const char *name, *words;
};

static const char *words_find(const struct named *all, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(all[i].name, name)) return all[i].words;
    return "";
}

const char *words_reason(const char *name)
{
    static const struct named all[] = {
#define REASON(ident, name, doc) {name, doc},
#include "vm/reason.def"
    };
    return words_find(all, sizeof all / sizeof *all, name);
}

const char *words_up(const char *name)
{
    static const struct named all[] = {
#define UP(ident, name, doc) {name, doc},
#include "vm/kernel/up.def"
    };
    return words_find(all, sizeof all / sizeof *all, name);
}
