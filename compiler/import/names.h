/* Names of prey for what the other tool calls by names of its own: valid, no word of the language, each given once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lang/arena.h"

struct names {
    struct arena *arena; /* of the names */
    void *tree;
    unsigned later; /* numbers behind names that many wished for */
};

/* A name like `wish`, which may hold any bytes; `behind` is put behind a word of the language, such as "_set". */
const char *name_give(struct names *n, const char *wish, const char *behind);
void names_fini(struct names *n);

/* The number that a word of another tool stands for (lang/words/number_word.def); iptables takes it in any case of
 * letters.
 */
enum tool { NFT = 1 << 0, IPTABLES = 1 << 1, ALL = NFT | IPTABLES };
bool number_of_word(enum tool tool, const char *word, uint64_t *number);
