/* Token buckets by key, see meter.h. */
#include "vm/judge/meters/meter.h"

#include <stdlib.h>
#include <string.h>

#include "vm/judge/meters/bucket.h"

typedef unsigned __int128 u128;

enum {
    EXACT_UNITS = 128, /* most units per nanosecond for exact counting: 63 bits then last for two years */
    SWEEP_GROUPS = 16, /* groups swept per call */
    LEASE_PART = 16,   /* share of a second's budget, and of the burst, for leases of all workers */
};
#define LEASE_NS UINT64_C(1000000000)

struct meter {
    const struct pbc_meter *def;
    struct meter_rate rate;
    uint64_t base_ns;          /* clock time of unit 0 */
    uint64_t now_ns, now;      /* time of the last request, and the same in units */
    uint64_t shared;           /* bucket of a meter without a key, or of keys without a slot */
    uint64_t packet;           /* 1 + the number of the packet that asked last; 0: none */
    enum meter_says said;      /* result for that packet */
    bool leases;               /* the meter takes from the bucket of all workers */
    struct shared_cell *cell;  /* that bucket; NULL: all->share has the tokens taken from it */
    uint64_t lease;            /* units taken at once, or more if needed */
    uint64_t leased, since_ns; /* units left of the lease; time when it was taken */
    struct keyed table;        /* table of buckets, only with a key */
};

struct meters {
    uint64_t now_ns;
    bool started;
    uint32_t count, hand; /* hand: the next meter to sweep */
    struct meter *meter;
    struct meter_counter *counters;
    struct share share;
};

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
        uint64_t cost = (ns + tokens - 1) / tokens; /* the fewest units per token such that a unit lasts at most 1 ns */
        g = gcd(tokens * cost, ns);
        *r = (struct meter_rate){.num = tokens * cost / g, .den = ns / g, .cost = cost};
    }
    r->limit = m->burst * r->cost;
    r->whole = r->num / r->den;
    r->rest = r->num % r->den;
    r->part = (uint64_t)(((u128)r->rest << 64) / r->den);
    const u128 lasts = (((u128)r->den << 63) - 1) / r->num;
    r->lasts_ns = lasts < UINT64_MAX ? (uint64_t)lasts : UINT64_MAX;
}

/* Free the slots of a group whose buckets are full again. */
static void keyed_free_up_to(struct keyed *t, uint32_t group, uint64_t now)
{
    for (uint32_t idle = keyed_up_to(t, group, now); idle; idle &= idle - 1)
        keyed_drop(t, group * GROUP + tags_first(idle));
}

/* Set the meter's time. After 63 bits of units, which take years, unit 0 is now and every bucket is full. */
static void set_time(struct meter *m, uint64_t now_ns)
{
    if (m->now_ns == now_ns) return;
    if (now_ns - m->base_ns > m->rate.lasts_ns) {
        for (uint32_t i = 0; i < m->table.groups; i++) keyed_free_up_to(&m->table, i, UINT64_MAX);
        m->shared = 0;
        m->base_ns = now_ns;
    }
    m->now_ns = now_ns;
    m->now = rate_units(&m->rate, now_ns - m->base_ns);
}

/* Take `cost` units from the bucket if they are there. */
static bool tokens_take(const struct meter *m, uint64_t *bucket, uint64_t cost)
{
    const uint64_t after = bucket_after(*bucket, m->now, m->rate.limit, cost);
    if (after == BUCKET_LACKS) return false;
    *bucket = after;
    return true;
}

/* Return the time of the bucket of all workers; another worker's clock may be a little ahead. */
static uint64_t shared_now(const struct meter *m, uint64_t now_ns)
{
    const uint64_t since = now_ns > m->cell->base_ns ? now_ns - m->cell->base_ns : 0;
    return rate_units(&m->rate, since);
}

/* Take at least the needed units, and up to a lease. A recorded result is hostile. */
static bool take_lease(const struct meters *all, struct meter *m, uint64_t need)
{
    const uint64_t want = need > m->lease ? need : m->lease;
    struct shared_ask ask = {.limit = m->rate.limit, .need = need, .want = want};
    if (m->cell) ask.now = shared_now(m, all->now_ns);
    const uint64_t got = share_hear(&all->share, m->cell ? shared_take(m->cell, &ask) : 0);
    if (got < need || got > want) return false;
    m->leased += got;
    m->since_ns = all->now_ns;
    return true;
}

static __attribute__((noinline)) bool take_leased(const struct meters *all, struct meter *m, uint64_t cost)
{
    if (cost > m->rate.limit || (cost > m->leased && !take_lease(all, m, cost - m->leased))) return false;
    m->leased -= cost;
    return true;
}

