/* What processes do with a program's meters, see meters.h. */
#include "vm/kernel/meters.h"

#include <stdio.h>
#include <string.h>

/* Bytes that a map of one value may have, and pointers into it reach (the kernel's BPF_MAX_VAR_OFF). */
#define MAP_MOST (UINT64_C(1) << 29)

static uint64_t slots_of(const struct pbc_meter *m) { return m->per ? (uint64_t)keyed_groups(m->entries) * GROUP : 0; }

bool kernel_meters_layout(const struct program *p, uint32_t cpus, struct kernel_meters_layout *l)
{
    *l = (struct kernel_meters_layout){.cells = p->meters_count, .said = (uint64_t)cpus * p->meters_count};
    for (uint32_t i = 0; i < p->meters_count; i++) {
        const uint64_t slots = slots_of(&p->meters[i]);
        l->slots += slots;
        l->key_words += slots * meter_key_words(p->meters[i].per);
    }
    return l->cells * sizeof(struct kernel_meter) < MAP_MOST && l->said * sizeof(struct kernel_meter_said) < MAP_MOST &&
           l->key_words * sizeof(uint64_t) < MAP_MOST;
}

/* Of what remap.c compares: the definition; the name, or where a rule's log without one stands. */
static uint64_t identity_of(const struct program *p, const struct pbc_meter *m)
{
    struct {
        struct pbc_meter as_written;
        char text[256];
    } said = {.as_written = *m};
    uint8_t digest[PBC_DIGEST_LEN];
    uint64_t identity;
    const uint32_t text = m->name ? m->name : m->place.file;
    said.as_written.name = said.as_written.place.file = 0;
    if (m->name) said.as_written.place = (struct pbc_place){0};
    if (text) snprintf(said.text, sizeof said.text, "%s", program_str(p, text));
    pbc_digest(&said, sizeof said, digest);
    memcpy(&identity, digest, sizeof identity);
    return identity;
}

void kernel_meters_fill(struct kernel_meters *m, const struct program *p, uint64_t seed)
{
    uint64_t slot = 0, key = 0;
    m->until_ns = 0;
    for (uint32_t i = 0; i < m->layout.cells; i++) {
        const struct pbc_meter *const def = &p->meters[i];
        struct kernel_meter *const cell = &m->cells[i];
        const uint32_t words = meter_key_words(def->per);
        cell->identity = identity_of(p, def);
        meter_rate_init(&cell->rate, def);
        if (!def->per) continue;
        cell->table = (struct keyed){.groups = keyed_groups(def->entries),
                                     .key_words = words,
                                     .entry_bytes = words * (uint32_t)sizeof(uint64_t),
                                     .first_slot = slot,
                                     .first_key = key};
        hash_key_init(&cell->table.hash, seed + i);
        slot += slots_of(def);
        key += slots_of(def) * words;
    }
}

static void forget(struct kernel_meters *m, uint32_t i)
{
    struct kernel_meter *const cell = &m->cells[i];
    const uint64_t first = cell->table.first_slot, slots = (uint64_t)cell->table.groups * GROUP;
    memset(m->tags + first, 0, slots * sizeof *m->tags);
    memset(m->words + first, 0, slots * sizeof *m->words);
    cell->shared = cell->table.used = 0;
}

void kernel_meters_at(struct kernel_meters *m, uint64_t now_ns)
{
    if (now_ns < m->until_ns) return;
    m->until_ns = UINT64_MAX;
    for (uint32_t i = 0; i < m->layout.cells; i++) {
        struct kernel_meter *const cell = &m->cells[i];
        const bool over = now_ns > cell->base_ns && now_ns - cell->base_ns > cell->rate.lasts_ns;
        if (over && cell->started) forget(m, i);
        if (over || !cell->started) cell->base_ns = now_ns;
        cell->started = 1;
        const uint64_t until = time_after(time_after(cell->base_ns, cell->rate.lasts_ns), 1);
        if (until < m->until_ns) m->until_ns = until;
    }
}

bool kernel_meters_held(const struct kernel_meters *m)
{
    bool held = false;
    for (uint32_t i = 0; i < m->layout.cells; i++) held |= m->cells[i].table.used != 0;
    return held;
}

/* ---- from program to program ---- */

static uint64_t read_word(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }

/* A slot while others change it: its key, and the word that it had before and after. False: it is free. */
static bool copy_slot(const struct kernel_meters *from, const struct keyed *t, uint32_t slot, uint16_t *tag,
                      uint64_t *key, uint64_t *word)
{
    for (unsigned tries = 0; tries < 16; tries++) {
        const uint64_t before = read_word(&from->words[t->first_slot + slot]);
        if (before == 0 || before == UINT64_MAX) return false;
        *tag = __atomic_load_n(&from->tags[t->first_slot + slot], __ATOMIC_ACQUIRE);
        for (uint32_t i = 0; i < t->key_words; i++)
            key[i] = read_word(&from->keys[t->first_key + (uint64_t)slot * t->key_words + i]);
        *word = read_word(&from->words[t->first_slot + slot]);
        if (*word == before) return *tag != 0;
    }
    return false;
}

