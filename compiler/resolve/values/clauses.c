/* Clauses of checks, pools, servers and services: each at most once, and their values */
#include "compiler/resolve/values/clauses.h"

#include <string.h>

/* True for clauses that a block may have many times: a service's certificates, steps and headers of a check */
static bool may_repeat(const struct node *n)
{
    return is_clause(n, CL_TLS) || is_clause(n, CL_SEND) || is_clause(n, CL_EXPECT) || is_clause(n, CL_EXPECT_HAS) ||
           is_clause(n, CL_HEADER);
}

void clauses_find(struct compile *c, const struct node *block, struct clauses *out, const char *what)
{
    *out = (struct clauses){0};
    node_each(n, block)
    {
        if (n->kind != N_CLAUSE) continue;
        const struct node **first = &out->of[clause_of(n)];
        if (*first && !may_repeat(n)) {
            diag(c->diags, E_CLAUSE_TWICE, n->span, "`%s` is written twice in this %s", node_words(n), what);
            diag_note(c->diags, (*first)->span, "the first one is here");
        } else if (!*first) {
            *first = n;
        }
    }
}

struct span whole_clause(const struct node *clause)
{
    const struct node *last = clause->last ? clause->last : clause;
    return (struct span){clause->span.file, clause->span.start, last->span.end};
}

uint64_t clause_duration(struct compile *c, const struct node *clause, uint64_t fallback)
{
    if (!clause || !clause->first) return fallback;
    const struct node_value v = value_of(c, clause->first);
    if (!v.node) return fallback;
    if (v.node->kind == N_DURATION) return v.node->v.i;
    if (v.node->kind == N_NAME)
        symbol_want(c, v.node, SYM(CONST), "constant");
    else
        report_wrong_value(c, clause->first, v, "a duration");
    return fallback;
}

uint32_t clause_number(struct compile *c, const struct node *clause, const struct number_kind *kind, uint32_t fallback)
{
    uint32_t n = fallback;
    if (clause && clause->first && !number_one(c, clause->first, kind, &n)) return fallback;
    return n;
}

uint32_t text_without_zero(struct compile *c, const struct node *text)
{
    if (memchr(text->v.str.s, '\0', text->v.str.len)) {
        diag(c->diags, E_STRING_ZERO, text->span, "this text can't have a zero byte");
        return 0;
    }
    if (text->v.str.len == 0) diag(c->diags, E_STRING_ZERO, text->span, "this text can't be empty");
    return text_of(c, text->v.str);
}

uint32_t path_of_file(struct compile *c, const struct node *path, const char *what)
{
    const size_t len = path->v.str.len;
    if (len && path->v.str.s[len - 1] == '/') {
        diag(c->diags, E_WRONG_VALUE, path->span, "this is a folder's path, but %s must be a file", what);
        diag_advise(c->diags, "add the file's name");
    }
    return text_without_zero(c, path);
}

uint32_t clause_string(struct compile *c, const struct node *clause)
{
    return clause && clause->first ? text_without_zero(c, clause->first) : 0;
}

bool port_ranges_of(struct compile *c, const struct node *clause, struct number_set *ports)
{
    static const struct number_kind kind = {.what = "a port to translate to",
                                            .range = "ports go from 1 to 65535",
                                            .least = 1,
                                            .most = 65535,
                                            .ports = true};
    const struct symbol *name = NULL;
    if (!clause->first || !numbers_of(c, clause->first, &kind, NULL, ports, &name)) return false;
    if (ports->n && ports->r[0].lo) return true;
    if (ports->n)
        diag(c->diags, E_OUT_OF_RANGE, clause->first->span, "0 isn't %s: %s", kind.what, kind.range);
    else
        diag(c->diags, E_OUT_OF_RANGE, clause->first->span, "the list has no port: %s", kind.range);
    return false;
}

bool port_range_of(struct compile *c, const struct node *clause, uint16_t *lo, uint16_t *hi)
{
    struct number_set numbers = {0};
    if (!port_ranges_of(c, clause, &numbers)) return false;
    if (numbers.n != 1) {
        diag(c->diags, E_WRONG_VALUE, clause->span, "`ports` takes one range here, such as 1024-65535");
        return false;
    }
    *lo = (uint16_t)numbers.r[0].lo;
    *hi = (uint16_t)numbers.r[0].hi;
    return true;
}

bool addr_is_one_host(const struct addr *a)
{
    uint32_t w[4];
    addr_words(a, w);
    if (a->family == 4) return w[0] >> 24 != 0 && w[0] < 0xe0000000u;
    return a->bytes[0] != 0xff && (w[0] || w[1] || w[2] || w[3]);
}
