/* Held segments, see conns_priv.h */
#include <stdlib.h>

#include "vm/cfg.h"
#include "vm/forward/inline/conns_priv.h"

struct holds {
    struct hold at[HOLDS_MOST];
    uint32_t used[HOLDS_MOST];  /* places in use, in no order */
    uint32_t spare[HOLDS_MOST]; /* places that are free */
    uint32_t place[HOLDS_MOST]; /* index in `used` of each place */
    uint32_t count, held;
};

struct holds *holds_new(void)
{
    struct holds *h = calloc(1, sizeof *h);
    for (uint32_t i = 0; h && i < HOLDS_MOST; i++) h->spare[i] = HOLDS_MOST - 1 - i;
    return h;
}

void holds_free(struct holds *h)
{
    while (h && h->count) hold_end(h, h->used[0]);
    free(h);
}

struct hold *hold_begin(struct holds *h, uint32_t number, uint64_t until_ns, uint32_t *at)
{
    if (h->count == HOLDS_MOST) return NULL;
    *at = h->spare[HOLDS_MOST - 1 - h->count];
    h->place[*at] = h->count;
    h->used[h->count++] = *at;
    struct hold *o = &h->at[*at];
    o->first = o->count = o->of[AT_CLIENT] = o->of[AT_SERVER] = 0;
    o->number = number;
    o->asked = o->read_on = false;
    o->why = SPLICE_WHY_LATE;
    o->until_ns = until_ns;
    return o;
}

struct hold *hold_at(struct holds *h, uint32_t at) { return at < HOLDS_MOST ? &h->at[at] : NULL; }
unsigned holds_count(const struct holds *h) { return h->count; }
struct hold *holds_each(struct holds *h, unsigned i) { return &h->at[h->used[i]]; }

bool hold_put(struct holds *h, struct hold *o, struct pkt *pkt, enum inline_at from)
{
    if (o->of[from] == HELD_EACH || h->held == INLINE_HELD_MOST) return false;
    o->queue[(o->first + o->count++) % (2 * HELD_EACH)] = (struct held_segment){pkt, (uint8_t)from};
    o->of[from]++;
    h->held++;
    return true;
}

struct pkt *hold_take(struct holds *h, struct hold *o, enum inline_at *from)
{
    if (!o->count) return NULL;
    const struct held_segment *first = &o->queue[o->first];
    o->first = (o->first + 1) % (2 * HELD_EACH);
    o->count--;
    o->of[first->from]--;
    h->held--;
    *from = (enum inline_at)first->from;
    return first->pkt;
}

void hold_end(struct holds *h, uint32_t at)
{
    struct hold *o = &h->at[at];
    enum inline_at from;
    for (struct pkt *pkt; (pkt = hold_take(h, o, &from));) pool_put(pkt);
    const uint32_t place = h->place[at], last = h->used[--h->count];
    h->used[place] = last;
    h->place[last] = place;
    h->spare[HOLDS_MOST - 1 - h->count] = at;
}
