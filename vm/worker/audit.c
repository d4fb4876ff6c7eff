/* Audit (audit.h): the second judgement, and its counts */
#include "vm/worker/audit.h"

#include <stdlib.h>
#include <string.h>

#include "vm/flow/track/track_look.h"
#include "vm/judge/classify/classify.h"
#include "vm/judge/columns/columns.h"
#include "vm/program/remap.h"
#include "vm/worker/vm_priv.h"

struct audit {
    const struct program *p;      /* program->would */
    struct meters *meters;        /* the audit's own: tokens of the rules that decide are for those only */
    struct would_counter *counts; /* one per rule, one for "nobody", one per firewall's default */
};

struct audit *audit_new(const struct program *p, const struct vm_cfg *cfg)
{
    struct audit *a = calloc(1, sizeof *a);
    if (!a) return NULL;
    a->p = p->would;
    a->meters = meters_new(p->would, cfg->seed);
    a->counts = calloc((size_t)a->p->rules_count + 1 + a->p->firewalls_count, sizeof *a->counts);
    if (a->meters && a->counts) return a;
    audit_free(a);
    return NULL;
}

void audit_free(struct audit *a)
{
    if (!a) return;
    meters_free(a->meters);
    free(a->counts);
    free(a);
}

void audit_at(struct audit *a, uint64_t now_ns) { meters_at(a->meters, now_ns); }
bool audit_sweep(struct audit *a) { return meters_sweep(a->meters); }
struct meters *audit_meters(const struct audit *a) { return a->meters; }

void audit_point_counters(struct vm *vm)
{
    vm->counters.would_rules = vm->audit ? vm->audit->counts : NULL;
    vm->counters.would_defaults = vm->audit ? vm->audit->counts + vm->audit->p->rules_count + 1 : NULL;
}

/* Return the counter of a rule, a default, or "nobody". */
static inline struct would_counter *count_for(const struct audit *a, uint32_t rule, uint32_t firewall)
{
    const uint32_t other = rule == RULE_NONE ? 0 : 1 + firewall;
    return &a->counts[rule < RULE_DEFAULT ? rule : a->p->rules_count + other];
}

static struct effects effects_in(const struct job *j, unsigned at, const struct track_seen *seen)
{
    const struct vm *vm = j->vm;
    return (struct effects){.rules = vm->rules,
                            .would = vm->audit->counts,
                            .tx = j->tx,
                            .input = j->input + at,
                            .meters = vm->audit->meters,
                            .packet = vm->packets + at,
                            .track = vm->track,
                            .seen = seen};
}

/* True if a bridge lets the frame pass anyway: the default of a firewall spares STP and LLDP. */
static bool is_spared(const struct job *j, const struct pkt *pkt, const struct key *key, decided d)
{
    const struct facts *facts = j->in->facts;
    return facts && facts->bridges && decided_rule(d) == RULE_DEFAULT &&
           settle_spares(j->vm->audit->p, facts, pkt, key, decided_firewall(d));
}

void audit_decide(const struct job *j, unsigned first, const struct key keys[], struct pkt *const pkts[], uint64_t todo,
                  decided out[])
{
    const struct vm *vm = j->vm;
    const struct program *p = vm->audit->p;
    const struct effects e = effects_in(j, first, NULL);
    struct ahead ahead;
    const uint64_t all = todo;
    if (vm->cfg.naive) {
        for (; todo; todo &= todo - 1) {
            const unsigned at = (unsigned)__builtin_ctzll(todo);
            out[at] = run_list(p, &keys[at], pkts[at], at, &e, NULL, NULL, NULL);
        }
    } else {
        const bool together = columns_pay(p, todo);
        if (together) todo = columns_run(p, keys, pkts, todo, &e, &ahead, out);
        run_code(p, p->root, keys, pkts, todo, together ? &ahead : NULL, &e, out);
    }
    for (uint64_t left = j->in->facts && j->in->facts->bridges ? all : 0; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        if (is_spared(j, pkts[at], &keys[at], out[at])) out[at] = decided_by_nobody(ACTION_PASS);
    }
}

/* True if the decision without `audit` is the same, by the same rule or default. */
static bool is_same(const struct program *real, decided d, decided would)
{
    const struct program *p = real->would;
    const bool nobody = decided_rule(would) == RULE_NONE;
    return decided_same(d, would, nobody ? 0 : p->would_twins[decided_twin_at(would, p->would_rules_count)]);
}

void audit_recall(const struct job *j, struct packet_ctx *c, const struct flow *f, const struct remembered_pair *pair)
{
    c->decision = pair->d;
    c->would = pair->would;
    c->audited = pair->other;
    c->began = pair->other && !(f->would & FLOW_WOULD_TOLD) && decided_changes(pair->d, pair->would);
    if (c->began) track_would(j->vm->track, &c->seen, f->would | FLOW_WOULD_TOLD);
}

