/* Datagrams in pieces, see frag.h. Entries lie in groups of sixteen; a datagram has two groups, by its seeded hash, and
 * goes to the emptier one. Beside the entries stand dense arrays of hashes and times, so that a look-up of what is not
 * there reads two lines, and making room reads no entry. */
#include "vm/flow/fragments/frag.h"

#include <stdlib.h>
#include <string.h>

#include "vm/packet/parse/fragment.h"
#include "vm/packet/time.h"

typedef unsigned __int128 u128;

/* HELD_SLOTS: those that wait, and as many that know and have not left yet, so that who waits does not depend on when a
 * batch ends. */
enum { WAYS = 16, SWEEP_PARTS = 32, HELD_SLOTS = 2 * FRAG_HELD };
#define SWEEP_NS UINT64_C(1000000000)

/* Two fragments belong to one datagram if their ids are equal bytes. */
struct frag_id {
    uint32_t src[4], dst[4], id;
    uint32_t kind; /* family, protocol (IPv4 alone: RFC 8200, 4.5), number of tags */
    uint32_t tags[TAGS_MOST];
};
static_assert(sizeof(struct frag_id) % 8 == 0, "hashed by words, compared as bytes");

enum { UNSEEN, SEEN, JUDGED, ENDED }; /* the first: not come, being judged, judged; the datagram was given up */

struct datagram {
    struct frag_id id;
    struct frag_first first; /* JUDGED; ENDED: with the reason */
    uint8_t state;
    uint8_t waiting; /* held fragments of it that do not know yet */
    struct frag_ranges ranges;
};

struct held {
    struct pkt *pkt;
    uint64_t until_ns;
    uint32_t datagram; /* PBC_NONE: `first` is known, or it is an orphan */
    bool orphan;
    struct frag_first first;
};

struct frags {
    uint64_t seed;
    uint32_t groups, hand, live;
    uint32_t *hashes; /* [groups * WAYS]: 0 is free */
    uint64_t *born_ns;
    struct datagram *at;
    struct frag_counters counters;
    uint64_t soonest_ns;          /* the time of none that waits is over before */
    unsigned held_count, ready;   /* ready: of those held, the ones that know */
    struct held held[HELD_SLOTS]; /* in the order in which they came */
};

struct frags *frags_new(const struct program *p, uint64_t seed)
{
    struct frags *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    f->seed = seed;
    const uint64_t most = p->settings_count ? p->settings->fragments : 4096;
    for (f->groups = 1; (uint64_t)f->groups * WAYS * 2 < most * 3;) f->groups *= 2;
    const size_t slots = (size_t)f->groups * WAYS;
    f->hashes = aligned_alloc(64, slots * sizeof *f->hashes);
    f->born_ns = calloc(slots, sizeof *f->born_ns);
    f->at = calloc(slots, sizeof *f->at);
    if (!f->hashes || !f->born_ns || !f->at) {
        frags_free(f);
        return NULL;
    }
    memset(f->hashes, 0, slots * sizeof *f->hashes);
    return f;
}

void frags_free(struct frags *f)
{
    if (!f) return;
    for (unsigned i = 0; i < f->held_count; i++) pool_put(f->held[i].pkt);
    free(f->hashes);
    free(f->born_ns);
    free(f->at);
    free(f);
}

const struct frag_counters *frags_counters(const struct frags *f) { return &f->counters; }

/* ---- which datagram ---- */

static void id_of(const struct key *key, const struct pkt *pkt, uint32_t id, struct frag_id *out)
{
    *out = (struct frag_id){.id = id};
    memcpy(out->src, key->src, sizeof out->src);
    memcpy(out->dst, key->dst, sizeof out->dst);
    const unsigned tags = tags_read(pkt, out->tags);
    const bool v4 = key->kind & KIND_IP4;
    out->kind = (v4 ? 4u : 6u) << 24 | (v4 ? (uint32_t)key->proto : 0) << 16 | tags;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct frags *f, const struct frag_id *id)
{
    uint64_t h = f->seed ^ 0x9e3779b97f4a7c15u;
    const size_t bytes = offsetof(struct frag_id, tags) + (id->kind & 0xff) * sizeof *id->tags;
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t w;
        memcpy(&w, (const uint8_t *)id + i, sizeof w);
        h = mix(h ^ w, (f->seed >> 32 | f->seed << 32) ^ 0xd6e8feb86659fd93u) + h;
    }
    return mix(h, 0xa0761d6478bd642fu);
}

struct place {
    uint32_t group[2];
    uint32_t hash; /* never 0 */
};

static struct place place_of(const struct frags *f, const struct frag_id *id)
{
    const uint64_t h = hash_of(f, id);
    const uint32_t mask = f->groups - 1, first = (uint32_t)h & mask, step = ((uint32_t)(h >> 24) & mask) | 1;
    return (struct place){.group = {first, (first + step) & mask}, .hash = (uint32_t)(h >> 32) | 1};
}

