/* The capture's clock: the time at a frame, the schedules active then, and the deadlines of the vm's timers. Time
 * goes in steps that depend only on the program, and every frame is judged at the beginning of its step, so that its
 * verdict does not depend on the other frames of its batch. */
#include "runtime/replay/replay_priv.h"
#include "runtime/schedule/schedule.h"
#include "vm/packet/pkt.h"
#include "vm/vm.h"

enum { EXACT_NS = 1, COARSE_NS = 1000000 };
/* Delay of the tick after a judgement. A vm that has judged may have a new deadline, which only a tick reports.
 * While the vm holds a frame, the tick comes when this frame has waited long enough. */
#define ASK_AFTER_NS UINT64_C(1000000000)
/* Part at the end of a long silence in which ticks are made; longer than a round over the flow table. After ROUNDS_FREE
 * silent ticks, each further silence gets ticks only at its very end. */
#define ROUND_NS UINT64_C(16000000000)
enum { ROUNDS_FREE = 1 << 14 };
enum { TICKS_MOST = 128 }; /* between two frames: one for each held frame, and a round */

/* Return the step of a program. Tokens of meters, and round trips of observed connections, need nanoseconds; tokens
 * of answers, and timeouts, need coarser steps. */
static uint64_t step_of(const struct program *p)
{
    if (p->meters_count || p->observes_count) return EXACT_NS;
    if (p->meta->flags & PBC_KEEPS_FLOWS) return COARSE_NS;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].verdict == PBC_V_REJECT) return COARSE_NS;
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (p->firewalls[i].default_verdict == PBC_V_REJECT) return COARSE_NS;
    for (uint32_t i = 0; i < p->services_count; i++)
        if (p->services[i].no_server == PBC_NO_SERVER_RESET) return COARSE_NS;
    return UINT64_MAX;
}

struct replay_clock replay_clock_of(const struct subject *r)
{
    const uint64_t step = step_of(r->program);
    const uint32_t flags = r->program->meta->flags;
    const bool fragments = step == UINT64_MAX && flags & PBC_FOLLOWS_FRAGMENTS;
    return (struct replay_clock){.program = r->program,
                                 .facts = r->facts,
                                 .step_ns = fragments ? COARSE_NS : step,
                                 .only_fragments =
                                     fragments &&
                                     !(flags & PBC_OPENS), /* a look at the outer headers does not see inside tunnels */
                                 .until_ns = r->program->schedules_count ? 0 : UINT64_MAX,
                                 .timers = r->program->meters_count || r->program->observes_count ||
                                           flags & (PBC_KEEPS_FLOWS | PBC_FOLLOWS_FRAGMENTS),
                                 .tick_ns = UINT64_MAX};
}

/* Return the beginning of the step that contains the time. */
static uint64_t step_begin(const struct replay_clock *c, uint64_t time_ns)
{
    return c->step_ns == UINT64_MAX ? time_ns : time_ns - time_ns % c->step_ns;
}

struct vm_in replay_clock_at(struct replay_clock *c, uint64_t time_ns)
{
    const bool same = time_ns < c->now_ns || time_ns - c->now_ns < c->step_ns; /* the comparison saves a division */
    if (!same || c->step_ns == UINT64_MAX) {
        const uint64_t now = step_begin(c, time_ns);
        if (now > c->now_ns) c->now_ns = now;
    }
    if (c->now_ns >= c->until_ns) c->facts.schedules = schedules_at(c->program, c->now_ns, &c->until_ns);
    if (c->timers) c->tick_ns = time_sooner(c->tick_ns, time_after(c->now_ns, ASK_AFTER_NS));
    return (struct vm_in){.mono_ns = c->now_ns, .facts = &c->facts};
}

/* Return the first step at or after the deadline. */
static uint64_t step_after(const struct replay_clock *c, uint64_t deadline_ns)
{
    if (c->step_ns == UINT64_MAX || deadline_ns > UINT64_MAX - c->step_ns) return deadline_ns;
    return step_begin(c, deadline_ns + c->step_ns - 1);
}

void replay_clock_held(struct replay_clock *c)
{
    c->tick_ns = time_sooner(c->tick_ns, time_after(c->now_ns, FRAG_HOLD_NS));
}

/* Return the time of the next tick, after a tick that reported this deadline. */
static uint64_t tick_after(struct replay_clock *c, uint64_t deadline_ns, uint64_t now)
{
    const uint64_t next = step_after(c, deadline_ns);
    const uint64_t round = c->silent_ticks < ROUNDS_FREE ? ROUND_NS : 0;
    if (deadline_ns < time_after(c->now_ns, ASK_AFTER_NS) || now <= round) return next;
    c->silent_ticks += next <= now;
    return next < now - round ? now - round : next;
}

void replay_clock_tick(struct replay_clock *c, uint64_t time_ns, struct executor *exec, struct vm_tx *tx, left_fn *left,
                       void *arg)
{
    if (c->tick_ns > time_ns) return;
    const uint64_t now = step_begin(c, time_ns);
    for (unsigned i = 0; i < TICKS_MOST && c->tick_ns <= now && c->tick_ns != UINT64_MAX; i++) {
        const struct vm_in in = replay_clock_at(c, c->tick_ns);
        const uint64_t deadline = executor_tick(exec, &in, tx);
        left(arg);
        c->tick_ns = tick_after(c, deadline, now);
    }
}
