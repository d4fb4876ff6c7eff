/* Constructors for every part of the grammar: leaves, trees, lists, statements. */
#include "lang/parse/build.h"

#include <string.h>

struct span span_join(struct span a, struct span b)
{
    return (struct span){a.file, a.start < b.start ? a.start : b.start, a.end > b.end ? a.end : b.end};
}

struct node *leaf(struct parser *p, enum node_kind kind, struct span span) { return node_new(p->arena, kind, span); }

struct node *name_node(struct parser *p, struct str word, struct span span)
{
    struct node *n = node_new(p->arena, N_NAME, span);
    n->v = (struct value){.kind = VALUE_STR, .str = {arena_strndup(p->arena, word.s, word.len), word.len}};
    return n;
}

struct node *int_leaf(struct parser *p, enum node_kind kind, uint64_t i, struct span span)
{
    struct node *n = node_new(p->arena, kind, span);
    n->v = (struct value){.kind = VALUE_INT, .i = i};
    return n;
}

struct node *adopt(struct node *parent, struct node *siblings)
{
    for (struct node *next; siblings; siblings = next) {
        next = siblings->next;
        siblings->next = NULL;
        node_add(parent, siblings);
    }
    return parent;
}

/* Quadratic in the length of `a`: chains are the few operands of one statement; long ones are lists. */
struct node *chain(struct node *a, struct node *b)
{
    if (!a) return b;
    struct node *last = a;
    while (last->next) last = last->next;
    last->next = b;
    return a;
}

struct node *append(struct parser *p, struct node *list, struct node *siblings)
{
    if (!list) list = node_new(p->arena, N_LIST, siblings ? siblings->span : p->prev_span);
    return adopt(list, siblings);
}

struct node *kids(struct node *list) { return list ? list->first : NULL; }

struct node *tree(struct parser *p, enum node_kind kind, struct span span, struct node *children)
{
    return adopt(node_new(p->arena, kind, span), children);
}

static struct node *typed(struct node *n, enum clause clause)
{
    n->v = (struct value){.kind = VALUE_INT, .i = clause};
    return n;
}

struct node *clause(struct parser *p, enum clause clause, struct span span, struct node *children)
{
    return typed(tree(p, N_CLAUSE, span, children), clause);
}

struct node *step(struct parser *p, enum clause clause, struct span span, struct node *children)
{
    return typed(tree(p, N_STEP, span, children), clause);
}

struct node *choice(struct parser *p, enum clause clause, struct span span)
{
    return typed(leaf(p, N_CHOICE, span), clause);
}

struct node *list_of(struct parser *p, struct node *first, struct span span) { return tree(p, N_LIST, span, first); }

struct node *list_more(struct node *list, struct node *next, struct span span)
{
    if (next) node_add(list, next);
    list->span = span_join(list->span, span);
    return list;
}

struct node *list_not(struct parser *p, struct node *list, struct span not_span, unsigned nots, struct span second)
{
    if (nots > 1) {
        build_error(p, E_DOUBLE_NOT, second, "`not` is written twice");
        diag_advise(p->diags, "write `not` once, or remove both");
    }
    list->flags |= NF_NOT;
    list->span = span_join(not_span, list->span);
    return list;
}

struct node *list_outer_not(struct parser *p, struct node *list, struct span not_span, unsigned nots,
                            struct span second)
{
    const bool inner = list->flags & NF_NOT;
    return list_not(p, list, not_span, nots + inner, nots > 1 ? second : list->span);
}

struct node *other_than(struct parser *p, struct node *value, unsigned nots, struct span second)
{
    return value ? list_not(p, value, value->span, nots, second) : NULL;
}

void list_inner_not(struct parser *p, struct span span)
{
    build_error(p, E_INNER_NOT, span, "`not` is only possible before a list, not inside it");
    diag_advise(p->diags, "`not a, b` means neither a nor b; to exclude one member, use a set with `except`");
}

/* True for a blank line before the statement; the formatter keeps the author's paragraphs. */
static bool blank_line_before(const struct parser *p, uint32_t at)
{
    unsigned newlines = 0;
    while (at > 0 && newlines < 2 && strchr(" \t\r\n", p->text[at - 1])) newlines += p->text[--at] == '\n';
    return newlines == 2;
}

struct node *statement_done(struct parser *p, struct node *body, struct node *n)
{
    if (!body) body = node_new(p->arena, N_LIST, n ? n->span : p->prev_span);
    if (!n) return body;
    if (p->stmt.bad) return statement_broken(p, body);
    if (blank_line_before(p, n->span.start)) n->flags |= NF_MULTILINE;
    node_add(body, n);
    return body;
}

struct node *statement_broken(struct parser *p, struct node *body)
{
    p->stmt.bad = false;
    return body ? body : node_new(p->arena, N_LIST, p->prev_span);
}
