/* Source ports, see ports.h: one port map per space */
#include "vm/forward/bind/ports_priv.h"

#include <stdlib.h>
#include <string.h>

#include "vm/keyed/hash.h"

struct ports *ports_new(uint32_t spaces, uint16_t lo, uint16_t hi, const struct vm_cfg *cfg, bool borrows,
                        uint64_t seed)
{
    struct ports *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->maps = calloc((size_t)spaces + 1, sizeof *p->maps);
    p->random = seed;
    p->sum = &p->unasked;
    p->lo = lo;
    p->hi = hi;
    p->spaces = spaces;
    p->worker = cfg->worker;
    p->workers = cfg->workers;
    port_drawer_init(&p->drawer, cfg, borrows);
    p->mine = port_slice_count(&p->drawer, lo, hi);
    if (p->maps) return p;
    ports_free(p);
    return NULL;
}

bool ports_are_lent(const struct program *p)
{
    bool lent = true;
    for (uint32_t i = 0; i < p->services_count; i++) lent &= !mode_is(p->services[i].mode, MODE_INLINE);
    return lent;
}

void ports_free(struct ports *p)
{
    if (!p) return;
    for (uint32_t i = 0; p->maps && p->drawer.owners && i < p->spaces; i++) port_map_give_all(&p->maps[i], &p->drawer);
    free(p->maps);
    free(p);
}

static uint32_t more_ports(const struct ports *p)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < p->more_count; i++) sum += (uint32_t)p->more[i].hi - p->more[i].lo + 1;
    return sum;
}

void ports_more(struct ports *p, const struct facts_range *more, unsigned count)
{
    p->more_count = count;
    if (count) memcpy(p->more, more, count * sizeof *more);
    p->mine = port_slice_count(&p->drawer, p->lo, p->hi);
    for (unsigned i = 0; i < count; i++) p->mine += port_slice_count(&p->drawer, more[i].lo, more[i].hi);
}

/* Return port `at` of the further ranges, counted over all of them. */
static uint16_t more_at(const struct ports *p, uint32_t at)
{
    unsigned i = 0;
    for (uint32_t size; at >= (size = (uint32_t)p->more[i].hi - p->more[i].lo + 1); i++) at -= size;
    return (uint16_t)(p->more[i].lo + at);
}

/* Take the first free port of the further ranges from a random one on, wrapping at the end. Negative: none. */
static int32_t draw_more(struct ports *p, struct port_map *map)
{
    const uint32_t total = more_ports(p);
    if (!total) return -1;
    const uint16_t start = more_at(p, (uint32_t)((random_next(&p->random) >> 32) * total >> 32));
    int32_t port = -1;
    for (unsigned others = 0; others <= port_drawer_borrows(&p->drawer) && port < 0; others++) {
        for (unsigned i = 0; i < p->more_count && port < 0; i++)
            if (p->more[i].hi >= start)
                port = port_map_next(map, &p->drawer, others, p->more[i].lo > start ? p->more[i].lo : start,
                                     p->more[i].hi);
        for (unsigned i = 0; i < p->more_count && port < 0 && p->more[i].lo < start; i++)
            port = port_map_next(map, &p->drawer, others, p->more[i].lo,
                                 p->more[i].hi < start ? p->more[i].hi : start - 1);
    }
    return port;
}

uint16_t port_take(struct ports *p, uint32_t space, uint16_t want)
{
    struct port_map *map = &p->maps[space];
    int32_t port = want;
    if (want < p->lo || want > p->hi || !port_map_take(map, &p->drawer, want))
        port = port_map_draw(map, &p->drawer, p->lo, p->hi, random_next(&p->random));
    if (port < 0) port = draw_more(p, map);
    if (port <= 0) return 0;
    ++*p->sum;
    return (uint16_t)port;
}

bool ports_are_short(const struct ports *p, uint32_t space)
{
    return port_map_is_short(&p->maps[space], &p->drawer, p->mine);
}

uint16_t ports_any(struct ports *p)
{
    const uint32_t span = (uint32_t)p->hi - p->lo + 1;
    uint16_t port = p->lo;
    for (unsigned i = 0; i < 4 * (p->workers + 1); i++) { /* a draw hits the slice once in `workers` times */
        port = (uint16_t)(p->lo + (uint32_t)((random_next(&p->random) >> 32) * span >> 32));
        if (port_slice(port, p->workers) == p->worker) break;
    }
    return port;
}

uint16_t ports_taken(struct ports *p, uint32_t space)
{
    const uint32_t own = (uint32_t)p->hi - p->lo + 1, span = own + more_ports(p);
    const uint32_t at = (uint32_t)((random_next(&p->random) >> 32) * span >> 32);
    const int32_t port = port_map_taken(&p->maps[space], at < own ? (uint16_t)(p->lo + at) : more_at(p, at - own));
    return port < 0 ? 0 : (uint16_t)port;
}

bool port_hold(struct ports *p, uint32_t space, uint16_t port)
{
    struct port_map *map = &p->maps[space];
    const bool more = p->lo == PBC_OWN_PORT_LO && port >= PBC_SOURCE_PORT_LO; /* further ranges change with time */
    if ((port < p->lo && !more) || port > p->hi || map->taken[port / 64] >> port % 64 & 1) return false;
    port_map_hold(map, &p->drawer, port);
    ++*p->sum;
    return true;
}

void ports_draw(struct ports *p, uint64_t seed) { p->random = seed; }

void ports_draw_on(struct ports *p, const struct ports *other) { p->random = other->random; }

void ports_archive(struct ports *p, struct archive *a) { ARCHIVE(a, p->random); }

void port_give(struct ports *p, uint32_t space, uint16_t port)
{
    port_map_give(&p->maps[space], &p->drawer, port);
    --*p->sum;
}

void ports_count(struct ports *p, uint64_t *sum) { p->sum = sum; }

void ports_recount(struct ports *p, uint32_t spaces, uint64_t *sum)
{
    uint64_t used = 0;
    for (uint32_t i = 0; i < spaces; i++) used += p->maps[i].count;
    *p->sum -= used;
    *sum += used;
    p->sum = sum;
}
