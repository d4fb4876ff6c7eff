/* Fixes as edits. What stands beside the carets is a sentence for people; in three forms it is also a replacement of
 * the span: "did you mean `X`?", "write `X`" or "write `X` or `Y`", and "remove it". Anything else is advice. */
#include <string.h>

#include "lang/diag_priv.h"

/* The text between backticks at *s, which moves past it; NULL if there is none or it is a pattern to fill in. */
static const char *quoted(const char **s, size_t *len)
{
    const char *start = *s + 1, *end = **s == '`' ? strchr(start, '`') : NULL;

    if (!end || memmem(start, (size_t)(end - start), "...", 3)) return NULL;
    *len = (size_t)(end - start);
    *s = end + 1;
    return start;
}

unsigned diag_replacements(const char *fix, struct replacement out[static DIAG_REPLACEMENTS])
{
    static const char mean[] = "did you mean ", write[] = "write ", or [] = " or ";
    const bool is_question = fix && strncmp(fix, mean, sizeof(mean) - 1) == 0;
    unsigned n = 0;

    if (!fix) return 0;
    if (strcmp(fix, "remove it") == 0) {
        out[0] = (struct replacement){fix, 0};
        return 1;
    }
    if (!is_question && strncmp(fix, write, sizeof(write) - 1) != 0) return 0;
    const char *s = fix + (is_question ? sizeof(mean) : sizeof(write)) - 1;
    while (n < DIAG_REPLACEMENTS && (out[n].text = quoted(&s, &out[n].len))) {
        n++;
        if (strcmp(s, is_question ? "?" : "") == 0) return n;
        if (strncmp(s, or, sizeof(or) - 1) != 0) return 0;
        s += sizeof(or) - 1;
    }
    return 0;
}
