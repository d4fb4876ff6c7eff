/* Read `allow CODE, ...`: unwanted warnings, in all of the file if at its top, else in the next declaration. Runs
 * before anything that may warn. */
#include "compiler/resolve/resolve.h"

static void allow_code(struct compile *c, const struct node *name, struct span within)
{
    const char *text = arena_strndup(c->arena, name->v.str.s, name->v.str.len);
    const enum diag_code code = diag_of_code(text);
    if (code < DIAG_COUNT && diag_is_warning(code)) {
        diags_allow(c->diags, within, code);
        return;
    }
    diag(c->diags, E_ALLOW, name->span,
         code < DIAG_COUNT ? "`%s` is an error, but `allow` takes only warnings" : "no warning has the code `%s`",
         text);
    diag_advise(c->diags, "each warning ends with its code in brackets, such as [W0513]");
}

/* True if only `edition` and other `allow` lines precede it. */
static bool at_top(const struct node *file, const struct node *n)
{
    const struct node *before = file->first;
    while (before != n && (before->kind == N_EDITION || before->kind == N_ALLOW)) before = before->next;
    return before == n;
}

/* Return the covered span: all of the file at its top, else up to the statement behind the next declaration. */
static struct span allowed_span(struct compile *c, const struct node *file, const struct node *n)
{
    struct span within = {n->span.file, 0, UINT32_MAX};
    const struct node *of = n->next;
    if (at_top(file, n)) return within;
    while (of && of->kind == N_ALLOW) of = of->next;
    within.start = n->span.start;
    if (of && of->next) within.end = of->next->span.start;
    if (!of) diag(c->diags, E_ALLOW, n->span, "write `allow` before a declaration, or at the top of a file");
    return within;
}

static void read_allowed(struct compile *c, const struct node *file)
{
    node_each(n, file)
    {
        if (n->kind == N_INCLUDE) node_each(part, n) if (part->kind == N_FILE) read_allowed(c, part);
        if (n->kind != N_ALLOW) continue;
        const struct span within = allowed_span(c, file, n);
        node_each(name, n) allow_code(c, name, within);
    }
}

void resolve_allowed(struct compile *c, const struct node *file)
{
    read_allowed(c, file);
    diags_allow_begin(c->diags);
}
