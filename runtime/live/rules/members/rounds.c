/* Cuts (vm/judge/lives.h). The main thread begins a round when members wait, wakes all threads that keep flows, and
 * ends the round when all have finished. Members that come meanwhile wait for the next round. */
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/live/carry/kernel/in_kernel.h"
#include "runtime/live/carry/proxy/proxied.h"
#include "runtime/live/rules/members/members.h"
#include "runtime/proxy/proxy.h"
#include "vm/judge/lives.h"

enum { CUTS_MOST = 1 << 16, CUTS_OTHERS = FLOW_CUTS_SETS - 1 /* number shared by sets for which no other is free */ };
/* Clocks of workers are at most a batch behind, those of the kernel a tick. */
#define CUTS_SLACK_NS UINT64_C(10000000)
/* A kernel stage may have judged a packet before a member came, and write its flow after that. */
#define CUTS_REST_NS UINT64_C(10000000)
#define SIGN_NS      UINT64_C(1000000000)
static_assert((int)WORKERS_MOST <= (int)FLOW_CUTS_LOOPS, "each worker and each loop has a number");

bool members_cut_begin(struct rules *rules)
{
    struct carry *carry = rules->carry;
    if (!carry->cuts)
        carry->cuts = flow_cuts_new(&(struct flow_cuts_cfg){.most = CUTS_MOST,
                                                            .slack_ns = CUTS_SLACK_NS,
                                                            .rest_ns = carry->in_kernel ? CUTS_REST_NS : 0,
                                                            .seed = carry->seed});
    return carry->cuts;
}

uint16_t members_cut_number(const struct members *m)
{
    uint64_t taken[FLOW_CUTS_SETS / 64] = {0};
    uint16_t number = 0;
    for (const struct member_set *s = m->first; s; s = s->next) taken[s->number / 64] |= UINT64_C(1) << s->number % 64;
    while (number < CUTS_OTHERS && taken[number / 64] >> number % 64 & 1) number++;
    return number;
}

void members_cut_by(const struct rules *rules, struct lives *l, const struct program *p)
{
    uint16_t named[PBC_LIVES_MAX];
    for (uint32_t i = 0; i < l->count; i++) named[i] = members_named(rules, program_str(p, p->lives[i].name))->number;
    lives_cut_by(l, rules->carry->cuts, named);
}

void member_cut(const struct rules *rules, const struct member_target *t, const struct live_net *net)
{
    lives_at(t->at[0].lives, clock_ns(CLOCK_MONOTONIC)); /* the turn's time may be long past */
    lives_cut(t->at[0].lives, t->at[0].live, net);
    in_kernel_cut(rules->carry);
}

void members_cut_wait(struct rules *rules, struct cut_wait *w)
{
    w->round = flow_cuts_number(rules->carry->cuts) + 1;
    w->sign_ns = members_now_ms() * 1000000;
    w->next = rules->members->waiting;
    rules->members->waiting = w;
}

void members_cut_leave(struct rules *rules, struct cut_wait *w)
{
    struct cut_wait **at = &rules->members->waiting;
    while (*at && *at != w) at = &(*at)->next;
    if (*at) *at = w->next;
}

static bool all_done(const struct carry *carry)
{
    bool done = true;
    for (unsigned i = 0; i < carry->worker_count; i++) done &= flow_cuts_done(carry->cuts, i);
    for (unsigned i = 0; i < proxied_loops(carry); i++) done &= flow_cuts_done(carry->cuts, FLOW_CUTS_LOOPS + i);
    return done;
}

static void count_cut(void *arg, uint32_t number, uint64_t flows)
{
    const struct members *m = arg;
    for (struct member_set *s = m->first; s; s = s->next)
        if (s->number == number) s->cut += flows;
}

/* Answer the calls whose members were in the round that has just ended. */
static void tell_waiting(struct rules *rules)
{
    const struct flow_cuts *c = rules->carry->cuts;
    for (struct cut_wait *w = rules->members->waiting, *next; w; w = next) {
        uint64_t flows = 0;
        next = w->next;
        if (w->round > flow_cuts_number(c)) continue;
        for (size_t i = 0; i < w->count; i++) flows += flow_cuts_ended(c, w->set, &w->nets[i]);
        members_cut_leave(rules, w);
        w->done(w, flows);
    }
}

uint64_t members_cut_due_ns(const struct rules *rules)
{
    return rules->members && rules->carry->cuts ? flow_cuts_due_ns(rules->carry->cuts) : UINT64_MAX;
}

void members_cut(struct rules *rules, uint64_t now_ns)
{
    struct carry *carry = rules->carry;
    if (!rules->members || !carry->cuts) return;
    if (flow_cuts_under_way(carry->cuts) && all_done(carry)) {
        tell_waiting(rules);
        flow_cuts_end(carry->cuts, count_cut, rules->members);
    }
    for (struct cut_wait *w = rules->members->waiting; w; w = w->next) {
        if (now_ns < w->sign_ns + SIGN_NS) continue;
        w->sign_ns = now_ns;
        w->lasts(w);
    }
    if (!flow_cuts_begin(carry->cuts, now_ns)) return;
    for (unsigned i = 0; i < carry->worker_count; i++) worker_cut(carry->workers[i]);
    for (unsigned i = 0; i < proxied_loops(carry); i++) proxy_cut(proxied_loop(carry, i));
}
