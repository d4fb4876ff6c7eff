/* A list of routes as people write them, and the table made of it (routes.h). */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/judge/routes.h"
#include "vm/keyed/hash.h"

/* Make room for `more` behind the first `used`. */
static bool room(void **at, uint32_t used, uint32_t more, uint32_t *have, size_t size)
{
    if (more <= *have - used) return true;
    const uint32_t want = (used + more) * 2;
    void *grown = reallocarray(*at, want, size);
    if (!grown) return false;
    *at = grown;
    *have = want;
    return true;
}

/* Return the place of the device of that name in `named`, or the free place for it. */
static uint32_t *name_place(const struct route_list *l, const struct route_device *d)
{
    struct hash_key key;
    uint64_t words[2];
    static_assert(sizeof d->name == sizeof words, "a name is two words");
    memcpy(words, d->name, sizeof words);
    hash_key_init(&key, l->seed);
    for (uint64_t at = hash_words(&key, (const hash_word *)words, 2);; at++) {
        uint32_t *place = &l->named[at & (l->named_room - 1)];
        if (!*place || !memcmp(l->devices[*place - 1].name, d->name, sizeof d->name)) return place;
    }
}

/* Keep at least twice as many places as devices, and two more. */
static bool room_for_name(struct route_list *l)
{
    if (2 * (l->devices_count + 1) <= l->named_room) return true;
    struct route_list more = *l;
    more.named_room = l->named_room ? 2 * l->named_room : 64;
    more.named = calloc(more.named_room, sizeof *more.named);
    if (!more.named) return false;
    for (uint32_t i = 0; i < l->devices_count; i++) *name_place(&more, &l->devices[i]) = i + 1;
    free(l->named);
    *l = more;
    return true;
}

/* Return 1 + the device's index; 0: unknown; or -ENOSPC, -ENOMEM. */
static int device_number(struct route_list *l, const char *name)
{
    struct route_device d = {0};
    if (!*name) return 0;
    memcpy(d.name, name, strnlen(name, sizeof d.name - 1));
    if (!room_for_name(l)) return -ENOMEM;
    uint32_t *place = name_place(l, &d);
    if (*place) return (int)*place;
    if (l->devices_count == ROUTE_DEVICES_MOST) return -ENOSPC;
    if (!room((void **)&l->devices, l->devices_count, 1, &l->devices_room, sizeof *l->devices)) return -ENOMEM;
    l->devices[l->devices_count++] = d;
    *place = l->devices_count;
    return (int)l->devices_count;
}

/* Add the legs, each with its share. */
static int add_legs(struct route_list *l, const struct route_entry *e)
{
    struct route_shares shares = {0};
    if (!room((void **)&l->legs, l->legs_count, e->hops, &l->legs_room, sizeof *l->legs)) return -ENOMEM;
    for (unsigned i = 0; i < e->hops; i++) shares.all += e->hop[i].weight;
    for (unsigned i = 0; i < e->hops; i++) {
        const int device = device_number(l, e->hop[i].device);
        if (device < 0) return device;
        l->legs[l->legs_count++] = (struct route_leg){
            .up_to = route_shares_next(&shares, e->hop[i].weight), .port = ROUTE_NO_PORT, .device = (uint16_t)device};
    }
    return 0;
}

/* Add the route, whatever the number of routes. */
static int append_route(struct route_list *l, const struct route_entry *e)
{
    const bool via = e->kind == ROUTE_VIA;
    if (!room((void **)&l->routes, l->count, 1, &l->routes_room, sizeof *l->routes) ||
        !room((void **)&l->ways, l->ways_count, 2, &l->ways_room, sizeof *l->ways))
        return -ENOMEM;
    if (!l->ways_count)
        l->ways[l->ways_count++] = (struct route_way){.kind = ROUTE_ASK, .why = WAY_OTHER}; /* as routes_new has it */
    const struct route_way way = {
        .first = l->legs_count, .legs = (uint16_t)(via ? e->hops : 0), .kind = e->kind, .why = e->why};
    const int failed = via ? add_legs(l, e) : 0;
    if (failed) return failed;
    l->routes[l->count] = e->route;
    l->routes[l->count++].way = l->ways_count;
    l->ways[l->ways_count++] = way;
    return 0;
}

