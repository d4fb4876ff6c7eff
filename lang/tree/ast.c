/* Nodes of the tree: creation, linking, search, comparison. */
#include "lang/tree/ast.h"

#include <string.h>

#include "lang/arena.h"

static const char *const kind_names[N_COUNT] = {
#define NODE(ident, name, children, doc) [N_##ident] = name,
#include "lang/tree/ast.def"
};

static const char *const clauses[CL_COUNT] = {
#define CLAUSE(ident, words) [CL_##ident] = words,
#include "lang/tree/clause.def"
};

struct node *node_new(struct arena *arena, enum node_kind kind, struct span span)
{
    struct node *n = arena_alloc_brief(arena, sizeof(*n));
    n->kind = (uint8_t)kind;
    n->span = span;
    return n;
}

void node_add(struct node *parent, struct node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

struct node *node_child(const struct node *n, enum node_kind kind)
{
    node_each(c, n) if (c->kind == kind) return c;
    return NULL;
}

unsigned node_count(const struct node *n)
{
    unsigned count = 0;
    node_each(c, n) count++;
    return count;
}

const char *node_kind_name(enum node_kind kind) { return (unsigned)kind < N_COUNT ? kind_names[kind] : "?"; }

const char *clause_words(enum clause clause) { return clauses[clause]; }

static bool addr_equal(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool value_equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case VALUE_NONE: return true;
    case VALUE_INT: return a->i == b->i;
    case VALUE_STR: return a->str.len == b->str.len && (a->str.len == 0 || memcmp(a->str.s, b->str.s, a->str.len) == 0);
    case VALUE_ADDR: return addr_equal(&a->addr, &b->addr);
    case VALUE_PREFIX: return a->prefix.len == b->prefix.len && addr_equal(&a->prefix.addr, &b->prefix.addr);
    case VALUE_ADDR_RANGE:
        return addr_equal(&a->addr_range->lo, &b->addr_range->lo) &&
               addr_equal(&a->addr_range->hi, &b->addr_range->hi) && a->addr_range->port == b->addr_range->port;
    case VALUE_RANGE:
        return a->range.lo == b->range.lo && a->range.hi == b->range.hi && a->range.open_lo == b->range.open_lo &&
               a->range.open_hi == b->range.open_hi;
    case VALUE_MAC: return memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
    case VALUE_ENDPOINT:
        return a->endpoint.is_self == b->endpoint.is_self && a->endpoint.port == b->endpoint.port &&
               addr_equal(&a->endpoint.addr, &b->endpoint.addr);
    case VALUE_RATE: return a->rate.count == b->rate.count && a->rate.per_ns == b->rate.per_ns;
    }
    return false;
}

/* Recursion is as deep as the tree, which the parser bounds (parentheses and includes). */
bool node_equal(const struct node *a, const struct node *b)
{
    if (a->kind != b->kind || (a->flags & ~NF_MULTILINE) != (b->flags & ~NF_MULTILINE) || !value_equal(&a->v, &b->v))
        return false;
    const struct node *x = a->first, *y = b->first;
    for (; x && y; x = x->next, y = y->next)
        if (!node_equal(x, y)) return false;
    return !x && !y;
}