static uint32_t find(const struct frags *f, const struct place *at, const struct frag_id *id)
{
    for (unsigned side = 0; side < 2; side++)
        for (uint32_t slot = at->group[side] * WAYS, end = slot + WAYS; slot < end; slot++)
            if (f->hashes[slot] == at->hash && memcmp(&f->at[slot].id, id, sizeof *id) == 0) return slot;
    return PBC_NONE;
}

static bool is_over(const struct frags *f, uint32_t slot, uint64_t now_ns)
{
    return now_ns - f->born_ns[slot] >= FRAG_KEEP_NS;
}

/* What waits for the datagram knows now: what became of the first, or (NULL) that it will not come. Those whose time is
 * over are orphans already. */
static void tell_held(struct frags *f, uint64_t now_ns, uint32_t slot, const struct frag_first *first)
{
    struct datagram *d = &f->at[slot];
    for (unsigned i = 0; d->waiting && i < f->held_count; i++) {
        struct held *h = &f->held[i];
        if (h->datagram != slot) continue;
        h->datagram = PBC_NONE;
        h->orphan = !first || h->until_ns <= now_ns;
        if (first) h->first = *first;
        d->waiting--;
        f->ready++;
    }
}

static void release(struct frags *f, uint64_t now_ns, uint32_t slot, uint64_t *counter)
{
    tell_held(f, now_ns, slot, NULL);
    f->hashes[slot] = 0;
    f->live--;
    ++*counter;
}

/* ---- a new datagram ---- */

static unsigned free_in(const struct frags *f, uint32_t group, uint32_t *slot)
{
    unsigned count = 0;
    for (uint32_t i = group * WAYS + WAYS; i-- > group * WAYS;)
        if (!f->hashes[i]) {
            *slot = i;
            count++;
        }
    return count;
}

/* Both groups are full: the oldest of them yields. */
static uint32_t make_room(struct frags *f, uint64_t now_ns, const struct place *at)
{
    uint32_t oldest = at->group[0] * WAYS;
    for (unsigned side = 0; side < 2; side++)
        for (uint32_t slot = at->group[side] * WAYS, end = slot + WAYS; slot < end; slot++)
            if (f->born_ns[slot] < f->born_ns[oldest]) oldest = slot;
    release(f, now_ns, oldest, is_over(f, oldest, now_ns) ? &f->counters.expired : &f->counters.evicted);
    return oldest;
}

static uint32_t add(struct frags *f, uint64_t now_ns, const struct place *at, const struct frag_id *id)
{
    uint32_t slot[2] = {PBC_NONE, PBC_NONE};
    const unsigned room[2] = {free_in(f, at->group[0], &slot[0]), free_in(f, at->group[1], &slot[1])};
    const uint32_t into = room[0] || room[1] ? slot[room[1] > room[0]] : make_room(f, now_ns, at);
    f->hashes[into] = at->hash;
    f->born_ns[into] = now_ns;
    struct datagram *d = &f->at[into];
    d->id = *id;
    d->state = UNSEEN;
    d->waiting = 0;
    d->ranges.covered = 0;
    d->ranges.end = d->ranges.count = 0;
    f->live++;
    f->counters.datagrams++;
    return into;
}

static uint32_t find_or_add(struct frags *f, uint64_t now_ns, const struct frag_id *id)
{
    const struct place at = place_of(f, id);
    uint32_t slot = find(f, &at, id);
    if (slot != PBC_NONE && is_over(f, slot, now_ns)) {
        release(f, now_ns, slot, &f->counters.expired);
        slot = PBC_NONE;
    }
    return slot != PBC_NONE ? slot : add(f, now_ns, &at, id);
}

/* ---- fates ---- */

static const struct verdict refusal = {
    .action = ACTION_DROP, .rule = RULE_NONE, .firewall = PBC_NONE, .service = PBC_NONE, .server = PBC_NONE};

static enum frag_fate refuse(enum pkt_reason reason, struct frag_first *first)
{
    *first = (struct frag_first){.verdict = refusal};
    first->verdict.reason = (uint8_t)reason;
    return FRAG_REFUSE;
}

/* The datagram is given up: all of it that waits or is still to come is dropped for this reason. */
static enum frag_fate give_up(struct frags *f, uint64_t now_ns, uint32_t slot, enum pkt_reason reason,
                              struct frag_first *first)
{
    struct datagram *d = &f->at[slot];
    refuse(reason, first);
    d->state = ENDED;
    d->first = *first;
    tell_held(f, now_ns, slot, first);
    return FRAG_REFUSE;
}

