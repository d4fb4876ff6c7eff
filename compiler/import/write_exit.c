/* Find by which device the target of a forwarded port is reached. prey judges such a packet where it arrives, when no
 * route has been asked yet; but the target's address is known, and rule sets name the device of an address: where they
 * accept from or to it, drop forged sources, or leave its packets untranslated. The narrowest network tells. Else the
 * rules that accept the target's port by one device do. */
#include <stdlib.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "lang/heap.h"

/* A network that a rule places behind a device */
struct hint {
    wide lo, hi;
    uint8_t family;
    const char *device;
    const struct rule *rule;
};

struct hints {
    struct hint *of;
    uint32_t count, cap;
};

bool list_has_device(const struct list *l, const char *device)
{
    bool has = false;
    for (uint32_t i = 0; i < l->count && !has; i++) {
        const char *word = l->of[i].word;
        const size_t len = strcspn(word, "*");
        has = !strncmp(word, device, len) && (word[len] || !device[len]);
    }
    return has != l->not ;
}

/* Return the only device of the list, which is no pattern; with `not`, the only one that it leaves out. */
static const char *only_device(const struct list *l, bool not )
{
    return l && l->not == not &&!l->set && l->count == 1 && !strchr(l->of[0].word, '*') ? l->of[0].word : NULL;
}

static void hint_at(struct writer *w, struct hints *h, const struct list *l, const char *device, const struct rule *r)
{
    const struct list *members = l->set && !l->set->left ? &l->set->members : l;
    for (uint32_t i = 0; i < members->count && ruleset_spend(w->s, 1); i++) {
        const struct extent *e = &members->of[i];
        if (!e->family) continue;
        if (h->count == h->cap) h->of = heap_grown(h->of, h->count + 1, sizeof(*h->of), &h->cap);
        h->of[h->count++] = (struct hint){.lo = e->lo, .hi = e->hi, .family = e->family, .device = device, .rule = r};
    }
}

static void hints_of_rule(struct writer *w, struct hints *h, const struct rule *r)
{
    const struct list *from = rule_asks(r, ASK_FROM), *to = rule_asks(r, ASK_TO), *out = rule_asks(r, ASK_OUT_ON);
    const struct list *on = rule_asks(r, ASK_ON);
    const char *in = only_device(on, false), *not_in = only_device(on, true), *by = only_device(out, false);
    const bool translates = r->act == ACT_TRANSLATE && (r->nat.how == NAT_MASQUERADE || r->nat.how == NAT_SOURCE);
    if (r->unsaid || r->never) return;
    if (r->act == ACT_ACCEPT && to && !to->not &&by) hint_at(w, h, to, by, r);
    if (r->act == ACT_ACCEPT && from && !from->not &&in) hint_at(w, h, from, in, r);
    /* against forged sources: a device's others are dropped, or a network's packets from elsewhere */
    if (r->act == ACT_DROP && from && from->not &&in) hint_at(w, h, from, in, r);
    if (r->act == ACT_DROP && from && !from->not &&not_in) hint_at(w, h, from, not_in, r);
    if (translates && from && !from->not &&only_device(out, true)) hint_at(w, h, from, only_device(out, true), r);
}

static struct hints hints_of(struct writer *w)
{
    struct hints h = {0};
    for (const struct chain *c = w->s->chains; c; c = c->next)
        for (const struct rule *r = c->rules; r; r = r->next) hints_of_rule(w, &h, r);
    return h;
}

/* Find the narrowest network that holds the target. Two of one size with different devices tell nothing. */
static bool by_network(const struct hints *h, struct forwarded *f)
{
    const struct hint *best = NULL;
    bool differ = false;
    for (uint32_t i = 0; i < h->count; i++) {
        const struct hint *one = &h->of[i];
        if (one->family != f->to.family || f->to.lo < one->lo || f->to.lo > one->hi) continue;
        const bool narrower = !best || one->hi - one->lo < best->hi - best->lo;
        if (!narrower && one->hi - one->lo > best->hi - best->lo) continue;
        differ = !narrower && (differ || strcmp(one->device, best->device) != 0);
        if (narrower) best = one;
    }
    if (!best) return false;
    if (!differ) f->exit = best->device;
    if (!differ) f->exit_told = best->rule;
    return true;
}

static bool holds_number(const struct list *l, wide n)
{
    const struct list *members = l->set ? &l->set->members : l;
    bool holds = false;
    for (uint32_t i = 0; i < members->count; i++) holds |= members->of[i].lo <= n && n <= members->of[i].hi;
    return holds != l->not ;
}

/* True if the rule accepts the port of the target, or what is translated, by one device. */
static bool accepts_port(const struct rule *r, const struct forwarded *f)
{
    const struct list *port = rule_asks(r, ASK_DPORT), *proto = rule_asks(r, ASK_PROTO),
                      *asked = rule_asks(f->rule, ASK_PROTO);
    if (r->act != ACT_ACCEPT || r->unsaid || r->never || rule_asks(r, ASK_TO)) return false;
    if (!only_device(rule_asks(r, ASK_OUT_ON), false)) return false;
    if (r->translated == MUST_BE) return true;
    if (!port || port->not || !f->port || !holds_number(port, f->port)) return false;
    return proto && asked && asked->count == 1 && holds_number(proto, asked->of[0].lo);
}

static void by_port(struct writer *w, struct forwarded *f)
{
    bool differ = false;
    for (const struct chain *c = w->s->chains; c; c = c->next)
        for (const struct rule *r = c->nat ? NULL : c->rules; r && ruleset_spend(w->s, 1); r = r->next) {
            if (!accepts_port(r, f)) continue;
            const char *device = only_device(rule_asks(r, ASK_OUT_ON), false);
            differ |= f->exit && strcmp(f->exit, device) != 0;
            if (!f->exit) f->exit_told = r;
            f->exit = device;
        }
    if (differ) f->exit = NULL;
}

void find_exits(struct writer *w)
{
    struct hints h = {0};
    if (w->forwarded) h = hints_of(w);
    for (struct forwarded *f = w->forwarded; f; f = f->next) {
        if (f->like != f) continue;
        if (ruleset_spend(w->s, h.count) && !by_network(&h, f)) by_port(w, f);
    }
    free(h.of);
}
