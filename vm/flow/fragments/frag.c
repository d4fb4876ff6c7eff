/* Datagrams in fragments, see frag.h: a keyed table whose words are the times when datagrams began, so that making room
 * reads no entry. */
#include "vm/flow/fragments/frag.h"

#include <string.h>

#include "vm/keyed/keyed.h"
#include "vm/packet/parse/fragment.h"
#include "vm/packet/pkt.h"

/* HELD_SLOTS is twice FRAG_HELD: a fragment whose fate is known keeps its slot until it leaves. It must not take the
 * place of a waiting one, or results would depend on where batches end. */
enum { SWEEP_PARTS = 32, HELD_SLOTS = 2 * FRAG_HELD };
#define SWEEP_NS UINT64_C(1000000000)

/* Identity of a datagram: fragments with equal bytes belong together */
struct frag_id {
    uint32_t src[4], dst[4], id;
    uint32_t kind; /* family, protocol (IPv4 only: RFC 8200, 4.5), number of tags */
    uint32_t tags[TAGS_MOST];
};
enum { ID_WORDS = 5 }; /* words of an id without tags */
static_assert(sizeof(struct frag_id) % 8 == 0 && offsetof(struct frag_id, tags) == ID_WORDS * 8, "hashed by words");

/* State of the first fragment: not come, being judged, judged. ENDED: the datagram is given up */
enum { UNSEEN, SEEN, JUDGED, ENDED };

struct datagram {
    _Alignas(uint64_t) struct frag_id id;
    struct frag_first first; /* valid if JUDGED; if ENDED, has the reason */
    uint8_t state;
    uint8_t waiting; /* held fragments of the datagram whose fate is unknown */
    struct frag_ranges ranges;
};

struct held {
    struct frag_held is;
    uint64_t until_ns;
    uint32_t datagram; /* PBC_NONE: the fate of the first is known, or this is an orphan */
};

struct frags {
    struct keyed table;
    struct frag_counters counters;
    uint64_t soonest_ns;          /* no held fragment expires before this time */
    unsigned held_count, ready;   /* `ready`: number of held fragments whose fate is known */
    struct held held[HELD_SLOTS]; /* held fragments, in order of arrival */
};
static_assert(offsetof(struct frags, table) == 0, "keyed_owner_new");

struct frags *frags_new(const struct program *p, uint64_t seed)
{
    return keyed_owner_new(sizeof(struct frags), &(struct keyed_cfg){.most = frags_most(p),
                                                                     .key_words = sizeof(struct frag_id) / 8,
                                                                     .entry_bytes = sizeof(struct datagram),
                                                                     .seed = seed});
}

void frags_free(struct frags *f)
{
    for (unsigned i = 0; f && i < f->held_count; i++) pool_put(f->held[i].is.pkt);
    keyed_owner_free(f);
}

const struct frag_counters *frags_counters(const struct frags *f) { return &f->counters; }

static struct datagram *datagram_at(const struct frags *f, uint32_t slot) { return keyed_at(&f->table, slot); }
static uint64_t born_ns(const struct frags *f, uint32_t slot) { return f->table.words[slot]; }

static bool datagram_is_over(const struct frags *f, uint32_t slot, uint64_t now_ns)
{
    return now_ns - born_ns(f, slot) >= FRAG_KEEP_NS;
}

/* Give the held fragments of a datagram the fate of its first; NULL: the first will not come. Fragments that have
 * expired are orphans already. */
static void tell_held(struct frags *f, uint64_t now_ns, uint32_t slot, const struct frag_first *first)
{
    struct datagram *d = datagram_at(f, slot);
    for (unsigned i = 0; d->waiting && i < f->held_count; i++) {
        struct held *h = &f->held[i];
        if (h->datagram != slot) continue;
        h->datagram = PBC_NONE;
        h->is.orphan = !first || h->until_ns <= now_ns;
        if (first) h->is.first = *first;
        d->waiting--;
        f->ready++;
    }
}

static void datagram_release(struct frags *f, uint64_t now_ns, uint32_t slot, uint64_t *counter)
{
    tell_held(f, now_ns, slot, NULL);
    keyed_drop(&f->table, slot);
    ++*counter;
}

