/* The verifier's part for observe services: their paths and bounds, endpoints, and branches whose conditions ask
 * about a connection. */
#include <string.h>

#include "vm/program/verify/verify_priv.h"
#include "vm/stream/wants.h"

/* Running sums of conditions, by kind; windows may share conditions, so each is checked once. */
enum { OF_REPLY, OF_OTHERS, OF_WORK, TALLIES };
struct tally {
    uint64_t of[TALLIES]; /* `reply`; conditions that no observed connection can meet; conditions with their operands */
};
static uint64_t between(const struct tally *before, uint32_t conds, uint32_t count, unsigned what)
{
    return before[conds + count].of[what] - before[conds].of[what];
}

static bool verify_path(const struct verifier *v, uint32_t path, uint32_t i)
{
    return strnlen(program_str(v->p, path), PBC_WATCH_PATH_MAX + 1) <= PBC_WATCH_PATH_MAX ||
           fault(v, "observe %u has a path of more than %u bytes", i, PBC_WATCH_PATH_MAX);
}

static bool verify_observe(const struct verifier *v, uint32_t i, uint32_t *next)
{
    const struct pbc_observe *o = &v->p->observes[i];
    const uint32_t kinds = (1u << FIRST_BYTES_SHIFT) - 1, reads = FIRST_TLS | FIRST_HTTP;
    if (!verify_fields(v, FIELDS_OBSERVE, i)) return false;
    if (!verify_path(v, o->sessions, i) || !verify_path(v, o->stream, i)) return false;
    if ((o->sessions_limit && !o->sessions) || ((o->stream_limit || o->flags) && !o->stream))
        return fault(v, "observe %u has a limit or form of a file that it doesn't write", i);
    if ((o->wants[0] | o->wants[1]) & kinds & ~reads) return fault(v, "observe %u: unknown kind of first bytes", i);
    if (o->choices != *next || !o->choice_count || !inside(o->choices, o->choice_count, v->p->choices_count))
        return fault(
            v, "observe %u: its branches don't begin where the earlier branches end, or their number isn't possible",
            i);
    *next = o->choices + o->choice_count;
    return !o->cut || (o->cut <= v->p->services_count && v->p->services[o->cut - 1].flags & PBC_SERVICE_CUT) ||
           fault(v, "observe %u: service %u doesn't exist, or isn't for `-> proxy inline`", i, o->cut - 1);
}

/* Verify that each item that a condition asks for has a reader, else its branch would wait forever. */
static bool verify_reads(const struct verifier *v, const struct pbc_choice *x, uint32_t i)
{
    const struct pbc_observe *o = &v->p->observes[x->observe];
    for (uint32_t c = x->conds; c < x->conds + x->cond_count; c++) {
        const struct pbc_cond *cond = &v->p->conds[c];
        const uint32_t wants = o->wants[cond->flags & PBC_COND_REPLY ? 1 : 0];
        const bool tls = cond->kind == COND_SNI || cond->kind == COND_ALPN, bytes = cond->kind == COND_BYTES;
        const bool request = cond_info[cond->kind].traits & COND_STREAM && !tls;
        const struct pbc_pattern *t = bytes ? &v->p->patterns[cond->first] : NULL;
        if ((tls && !(wants & FIRST_TLS)) || (request && !(wants & FIRST_HTTP)) ||
            (bytes && wants >> FIRST_BYTES_SHIFT < (uint32_t)t->at + t->len))
            return fault(v, "choice %u needs first bytes that its service doesn't read", i);
    }
    return true;
}

static bool verify_choice(const struct verifier *v, uint32_t i, const struct tally *before, uint64_t *budget)
{
    const struct program *p = v->p;
    const struct pbc_choice *x = &p->choices[i];
    if (!verify_string(v, x->place.file, "choice", i)) return false;
    if (x->does >= PBC_DOES || x->reserved)
        return fault(v, "choice %u: unknown action %u, or its reserved bytes aren't zero", i, x->does);
    if (x->does == PBC_STREAM && !p->observes[x->observe].stream)
        return fault(v, "choice %u is `-> stream`, but its service has no `stream to`", i);
    if (x->does == PBC_CUTS && !p->observes[x->observe].cut)
        return fault(v, "choice %u is `-> proxy inline`, but no service takes its connections over", i);
    if (!inside(x->conds, x->cond_count, p->conds_count))
        return fault(v, "choice %u: its conditions go past the end of `conds`", i);
    if (between(before, x->conds, x->cond_count, OF_OTHERS))
        return fault(v, "choice %u has a condition that no connection can meet", i);
    if (x->cond_count > *budget) return fault(v, "choice %u: too many branches share conditions", i);
    *budget -= x->cond_count;
    return verify_reads(v, x, i);
}

