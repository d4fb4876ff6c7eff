/* Members whose flows are to end (lives.h), in two lists. One is filled under a lock, while walkers read the other,
 * in which only the counts change. */
#include <stdlib.h>
#include <string.h>

#include "vm/judge/live/live_priv.h"
#include "vm/judge/lives.h"

struct cut {
    struct live_net net;
    uint32_t set, at; /* at: the cut's place in the index */
    uint64_t until_ns;
    uint64_t ended; /* atomic: number of flows that have ended */
};
/* All members of a set, in place of single members that found no room */
struct cut_whole {
    uint64_t until_ns; /* 0: not asked for */
    uint64_t ended;    /* atomic: number of flows that have ended */
};
struct cut_list {
    struct cut *cuts; /* the cuts: [most] */
    uint32_t *index;  /* [places]: 1 + the index of a cut, searched from its hash on; 0: the end */
    uint32_t count;
    uint64_t lengths[2][3]; /* IPv4, IPv6: one bit for each prefix length in use */
    bool any_whole;
    struct cut_whole whole[FLOW_CUTS_SETS];
};
struct flow_cuts {
    struct flow_cuts_cfg cfg;
    struct hash_key hash;
    uint32_t places;                  /* a power of two, at least twice `most` */
    uint32_t lock;                    /* lock of the list that is filled */
    unsigned fills;                   /* number of the list that is filled */
    uint64_t waits;                   /* atomic; nonzero: that list has members */
    uint64_t taken;                   /* atomic; nonzero: the other list is a round, which may have yet to begin */
    uint64_t go_ns;                   /* time at which the round begins */
    uint64_t number;                  /* number of rounds taken */
    uint64_t now;                     /* atomic; number of the round that is walked; 0: none */
    uint64_t done[FLOW_CUTS_WALKERS]; /* atomic; number of the last round that each walker has done */
    struct cut_list lists[2];
};

struct flow_cuts *flow_cuts_new(const struct flow_cuts_cfg *cfg)
{
    uint32_t places = 2;
    while (places < 2 * (uint64_t)cfg->most) places *= 2;
    const size_t cuts = (size_t)cfg->most * sizeof(struct cut), index = places * sizeof(uint32_t);
    uint8_t *const all = calloc(1, sizeof(struct flow_cuts) + 2 * (cuts + index));
    if (!all) return NULL;
    struct flow_cuts *const c = (void *)all;
    *c = (struct flow_cuts){.cfg = *cfg, .places = places};
    hash_key_init(&c->hash, cfg->seed);
    for (unsigned i = 0; i < 2; i++) {
        c->lists[i].cuts = (void *)(all + sizeof *c + i * cuts);
        c->lists[i].index = (void *)(all + sizeof *c + 2 * cuts + i * index);
    }
    return c;
}

void flow_cuts_free(struct flow_cuts *c) { free(c); }

/* Return the place in the index where the network of the address's first `len` bits is, or would be. */
static uint32_t place_find(const struct flow_cuts *c, const struct cut_list *l, const uint32_t addr[4], bool v6,
                           unsigned len)
{
    const struct live_key key = live_key_of(addr, v6, len);
    uint32_t at = (uint32_t)hash_words(&c->hash, key.word, v6 ? KEY6_WORDS : KEY4_WORDS) & (c->places - 1);
    for (; l->index[at]; at = (at + 1) & (c->places - 1)) {
        const struct live_net *net = &l->cuts[l->index[at] - 1].net;
        if (net->len != len || net->v6 != v6) continue;
        const struct live_key other = live_key_of(net->addr, v6, len);
        if (memcmp(&key, &other, (v6 ? KEY6_WORDS : KEY4_WORDS) * sizeof *key.word) == 0) return at;
    }
    return at;
}

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

static void list_put(const struct flow_cuts *c, struct cut_list *l, uint32_t set, const struct live_net *net,
                     uint64_t until_ns)
{
    const uint32_t at = place_find(c, l, net->addr, net->v6, net->len);
    if (l->index[at]) {
        struct cut *const cut = &l->cuts[l->index[at] - 1];
        cut->until_ns = later(cut->until_ns, until_ns);
    } else if (l->count == c->cfg.most) {
        l->any_whole = true;
        l->whole[set].until_ns = later(l->whole[set].until_ns, until_ns);
    } else {
        l->cuts[l->count++] = (struct cut){.net = *net, .set = set, .at = at, .until_ns = until_ns};
        l->index[at] = l->count;
        l->lengths[net->v6][net->len / 64] |= UINT64_C(1) << net->len % 64;
    }
}

void flow_cuts_ask(struct flow_cuts *c, uint32_t set, const struct live_net *net, uint64_t now_ns)
{
    live_lock(&c->lock);
    list_put(c, &c->lists[c->fills], set, net, now_ns + c->cfg.slack_ns);
    __atomic_store_n(&c->waits, 1, __ATOMIC_SEQ_CST);
    live_unlock(&c->lock);
}

bool flow_cuts_wait(const struct flow_cuts *c) { return __atomic_load_n(&c->waits, __ATOMIC_SEQ_CST); }
bool flow_cuts_under_way(const struct flow_cuts *c) { return __atomic_load_n(&c->taken, __ATOMIC_SEQ_CST); }
uint64_t flow_cuts_number(const struct flow_cuts *c) { return c->number; }

