/* The syntax tree: the source as written, in order, with the place of every part. No meaning is checked here.
 * Nodes live in an arena (arena.h), are never freed one by one, and may go before the strings that they hold. */
#pragma once

#include "lang/sources.h"
#include "lang/tree/value.h"

enum node_kind {
#define NODE(ident, name, children, doc) N_##ident,
#include "lang/tree/ast.def"
    N_COUNT
};

/* Kinds of CLAUSE, STEP, CHOICE, PACKET and PROTO_PORTS: their v.i. */
enum clause {
    CL_NONE,
#define CLAUSE(ident, words) CL_##ident,
#include "lang/tree/clause.def"
    CL_COUNT
};

enum node_flag {
    NF_NOT = 1 << 0,       /* `not` is before the list */
    NF_ELSE = 1 << 2,      /* else branch */
    NF_MULTILINE = 1 << 3, /* a blank line is before this node (for the formatter) */
    NF_UNREAD = 1 << 4,    /* include: one of its files is missing in the tree, because it can't be read or parsed */
    NF_REPLY = 1 << 6,     /* `reply` is before the condition */
    NF_NO_MATCH = 1 << 5,  /* include: no file matches its pattern */
};

enum verdict_word {
#define VERDICT_WORD(token, text) VW_##token,
#include "lang/words/word.def"
};
enum answer_word { AW_DEFAULT, AW_RST, AW_UNREACHABLE, AW_PROHIBITED };
enum direction { DIR_ANY, DIR_IN, DIR_OUT, DIR_FORWARD };
enum proto_word {
#define PROTOCOL_WORD(token, text) PW_##token,
#include "lang/words/word.def"
};

/* One node. `span` covers the complete construct for values and conditions; for declarations, rules and clauses it
 * covers only the keyword(s), so that carets under it stay on one line. */
struct node {
    uint8_t kind;  /* enum node_kind */
    uint8_t flags; /* enum node_flag */
    struct span span;
    struct node *first, *last, *next; /* children in order; next sibling */
    struct value v;
};

struct arena;

/* Make a node in `arena`; node_add appends children. Never returns NULL (heap.h). */
struct node *node_new(struct arena *arena, enum node_kind kind, struct span span);
void node_add(struct node *parent, struct node *child);

/* Return the first child of that kind, or NULL. */
struct node *node_child(const struct node *n, enum node_kind kind);
unsigned node_count(const struct node *n);
const char *node_kind_name(enum node_kind kind);
const char *clause_words(enum clause clause);

static inline enum clause clause_of(const struct node *n) { return (enum clause)n->v.i; }
/* Return the words of a CLAUSE, STEP, CHOICE, PACKET or PROTO_PORTS. */
static inline const char *node_words(const struct node *n) { return clause_words(clause_of(n)); }
static inline bool is_clause(const struct node *n, enum clause clause)
{
    return n->kind == N_CLAUSE && clause_of(n) == clause;
}
static inline bool is_choice(const struct node *n, enum clause clause)
{
    return n->kind == N_CHOICE && clause_of(n) == clause;
}

/* True if both trees are equal except for spans and NF_MULTILINE. */
bool node_equal(const struct node *a, const struct node *b);

#define node_each(child, parent) for (struct node *child = (parent)->first; child; child = child->next)
