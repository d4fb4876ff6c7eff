/* Shared by the two executors: effects of a rule that does not end judging, and the action of a verdict. */
#pragma once

#include "vm/flow/track/track.h"
#include "vm/judge/decide.h"
#include "vm/judge/lives.h"
#include "vm/judge/meters/meter.h"
#include "vm/tables.h"

/* Meters and flows for a walk without effects, as by explain. NULL, or a NULL field: unused meters, no flows. */
struct peek {
    const struct meters *meters;
    const struct track *track;
    const struct track_seen *seen; /* findings about the packet */
};

/* Count for a rule. `bytes`: of the frame on the wire. */
static inline void effect_count(const struct effects *e, uint32_t rule, uint32_t bytes)
{
    if (!e) return;
    struct counter *const c = e->would ? &e->would[rule].decided : &e->rules[rule];
    c->packets++;
    c->bytes += bytes;
}

/* Ask a meter for the packet at `at` in the batch, which takes its tokens. Without effects, meters count as unused. */
static inline enum meter_says effect_meter(const struct effects *e, const struct program *p, uint32_t meter,
                                           const struct key *key, uint32_t at)
{
    return e ? meter_ask(e->meters, meter, key, e->packet + at) : meter_peek(NULL, p, meter, key, NULL);
}

/* For `flows over`: return the flows that the source of the packet at `at`, or its network, has opened and still
 * holds, plus one if the packet would open one. Without effects: 0. */
static inline uint32_t effect_flows(const struct effects *e, const struct pbc_grain *grain, const struct key *key,
                                    uint32_t at)
{
    return e && e->track ? track_source_flows(e->track, grain, key, &e->seen[at]) : 0;
}

/* Return the same as effect_flows for a walk without effects. */
static inline uint32_t peek_flows(const struct peek *peek, const struct pbc_grain *grain, const struct key *key)
{
    return peek && peek->track ? track_source_flows(peek->track, grain, key, peek->seen) : 0;
}

/* Log the packet at `at` in the batch. */
static inline void effect_log(const struct effects *e, const struct program *p, uint32_t rule, uint32_t at)
{
    if (!e || (e->would && !(p->rules[rule].flags & PBC_RULE_AUDIT))) return;
    if (p->rules[rule].log_meter && !meter_take(e->meters, p->rules[rule].log_meter - 1, 0)) return;
    struct vm_tx *tx = e->tx;
    if (tx->event_count < tx->event_cap)
        tx->events[tx->event_count++] =
            (struct event){.kind = EVENT_LOG, .rule = rule, .would = e->would, .input = e->input + at};
    else
        tx->events_lost++;
}

/* Copy the packet at `at` in the batch, once for each rule: now, or, with `sent`, as it leaves (vm/worker/mirrored.h).
 */
static inline void effect_mirror(const struct effects *e, const struct program *p, uint32_t rule, const struct pkt *pkt,
                                 uint32_t at)
{
    if (!e || e->would || !e->mirrored) return;
    const unsigned id = p->rules[rule].mirror;
    const struct pbc_mirror *m = &p->mirrors[id];
    if (e->mirrored[at] >> id & 1 || (m->meter && !meter_take(e->meters, m->meter - 1, pkt->wire_len))) return;
    e->mirrored[at] |= UINT64_C(1) << id;
    if (!(m->flags & PBC_MIRROR_SENT) && e->copies) e->copies->copy(e->copies->arg, id, pkt);
}

/* Note a rule's new member of a live set, which is added once the packet has been judged. */
static inline void effect_add(const struct effects *e, const struct program *p, uint32_t rule, const struct key *key)
{
    if (e && e->due && p->members) adds_note(e->due, p, p->rules[rule].add - 1, key);
}

/* The same as effect_mirror for mirrors that another judge has found, one bit each. */
static inline void effect_mirrors(const struct effects *e, const struct program *p, uint64_t found,
                                  const struct pkt *pkt)
{
    if (!e->mirrored) return;
    e->mirrored[0] |= found;
    for (; found && e->copies; found &= found - 1) {
        const unsigned id = (unsigned)__builtin_ctzll(found);
        if (id < p->mirrors_count && !(p->mirrors[id].flags & PBC_MIRROR_SENT))
            e->copies->copy(e->copies->arg, id, pkt);
    }
}

static inline struct decision decision_of(decided d)
{
    return (struct decision){
        .rule = decided_rule(d), .firewall = decided_firewall(d), .action = (uint8_t)decided_action(d)};
}

/* The three verdicts that end judging for good have the numbers of their actions. */
static_assert((int)PBC_V_ACCEPT == ACTION_ACCEPT && (int)PBC_V_DROP == ACTION_DROP &&
                  (int)PBC_V_REJECT == ACTION_REJECT,
              "verdict and action share numbers");

/* Return the decision by a rule. A rule that opens tunnels decides a drop until the inner packet has been judged. */
static inline decided decided_by_rule(const struct program *p, uint32_t rule, uint32_t firewall)
{
    const uint8_t verdict = p->verdicts[rule];
    return decided_as(rule, verdict <= PBC_V_REJECT ? (enum action)verdict : ACTION_DROP, firewall);
}

/* Return the firewall's default, or its `other frames` for frames that are neither IP nor ARP. */
static inline decided decided_by_default(const struct program *p, uint32_t firewall, const struct key *key)
{
    static const uint8_t other_action[] = {[PBC_OTHER_PASS] = ACTION_PASS, [PBC_OTHER_DROP] = ACTION_DROP};
    const struct pbc_firewall *f = &p->firewalls[firewall];
    uint8_t action = f->default_verdict;
    if (!(key->kind & (KIND_IP | KIND_ARP)) && f->other != PBC_OTHER_DEFAULT) action = other_action[f->other];
    return decided_as(RULE_DEFAULT, (enum action)action, firewall);
}

struct ahead;

/* Run function 0, or that of meta.services, over the packets of a batch (at most 64) whose bit is set in `todo`,
 * each into its place of `out`. All are well formed and parsed. One call takes a batch, because the work before and
 * after each packet would cost half as much as most programs. `ahead`: each packet's place in function 0, and the
 * results that classifiers already found for it; NULL: packets are at the beginning, without results. */
void run_code(const struct program *p, uint32_t func, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
              const struct ahead *ahead, const struct effects *e, decided out[]);

/* Judge one packet, at `at` in its batch, by the rule list. Without effects, meters and flows are read from `peek`. */
decided run_list(const struct program *p, const struct key *key, const struct pkt *pkt, uint32_t at,
                 const struct effects *e, const struct peek *peek, trace_fn *trace, void *arg);

/* Listener for the rules that are tried. */
struct tracer {
    trace_fn *fn; /* function called for each rule; NULL: none */
    void *arg;
};

/* True if the rule matches the packet, which is the first of `e`. Meters are asked as usual. depth: for the tracer
 * only. */
bool list_rule_matches(const struct program *p, uint32_t rule, const struct key *key, const struct pkt *pkt,
                       const struct effects *e, const struct tracer *tracer, unsigned depth);

/* Prefetch the memory for looking up the packets of `todo` in large sets (sets/ahead.c). */
void set_ahead(const struct program *p, const struct key keys[], uint64_t todo);

/* True if the number is a member of the MAC set. */
bool mac_set_has(const struct program *p, uint32_t set, uint64_t mac);

/* True if the packet has the field of the condition. */
bool cond_has(const struct pbc_cond *c, const struct key *key, const struct pkt *pkt);
