/* Token buckets by key, see meter.h. */
#include "vm/judge/meter.h"

#include <stdlib.h>

typedef unsigned __int128 u128;

enum {
    WINDOW = 8,     /* slots; a byte of a u64 holds the tag of each */
    ADDR_WORDS = 4, /* of a slot: its bucket, then the key */
    FLOW_WORDS = 8,
    EXACT_UNITS = 128,  /* units a nanosecond up to which all is exact: then 63 bits last for two years */
    SWEEP_WINDOWS = 32, /* a call */
};

struct meter {
    const struct pbc_meter *def;
    struct meter_rate rate;
    uint64_t base_ns;     /* when unit 0 was */
    uint64_t now_ns, now; /* the time last asked at, and the same in units */
    uint64_t shared;      /* the bucket of all, or of those without a slot */
    uint64_t packet;      /* that asked last, + 1 */
    enum meter_says said; /* to it */
    uint64_t *tags;       /* [windows]: a byte a slot, 0: free */
    uint64_t *slots;
    uint32_t windows, words, used, hand;
};

struct meters {
    uint64_t now_ns, seed;
    bool started;
    uint32_t count, hand; /* hand: the meter that the sweep is at */
    struct meter *meter;
    struct meter_counter *counters;
};

struct meter_key {
    uint64_t w[FLOW_WORDS - 1];
};

/* ---- time and tokens ---- */

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void meter_rate_init(struct meter_rate *r, const struct pbc_meter *m)
{
    uint64_t g = gcd(m->count, m->per_ns), tokens = m->count / g, ns = m->per_ns / g;
    if (tokens <= EXACT_UNITS) {
        *r = (struct meter_rate){.num = tokens, .den = 1, .cost = ns};
    } else {
        uint64_t cost =
            (ns + tokens - 1) / tokens; /* the fewest units a token with which one lasts no longer than 1 ns */
        g = gcd(tokens * cost, ns);
        *r = (struct meter_rate){.num = tokens * cost / g, .den = ns / g, .cost = cost};
    }
    r->limit = m->burst * r->cost;
}

static u128 units_since(const struct meter *m, uint64_t now_ns)
{
    u128 t = (u128)(now_ns - m->base_ns) * m->rate.num;
    return m->rate.den == 1 ? t : t / m->rate.den;
}

static void forget(struct meter *m)
{
    for (uint32_t i = 0; i < m->windows; i++) m->tags[i] = 0;
    m->used = 0;
    m->shared = 0;
}

/* After 63 bits of units, which take years, unit 0 is now and every bucket full. */
static void set_time(struct meter *m, uint64_t now_ns)
{
    if (m->now_ns == now_ns) return;
    u128 t = units_since(m, now_ns);
    if (t >> 63) {
        forget(m);
        m->base_ns = now_ns;
        t = 0;
    }
    m->now_ns = now_ns;
    m->now = (uint64_t)t;
}

static uint64_t ahead(uint64_t bucket, uint64_t now) { return bucket > now ? bucket - now : 0; }

/* Take `cost` units from the bucket if they are there. */
static bool take(const struct meter *m, uint64_t *bucket, uint64_t cost)
{
    uint64_t before = ahead(*bucket, m->now);
    if (cost > m->rate.limit - before) return false;
    *bucket = m->now + before + cost;
    return true;
}

/* ---- keys ---- */

static uint64_t pair(uint32_t hi, uint32_t lo) { return (uint64_t)hi << 32 | lo; }

static uint64_t mask_of(unsigned bits) { return bits == 0 ? 0 : UINT64_MAX << (64 - bits); }

static void address_key(const struct pbc_meter *def, const uint32_t a[4], bool v6, struct meter_key *k)
{
    unsigned len = v6 ? def->len6 : def->len4;
    k->w[0] = pair(a[0], a[1]) & mask_of(len < 64 ? len : 64);
    k->w[1] = pair(a[2], a[3]) & mask_of(len > 64 ? len - 64 : 0);
    k->w[2] = v6 ? 6 : 4;
}