int route_list_add(struct route_list *l, const struct route_entry *e)
{
    return l->count == ROUTE_LIST_MOST ? -ENOSPC : append_route(l, e);
}

int route_list_set(struct route_list *l, const struct route_entry *e)
{
    const uint32_t before = l->count;
    uint32_t left = 0;
    const int failed = append_route(l, e);
    if (failed) return failed;
    for (uint32_t i = 0; i <= before; i++) {
        const struct route x = l->routes[i];
        if (i < before && x.family == e->route.family && x.bits == e->route.bits &&
            !memcmp(x.to, e->route.to, sizeof x.to))
            continue;
        l->routes[left++] = x;
    }
    l->count = left > ROUTE_LIST_MOST ? before : left;
    return left > ROUTE_LIST_MOST ? -ENOSPC : 0;
}

int route_list_rule(struct route_list *l, const struct route_policy *p, const char *device)
{
    const int failed = device_number(l, device);
    if (failed < 0) return failed;
    if (l->rules_count == ROUTE_LIST_RULES) return -ENOSPC;
    if (!room((void **)&l->rules, l->rules_count, 1, &l->rules_room, sizeof *l->rules)) return -ENOMEM;
    l->rules[l->rules_count] = *p;
    l->rules[l->rules_count].rule.device = (uint16_t)failed;
    l->rules[l->rules_count++].rule.port = ROUTE_NO_PORT;
    return 0;
}

/* Collect the rules of both families. A rule for table ROUTE_LIST_FIRST precedes those of each family. A family without
 * rules gets those of a machine that has just started. Return their number. */
static uint32_t rules_of(const struct route_list *l, struct route_policy *rules)
{
    static const uint32_t usual[] = {ROUTE_TABLE_LOCAL, ROUTE_TABLE_MAIN, ROUTE_TABLE_DEFAULT};
    uint32_t n = 0;
    for (uint8_t family = 4; family <= 6; family += 2) {
        const uint32_t first = n;
        const struct route_policy all = {.rule = {.family = family}, .suppressed = -1};
        rules[n] = all;
        rules[n++].table = ROUTE_LIST_FIRST;
        for (uint32_t i = 0; i < l->rules_count; i++)
            if (l->rules[i].rule.family == family) rules[n++] = l->rules[i];
        const bool none = n == first + 1;
        for (unsigned i = 0; none && i < sizeof usual / sizeof *usual; i++) {
            rules[n] = all;
            rules[n++].table = usual[i];
        }
    }
    return n;
}

struct routes *route_list_table(const struct route_list *l)
{
    struct route_policy rules[ROUTE_LIST_RULES + 8];
    return routes_new(&(struct routes_said){.routes = l->routes,
                                            .rules = rules,
                                            .rules_count = rules_of(l, rules),
                                            .ways = l->ways,
                                            .legs = l->legs,
                                            .devices = l->devices,
                                            .count = l->count,
                                            .ways_count = l->ways_count,
                                            .legs_count = l->legs_count,
                                            .devices_count = l->devices_count},
                      0);
}

void route_list_fini(struct route_list *l)
{
    free(l->routes);
    free(l->rules);
    free(l->ways);
    free(l->legs);
    free(l->devices);
    free(l->named);
    *l = (struct route_list){0};
}

struct facts_device *route_devices(const struct routes *r, const struct program *p)
{
    const struct iface_table ifaces = program_ifaces(p);
    struct facts_device *all = calloc(r->size.devices + 1u, sizeof *all);
    for (uint32_t i = 0; all && i < r->size.devices; i++) {
        const uint32_t id = iface_match(&ifaces, r->devices[i].name);
        all[i].iface = all[i].as = id == PBC_NONE ? IFACE_OTHER : (uint16_t)id;
    }
    return all;
}
