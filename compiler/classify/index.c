/* Finds equal tables and equal leaves: open addressing, at most half full. Only contents decide what is shared; a hash
 * that collides costs time alone. */
#include <string.h>

#include "compiler/classify/builder_priv.h"

enum { INDEX_FIRST = 256 };

uint32_t hash_bytes(const void *bytes, size_t len)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ len;
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t w;
        memcpy(&w, (const char *)bytes + i, 8);
        h = (h ^ w) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return (uint32_t)(h ^ h >> 29);
}

static bool grow(struct build *b, struct index *x)
{
    const uint32_t cap = x->cap ? x->cap * 2 : INDEX_FIRST;
    struct place *fresh = mem_take(b, cap * sizeof *fresh);
    if (!fresh) return false;
    memset(fresh, 0, cap * sizeof *fresh);
    for (uint32_t i = 0; i < x->cap; i++) {
        if (!x->place[i].member) continue;
        uint32_t at = x->place[i].hash & (cap - 1);
        while (fresh[at].member) at = (at + 1) & (cap - 1);
        fresh[at] = x->place[i];
    }
    mem_give(b, x->place, x->cap * sizeof *x->place);
    x->place = fresh;
    x->cap = cap;
    return true;
}

struct place *index_find(struct build *b, struct index *x, uint32_t hash, equal_fn *equal, const void *what)
{
    if (x->count * 2 >= x->cap && !grow(b, x)) return NULL;
    uint32_t at = hash & (x->cap - 1);
    while (x->place[at].member && (x->place[at].hash != hash || !equal(b, x->place[at].member - 1, what)))
        at = (at + 1) & (x->cap - 1);
    return &x->place[at];
}

void index_put(struct index *x, struct place *at, uint32_t hash, uint32_t member)
{
    *at = (struct place){hash, member + 1};
    x->count++;
}
