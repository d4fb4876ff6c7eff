/* Taken ports (port_map.h) */
#include "vm/forward/bind/port_map.h"

#include <string.h>

#include "vm/forward/bind/mappings.h"

static uint64_t free_in(const struct port_map *p, uint32_t word) { return ~(p->taken[word] | p->reserved[word]); }

static void note_full(struct port_map *p, uint32_t word)
{
    const uint64_t bit = 1ull << word % 64;
    if (free_in(p, word))
        p->full[word / 64] &= ~bit;
    else
        p->full[word / 64] |= bit;
}

void port_words_of(struct port_words *s, unsigned worker, unsigned workers)
{
    memset(s, 0, sizeof *s);
    for (uint32_t w = 0; w < PORT_WORDS; w++)
        if (port_slice((uint16_t)(w * 64), workers) == (workers > 1 ? worker : 0)) s->mine[w / 64] |= 1ull << w % 64;
}

uint32_t port_words_count(const struct port_words *s, uint16_t lo, uint16_t hi)
{
    uint32_t count = 0;
    for (uint32_t port = lo; port <= hi; port++) count += s->mine[port / 4096] >> port / 64 % 64 & 1;
    return count;
}

static void port_take(struct port_map *p, uint32_t port)
{
    p->taken[port / 64] |= 1ull << port % 64;
    p->count++;
    note_full(p, port / 64);
}

void port_map_hold(struct port_map *p, uint16_t port) { port_take(p, port); }

bool port_map_take(struct port_map *p, const struct port_words *s, uint16_t port)
{
    if (!(s->mine[port / 4096] >> port / 64 % 64 & 1) || !(free_in(p, port / 64) >> port % 64 & 1)) return false;
    port_take(p, port);
    return true;
}

/* Return the first word of the slice at or after `word`, at most `last`, that is not full; last + 1: none. */
static uint32_t next_word(const struct port_map *p, const struct port_words *s, uint32_t word, uint32_t last)
{
    for (uint32_t row = word / 64; row <= last / 64; row++) {
        uint64_t open = ~p->full[row] & s->mine[row];
        if (row == word / 64) open &= UINT64_MAX << word % 64;
        if (open) return row * 64 + (uint32_t)__builtin_ctzll(open);
    }
    return last + 1;
}

/* Return the first free port of lo..hi; negative: none. Of the words that are not full only the two at the ends may
 * have no free port in the range. */
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

int32_t port_map_next(struct port_map *p, const struct port_words *s, uint32_t lo, uint32_t hi)
{
    const int32_t port = first_free(p, s, lo, hi);
    if (port >= 0) port_take(p, (uint32_t)port);
    return port;
}

int32_t port_map_draw(struct port_map *p, const struct port_words *s, uint16_t lo, uint16_t hi, uint64_t draw)
{
    const uint32_t span = (uint32_t)hi - lo + 1, start = lo + (uint32_t)((draw >> 32) * span >> 32);
    const int32_t port = port_map_next(p, s, start, hi);
    return port < 0 && start > lo ? port_map_next(p, s, lo, start - 1) : port;
}

bool port_map_has(const struct port_map *p, const struct port_words *s, uint16_t lo, uint16_t hi)
{
    return first_free(p, s, lo, hi) >= 0;
}

void port_map_give(struct port_map *p, uint16_t port)
{
    p->taken[port / 64] &= ~(1ull << port % 64);
    p->count--;
    note_full(p, port / 64);
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
