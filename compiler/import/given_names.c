/* Names given are in a tree; a wish that is taken or is a word of the language gets a suffix, then a number */
#include "compiler/import/given_names.h"

#include <ctype.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lang/heap.h"

enum { NAME_MOST = 64, WISH_MOST = 40, FEW = 10 }; /* WISH_MOST leaves room for `behind` and a number */

static bool is_language_word(const char *s)
{
    static const char *const words[] = {
#define WORD(token, text, use, group, start) text,
#include "lang/words/word.def"
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (!strcmp(words[i], s)) return true;
    return false;
}

/* Spell the wish with letters, digits, `_`, and `-` inside. */
static void spell(const char *wish, char name[WISH_MOST + 2])
{
    size_t len = 0;
    if (!isalpha((unsigned char)wish[0]) && wish[0] != '_') name[len++] = wish[0] ? 'n' : '_';
    for (; *wish && len < WISH_MOST; wish++) name[len++] = isalnum((unsigned char)*wish) || *wish == '-' ? *wish : '_';
    while (len > 1 && name[len - 1] == '-') len--;
    name[len] = '\0';
}

static int name_order(const void *a, const void *b) { return strcmp(a, b); }

const char *name_give(struct names *n, const char *wish, const char *behind)
{
    char base[WISH_MOST + 2], name[NAME_MOST + 1];
    spell(wish, base);
    if (!is_language_word(base)) behind = "";
    snprintf(name, sizeof(name), "%s%.8s", base, behind);
    for (unsigned more = 2; tfind(name, &n->tree, name_order); more++)
        snprintf(name, sizeof(name), "%s%.8s-%u", base, behind, more < FEW ? more : FEW + n->later++);
    char *given = arena_strndup(n->arena, name, strlen(name));
    if (!tsearch(given, &n->tree, name_order)) out_of_memory();
    return given;
}

void names_fini(struct names *n)
{
    heap_tree_free(n->tree);
    n->tree = NULL;
}

bool number_of_word(enum tool tool, const char *word, uint64_t *number)
{
    static const struct {
        const char *word;
        uint8_t number, who;
    } rows[] = {
#define NUMBER_WORD(name, number, who) {name, number, who},
#define FOREIGN_WORD                   NUMBER_WORD
#include "lang/words/number_word.def"
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].who & tool && !(tool == IPTABLES ? strcasecmp : strcmp)(rows[i].word, word)) {
            *number = rows[i].number;
            return true;
        }
    return false;
}
