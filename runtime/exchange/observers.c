/* Each packet is parsed once in a copy, then put to all filters; verdicts are filled in after the batch */
#include "runtime/exchange/observers.h"

#include <time.h>

#include "runtime/base/clock.h"

int observing_init(struct observing *o) { return o->tape.memory ? 0 : tape_init(&o->tape, OBSERVED_BYTES, 0, 0); }

void observing_fini(struct observing *o) { tape_fini(&o->tape); }

void observers_take(struct observing *o)
{
    const struct observer_set *s = __atomic_load_n(&o->latest, __ATOMIC_ACQUIRE);
    uint32_t snap = 0;
    for (unsigned i = 0; i < OBSERVERS_MOST; i++) {
        if (!s->of[i].filter) continue;
        if (s->of[i].id != o->ids[i]) limit_init(&o->limits[i], s->of[i].rate);
        o->ids[i] = s->of[i].id;
        if (s->of[i].snap > snap) snap = s->of[i].snap;
    }
    o->tape.snap = snap;
    o->set = s->count ? s : NULL;
    __atomic_store_n(&o->taken, s->number, __ATOMIC_RELEASE);
}

static void observer_lose(struct observing *o, unsigned i)
{
    __atomic_store_n(&o->lost[i], o->lost[i] + 1, __ATOMIC_RELAXED);
}

/* Return the observers that get the packet; bit i: observer i. stands: as in struct tape_seen. */
static uint32_t who_looks(struct observing *o, const struct pkt *pkt, const struct facts *facts, uint64_t now_ns,
                          uint32_t *stands)
{
    *stands = o->set->thin ? thin_take(&o->thin, now_ns, THIN_OBSERVED) : 0;
    const uint32_t may = o->set->all | (*stands ? o->set->thin : 0);
    if (!may) return 0;
    struct pkt seen = *pkt;
    struct key key;
    uint32_t mask = 0;
    pkt_parse(&seen, facts, &key);
    for (unsigned i = 0; i < OBSERVERS_MOST; i++) {
        const struct observer *one = &o->set->of[i];
        if (!(may >> i & 1) || !filter_takes(one->filter, &seen, &key, (unsigned)pkt->cookie)) continue;
        if (one->thins || limit_take(&o->limits[i], now_ns))
            mask |= 1u << i;
        else
            observer_lose(o, i);
    }
    return mask;
}

void observe(struct observing *o, struct pkt *const pkts[], unsigned n, const struct facts *facts, uint64_t program)
{
    const uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    o->count = 0;
    o->record = NULL;
    for (unsigned i = 0; i < n; i++) {
        uint32_t stands;
        const uint32_t mask = who_looks(o, pkts[i], facts, now_ns, &stands);
        if (!mask) continue;
        o->stands[o->count] = stands;
        o->masks[o->count] = mask;
        o->pkts[o->count] = pkts[i];
        o->at[o->count++] = (uint8_t)i;
    }
    if (!o->count) return;
    o->record = tape_seen_begin(&o->tape, o->pkts, o->masks, o->stands, o->count, now_ns, program);
    for (unsigned i = 0; i < o->count && !o->record; i++)
        for (uint32_t left = o->masks[i]; left; left &= left - 1) observer_lose(o, (unsigned)__builtin_ctz(left));
}

bool observed(struct observing *o, const struct verdict verdicts[])
{
    if (!o->count || !o->record) return false;
    tape_seen_end(&o->tape, o->record, verdicts, o->at);
    o->count = 0;
    return true;
}

bool observed_late(struct observing *o, struct pkt *pkt, const struct verdict *v, const struct facts *facts,
                   uint64_t program)
{
    observe(o, &pkt, 1, facts, program);
    return observed(o, v);
}
