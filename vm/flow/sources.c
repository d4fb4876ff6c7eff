/* Numbers of flows by opener, see sources.h: a keyed table whose words are the counts */
#include "vm/flow/sources.h"

#include <assert.h>

#include "vm/keyed/keyed.h"

struct sources {
    struct keyed table;
};
static_assert(offsetof(struct sources, table) == 0, "keyed_owner_new");

enum { KEY_WORDS = 3 };
struct source {
    uint64_t addr[2], of;
};
static_assert(sizeof(struct source) == KEY_WORDS * sizeof(uint64_t), "compared by words");

static uint32_t source_find(const struct sources *s, const uint32_t addr[4], unsigned of, struct source *key,
                            struct place *at)
{
    *key = (struct source){.addr = {hash_pair(addr[0], addr[1]), hash_pair(addr[2], addr[3])}, .of = of};
    keyed_place(&s->table, key, KEY_WORDS, at);
    return keyed_find(&s->table, at, key);
}

uint32_t source_flows(const struct sources *s, const uint32_t addr[4], unsigned of)
{
    struct source key;
    struct place at;
    const uint32_t slot = source_find(s, addr, of, &key, &at);
    return slot == KEYED_NONE ? 0 : (uint32_t)s->table.words[slot];
}

bool source_add(struct sources *s, const uint32_t addr[4], unsigned of)
{
    struct source key;
    struct place at;
    uint32_t slot = source_find(s, addr, of, &key, &at);
    if (slot == KEYED_NONE) slot = keyed_add(&s->table, &at, &key);
    if (slot == KEYED_NONE) return false;
    s->table.words[slot]++;
    return true;
}

void source_drop(struct sources *s, const uint32_t addr[4], unsigned of)
{
    struct source key;
    struct place at;
    const uint32_t slot = source_find(s, addr, of, &key, &at);
    if (slot != KEYED_NONE && --s->table.words[slot] == 0) keyed_drop(&s->table, slot);
}

struct sources *sources_new(uint64_t flows, uint64_t seed)
{
    return keyed_owner_new(sizeof(struct sources), &(struct keyed_cfg){.most = keyed_most(flows),
                                                                       .key_words = KEY_WORDS,
                                                                       .entry_bytes = sizeof(struct source),
                                                                       .seed = seed});
}

void sources_free(struct sources *s) { keyed_owner_free(s); }
