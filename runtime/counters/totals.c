/* The counter follows from action and reason, and differs for replies */
#include "runtime/counters/totals.h"

#include "vm/pbc.h"

/* True for a reason to drop a fragment because of its datagram. */
static bool of_datagram(unsigned reason)
{
    return reason == REASON_FRAGMENT_ORPHAN || reason == REASON_DUPLICATE_FRAGMENT ||
           reason == REASON_OVERLAPPING_FRAGMENT || reason == REASON_FRAGMENT_END || reason == REASON_FRAGMENT_RANGES;
}

/* Return the counter of a frame that neither a rule nor a default decided. */
static struct counter *undecided(struct totals *t, const struct verdict *v)
{
    if (v->action == ACTION_PASS) return &t->passed;
    const bool reply = v->flags & VERDICT_REPLY;
    if (v->action == ACTION_FORWARD) return reply ? &t->replies : &t->nobody;
    if (v->action != ACTION_DROP) return &t->nobody;
    if (reply) return &t->unsent;
    if (v->service != PBC_NONE) return &t->nobody;
    /* REASON_NONE: a fragment of a datagram whose first fragment an earlier program dropped. */
    return v->reason == REASON_NONE || of_datagram(v->reason) ? &t->fragments : &t->malformed;
}

void totals_undecided(struct totals *t, const struct program *p, const struct verdict *v, uint32_t bytes)
{
    /* The rule opens tunnels: the undecided frame is one whose tunnel could not be opened. */
    const bool unopened = v->rule < RULE_DEFAULT && verdict_is(p->rules[v->rule].verdict, VERDICT_OPENS);
    if ((v->rule != RULE_NONE && !unopened) || v->action == ACTION_HELD) return;
    struct counter *c = unopened ? &t->unopened : undecided(t, v);
    c->packets++;
    c->bytes += bytes;
}

void totals_add(struct totals *to, const struct totals *t)
{
    to->frames += t->frames;
    to->bytes += t->bytes;
#define TOTALLED(field, ...) counter_sum(&to->field, &t->field);
#define DECIDED(...)
#include "runtime/counters/decided.def"
    to->log_events += t->log_events;
    to->log_lost += t->log_lost;
}
