/* Flows by who opened them, see sources.h: counted entries in groups of sixteen with tags, as flows lie. */
#include "vm/flow/sources.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vm/flow/hash.h"
#include "vm/flow/tags.h"

/* The bit of a hash that says IPv6: it is the tag's lowest, so families never compare equal. */
enum { HASH_V6 = 1 };

struct source {
    uint32_t addr[4];
    uint32_t flows;
    uint32_t reserved[3];
};
static_assert(sizeof(struct source) == 32, "never across two lines");

struct sources {
    uint16_t *tags;
    struct source *slots;
    uint32_t groups;
    uint64_t full;
    struct hash_key key;
};

static struct place place_of_addr(const struct sources *s, const uint32_t addr[4], bool v6)
{
    const hash_sum sum = hash_two(&s->key, 0, hash_pair(addr[0], addr[1]), hash_pair(addr[2], addr[3]));
    return place_of((hash_close(&s->key, sum) & ~(uint64_t)HASH_V6) | (v6 ? HASH_V6 : 0), s->groups);
}

static const uint16_t *group(const struct sources *s, uint32_t i) { return s->tags + (size_t)i * GROUP; }

static struct source *find(const struct sources *s, const struct place *at, const uint32_t addr[4], uint32_t *slot)
{
    uint32_t hits = tags_like(group(s, at->group[0]), at->tag) | tags_like(group(s, at->group[1]), at->tag) << GROUP;
    for (; hits; hits &= hits - 1) {
        *slot = place_slot(at, (unsigned)__builtin_ctz(hits));
        if (memcmp(s->slots[*slot].addr, addr, sizeof s->slots->addr) == 0) return &s->slots[*slot];
    }
    return NULL;
}

uint32_t source_flows(const struct sources *s, const uint32_t addr[4], bool v6)
{
    uint32_t slot;
    const struct place at = place_of_addr(s, addr, v6);
    const struct source *e = find(s, &at, addr, &slot);
    return e ? e->flows : 0;
}

bool source_add(struct sources *s, const uint32_t addr[4], bool v6)
{
    uint32_t slot;
    const struct place at = place_of_addr(s, addr, v6);
    struct source *e = find(s, &at, addr, &slot);
    if (e) {
        e->flows++;
        return true;
    }
    uint32_t left;
    const uint32_t lies_in = place_choose(&at, s->tags, &left);
    if (!left) {
        s->full++;
        return false;
    }
    slot = lies_in * GROUP + (uint32_t)__builtin_ctz(left);
    s->tags[slot] = at.tag;
    s->slots[slot] = (struct source){.addr = {addr[0], addr[1], addr[2], addr[3]}, .flows = 1};
    return true;
}

void source_drop(struct sources *s, const uint32_t addr[4], bool v6)
{
    uint32_t slot;
    const struct place at = place_of_addr(s, addr, v6);
    struct source *e = find(s, &at, addr, &slot);
    if (e && --e->flows == 0) s->tags[slot] = 0;
}

uint64_t sources_full(const struct sources *s) { return s->full; }

struct sources *sources_new(uint64_t flows, uint64_t seed)
{
    if (flows > INT32_MAX / 2) return NULL;
    /* The flow table has room for half as many flows again as `flows`; a third more than those, so that they fit. */
    const uint64_t groups = (2 * flows + GROUP - 1) / GROUP;
    struct sources *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->groups = groups < 2 ? 2 : (uint32_t)groups;
    hash_key_init(&s->key, seed);
    s->tags = calloc(s->groups, GROUP * sizeof *s->tags);
    s->slots = calloc(s->groups, GROUP * sizeof *s->slots);
    if (s->tags && s->slots) return s;
    sources_free(s);
    return NULL;
}

void sources_free(struct sources *s)
{
    if (!s) return;
    free(s->tags);
    free(s->slots);
    free(s);
}
