/* Mappings (mappings.h): one array, a keyed table for each end whose words are indices into it, and the ports of each
 * space */
#include "vm/forward/bind/mappings.h"

#include <stdlib.h>
#include <string.h>

#include "vm/flow/sources.h"
#include "vm/flow/table/flow_table.h"
#include "vm/forward/bind/port_map.h"
#include "vm/forward/bind/rest.h"
#include "vm/keyed/keyed.h"
#include "vm/pbc.h"

enum { TRIES = 16 };           /* ports tried, because mappings of another space may own some */
enum { HOSTS_MOST = 1 << 17 }; /* most inside addresses that are counted; more than that share the ports anyway */

/* The key of a mapping. In the table by outside end, `inside` holds the outside end, and the first OUT_WORDS words are
 * the key. */
struct map_key {
    uint64_t inside[2], rest; /* address; port, class, family and VLAN stack */
    uint64_t outside[2];
};
enum { OUT_WORDS = 3, IN_WORDS = 5 };
static_assert(sizeof(struct map_key) == IN_WORDS * 8, "compared by words");

struct mappings {
    struct mapping *all; /* [most] */
    struct keyed by_in, by_out;
    struct port_map *ports; /* [spaces][MAP_CLASSES] */
    struct port_drawer drawer;
    struct sources *hosts;    /* number of mappings by inside address */
    unsigned slices, sharers; /* number of slices, and of workers that divide the range without borrowing */
    bool are_short;           /* the last mapping made got one of the last ports of its room */
    uint32_t spaces, most;
    uint32_t fresh; /* mappings from this index on were never used */
    int32_t free;   /* list of freed mappings, by next_free */
    uint64_t draw;  /* state of the random port numbers */
    struct rests rests;
    struct mapping_counters counters;
};

struct mappings *mappings_new(const struct mappings_cfg *cfg)
{
    struct mappings *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    const struct keyed_cfg in = {.most = cfg->most,
                                 .key_words = IN_WORDS,
                                 .entry_bytes = IN_WORDS * 8,
                                 .seed = cfg->seed,
                                 .prefault = cfg->vm->prefault};
    const struct keyed_cfg out = {.most = cfg->most,
                                  .key_words = OUT_WORDS,
                                  .entry_bytes = OUT_WORDS * 8,
                                  .seed = cfg->seed,
                                  .prefault = cfg->vm->prefault};
    const size_t maps = (size_t)cfg->spaces * MAP_CLASSES;
    m->most = cfg->most;
    m->spaces = cfg->spaces;
    m->free = MAPPING_NONE;
    m->draw = cfg->seed ^ 0x6e617421; /* differs from the numbers for the hash keys */
    m->all = calloc((size_t)cfg->most + 1, sizeof *m->all);
    m->ports = calloc(maps + 1, sizeof *m->ports);
    m->rests.all = calloc(RESTS_MOST, sizeof *m->rests.all);
    m->hosts = sources_new(cfg->most < HOSTS_MOST ? cfg->most : HOSTS_MOST, cfg->seed);
    port_drawer_init(&m->drawer, cfg->vm, cfg->borrows);
    m->slices = cfg->vm->workers ? cfg->vm->workers : 1;
    m->sharers = port_drawer_borrows(&m->drawer) ? 1 : m->slices;
    if (!m->all || !m->ports || !m->hosts || !m->rests.all || !keyed_init(&m->by_in, &in) ||
        !keyed_init(&m->by_out, &out)) {
        mappings_free(m);
        return NULL;
    }
    return m;
}

void mappings_free(struct mappings *m)
{
    if (!m) return;
    const size_t maps = m->ports && m->drawer.owners ? (size_t)m->spaces * MAP_CLASSES : 0;
    for (size_t i = 0; i < maps; i++) port_map_give_all(&m->ports[i], &m->drawer);
    free(m->all);
    keyed_fini(&m->by_in);
    keyed_fini(&m->by_out);
    free(m->ports);
    free(m->rests.all);
    sources_free(m->hosts);
    free(m);
}

struct mapping *mapping_at(struct mappings *m, int32_t i) { return &m->all[i]; }
const struct mapping_counters *mappings_counters(const struct mappings *m) { return &m->counters; }