static void flow_key(const struct key *key, struct meter_key *k)
{
    const uint32_t told_by = key->kind & (KIND_IP | KIND_PROTO | KIND_VLAN | KIND_VLAN2);
    for (unsigned i = 0; i < 4; i++) k->w[i] = pair(key->slot[2 * i], key->slot[2 * i + 1]);
    k->w[4] = pair((uint32_t)key->src_port << 16 | key->dst_port, key->proto);
    k->w[5] = pair(key->vlan_outer, key->vlan_inner);
    k->w[6] = told_by;
}

/* False where the packet has no such key. */
static bool key_of(const struct pbc_meter *def, const struct key *key, struct meter_key *k)
{
    bool v6 = key->kind & KIND_IP6;
    if ((def->per || def->unit == PBC_METER_BYTES) && !(key->kind & KIND_IP)) return false;
    switch ((enum pbc_per)def->per) {
    case PBC_PER_NONE: break;
    case PBC_PER_SOURCE: address_key(def, key->src, v6, k); break;
    case PBC_PER_DESTINATION: address_key(def, key->dst, v6, k); break;
    case PBC_PER_FLOW: flow_key(key, k); break;
    }
    return true;
}

static uint64_t tokens_of(const struct pbc_meter *def, const struct key *key)
{
    return def->unit == PBC_METER_BYTES ? key->length : 1;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct meter *m, const struct meter_key *k, uint64_t seed)
{
    uint64_t h = seed ^ 0x9e3779b97f4a7c15u;
    for (uint32_t i = 0; i + 1 < m->words; i++)
        h = mix(h ^ k->w[i], (seed >> 32 | seed << 32) ^ 0xd6e8feb86659fd93u) + h;
    return mix(h, 0xa0761d6478bd642fu);
}

/* ---- the table ---- */

#define EACH_BYTE 0x0101010101010101u
#define HIGH_BITS 0x8080808080808080u

/* The high bit of each byte that is 0; above the lowest such one a byte that is 1 may be marked, too. */
static uint64_t zero_bytes(uint64_t v) { return (v - EACH_BYTE) & ~v & HIGH_BITS; }

static unsigned free_slots(uint64_t tags)
{
    uint64_t taken = (((tags & ~HIGH_BITS) + ~HIGH_BITS) | tags) & HIGH_BITS;
    return WINDOW - (unsigned)__builtin_popcountll(taken);
}

static uint64_t *slot_at(const struct meter *m, uint32_t window, unsigned i)
{
    return m->slots + ((size_t)window * WINDOW + i) * m->words;
}

struct place {
    uint32_t window[2];
    uint8_t tag;
};

/* The second window is never the first. */
static struct place place_of(const struct meter *m, uint64_t hash)
{
    uint32_t mask = m->windows - 1, first = (uint32_t)hash & mask, step = ((uint32_t)(hash >> 32) & mask) | 1;
    uint8_t tag = (uint8_t)(hash >> 24) | 2; /* at least two bits from a free slot's: see zero_bytes */
    return (struct place){.window = {first, (first + step) & mask}, .tag = tag};
}

static bool same_key(const struct meter *m, const uint64_t *slot, const struct meter_key *k)
{
    uint64_t differ = 0;
    for (uint32_t i = 1; i < m->words; i++) differ |= slot[i] ^ k->w[i - 1];
    return differ == 0;
}

static uint64_t *find(const struct meter *m, const struct place *at, const struct meter_key *k)
{
    for (unsigned side = 0; side < 2; side++) {
        uint64_t hits = zero_bytes(m->tags[at->window[side]] ^ at->tag * EACH_BYTE);
        for (; hits; hits &= hits - 1) {
            uint64_t *slot = slot_at(m, at->window[side], (unsigned)__builtin_ctzll(hits) / 8);
            if (same_key(m, slot, k)) return slot;
        }
    }
    return NULL;
}

