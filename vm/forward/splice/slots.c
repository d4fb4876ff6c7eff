/* The table of slots, as its one writer changes it: the kernel may read at any time, see slots.h. */
#include "vm/forward/splice/slots.h"

#include <string.h>

#include "vm/packet/edit/edit.h"

enum { TAG_BITS = 16, MSS_LEAST = 64 };

static unsigned tags_taken_in(uint64_t tags)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SPLICE_GROUP; i++) n += (uint16_t)(tags >> TAG_BITS * i) != 0;
    return n;
}

static void set_tag(struct splice_slots *all, uint32_t slot, uint16_t tag)
{
    uint64_t *word = &all->tags[slot / SPLICE_GROUP];
    const unsigned shift = TAG_BITS * (slot % SPLICE_GROUP);
    const uint64_t tags = (*word & ~((uint64_t)UINT16_MAX << shift)) | (uint64_t)tag << shift;
    __atomic_store_n(word, tags, __ATOMIC_RELEASE);
}

/* Keep the kernel from using the slot until `slot_written`. */
static void slot_begin(struct splice_slot *s)
{
    if (s->change & 1) __atomic_store_n(&s->change, s->change + 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void slot_written(struct splice_slot *s) { __atomic_store_n(&s->change, s->change + 1, __ATOMIC_RELEASE); }

/* Return a free slot in the emptier one of those groups that have no slot with the tag. */
static uint32_t free_slot(const struct splice_slots *all, const struct splice_place *at)
{
    uint32_t best = SPLICE_NO_SLOT;
    unsigned fewest = SPLICE_GROUP;
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t tags = all->tags[at->group[i]];
        const unsigned count = tags_taken_in(tags);
        if (count >= fewest || splice_at(tags, at->tag) != SPLICE_GROUP) continue;
        fewest = count;
        best = at->group[i] * SPLICE_GROUP + splice_at(tags, 0);
    }
    return best;
}

static uint32_t slot_find(const struct splice_slots *all, const struct splice_place *at, const struct splice_slot *s)
{
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t in = splice_at(all->tags[at->group[i]], at->tag), slot = at->group[i] * SPLICE_GROUP + in;
        const struct splice_slot *there = &all->slots[slot];
        if (in == SPLICE_GROUP || there->moves.v6 != s->moves.v6) continue;
        if (splice_same_tuple(&there->tuple, &s->tuple, s->moves.v6)) return slot;
    }
    return SPLICE_NO_SLOT;
}

/* Set a number of that slot, unless a later one is there. */
static void slot_raise(const struct splice_slot *s, uint64_t *word, uint64_t number)
{
    const uint32_t most = splice_slot_most(s, word, (uint32_t)number);
    __atomic_store_n(word, splice_number(s->use, most), __ATOMIC_RELAXED);
}

uint32_t splice_slot_most(const struct splice_slot *s, const uint64_t *word, uint32_t known)
{
    const uint64_t there = __atomic_load_n(word, __ATOMIC_RELAXED);
    return splice_is_of(there, s->use) && (int32_t)((uint32_t)there - known) > 0 ? (uint32_t)there : known;
}

void splice_slots_sent(struct splice_slots *all, uint32_t slot, uint32_t turn)
{
    uint32_t *gate = &all->slots[slot].gate;
    if (turn < SPLICE_GATE)
        __atomic_compare_exchange_n(gate, &turn, SPLICE_OPEN, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    else
        __atomic_store_n(gate, SPLICE_OPEN, __ATOMIC_SEQ_CST);
}

uint32_t splice_slots_put(struct splice_slots *all, const struct splice_slot *s)
{
    const struct hash_key *by = &all->head->key;
    const uint64_t hash = s->moves.v6 ? splice_hash6(by, &s->tuple) : splice_hash4(by, &s->tuple);
    const struct splice_place at = splice_place(hash, all->groups);
    uint32_t slot = slot_find(all, &at, s);
    const bool is_new = slot == SPLICE_NO_SLOT;
    if (is_new) slot = free_slot(all, &at);
    if (slot == SPLICE_NO_SLOT) return slot;
    struct splice_slot *to = &all->slots[slot];
    slot_begin(to);
    /* Segments went up while the recipe was of another generation, so the gate shuts */
    if (is_new || to->recipe.generation != s->recipe.generation)
        __atomic_and_fetch(&to->gate, is_new ? 0 : ~SPLICE_OPEN, __ATOMIC_SEQ_CST);
    to->tuple = s->tuple;
    to->moves = s->moves;
    to->recipe = s->recipe;
    if (is_new) {
        to->use++;
        __atomic_store_n(&to->packets, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&to->bytes, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&to->seen_ns, 0, __ATOMIC_RELAXED);
    }
    slot_raise(to, &to->next, s->next);
    slot_raise(to, &to->acked, s->acked);
    slot_raise(to, &to->edge, s->edge);
    slot_raise(to, &to->stamp, s->stamp);
    slot_written(to);
    if (!is_new) return slot;
    set_tag(all, slot, at.tag);
    __atomic_store_n(&all->head->live, all->head->live + 1, __ATOMIC_RELAXED);
    return slot;
}

void splice_slots_drop(struct splice_slots *all, uint32_t slot)
{
    struct splice_slot *s = &all->slots[slot];
    if (!(s->change & 1)) return;
    set_tag(all, slot, 0);
    slot_begin(s);
    __atomic_store_n(&all->head->live, all->head->live - 1, __ATOMIC_RELAXED);
}

bool splice_slots_moves(const struct splice *s, unsigned from, bool v6, uint32_t mtu, struct splice_moves *m)
{
    const struct splice_end *a = &s->end[from], *b = &s->end[!from];
    const uint32_t mss = b->mss ? b->mss : mss_default(v6), header = (v6 ? IP6_LEN : IP4_LEN) + (uint32_t)TCP_LEN;
    const uint32_t takes = header + (mss < MSS_LEAST ? (uint32_t)MSS_LEAST : mss);
    const uint32_t longest = takes < mtu ? takes : mtu;
    *m = (struct splice_moves){.seq = b->out - a->in,
                               .ack = b->in - a->out,
                               .stamp = b->stamp_out - a->stamp_in,
                               .echo = b->stamp_in - a->stamp_out,
                               .longest = (uint16_t)(longest < UINT16_MAX ? longest : UINT16_MAX),
                               .scale_in = a->scale_in,
                               .scale_out = b->scale_out,
                               .scale_told = a->scale_out,
                               .has = a->has,
                               .v6 = v6};
    return a->has == b->has;
}
