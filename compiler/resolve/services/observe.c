/* Services in `mode observe`. They observe connections and take none, so their entries are in OBSERVES (vm/pbc.h),
 * not in SERVICES. */
#include <stdlib.h>
#include <string.h>

#include "compiler/resolve/services/service_work.h"

enum {
    LIMIT_LEAST = 1 << 16,    /* bytes: room for a few sessions, or for a few files */
    SESSIONS_LIMIT = 1 << 28, /* bytes of a file of sessions without a limit, as of `mirror to file` */
};

static const struct choice {
    const char *word, *does;
    enum pbc_does value;
} choices[] = {{"stream", "makes an observe service write a connection's bytes", PBC_STREAM},
               {"pass", "makes an observe service write a session without its bytes", PBC_PASS},
               {"ignore", "makes an observe service ignore a connection", PBC_IGNORE},
               {"reject", NULL, PBC_RESETS}, /* a word of services in the wire, too */
               {"proxy", NULL, PBC_CUTS}};   /* `proxy inline` */

static const struct choice *choice_of(struct str word)
{
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        if (str_is(word, choices[i].word)) return &choices[i];
    return NULL;
}

const char *observe_word(struct str word)
{
    const struct choice *x = choice_of(word);
    return x ? x->does : NULL;
}

bool is_observe(const struct symbol *s)
{
    node_each(n, s->decl) if (is_clause(n, CL_MODE)) return n->first && is_clause(n->first, CL_OBSERVE);
    return false;
}

/* Options ---------------------------------------------------------------------------------------------------------- */

static void refuse_others(const struct service_work *w)
{
    node_each(n, w->node)
    {
        if (n->kind != N_CLAUSE) continue;
        const enum clause of = clause_of(n);
        if (of == CL_MODE || of == CL_SESSIONS || of == CL_STREAM) continue;
        mark_names_used(w->c, n);
        diag(w->c->diags, E_OBSERVE, n->span, "`%s` isn't possible in `mode observe`, which observes connections",
             node_words(n));
        diag_suggest_removal(w->c->diags, whole_clause(n));
    }
}

void refuse_observe_options(const struct service_work *w, const struct clauses *block)
{
    const struct node *const all[] = {block->of[CL_SESSIONS], block->of[CL_STREAM]};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (!all[i] || !w->good) continue;
        mark_names_used(w->c, all[i]);
        diag(w->c->diags, E_MODE_OPTION, all[i]->span, "`%s` needs `mode observe`", node_words(all[i]));
        diag_advise(w->c->diags, "remove this option, or write a second service with `mode observe`");
    }
}

static uint64_t limit_of(struct compile *c, const struct node *clause)
{
    node_each(n, clause)
    {
        if (!is_clause(n, CL_LIMIT)) continue;
        const struct node_value v = value_of(c, n->first);
        if (!v.node) return 0;
        if (v.node->kind != N_SIZE) {
            if (v.node->kind == N_NAME)
                symbol_want(c, v.node, SYM(CONST), "constant");
            else
                report_wrong_value(c, n->first, v, "a size");
            return 0;
        }
        if (v.node->v.i < LIMIT_LEAST) {
            diag(c->diags, E_OUT_OF_RANGE, n->span, "`limit` is at least 64KiB");
            return 0;
        }
        return v.node->v.i;
    }
    return 0;
}

static uint32_t observe_path(struct compile *c, const struct node *clause)
{
    if (!clause) return 0;
    if (clause->first->v.str.len <= PBC_WATCH_PATH_MAX) return text_without_zero(c, clause->first);
    diag(c->diags, E_OBSERVE, clause->first->span, "the path of `%s` has at most %u bytes", node_words(clause),
         PBC_WATCH_PATH_MAX);
    return 0;
}

static void mode_options(const struct service_work *w, const struct node *mode, struct pbc_observe *o)
{
    struct compile *c = w->c;
    struct clauses of;
    clauses_find(c, mode, &of, "mode");
    const struct node *overlaps = of.of[CL_OVERLAPS], *first = of.of[CL_FIRST_BYTES_WITHIN];
    node_each(n, mode)
    {
        if (is_clause(n, CL_OVERLAPS) || is_clause(n, CL_FIRST_BYTES_WITHIN)) continue;
        mark_names_used(c, n);
        diag(c->diags, E_OBSERVE, n->span, "`%s` isn't possible in `mode observe`, which observes connections",
             node_words(n));
        diag_suggest_removal(c->diags, whole_clause(n));
    }
    if (overlaps && overlaps->first)
        o->overlaps = is_choice(overlaps->first, CL_FIRST)  ? PBC_OVERLAPS_FIRST
                      : is_choice(overlaps->first, CL_LAST) ? PBC_OVERLAPS_LAST
                                                            : PBC_OVERLAPS_LINUX;
    if (first) o->first_ns = time_above_0(c, first, first->first);
}

