/* Connections that leave for the packet path once they are decided: `splice packets` of a service, and `-> pass`.
 * prey does not read their bytes from then on. */
#include "compiler/resolve/services/service_work.h"

/* Return what reads the connections' bytes to their end; *at: its clause, if it is one. NULL: nothing does. */
static const char *reader(const struct service_work *w, const struct node **at)
{
    const struct pbc_service *s = &w->c->image->services[w->id];
    *at = NULL;
    if (mode_is(w->mode, MODE_REQUESTS)) return "prey reads each request";
    node_each(n, w->node) if (is_clause(n, CL_TLS_TO_SERVER)) *at = n;
    if (*at) return "prey opens TLS to the server";
    return s->proxy && w->c->image->proxies[s->proxy - 1].cert_count ? "prey terminates the client's TLS" : NULL;
}

static void report_reader(const struct service_work *w, struct span span, const char *what, const char *why,
                          const struct node *at)
{
    diag(w->c->diags, E_SPLICE, span, "`%s` isn't possible here: %s, so the connection can't continue in packets", what,
         why);
    if (at) diag_note(w->c->diags, at->span, "the other option is here");
}

bool splice_may_pass(const struct service_work *w, const struct node *share)
{
    const struct node *at;
    const char *why = reader(w, &at);
    if (!why) return true;
    report_reader(w, share->span, "-> pass", why, at);
    diag_advise(w->c->diags, "write `-> original`");
    return false;
}

static const struct pbc_branch *branch_to(const struct service_work *w, const struct pbc_service *s, enum pbc_goes goes)
{
    const struct image *img = w->c->image;
    for (uint32_t i = s->branches; i < s->branches + s->branch_count; i++)
        if (branch_goes(&img->branches[i]) == goes) return &img->branches[i];
    return NULL;
}

/* True if the clause can be in this service; else report. */
static bool splice_stands(const struct service_work *w, const struct node *splice, const struct pbc_service *s)
{
    struct diags *diags = w->c->diags;
    const struct node *at;
    if (!mode_is(w->mode, MODE_PROXIES)) {
        diag(diags, E_MODE_OPTION, splice->span, "`splice packets` needs `mode proxy` or `mode proxy inline`");
        diag_suggest_removal(diags, whole_clause(splice));
        return false;
    }
    const char *why = reader(w, &at);
    const struct pbc_branch *program = branch_to(w, s, PBC_GOES_PROGRAM);
    if (why) {
        report_reader(w, splice->span, "splice packets", why, at);
        diag_suggest_removal(diags, whole_clause(splice));
    } else if (program) {
        diag(diags, E_SPLICE, splice->span,
             "`splice packets` isn't possible here: a program reads the connections of this service");
        diag_note(diags, span_at(w->c, &program->place), "this branch leads to the program");
        diag_advise(diags, "write a second service for these connections");
    }
    return !why && !program;
}

void splice_settle(const struct service_work *w, const struct clauses *block, const struct pbc_service *s)
{
    const struct node *splice = block->of[CL_SPLICE];
    if (!w->good) return;
    const bool all = splice && splice_stands(w, splice, s);
    if (!s->proxy) return;
    if (all) w->c->image->proxies[s->proxy - 1].flags |= PBC_PROXY_SPLICE | PBC_PROXY_LEAVES;
    if (branch_to(w, s, PBC_GOES_PASS)) w->c->image->proxies[s->proxy - 1].flags |= PBC_PROXY_LEAVES;
}
