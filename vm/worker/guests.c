/* An open hash table of ends, see guests.h */
#include "vm/worker/guests.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vm/keyed/hash.h"

enum { FIRST = 64, GUESTS_MOST = 1 << 24 };
static_assert(sizeof(struct guest) == 40, "no padding");

struct guests {
    struct hash_key key;
    uint32_t users, count, room; /* room: a power of two, at least twice `count`; a slot with `proto` 0 is free */
    struct guest *all;           /* `proto` is one more than in a guest */
};

struct guests *guests_new(uint64_t seed)
{
    struct guests *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    hash_key_init(&g->key, seed ^ 0x6775657374);
    g->users = 1;
    g->room = FIRST;
    g->all = calloc(g->room, sizeof *g->all);
    if (g->all) return g;
    free(g);
    return NULL;
}

struct guests *guests_get(struct guests *g)
{
    if (g) g->users++;
    return g;
}

void guests_put(struct guests *g)
{
    if (!g || --g->users) return;
    free(g->all);
    free(g);
}

uint32_t guests_count(const struct guests *g) { return g ? g->count : 0; }

static bool same_ends(const struct guest *a, const struct guest *b)
{
    return !memcmp(a->own, b->own, sizeof a->own) && !memcmp(a->other, b->other, sizeof a->other) &&
           a->port == b->port && a->other_port == b->other_port && a->proto == b->proto && a->v6 == b->v6 &&
           a->any == b->any;
}

/* Return the slot of those ends, or the free one for them. */
static struct guest *slot_of(const struct guests *g, const struct guest *ends)
{
    struct hash_sum sum = {0, 0};
    const uint32_t rest = (uint32_t)ends->proto << 16 | (uint32_t)ends->v6 << 8 | ends->any;
    hash_two(&sum, &g->key, 0, hash_pair(ends->own[0], ends->own[1]), hash_pair(ends->own[2], ends->own[3]));
    hash_two(&sum, &g->key, 2, hash_pair(ends->other[0], ends->other[1]), hash_pair(ends->other[2], ends->other[3]));
    hash_two(&sum, &g->key, 4, hash_pair((uint32_t)ends->port << 16 | ends->other_port, rest), 0);
    uint32_t at = (uint32_t)(hash_close(&g->key, &sum) >> 32) & (g->room - 1);
    while (g->all[at].proto && !same_ends(&g->all[at], ends)) at = (at + 1) & (g->room - 1);
    return &g->all[at];
}

static bool grow(struct guests *g)
{
    struct guests old = *g;
    struct guest *all = g->room < GUESTS_MOST ? calloc(2 * (size_t)g->room, sizeof *all) : NULL;
    if (!all) return false;
    g->all = all;
    g->room *= 2;
    for (uint32_t i = 0; i < old.room; i++)
        if (old.all[i].proto) *slot_of(g, &old.all[i]) = old.all[i];
    free(old.all);
    return true;
}

bool guests_add(struct guests *g, const struct guest *one)
{
    struct guest kept = *one;
    kept.proto++;
    if (2 * g->count >= g->room && !grow(g)) return false;
    struct guest *slot = slot_of(g, &kept);
    g->count += !slot->proto;
    if (!slot->proto) *slot = kept;
    return true;
}

int guests_find(const struct guests *g, const struct guest *ends)
{
    struct guest one = *ends;
    one.proto++;
    one.any = 0;
    const struct guest *found = slot_of(g, &one);
    if (found->proto) return found->worker;
    memset(one.other, 0, sizeof one.other);
    one.other_port = 0;
    one.any = 1;
    found = slot_of(g, &one);
    return found->proto ? found->worker : -1;
}

bool guests_archive(struct guests *g, struct archive *a, unsigned workers)
{
    uint32_t count = g->count, at = 0;
    ARCHIVE(a, count);
    for (uint32_t n = 0; n < count && !a->bad; n++) {
        struct guest one = {0};
        if (!a->reads) {
            while (!g->all[at].proto) at++;
            one = g->all[at++];
            one.proto--;
        }
        ARCHIVE(a, one);
        if (a->reads)
            archive_sound(a, one.worker < workers && one.v6 <= 1 && one.any <= 1 && one.proto < UINT8_MAX &&
                                 guests_add(g, &one));
    }
    return !a->bad;
}
