/* Messages for a token without a place in the grammar, with help from its likely meaning. */
#pragma once

#include "lang/lex/lex.h"

/* syntax.c: report the error at token `found` where `expected` is possible. */
void syntax_error(struct parser *p, int found, struct span span, const int *expected, int n);
bool expects(const int *expected, int n, int token);
/* True if every kind of literal may be there; the grammar does not decide which literals have a meaning. */
bool takes_values(const int *expected, int n);
/* meant.c: offer the author's likely intention, as help beside the error just reported. */
void offer_meant(struct parser *p, int found, struct span span, const int *expected, int n);
/* True behind the colon of a claim, which takes no flags. */
bool in_claim(const struct parser *p, const int *expected, int n);
bool is_claim_flag(int found);
/* True if the span is that word. */
bool is_word_at(const struct parser *p, struct span span, const char *word);
/* habits.c: return prey's word for a word of other tools, if it is possible there; else NULL. */
const char *synonym(const struct parser *p, struct span span, const int *expected, int n);
/* Offer prey's form of a habit from other tools, as help beside the error just reported. False: the habit is
 * unknown. */
bool offer_habit(struct parser *p, int found, struct span span, const int *expected, int n);
/* Offer alternatives to a word for TCP's options. False: the word does not mean such an option. */
bool offer_tcp_option(struct parser *p, struct span span);
/* Help if several interfaces are given for one */
#define SEVERAL_INTERFACES                                                                                             \
    "an interface is one device or one pattern (`\"wg*\"`): name each interface, and list the names in rules: `on a, " \
    "b`"
#define ALL_NAMES 100 /* number of expected keywords at which any name may be there */
/* meant.c: return the word that ends before offset `end` on its line, ignoring blanks; may be empty. */
struct str word_before(const struct parser *p, uint32_t end);
/* Return what may be written at the offset where a value or a name is missing, by wanted.def; NULL: no row fits. */
const char *wanted_at(const struct parser *p, uint32_t at);
/* parse.y, from bison's tables */
const char *token_name(int kind);

/* Return the source text of a span, cut to fit in a message; in the arena. */
const char *quote(struct parser *p, struct span span);
