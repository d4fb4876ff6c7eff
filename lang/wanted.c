/* What is wanted at a place that takes a value or a name, told by the words in front of it. */
#include <string.h>

#include "lang/lang_priv.h"
#include "lang/parse.tab.h"

static const struct {
    int first, before, word;
    const char *what;
} wanted[] = {
#define WANTED(first, before, word, what) {first, before, word, what},
#include "lang/wanted.def"
};

struct str word_before(const struct parser *p, uint32_t end)
{
    static const char ends[] = " \t\n,(){}=;";
    while (end > 0 && (p->text[end - 1] == ' ' || p->text[end - 1] == '\t')) end--;
    uint32_t start = end;
    while (start > 0 && end - start < MAX_NAME && !memchr(ends, p->text[start - 1], sizeof(ends))) start--;
    return (struct str){.s = p->text + start, .len = end - start};
}

static int token_of(const struct parser *p, struct str word)
{
    if (word.len == 2 && memcmp(word.s, "->", 2) == 0) return ARROW;
    if (word.len == 3 && memcmp(word.s, "<->", 3) == 0) return MAPS_TO;
    if (word.len) return word_find(word.s, word.len);
    return word.s > p->text && word.s[-1] == '=' ? EQ : NAME;
}

const char *wanted_at(const struct parser *p, uint32_t at)
{
    const struct str word = word_before(p, at), before = word_before(p, (uint32_t)(word.s - p->text));
    const int first = p->stmt.start[0].kind, word_kind = token_of(p, word), before_kind = token_of(p, before);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if ((!wanted[i].first || wanted[i].first == first) && (!wanted[i].before || wanted[i].before == before_kind) &&
            (!wanted[i].word || wanted[i].word == word_kind))
            return wanted[i].what;
    return NULL;
}
