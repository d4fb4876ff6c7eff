/* What to say where the grammar has no place for a token, and what its author likely meant. */
#pragma once

#include "lang/lex/lex.h"

/* syntax.c: report the error at token `found` where `expected` could stand. */
void syntax_error(struct parser *p, int found, struct span span, const int *expected, int n);
bool expects(const int *expected, int n, int token);
/* Every literal may stand there: which of them has a meaning is not the grammar's to say. */
bool takes_values(const int *expected, int n);
/* meant.c: what the error's author likely meant, as help beside the error just reported. */
void offer_meant(struct parser *p, int found, struct span span, const int *expected, int n);
bool word_is_refused(int token);
/* Behind the colon of a claim, which tells no flags. */
bool in_claim(const struct parser *p, const int *expected, int n);
bool is_claim_flag(int found);
/* And is that the word? */
bool is_word_at(const struct parser *p, struct span span, const char *word);
/* habits.c: what other tools write. Our word for theirs that could stand there; NULL: none. */
const char *synonym(const struct parser *p, struct span span, const int *expected, int n);
/* What says it here, as help beside the error just reported. False: nothing is known of it. */
bool offer_habit(struct parser *p, int found, struct span span, const int *expected, int n);
#define ALL_NAMES 100 /* keywords expected at once: any name may stand there */
/* meant.c: the word that ends before offset `end` on its line, but for blanks; empty where there is none. */
struct str word_before(const struct parser *p, uint32_t end);
/* What may be written at the offset where a value or a name is missing; NULL: no row of wanted.def says it. */
const char *wanted_at(const struct parser *p, uint32_t at);
/* parse.y, from bison's tables */
const char *token_name(int kind);

/* The source text of a span, cut to something that fits in a message; in the arena. */
const char *quote(struct parser *p, struct span span);
