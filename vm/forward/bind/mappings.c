/* Mappings (mappings.h): two tables of chains over one array, and the ports of each space. */
#include "vm/forward/bind/mappings.h"

#include <stdlib.h>
#include <string.h>

#include "vm/forward/bind/port_map.h"
#include "vm/flow/hash.h"

struct mappings {
    struct mapping *all;     /* [most] */
    int32_t *by_in, *by_out; /* [mask + 1] first of a chain + 1, 0: none */
    struct port_map *ports;  /* [spaces][MAP_CLASSES] */
    uint32_t most, mask;
    uint32_t fresh; /* slots from here on were never used */
    int32_t free;   /* chain of those that were, by next_in */
    struct hash_key key;
    uint64_t draw; /* state of the port numbers' draws */
    struct mapping_counters counters;
};

struct mappings *mappings_new(const struct mappings_cfg *cfg)
{
    struct mappings *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    uint32_t heads = 16;
    while (heads < cfg->most && heads < 1u << 30) heads *= 2;
    const size_t maps = (size_t)cfg->spaces * MAP_CLASSES;
    m->most = cfg->most;
    m->mask = heads - 1;
    m->free = MAPPING_NONE;
    m->draw = cfg->seed ^ 0x6e617421; /* not the numbers that the hash key takes */
    hash_key_init(&m->key, cfg->seed);
    m->all = calloc((size_t)cfg->most + 1, sizeof *m->all);
    m->by_in = calloc(heads, sizeof *m->by_in);
    m->by_out = calloc(heads, sizeof *m->by_out);
    m->ports = calloc(maps + 1, sizeof *m->ports);
    if (!m->all || !m->by_in || !m->by_out || !m->ports) {
        mappings_free(m);
        return NULL;
    }
    for (size_t i = 0; i < maps; i++) port_map_slice(&m->ports[i], cfg->worker, cfg->workers);
    return m;
}

void mappings_free(struct mappings *m)
{
    if (!m) return;
    free(m->all);
    free(m->by_in);
    free(m->by_out);
    free(m->ports);
    free(m);
}

struct mapping *mapping_at(struct mappings *m, int32_t i) { return &m->all[i]; }
const struct mapping_counters *mappings_counters(const struct mappings *m) { return &m->counters; }

static struct port_map *ports_of(const struct mappings *m, unsigned space, unsigned class)
{
    return &m->ports[(size_t)space * MAP_CLASSES + class];
}

/* ---- look-up ---- */

static uint32_t head_of(const struct mappings *m, const struct map_end *e, uint16_t stack)
{
    uint32_t rest;
    memcpy(&rest, &e->port, sizeof rest);
    const hash_sum sum = hash_two(&m->key, 0, hash_pair(e->addr[0], e->addr[1]), hash_pair(e->addr[2], e->addr[3])) +
                         hash_two(&m->key, 2, hash_pair(rest, stack), 0);
    return (uint32_t)(hash_close(&m->key, sum) >> 32) & m->mask;
}

static bool same_end(const struct map_end *a, const struct map_end *b) { return memcmp(a, b, sizeof *a) == 0; }

int32_t mapping_by_inside(const struct mappings *m, const struct map_end *inside, uint16_t stack,
                          const uint32_t outside[4])
{
    int32_t i = m->by_in[head_of(m, inside, stack)] - 1;
    for (; i != MAPPING_NONE; i = m->all[i].next_in) {
        const struct mapping *one = &m->all[i];
        if (one->stack == stack && same_end(&one->inside, inside) &&
            memcmp(one->outside.addr, outside, sizeof one->outside.addr) == 0)
            return i;
    }
    return MAPPING_NONE;
}

int32_t mapping_by_outside(const struct mappings *m, const struct map_end *outside)
{
    int32_t i = m->by_out[head_of(m, outside, 0)] - 1;
    while (i != MAPPING_NONE && !same_end(&m->all[i].outside, outside)) i = m->all[i].next_out;
    return i;
}

/* ---- life ---- */

