/* Texts, globs and lists of them (program.h). */
#include <string.h>

#include "vm/program/program.h"

/* Number of bytes before a glob's `*`; all bytes of a plain text. */
static size_t stem(const char *s, bool *glob)
{
    const size_t len = strlen(s);
    *glob = len && s[len - 1] == '*';
    return len - *glob;
}

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const int d = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return d ? d : (a_len > b_len) - (a_len < b_len);
}

int text_compare(const char *a, const char *b)
{
    bool a_glob, b_glob;
    const size_t a_len = stem(a, &a_glob), b_len = stem(b, &b_glob);
    const int d = compare(a, a_len, b, b_len);
    return d ? d : b_glob - a_glob;
}

bool text_covers(const char *glob, const char *text)
{
    bool is_glob, other;
    const size_t len = stem(glob, &is_glob);
    return is_glob && strcmp(glob, text) != 0 && stem(text, &other) >= len && memcmp(glob, text, len) == 0;
}

static bool fits(const char *entry, const char *text, size_t len)
{
    bool glob;
    const size_t own = stem(entry, &glob);
    return (glob ? len >= own : len == own) && memcmp(entry, text, own) == 0;
}

bool texts_match(const struct program *p, uint32_t list, const char *text, size_t len)
{
    const struct pbc_names *l = &p->names[list];
    uint32_t from = 0, to = l->count; /* from ends as the first entry behind the text */
    while (from < to) {
        const uint32_t mid = from + (to - from) / 2;
        const char *entry = program_str(p, p->hosts[l->first + mid]);
        bool glob;
        if (compare(entry, stem(entry, &glob), text, len) <= 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from && fits(program_str(p, p->hosts[l->first + from - 1]), text, len);
}

bool texts_match_plain(const struct program *p, uint32_t list, const char *text, size_t len)
{
    const struct pbc_names *l = &p->names[list];
    for (uint32_t i = 0; i < l->count; i++)
        if (fits(program_str(p, p->hosts[l->first + i]), text, len)) return true;
    return false;
}
