/* Write a ruleset as text of the rule language (write.h). */
#include "compiler/import/write.h"
#include "compiler/import/write_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lang/heap.h"
#include "vm/words/words.h"

/* True if the rule may let in a reply to this machine's own DHCP request: it is `related`, to port 68. */
static bool lets_leases_in(const struct rule *r)
{
    enum { CLIENT = 68 };
    const struct list *state = rule_asks(r, ASK_STATE), *port = rule_asks(r, ASK_DPORT);
    if (r->unsaid || r->never || (r->act != ACT_ACCEPT && r->act != ACT_JUMP && r->act != ACT_GOTO)) return false;
    if (state && list_has_word(state, "related") != state->negated) return true;
    const struct list *members = port && port->set ? &port->set->members : port;
    for (uint32_t i = 0; members && i < members->count; i++)
        if (members->of[i].lo <= CLIENT && CLIENT <= members->of[i].hi) return true;
    return false;
}

/* True if packets for this machine are dropped, and no rule seems to let leases in. netfilter needs no such rule:
 * DHCP clients read the replies before it. */
static bool drops_leases(const struct ruleset *s)
{
    bool drops = false;
    for (const struct chain *c = s->chains; c; c = c->next) {
        if (c->nat || c->family == 6) continue;
        drops |= c->hook == HOOK_INPUT && c->drops;
        for (const struct rule *r = c->rules; r; r = r->next) {
            if (lets_leases_in(r)) return false;
            drops |=
                c->hook == HOOK_INPUT && (r->act == ACT_DROP || r->act == ACT_REJECT) && !r->conditions && !r->meters;
        }
    }
    return drops;
}

static void put_head(struct writer *w, const char *source, FILE *out)
{
    const struct unsaid *u = &w->unsaid;
    fputs("# Imported by preyc --import from ", out);
    put_comment(out, source);
    fputs(".\n", out);
    if (u->rules)
        fprintf(out, "# Not imported: %" PRIu64 " of %" PRIu64 " rule%s, and ", u->rules, w->s->rules,
                text_plural(w->s->rules));
    if (u->rules && u->wider)
        fprintf(out, "%" PRIu64 " of these keep%s packets out.\n", u->wider, u->wider == 1 ? "s" : "");
    else if (u->rules)
        fputs("none of these keeps packets out.\n", out);
    if (u->parts)
        fprintf(out, "# Not imported, or only in part: %" PRIu64 " thing%s", u->parts, u->parts == 1 ? "" : "s");
    if (u->wider_parts)
        fprintf(out, ", and %" PRIu64 " of these keep%s packets out", u->wider_parts, u->wider_parts == 1 ? "s" : "");
    if (u->parts) fputs(".\n", out);
    if (u->rules || u->parts)
        fputs("# Each has a comment at its place: look for \"NOT IMPORTED\" first, then for \"not imported\".\n", out);
    if (w->asks_state)
        fputs("# TCP that neither opens a connection nor belongs to one is `invalid` in prey; in netfilter it may be "
              "`new`.\n",
              out);
    if (w->leaves_untracked)
        fputs("# Neighbour discovery and MLD have no state in netfilter, but are `new` in prey: rules with `new` "
              "exclude them.\n",
              out);
    if (drops_leases(w->s))
        fputs("# prey judges replies to this machine's DHCP requests (`related`), but netfilter never sees them: if "
              "this machine uses DHCP, accept these replies.\n",
              out);
    if (w->adds)
        fputs(
            "# In prey, `add` takes effect from the next packet on, and an RST never adds an address; in netfilter, an "
            "address is in the set at once, and any packet adds one.\n",
            out);
    if (w->lists)
        fputs("# A set has the members of the listing. If a process changes the set, write `set NAME = live size N`.\n",
              out);
    if (w->forwarded)
        fputs("# prey judges packets to a forwarded port when they arrive, and doesn't judge their replies.\n", out);
    fputs("\nedition 1\n", out);
    if (w->asks_not_on) fputs("allow W0513\n", out);
    for (const struct remark *r = w->s->remarks; r; r = r->next) {
        fputs(r->drops ? "# NOT IMPORTED, so prey doesn't drop its packets: " : "# not imported: ", out);
        put_comment(out, r->text);
        fputc('\n', out);
    }
    if (w->s->untold)
        fprintf(out, "# %s: %" PRIu64 " more rule%s of arp or bridge tables",
                w->s->untold_drops ? "NOT IMPORTED" : "not imported", w->s->untold, text_plural(w->s->untold));
    if (w->s->untold_drops)
        fprintf(out, "; %" PRIu64 " of these may drop packets that prey doesn't drop", w->s->untold_drops);
    if (w->s->untold) fputc('\n', out);
    fputc('\n', out);
}

bool is_full(const struct writer *w) { return ruleset_is_spent(w->s) || ftello(w->out) > WRITTEN_MOST; }

/* Write the body first, since the declarations, which precede it, depend on the names that it uses. */
int write_rules(struct ruleset *s, const char *source, FILE *out, struct unsaid *unsaid)
{
    struct writer w = {.s = s, .names = {.arena = s->arena}};
    char *body, *names;
    size_t body_len, names_len;
    w.places_end = &w.places;
    w.forwarded_end = &w.forwarded;
    for (const struct remark *r = s->remarks; r; r = r->next) {
        ++*(r->is_rule ? &w.unsaid.rules : &w.unsaid.parts);
        *(r->is_rule ? &w.unsaid.wider : &w.unsaid.wider_parts) += r->drops;
    }
    w.unsaid.rules += s->untold;
    w.unsaid.wider += s->untold_drops;
    w.out = heap_stream(&body, &body_len);
    put_nat(&w);
    put_firewalls(&w);
    const bool full = is_full(&w);
    heap_stream_end(w.out);
    w.out = heap_stream(&names, &names_len);
    put_declarations(&w);
    heap_stream_end(w.out);
    if (!full) {
        put_head(&w, source, out);
        fwrite(names, 1, names_len, out);
        put_counted(&w, body, body_len, out);
    }
    free(names);
    free(body);
    names_fini(&w.names);
    told_fini(&w);
    *unsaid = w.unsaid;
    return full ? -EFBIG : 0;
}