static int32_t take_slot(struct mappings *m)
{
    if (m->free == MAPPING_NONE) return m->fresh < m->most ? (int32_t)m->fresh++ : MAPPING_NONE;
    const int32_t i = m->free;
    m->free = m->all[i].next_in;
    return i;
}

/* A free port of the range, now taken; negative: none. */
static int32_t take_port(struct mappings *m, const struct map_end *inside, const struct map_room *room)
{
    struct port_map *map = ports_of(m, room->space, inside->class);
    const uint16_t want = inside->port, lo = room->lo, hi = room->hi;
    enum { SYSTEM = 1024 };
    if (want >= lo && want <= hi && port_map_take(map, want)) return want;
    int32_t port = -1;
    if (inside->class == MAP_ICMP || hi < SYSTEM || lo >= SYSTEM)
        return port_map_draw(map, lo, hi, hash_draw(&m->draw));
    const bool low = want < SYSTEM;
    port = low ? port_map_draw(map, lo, SYSTEM - 1, hash_draw(&m->draw))
               : port_map_draw(map, SYSTEM, hi, hash_draw(&m->draw));
    if (port >= 0) return port;
    return low ? port_map_draw(map, SYSTEM, hi, hash_draw(&m->draw))
               : port_map_draw(map, lo, SYSTEM - 1, hash_draw(&m->draw));
}

static void link_up(struct mappings *m, int32_t i)
{
    struct mapping *one = &m->all[i];
    int32_t *in = &m->by_in[head_of(m, &one->inside, one->stack)], *out = &m->by_out[head_of(m, &one->outside, 0)];
    one->next_in = *in - 1;
    one->next_out = *out - 1;
    *in = *out = i + 1;
}

int32_t mapping_add(struct mappings *m, const struct map_end *inside, uint16_t stack, const struct map_room *room)
{
    const int32_t i = take_slot(m);
    if (i == MAPPING_NONE) {
        m->counters.full++;
        return MAPPING_NONE;
    }
    struct mapping *one = &m->all[i];
    const int32_t port = take_port(m, inside, room);
    if (port < 0) {
        one->next_in = m->free;
        m->free = i;
        m->counters.exhausted++;
        return MAPPING_NONE;
    }
    *one = (struct mapping){.inside = *inside, .outside = *inside, .users = 1, .space = room->space, .stack = stack};
    memcpy(one->outside.addr, room->outside, sizeof one->outside.addr);
    one->outside.port = (uint16_t)port;
    link_up(m, i);
    struct mapping_counters *c = &m->counters;
    c->added++;
    c->kept += port == inside->port;
    if (++c->live > c->most) c->most = c->live;
    return i;
}

void mapping_hold(struct mappings *m, int32_t i) { m->all[i].users++; }

static void unlink_from(struct mappings *m, int32_t *head, int32_t i, bool in)
{
    const int32_t next = in ? m->all[i].next_in : m->all[i].next_out;
    if (*head - 1 == i) {
        *head = next + 1;
        return;
    }
    struct mapping *before = &m->all[*head - 1];
    while ((in ? before->next_in : before->next_out) != i) before = &m->all[in ? before->next_in : before->next_out];
    *(in ? &before->next_in : &before->next_out) = next;
}

void mapping_drop(struct mappings *m, int32_t i)
{
    struct mapping *one = &m->all[i];
    if (--one->users) return;
    unlink_from(m, &m->by_in[head_of(m, &one->inside, one->stack)], i, true);
    unlink_from(m, &m->by_out[head_of(m, &one->outside, 0)], i, false);
    port_map_give(ports_of(m, one->space, one->outside.class), one->outside.port);
    one->next_in = m->free;
    m->free = i;
    m->counters.live--;
}

/* ---- what is not given out ---- */

void mappings_reserve(struct mappings *m, uint16_t space, unsigned class, uint16_t lo, uint16_t hi)
{
    for (unsigned c = 0; c < MAP_CLASSES; c++)
        if (class == MAP_CLASSES || class == c) port_map_reserve(ports_of(m, space, c), lo, hi);
}

void mappings_unreserve(struct mappings *m, uint16_t space)
{
    for (unsigned c = 0; c < MAP_CLASSES; c++) port_map_unreserve(ports_of(m, space, c));
}
