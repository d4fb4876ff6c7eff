/* What this edition parses but can't do yet: one error a statement, at its place, in the user's words. The names that
 * such a statement uses count as used, since nothing more is known of them. */
#include "compiler/resolve/resolve.h"

static const char *const not_due[N_COUNT] = {
    [N_FILE_REF] = "live files",
    [N_AUDIT] = "audit",
};

static const char *verdict_not_due(const struct node *n)
{
    return n->v.i == VW_MIRROR ? "mirroring" : n->v.i == VW_ADD ? "adding to sets" : NULL;
}

bool report_not_due(struct compile *c, const struct node *n)
{
    const char *what = n->kind == N_VERDICT ? verdict_not_due(n) : not_due[n->kind];
    if (!what || (n->kind == N_FILE_REF && !(n->flags & NF_LIVE))) return false;
    mark_names_used(c, n);
    diag(c->diags, E_UNSUPPORTED, n->span, "not supported yet: %s", what);
    return true;
}
