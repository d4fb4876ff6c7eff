/* Find by which device the target of a forwarded port is reached. prey judges such a packet where it arrives, before
 * a route is looked up. But the target's address is known, and rule sets name the device of an address: they accept
 * from or to it, drop forged sources, or leave its packets untranslated. The narrowest network decides; otherwise
 * the rules that accept the target's port by one device do. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/import/write_priv.h"
#include "lang/heap.h"

enum { PORT_RULES_MOST = 1000 };

/* A network that rules place behind a device; device NULL: the rules differ */
struct hint {
    wide lo;
    unsigned bits; /* bits of the host part */
    uint8_t family;
    const char *device;
    const struct rule *rule;
};

struct hints {
    void *tree;                                   /* hints by network (search.h) */
    const struct rule *of_ports[PORT_RULES_MOST]; /* rules that accept ports by one device */
    uint32_t port_rules;
    bool too_many;
};

static int exit_order(const void *a, const void *b)
{
    const struct hint *x = a, *y = b;
    if (x->family != y->family) return x->family < y->family ? -1 : 1;
    if (x->bits != y->bits) return x->bits < y->bits ? -1 : 1;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

bool list_has_device(const struct list *l, const char *device)
{
    bool has = false;
    for (uint32_t i = 0; i < l->count && !has; i++) {
        const char *word = l->of[i].word;
        const size_t len = strcspn(word, "*");
        has = !strncmp(word, device, len) && (word[len] || !device[len]);
    }
    return has != l->negated;
}

/* Return the only device of the list, unless it is a pattern; with `not`, the only one that it leaves out. */
static const char *only_device(const struct list *l, bool negated)
{
    return l && l->negated == negated && !l->set && l->count == 1 && !strchr(l->of[0].word, '*') ? l->of[0].word : NULL;
}

/* Return the bits of the host's part if the addresses are a network that is no more than half of all; else -1. */
static int host_bits(const struct extent *e)
{
    const wide hosts = e->hi - e->lo;
    int bits = 0;
    if (hosts & (hosts + 1) || e->lo & hosts) return -1;
    while (bits < 128 && hosts >> bits & 1) bits++;
    return bits < (e->family == 4 ? 32 : 128) ? bits : -1;
}

static void hint_at(struct writer *w, struct hints *h, const struct list *l, const char *device, const struct rule *r)
{
    const struct list *members = l->set && !l->set->left && !set_is_live(l->set) ? &l->set->members : l;
    for (uint32_t i = 0; i < members->count && ruleset_spend(w->s, 1); i++) {
        const struct extent *e = &members->of[i];
        const int bits = e->family ? host_bits(e) : -1;
        if (bits < 0) continue;
        struct hint *one = arena_alloc(w->s->arena, sizeof(*one));
        *one = (struct hint){.lo = e->lo, .bits = (unsigned)bits, .family = e->family, .device = device, .rule = r};
        struct hint *const *found = tsearch(one, &h->tree, exit_order);
        if (!found) out_of_memory();
        if ((*found)->device && strcmp((*found)->device, device) != 0) (*found)->device = NULL;
    }
}

static void hints_of_rule(struct writer *w, struct hints *h, const struct rule *r)
{
    const struct list *from = rule_asks(r, ASK_FROM), *to = rule_asks(r, ASK_TO), *out = rule_asks(r, ASK_OUT_ON);
    const struct list *on = rule_asks(r, ASK_ON);
    const char *in = only_device(on, false), *not_in = only_device(on, true), *by = only_device(out, false);
    const bool translates = r->act == ACT_TRANSLATE && (r->nat.how == NAT_MASQUERADE || r->nat.how == NAT_SOURCE);
    if (r->unsaid || r->never) return;
    if (r->act == ACT_ACCEPT && to && !to->negated && by) hint_at(w, h, to, by, r);
    if (r->act == ACT_ACCEPT && from && !from->negated && in) hint_at(w, h, from, in, r);
    /* rules against forged sources drop a device's other sources, or a network's packets from elsewhere */
    if (r->act == ACT_DROP && from && from->negated && in) hint_at(w, h, from, in, r);
    if (r->act == ACT_DROP && from && !from->negated && not_in) hint_at(w, h, from, not_in, r);
    if (translates && from && !from->negated && only_device(out, true)) hint_at(w, h, from, only_device(out, true), r);
}

/* Find the narrowest network that holds the target. */
static bool by_network(const struct hints *h, struct forwarded *f)
{
    for (unsigned bits = 0; bits < (f->to.family == 4 ? 32u : 128u); bits++) {
        const struct hint wanted = {.lo = f->to.lo >> bits << bits, .bits = bits, .family = f->to.family};
        struct hint *const *found = tfind(&wanted, &h->tree, exit_order);
        if (!found) continue;
        f->exit = (*found)->device;
        f->exit_told = (*found)->rule;
        return true;
    }
    return false;
}

static bool holds_number(const struct list *l, wide n)
{
    const struct list *members = l->set ? &l->set->members : l;
    bool holds = false;
    for (uint32_t i = 0; i < members->count; i++) holds |= members->of[i].lo <= n && n <= members->of[i].hi;
    return holds != l->negated;
}

/* True if the rule accepts ports, or translated packets, by one device and to any address. */
static bool accepts_ports(const struct rule *r)
{
    const struct list *port = rule_asks(r, ASK_DPORT);
    if (r->act != ACT_ACCEPT || r->unsaid || r->never || rule_asks(r, ASK_TO)) return false;
    if (!only_device(rule_asks(r, ASK_OUT_ON), false)) return false;
    return r->translated == MUST_BE || (port && !port->negated && rule_asks(r, ASK_PROTO));
}

static bool accepts_port(const struct rule *r, const struct forwarded *f)
{
    const struct list *asked = rule_asks(f->rule, ASK_PROTO);
    if (r->translated == MUST_BE) return true;
    if (!f->port || !holds_number(rule_asks(r, ASK_DPORT), f->port)) return false;
    return asked && asked->count == 1 && holds_number(rule_asks(r, ASK_PROTO), asked->of[0].lo);
}

static void by_port(const struct hints *h, struct forwarded *f)
{
    bool differ = h->too_many;
    for (uint32_t i = 0; i < h->port_rules; i++) {
        const struct rule *r = h->of_ports[i];
        if (!accepts_port(r, f)) continue;
        const char *device = only_device(rule_asks(r, ASK_OUT_ON), false);
        differ |= f->exit && strcmp(f->exit, device) != 0;
        if (!f->exit) f->exit_told = r;
        f->exit = device;
    }
    if (differ) f->exit = NULL;
}

static void take_hints(struct writer *w, struct hints *h)
{
    for (const struct chain *c = w->s->chains; c; c = c->next)
        for (const struct rule *r = c->rules; r; r = r->next) {
            hints_of_rule(w, h, r);
            if (c->nat || !accepts_ports(r)) continue;
            h->too_many |= h->port_rules == PORT_RULES_MOST;
            if (!h->too_many) h->of_ports[h->port_rules++] = r;
        }
}

void find_exits(struct writer *w)
{
    struct hints *h = heap_zeroed(1, sizeof(*h));
    if (w->forwarded) take_hints(w, h);
    for (struct forwarded *f = w->forwarded; f; f = f->next)
        if (f->like == f && !by_network(h, f)) by_port(h, f);
    heap_tree_free(h->tree);
    free(h);
}
