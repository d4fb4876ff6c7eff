/* Enforced: what a service takes, its replies, and, where the host forwards nothing, all that is not its own. */
#include "runtime/worker/watched.h"

#include "vm/forward/service.h"

static bool refuses(unsigned verdict) { return verdict == PBC_V_DROP || verdict == PBC_V_REJECT; }

static void place_of(const struct program *p, const struct pbc_place *at, char *buf, size_t len)
{
    snprintf(buf, len, "%s:%u", program_str(p, at->file), at->line);
}

/* Of these rules, or of a chain that they do; chains do not recurse (the verifier's). */
static const struct pbc_rule *first_refusal(const struct program *p, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        const struct pbc_rule *r = &p->rules[i], *inner = NULL;
        if (refuses(r->verdict)) return r;
        if (r->verdict == PBC_V_DO) inner = first_refusal(p, p->chains[r->chain].rules, p->chains[r->chain].rule_count);
        if (inner) return inner;
    }
    return NULL;
}

bool watched_place(const struct program *p, bool forwards, char *buf, size_t len)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++) {
        const struct pbc_firewall *f = &p->firewalls[i];
        if (f->direction == PBC_DIR_FORWARD && !forwards) continue;
        const struct pbc_rule *r = first_refusal(p, f->rules, f->rule_count);
        if (!r && !refuses(f->default_verdict) && f->other != PBC_OTHER_DROP) continue;
        place_of(p, r ? &r->place : &f->place, buf, len);
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