/* Give back what keys with full buckets hold. */
static void sweep_window(struct meter *m, uint32_t window)
{
    for (unsigned i = 0; i < WINDOW; i++) {
        uint64_t tag = (uint64_t)0xff << 8 * i;
        if (!(m->tags[window] & tag) || *slot_at(m, window, i) > m->now) continue;
        m->tags[window] &= ~tag;
        m->used--;
    }
}

static void sweep_next(struct meter *m)
{
    sweep_window(m, m->hand);
    m->hand = (m->hand + 1) & (m->windows - 1);
}

/* A slot for a new key, its bucket full; NULL where there is none. */
static uint64_t *claim(struct meter *m, const struct place *at, const struct meter_key *k)
{
    if (m->used >= m->def->entries) sweep_next(m);
    unsigned room[2] = {free_slots(m->tags[at->window[0]]), free_slots(m->tags[at->window[1]])};
    if (!room[0] || !room[1] || m->used >= m->def->entries)
        for (unsigned side = 0; side < 2; side++) {
            sweep_window(m, at->window[side]);
            room[side] = free_slots(m->tags[at->window[side]]);
        }
    unsigned side = room[1] > room[0];
    if (!room[side] || m->used >= m->def->entries) return NULL;
    uint32_t window = at->window[side];
    unsigned i = (unsigned)__builtin_ctzll(zero_bytes(m->tags[window])) / 8;
    uint64_t *slot = slot_at(m, window, i);
    m->tags[window] |= (uint64_t)at->tag << 8 * i;
    m->used++;
    slot[0] = 0;
    for (uint32_t w = 1; w < m->words; w++) slot[w] = k->w[w - 1];
    return slot;
}

/* ---- asking ---- */

static bool take_by_key(struct meters *all, uint32_t id, const struct meter_key *k, uint64_t cost)
{
    struct meter *m = &all->meter[id];
    if (cost > m->rate.limit) return false; /* never conforms, so its key needs no slot */
    struct place at = place_of(m, hash_of(m, k, all->seed));
    uint64_t *slot = find(m, &at, k);
    if (!slot) slot = claim(m, &at, k);
    if (slot) return take(m, slot, cost);
    all->counters[id].overflowed++;
    return take(m, &m->shared, cost);
}

enum meter_says meter_ask(struct meters *all, uint32_t id, const struct key *key, uint64_t packet)
{
    struct meter *m = &all->meter[id];
    struct meter_key k = {{0}};
    if (m->packet == packet + 1) return m->said;
    m->packet = packet + 1;
    m->said = METER_LACKS;
    if (!key_of(m->def, key, &k)) return m->said;
    set_time(m, all->now_ns);
    uint64_t cost = tokens_of(m->def, key) * m->rate.cost;
    bool within = m->def->per ? take_by_key(all, id, &k, cost) : take(m, &m->shared, cost);
    m->said = within ? METER_WITHIN : METER_OVER;
    all->counters[id].within += within;
    all->counters[id].over += !within;
    return m->said;
}

bool meter_take(struct meters *all, uint32_t id)
{
    struct meter *m = &all->meter[id];
    set_time(m, all->now_ns);
    bool within = take(m, &m->shared, m->rate.cost);
    all->counters[id].within += within;
    all->counters[id].over += !within;
    return within;
}

static unsigned idle_slots(const struct meter *m, uint32_t window, uint64_t now)
{
    unsigned idle = 0;
    for (unsigned i = 0; i < WINDOW; i++)
        idle += (m->tags[window] >> 8 * i & 0xff) != 0 && *slot_at(m, window, i) <= now;
    return idle;
}

/* Would a new key find a slot? As `claim`, with nothing swept. */
static bool has_room(const struct meter *m, const struct place *at, uint64_t now)
{
    uint32_t a = at->window[0], b = at->window[1], used = m->used;
    unsigned idle = idle_slots(m, a, now) + idle_slots(m, b, now);
    if (used >= m->def->entries && m->hand != a && m->hand != b) used -= idle_slots(m, m->hand, now);
    return used - idle < m->def->entries && idle + free_slots(m->tags[a]) + free_slots(m->tags[b]) > 0;
}