static uint32_t datagram_add(struct frags *f, uint64_t now_ns, const struct place *at, const struct frag_id *id)
{
    uint32_t slot = keyed_add(&f->table, at, id);
    if (slot == KEYED_NONE) { /* the oldest datagram makes way */
        slot = keyed_lowest(&f->table, at);
        datagram_release(f, now_ns, slot,
                         datagram_is_over(f, slot, now_ns) ? &f->counters.expired : &f->counters.evicted);
        slot = keyed_add(&f->table, at, id);
    }
    f->table.words[slot] = now_ns;
    f->counters.datagrams++;
    return slot;
}

static uint32_t find_or_add(struct frags *f, uint64_t now_ns, const struct frag_id *id)
{
    struct place at;
    keyed_place(&f->table, id, ID_WORDS + ((id->kind & 0xff) + 1) / 2, &at);
    const uint32_t slot = keyed_find(&f->table, &at, id);
    if (slot == KEYED_NONE) return datagram_add(f, now_ns, &at, id);
    if (!datagram_is_over(f, slot, now_ns)) return slot;
    datagram_release(f, now_ns, slot, &f->counters.expired);
    return datagram_add(f, now_ns, &at, id);
}

static const struct verdict refusal = {
    .action = ACTION_DROP, .rule = RULE_NONE, .firewall = PBC_NONE, .service = PBC_NONE, .server = PBC_NONE};

static enum frag_fate datagram_refuse(enum pkt_reason reason, struct frag_first *first)
{
    *first = (struct frag_first){.verdict = refusal};
    first->verdict.reason = (uint8_t)reason;
    return FRAG_REFUSE;
}

/* Give up the datagram: all waiting and later fragments are dropped for this reason. */
static enum frag_fate give_up(struct frags *f, uint64_t now_ns, uint32_t slot, enum pkt_reason reason,
                              struct frag_first *first)
{
    struct datagram *d = datagram_at(f, slot);
    datagram_refuse(reason, first);
    d->state = ENDED;
    d->first = *first;
    tell_held(f, now_ns, slot, first);
    return FRAG_REFUSE;
}

/* Refuse a malformed fragment; a first one ends its datagram. A header with a wrong checksum identifies no datagram. */
static enum frag_fate look_malformed(struct frags *f, uint64_t now_ns, const struct pkt *pkt, const struct frag_id *id,
                                     bool is_first, struct frag_first *first)
{
    if (is_first && pkt->reason != REASON_BAD_IP_CHECKSUM) {
        const uint32_t slot = find_or_add(f, now_ns, id);
        if (datagram_at(f, slot)->state == UNSEEN) return give_up(f, now_ns, slot, pkt->reason, first);
    }
    return datagram_refuse(pkt->reason, first);
}

/* Return the fate that the fragment's byte range allows; FRAG_FOLLOW: the range is valid. */
static enum frag_fate look_bytes(struct frags *f, uint64_t now_ns, uint32_t slot, const struct fragment *part,
                                 struct frag_first *first)
{
    struct frag_counters *c = &f->counters;
    switch (frag_ranges_add(&datagram_at(f, slot)->ranges, part->offset, part->offset + part->bytes, part->more)) {
    case FIT_NEW: break;
    case FIT_DUPLICATE: c->duplicates++; return datagram_refuse(REASON_DUPLICATE_FRAGMENT, first);
    case FIT_OVERLAP: c->overlaps++; return give_up(f, now_ns, slot, REASON_OVERLAPPING_FRAGMENT, first);
    case FIT_END: c->ends++; return give_up(f, now_ns, slot, REASON_FRAGMENT_END, first);
    case FIT_FULL: c->overfull++; return give_up(f, now_ns, slot, REASON_FRAGMENT_RANGES, first);
    }
    return FRAG_FOLLOW;
}

