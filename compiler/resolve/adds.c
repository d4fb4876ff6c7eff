/* `add [source|destination][/24,/64] to SET for DURATION [once] [cut]`: the row of a rule that adds to a live set. */
#include "compiler/resolve/conditions/conditions.h"
#include "compiler/resolve/resolve.h"
#include "compiler/resolve/values/clauses.h"
#include "vm/packet/key.h"

static const struct node *part(const struct node *verdict, enum clause clause)
{
    node_each(n, verdict) if (is_clause(n, clause)) return n;
    return NULL;
}

uint32_t live_of(struct compile *c, const struct node *name)
{
    const struct symbol *s = symbol_want(c, name, SYM(SET), "set");
    if (!s || s->state != STATE_DONE) return PBC_NONE;
    const uint32_t text = text_of(c, s->name);
    for (uint32_t i = 0; i < c->image->lives_count; i++)
        if (c->image->lives[i].name == text) return i;
    diag(c->diags, E_LIVE, name->span, "rules can't add to `%s`, because it isn't a live set", s->name.s);
    diag_note(c->diags, s->span, "the set is declared here; for a live set, write `set %s = live size 100_000`",
              s->name.s);
    return PBC_NONE;
}

/* Read which address is added, and its prefix lengths. False after a report. */
static bool member_end(const struct rule_work *w, const struct node *per, struct pbc_add *a)
{
    *a = (struct pbc_add){.rule = a->rule, .len4 = 32, .len6 = 128};
    if (!per) return true;
    if (!per->first) return false;
    if (is_choice(per->first, CL_DESTINATION)) a->flags |= PBC_ADD_DESTINATION;
    const struct pbc_grain cut = per_lengths(per);
    a->len4 = cut.len4;
    a->len6 = cut.len6;
    const bool one = per->first->next && !per->first->next->next;
    const bool both = (w->families & (KIND_IP4 | KIND_IP6)) == (KIND_IP4 | KIND_IP6);
    if (!one || !both) return true;
    diag(w->c->diags, E_METER_LENGTH, per->first->next->span,
         "write a prefix length for each family, such as source/24,/64");
    return false;
}

static bool member_time(struct compile *c, const struct node *time, struct pbc_add *a)
{
    a->for_ns = clause_duration(c, time, 0);
    if (a->for_ns >= PBC_ADD_NS_MIN && a->for_ns <= PBC_ADD_NS_MAX) return true;
    if (a->for_ns || (time && time->first && time->first->kind == N_DURATION))
        diag(c->diags, E_OUT_OF_RANGE, time->first->span, "a member can stay from 1ms to 3660d");
    return false;
}

/* True if the rule takes only packets of handshakes in which both sides have spoken, so that no source is forged. A
 * forged datagram makes a server reply, and a second one is established. */
static bool is_proven(const struct rule_work *w, uint32_t conds)
{
    if (w->protocols & ~(uint32_t)(KIND_TCP | KIND_SCTP)) return false;
    for (uint32_t i = conds; i < w->c->image->conds_count; i++) {
        const struct pbc_cond *k = &w->c->image->conds[i];
        if (k->kind == COND_STATE && !(k->flags & PBC_COND_NOT) && k->arg == MARK_ESTABLISHED) return true;
    }
    return false;
}

static void warn_unproven(const struct rule_work *w, const struct node *verdict, const struct pbc_add *a,
                          uint32_t conds)
{
    const bool bounded = w->c->image->lives[a->live].never != PBC_NONE;
    if (a->flags & PBC_ADD_DESTINATION || bounded || is_proven(w, conds)) return;
    diag(w->c->diags, W_ADD_UNPROVEN, verdict->span, "a forged packet can put any address into `%s`%s",
         image_str(w->c->image, w->c->image->lives[a->live].name),
         a->flags & PBC_ADD_CUT ? " and end the connections of that address" : "");
    diag_advise(w->c->diags,
                "write `tcp state established` in the rule, or `never` with the addresses to exclude in the set");
}

/* Read the words behind the time, each at most once. False after a report. */
static bool member_words(struct compile *c, const struct node *verdict, struct pbc_add *a)
{
    node_each(n, verdict)
    {
        const uint8_t flag = is_clause(n, CL_ONCE) ? PBC_ADD_ONCE : is_clause(n, CL_CUT) ? PBC_ADD_CUT : 0;
        if (a->flags & flag) {
            diag(c->diags, E_OPTION_TWICE, n->span, "`%s` is written twice in this rule", node_words(n));
            return false;
        }
        a->flags |= flag;
    }
    return true;
}

uint32_t add_of(const struct rule_work *w, const struct node *verdict, uint32_t rule, uint32_t conds)
{
    struct compile *c = w->c;
    struct pbc_add a = {.rule = rule};
    const struct node *name = node_child(verdict, N_NAME);
    const uint32_t live = name ? live_of(c, name) : PBC_NONE;
    const bool good = member_end(w, part(verdict, CL_PER), &a) && member_time(c, part(verdict, CL_FOR), &a) &&
                      member_words(c, verdict, &a);
    if (live == PBC_NONE || !good) return 0;
    const struct pbc_live *to_set = &c->image->lives[live];
    if (pbc_live_is_filled(to_set)) {
        diag(c->diags, E_LIVE, name->span, "rules can't add to `%s`, because its members come from its %s",
             image_str(c->image, to_set->name), to_set->file ? "file" : "names");
        return 0;
    }
    if (c->image->lives[live].answers) {
        diag(c->diags, E_LIVE, name->span, "rules can't add to `%s`, because its members come from DNS replies",
             image_str(c->image, c->image->lives[live].name));
        return 0;
    }
    a.live = live;
    struct pbc_add *to = image_add_adds(c->image);
    if (!to) {
        report_full(c, verdict->span, "rules that add to sets", PBC_ADDS_MAX);
        return 0;
    }
    *to = a;
    warn_unproven(w, verdict, &a, conds);
    return c->image->adds_count;
}
