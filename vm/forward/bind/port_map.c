/* Taken ports (port_map.h) */
#include "vm/forward/bind/port_map.h"

#include <string.h>

/* Most ports of others that a search meets: the table is read for each. */
enum { MET_MOST = 256 };
/* Result of a search, as a recording has it: the port or NONE, and FOUND_HARD if the search was hard */
enum { FOUND_NONE = 65536, FOUND_HARD = 1 << 17 };

static uint64_t free_in(const struct port_map *p, uint32_t word) { return ~(p->taken[word] | p->reserved[word]); }

static void note_full(struct port_map *p, uint32_t word)
{
    const uint64_t bit = 1ull << word % 64;
    if (free_in(p, word))
        p->full[word / 64] &= ~bit;
    else
        p->full[word / 64] |= bit;
}

static uint64_t port_as_it_is(void *arg, uint64_t value) { return value; }

void port_drawer_init(struct port_drawer *d, const struct vm_cfg *cfg, bool borrows)
{
    *d = (struct port_drawer){.worker = cfg->worker};
    for (uint32_t w = 0; w < PORT_WORDS; w++) {
        const bool mine = port_slice((uint16_t)(w * 64), cfg->workers) == (cfg->workers > 1 ? cfg->worker : 0);
        (mine ? &d->slice : &d->others)->has[w / 64] |= 1ull << w % 64;
    }
    if (!share_counts(&cfg->share)) return;
    d->owners = cfg->share.all ? cfg->share.all->ports : NULL;
    if (borrows) d->told = (struct share){.hear = cfg->share.hear, .arg = cfg->share.arg};
    if (borrows && !d->told.hear) d->told.hear = port_as_it_is;
}

static bool words_have(const struct port_words *w, uint32_t port) { return w->has[port / 4096] >> port / 64 % 64 & 1; }

uint32_t port_slice_count(const struct port_drawer *d, uint16_t lo, uint16_t hi)
{
    uint32_t count = 0;
    for (uint32_t port = lo; port <= hi; port++) count += words_have(&d->slice, port);
    return count;
}

bool port_map_is_short(const struct port_map *p, const struct port_drawer *d, uint32_t ports)
{
    return p->count > ports - ports / 8 && (!port_drawer_borrows(d) || d->is_hard);
}

static void port_take(struct port_map *p, uint32_t port)
{
    p->taken[port / 64] |= 1ull << port % 64;
    p->count++;
    note_full(p, port / 64);
}

static bool is_free(const struct port_map *p, uint32_t port) { return free_in(p, port / 64) >> port % 64 & 1; }

static bool others_leave(const struct port_drawer *d, uint16_t port)
{
    return !d->owners || port_owners_hold(d->owners, port, d->worker);
}

void port_map_hold(struct port_map *p, const struct port_drawer *d, uint16_t port)
{
    if (d->owners) port_owners_share(d->owners, port, d->worker);
    port_take(p, port);
}

bool port_map_take(struct port_map *p, const struct port_drawer *d, uint16_t port)
{
    const bool borrowed = !words_have(&d->slice, port);
    if ((borrowed && !port_drawer_borrows(d)) || !is_free(p, port)) return false;
    bool left = borrowed && !d->owners ? false : others_leave(d, port);
    if (port_drawer_borrows(d)) left = share_hear(&d->told, left) == 1;
    if (left) port_take(p, port);
    return left;
}

/* Return the first word of the slice at or after `word`, at most `last`, that is not full; last + 1: none. */
static uint32_t next_word(const struct port_map *p, const struct port_words *s, uint32_t word, uint32_t last)
{
    for (uint32_t row = word / 64; row <= last / 64; row++) {
        uint64_t open = ~p->full[row] & s->has[row];
        if (row == word / 64) open &= UINT64_MAX << word % 64;
        if (open) return row * 64 + (uint32_t)__builtin_ctzll(open);
    }
    return last + 1;
}

/* Return the first free port of lo..hi; negative: none. Among the words that are not full, only the two at the ends
 * may have no free port in the range. */
static int32_t first_free(const struct port_map *p, const struct port_words *s, uint32_t lo, uint32_t hi)
{
    for (uint32_t w = next_word(p, s, lo / 64, hi / 64); w <= hi / 64; w = next_word(p, s, w + 1, hi / 64)) {
        uint64_t open = free_in(p, w);
        if (w == lo / 64) open &= UINT64_MAX << lo % 64;
        if (w == hi / 64) open &= UINT64_MAX >> (63 - hi % 64);
        if (open) return (int32_t)(w * 64 + (uint32_t)__builtin_ctzll(open));
        if (w == hi / 64) break;
    }
    return -1;
}

/* Return the first port of lo..hi that is free here and that no other worker has, and hold it among the workers.
 * After MET_MOST ports that others have, only the port that was given back last is tried. */
