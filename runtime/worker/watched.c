/* A verdict is enforced on packets that a service takes and on their replies. If the host forwards nothing, a verdict
 * is also enforced on all packets that are not the host's own. */
#include "runtime/worker/watched.h"

#include <string.h>

#include "vm/forward/service.h"

static bool refuses(unsigned verdict) { return verdict == PBC_V_DROP || verdict == PBC_V_REJECT; }

/* A program, and the host whose traffic it is checked for. */
struct asked {
    const struct program *p;
    const struct host_self *self;
    bool elsewhere; /* packets to services' addresses that the host does not hold are not the host's */
};

static bool serves(const struct program *p, unsigned family, const uint32_t addr[4])
{
    for (uint32_t i = 0; i < p->endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->endpoints[i];
        if (e->to == PBC_TO_ADDRESS && e->family == family && !memcmp(e->addr, addr, sizeof e->addr)) return true;
    }
    return false;
}

/* True if each address of the set is a service's. */
static bool all_serve(const struct program *p, const struct pbc_set *set)
{
    enum { LOOKED_AT = 1024 };
    for (uint32_t i = set->first4; i < set->first4 + set->count4; i++) {
        const struct pbc_range *r = &p->set4[i];
        if (r->hi - r->lo >= LOOKED_AT) return false;
        for (uint32_t k = 0; k <= r->hi - r->lo; k++)
            if (!serves(p, 4, (const uint32_t[4]){r->lo + k})) return false;
    }
    for (uint32_t i = set->first6; i < set->first6 + set->count6; i++) {
        const struct pbc_range6 *r = &p->set6[i];
        uint32_t addr[4], last[4];
        range6_words(r, addr, last);
        if (r->lo_hi != r->hi_hi || r->lo_lo != r->hi_lo || !serves(p, 6, addr)) return false;
    }
    return true;
}

/* True if the rule matches only packets to services' addresses, none of which the host holds. */
static bool is_elsewhere(const struct asked *a, const struct pbc_rule *r)
{
    for (uint32_t i = r->conds; a->elsewhere && i < r->conds + r->cond_count; i++) {
        const struct pbc_cond *c = &a->p->conds[i];
        bool elsewhere = c->kind == COND_TO && !c->flags && !c->arg;
        for (uint32_t k = c->first; elsewhere && k < c->first + c->count; k++)
            elsewhere = all_serve(a->p, &a->p->sets[k]) && !host_self_meets(a->self, a->p, &a->p->sets[k]);
        if (elsewhere) return true;
    }
    return false;
}

/* Return the first refusing rule of these, or of the chains they call; the verifier excludes recursion. */
static const struct pbc_rule *first_refusal(const struct asked *a, uint32_t from, uint32_t count)
{
    const struct program *p = a->p;
    for (uint32_t i = from; i < from + count; i++) {
        const struct pbc_rule *r = &p->rules[i], *inner = NULL;
        if (is_elsewhere(a, r)) continue;
        if (refuses(r->verdict)) return r;
        if (r->verdict == PBC_V_DO) inner = first_refusal(a, p->chains[r->chain].rules, p->chains[r->chain].rule_count);
        if (inner) return inner;
    }
    return NULL;
}

bool watched_place(const struct program *p, const struct host_self *self, bool forwards, char *buf, size_t len)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++) {
        const struct pbc_firewall *f = &p->firewalls[i];
        const struct asked a = {p, self, !forwards && f->direction != PBC_DIR_OUT && !self->left_out};
        if (f->direction == PBC_DIR_FORWARD && !forwards) continue;
        const struct pbc_rule *r = first_refusal(&a, f->rules, f->rule_count);
        if (!r && !refuses(f->default_verdict) && f->other != PBC_OTHER_DROP) continue;
        const struct pbc_place *at = r ? &r->place : &f->place;
        snprintf(buf, len, "%s:%u", program_str(p, at->file), at->line);
        return true;
    }
    return false;
}

bool watched(const struct program *p, const struct snapshot *s, const struct verdict *v, struct pkt *pkt, bool forwards)
{
    struct key key;
    if (v->action != ACTION_DROP && v->action != ACTION_REJECT) return false;
    if (v->flags & VERDICT_REPLY || v->service != PBC_NONE) return false;
    pkt_parse(pkt, &s->facts, &key);
    if (key.kind & KIND_IP && !(key.kind & KIND_OUT) && service_endpoint(p, &key) != PBC_NONE) return false;
    return forwards || !(key.kind & KIND_FORWARD);
}