/* Make a round of the list that was filled. */
static void list_take(struct flow_cuts *c, uint64_t now_ns)
{
    __atomic_store_n(&c->taken, 1, __ATOMIC_SEQ_CST);
    live_lock(&c->lock);
    c->fills ^= 1;
    __atomic_store_n(&c->waits, 0, __ATOMIC_SEQ_CST);
    live_unlock(&c->lock);
    c->number++;
    c->go_ns = now_ns + c->cfg.rest_ns;
}

bool flow_cuts_begin(struct flow_cuts *c, uint64_t now_ns)
{
    if (c->now) return false;
    if (!c->taken && !flow_cuts_wait(c)) return false;
    if (!c->taken) list_take(c, now_ns);
    if (now_ns < c->go_ns) return false;
    __atomic_store_n(&c->now, c->number, __ATOMIC_SEQ_CST);
    return true;
}

uint64_t flow_cuts_due_ns(const struct flow_cuts *c)
{
    if (c->taken) return c->now ? UINT64_MAX : c->go_ns;
    return flow_cuts_wait(c) ? 0 : UINT64_MAX;
}

bool flow_cuts_done(const struct flow_cuts *c, unsigned walker)
{
    return __atomic_load_n(&c->done[walker], __ATOMIC_ACQUIRE) == c->number;
}

/* Return the list of the round under way. */
static struct cut_list *list_walked(struct flow_cuts *c) { return &c->lists[c->fills ^ 1]; }

uint64_t flow_cuts_ended(const struct flow_cuts *c, uint32_t set, const struct live_net *net)
{
    const struct cut_list *l = &c->lists[c->fills ^ 1];
    const uint32_t at = l->index[place_find(c, l, net->addr, net->v6, net->len)];
    return __atomic_load_n(at ? &l->cuts[at - 1].ended : &l->whole[set].ended, __ATOMIC_RELAXED);
}

void flow_cuts_end(struct flow_cuts *c, flow_cuts_told_fn *told, void *arg)
{
    struct cut_list *const l = list_walked(c);
    __atomic_store_n(&c->now, 0, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < l->count; i++) {
        l->index[l->cuts[i].at] = 0;
        if (l->cuts[i].ended) told(arg, l->cuts[i].set, l->cuts[i].ended);
    }
    for (uint32_t i = 0; i < FLOW_CUTS_SETS && l->any_whole; i++)
        if (l->whole[i].ended) told(arg, i, l->whole[i].ended);
    if (l->any_whole) memset(l->whole, 0, sizeof l->whole);
    memset(l->lengths, 0, sizeof l->lengths);
    l->any_whole = false;
    l->count = 0;
    __atomic_store_n(&c->taken, 0, __ATOMIC_SEQ_CST);
}

bool flow_cuts_due(const struct flow_cuts *c, unsigned walker)
{
    const uint64_t now = __atomic_load_n(&c->now, __ATOMIC_ACQUIRE);
    return now && __atomic_load_n(&c->done[walker], __ATOMIC_RELAXED) != now;
}

static uint64_t *list_cover(const struct flow_cuts *c, struct cut_list *l, const struct flow_cuts_addr *a,
                            uint64_t began_ns)
{
    for (unsigned word = 3; word--;)
        for (uint64_t left = l->lengths[a->v6][word]; left;) {
            const unsigned bit = 63 - (unsigned)__builtin_clzll(left);
            const uint32_t at = l->index[place_find(c, l, a->addr, a->v6, 64 * word + bit)];
            if (at && began_ns <= l->cuts[at - 1].until_ns) return &l->cuts[at - 1].ended;
            left &= ~(UINT64_C(1) << bit);
        }
    return NULL;
}

/* The same as list_cover for sets of which all members are asked for. */
static uint64_t *whole_cover(struct cut_list *l, const struct lives *lives, const struct flow_cuts_addr *a,
                             uint64_t began_ns)
{
    for (uint32_t i = 0; lives && i < lives->count; i++) {
        struct cut_whole *const w = &l->whole[lives->named[i]];
        if (w->until_ns && began_ns <= w->until_ns && live_has(lives_set(lives, i), lives_now(lives), a->addr, a->v6))
            return &w->ended;
    }
    return NULL;
}

uint64_t *flow_cuts_cover(struct flow_cuts *c, const struct lives *l, const struct flow_cuts_flow *f)
{
    struct cut_list *const list = list_walked(c);
    uint64_t *ended = NULL;
    for (unsigned i = 0; i < f->count && !ended; i++) ended = list_cover(c, list, &f->of[i], f->began_ns);
    for (unsigned i = 0; i < f->count && !ended && list->any_whole; i++)
        ended = whole_cover(list, l, &f->of[i], f->began_ns);
    return ended;
}

void flow_cuts_walked(struct flow_cuts *c, unsigned walker)
{
    __atomic_store_n(&c->done[walker], __atomic_load_n(&c->now, __ATOMIC_RELAXED), __ATOMIC_RELEASE);
}