/* Take for a meter without a key: from the lease, or from this worker's bucket. */
static inline bool take_unkeyed(const struct meters *all, struct meter *m, uint64_t cost)
{
    return __builtin_expect(m->leases, 0) ? take_leased(all, m, cost) : tokens_take(m, &m->shared, cost);
}

/* Give back a lease that is too old. True while there is one. */
static bool lease_return(const struct meters *all, struct meter *m)
{
    if (!m->leased || all->now_ns - m->since_ns < LEASE_NS) return m->leased;
    if (m->cell) shared_give(m->cell, m->leased);
    m->leased = 0;
    return false;
}

/* Return a slot for a new key, with its bucket full; KEYED_NONE: none. A table with all its entries in use is swept
 * by one group for each new key, and then, if that frees nothing, by the key's own two. */
static uint32_t take_free(struct meter *m, const struct place *at, const struct meter_key *k)
{
    struct keyed *t = &m->table;
    if (t->used >= m->def->entries) keyed_free_up_to(t, keyed_turn(t), m->now);
    uint32_t slot = t->used < m->def->entries ? keyed_add(t, at, k) : KEYED_NONE;
    if (slot != KEYED_NONE) return slot;
    for (unsigned side = 0; side < 2; side++) keyed_free_up_to(t, at->group[side], m->now);
    return t->used < m->def->entries ? keyed_add(t, at, k) : KEYED_NONE;
}

static bool take_by_key(struct meters *all, uint32_t id, const struct meter_key *k, uint64_t cost)
{
    struct meter *m = &all->meter[id];
    if (cost > m->rate.limit) return false; /* such a packet never conforms, so its key needs no slot */
    struct place at;
    keyed_place(&m->table, k, m->table.key_words, &at);
    uint32_t slot = keyed_find(&m->table, &at, k);
    if (slot == KEYED_NONE) slot = take_free(m, &at, k);
    if (slot != KEYED_NONE) return tokens_take(m, &m->table.words[slot], cost);
    all->counters[id].overflowed++;
    return tokens_take(m, &m->shared, cost);
}

enum meter_says meter_ask(struct meters *all, uint32_t id, const struct key *key, uint64_t packet)
{
    struct meter *m = &all->meter[id];
    struct meter_key k = {{0}};
    if (m->packet == packet + 1) return m->said;
    m->packet = packet + 1;
    m->said = METER_LACKS;
    if (!meter_key_of(m->def, key, &k)) return m->said;
    set_time(m, all->now_ns);
    uint64_t cost = meter_tokens(m->def, key) * m->rate.cost;
    bool within = m->def->per ? take_by_key(all, id, &k, cost) : take_unkeyed(all, m, cost);
    m->said = within ? METER_WITHIN : METER_OVER;
    all->counters[id].within += within;
    all->counters[id].over += !within;
    return m->said;
}

bool meter_take(struct meters *all, uint32_t id, uint32_t bytes)
{
    struct meter *m = &all->meter[id];
    set_time(m, all->now_ns);
    const uint64_t tokens = m->def->unit == PBC_METER_BYTES ? bytes : 1;
    bool within = take_unkeyed(all, m, tokens * m->rate.cost);
    all->counters[id].within += within;
    all->counters[id].over += !within;
    return within;
}

/* True if a new key would find a slot, as in `take_free`, with nothing swept. */
static bool key_has_room(const struct meter *m, const struct place *at, uint64_t now)
{
    const struct keyed *t = &m->table;
    uint32_t used = t->used, own = 0, left;
    if (used >= m->def->entries && t->hand != at->group[0] && t->hand != at->group[1])
        used -= tags_count(keyed_up_to(t, t->hand, now));
    for (unsigned side = 0; side < 2; side++) own += tags_count(keyed_up_to(t, at->group[side], now));
    place_choose(at, t->tags, &left);
    return used - own < m->def->entries && (own || left);
}

/* Return how far the bucket of all workers is ahead, less this worker's lease. */
static uint64_t ahead_of_all(const struct meter *m, uint64_t now_ns)
{
    const uint64_t of_all = m->cell ? shared_ahead(m->cell, shared_now(m, now_ns), m->rate.limit) : m->rate.limit;
    return of_all > m->leased ? of_all - m->leased : 0;
}

/* Return how far the bucket that would judge the packet is ahead of the clock. */
static uint64_t tokens_look(const struct meters *all, const struct meter *m, const struct meter_key *k)
{
    if (m->leases) return ahead_of_all(m, all->now_ns);
    const uint64_t since = all->now_ns - m->base_ns;
    if (since > m->rate.lasts_ns) return 0;
    const uint64_t now = rate_units(&m->rate, since);
    if (!m->def->per) return bucket_ahead(m->shared, now);
    struct place at;
    keyed_place(&m->table, k, m->table.key_words, &at);
    const uint32_t slot = keyed_find(&m->table, &at, k);
    if (slot != KEYED_NONE) return bucket_ahead(m->table.words[slot], now);
    return key_has_room(m, &at, now) ? 0 : bucket_ahead(m->shared, now);
}

