/* The words of the language for the lexer and the formatter: by text, and by token. */
#include <ctype.h>
#include <string.h>

#include "lang/lex/lex.h"
#include "lang/lex/tokens.tab.h"

/* Text required behind a word that begins a statement, to tell it from a name of the same spelling (word.def). */
enum start {
    START_NO,
    START_EQUALS,
    START_BODY,
    START_HEAD,
    START_STRING,
    START_BRACE,
    START_WORD,
    START_TO,
    START_COPY,
    START_ARROW,
    START_ALONE
};

enum use { USE_RESERVED, USE_FREE, USE_PLACED };

/* Words sorted by text; the tokens are numbered in the same order. */
static const struct word {
    const char *text;
    int token;
    enum use use;
    enum start start;
} words[] = {
#define WORD(token, text, use, group, start) {text, token, USE_##use, START_##start},
#include "lang/words/word.def"
};
enum { WORDS = sizeof(words) / sizeof(words[0]) };

bool token_is_word(int token) { return token > NAME; }

bool word_is_reserved(int token) { return token_is_word(token) && words[token - NAME - 1].use == USE_RESERVED; }

bool word_may_start(int token) { return token_is_word(token) && words[token - NAME - 1].start != START_NO; }

int word_find(const char *s, size_t len)
{
    unsigned lo = 0, hi = WORDS;
    while (lo < hi) {
        const unsigned mid = lo + (hi - lo) / 2;
        int c = len ? (unsigned char)*s - (unsigned char)*words[mid].text : 0; /* most words differ in the first byte */
        if (c == 0) c = strncmp(s, words[mid].text, len);
        if (c == 0) c = words[mid].text[len] ? -1 : 0;
        if (c == 0) return words[mid].token;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NAME;
}

/* Return the end of a word that may be a name, of at most MAX_NAME bytes; else `s`. */
static const char *word_end(const char *s)
{
    size_t n = 0;
    while (n <= MAX_NAME && (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '-')) n++;
    return s + n;
}

static const char *skip(const char *s)
{
    while (*s == ' ' || *s == '\t' || *s == '\r') s++;
    return s;
}

static bool starts_word(const char *s, const char *end, const char *word)
{
    return (size_t)(end - s) == strlen(word) && memcmp(s, word, (size_t)(end - s)) == 0;
}

bool text_starts_statement(const char *s, bool declaration)
{
    const char *end = word_end(s), *second = skip(end), *second_end = word_end(second);
    const int token = word_find(s, (size_t)(end - s));
    const enum start start = token == NAME ? START_NO : words[token - NAME - 1].start;
    const char after = *skip(second_end);
    const bool named = second_end > second;
    switch (start) {
    case START_EQUALS: return named && after == '=';
    case START_BODY: return named && after == '{';
    case START_HEAD: return named && isalpha((unsigned char)after);
    case START_STRING: return *second == '"';
    case START_BRACE: return *second == '{';
    case START_WORD: return !declaration && isalpha((unsigned char)*second);
    case START_TO: return !declaration && starts_word(second, second_end, "to");
    case START_COPY:
        return !declaration && (starts_word(second, second_end, "to") || starts_word(second, second_end, "sent"));
    case START_ARROW: return !declaration && second[0] == '-' && second[1] == '>';
    case START_ALONE: return !declaration;
    case START_NO: break;
    }
    return false;
}
