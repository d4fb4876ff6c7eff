/* Give names of prey for names of the other tool: valid, not a word of the language, each used once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lang/arena.h"

struct names {
    struct arena *arena; /* holds the names */
    void *tree;
    unsigned later; /* numbers appended to names requested repeatedly */
};

/* Return a name like `wish`, which may hold any bytes. behind: appended to a word of the language, such as "_set". */
const char *name_give(struct names *n, const char *wish, const char *behind);
void names_fini(struct names *n);

/* Find the number of a word of another tool (lang/words/number_word.def). For iptables, case does not matter. */
enum tool { NFT = 1 << 0, IPTABLES = 1 << 1, ALL = NFT | IPTABLES };
bool number_of_word(enum tool tool, const char *word, uint64_t *number);
