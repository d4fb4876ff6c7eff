/* A match for each of a rule's senders and destinations, by protocol; packets are also tested against these matches */
#include "runtime/host/guard/program/opened.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "vm/pbc.h"

static bool match_add(struct opened *o, const struct guard_match *m)
{
    if (!grow(&o->matches, o->count, &o->cap, 8, sizeof *m)) return false;
    memset(&o->matches[o->count], 0, sizeof *m);
    o->matches[o->count++] = *m;
    return true;
}

/* Return the rule's condition of that kind, if it is a plain list of addresses */
static const struct pbc_cond *listed(const struct program *p, const struct pbc_rule *r, unsigned kind)
{
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
        const struct pbc_cond *c = &p->conds[i];
        if (c->kind == kind && !c->flags && !c->arg && c->count) return c;
    }
    return NULL;
}

static bool is_to_self(const struct program *p, const struct pbc_rule *r)
{
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
        const struct pbc_cond *c = &p->conds[i];
        if (c->kind == COND_TO && !c->flags && !c->count && c->arg == KIND_DST_SELF) return true;
    }
    return false;
}

static bool add_protos(struct opened *o, const struct pbc_rule *r, struct guard_match m)
{
    static const uint8_t bare[] = {IPPROTO_IPIP, IPPROTO_IPV6};
    m.from_ports = m.to_ports = GUARD_ANY_PORT;
    if (verdict_is(r->verdict, VERDICT_TAKES_PORT)) {
        m.proto = IPPROTO_UDP;
        m.to_ports = (struct guard_ports){r->port, r->port};
        return match_add(o, &m);
    }
    for (unsigned i = 0; i < 2; i++) {
        m.proto = bare[i];
        if (!match_add(o, &m)) return false;
    }
    return true;
}

/* Add matches of one sender: for each destination of its family, or any */
static bool add_sender(struct opened *o, const struct program *p, const struct pbc_rule *r, struct guard_match m)
{
    const struct pbc_cond *to = listed(p, r, COND_TO);
    if (!to) return add_protos(o, r, m);
    struct address_walk w = address_walk(p, to->first, to->count, m.from.lo.family);
    for (struct address_range a; address_next(&w, &a);) {
        m.to = guard_range(&a);
        if (!add_protos(o, r, m)) return false;
    }
    return true;
}

static bool add_rule(struct opened *o, const struct program *p, const struct pbc_rule *r)
{
    const struct pbc_cond *from = listed(p, r, COND_FROM);
    struct guard_match m = {.reach = is_to_self(p, r) ? GUARD_OWN : GUARD_EVERYWHERE};
    if (!from) return add_sender(o, p, r, m);
    struct address_walk w = address_walk(p, from->first, from->count, 0);
    for (struct address_range a; address_next(&w, &a);) {
        m.from = guard_range(&a);
        if (!add_sender(o, p, r, m)) return false;
    }
    return true;
}

bool opened_init(struct opened *o, const struct program *p)
{
    *o = (struct opened){0};
    for (uint32_t i = 0; i < p->rules_count && p->meta->flags & PBC_OPENS; i++)
        if (p->rules[i].verdict < PBC_V_COUNTED && verdict_is(p->rules[i].verdict, VERDICT_OPENS) &&
            !add_rule(o, p, &p->rules[i]))
            return false;
    return true;
}

void opened_fini(struct opened *o)
{
    free(o->matches);
    *o = (struct opened){0};
}

static bool is_within(const struct guard_addresses *a, const uint32_t addr[4], unsigned family)
{
    if (!a->lo.family) return true;
    if (a->lo.family != family) return false;
    int above = 0, below = 0; /* the first word that differs decides */
    for (unsigned i = 0; i < 4 && !above; i++) above = (addr[i] > a->lo.word[i]) - (addr[i] < a->lo.word[i]);
    for (unsigned i = 0; i < 4 && !below; i++) below = (a->hi.word[i] > addr[i]) - (a->hi.word[i] < addr[i]);
    return above >= 0 && below >= 0;
}

bool opened_hides(const struct opened *o, const struct key *key)
{
    if (!(key->kind & KIND_PROTO) || !(key->kind & KIND_IP)) return false;
    const unsigned family = key->kind & KIND_IP4 ? 4 : 6;
    for (unsigned i = 0; i < o->count; i++) {
        const struct guard_match *m = &o->matches[i];
        if (m->proto != key->proto || (m->reach == GUARD_OWN && !(key->kind & KIND_DST_SELF))) continue;
        const bool ports = m->to_ports.lo == 0 && m->to_ports.hi == UINT16_MAX;
        if (!ports && (!(key->kind & KIND_PORTS) || key->dst_port != m->to_ports.lo)) continue;
        if (is_within(&m->from, key->src, family) && is_within(&m->to, key->dst, family)) return true;
    }
    return false;
}
