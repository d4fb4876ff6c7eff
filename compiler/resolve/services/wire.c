/* Services in the wire (`mode proxy inline`, and `mode observe` beside it): interfaces and tags of their frames,
 * destinations other than pools, and the side that sends first. */
#include <string.h>

#include "compiler/resolve/services/service_work.h"
#include "vm/stream/first.h"

/* Read `on IF, …`; each is one device. */
static void read_ifaces(struct service_work *w, const struct node *n)
{
    const struct symbol *name = NULL;
    node_each(child, n)
    {
        const uint32_t id = interface_alone(w->c, child, &name);
        if (id == PBC_NONE)
            w->good = false;
        else
            numbers_add(w->c, &w->ifaces, id, id);
    }
    numbers_normalise(&w->ifaces);
}

/* Read `vlan N, …`, `vlan any` or `vlan none`. */
static void read_vlans(struct service_work *w, const struct node *n)
{
    const struct node *word = NULL;
    node_each(child, n) if (child->kind == N_ANY || child->kind == N_NONE) word = child;
    if (word && node_count(n) > 1) {
        diag(w->c->diags, E_STANDS_ALONE, word->span, "`%s` can't be combined with other values of `vlan`",
             node_kind_name(word->kind));
        w->good = false;
    }
    w->wire = word ? (word->kind == N_ANY ? PBC_WIRE_TAGGED : PBC_WIRE_UNTAGGED) : PBC_WIRE_VLAN;
    if (!word && !numbers_of(w->c, n->first, &vlan_kind, NULL, &w->vlans, NULL)) w->good = false;
}

void wire_read(struct service_work *w)
{
    struct compile *c = w->c;
    const struct node *first[2] = {NULL, NULL};
    const bool wire = w->good && (w->observes || mode_is(w->mode, MODE_INLINE));
    w->wire = wire ? PBC_WIRE_ALL : PBC_WIRE_NOT;
    node_each(n, w->node)
    {
        if (n->kind != N_C_ON && n->kind != N_C_VLAN) continue;
        const struct node **before = &first[n->kind == N_C_VLAN];
        const char *word = n->kind == N_C_ON ? "on" : "vlan";
        if (*before) {
            diag(c->diags, E_CLAUSE_TWICE, n->span, "`%s` is written twice in this service", word);
            diag_note(c->diags, (*before)->span, "the first one is here");
        } else if (n->flags & NF_NOT) {
            diag(c->diags, E_WRONG_VALUE, n->span, "a service's `%s` takes no `not`", word);
            w->good = false;
        } else if (!wire) {
            if (w->good) {
                diag(c->diags, E_MODE_OPTION, n->span, "a service's `%s` needs `mode proxy inline` or `mode observe`",
                     word);
                diag_advise(c->diags, "use `mode proxy inline`, or remove this condition");
            }
        } else if (n->kind == N_C_ON) {
            read_ifaces(w, n);
        } else {
            read_vlans(w, n);
        }
        if (*before || n->flags & NF_NOT || !wire) mark_names_used(c, n);
        *before = n;
    }
}

static void wire_endpoint(const struct service_work *w, const struct pbc_endpoint *e, struct span at)
{
    struct pbc_endpoint *slot =
        w->observes ? image_add_observe_endpoints(w->c->image) : image_add_endpoints(w->c->image);
    if (slot)
        *slot = *e;
    else if (w->observes)
        report_full(w->c, at, "addresses and ports of observe services", 1024);
    else
        report_full(w->c, at, "addresses and ports of services", 1u << 20);
}

static void on_vlans(struct service_work *w, struct pbc_endpoint e, struct span at)
{
    e.wire = w->wire;
    if (w->wire != PBC_WIRE_VLAN) wire_endpoint(w, &e, at);
    for (uint32_t i = 0; i < w->vlans.n; i++) {
        e.vlan_lo = (uint16_t)w->vlans.r[i].lo;
        e.vlan_hi = (uint16_t)w->vlans.r[i].hi;
        wire_endpoint(w, &e, at);
    }
}