static struct port_map *ports_of(const struct mappings *m, unsigned space, unsigned class)
{
    return &m->ports[(size_t)space * MAP_CLASSES + class];
}

static void map_key_of(const struct map_end *e, uint16_t stack, const uint32_t outside[4], struct map_key *k)
{
    const uint32_t rest = (uint32_t)e->port << 16 | (uint32_t)e->class << 8 | e->v6;
    *k = (struct map_key){.inside = {hash_pair(e->addr[0], e->addr[1]), hash_pair(e->addr[2], e->addr[3])},
                          .rest = hash_pair(rest, stack),
                          .outside = {hash_pair(outside[0], outside[1]), hash_pair(outside[2], outside[3])}};
}

static int32_t mapping_find(const struct keyed *t, const struct map_key *k)
{
    struct place at;
    keyed_place(t, k, t->key_words, &at);
    const uint32_t slot = keyed_find(t, &at, k);
    return slot == KEYED_NONE ? MAPPING_NONE : (int32_t)t->words[slot];
}

int32_t mapping_by_inside(const struct mappings *m, const struct map_end *inside, uint16_t stack,
                          const uint32_t outside[4])
{
    struct map_key k;
    map_key_of(inside, stack, outside, &k);
    return mapping_find(&m->by_in, &k);
}

int32_t mapping_by_outside(const struct mappings *m, const struct map_end *outside)
{
    struct map_key k;
    map_key_of(outside, 0, outside->addr, &k);
    return mapping_find(&m->by_out, &k);
}

static int32_t take_slot(struct mappings *m)
{
    if (m->free == MAPPING_NONE) return m->fresh < m->most ? (int32_t)m->fresh++ : MAPPING_NONE;
    const int32_t i = m->free;
    m->free = m->all[i].next_free;
    return i;
}

/* Ports from lo to hi; none if lo is above hi */
struct span {
    uint32_t lo, hi;
};

static uint32_t size_of(struct span s) { return s.hi >= s.lo ? s.hi - s.lo + 1 : 0; }

/* Return the part of a range within the span that is below the room's last ports, or, with `above`, above them. */
static struct span room_part(const struct map_room *room, struct span range, struct span within, bool above)
{
    struct span s = {range.lo > within.lo ? range.lo : within.lo, range.hi < within.hi ? range.hi : within.hi};
    const bool parts = room->last_hi && room->last_lo <= s.hi && room->last_hi >= s.lo;
    if (above) return parts ? (struct span){room->last_hi + 1u, s.hi} : (struct span){1, 0};
    if (parts && !room->last_lo) return (struct span){1, 0};
    if (parts) s.hi = room->last_lo - 1u;
    return s;
}

static uint32_t room_ranges(const struct map_room *room) { return room->ranges ? room->range_count : 1; }

static struct span range_of(const struct map_room *room, uint32_t i)
{
    return room->ranges ? (struct span){room->ranges[i].lo, room->ranges[i].hi} : (struct span){room->lo, room->hi};
}

/* Ports of a room in ascending runs: those within a span, without the last ones unless these are drawn, too */
struct runs {
    const struct map_room *room;
    struct span within;
    bool last;
    uint32_t at; /* twice the index of the next range; odd: its part above the last ports */
};

static bool run_next(struct runs *r, struct span *run)
{
    static const struct map_room all;
    while (r->at < 2 * room_ranges(r->room)) {
        const struct span range = range_of(r->room, r->at / 2);
        *run = room_part(r->last ? &all : r->room, range, r->within, r->at % 2);
        r->at++;
        if (size_of(*run)) return true;
    }
    return false;
}

/* Take the first free port of the runs from a random one on, wrapping at the end. Negative: none. */
static int32_t draw_runs_of(struct mappings *m, struct port_map *map, struct runs all, bool others)
{
    struct span run;
    struct runs r = all;
    uint32_t total = 0, at = 0;
    while (run_next(&r, &run)) total += size_of(run);
    if (!total) return -1;
    const uint32_t start = (uint32_t)((random_next(&m->draw) >> 32) * total >> 32);
    int32_t port = -1;
    for (r = all; port < 0 && run_next(&r, &run); at += size_of(run)) {
        if (at + size_of(run) <= start) continue;
        port = port_map_next(map, &m->drawer, others, run.lo + (start > at ? start - at : 0), run.hi);
    }
    at = 0;
    for (r = all; port < 0 && at < start && run_next(&r, &run); at += size_of(run)) {
        const uint32_t before = start - at < size_of(run) ? start - at : size_of(run);
        port = port_map_next(map, &m->drawer, others, run.lo, run.lo + before - 1);
    }
    return port;
}