/* How far the bucket that the packet would be judged by lies ahead of the clock. */
static uint64_t look(const struct meters *all, const struct meter *m, const struct meter_key *k)
{
    u128 t = m->now_ns == all->now_ns ? m->now : units_since(m, all->now_ns);
    if (t >> 63) return 0;
    uint64_t now = (uint64_t)t;
    if (!m->def->per) return ahead(m->shared, now);
    struct place at = place_of(m, hash_of(m, k, all->seed));
    const uint64_t *slot = find(m, &at, k);
    if (slot) return ahead(*slot, now);
    return has_room(m, &at, now) ? 0 : ahead(m->shared, now);
}

enum meter_says meter_peek(const struct meters *all, const struct program *p, uint32_t id, const struct key *key,
                           uint64_t *tokens)
{
    const struct pbc_meter *def = &p->meters[id];
    struct meter_rate rate;
    struct meter_key k = {{0}};
    if (tokens) *tokens = 0;
    if (!key_of(def, key, &k)) return METER_LACKS;
    meter_rate_init(&rate, def);
    uint64_t left = rate.limit - (all ? look(all, &all->meter[id], &k) : 0);
    if (tokens) *tokens = left / rate.cost;
    return tokens_of(def, key) * rate.cost <= left ? METER_WITHIN : METER_OVER;
}

/* ---- life ---- */

void meters_at(struct meters *all, uint64_t now_ns)
{
    for (uint32_t i = 0; !all->started && i < all->count; i++) all->meter[i].base_ns = all->meter[i].now_ns = now_ns;
    all->started = true;
    if (now_ns > all->now_ns) all->now_ns = now_ns;
}

bool meters_sweep(struct meters *all)
{
    bool held = false;
    for (uint32_t i = 0; i < all->count; i++) held |= all->meter[i].used != 0;
    for (unsigned n = 0; held && n < SWEEP_WINDOWS; n++) {
        struct meter *m = &all->meter[all->hand];
        if (m->used) {
            set_time(m, all->now_ns);
            sweep_next(m);
        }
        if (!m->used || m->hand == 0) all->hand = (all->hand + 1) % all->count;
    }
    return held;
}

/* Half as many slots again as keys, so that the emptier of two windows nearly always has one. */
static bool table_init(struct meter *m)
{
    uint64_t slots = 2 * WINDOW, wanted = (uint64_t)m->def->entries * 3 / 2;
    if (!m->def->per) return true;
    while (slots < wanted) slots *= 2;
    m->windows = (uint32_t)(slots / WINDOW);
    m->words = m->def->per == PBC_PER_FLOW ? FLOW_WORDS : ADDR_WORDS;
    m->tags = calloc(m->windows, sizeof *m->tags);
    m->slots = calloc(slots, m->words * sizeof *m->slots);
    return m->tags && m->slots;
}

struct meters *meters_new(const struct program *p, uint64_t seed)
{
    struct meters *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    all->seed = seed;
    all->meter = calloc((size_t)p->meters_count + 1, sizeof *all->meter);
    all->counters = calloc((size_t)p->meters_count + 1, sizeof *all->counters);
    bool good = all->meter && all->counters;
    for (uint32_t i = 0; good && i < p->meters_count; i++) {
        struct meter *m = &all->meter[all->count++];
        m->def = &p->meters[i];
        meter_rate_init(&m->rate, m->def);
        good = table_init(m);
    }
    if (good) return all;
    meters_free(all);
    return NULL;
}

void meters_free(struct meters *all)
{
    if (!all) return;
    for (uint32_t i = 0; i < all->count; i++) {
        free(all->meter[i].tags);
        free(all->meter[i].slots);
    }
    free(all->meter);
    free(all->counters);
    free(all);
}

const struct meter_counter *meters_counters(const struct meters *all) { return all->counters; }