void wire_endpoints(struct service_work *w, const struct pbc_endpoint *e, struct span at)
{
    struct pbc_endpoint one = *e;
    if (w->wire && !w->observes && e->to == PBC_TO_SELF) {
        diag(w->c->diags, E_ENDPOINT_ADDRESS, at,
             "an inline service takes forwarded connections, not connections to `self`");
        w->good = false;
        return;
    }
    if (w->wire && !w->good) return;
    if (!w->ifaces.n) on_vlans(w, one, at);
    for (uint32_t i = 0; i < w->ifaces.n; i++)
        for (uint32_t id = w->ifaces.r[i].lo; id <= w->ifaces.r[i].hi; id++) {
            one.iface = id + 1;
            on_vlans(w, one, at);
        }
}

/* Destinations ----------------------------------------------------------------------------------------------------- */

static const struct destination {
    const char *word, *does;
    uint32_t shares; /* value of branch.shares */
} destinations[] = {{"original", "connects to the address that the client asked for", PBC_ORIGINAL},
                    {"reject", "refuses the connection", PBC_REJECT},
                    {"program", "hands the connection to a program", PBC_PROGRAM},
                    {"pass", "lets the connection continue in packets", PBC_PASSES}};

static const struct destination *destination_of(struct str word)
{
    for (size_t i = 0; i < sizeof(destinations) / sizeof(destinations[0]); i++)
        if (str_is(word, destinations[i].word)) return &destinations[i];
    return NULL;
}

void wire_check_pool(struct compile *c, const struct symbol *pool)
{
    const struct destination *d = destination_of(pool->name);
    const char *word = pool->name.s, *does = observe_word(pool->name);
    if (!d && !does) return;
    diag(c->diags, E_DESTINATION, pool->span, "a pool can't have the name `%s`, because `-> %s` %s", word, word,
         d ? d->does : does);
    diag_advise(c->diags, "give the pool another name");
}

/* Return the string with the path of a program's socket; 0 after a report. */
static uint32_t socket_of(const struct service_work *w, const struct node *share)
{
    struct diags *diags = w->c->diags;
    const struct node *path = node_child(share, N_STRING);
    if (!path) {
        diag(diags, E_DESTINATION, share->span, "`program` needs the socket of your program");
        diag_advise(diags, "write `-> program \"/run/SOCKET\"`");
    } else if (mode_is(w->mode, MODE_REQUESTS)) {
        diag(diags, E_DESTINATION, share->span, "a program takes connections, but mode %s chooses per request",
             mode_info[w->mode].name);
        diag_advise(diags, "use `mode proxy inline`");
    } else if (path->v.str.len > PBC_SOCKET_MAX) {
        diag(diags, E_DESTINATION, path->span, "the path of a socket has at most %u bytes", PBC_SOCKET_MAX);
    } else if (path->v.str.len && path->v.str.s[0] != '/') {
        diag(diags, E_DESTINATION, path->span, "the path of a socket begins with `/`");
    } else {
        return text_without_zero(w->c, path);
    }
    return 0;
}

/* Check that such a destination can be here, as it is written; false after a report. */
static bool stands_right(const struct service_work *w, const struct node *share, const struct destination *d)
{
    struct diags *diags = w->c->diags;
    const struct node *string = node_child(share, N_STRING);
    if (!mode_is(w->mode, MODE_INLINE)) {
        diag(diags, E_DESTINATION, share->span, "`-> %s` needs `mode proxy inline`", d->word);
        if (d->shares == PBC_REJECT)
            diag_advise(diags,
                        "name a pool here, and reject these clients in a firewall: `reject tcp from ADDRESSES to "
                        "ADDRESS port 80`%s",
                        mode_is(w->mode, MODE_PROXIES)
                            ? "; without an `else`, the proxy refuses connections that no `when` matches"
                            : "");
        else
            diag_advise(diags, "use `mode proxy inline`, or name a pool");
    } else if (string && d->shares != PBC_PROGRAM) {
        diag(diags, E_DESTINATION, string->span, "`%s` takes no path", d->word);
        diag_suggest_removal(diags, string->span);
    } else {
        return true;
    }
    return false;
}