/* The same, first from the worker's own ports */
static int32_t draw_runs(struct mappings *m, struct port_map *map, struct runs all)
{
    const int32_t port = draw_runs_of(m, map, all, false);
    return port < 0 && port_drawer_borrows(&m->drawer) ? draw_runs_of(m, map, all, true) : port;
}

/* Draw from one half, and from the room's last ports only if no other is free. */
static int32_t draw_half(struct mappings *m, struct port_map *map, const struct map_room *room, struct span half)
{
    const int32_t port = draw_runs(m, map, (struct runs){.room = room, .within = half});
    return port < 0 && room->last_hi ? draw_runs(m, map, (struct runs){.room = room, .within = half, .last = true})
                                     : port;
}

static bool has_port(const struct map_room *room, uint16_t port)
{
    bool has = false;
    for (uint32_t i = 0; i < room_ranges(room) && !has; i++)
        has = range_of(room, i).lo <= port && port <= range_of(room, i).hi;
    return has;
}

/* Take a free port of the room; negative: none. */
static int32_t take_port(struct mappings *m, const struct map_end *inside, const struct map_room *room)
{
    struct port_map *map = ports_of(m, room->space, inside->class);
    const uint16_t want = inside->port, lo = room->lo, hi = room->hi;
    enum { SYSTEM = 1024 };
    if (has_port(room, want) && port_map_take(map, &m->drawer, want)) return want;
    const struct span all = {lo, hi}, low = {lo, SYSTEM - 1}, high = {SYSTEM, hi};
    if (inside->class == MAP_ICMP || hi < SYSTEM || lo >= SYSTEM) return draw_half(m, map, room, all);
    const int32_t port = draw_half(m, map, room, want < SYSTEM ? low : high);
    return port >= 0 ? port : draw_half(m, map, room, want < SYSTEM ? high : low);
}

/* The same, for a port that no mapping owns: a mapping of another space may own it, if an address moved from one way
 * out to another while in use. */
static int32_t take_unowned(struct mappings *m, const struct map_end *inside, const struct map_room *room)
{
    struct map_end end = *inside;
    int32_t held[TRIES], port;
    unsigned n = 0;
    memcpy(end.addr, room->outside, sizeof end.addr);
    while ((port = take_port(m, inside, room)) >= 0) {
        end.port = (uint16_t)port;
        if (mapping_by_outside(m, &end) == MAPPING_NONE) break;
        held[n++] = port;
        port = -1;
        if (n == TRIES) break;
    }
    while (n) port_map_give(ports_of(m, room->space, inside->class), &m->drawer, (uint16_t)held[--n]);
    return port;
}

static void free_slot(struct mappings *m, int32_t i)
{
    m->all[i].next_free = m->free;
    m->free = i;
}

static uint32_t link_to(struct keyed *t, const struct map_key *k, int32_t i)
{
    struct place at;
    keyed_place(t, k, t->key_words, &at);
    const uint32_t slot = keyed_add(t, &at, k);
    if (slot != KEYED_NONE) t->words[slot] = (uint64_t)i;
    return slot;
}

/* Link the mapping to both its ends, or only to its outside end if it is not led. False: no room for one of them. */
static bool link_ends(struct mappings *m, int32_t i, bool led)
{
    struct mapping *one = &m->all[i];
    struct map_key in, out;
    map_key_of(&one->inside, one->stack, one->outside.addr, &in);
    map_key_of(&one->outside, 0, one->outside.addr, &out);
    one->in_slot = led ? link_to(&m->by_in, &in, i) : KEYED_NONE;
    one->out_slot = link_to(&m->by_out, &out, i);
    return (!led || one->in_slot != KEYED_NONE) && one->out_slot != KEYED_NONE;
}

