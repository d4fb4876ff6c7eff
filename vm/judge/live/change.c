/* Making a live set, and changes of its members. One hand sweeps the groups of both families, one group for each new
 * member. */
#include <stdlib.h>
#include <string.h>

#include "vm/judge/live/live_priv.h"

enum {
    SWEEP_MORE = 64, /* groups that are swept for a member before it is refused */
    EVICT_TRIES = 16,
    SHUT_MS = 100, /* time for which another judge reports no new member to a set that has refused one */
};

const char *live_said_word(enum live_said said)
{
    static const char *const word[] = {
#define X(ident, word) [LIVE_##ident] = word,
        LIVE_SAIDS(X)
#undef X
    };
    return word[said];
}

static struct live_set *set_new(const struct live_cfg *cfg, const struct live_memory *memory)
{
    struct live_set *const s = aligned_alloc(LINE_BYTES, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->size = cfg->size;
    s->refuse = cfg->refuse;
    if (memory) s->memory = *memory;
    if (overlay_init(&s->overlay[0], cfg, false, memory) && overlay_init(&s->overlay[1], cfg, true, memory)) return s;
    live_free(s);
    return NULL;
}

struct live_set *live_new(const struct live_cfg *cfg) { return set_new(cfg, NULL); }
struct live_set *live_over(const struct live_cfg *cfg, const struct live_memory *memory)
{
    return set_new(cfg, memory);
}
bool live_is_over(const struct live_set *s) { return s->memory.shown; }
const struct hash_key *live_hash(const struct live_set *s, bool v6) { return &s->overlay[v6].table.hash; }

void live_free(struct live_set *s)
{
    if (!s) return;
    for (unsigned v6 = 0; v6 < 2 && !live_is_over(s); v6++) keyed_fini(&s->overlay[v6].table);
    live_block_free(s->base);
    live_block_free(s->retired);
    free(s);
}

static void count_up(uint64_t *count, uint64_t by)
{
    if (by) __atomic_fetch_add(count, by, __ATOMIC_RELAXED);
}

struct live_counts live_counts(const struct live_set *s)
{
    struct live_counts c;
#define X(field, doc) c.field = __atomic_load_n(&s->counts.field, __ATOMIC_RELAXED);
    LIVE_COUNTS(X)
    X(members, "")
#undef X
    return c;
}

/* Reserve a place for a member. False: the set is full. */
static bool member_take(struct live_set *s)
{
    uint64_t was = __atomic_load_n(&s->counts.members, __ATOMIC_RELAXED);
    do {
        if (was >= s->size) return false;
    } while (!__atomic_compare_exchange_n(&s->counts.members, &was, was + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return true;
}

static void member_drop(struct live_set *s, uint64_t by)
{
    if (by) __atomic_fetch_sub(&s->counts.members, by, __ATOMIC_RELAXED);
}

static void group_expire(struct live_set *s, struct overlay *o, uint32_t group, uint64_t now_ms)
{
    const unsigned freed = overlay_expire(o, group, now_ms);
    count_up(&s->counts.expired, freed);
    member_drop(s, freed);
}

/* Sweep the next group. Groups of a family without members are skipped. */
static void sweep_next(struct live_set *s, uint64_t now_ms)
{
    const uint32_t first6 = s->overlay[0].table.groups, all = first6 + s->overlay[1].table.groups;
    uint32_t was = __atomic_load_n(&s->hand, __ATOMIC_RELAXED), at;
    do {
        at = was;
        if (!live_load(&s->overlay[at >= first6].lengths)) at = at < first6 ? first6 : 0;
    } while (!__atomic_compare_exchange_n(&s->hand, &was, at + 1 < all ? at + 1 : 0, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    group_expire(s, &s->overlay[at >= first6], at < first6 ? at : at - first6, now_ms);
}

void live_sweep(struct live_set *s, uint64_t now_ms, unsigned groups)
{
    const unsigned all = s->overlay[0].table.groups + s->overlay[1].table.groups;
    for (unsigned i = 0; i < groups && i < all; i++) sweep_next(s, now_ms);
}

/* Return a word with that end that no slot had recently. */
static uint64_t word_new(struct live_set *s, uint64_t end_ms)
{
    uint64_t version;
    do {
        version = __atomic_fetch_add(&s->version, 1, __ATOMIC_RELAXED) & ((1 << VERSION_BITS) - 1);
    } while (!version); /* a word of end 0 must not be 0 */
    return end_ms << VERSION_BITS | version;
}

/* A member that is added, changed or removed. */
struct member {
    struct overlay *overlay;
    struct live_key key;
    struct place at;
    uint32_t *lock;
    unsigned len;
};

static struct member member_of(struct live_set *s, const struct live_net *net)
{
    struct overlay *const o = &s->overlay[net->v6];
    const struct live_key key = live_key_of(net->addr, net->v6, net->len);
    const uint64_t hash = hash_words(&o->table.hash, key.word, o->table.key_words);
    return (struct member){o, key, place_of(hash, o->table.groups), &s->lock[hash % LIVE_LOCKS], net->len};
}

static uint64_t member_find(const struct member *m, uint32_t *slot)
{
    return overlay_find(&m->overlay->table, m->overlay->table.key_words, &m->at, &m->key, slot);
}

/* Evict the member of the key's groups that expires soonest; the caller gets its place in the count. False: none. */
static bool evict(struct live_set *s, const struct member *m, uint64_t now_ms)
{
    uint32_t slot;
    for (uint64_t word; (word = overlay_soonest(m->overlay, &m->at, &slot));) {
        if (!overlay_free(m->overlay, slot, word)) continue;
        count_up(word_end(word) > now_ms ? &s->counts.evicted : &s->counts.expired, 1);
        return true;
    }
    return false;
}

/* Put a member whose length is counted. False: no room, in the set or in the key's groups. */
static bool member_put(struct live_set *s, const struct member *m, uint64_t now_ms, uint64_t end_ms)
{
    const uint64_t word = word_new(s, end_ms);
    bool taken = member_take(s);
    uint32_t slot;
    if (taken && overlay_put(m->overlay, &m->at, &m->key, word)) return true;
    for (unsigned side = 0; side < 2; side++) group_expire(s, m->overlay, m->at.group[side], now_ms);
    const unsigned more = s->refuse || !overlay_soonest(m->overlay, &m->at, &slot) ? SWEEP_MORE : 0;
    taken = taken || member_take(s);
    for (unsigned i = 0; i < more && !taken; i++) {
        sweep_next(s, now_ms);
        taken = member_take(s);
    }
    if (taken && overlay_put(m->overlay, &m->at, &m->key, word)) return true;
    /* Other threads may take the slot of an evicted member; then the next member is evicted. */
    for (unsigned tries = 0; !s->refuse && tries < EVICT_TRIES && evict(s, m, now_ms); tries++) {
        member_drop(s, taken);
        taken = true;
        if (overlay_put(m->overlay, &m->at, &m->key, word)) return true;
    }
    member_drop(s, taken);
    return false;
}

/* Count the length of a new member; if there are eight others, one with only expired members makes way. */
static bool length_make(struct live_set *s, const struct member *m, uint64_t now_ms)
{
    sweep_next(s, now_ms);
    if (length_take(m->overlay, m->len)) return true;
    live_sweep(s, now_ms, SWEEP_MORE);
    return length_take(m->overlay, m->len);
}

static enum live_said member_new(struct live_set *s, const struct member *m, uint64_t now_ms, uint64_t end_ms)
{
    if (end_ms <= now_ms) {
        count_up(&s->counts.expired, 1);
        return LIVE_ADDED;
    }
    if (!length_make(s, m, now_ms)) return LIVE_LENGTHS;
    if (member_put(s, m, now_ms, end_ms)) return LIVE_ADDED;
    length_drop(m->overlay, m->len);
    return LIVE_FULL;
}

/* The member's lock is held, so other threads may only free its slot. */
static enum live_said member_add(struct live_set *s, const struct member *m, uint64_t now_ms, uint64_t end_ms,
                                 enum live_how how)
{
    uint32_t slot;
    for (uint64_t word; (word = member_find(m, &slot));) {
        const uint64_t end = word_end(word);
        const bool held = end > now_ms;
        if (held && (how == LIVE_ONCE || end_ms == end || (how == LIVE_LATER && end_ms < end))) return LIVE_KEPT;
        if (!word_swap(KEYED_WORD(&m->overlay->table, slot), word, word_new(s, end_ms))) continue;
        if (held) return LIVE_RENEWED;
        count_up(&s->counts.expired, 1);
        return LIVE_ADDED;
    }
    return member_new(s, m, now_ms, end_ms);
}

enum live_said live_add(struct live_set *s, uint64_t now_ms, const struct live_net *net, uint64_t end_ms,
                        enum live_how how)
{
    const struct member m = member_of(s, net);
    live_lock(m.lock);
    const enum live_said said = member_add(s, &m, now_ms, end_ms < LIVE_FOREVER ? end_ms : LIVE_FOREVER, how);
    live_unlock(m.lock);
    if (said == LIVE_ADDED) count_up(&s->counts.added, 1);
    if (said == LIVE_RENEWED) count_up(&s->counts.renewed, 1);
    if (s->memory.shown && (said == LIVE_FULL || said == LIVE_LENGTHS))
        __atomic_store_n(&s->memory.shown->shut_ms, now_ms + SHUT_MS, __ATOMIC_RELAXED);
    if (said == LIVE_FULL) count_up(&s->counts.full, 1);
    if (said == LIVE_LENGTHS) count_up(&s->counts.lengths, 1);
    return said;
}

enum live_said live_remove(struct live_set *s, uint64_t now_ms, const struct live_net *net)
{
    const struct member m = member_of(s, net);
    enum live_said said = LIVE_ABSENT;
    uint32_t slot;
    live_lock(m.lock);
    for (uint64_t word; (word = member_find(&m, &slot));) {
        if (!overlay_free(m.overlay, slot, word)) continue;
        said = word_end(word) > now_ms ? LIVE_REMOVED : LIVE_ABSENT;
        count_up(said == LIVE_REMOVED ? &s->counts.removed : &s->counts.expired, 1);
        member_drop(s, 1);
        break;
    }
    live_unlock(m.lock);
    return said;
}

enum { ENTRIES_AT_ONCE = 256 };

/* Remove a copied member from the counts. */
static void uncount(struct live_set *s, enum live_said said)
{
    if (said == LIVE_ADDED) count_up(&s->counts.added, UINT64_MAX);
    if (said == LIVE_RENEWED) count_up(&s->counts.renewed, UINT64_MAX);
    if (said == LIVE_FULL) count_up(&s->counts.full, UINT64_MAX);
    if (said == LIVE_LENGTHS) count_up(&s->counts.lengths, UINT64_MAX);
}

bool live_copy(struct live_set *to, const struct live_set *from, uint64_t now_ms, bool base)
{
    struct live_entry some[ENTRIES_AT_ONCE];
    const struct live_base ranges = live_base(from);
    uint64_t at = 0;
    unsigned count;
    const bool whole = !base || live_replace(to, &ranges);
    while ((count = live_list(from, now_ms, &at, some, ENTRIES_AT_ONCE)))
        for (unsigned i = 0; i < count; i++)
            uncount(to, live_add(to, now_ms, &some[i].net, some[i].end_ms, LIVE_LATER));
    return whole;
}

void live_clear(struct live_set *s, uint64_t now_ms)
{
    struct live_entry some[ENTRIES_AT_ONCE];
    uint64_t at = 0;
    unsigned count;
    while ((count = live_list(s, now_ms, &at, some, ENTRIES_AT_ONCE)))
        for (unsigned i = 0; i < count; i++) live_remove(s, now_ms, &some[i].net);
}
