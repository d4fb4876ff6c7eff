/* Statements that do something else than their author likely thinks: a file that judges nothing, translation past
 * every firewall. (A firewall named like a direction is an error: rules.c.) Statements that parse but are not
 * supported yet are here, too: one error for each, and the names in it count as used. */
#include "compiler/resolve/names/symbols.h"

static bool holds_tests(const struct node *file)
{
    node_each(n, file)
    {
        const struct node *included = n->kind == N_INCLUDE ? node_child(n, N_FILE) : NULL;
        if (n->kind == N_TEST || (included && holds_tests(included))) return true;
    }
    return false;
}

/* Warn about a file without firewall, service, nat or test, which judges nothing. Parts are compiled with the file that
 * includes them. */
static void warn_idle(struct compile *c)
{
    const struct image *img = c->image;
    const struct node *first = c->tree->first;
    if (img->firewalls_count || img->audits || img->services_count || img->observes_count || img->nats_count ||
        holds_tests(c->tree))
        return;
    diag(c->diags, W_JUDGES_NOTHING, first ? first->span : SPAN_NONE,
         "this file has no firewall, service or nat, so its program accepts everything");
    diag_advise(c->diags,
                "write rules in `firewall NAME default drop { }`; or compile the file that includes this file");
}

static void warn_crossing(struct compile *c)
{
    const struct image *img = c->image;
    if (!img->nats_count) return;
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        if (img->firewalls[i].direction == PBC_DIR_ANY || img->firewalls[i].direction == PBC_DIR_FORWARD) return;
    diag(c->diags, W_NAT_OPEN, span_at(c, &img->nats[0].place),
         "no firewall judges forwarded packets, and translation keeps nobody out");
    diag_advise(c->diags, "add `firewall NAME forward default drop { }` with `accept state established, related` and a "
                          "rule for your clients");
}

void warn_misread(struct compile *c)
{
    if (diags_errors(c->diags)) return; /* a statement in error may be the missing one */
    warn_idle(c);
    warn_crossing(c);
}