static void mapping_release(struct mappings *m, int32_t i)
{
    const struct mapping *one = &m->all[i];
    if (one->in_slot != KEYED_NONE) keyed_drop(&m->by_in, one->in_slot);
    if (one->out_slot != KEYED_NONE) keyed_drop(&m->by_out, one->out_slot);
    port_map_give(ports_of(m, one->space, one->outside.class), &m->drawer, one->outside.port);
    free_slot(m, i);
}

static unsigned map_end_kind(const struct map_end *e) { return (unsigned)e->class << 1 | e->v6; }

static unsigned ports_in(const struct map_room *room) { return (unsigned)room->hi - room->lo + 1 - room->withheld; }

bool mappings_are_short(const struct mappings *m) { return m->are_short; }

/* True if the inside address holds its full share of the ports. */
static bool is_greedy(const struct mappings *m, const struct map_end *inside, const struct map_room *room)
{
    const unsigned ports = ports_in(room) + room->further;
    return ports >= MAP_SHARED &&
           source_flows(m->hosts, inside->addr, map_end_kind(inside)) >= map_share(ports) / m->sharers;
}

static int32_t mapping_refuse(uint64_t **why, uint64_t *counter)
{
    *why = counter;
    return MAPPING_NONE;
}

/* Make a mapping. MAPPING_NONE: *why is the counter of the reason. */
static int32_t mapping_make(struct mappings *m, const struct map_end *inside, uint16_t stack,
                            const struct map_room *room, uint64_t **why)
{
    struct mapping_counters *c = &m->counters;
    if (is_greedy(m, inside, room)) return mapping_refuse(why, &c->greedy);
    const int32_t i = take_slot(m);
    if (i == MAPPING_NONE) return mapping_refuse(why, &c->full);
    const int32_t port = take_unowned(m, inside, room);
    if (port < 0) {
        free_slot(m, i);
        return mapping_refuse(why, &c->exhausted);
    }
    struct mapping *one = &m->all[i];
    *one = (struct mapping){
        .inside = *inside, .outside = *inside, .users = 1, .space = room->space, .stack = stack, .holder = FLOW_NONE};
    memcpy(one->outside.addr, room->outside, sizeof one->outside.addr);
    one->outside.port = (uint16_t)port;
    if (!link_ends(m, i, true)) {
        mapping_release(m, i);
        return mapping_refuse(why, &c->full);
    }
    source_add(m->hosts, inside->addr, map_end_kind(inside));
    m->are_short = !room->goes_on &&
                   port_map_is_short(ports_of(m, room->space, inside->class), &m->drawer, ports_in(room) / m->slices);
    c->added++;
    c->kept += port == inside->port;
    if (++c->live > c->most) c->most = c->live;
    return i;
}

void mapping_hold(struct mappings *m, int32_t i) { m->all[i].users++; }

void mapping_drop(struct mappings *m, int32_t i)
{
    if (--m->all[i].users) return;
    source_drop(m->hosts, m->all[i].inside.addr, map_end_kind(&m->all[i].inside));
    mapping_release(m, i);
    m->counters.live--;
}

/* Drop mappings whose rest has expired; return their number. */
static unsigned wake(struct mappings *m, uint64_t now_ns, unsigned most)
{
    struct rest one;
    unsigned n = 0;
    for (; n < most && rests_leave(&m->rests, now_ns, false, &one); n++) mapping_drop(m, one.mapping);
    return n;
}

void mappings_at(struct mappings *m, uint64_t now_ns) { wake(m, now_ns, TRIES); }

void mapping_leave(struct mappings *m, int32_t i, uint64_t now_ns, uint64_t rests_ns)
{
    struct rest oldest;
    if (rests_ns <= now_ns) {
        mapping_drop(m, i);
        return;
    }
    if (rests_leave(&m->rests, now_ns, true, &oldest)) mapping_drop(m, oldest.mapping);
    rests_add(&m->rests, &(struct rest){.until_ns = rests_ns, .mapping = i});
}

int32_t mapping_add(struct mappings *m, const struct map_end *inside, uint16_t stack, const struct map_room *room)
{
    uint64_t *why;
    int32_t i = mapping_make(m, inside, stack, room, &why);
    if (i == MAPPING_NONE && why != &m->counters.greedy && wake(m, UINT64_MAX, TRIES))
        i = mapping_make(m, inside, stack, room, &why);
    if (i == MAPPING_NONE && !room->asks_on && !room->goes_on) ++*why;
    return i;
}