/* Branches --------------------------------------------------------------------------------------------------------- */

static const char *why_unseen(const struct node *n)
{
    const bool bytes = n->kind == N_C_BYTES;
    if (is_clause(n, CL_INSTRUCTION))
        return "instructions are for proxies; to match the client's bytes, write `bytes payload at N is …`";
    if (bytes && n->first && !str_is(n->first->v.str, "payload")) return "a connection has no packet headers";
    if (n->flags & NF_REPLY && !bytes) return "write `reply` before `bytes payload at N is …`";
    return bytes || n->kind == N_CLAUSE || is_of_connections(n) ? NULL
                                                                : "a branch applies to a connection, not to a packet";
}

static bool is_seen(const struct service_work *w, const struct node *when)
{
    bool good = true;
    node_each(n, when)
    {
        const char *why = n->kind == N_POOLS ? NULL : why_unseen(n);
        if (!why) continue;
        mark_names_used(w->c, n);
        diag(w->c->diags, E_MODE_BLIND, n->span, "this condition isn't possible in a `when` of mode observe: %s", why);
        good = false;
    }
    return good;
}

/* Note in the conditions on bytes which of them ask the server. */
static void mark_replies(const struct service_work *w, const struct node *when, uint32_t from)
{
    struct image *img = w->c->image;
    node_each(n, when)
    {
        if (!(n->flags & NF_REPLY)) continue;
        for (uint32_t i = from; i < img->conds_count; i++)
            if (img->conds[i].kind == COND_BYTES && img->cond_span[i].file == n->span.file &&
                img->cond_span[i].start == n->span.start)
                img->conds[i].flags |= PBC_COND_REPLY;
    }
}

static enum pbc_does does_of(const struct service_work *w, const struct node *pools, const struct pbc_observe *o)
{
    struct diags *diags = w->c->diags;
    const struct node *share = pools->first, *name = share->first;
    const struct choice *x = choice_of(name->v.str);
    if (!x) {
        mark_names_used(w->c, pools);
        diag(diags, E_OBSERVE, share->span, "`%s` can't be a destination in `mode observe`, which chooses no server",
             name->v.str.s);
        diag_advise(diags, "write `-> stream`, `-> pass`, `-> ignore`, `-> reject` or `-> proxy inline`");
    } else if (x->value == PBC_CUTS && share->span.end == name->span.end) {
        diag(diags, E_OBSERVE, share->span, "`-> proxy` in `mode observe` needs the word `inline`");
        diag_advise(diags, "write `-> proxy inline`: the connection keeps its destination");
    } else if (share->next || name->next) {
        diag(diags, E_OBSERVE, pools->span, "`%s` must be the only destination after `->`", x->word);
    } else if (x->value == PBC_STREAM && !o->stream) {
        diag(diags, E_OBSERVE, share->span, "`-> stream` needs a folder for the bytes");
        diag_advise(diags, "add `stream to \"DIR\"`, or write `-> pass`");
    } else {
        return x->value;
    }
    return PBC_PASS;
}

static void add_choice(struct service_work *w, struct pbc_choice x, struct span at)
{
    struct pbc_choice *slot = image_add_choices(w->c->image);
    x.observe = w->id;
    x.place = place_of(w->c, at);
    x.cond_count = w->c->image->conds_count - x.conds;
    if (slot)
        *slot = x;
    else
        report_full(w->c, at, "branches of observe services", 1u << 16);
}

static void resolve_choice(struct service_work *w, const struct node *when, const struct pbc_observe *o)
{
    struct compile *c = w->c;
    struct rule_work conditions = {.c = c, .node = when};
    struct pbc_choice x = {.conds = c->image->conds_count, .does = PBC_PASS};
    const struct node *pools = node_child(when, N_POOLS);
    if (!(when->flags & NF_ELSE)) {
        conditions.not_due = !is_seen(w, when);
        conditions_resolve(&conditions);
        if (!conditions.not_due) {
            check_no_ah(w, when, x.conds);
            node_each(n, when) if (n->kind == N_CLAUSE) stream_cond_resolve(&conditions, w, n);
            mark_replies(w, when, x.conds);
            stream_conds_settle(w, x.conds);
        }
    }
    if (pools) x.does = does_of(w, pools, o);
    add_choice(w, x, when->span);
}