bool wire_destination(const struct service_work *w, const struct node *pools, struct pbc_branch *b)
{
    const struct node *share = NULL;
    const struct destination *d = NULL;
    node_each(n, pools)
    {
        if (d) break;
        share = n;
        d = destination_of(n->first->v.str);
    }
    if (!d) {
        node_each(n, pools)
        {
            const struct node *string = node_child(n, N_STRING);
            if (observe_word(n->first->v.str) && !symbol_find(w->c->symbols, SPACE_POOLS, n->first->v.str)) {
                diag(w->c->diags, E_DESTINATION, n->span, "`-> %s` needs `mode observe`", n->first->v.str.s);
                diag_advise(w->c->diags, "name a pool, or use `mode observe`");
                b->shares = PBC_ORIGINAL;
                return true;
            }
            if (!string) continue;
            diag(w->c->diags, E_DESTINATION, string->span,
                 "a pool takes no path; to use a socket, write `program \"SOCKET\"`");
        }
        return false;
    }
    b->shares = PBC_ORIGINAL;
    struct symbol *pool = symbol_find(w->c->symbols, SPACE_POOLS, share->first->v.str);
    if (pool) { /* wire_check_pool reports its name */
        pool->used = true;
        return true;
    }
    if (!w->good) return true;
    if (pools->first->next || node_child(share, N_PERCENT)) {
        diag(w->c->diags, E_DESTINATION, share->span, "`%s` must be the only destination after `->`, without a share",
             d->word);
        return true;
    }
    if (!stands_right(w, share, d)) return true;
    const uint32_t socket = d->shares == PBC_PROGRAM ? socket_of(w, share) : 0;
    if (d->shares == PBC_PROGRAM && !socket) return true;
    if (d->shares == PBC_PASSES && !splice_may_pass(w, share)) return true;
    b->shares = d->shares;
    b->share_count = socket;
    return true;
}

/* The side that sends first ---------------------------------------------------------------------------------------- */

/* Return the data of the client that the service reads before it chooses, or NULL. */
static const char *reads(const struct service_work *w, const struct pbc_proxy *x)
{
    if (mode_is(w->mode, MODE_REQUESTS)) return "prey reads requests";
    if (x->cert_count) return "prey terminates the client's TLS";
    if (x->flags & PBC_PROXY_ACCEPT) return "clients can begin with a PROXY header";
    return x->wants ? "a `when` needs the client's first bytes" : NULL;
}

void wire_settle(const struct service_work *w, const struct clauses *block, uint32_t proxy)
{
    struct diags *diags = w->c->diags;
    const struct node *server = block->of[CL_SERVER_FIRST], *bytes = block->of[CL_BYTES_FIRST],
                      *overload = block->of[CL_ON_OVERLOAD];
    if (!w->good) return;
    if (!mode_is(w->mode, MODE_INLINE)) {
        const struct node *const all[] = {server, bytes, overload};
        for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
            if (all[i]) diag(diags, E_MODE_OPTION, all[i]->span, "`%s` needs `mode proxy inline`", node_words(all[i]));
        return;
    }
    if (!proxy) return;
    struct pbc_proxy *x = &w->c->image->proxies[proxy - 1];
    const char *why = reads(w, x);
    if (server && bytes) {
        diag(diags, E_SERVER_FIRST, bytes->span, "`server first` and `bytes first` exclude each other");
        diag_note(diags, server->span, "the other option is here");
    } else if (server && why) {
        diag(diags, E_SERVER_FIRST, server->span, "the server can't send first: %s", why);
        diag_advise(diags, "write `bytes first`");
    }
    if (!why && !bytes && (server || !w->elsewhere)) x->flags |= PBC_PROXY_SERVER_FIRST;
    if (overload && is_choice(overload->first, CL_PASS)) x->flags |= PBC_PROXY_OVERLOAD_PASS;
}