/* Return the kernel's decision without `audit`: the one that came up with the packet, or else that of the kernel's
 * judge. */
static __attribute__((noinline)) decided decide_there(const struct job *j, const struct packet_ctx *c,
                                                      const struct effects *e)
{
    const struct vm *vm = j->vm;
    const struct vm_up *up = vm_came_up(j, c);
    uint64_t none = 0;
    return up && up->judged ? up->would : vm->cfg.kernel->judge(vm->cfg.kernel->arg, c->key, c->pkt, e, &none);
}

/* Decide without `audit`, with the flow state that there would be then. */
static void decide_as(const struct job *j, struct packet_ctx *c, enum flow_mark mark)
{
    const struct vm *vm = j->vm;
    const uint32_t marks = c->key->marks;
    const struct effects e = effects_in(j, c->at, &c->seen);
    const struct program *p = vm->audit->p;
    c->key->marks = (marks & ~(uint32_t)MARK_STATES) | mark;
    if (vm->cfg.kernel)
        c->would = decide_there(j, c, &e);
    else if (vm->cfg.naive)
        c->would = run_list(p, c->key, c->pkt, 0, &e, NULL, NULL, NULL);
    else
        run_code(p, p->root, c->key, &c->pkt, 1, NULL, &e, &c->would);
    c->key->marks = marks;
    if (is_spared(j, c->pkt, c->key, c->would)) c->would = decided_by_nobody(ACTION_PASS);
}

void audit_judge(const struct job *j, struct packet_ctx *c)
{
    struct track *t = j->vm->track;
    enum flow_mark mark = t ? (enum flow_mark)c->seen.mark : MARK_NONE;
    if (t && c->seen.slot != FLOW_NONE) mark = look_would(track_about(t, &c->seen), c->key, c->pkt, &c->seen);
    decide_as(j, c, mark);
    c->audited = !is_same(j->vm->program, c->decision, c->would);
    /* Note in the packet's flow, or for one that it may begin, what its state would be without `audit` */
    const bool in = decided_lets_in(c->decision), would = decided_lets_in(c->would);
    const bool changed = c->audited && decided_changes(c->decision, c->would);
    const struct flow *f = t && c->seen.slot != FLOW_NONE ? track_flow(t, &c->seen) : NULL;
    c->seen.would = keep_noted_first(mark, would, changed);
    c->began = changed;
    if (!f || keep_what(&c->seen) == KEEP_BEGIN) return;
    const uint8_t next = keep_noted(f, &c->seen, mark, in, would, changed);
    c->began = changed && !(f->would & FLOW_WOULD_TOLD);
    if (next != f->would) track_would(t, &c->seen, next);
}

void audit_unjudged(const struct job *j, struct packet_ctx *c)
{
    const struct flow *f = track_about(j->vm->track, &c->seen);
    const unsigned would = f ? f->would & FLOW_WOULD_STATE : FLOW_WOULD_SAME;
    c->decision = decided_by_nobody(ACTION_ACCEPT);
    if (would == FLOW_WOULD_NOT)
        audit_judge(j, c);
    else if (would != FLOW_WOULD_SAME && c->seen.dir == FLOW_REPLY && track_flow(j->vm->track, &c->seen))
        track_would(j->vm->track, &c->seen, f->would & FLOW_WOULD_TOLD); /* in either case its replies pass unjudged */
}

/* Two words that are added at once: packets and bytes. */
typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));
static_assert(sizeof(pair) == sizeof(struct counter), "packets, bytes");

static inline void would_add(struct would_counter *c, uint64_t bytes, bool changed)
{
    const pair one = {1, bytes}, mask = {-(uint64_t)changed, -(uint64_t)changed};
    *(pair *)&c->decided += one;
    *(pair *)&c->changed += one & mask;
}

void audit_count(struct vm *vm, const struct verdict *v, uint32_t bytes, bool flow)
{
    const bool changed = verdict_changes(v);
    struct would_counter *const of = count_for(vm->audit, v->would_rule, v->would_firewall),
                                *const action = &vm->counters.would[v->would - 1];
    would_add(of, bytes, changed);
    would_add(action, bytes, changed);
    of->flows += changed && flow;
    action->flows += changed && flow;
}

void audit_settle(const struct job *j, struct packet_ctx *c)
{
    const struct vm *vm = j->vm;
    struct verdict *v = c->v;
    c->audited = false;
    v->would = 1 + decided_action(c->would);
    v->would_rule = decided_rule(c->would);
    v->would_firewall = decided_firewall(c->would);
    const bool has_flow = vm->track && c->seen.slot != FLOW_NONE;
    audit_count(j->vm, v, c->pkt->wire_len, has_flow && c->began);
}