static void resolve_choices(struct service_work *w, const struct symbol *s, struct pbc_observe *o)
{
    const struct node *otherwise = NULL;
    o->choices = w->c->image->choices_count;
    node_each(n, s->decl)
    {
        if (n->kind != N_WHEN) continue;
        if (otherwise) {
            report_after_else(w->c, n, otherwise);
            continue;
        }
        if (n->flags & NF_ELSE) otherwise = n;
        resolve_choice(w, n, o);
    }
    if (!otherwise)
        add_choice(w, (struct pbc_choice){.conds = w->c->image->conds_count, .does = o->stream ? PBC_STREAM : PBC_PASS},
                   s->span);
    o->choice_count = w->c->image->choices_count - o->choices;
}

/* Add the service for connections that are cut into: all of them go on to their original destination. */
static uint32_t add_cut(struct compile *c, const struct symbol *s)
{
    struct pbc_service *service = image_add_services(c->image);
    struct pbc_proxy *proxy = image_add_proxies(c->image);
    struct pbc_branch *branch = image_add_branches(c->image);
    const struct pbc_place place = place_of(c, s->span);
    if (!service || !proxy || !branch) {
        report_full(c, s->span, "services", 1u << 16);
        return 0;
    }
    const uint32_t id = c->image->services_count - 1;
    *branch =
        (struct pbc_branch){.service = id, .place = place, .conds = c->image->conds_count, .shares = PBC_ORIGINAL};
    *proxy = (struct pbc_proxy){.service = id, .certs = c->image->certs_count};
    *service = (struct pbc_service){.name = text_of(c, s->name),
                                    .place = place,
                                    .endpoints = c->image->endpoints_count,
                                    .branches = c->image->branches_count - 1,
                                    .branch_count = 1,
                                    .mode = PBC_MODE_PROXY_INLINE,
                                    .flags = PBC_SERVICE_CUT,
                                    .proxy = c->image->proxies_count};
    return id + 1;
}

static bool cuts(const struct image *img, const struct pbc_observe *o)
{
    for (uint32_t i = o->choices; i < o->choices + o->choice_count; i++)
        if (img->choices[i].does == PBC_CUTS) return true;
    return false;
}

void resolve_observe(struct compile *c, struct symbol *s)
{
    struct clauses clauses;
    struct pbc_observe *slot = image_add_observes(c->image), o = {0};
    struct service_work w = {
        .c = c, .node = s->decl, .id = c->image->observes_count - 1, .mode = PBC_MODES, .good = true, .observes = true};
    if (!slot) {
        report_full(c, s->span, "observe services", 256);
        return;
    }
    s->index = PBC_NONE; /* it isn't a service that takes packets */
    clauses_find(c, s->decl, &clauses, "service");
    const struct node *sessions = clauses.of[CL_SESSIONS], *stream = clauses.of[CL_STREAM];
    o.name = text_of(c, s->name);
    o.place = place_of(c, s->span);
    wire_read(&w);
    resolve_endpoints(&w, node_child(s->decl, N_ON));
    refuse_others(&w);
    mode_options(&w, clauses.of[CL_MODE]->first, &o);
    o.sessions = observe_path(c, sessions);
    o.stream = observe_path(c, stream);
    o.sessions_limit = o.sessions ? limit_of(c, sessions) : 0;
    if (o.sessions && !o.sessions_limit) o.sessions_limit = SESSIONS_LIMIT;
    o.stream_limit = o.stream ? limit_of(c, stream) : 0;
    if (o.stream && stream->first->next && is_choice(stream->first->next, CL_AS_PCAPNG)) o.flags |= PBC_OBSERVE_PCAPNG;
    resolve_choices(&w, s, &o);
    if (cuts(c->image, &o)) o.cut = add_cut(c, s);
    o.wants[0] = w.wants;
    o.wants[1] = w.wants_reply;
    c->image->observes[w.id] = o;
}

/* Endpoints -------------------------------------------------------------------------------------------------------- */

void observe_endpoints_sort(struct compile *c)
{
    struct image *img = c->image;
    const uint32_t n = img->observe_endpoints_count;
    const struct pbc_endpoint **sorted = arena_alloc(c->arena, (n + 1) * sizeof(const struct pbc_endpoint *));
    struct pbc_endpoint *copy = arena_alloc(c->arena, (n + 1) * sizeof(*copy));
    if (!n) return;
    for (uint32_t i = 0; i < n; i++) sorted[i] = &img->observe_endpoints[i];
    qsort(sorted, n, sizeof(const struct pbc_endpoint *), image_endpoint_order);
    for (uint32_t i = 0; i < n; i++) copy[i] = *sorted[i];
    memcpy(img->observe_endpoints, copy, n * sizeof(*copy));
}