static uint32_t port_search(const struct port_map *p, const struct port_drawer *d, const struct port_words *words,
                            uint32_t lo, uint32_t hi)
{
    unsigned met = 0;
    int32_t port;
    for (; met < MET_MOST && lo <= hi && (port = first_free(p, words, lo, hi)) >= 0; met++, lo = (uint32_t)port + 1)
        if (others_leave(d, (uint16_t)port)) return (uint32_t)port | (met > PORTS_HARD ? FOUND_HARD : 0);
    const bool may = met == MET_MOST && d->given >= lo && d->given <= hi && words_have(words, d->given);
    if (may && is_free(p, d->given) && others_leave(d, d->given)) return d->given | (uint32_t)FOUND_HARD;
    return FOUND_NONE | FOUND_HARD;
}

/* The same for one of several workers: the result is recorded, or comes from a replay and is checked. */
static int32_t search_told(const struct port_map *p, struct port_drawer *d, bool others, uint32_t lo, uint32_t hi)
{
    const bool may = !others || d->owners;
    const uint64_t found = may ? port_search(p, d, others ? &d->others : &d->slice, lo, hi) : FOUND_NONE | FOUND_HARD,
                   told = share_hear(&d->told, found), port = told & ~(uint64_t)FOUND_HARD;
    if (others) d->is_hard = told & FOUND_HARD;
    return port >= lo && port <= hi && is_free(p, (uint32_t)port) ? (int32_t)port : -1;
}

int32_t port_map_next(struct port_map *p, struct port_drawer *d, bool others, uint32_t lo, uint32_t hi)
{
    int32_t port = -1;
    if (port_drawer_borrows(d))
        port = search_told(p, d, others, lo, hi);
    else if (!others && (port = first_free(p, &d->slice, lo, hi)) >= 0 && !others_leave(d, (uint16_t)port))
        port = -1;
    if (port >= 0) port_take(p, (uint32_t)port);
    return port;
}

/* Take the next port from `start` on, wrapping at the end. */
static int32_t next_round(struct port_map *p, struct port_drawer *d, bool others, uint32_t start, uint16_t lo,
                          uint16_t hi)
{
    const int32_t port = port_map_next(p, d, others, start, hi);
    return port < 0 && start > lo ? port_map_next(p, d, others, lo, start - 1) : port;
}

int32_t port_map_draw(struct port_map *p, struct port_drawer *d, uint16_t lo, uint16_t hi, uint64_t draw)
{
    const uint32_t span = (uint32_t)hi - lo + 1, start = lo + (uint32_t)((draw >> 32) * span >> 32);
    const int32_t port = next_round(p, d, false, start, lo, hi);
    return port < 0 && port_drawer_borrows(d) ? next_round(p, d, true, start, lo, hi) : port;
}

bool port_map_has(const struct port_map *p, const struct port_drawer *d, uint16_t lo, uint16_t hi)
{
    return first_free(p, &d->slice, lo, hi) >= 0 || (port_drawer_borrows(d) && first_free(p, &d->others, lo, hi) >= 0);
}

void port_map_give_all(struct port_map *p, struct port_drawer *d)
{
    for (uint32_t w = 0; w < PORT_WORDS && p->count; w++)
        for (uint64_t bits = p->taken[w]; bits; bits &= bits - 1)
            port_map_give(p, d, (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(bits)));
}

void port_map_give(struct port_map *p, struct port_drawer *d, uint16_t port)
{
    d->given = port;
    if (d->owners) port_owners_drop(d->owners, port);
    p->taken[port / 64] &= ~(1ull << port % 64);
    p->count--;
    note_full(p, port / 64);
}

int32_t port_map_taken(const struct port_map *p, uint16_t start)
{
    if (!p->count) return -1;
    uint64_t bits = p->taken[start / 64] & UINT64_MAX << start % 64;
    for (uint32_t n = 0, w = start / 64; n <= PORT_WORDS; n++, w = (w + 1) % PORT_WORDS, bits = p->taken[w])
        if (bits) return (int32_t)(w * 64 + (uint32_t)__builtin_ctzll(bits));
    return -1;
}

void port_map_reserve(struct port_map *p, uint16_t lo, uint16_t hi)
{
    p->reserves = true;
    for (uint32_t w = lo / 64; w <= hi / 64u; w++) {
        uint64_t bits = UINT64_MAX;
        if (w == lo / 64u) bits &= UINT64_MAX << lo % 64;
        if (w == hi / 64u) bits &= UINT64_MAX >> (63 - hi % 64);
        p->reserved[w] |= bits;
        note_full(p, w);
    }
}

void port_map_unreserve(struct port_map *p)
{
    if (!p->reserves) return; /* untouched memory stays untouched */
    p->reserves = false;
    memset(p->reserved, 0, sizeof p->reserved);
    for (uint32_t w = 0; w < PORT_WORDS; w++) note_full(p, w);
}
