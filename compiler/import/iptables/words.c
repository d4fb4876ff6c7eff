/* Words are cut in a copy of the line; quotes and their escapes go */
#include "compiler/import/iptables/words.h"

#include <string.h>

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* Copy the word at *at to *to. False: its quotes are not closed. */
static bool take_word(const char **at, const char *end, char **to)
{
    bool quotes = false;
    while (*at < end && (quotes || !blank(**at))) {
        const char c = *(*at)++;
        if (c == '"')
            quotes = !quotes;
        else if (c == '\\' && quotes && *at < end)
            *(*to)++ = *(*at)++;
        else
            *(*to)++ = c;
    }
    *(*to)++ = '\0';
    return !quotes;
}

const char *words_split(struct words *w, const char *line, size_t len)
{
    const char *at = line, *const end = line + len;
    char *to = w->text;
    w->count = 0;
    if (len > LINE_MOST) return "the line has more than 65,536 bytes";
    if (memchr(line, '\0', len)) return "the line holds a zero byte";
    for (;;) {
        while (at < end && blank(*at)) at++;
        if (at == end) return NULL;
        if (w->count == WORDS_MOST) return "the line has more than 512 words";
        w->quoted[w->count] = *at == '"';
        w->of[w->count++] = to;
        if (!take_word(&at, end, &to)) return "a quote is not closed";
    }
}