static void counter_keep(struct would_counter *to, const struct would_counter *from)
{
    counter_sum(&to->decided, &from->decided);
    counter_sum(&to->changed, &from->changed);
    to->flows += from->flows;
}

void audit_batch(const struct job *j, struct pkt *const pkts[], uint64_t judged, struct verdict verdicts[])
{
    struct vm *vm = j->vm;
    struct would_counter sums[ACTION_COUNT] = {0};
    for (uint64_t left = judged; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left);
        const decided d = vm->decisions[at], would = vm->woulds[at];
        struct verdict *v = &verdicts[at];
        if (is_same(vm->program, d, would)) continue;
        v->would = 1 + decided_action(would);
        v->would_rule = decided_rule(would);
        v->would_firewall = decided_firewall(would);
        const bool changed = decided_changes(d, would);
        would_add(&sums[decided_action(would)], pkts[at]->wire_len, changed);
        would_add(count_for(vm->audit, v->would_rule, v->would_firewall), pkts[at]->wire_len, changed);
    }
    for (unsigned a = 0; a < ACTION_COUNT; a++) counter_keep(&vm->counters.would[a], &sums[a]);
}

void audit_let_by(const struct job *j, struct pkt *const pkts[], uint64_t judged, struct verdict verdicts[])
{
    struct vm *vm = j->vm;
    struct would_counter sums[ACTION_COUNT] = {0}, *const counts = vm->audit->counts;
    struct counter passed[2] = {0}; /* IP and the like, ARP */
    const uint32_t rules = vm->audit->p->rules_count;
    for (uint64_t left = judged; left; left &= left - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(left), flags = pkts[at]->flags & (PKT_SNAPPED | PKT_BAD_CSUM);
        const bool arp = vm->keys[at].kind & KIND_ARP;
        const decided would = vm->woulds[at];
        const uint32_t rule = decided_rule(would), firewall = decided_firewall(would), bytes = pkts[at]->wire_len;
        const enum action action = decided_action(would), is = arp ? ACTION_PASS : ACTION_ACCEPT;
        const bool changed = !decided_lets_in(would), other = rule != RULE_NONE || action != is;
        verdicts[at] = (struct verdict){.action = (uint8_t)is,
                                        .flags = (uint8_t)flags,
                                        .rule = RULE_NONE,
                                        .firewall = PBC_NONE,
                                        .service = PBC_NONE,
                                        .server = PBC_NONE,
                                        .would = other ? 1 + action : 0,
                                        .would_rule = other ? rule : 0,
                                        .would_firewall = other ? firewall : 0};
        if (__builtin_expect(flags, 0)) settle_noticed(vm, flags);
        *(pair *)&passed[arp] += (pair){1, bytes};
        if (__builtin_expect(!other, 0)) continue;
        would_add(&sums[action], bytes, changed);
        const uint32_t after = rules + firewall + 1, is_rule = -(uint32_t)(rule < RULE_DEFAULT); /* "nobody": 0 */
        would_add(&counts[(rule & is_rule) | (after & ~is_rule)], bytes, changed);
    }
    for (unsigned a = 0; a < ACTION_COUNT; a++) counter_keep(&vm->counters.would[a], &sums[a]);
    for (unsigned arp = 0; arp < 2; arp++) {
        counter_sum(&vm->counters.verdicts[arp ? ACTION_PASS : ACTION_ACCEPT], &passed[arp]);
        counter_sum(decider(vm, decided_by_nobody(ACTION_ACCEPT)), &passed[arp]);
    }
}

void audit_keep(struct vm *to, const struct vm *from, const struct remap *r)
{
    if (!to->audit || !from->audit) return;
    const struct program *p = from->audit->p;
    struct would_counter *const now = to->audit->counts, *const others = now + to->audit->p->rules_count;
    const struct would_counter *was = from->audit->counts;
    const bool same = memcmp(r->from->digest, r->program->digest, sizeof r->from->digest) == 0;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (same || r->would_rule[i] != PBC_NONE) counter_keep(&now[same ? i : r->would_rule[i]], &was[i]);
    was += p->rules_count;
    counter_keep(&others[0], &was[0]);
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (same || r->would_firewall[i] != PBC_NONE)
            counter_keep(&others[1 + (same ? i : r->would_firewall[i])], &was[1 + i]);
    meters_keep(to->audit->meters, from->audit->meters, r->meter);
}

void audit_add(struct vm *vm, const struct vm_counters *more)
{
    const struct program *p = vm->audit->p;
    for (unsigned a = 0; a < ACTION_COUNT; a++) counter_keep(&vm->counters.would[a], &more->would[a]);
    for (uint32_t i = 0; i < p->rules_count; i++) counter_keep(&vm->audit->counts[i], &more->would_rules[i]);
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        counter_keep(&vm->audit->counts[p->rules_count + 1 + i], &more->would_defaults[i]);
}
