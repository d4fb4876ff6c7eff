/* See oracle.h. */
#include "tests/lib/oracle.h"

#include "vm/forward/service.h"
#include "vm/judge/effects.h"
#include "vm/judge/decide.h"

struct decision oracle_explain(const struct program *p, const struct key *key, const struct pkt *pkt, trace_fn *fn,
                               void *arg)
{
    return decision_of(run_list(p, key, pkt, 0, NULL, NULL, fn, arg));
}

/* Test all conditions of a branch: no if one is no, else later if one isn't known yet. */
static enum stream_says branch_says(const struct program *p, const struct pbc_branch *b, const struct key *key,
                                    const struct first *first)
{
    enum stream_says all = STREAM_YES;
    for (uint32_t c = b->conds; c < b->conds + b->cond_count; c++) {
        const struct pbc_cond *cond = &p->conds[c];
        const enum stream_says one = stream_asks(cond)                ? stream_cond(p, cond, first, true)
                                     : cond_match(p, cond, key, NULL) ? STREAM_YES
                                                                      : STREAM_NO;
        if (one == STREAM_NO) return STREAM_NO;
        if (one == STREAM_LATER) all = STREAM_LATER;
    }
    return all;
}

uint32_t oracle_stream(const struct program *p, const struct key *key, const struct first *first)
{
    const uint32_t endpoint = service_endpoint(p, key);
    if (endpoint == PBC_NONE) return PBC_NONE;
    const struct pbc_service *s = &p->services[p->endpoints[endpoint].service];
    uint32_t b = s->branches;
    enum stream_says said;
    if (!mode_is(s->mode, MODE_PROXIES)) return PBC_NONE;
    while ((said = branch_says(p, &p->branches[b], key, first)) == STREAM_NO) b++; /* the last has no conditions */
    return said == STREAM_YES ? b : STREAM_MORE;
}
