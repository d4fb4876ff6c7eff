/* Limits that a worker reached (counters/limit.def). */
#include "runtime/worker/worker.h"
#include "vm/flow/flow.h"
#include "vm/packet/pkt.h"
#include "vm/verdict.h"

#define EVERY_NS UINT64_C(1000000000)

static void of_vm(const struct worker *w, const struct vm_counters *c, uint64_t now[])
{
    if (c->flows) {
        const uint64_t *ended = c->flows->ended;
        now[LIMIT_HALF_OPEN] = ended[FLOW_END_HALF_OPEN_LIMIT];
        now[LIMIT_FLOWS] = ended[FLOW_END_EVICTED_HALF_OPEN] + ended[FLOW_END_EVICTED_ONE_WAY] +
                           ended[FLOW_END_EVICTED_ANSWERED] + ended[FLOW_END_EVICTED_CLOSING];
        now[LIMIT_EVICTED] = ended[FLOW_END_EVICTED_LASTING] + ended[FLOW_END_EVICTED_ESTABLISHED];
    }
    if (c->forward) now[LIMIT_PORTS_SHORT] = c->forward->ports_short;
    if (c->forward) now[LIMIT_PORTS] += c->forward->exhausted; /* includes those of mappings */
    if (c->frags) now[LIMIT_FRAGMENTS] = c->frags->evicted + c->frags->not_held;
    if (c->observed) {
        now[LIMIT_OBSERVED] = c->observed->evicted + c->observed->full;
        now[LIMIT_OBSERVED_BYTES] = c->observed->memory + c->observed->first_short;
    }
    for (uint32_t i = 0; i < w->cfg.program->meters_count; i++) now[LIMIT_METERS] += c->meters[i].overflowed;
    now[LIMIT_HALF_OPEN] += c->wire_gave_way;
    now[LIMIT_MAX_FLOWS] = c->reasons[REASON_MAX_FLOWS].packets;
    now[LIMIT_RATE] = c->reasons[REASON_OVER_RATE].packets;
    now[LIMIT_REJECTS] = c->answers_limited;
}

void limits_publish(struct worker *w, uint64_t now_ns)
{
    uint64_t now[LIMITS] = {0};
    if (now_ns < w->limits_due_ns) return;
    w->limits_due_ns = time_after(now_ns, EVERY_NS);
    of_vm(w, vm_counters(w->vm), now);
    now[LIMIT_HANDED] = w->counters.hand_lost;
    now[LIMIT_NEIGHBOUR] = w->egress.counters.lost[LOSS_NEIGHBOUR];
    now[LIMIT_NO_WAY] = w->egress.counters.lost[LOSS_NO_WAY];
    now[LIMIT_NO_PORT] = w->egress.counters.lost[LOSS_NO_PORT];
    now[LIMIT_CROWD] = w->egress.counters.lost[LOSS_CROWD];
    for (unsigned i = 0; i < LIMITS; i++) __atomic_store_n(&w->limits[i], now[i], __ATOMIC_RELAXED);
}
