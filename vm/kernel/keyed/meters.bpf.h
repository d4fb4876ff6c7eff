/* Meters for the judge in the kernel: meter.c over tables that all processors share. Counters, time and "once per
 * packet" are each processor's own. No token is given twice; a packet whose attempts collide too often gets none.
 * The including file first defines the access to meters: METER_DEF(id), METER_CELL(id), METER_SAID(k, id). */

enum { BUCKET_WITHIN, BUCKET_OVER, BUCKET_GONE, BUCKET_NO_ROOM };

static inline uint64_t meter_now(const struct kernel_meter *m, uint64_t now_ns)
{
    return rate_units(&m->rate, now_ns > m->base_ns ? now_ns - m->base_ns : 0);
}

static inline struct place meter_place(const struct kernel_meter *m, uint64_t hash)
{
    return place_of(hash, m->table.groups);
}

/* Take tokens from the bucket without a key. */
static inline uint64_t take_shared(struct kernel_meter *m, uint64_t now, uint64_t cost)
{
    TURNS(KEYED_TRIES)
    for (uint32_t i = LOOSE(0); LOOP(i < KEYED_TRIES); i++) {
        const uint64_t was = word_read(&m->shared), after = bucket_after(was, now, m->rate.limit, cost);
        if (after == BUCKET_LACKS) return BUCKET_OVER;
        if (word_swap(&m->shared, was, after)) return BUCKET_WITHIN;
    }
    return BUCKET_OVER;
}

/* Take tokens from the bucket in a key's slot. BUCKET_GONE: the key is no longer there. */
static inline uint64_t take_slot(const struct kernel_meter *m, uint32_t slot, const struct meter_key *key, uint64_t now,
                                 uint64_t cost)
{
    uint64_t *const word = KEYED_WORD(&m->table, slot);
    TURNS(KEYED_TRIES)
    for (uint32_t i = LOOSE(0); LOOP(i < KEYED_TRIES); i++) {
        const uint64_t was = word_read(word), after = bucket_after(was, now, m->rate.limit, cost);
        if (was == 0 || was == KEYED_BORN || !keyed_is(&m->table, slot, key->w)) return BUCKET_GONE;
        if (after == BUCKET_LACKS && word_read(word) == was) return BUCKET_OVER;
        if (after != BUCKET_LACKS && word_swap(word, was, after)) return BUCKET_WITHIN;
    }
    return BUCKET_OVER;
}

GLOBAL uint64_t kernel_meter_hash(uint32_t id, const struct meter_key *key NONNULL)
{
    const struct hash_key *const by = &METER_CELL(id)->table.hash;
    return METER_DEF(id)->per == PBC_PER_FLOW ? hash_words(by, key->w, METER_FLOW_WORDS)
                                              : hash_words(by, key->w, METER_ADDR_WORDS);
}

/* Take tokens from the key's bucket. BUCKET_GONE: the key has no slot. */
GLOBAL uint64_t kernel_meter_find(uint32_t id, const struct meter_key *key NONNULL, uint64_t hash, uint64_t now,
                                  uint64_t cost)
{
    const struct kernel_meter *const m = METER_CELL(id);
    const struct place at = meter_place(m, hash);
    const uint32_t slot = keyed_find(&m->table, &at, key);
    return slot == KEYED_NONE ? BUCKET_GONE : take_slot(m, slot, key, now, cost);
}

/* Free the slots of a group whose buckets are full again. Return their number. */
GLOBAL uint64_t kernel_meter_free(uint32_t id, uint32_t group, uint64_t now)
{
    struct kernel_meter *const m = METER_CELL(id);
    uint32_t freed = LOOSE(0);
    TURNS(GROUP)
    for (uint32_t i = LOOSE(0); LOOP(i < GROUP); i++) {
        const uint32_t slot = group * GROUP + i;
        const uint64_t word = word_read(KEYED_WORD(&m->table, slot));
        if (word && word <= now && keyed_free(&m->table, slot, word)) freed++;
    }
    if (freed) (void)__sync_fetch_and_sub(&m->table.used, freed);
    return freed;
}

/* Put a new key with its bucket into the table, if there is room for one more. */
GLOBAL uint64_t kernel_meter_put(uint32_t id, const struct meter_key *key NONNULL, uint64_t hash, uint64_t bucket)
{
    struct kernel_meter *const m = METER_CELL(id);
    const struct place at = meter_place(m, hash);
    const uint32_t entries = METER_DEF(id)->entries;
    if (m->table.used >= entries) return BUCKET_NO_ROOM;
    if (__sync_fetch_and_add(&m->table.used, 1) < entries && keyed_put(&m->table, &at, key->w, bucket) != KEYED_NONE)
        return BUCKET_WITHIN;
    (void)__sync_fetch_and_sub(&m->table.used, 1);
    return BUCKET_NO_ROOM;
}

/* Take a slot as `take_free` in meter.c does, and take tokens. Calls nest at most two deep, because of the stages'
 * call depth. */
