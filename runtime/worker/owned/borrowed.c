/* See borrowed.h. */
#include "runtime/worker/owned/borrowed.h"

/* Packets that come closer than NEAR_MS pay for a loan; a loan that was asked for may take PAUSE_MS to come. */
enum { NEAR_MS = 25, PAUSE_MS = 5 };

static struct borrowed *set_of(struct borrowings *all, const struct known *ends)
{
    return all->sets[known_hash(ends) >> (64 - BORROWED_BITS)];
}

static struct borrowed *place_find(struct borrowings *all, const struct known *ends)
{
    struct borrowed *set = set_of(all, ends);
    if (known_is(&set[0].ends, ends)) return &set[0];
    return known_is(&set[1].ends, ends) ? &set[1] : NULL;
}

/* An existing loan is not overwritten, because a packet of the batch may be about to leave by it. */
struct borrowed *borrowed_of(struct borrowings *all, const struct known *ends)
{
    struct borrowed *b = place_find(all, ends);
    if (b) return b;
    struct borrowed *set = set_of(all, ends);
    b = &set[(int32_t)(set[1].asks_ms - set[0].asks_ms) < 0];
    b->ends = *ends;
    b->ends.owner = 1;
    b->asks_ms = 0;
    b->has = false;
    return b;
}

void borrowed_take(struct borrowings *all, const struct offer *o)
{
    struct borrowed *b = place_find(all, &o->ends);
    if (!b) return;
    b->loan = o->loan;
    b->world = (uint32_t)o->world;
    b->has = true;
    b->settled = false;
}

bool borrowed_takes(struct borrowed *b, uint64_t world, uint64_t now_ns, const uint32_t *released,
                    const struct pkt *pkt, const struct plain *p)
{
    if (!b->has || b->world != (uint32_t)world || !loan_holds(&b->loan, now_ns)) return false;
    if (!b->settled && (int32_t)(__atomic_load_n(released, __ATOMIC_ACQUIRE) - b->put) < 0) return false;
    b->settled = true;
    return vm_loan_takes(&b->loan, pkt, p);
}

bool borrowed_renews(struct borrowed *b, uint64_t now_ns)
{
    if (now_ns + LOAN_NS / 2 < b->loan.until_ns) return false;
    const uint32_t now_ms = (uint32_t)(now_ns / 1000000);
    if ((int32_t)(now_ms - b->asks_ms) < 0) return false;
    b->asks_ms = now_ms + PAUSE_MS;
    return true;
}

bool borrowed_asks(struct borrowed *b, uint64_t now_ns)
{
    const uint32_t now_ms = (uint32_t)(now_ns / 1000000);
    const int32_t since = (int32_t)(now_ms - b->asks_ms);
    if (since < 0) return false;
    const bool near = since < NEAR_MS;
    b->asks_ms = near ? now_ms + PAUSE_MS : now_ms;
    return near;
}