enum meter_says meter_peek(const struct meters *all, const struct program *p, uint32_t id, const struct key *key,
                           uint64_t *tokens)
{
    const struct pbc_meter *def = &p->meters[id];
    struct meter_rate rate;
    struct meter_key k = {{0}};
    if (tokens) *tokens = 0;
    if (!meter_key_of(def, key, &k)) return METER_LACKS;
    meter_rate_init(&rate, def);
    uint64_t left = rate.limit - (all ? tokens_look(all, &all->meter[id], &k) : 0);
    if (tokens) *tokens = left / rate.cost;
    return meter_tokens(def, key) * rate.cost <= left ? METER_WITHIN : METER_OVER;
}

void meters_at(struct meters *all, uint64_t now_ns)
{
    for (uint32_t i = 0; !all->started && i < all->count; i++) all->meter[i].base_ns = all->meter[i].now_ns = now_ns;
    all->started = true;
    if (now_ns > all->now_ns) all->now_ns = now_ns;
}

bool meters_sweep(struct meters *all)
{
    bool held = false, leased = false;
    for (uint32_t i = 0; share_counts(&all->share) && i < all->count; i++) leased |= lease_return(all, &all->meter[i]);
    for (uint32_t i = 0; i < all->count; i++) held |= all->meter[i].table.used != 0;
    for (unsigned n = 0; held && n < SWEEP_GROUPS; n++) {
        struct meter *m = &all->meter[all->hand];
        if (m->table.used) {
            set_time(m, all->now_ns);
            keyed_free_up_to(&m->table, keyed_turn(&m->table), m->now);
        }
        if (!m->table.used || m->table.hand == 0) all->hand = (all->hand + 1) % all->count;
    }
    return held || leased;
}

struct meters *meters_new(const struct program *p, uint64_t seed)
{
    struct meters *all = calloc(1, sizeof *all);
    if (!all) return NULL;
    all->meter = calloc((size_t)p->meters_count + 1, sizeof *all->meter);
    all->counters = calloc((size_t)p->meters_count + 1, sizeof *all->counters);
    bool good = all->meter && all->counters;
    for (uint32_t i = 0; good && i < p->meters_count; i++) {
        struct meter *m = &all->meter[all->count++];
        m->def = &p->meters[i];
        meter_rate_init(&m->rate, m->def);
        const uint32_t words = meter_key_words(m->def->per);
        const struct keyed_cfg cfg = {
            .most = m->def->entries, .key_words = words, .entry_bytes = words * 8, .seed = seed + i};
        good = !m->def->per || keyed_init(&m->table, &cfg);
    }
    if (good) return all;
    meters_free(all);
    return NULL;
}

void meters_share(struct meters *all, const struct share *s, unsigned workers)
{
    if (!share_counts(s) || !workers) return;
    all->share = *s;
    for (uint32_t i = 0; i < all->count; i++) {
        struct meter *m = &all->meter[i];
        m->leases = m->def->per == PBC_PER_NONE;
        m->cell = s->all ? s->all->meters[i] : NULL;
        /* Less than a token is not a lease, because at least a packet's need is taken. */
        const u128 second = (u128)LEASE_NS * m->rate.num / m->rate.den;
        m->lease = (uint64_t)((second < m->rate.limit ? second : m->rate.limit) / LEASE_PART / workers);
    }
}

void meters_keep(struct meters *to, struct meters *from, const uint32_t *was)
{
    to->started = from->started;
    to->now_ns = from->now_ns;
    for (uint32_t i = 0; i < to->count; i++) {
        struct meter *m = &to->meter[i];
        m->base_ns = m->now_ns = from->now_ns;
        if (was[i] == PBC_NONE) continue;
        const struct meter kept = from->meter[was[i]];
        from->meter[was[i]] = *m;
        *m = kept; /* keeps its cell, too */
        m->def = from->meter[was[i]].def;
        to->counters[i] = from->counters[was[i]];
    }
}

void meters_show(struct meters *all, uint32_t id, const struct meter_buckets *there)
{
    struct meter *m = &all->meter[id];
    struct keyed *t = &m->table;
    const size_t slots = (size_t)t->groups * GROUP;
    m->base_ns = m->now_ns = there->base_ns;
    m->now = 0;
    m->shared = there->shared;
    if (!m->def->per) return;
    t->hash = there->table->hash;
    t->used = there->table->used;
    t->hand = there->table->hand;
    memcpy(t->tags, there->tags, slots * sizeof *t->tags);
    memcpy(t->words, there->words, slots * sizeof *t->words);
    memcpy(t->entries, there->entries, slots * t->entry_bytes);
}

