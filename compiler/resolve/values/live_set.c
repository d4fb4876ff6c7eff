/* Live sets: their size, the sets that bound them, and the hosts of which they have the addresses. Their members are
 * made while rules run (vm/judge/lives.h).
 */
#include <string.h>

#include "compiler/resolve/values/clauses.h"

static const struct number_kind size_kind = {
    .what = "a live set's size", .range = "sizes go from 1 to 16_777_216", .least = 1, .most = PBC_LIVE_SIZE_MAX};

/* Evaluate the set that bounds a live set. False after a report. */
static bool bound_of(struct compile *c, const struct node *clause, struct symbol *s, struct addr_set *out)
{
    if (!clause->first || !set_eval(c, clause->first, s, out)) return false;
    if (!out->split) return true;
    diag(c->diags, E_LIVE, clause->first->span, "`%s` takes sets with fixed addresses, not live sets",
         node_words(clause));
    return false;
}

static bool place_bound(struct compile *c, const struct node *clause, const struct addr_set *set, uint32_t *index)
{
    struct pbc_set entry = {0};
    const bool placed = set_place(c, set, &entry);
    *index = placed ? image_share(c->image, PBC_SETS, &entry, 1) : PBC_NONE;
    if (*index == PBC_NONE)
        report_full(c, clause->span, placed ? "address sets" : "ranges of addresses in sets",
                    placed ? 1u << 20 : 1u << 26);
    return *index != PBC_NONE;
}

/* Read `in` and `never`: *all gets the addresses that may be members. */
static bool bounds_of(struct compile *c, const struct clauses *of, struct symbol *s, struct pbc_live *live,
                      struct addr_set *all)
{
    const struct node *in = of->of[CL_IN], *never = of->of[CL_NEVER];
    struct addr_set inside = {0}, outside = {0};
    bool good = true;
    if (in)
        good = bound_of(c, in, s, &inside) && place_bound(c, in, &inside, &live->in);
    else
        set_add_all(&inside);
    if (never) good = bound_of(c, never, s, &outside) && place_bound(c, never, &outside, &live->never) && good;
    if (good) {
        set_except(all, &inside, &outside);
        good = !set_is_empty(all);
        if (!good)
            diag(c->diags, E_LIVE, (in ? in : never)->span, "with these limits, the set `%s` can't have any address",
                 s->name.s);
    }
    set_fini(&inside);
    set_fini(&outside);
    return good;
}

/* Most ranges of a file, and most members that come by answers, without `size`. */
enum { FILE_RANGES = 1 << 18, ANSWERED = 1 << 16 };

/* Enter the path of a set's file. False after a report. */
static bool file_of(struct compile *c, const struct clauses *of, const struct symbol *s, struct pbc_live *live)
{
    const struct node *path = of->of[CL_FILE]->first;
    if (!(live->file = text_without_zero(c, path))) return false;
    const char *text = image_str(c->image, live->file);
    if (*text != '/' || strlen(text) > PBC_LIVE_PATH_MOST) {
        diag(c->diags, E_LIVE, path->span,
             "the path of a live file begins with `/` and has at most 4,000 bytes, because `preyrun` reads the file "
             "while it runs");
        return false;
    }
    if (!of->of[CL_REFUSE]) return true;
    diag(c->diags, E_LIVE, of->of[CL_REFUSE]->span, "`%s` gets all its members from its file: remove the other options",
         s->name.s);
    return false;
}