/* Return the next port of the room that has a mapping, from `start` on; `start` itself if none has. */
static uint16_t taken_from(const struct mappings *m, const struct map_end *inside, const struct map_room *room,
                           uint16_t start)
{
    const struct port_map *map = ports_of(m, room->space, inside->class);
    int32_t port = port_map_taken(map, start);
    if (port >= 0 && !has_port(room, (uint16_t)port)) port = port_map_taken(map, room->lo);
    return port >= 0 && has_port(room, (uint16_t)port) ? (uint16_t)port : start;
}

int32_t mapping_draw(const struct mappings *m, const struct map_end *inside, const struct map_room *room,
                     uint64_t random, uint16_t *port)
{
    struct map_end end = *inside;
    struct span run;
    struct runs r = {.room = room, .within = {room->lo, room->hi}, .last = true};
    uint32_t total = 0;
    while (run_next(&r, &run)) total += size_of(run);
    uint32_t at = (uint32_t)((random >> 32) * total >> 32);
    for (r.at = 0; run_next(&r, &run) && at >= size_of(run);) at -= size_of(run);
    memcpy(end.addr, room->outside, sizeof end.addr);
    *port = end.port = total ? taken_from(m, inside, room, (uint16_t)(run.lo + at)) : 0;
    const int32_t i = total ? mapping_by_outside(m, &end) : MAPPING_NONE;
    if (i == MAPPING_NONE || !is_greedy(m, inside, room)) return i;
    return memcmp(m->all[i].inside.addr, inside->addr, sizeof inside->addr) == 0 ? i : MAPPING_NONE;
}

bool mapping_may_add(const struct mappings *m, const struct map_end *inside, const struct map_room *room,
                     uint16_t *port)
{
    const struct port_map *map = ports_of(m, room->space, inside->class);
    const uint16_t own = inside->port;
    struct map_end end = *inside;
    memcpy(end.addr, room->outside, sizeof end.addr);
    const bool is_own =
        has_port(room, own) && port_map_has(map, &m->drawer, own, own) && mapping_by_outside(m, &end) == MAPPING_NONE;
    *port = is_own ? own : 0;
    if (m->rests.count) return true;
    if (is_greedy(m, inside, room) || (m->free == MAPPING_NONE && m->fresh == m->most)) return false;
    bool has = false;
    for (uint32_t i = 0; i < room_ranges(room) && !has; i++) {
        const struct span range = range_of(room, i);
        has = port_map_has(map, &m->drawer, (uint16_t)range.lo, (uint16_t)range.hi);
    }
    return has;
}

void mappings_reserve(struct mappings *m, uint32_t space, unsigned class, uint16_t lo, uint16_t hi)
{
    for (unsigned c = 0; c < MAP_CLASSES; c++)
        if (class == MAP_CLASSES || class == c) port_map_reserve(ports_of(m, space, c), lo, hi);
}

void mappings_unreserve(struct mappings *m, uint32_t space)
{
    for (unsigned c = 0; c < MAP_CLASSES; c++) port_map_unreserve(ports_of(m, space, c));
}

void mappings_draw_on(struct mappings *m, const struct mappings *before) { m->draw = before->draw; }

/* Make room for that many mappings in an empty table. */
static bool mappings_resize(struct mappings *m, uint32_t most)
{
    struct keyed *const ends[] = {&m->by_in, &m->by_out};
    struct mapping *all = most <= ARCHIVE_RESIZED / sizeof *all ? calloc((size_t)most + 1, sizeof *all) : NULL;
    if (!all) return false;
    free(m->all);
    m->all = all;
    m->most = most;
    for (unsigned i = 0; i < 2; i++) {
        const struct keyed_cfg cfg = {
            .most = most, .key_words = ends[i]->key_words, .entry_bytes = ends[i]->entry_bytes, .seed = m->draw};
        keyed_fini(ends[i]);
        if (!keyed_init(ends[i], &cfg)) return false;
    }
    return true;
}

static bool has_inside(const struct mappings *m, const struct mapping *one)
{
    return mapping_by_inside(m, &one->inside, one->stack, one->outside.addr) != MAPPING_NONE;
}