enum frag_fate frag_look(struct frags *f, uint64_t now_ns, const struct key *key, const struct pkt *pkt,
                         uint32_t *datagram, struct frag_first *first)
{
    struct fragment part;
    _Alignas(uint64_t) struct frag_id id;
    *datagram = PBC_NONE;
    if (!fragment_read(pkt, key, &part)) return datagram_refuse(pkt->reason ? pkt->reason : REASON_BAD_FRAGMENT, first);
    id = (struct frag_id){.id = part.id};
    memcpy(id.src, key->src, sizeof id.src);
    memcpy(id.dst, key->dst, sizeof id.dst);
    const unsigned tags = tags_read(pkt, id.tags);
    const bool v4 = key->kind & KIND_IP4;
    id.kind = (v4 ? 4u : 6u) << 24 | (v4 ? (uint32_t)key->proto : 0) << 16 | tags;
    if (pkt->reason != REASON_NONE) return look_malformed(f, now_ns, pkt, &id, part.offset == 0, first);
    if (part.bytes == 0) return datagram_refuse(REASON_BAD_FRAGMENT, first);
    const uint32_t slot = *datagram = find_or_add(f, now_ns, &id);
    struct datagram *d = datagram_at(f, slot);
    if (d->state == ENDED) {
        *first = d->first;
        return FRAG_REFUSE;
    }
    const enum frag_fate fate = look_bytes(f, now_ns, slot, &part, first);
    if (fate != FRAG_FOLLOW) return fate;
    if (part.offset == 0) {
        d->state = SEEN;
        return FRAG_FIRST;
    }
    if (d->state != JUDGED) return FRAG_WAIT;
    *first = d->first;
    f->counters.followed++;
    if (frag_ranges_whole(&d->ranges)) datagram_release(f, now_ns, slot, &f->counters.complete);
    return FRAG_FOLLOW;
}

void frag_judged(struct frags *f, uint64_t now_ns, uint32_t datagram, const struct frag_first *first)
{
    struct datagram *d = datagram_at(f, datagram);
    d->state = JUDGED;
    d->first = *first;
    tell_held(f, now_ns, datagram, first);
    if (frag_ranges_whole(&d->ranges)) datagram_release(f, now_ns, datagram, &f->counters.complete);
}

bool frag_room(const struct frags *f, uint64_t now_ns)
{
    unsigned waiting = 0;
    for (unsigned i = 0; i < f->held_count; i++)
        waiting += f->held[i].datagram != PBC_NONE && f->held[i].until_ns > now_ns;
    return waiting < FRAG_HELD && f->held_count < HELD_SLOTS;
}

void frag_not_held(struct frags *f) { f->counters.not_held++; }

/* Hold the copy until it or its datagram expires. */
void frag_hold(struct frags *f, uint64_t now_ns, uint32_t datagram, struct pkt *copy, uint32_t outer_bytes)
{
    const uint64_t keep = time_after(born_ns(f, datagram), FRAG_KEEP_NS), hold = time_after(now_ns, FRAG_HOLD_NS);
    struct held *h = &f->held[f->held_count++];
    *h = (struct held){
        .is = {.pkt = copy, .outer_bytes = outer_bytes}, .until_ns = hold < keep ? hold : keep, .datagram = datagram};
    if (h->until_ns < f->soonest_ns || f->held_count == 1) f->soonest_ns = h->until_ns;
    datagram_at(f, datagram)->waiting++;
    f->counters.held++;
}

/* Return the index of the next fragment that may leave; held_count: none. */
static unsigned next_of(struct frags *f, uint64_t now_ns)
{
    if (!f->ready && now_ns < f->soonest_ns) return f->held_count;
    uint64_t soonest = UINT64_MAX;
    for (unsigned i = 0; i < f->held_count; i++) {
        const struct held *h = &f->held[i];
        if (h->datagram == PBC_NONE || h->until_ns <= now_ns) return i;
        if (h->until_ns < soonest) soonest = h->until_ns;
    }
    f->soonest_ns = soonest;
    return f->held_count;
}

/* Forget that the fragment of that datagram is held. */
static void held_forget(struct frags *f, uint32_t datagram)
{
    f->held_count--;
    if (datagram == PBC_NONE)
        f->ready--;
    else
        datagram_at(f, datagram)->waiting--;
}

bool frag_next(struct frags *f, uint64_t now_ns, struct frag_held *out)
{
    const unsigned i = next_of(f, now_ns);
    if (i == f->held_count) return false;
    const uint32_t datagram = f->held[i].datagram;
    *out = f->held[i].is;
    out->orphan |= datagram != PBC_NONE;
    held_forget(f, datagram);
    memmove(&f->held[i], &f->held[i + 1], (f->held_count - i) * sizeof *f->held);
    ++*(out->orphan ? &f->counters.orphans : &f->counters.released);
    return true;
}

