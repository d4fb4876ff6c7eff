/* Rings of waits, see waits.h */
#include "vm/forward/cookie/waits.h"

static const uint64_t delay_ns[WAIT_TIMES] = {WAIT_FIRST_NS, 2 * WAIT_FIRST_NS, 4 * WAIT_FIRST_NS};

bool waits_add(struct waits *w, unsigned time, int32_t slot, uint32_t cookie, uint64_t now_ns)
{
    if (w->count[time] == WAIT_MOST) return false;
    w->rings[time][(w->first[time] + w->count[time]++) % WAIT_MOST] =
        (struct wait){.slot = slot, .cookie = cookie, .due_ns = now_ns + delay_ns[time]};
    return true;
}

void waits_put(struct waits *w, unsigned time, const struct wait *one)
{
    uint32_t at = w->count[time];
    if (at == WAIT_MOST) return;
    w->count[time]++;
    for (; at; at--) {
        const struct wait *before = &w->rings[time][(w->first[time] + at - 1) % WAIT_MOST];
        if (before->due_ns <= one->due_ns) break;
        w->rings[time][(w->first[time] + at) % WAIT_MOST] = *before;
    }
    w->rings[time][(w->first[time] + at) % WAIT_MOST] = *one;
}

bool waits_take(struct waits *w, uint64_t now_ns, unsigned *time, struct wait *out)
{
    for (unsigned i = 0; i < WAIT_TIMES; i++) {
        if (!w->count[i] || w->rings[i][w->first[i]].due_ns > now_ns) continue;
        *out = w->rings[i][w->first[i]];
        *time = i;
        w->first[i] = (w->first[i] + 1) % WAIT_MOST;
        w->count[i]--;
        return true;
    }
    return false;
}

uint64_t waits_next(const struct waits *w)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < WAIT_TIMES; i++)
        if (w->count[i] && w->rings[i][w->first[i]].due_ns < next) next = w->rings[i][w->first[i]].due_ns;
    return next;
}

static void archive_ring(struct waits *w, unsigned time, struct archive *a, uint32_t slots)
{
    uint32_t count = w->count[time];
    ARCHIVE(a, count);
    if (!archive_sound(a, count <= WAIT_MOST)) return;
    for (uint32_t i = 0; i < count && !a->bad; i++) {
        struct wait *one = &w->rings[time][(w->first[time] + i) % WAIT_MOST];
        ARCHIVE(a, *one);
        archive_sound(a, one->slot >= 0 && (uint32_t)one->slot < slots);
    }
    w->count[time] = count;
}

bool waits_archive(struct waits *w, struct archive *a, uint32_t slots)
{
    for (unsigned time = 0; time < WAIT_TIMES && !a->bad; time++) archive_ring(w, time, a, slots);
    return !a->bad;
}