static bool is_mapping(const struct mappings *m, const struct mapping *one, uint32_t nats)
{
    const struct map_end *in = &one->inside, *out = &one->outside;
    return out->class < MAP_CLASSES && in->class == out->class && out->v6 <= 1 && in->v6 == out->v6 &&
           one->space < m->spaces && one->nat < nats && mapping_by_outside(m, out) == MAPPING_NONE &&
           (!mapping_is_led(one) || !has_inside(m, one));
}

/* Add a mapping that was read, as mapping_add would make it, or as it was added by mapping_move. MAPPING_NONE: no
 * room. */
static int32_t add_again(struct mappings *m, const struct mapping *read)
{
    const int32_t i = take_slot(m);
    if (i == MAPPING_NONE) return i;
    struct mapping *one = &m->all[i];
    *one = *read;
    one->users = 0;
    one->holder = FLOW_NONE; /* flows are in other slots now */
    port_map_hold(ports_of(m, one->space, one->outside.class), &m->drawer, one->outside.port);
    source_add(m->hosts, one->inside.addr, map_end_kind(&one->inside));
    m->counters.live++;
    if (link_ends(m, i, mapping_is_led(read))) return i;
    mapping_hold(m, i);
    mapping_drop(m, i);
    return MAPPING_NONE;
}

int32_t mapping_move(struct mappings *m, const struct mapping *other, uint32_t space, uint16_t stack, bool led)
{
    struct mapping one = *other;
    one.space = space < m->spaces ? space : other->space;
    one.stack = stack;
    if (!led || has_inside(m, &one)) one.in_slot = KEYED_NONE;
    const int32_t i = add_again(m, &one);
    if (i != MAPPING_NONE && m->counters.live > m->counters.most) m->counters.most = m->counters.live;
    return i;
}

int32_t mapping_next(const struct mappings *m, uint32_t *at)
{
    while (*at < m->fresh && !m->all[*at].users) ++*at;
    return *at < m->fresh ? (int32_t)(*at)++ : MAPPING_NONE;
}

bool mapping_rest(const struct mappings *m, uint32_t n, int32_t *i, uint64_t *until_ns)
{
    if (n >= m->rests.count) return false;
    const struct rest *one = &m->rests.all[(m->rests.first + n) % RESTS_MOST];
    *i = one->mapping;
    *until_ns = one->until_ns;
    return true;
}

/* Write resting mappings, or read them, by their outside ends: indices change when they are read. */
static bool archive_rests(struct mappings *m, struct archive *a)
{
    uint32_t count = m->rests.count;
    if (!ARCHIVE(a, count) || !archive_sound(a, count <= RESTS_MOST)) return false;
    for (uint32_t n = 0; n < count; n++) {
        struct rest one = {0};
        struct map_end end = {0};
        if (!a->reads) one = m->rests.all[(m->rests.first + n) % RESTS_MOST];
        if (!a->reads) end = m->all[one.mapping].outside;
        if (!ARCHIVE(a, one.until_ns) || !ARCHIVE(a, end)) return false;
        if (!a->reads) continue;
        one.mapping = mapping_by_outside(m, &end);
        if (!archive_sound(a, one.mapping != MAPPING_NONE)) return false;
        mapping_hold(m, one.mapping);
        rests_add(&m->rests, &one);
    }
    return true;
}

bool mappings_archive(struct mappings *m, struct archive *a, uint32_t nats)
{
    uint32_t most = m->most, live = (uint32_t)m->counters.live, at = 0;
    ARCHIVE(a, most);
    ARCHIVE(a, m->draw);
    ARCHIVE(a, live);
    if (a->reads && most != m->most && !archive_sound(a, mappings_resize(m, most))) return false;
    for (uint32_t n = 0; n < live; n++, at++) {
        struct mapping one = {0};
        while (!a->reads && !m->all[at].users) at++;
        if (!a->reads) one = m->all[at];
        if (!ARCHIVE(a, one)) return false;
        if (a->reads && !archive_sound(a, is_mapping(m, &one, nats) && add_again(m, &one) != MAPPING_NONE))
            return false;
    }
    if (a->reads) m->counters.most = m->counters.live;
    return archive_rests(m, a);
}

bool mappings_held(const struct mappings *m)
{
    bool held = true;
    for (uint32_t i = 0; i < m->fresh; i++) held &= m->all[i].users != 0;
    return held;
}