static void sweep_group(struct frags *f, uint64_t now_ns)
{
    if (now_ns < FRAG_KEEP_NS) return;
    const uint32_t group = keyed_turn(&f->table);
    for (uint32_t over = keyed_up_to(&f->table, group, now_ns - FRAG_KEEP_NS); over; over &= over - 1)
        datagram_release(f, now_ns, group * GROUP + tags_first(over), &f->counters.expired);
}

uint64_t frag_tick(struct frags *f, uint64_t now_ns)
{
    for (unsigned i = 0; f->table.used && i <= f->table.groups / SWEEP_PARTS; i++) sweep_group(f, now_ns);
    const uint64_t next = f->table.used ? time_after(now_ns, SWEEP_NS) : UINT64_MAX;
    if (!f->held_count) return next;
    if (next_of(f, now_ns) < f->held_count) return now_ns;
    return f->soonest_ns < next ? f->soonest_ns : next;
}

struct pkt *frag_drop(struct frags *f, uint32_t *outer_bytes)
{
    if (!f->held_count) return NULL;
    const struct held *h = &f->held[f->held_count - 1];
    held_forget(f, h->datagram);
    *outer_bytes = h->is.outer_bytes;
    return h->is.pkt;
}

void frags_each(struct frags *f, frag_first_fn *fn, void *arg)
{
    for (uint32_t group = 0; f->table.used && group < f->table.groups; group++)
        for (uint32_t taken = tags_taken(f->table.tags + (size_t)group * GROUP); taken; taken &= taken - 1) {
            struct datagram *d = keyed_at(&f->table, group * GROUP + tags_first(taken));
            if (d->state == JUDGED) fn(arg, &d->first);
        }
    for (unsigned i = 0; i < f->held_count; i++)
        if (f->held[i].datagram == PBC_NONE && !f->held[i].is.orphan) fn(arg, &f->held[i].is.first);
}

static bool are_ranges(const struct frag_ranges *r)
{
    if (r->count > FRAG_RANGES || r->covered > UINT16_MAX) return false;
    for (unsigned i = 0; i < r->count; i++)
        if (r->at[i].lo >= r->at[i].hi || (i && r->at[i].lo < r->at[i - 1].hi)) return false;
    return true;
}

static void archive_held(struct frags *f, struct held *h, struct pool *pool, struct archive *a, frag_read_fn *fn,
                         void *arg)
{
    uint8_t orphan = h->is.orphan;
    ARCHIVE(a, orphan);
    ARCHIVE(a, h->is.outer_bytes);
    ARCHIVE(a, h->is.first);
    ARCHIVE(a, h->until_ns);
    ARCHIVE(a, h->datagram);
    h->is.orphan = orphan;
    const bool waits = h->datagram != PBC_NONE;
    if (!archive_sound(a, waits ? h->datagram < f->table.groups * GROUP && f->table.tags[h->datagram]
                                : orphan || fn(arg, &h->is.first)))
        return;
    if (!pkt_archive(&h->is.pkt, pool, a) || !a->reads) return;
    f->held_count++;
    f->ready += !waits;
    if (waits) datagram_at(f, h->datagram)->waiting++;
}

bool frags_archive(struct frags *f, struct pool *pool, struct archive *a, frag_read_fn *fn, void *arg)
{
    uint32_t held = f->held_count;
    keyed_archive(&f->table, a);
    ARCHIVE(a, f->soonest_ns);
    ARCHIVE(a, held);
    archive_sound(a, held <= HELD_SLOTS);
    for (uint32_t slot = 0; a->reads && f->table.used && slot < f->table.groups * GROUP && !a->bad; slot++) {
        if (!f->table.tags[slot]) continue;
        struct datagram *d = datagram_at(f, slot);
        d->waiting = 0;
        archive_sound(a, d->state <= ENDED && are_ranges(&d->ranges));
        if (d->state == JUDGED || d->state == ENDED) archive_sound(a, fn(arg, &d->first));
    }
    for (uint32_t i = 0; i < held && !a->bad; i++) archive_held(f, &f->held[i], pool, a, fn, arg);
    if (a->reads) f->counters.datagrams = f->table.used;
    return !a->bad;
}
