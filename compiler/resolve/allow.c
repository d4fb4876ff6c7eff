/* `allow CODE, ...` at the top of a file: warnings that it does not want. Read before all else that may warn. */
#include "compiler/resolve/resolve.h"

static void allow_code(struct compile *c, const struct node *name)
{
    const char *text = arena_strndup(c->arena, name->v.str.s, name->v.str.len);
    const enum diag_code code = diag_of_code(text);

    if (code < DIAG_COUNT && diag_is_warning(code)) {
        diags_allow(c->diags, name->span.file, code);
        return;
    }
    diag(c->diags, E_ALLOW, name->span,
         code < DIAG_COUNT ? "`%s` is an error, and only warnings can be allowed" : "no warning has the code `%s`",
         text);
    diag_advise(c->diags, "a warning ends with its code in brackets, such as [W0513]");
}

/* Behind nothing but `edition` and its like; before a single declaration it is not due. */
static bool at_top(const struct node *file, const struct node *n)
{
    const struct node *before = file->first;

    while (before != n && (before->kind == N_EDITION || before->kind == N_ALLOW)) before = before->next;
    return before == n;
}

void resolve_allowed(struct compile *c, const struct node *file)
{
    node_each(n, file)
    {
        const struct node *included = n->kind == N_INCLUDE ? node_child(n, N_FILE) : NULL;

        if (included) resolve_allowed(c, included);
        if (n->kind != N_ALLOW) continue;
        if (at_top(file, n)) {
            node_each(name, n) allow_code(c, name);
        } else {
            diag(c->diags, E_UNSUPPORTED, n->span, "not supported yet: `allow` for less than a file");
            diag_advise(c->diags, "write it at the top of the file, for all of it");
        }
    }
}