/* The header of one whose checksum is wrong names no datagram. */
static enum frag_fate look_malformed(struct frags *f, uint64_t now_ns, const struct pkt *pkt, const struct frag_id *id,
                                     bool is_first, struct frag_first *first)
{
    if (is_first && pkt->reason != REASON_BAD_IP_CHECKSUM) {
        const uint32_t slot = find_or_add(f, now_ns, id);
        if (f->at[slot].state == UNSEEN) return give_up(f, now_ns, slot, pkt->reason, first);
    }
    return refuse(pkt->reason, first);
}

/* What comes of the fragment's bytes: FRAG_FOLLOW where nothing speaks against them. */
static enum frag_fate look_bytes(struct frags *f, uint64_t now_ns, uint32_t slot, const struct fragment *part,
                                 struct frag_first *first)
{
    struct frag_counters *c = &f->counters;
    switch (frag_ranges_add(&f->at[slot].ranges, part->offset, part->offset + part->bytes, part->more)) {
    case FIT_NEW: break;
    case FIT_DUPLICATE: c->duplicates++; return refuse(REASON_DUPLICATE_FRAGMENT, first);
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
    struct frag_id id;
    *datagram = PBC_NONE;
    if (!fragment_read(pkt, key, &part)) return refuse(pkt->reason ? pkt->reason : REASON_BAD_FRAGMENT, first);
    id_of(key, pkt, part.id, &id);
    if (pkt->reason != REASON_NONE) return look_malformed(f, now_ns, pkt, &id, part.offset == 0, first);
    if (part.bytes == 0) return refuse(REASON_BAD_FRAGMENT, first);
    const uint32_t slot = *datagram = find_or_add(f, now_ns, &id);
    struct datagram *d = &f->at[slot];
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
    if (frag_ranges_whole(&d->ranges)) release(f, now_ns, slot, &f->counters.complete);
    return FRAG_FOLLOW;
}

void frag_judged(struct frags *f, uint64_t now_ns, uint32_t datagram, const struct frag_first *first)
{
    struct datagram *d = &f->at[datagram];
    d->state = JUDGED;
    d->first = *first;
    tell_held(f, now_ns, datagram, first);
    if (frag_ranges_whole(&d->ranges)) release(f, now_ns, datagram, &f->counters.complete);
}

/* ---- early fragments ---- */

bool frag_room(const struct frags *f, uint64_t now_ns)
{
    unsigned waiting = 0;
    for (unsigned i = 0; i < f->held_count; i++)
        waiting += f->held[i].datagram != PBC_NONE && f->held[i].until_ns > now_ns;
    return waiting < FRAG_HELD && f->held_count < HELD_SLOTS;
}

void frag_not_held(struct frags *f) { f->counters.not_held++; }

/* Until its time is over, or that of its datagram. */
void frag_hold(struct frags *f, uint64_t now_ns, uint32_t datagram, struct pkt *copy)
{
    const uint64_t keep = time_after(f->born_ns[datagram], FRAG_KEEP_NS), hold = time_after(now_ns, FRAG_HOLD_NS);
    struct held *h = &f->held[f->held_count++];
    *h = (struct held){.pkt = copy, .until_ns = hold < keep ? hold : keep, .datagram = datagram};
    if (h->until_ns < f->soonest_ns || f->held_count == 1) f->soonest_ns = h->until_ns;
    f->at[datagram].waiting++;
    f->counters.held++;
}

/* held_count: none. */
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

bool frag_ready(struct frags *f, uint64_t now_ns) { return next_of(f, now_ns) < f->held_count; }

struct pkt *frag_next(struct frags *f, uint64_t now_ns, struct frag_first *first, bool *orphan)
{
    const unsigned i = next_of(f, now_ns);
    if (i == f->held_count) return NULL;
    struct held h = f->held[i];
    f->held_count--;
    memmove(&f->held[i], &f->held[i + 1], (f->held_count - i) * sizeof *f->held);
    if (h.datagram == PBC_NONE) {
        f->ready--;
        *orphan = h.orphan;
        *first = h.first;
    } else {
        f->at[h.datagram].waiting--;
        *orphan = true;
    }
    ++*(*orphan ? &f->counters.orphans : &f->counters.released);
    return h.pkt;
}

/* ---- time ---- */

static void sweep_group(struct frags *f, uint64_t now_ns)
{
    for (uint32_t slot = f->hand * WAYS, end = slot + WAYS; slot < end; slot++)
        if (f->hashes[slot] && is_over(f, slot, now_ns)) release(f, now_ns, slot, &f->counters.expired);
    f->hand = (f->hand + 1) & (f->groups - 1);
}

uint64_t frag_tick(struct frags *f, uint64_t now_ns)
{
    for (unsigned i = 0; f->live && i <= f->groups / SWEEP_PARTS; i++) sweep_group(f, now_ns);
    const uint64_t next = f->live ? time_after(now_ns, SWEEP_NS) : UINT64_MAX;
    if (!f->held_count) return next;
    if (frag_ready(f, now_ns)) return now_ns;
    return f->soonest_ns < next ? f->soonest_ns : next;
}
