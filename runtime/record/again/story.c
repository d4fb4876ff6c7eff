/* Records are checked as they are read; ids of ports and servers are mapped to those of another program */
#include "runtime/record/again/story.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/exchange/iface_id.h"
#include "runtime/record/world_bytes.h"
#include "runtime/schedule/schedule.h"
#include "runtime/worker/worker.h"
#include "vm/vm.h"

enum { PROGRAMS_MOST = 1 << 16, WORLDS_MOST = 1 << 20 };

__attribute__((format(printf, 3, 4))) static int fail(char *err, size_t err_len, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err, err_len, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

/* Write the ids of all ports' interfaces. */
static void name_ports(const struct story *t, const struct program *p, uint16_t iface[PORTS_MOST])
{
    const unsigned devices = t->start.devices;
    for (unsigned i = 0; i < t->start.ports; i++) iface[i] = port_iface_id(p, t->name[i % devices], i % devices);
}

int story_begin(struct story *t, const struct scene *s, char *err, size_t err_len)
{
    struct cursor c = {s->body, s->len};
    if (s->kind != SCENE_CUSTOM || s->what != RECORD_START || !cursor_copy(&c, &t->start, sizeof t->start))
        return fail(err, err_len, "the file isn't a recording");
    const struct record_start *b = &t->start;
    if (b->version < RECORD_OLDEST || b->version > RECORD_VERSION)
        return fail(
            err, err_len,
            "the recording has format version %u, but this preyrun reads %d to %d: replay it with the preyrun that "
            "made it",
            b->version, RECORD_OLDEST, RECORD_VERSION);
    if (!b->devices || b->ports < b->devices || b->ports > PORTS_MOST || !b->workers || b->workers > WORKERS_MOST)
        return fail(err, err_len,
                    "the recording is damaged: it names %u ports and %u workers, but at most %d and %d are possible",
                    b->ports, b->workers, PORTS_MOST, WORKERS_MOST);
    for (unsigned i = 0; i < b->ports; i++)
        if (b->port[i].peer != PORT_ANY && b->port[i].peer >= b->ports)
            return fail(err, err_len, "the recording is damaged: a bridge leads to a missing port");
    for (unsigned i = 0; i < b->devices; i++) {
        if (!cursor_copy(&c, t->name[i], RECORD_NAME))
            return fail(err, err_len, "the recording is damaged: its list of devices is cut short");
        t->name[i][RECORD_NAME - 1] = 0;
    }
    if (t->other) name_ports(t, t->other, t->other_iface);
    return 0;
}

void story_end(struct story *t)
{
    opened_fini(&t->other_opened);
    for (unsigned i = 0; i < t->worlds_count; i++) snapshot_free(t->worlds[i].s);
    for (unsigned i = t->programs_count; i-- > 0;) {
        remap_free(t->programs[i]->remap);
        program_put(t->programs[i]->p);
        opened_fini(&t->programs[i]->opened);
        free(t->programs[i]);
    }
    for (unsigned i = 0; i < t->routes_count; i++) routes_put(t->routes[i]);
    free(t->routes);
    free(t->worlds);
    free(t->programs);
    *t = (struct story){0};
}

const struct told_program *story_program(const struct story *t, uint64_t number)
{
    for (unsigned i = t->programs_count; i-- > 0;)
        if (t->programs[i]->number == number) return t->programs[i];
    return NULL;
}

struct snapshot *story_world(const struct story *t, uint64_t number)
{
    unsigned low = 0, high = t->worlds_count;
    while (low < high) {
        const unsigned mid = low + (high - low) / 2;
        if (t->worlds[mid].number == number) return t->worlds[mid].s;
        if (t->worlds[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/* The arrays behind a record of a program. */
struct told_change {
    uint16_t *ids;
    uint8_t *gone;
};

static struct program *program_take(const struct story *t, const struct record_program *h, struct cursor *c, char *err,
                                    size_t err_len)
{
    if (h->file) {
        const void *file = cursor_take(c, h->file);
        char why[256];
        struct program *p = file ? program_load(file, h->file, why, sizeof why) : NULL;
        if (!file)
            fail(err, err_len, "the recording is damaged: a program is cut short");
        else if (!p)
            fail(err, err_len, "a program in the recording can't be used: %s", why);
        if (p && h->flows) program_bound(p, h->flows, h->half_open);
        return p;
    }
    /* the program without its past */
    for (unsigned i = 0; i < t->programs_count; i++)
        if (!memcmp(t->programs[i]->digest, h->digest, sizeof h->digest))
            return program_get(t->programs[i]->p->past ? t->programs[i]->p->past->under : t->programs[i]->p);
    fail(err, err_len, "the recording is damaged: a program is missing");
    return NULL;
}

/* Make the remap from the previous program, with its interface ids mapped to this one's. */
static int change_follow(const struct story *t, const struct record_program *h, const struct told_change *change,
                         struct told_program *k)
{
    const uint16_t *ids = change->ids;
    struct program *file = k->p, *before = t->programs[t->programs_count - 1]->p;
    if (h->ids != before->ifaces_count + t->start.devices) return -EINVAL;
    for (uint32_t i = 0; i < h->ids; i++)
        if (ids[i] != IFACE_NONE && ids[i] >= file->ifaces_count + t->start.devices) return -EINVAL;
    if (h->gone && h->gone != remap_gone_count(before)) return -EINVAL;
    k->remap = remap_new(before, file, ids, h->ids, h->gone ? change->gone : NULL, h->remap_ns);
    if (!k->remap) return -ENOMEM;
    k->p = program_get(k->remap->program);
    program_put(file);
    return 0;
}

/* Read an array padded to eight bytes. NULL: it is cut short. */
static void *read_padded(struct cursor *c, size_t bytes)
{
    const size_t padded = (bytes + 7) / 8 * 8;
    void *words = padded <= c->left ? malloc(padded + 1) : NULL;
    if (words && cursor_copy(c, words, padded)) return words;
    free(words);
    return NULL;
}

static void change_free(struct told_change *change)
{
    free(change->ids);
    free(change->gone);
}

/* Read a program, except its place among the others. */
static int read_program(const struct story *t, const struct record_program *h, struct cursor *c, struct told_program *k,
                        char *err, size_t err_len)
{
    struct told_change change = {.ids = read_padded(c, (size_t)h->ids * sizeof *change.ids)};
    if (change.ids) change.gone = read_padded(c, h->gone);
    if (!change.gone) {
        change_free(&change);
        return fail(err, err_len, "the recording is damaged: a program is cut short");
    }
    *k = (struct told_program){.number = h->number, .prepare_ns = h->prepare_ns, .world = h->world};
    memcpy(k->digest, h->digest, sizeof k->digest);
    k->p = program_take(t, h, c, err, err_len);
    const bool good = k->p && (!t->programs_count || !change_follow(t, h, &change, k)) && opened_init(&k->opened, k->p);
    change_free(&change);
    if (good || !k->p) return good ? 0 : -EINVAL;
    opened_fini(&k->opened);
    remap_free(k->remap);
    program_put(k->p);
    return fail(err, err_len, "the recording is damaged: a change of programs doesn't fit");
}

static int hear_program(struct story *t, const struct scene *s, char *err, size_t err_len)
{
    struct cursor c = {s->body, s->len};
    struct record_program h = {0};
    const size_t head = t->start.version < RECORD_BOUNDED ? offsetof(struct record_program, flows) : sizeof h;
    if (!cursor_copy(&c, &h, head) || !program_bounds_fit(h.flows, h.half_open))
        return fail(err, err_len, "the recording is damaged: a program is cut short");
    if (story_program(t, h.number)) return 0;
    t->inline_half_open = h.inline_half_open;
    if (t->other && !t->programs_count && h.flows) program_bound(t->other, h.flows, h.half_open);
    struct told_program *k = calloc(1, sizeof *k);
    struct told_program **more = realloc(t->programs, (t->programs_count + 1u) * sizeof(void *));
    if (more) t->programs = more;
    const int failed = !k || !more || t->programs_count == PROGRAMS_MOST
                           ? fail(err, err_len, "out of memory, or more than 65,536 programs")
                           : read_program(t, &h, &c, k, err, err_len);
    if (failed) {
        free(k);
        return failed;
    }
    name_ports(t, k->p, k->iface);
    t->programs[t->programs_count++] = k;
    return 0;
}

/* Return the recorded way to the server with the address of `to`. */
static uint16_t recorded_way(const struct story *t, const struct told_program *k, const struct snapshot *s,
                             const struct pbc_server *to)
{
    for (uint32_t i = 0; i < k->p->servers_count; i++) {
        const struct pbc_server *was = &k->p->servers[i];
        if (was->family != to->family || memcmp(was->addr, to->addr, sizeof was->addr) != 0) continue;
        for (unsigned port = 0; port < t->start.ports; port++)
            if (s->facts.server_out[i] == k->iface[port]) return t->other_iface[port];
    }
    return IFACE_NONE;
}

/* Return the same world in terms of the other program. NULL: out of memory. */
static struct snapshot *of_other(const struct story *t, const struct told_program *k, const struct snapshot *s)
{
    const struct program *p = t->other;
    struct facts f = s->facts; /* with the routes of the world */
    uint64_t until;
    f.ifaces = NULL, f.server_out = f.target_out = NULL; /* arrays in that program's shape, zeroed */
    f.down = NULL, f.up_since_ns = NULL, f.weights = NULL, f.server_mtu = NULL, f.drains = NULL;
    f.ifaces_count = p->ifaces_count + t->start.devices;
    f.schedules = schedules_at(p, t->start.began_ns, &until);
    f.patterns = false;
    struct snapshot *o = snapshot_new(p, &f, s->hops_mask + 1);
    if (!o) return NULL;
    struct facts_iface *ifaces = (void *)(uintptr_t)o->facts.ifaces;
    uint16_t *ways = (void *)(uintptr_t)o->facts.server_out, *targets = (void *)(uintptr_t)o->facts.target_out;
    for (unsigned i = 0; i < f.ifaces_count; i++) ifaces[i].peer = IFACE_NONE;
    for (unsigned i = 0; i < t->start.ports; i++) {
        ifaces[t->other_iface[i]] = s->facts.ifaces[k->iface[i]];
        ifaces[t->other_iface[i]].as = port_known_as(p, t->name[i % t->start.devices], t->other_iface[i]);
        o->facts.patterns |= ifaces[t->other_iface[i]].as != 0;
        const uint8_t peer = t->start.port[i].peer;
        ifaces[t->other_iface[i]].peer = peer == PORT_ANY ? IFACE_NONE : t->other_iface[peer];
    }
    for (uint32_t i = 0; i < p->servers_count; i++) ways[i] = recorded_way(t, k, s, &p->servers[i]);
    for (uint32_t i = 0; i < p->nats_count; i++) targets[i] = IFACE_NONE;
    memcpy(o->port_mac, s->port_mac, sizeof o->port_mac);
    for (uint32_t i = 0; i <= s->hops_mask; i++)
        if (s->hops[i].key.family) snapshot_add(o, &s->hops[i]);
    o->number = s->number;
    o->devices = s->devices;
    o->elsewhere = s->elsewhere;
    struct facts_device *devices = (void *)(uintptr_t)o->facts.devices;
    for (uint32_t i = 0; o->routes && i < o->routes->size.devices; i++) {
        const uint16_t was = devices[i].iface;
        for (unsigned port = 0; port < t->start.devices; port++)
            if (k->iface[port] == was) devices[i].iface = t->other_iface[port];
        devices[i].as = device_known_as(t->other, o->routes->devices[i].name);
    }
    return o;
}

static struct routes *routes_of(const struct story *t, uint64_t number)
{
    for (unsigned i = t->routes_count; i-- > 0;)
        if (t->routes[i]->number == number) return t->routes[i];
    return NULL;
}

static int hear_routes(struct story *t, const struct scene *s, char *err, size_t err_len)
{
    if (t->start.version < RECORD_POLICIES)
        return fail(
            err, err_len,
            "the recording has format version %u, but this preyrun reads tables of routes only from version %d on: "
            "replay it with the preyrun that made it",
            t->start.version, RECORD_POLICIES);
    struct routes *r = world_unpack_routes(s->body, s->len, t->start.ports);
    if (!r) return fail(err, err_len, "the recording is damaged: a table of routes can't be read");
    struct routes **more = routes_of(t, r->number) ? NULL : realloc(t->routes, (t->routes_count + 1u) * sizeof *more);
    if (!more) {
        const bool known = routes_of(t, r->number);
        routes_put(r);
        return known ? 0 : fail(err, err_len, "out of memory for its tables of routes");
    }
    t->routes = more;
    t->routes[t->routes_count++] = r;
    return 0;
}

static int hear_world(struct story *t, const struct scene *s, char *err, size_t err_len)
{
    struct world_said said;
    if (!world_said(s->body, s->len, &said))
        return fail(err, err_len, "the recording is damaged: a record of the machine's state is cut short");
    if (story_world(t, said.number)) return 0;
    const struct told_program *k = story_program(t, said.program);
    const bool later = !t->worlds_count || said.number > t->worlds[t->worlds_count - 1].number;
    struct routes *routes = routes_of(t, said.routes);
    if (!k || !later || (said.routes && !routes))
        return fail(
            err, err_len,
            "the recording is damaged: a record of the machine's state is out of order, or lacks its program or "
            "routes");
    if (t->worlds_count == WORLDS_MOST)
        return fail(err, err_len,
                    "the recording has more than %d records of the machine's state, the most that a "
                    "replay can read",
                    WORLDS_MOST);
    struct told_world *more = realloc(t->worlds, (t->worlds_count + 1u) * sizeof *more);
    if (!more) return fail(err, err_len, "out of memory");
    t->worlds = more;
    struct snapshot *w = world_unpack(s->body, s->len, k->p, routes, &t->start);
    if (!w) return fail(err, err_len, "the recording is damaged: a record of the machine's state doesn't fit");
    if (t->other) {
        struct snapshot *o = of_other(t, k, w);
        snapshot_free(w);
        w = o;
    }
    if (!w) return fail(err, err_len, "out of memory");
    t->worlds[t->worlds_count++] = (struct told_world){said.number, w};
    return 0;
}

int story_hear(struct story *t, const struct scene *s, char *err, size_t err_len)
{
    if (s->what == RECORD_ROUTES) return hear_routes(t, s, err, err_len);
    return s->what == RECORD_PROGRAM ? hear_program(t, s, err, err_len) : hear_world(t, s, err, err_len);
}