static bool verify_choices(const struct verifier *v, uint32_t i, const struct tally *before, uint64_t *budget)
{
    const struct program *p = v->p;
    const struct pbc_observe *o = &p->observes[i];
    uint64_t work = 0;
    for (uint32_t c = o->choices; c < o->choices + o->choice_count; c++) {
        const struct pbc_choice *x = &p->choices[c];
        if (x->observe != i) return fault(v, "observe %u: branch %u belongs to another service", i, c);
        if (!verify_choice(v, c, before, budget)) return false;
        if ((c + 1 == o->choices + o->choice_count) != (x->cond_count == 0))
            return fault(v, "observe %u: branch %u: the last branch must be the `else`, and no other branch can be", i,
                         c);
        work += between(before, x->conds, x->cond_count, OF_WORK);
    }
    return work <= PBC_WALK_MAX ||
           fault(v, "observe %u has more than %u conditions and operands to try", i, PBC_WALK_MAX);
}

static bool verify_observe_endpoints(const struct verifier *v)
{
    const struct program *p = v->p;
    bool has[256] = {false};
    for (uint32_t i = 0; i < p->observe_endpoints_count; i++) {
        const struct pbc_endpoint *e = &p->observe_endpoints[i];
        if (!verify_endpoint(v, e, "observe endpoint", i)) return false;
        if (e->service >= p->observes_count) return fault(v, "observe endpoint %u belongs to no observe service", i);
        if (e->proto != PBC_EP_TCP || e->wire == PBC_WIRE_NOT)
            return fault(v, "observe endpoint %u isn't for TCP in the wire", i);
        has[e->service] = true;
    }
    for (uint32_t i = 0; i < p->observes_count; i++)
        if (!has[i]) return fault(v, "observe %u has no endpoint", i);
    return true;
}

/* Verify that only observe services use `reply`. */
static bool verify_others(const struct verifier *v, const struct tally *before)
{
    const struct program *p = v->p;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (between(before, p->rules[i].conds, p->rules[i].cond_count, OF_REPLY))
            return fault(v, "rule %u has a condition on `reply`", i);
    for (uint32_t i = 0; i < p->branches_count; i++)
        if (between(before, p->branches[i].conds, p->branches[i].cond_count, OF_REPLY))
            return fault(v, "branch %u has a condition on `reply`", i);
    return true;
}

static struct tally tally_of(const struct program *p, uint32_t cond, struct tally sum)
{
    const struct pbc_cond *c = &p->conds[cond];
    const bool stream = verify_asks_stream(p, cond), reply = c->flags & PBC_COND_REPLY;
    sum.of[OF_REPLY] += reply;
    sum.of[OF_OTHERS] += c->kind == COND_INSTRUCTION || (!stream && (reply || !pbc_asks_stream(c)));
    sum.of[OF_WORK] += 1u + (uint64_t)c->count;
    return sum;
}

bool verify_observes(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t next = 0;
    uint64_t budget = 256u + 64u * (uint64_t)p->conds_count;
    struct tally *before __attribute__((cleanup(free_held))) = calloc((size_t)p->conds_count + 1, sizeof *before);
    if (!before) return fault_memory(v);
    for (uint32_t i = 0; i < p->conds_count; i++) before[i + 1] = tally_of(p, i, before[i]);
    if (!verify_others(v, before)) return false;
    for (uint32_t i = 0; i < p->observes_count; i++)
        if (!verify_observe(v, i, &next)) return false;
    if (next != p->choices_count) return fault(v, "choice %u belongs to no observe service", next);
    for (uint32_t i = 0; i < p->observes_count; i++)
        if (!verify_choices(v, i, before, &budget)) return false;
    return verify_observe_endpoints(v);
}