/* Read the hosts that a set has the addresses of, and the resolvers that are believed. False after a report. */
static bool answers_of(struct compile *c, const struct clauses *of, struct symbol *s, struct pbc_live *live)
{
    const struct node *hosts = of->of[CL_ANSWERS], *from = of->of[CL_FROM], *file = of->of[CL_FILE];
    struct addr_set resolvers = {0};
    uint32_t names;
    if (!hosts) {
        diag(c->diags, E_LIVE, from->span, "`from` works only with `answers`: it names the resolvers");
        return false;
    }
    if (file) {
        diag(c->diags, E_LIVE, hosts->span, "`%s` gets its members from a file or from DNS replies, not from both",
             s->name.s);
        return false;
    }
    if (!from) {
        diag(c->diags, E_LIVE, hosts->span,
             "`%s` needs the addresses of its resolvers, because anybody can send a DNS reply", s->name.s);
        diag_advise(c->diags, "write `from` with the resolvers' addresses, or with a set of these addresses");
        return false;
    }
    bool good = names_of(c, hosts, &names) && bound_of(c, from, s, &resolvers);
    if (good && set_is_empty(&resolvers)) {
        diag(c->diags, E_LIVE, from->span, "the set after `from` has no address");
        good = false;
    }
    if (good && resolvers.v4.n + resolvers.v6.n > PBC_RESOLVERS_MOST) {
        diag(c->diags, E_LIVE, from->span, "`%s` can have at most %u addresses or ranges of resolvers", s->name.s,
             PBC_RESOLVERS_MOST);
        good = false;
    }
    good = good && place_bound(c, from, &resolvers, &live->from);
    if (good) live->answers = names + 1;
    set_fini(&resolvers);
    return good;
}

/* Most addresses of all names of a set without `size`. */
enum { NAMES_ADDRESSES = 4096 };

/* Enter the list of a set's host names. False after a report. */
static bool hosts_of(struct compile *c, const struct clauses *of, const struct symbol *s, struct pbc_live *live)
{
    const struct node *list = of->of[CL_NAMES]->first;
    uint32_t index;
    if (!names_of(c, list, &index)) return false;
    const struct pbc_names *const hosts = &c->image->names[index];
    for (uint32_t i = 0; i < hosts->count; i++) {
        const char *host = image_str(c->image, c->image->hosts[hosts->first + i]);
        if (*host != '*') continue;
        diag(c->diags, E_LIVE, list->span, "`%s` matches many names, but a name server answers for single names", host);
        return false;
    }
    const struct node *other = of->of[CL_FILE]      ? of->of[CL_FILE]
                               : of->of[CL_ANSWERS] ? of->of[CL_ANSWERS]
                                                    : of->of[CL_REFUSE];
    if (!other) {
        live->names = index + 1;
        return true;
    }
    diag(c->diags, E_LIVE, other->span, "`%s` gets all its members from its host names: remove the other options",
         s->name.s);
    return false;
}

bool live_declare(struct compile *c, struct symbol *s, const struct node *node, struct addr_set *out)
{
    struct pbc_live live = {
        .name = text_of(c, s->name), .place = place_of(c, s->span), .in = PBC_NONE, .never = PBC_NONE};
    struct clauses of;
    struct addr_set all = {0};
    clauses_find(c, node, &of, "live set");
    if (of.of[CL_FILE] && !file_of(c, &of, s, &live)) return false;
    if ((of.of[CL_ANSWERS] || of.of[CL_FROM]) && !answers_of(c, &of, s, &live)) return false;
    if (of.of[CL_NAMES] && !hosts_of(c, &of, s, &live)) return false;
    if (of.of[CL_SIZE]) {
        live.size = clause_number(c, of.of[CL_SIZE], &size_kind, 0);
    } else if (live.file) {
        live.size = FILE_RANGES;
    } else if (live.answers) {
        live.size = ANSWERED;
    } else if (live.names) {
        live.size = NAMES_ADDRESSES;
    } else {
        diag(c->diags, E_LIVE, node->span, "the live set `%s` has no size", s->name.s);
        diag_suggest(c->diags, span_after(node->span), " size 100_000");
    }
    live.flags = (of.of[CL_KEEP] ? PBC_LIVE_KEEP : 0u) | (of.of[CL_REFUSE] ? PBC_LIVE_REFUSE : 0u);
    const bool good = bounds_of(c, &of, s, &live, &all) && live.size;
    struct pbc_live *to = good ? image_add_lives(c->image) : NULL;
    if (to) {
        *to = live;
        set_of_live(out, c->image->lives_count - 1, &all);
    } else if (good) {
        report_full(c, s->span, "live sets", PBC_LIVES_MAX);
    }
    set_fini(&all);
    return to;
}
