/* The capture's clock: what time it is at a frame, and which schedules are active then. */
#include "runtime/replay/replay_priv.h"
#include "runtime/schedule/schedule.h"

enum { EXACT_NS = 1, REJECTS_NS = 1000000 };

/* Tokens of meters are worth single nanoseconds; those of answers need not be told so finely. */
static uint64_t step_of(const struct program *p)
{
    if (p->meters_count) return EXACT_NS;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].verdict == PBC_V_REJECT) return REJECTS_NS;
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        if (p->firewalls[i].default_verdict == PBC_V_REJECT) return REJECTS_NS;
    for (uint32_t i = 0; i < p->services_count; i++)
        if (p->services[i].no_server == PBC_NO_SERVER_RESET) return REJECTS_NS;
    return UINT64_MAX;
}

struct replay_clock replay_clock_of(const struct replay *r)
{
    return (struct replay_clock){.program = r->program,
                                 .facts = r->facts,
                                 .step_ns = step_of(r->program),
                                 .until_ns = r->program->schedules_count ? 0 : UINT64_MAX};
}

struct vm_in replay_clock_at(struct replay_clock *c, uint64_t time_ns)
{
    if (time_ns > c->now_ns) c->now_ns = time_ns;
    if (c->now_ns >= c->until_ns) c->facts.schedules = schedules_at(c->program, c->now_ns, &c->until_ns);
    return (struct vm_in){.mono_ns = c->now_ns, .facts = &c->facts};
}