/* What was taken there is taken here. A bucket that is `free` is nobody's. */
static void raise_to(uint64_t *word, uint64_t least, uint64_t free)
{
    uint64_t was = read_word(word);
    while (was < least && was != free)
        if (__atomic_compare_exchange_n(word, &was, least, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) return;
}

static void keep_table(struct kernel_meters *to, struct keyed *t, const struct kernel_meters *from,
                       const struct keyed *was)
{
    t->hash = was->hash;
    t->hand = was->hand;
    t->used = 0;
    for (uint32_t slot = 0; slot < t->groups * GROUP; slot++) {
        uint16_t *const tag = &to->tags[t->first_slot + slot];
        uint64_t *const word = &to->words[t->first_slot + slot];
        if (copy_slot(from, was, slot, tag, &to->keys[t->first_key + (uint64_t)slot * t->key_words], word))
            t->used++;
        else
            *word = *tag = 0;
    }
}

/* Which meter of `from` that of `to` is, looked for from number *next on: most stand in the same order. PBC_NONE: it is
 * new. */
static uint32_t number_before(const struct kernel_meters *from, const struct kernel_meter *to, uint32_t *next)
{
    const uint32_t count = (uint32_t)from->layout.cells;
    for (uint32_t n = 0; n < count; n++) {
        const uint32_t i = (*next + n) % count;
        if (from->cells[i].identity != to->identity || from->cells[i].table.groups != to->table.groups) continue;
        *next = i + 1;
        return i;
    }
    return PBC_NONE;
}

void kernel_meters_keep(struct kernel_meters *to, const struct kernel_meters *from)
{
    for (uint32_t i = 0, next = 0; i < to->layout.cells; i++) {
        struct kernel_meter *const cell = &to->cells[i];
        const uint32_t was = number_before(from, cell, &next);
        if (was == PBC_NONE) continue;
        const struct kernel_meter *const before = &from->cells[was];
        cell->base_ns = before->base_ns;
        cell->started = before->started;
        cell->shared = read_word(&before->shared);
        if (cell->table.groups) keep_table(to, &cell->table, from, &before->table);
        for (uint32_t cpu = 0; cpu * to->layout.cells < to->layout.said; cpu++)
            to->said[cpu * to->layout.cells + i].counter = from->said[cpu * from->layout.cells + was].counter;
    }
    to->until_ns = 0;
}

static void follow_table(struct kernel_meters *to, const struct keyed *t, const struct kernel_meters *from,
                         const struct keyed *was)
{
    for (uint32_t slot = 0; slot < t->groups * GROUP; slot++) {
        uint64_t key[METER_FLOW_WORDS], word;
        uint16_t tag;
        const uint64_t *const own = &to->keys[t->first_key + (uint64_t)slot * t->key_words];
        if (!copy_slot(from, was, slot, &tag, key, &word) || tag != to->tags[t->first_slot + slot]) continue;
        if (!memcmp(own, key, t->key_words * sizeof *key)) raise_to(&to->words[t->first_slot + slot], word, 0);
    }
}

void kernel_meters_follow(struct kernel_meters *to, const struct kernel_meters *from)
{
    for (uint32_t i = 0, next = 0; i < to->layout.cells; i++) {
        struct kernel_meter *const cell = &to->cells[i];
        const uint32_t was = number_before(from, cell, &next);
        if (was == PBC_NONE) continue;
        const struct kernel_meter *const before = &from->cells[was];
        raise_to(&cell->shared, before->shared, UINT64_MAX);
        if (cell->table.groups) follow_table(to, &cell->table, from, &before->table);
    }
}

void kernel_meters_show(const struct kernel_meters *m, struct meters *to)
{
    for (uint32_t i = 0; i < m->layout.cells; i++) {
        const struct kernel_meter *const cell = &m->cells[i];
        const struct meter_buckets there = {.base_ns = cell->base_ns,
                                            .shared = cell->shared,
                                            .table = &cell->table,
                                            .tags = m->tags + cell->table.first_slot,
                                            .words = m->words + cell->table.first_slot,
                                            .entries = m->keys + cell->table.first_key};
        if (cell->shared || cell->table.used) meters_show(to, i, &there);
    }
}

void kernel_meters_sum(const struct kernel_meters *m, struct meter_counter sums[])
{
    for (uint32_t i = 0; i < m->layout.cells; i++) {
        sums[i] = (struct meter_counter){0};
        for (uint64_t at = i; at < m->layout.said; at += m->layout.cells) {
            const struct meter_counter *const c = &m->said[at].counter;
            sums[i].within += c->within;
            sums[i].over += c->over;
            sums[i].overflowed += c->overflowed;
        }
    }
}