void meters_tell(const struct meters *all, uint32_t id, struct meter_buckets *here)
{
    const struct meter *m = &all->meter[id];
    const struct keyed *t = m->def->per ? &m->table : NULL;
    *here = (struct meter_buckets){.base_ns = m->base_ns, .shared = m->shared, .table = t};
    if (!t) return;
    here->tags = t->tags;
    here->words = t->words;
    here->entries = t->entries;
}

bool meters_archive(struct meters *all, struct archive *a)
{
    uint8_t started = all->started;
    ARCHIVE(a, started);
    ARCHIVE(a, all->now_ns);
    ARCHIVE(a, all->hand);
    archive_sound(a, all->hand < all->count || !all->hand);
    all->started = started;
    for (uint32_t i = 0; i < all->count; i++) {
        struct meter *m = &all->meter[i];
        ARCHIVE(a, m->base_ns);
        ARCHIVE(a, m->now_ns);
        ARCHIVE(a, m->now);
        ARCHIVE(a, m->shared);
        archive_sound(a, m->base_ns <= m->now_ns && m->now_ns <= all->now_ns);
        if (m->def->per) keyed_archive(&m->table, a);
        if (!m->leases) continue;
        ARCHIVE(a, m->leased);
        ARCHIVE(a, m->since_ns);
        archive_sound(a, m->leased <= m->rate.limit && m->since_ns <= all->now_ns);
    }
    return !a->bad;
}

/* Return the units that a bucket lacks until it is full, in this meter's own time. */
static uint64_t bucket_lacks(const struct meter *m, uint64_t bucket)
{
    const uint64_t ahead = bucket_ahead(bucket, m->now);
    return ahead < m->rate.limit ? ahead : m->rate.limit;
}

/* Lower a bucket to the level of another one. */
static void bucket_lower(const struct meter *m, uint64_t *bucket, uint64_t lacks)
{
    if (lacks && bucket_ahead(*bucket, m->now) < lacks) *bucket = m->now + lacks;
}

/* Lower the bucket of all workers to that level. No worker runs. */
static void cell_lower(const struct meters *all, const struct meter *m, uint64_t lacks)
{
    const uint64_t now = shared_now(m, all->now_ns);
    const uint64_t ahead = shared_ahead(m->cell, now, m->rate.limit);
    if (ahead < lacks) m->cell->value = now + lacks;
}

static void move_keys(struct meter *m, struct meter *was, meters_takes_fn *takes, void *arg)
{
    for (uint32_t slot = 0; was->table.used && slot < was->table.groups * GROUP; slot++) {
        const struct meter_key *k = keyed_at(&was->table, slot);
        const uint32_t addr[4] = {(uint32_t)(k->w[0] >> 32), (uint32_t)k->w[0], (uint32_t)(k->w[1] >> 32),
                                  (uint32_t)k->w[1]};
        const uint64_t lacks = was->table.tags[slot] ? bucket_lacks(was, was->table.words[slot]) : 0;
        struct place at;
        if (!lacks) continue;
        keyed_place(&m->table, k, m->table.key_words, &at);
        uint32_t there = keyed_find(&m->table, &at, k);
        if (there == KEYED_NONE) there = take_free(m, &at, k);
        if (there != KEYED_NONE)
            bucket_lower(m, &m->table.words[there], lacks);
        else if (m->def->per == PBC_PER_SOURCE && takes(arg, addr, k->w[2] == 6))
            bucket_lower(m, &m->shared, lacks);
    }
}

void meters_move(struct meters *all, struct meters *from, meters_takes_fn *takes, void *arg)
{
    for (uint32_t i = 0; i < all->count; i++) {
        struct meter *m = &all->meter[i], *was = &from->meter[i];
        set_time(m, all->now_ns);
        set_time(was, all->now_ns);
        const uint64_t lacks = bucket_lacks(was, was->shared);
        if (m->def->per) move_keys(m, was, takes, arg);
        if (!m->leases)
            bucket_lower(m, &m->shared, lacks); /* keys without a slot share it */
        else if (m->cell)
            cell_lower(all, m, lacks);
    }
}

void meters_free(struct meters *all)
{
    if (!all) return;
    for (uint32_t i = 0; i < all->count; i++) keyed_fini(&all->meter[i].table);
    free(all->meter);
    free(all->counters);
    free(all);
}

const struct meter_counter *meters_counters(const struct meters *all) { return all->counters; }

void meters_count(struct meters *all, const struct program *p, const struct meter_counter more[])
{
    for (uint32_t i = 0; i < p->meters_count; i++) {
        all->counters[i].within += more[i].within;
        all->counters[i].over += more[i].over;
        all->counters[i].overflowed += more[i].overflowed;
    }
}
