/* See route_list.h. */
#include "vm/judge/route_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` behind the first `used`. */
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

/* 1 + the device's index; 0: it is not told, or -1 with errno. Most lists name few, and the same ones in a row. */
static int device_of(struct route_list *l, const char *name)
{
    if (!*name) return 0;
    for (uint32_t i = l->devices_count; i-- > 0;)
        if (!strcmp(l->devices[i].name, name)) return (int)i + 1;
    errno = l->devices_count == ROUTE_DEVICES_MOST ? ENOSPC : ENOMEM;
    if (errno == ENOSPC || !room((void **)&l->devices, l->devices_count, 1, &l->devices_room, sizeof *l->devices))
        return -1;
    struct route_device *d = &l->devices[l->devices_count++];
    *d = (struct route_device){0};
    memcpy(d->name, name, strnlen(name, sizeof d->name - 1));
    return (int)l->devices_count;
}

/* Each leg's share of 2^32, by weight; the last has the rest. */
static int add_legs(struct route_list *l, const struct route_entry *e)
{
    uint64_t all = 0, sum = 0;
    if (!room((void **)&l->legs, l->legs_count, e->hops, &l->legs_room, sizeof *l->legs)) return -ENOMEM;
    for (unsigned i = 0; i < e->hops; i++) all += e->hop[i].weight;
    for (unsigned i = 0; i < e->hops; i++) {
        const int device = device_of(l, e->hop[i].device);
        if (device < 0) return -errno;
        sum += e->hop[i].weight;
        l->legs[l->legs_count++] = (struct route_leg){
            .up_to = (uint32_t)((sum << 32) / all - 1), .port = ROUTE_NO_PORT, .device = (uint16_t)device};
    }
    return 0;
}

int route_list_add(struct route_list *l, const struct route_entry *e)
{
    const bool via = e->kind == ROUTE_VIA;
    if (l->count == ROUTE_LIST_MOST) return -ENOSPC;
    if (!room((void **)&l->routes, l->count, 1, &l->routes_room, sizeof *l->routes) ||
        !room((void **)&l->ways, l->ways_count, 2, &l->ways_room, sizeof *l->ways))
        return -ENOMEM;
    if (!l->ways_count) l->ways[l->ways_count++] = (struct route_way){.kind = ROUTE_ASK}; /* as routes_new has it */
    const struct route_way way = {.first = l->legs_count, .legs = (uint16_t)(via ? e->hops : 0), .kind = e->kind};
    const int failed = via ? add_legs(l, e) : 0;
    if (failed) return failed;
    l->routes[l->count] = e->route;
    l->routes[l->count++].way = l->ways_count;
    l->ways[l->ways_count++] = way;
    return 0;
}

int route_list_set(struct route_list *l, const struct route_entry *e)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        const struct route *x = &l->routes[i];
        if (x->family == e->route.family && x->bits == e->route.bits && !memcmp(x->to, e->route.to, sizeof x->to))
            continue;
        l->routes[left++] = *x;
    }
    l->count = left;
    return route_list_add(l, e);
}

struct routes *route_list_table(const struct route_list *l)
{
    return routes_new(&(struct routes_said){.routes = l->routes,
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
    free(l->ways);
    free(l->legs);
    free(l->devices);
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