static inline uint64_t meter_take_slot(uint32_t id, const struct meter_key *key, uint64_t hash, uint64_t now,
                                       uint64_t bucket)
{
    struct kernel_meter *const m = METER_CELL(id);
    const struct place at = meter_place(m, hash);
    if (m->table.used >= METER_DEF(id)->entries) kernel_meter_free(id, keyed_turn(&m->table), now);
    const uint64_t said = kernel_meter_put(id, key, hash, bucket);
    if (said == BUCKET_WITHIN) return said;
    kernel_meter_free(id, at.group[0], now);
    kernel_meter_free(id, at.group[1], now);
    return kernel_meter_put(id, key, hash, bucket);
}

/* Take tokens from the bucket of a key that had no slot a moment ago. */
static inline uint64_t take_new(uint32_t id, const struct meter_key *key, uint64_t hash, uint64_t now, uint64_t cost)
{
    uint32_t *const lock = &METER_CELL(id)->locks[hash % METER_LOCKS];
    if (!keyed_lock(lock)) return BUCKET_OVER;
    uint64_t said = kernel_meter_find(id, key, hash, now, cost);
    if (said == BUCKET_GONE) said = meter_take_slot(id, key, hash, now, now + cost);
    keyed_unlock(lock);
    return said;
}

/* Take the packet's tokens from its key's bucket. *overflowed: the key found no room, and the shared bucket was
 * used. */
static inline bool take_keyed(uint32_t id, const struct meter_key *key, uint64_t now, uint64_t cost, bool *overflowed)
{
    struct kernel_meter *const m = METER_CELL(id);
    if (cost > m->rate.limit) return false; /* such a packet never conforms, so its key needs no slot */
    const uint64_t hash = kernel_meter_hash(id, key);
    uint64_t said = kernel_meter_find(id, key, hash, now, cost);
    if (said == BUCKET_GONE) said = take_new(id, key, hash, now, cost);
    *overflowed = said == BUCKET_NO_ROOM;
    return (*overflowed ? take_shared(m, now, cost) : said) == BUCKET_WITHIN;
}

static inline uint64_t meter_asked(const struct kpkt *k, uint32_t id, struct kernel_meter_said *said)
{
    const struct pbc_meter *const def = METER_DEF(id);
    struct kernel_meter *const m = METER_CELL(id);
    struct meter_key key = {{0}};
    bool overflowed = false;
    if (!meter_key_of(def, &k->key, &key)) return METER_LACKS;
    const uint64_t now = meter_now(m, k->now_ns), cost = meter_tokens(def, &k->key) * m->rate.cost;
    const bool within =
        def->per ? take_keyed(id, &key, now, cost, &overflowed) : take_shared(m, now, cost) == BUCKET_WITHIN;
    said->counter.within += within;
    said->counter.over += !within;
    said->counter.overflowed += overflowed;
    return within ? METER_WITHIN : METER_OVER;
}

/* Return the result of an unused meter. */
static inline uint64_t meter_unused(const struct kpkt *k, uint32_t id)
{
    const struct pbc_meter *const def = METER_DEF(id);
    const struct kernel_meter *const m = METER_CELL(id);
    if (!meter_has_key(def, &k->key)) return METER_LACKS;
    return meter_tokens(def, &k->key) * m->rate.cost <= m->rate.limit ? METER_WITHIN : METER_OVER;
}

/* Ask a meter as meter_ask does. Return enum meter_says. */
GLOBAL uint64_t kernel_meter(struct kpkt *k NONNULL, uint32_t id)
{
    struct kernel_meter_said *const said = METER_SAID(k, id);
    if (k->flags & KERNEL_DRY) return meter_unused(k, id);
    if (said->packet >> 2 == k->serial) return said->packet & 3;
    const uint64_t says = meter_asked(k, id, said);
    said->packet = k->serial << 2 | says;
    return says;
}

/* Take a token as meter_take does. Return 1 or 0. */
GLOBAL uint64_t kernel_meter_take(struct kpkt *k NONNULL, uint32_t id)
{
    struct kernel_meter *const m = METER_CELL(id);
    struct kernel_meter_said *const said = METER_SAID(k, id);
    const uint64_t tokens = METER_DEF(id)->unit == PBC_METER_BYTES ? k->pkt.wire_len : 1;
    const bool within = take_shared(m, meter_now(m, k->now_ns), tokens * m->rate.cost) == BUCKET_WITHIN;
    said->counter.within += within;
    said->counter.over += !within;
    return within;
}

/* Sweep the next groups as meters_sweep does, and advance s->hand. */
static inline void meters_sweep_some(struct kernel_meters_sweep *s, uint32_t count)
{
    TURNS(METER_SWEEPS)
    for (uint32_t i = LOOSE(0); LOOP(i < METER_SWEEPS); i++) {
        const uint32_t id = s->hand < count ? s->hand : 0;
        struct kernel_meter *const m = METER_CELL(id);
        if (m->table.used) kernel_meter_free(id, keyed_turn(&m->table), meter_now(m, s->now_ns));
        if (!m->table.used || m->table.hand == 0) s->hand = id + 1 < count ? id + 1 : 0;
    }
}
