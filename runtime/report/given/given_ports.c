/* A hash table by name; a name means the interface of --map, else that of the rules */
#include "runtime/report/given/given_ports.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/report/given/iface.h"

enum { PORTS_MOST = 1 << 16 };

/* The hash is keyed, because names in a capture may be chosen to collide. */
static uint64_t name_hash(const struct hash_key *key, const char *name)
{
    uint64_t words[HASH_WORDS] = {0};
    size_t len = strlen(name);
    while (len) {
        const size_t part = len < sizeof words - sizeof *words ? len : sizeof words - sizeof *words;
        memset(words + 1, 0, sizeof words - sizeof *words);
        memcpy(words + 1, name, part);
        words[0] = hash_words(key, words, HASH_WORDS);
        name += part;
        len -= part;
    }
    return words[0];
}

/* Return the slot of a name, or the free slot for it. */
static uint32_t *name_slot(const struct ports *p, const char *name)
{
    for (uint64_t i = name_hash(&p->key, name);; i++) {
        uint32_t *slot = &p->slots[i & (p->slot_count - 1)];
        if (!*slot || !strcmp(p->name[*slot], name)) return slot;
    }
}

static bool ports_make_room(struct ports *p)
{
    if (p->count < p->room) return true;
    const uint32_t room = p->room ? p->room * 2 : 16;
    uint16_t *id = reallocarray(p->id, room, sizeof *id);
    if (id) p->id = id;
    uint16_t *as = id ? reallocarray(p->as, room, sizeof *as) : NULL;
    if (as) p->as = as;
    const char **name = as ? reallocarray(p->name, room, sizeof *name) : NULL;
    if (name) p->name = name;
    uint32_t *slots = name ? calloc(2u * room, sizeof *slots) : NULL;
    if (!slots) return false;
    free(p->slots);
    p->slots = slots;
    p->slot_count = 2 * room;
    p->room = room;
    for (uint32_t i = 1; i < p->count; i++) *name_slot(p, p->name[i]) = i;
    return true;
}

/* Add a port. device: its name on the machine */
static int port_add(struct ports *p, const char *name, const char *device, uint16_t as)
{
    char *copy = p->count < PORTS_MOST && ports_make_room(p) ? strdup(name) : NULL;
    if (!copy) return -1;
    p->as[p->count] = as;
    p->id[p->count] = p->addresses ? addresses_iface(p->addresses, device, as) : as;
    p->name[p->count] = copy;
    if (p->count) *name_slot(p, copy) = p->count;
    return (int)p->count++;
}

/* Return the IF of the --map with this NAME, or NULL. */
static const char *mapped(struct ports *p, const char *name)
{
    for (unsigned i = 0; i < p->o->map_count; i++) {
        const char *is = strrchr(p->o->maps[i], '=');
        if (strlen(name) != (size_t)(is - p->o->maps[i]) || memcmp(name, p->o->maps[i], strlen(name))) continue;
        p->used[i] = true;
        return is + 1;
    }
    return NULL;
}

int ports_named(void *arg, const char *path, const char *name)
{
    struct ports *p = arg;
    char err[160];
    const bool nameless = !*name || !strcmp(name, "any") || !strcmp(name, "-");
    const char *key = nameless || mapped(p, path) ? path : name, *to = mapped(p, key);
    if (nameless && !to) return 0;
    const uint32_t known = *name_slot(p, key);
    uint16_t as = IFACE_OTHER;
    if (known) return (int)known;
    /* If no device of this machine can have the name, the rules do not name it either. */
    if (p->program) (void)iface_find(p->program, to ? to : key, &as, err, sizeof err);
    return port_add(p, key, to ? to : key, as);
}

int ports_init(struct ports *ports, const struct program *p, const struct options *o,
               const struct given_addresses *addresses, char *err, size_t err_len)
{
    char why[160];
    uint16_t as = IFACE_NONE;
    *ports = (struct ports){.program = p, .o = o, .addresses = addresses};
    hash_key_init(&ports->key, hash_pair(arc4random(), arc4random()));
    int failed = o->on ? iface_find(p, o->on, &as, why, sizeof why) : 0;
    if (failed) snprintf(err, err_len, "--on: %s", why);
    for (unsigned i = 0; i < o->map_count && !failed; i++) {
        uint16_t to;
        failed = iface_find(p, strrchr(o->maps[i], '=') + 1, &to, why, sizeof why);
        if (failed) snprintf(err, err_len, "--map: %s", why);
    }
    if (failed) return -1;
    const char *on = o->on ? o->on : "";
    if (port_add(ports, on, on, as) == 0) return 0;
    snprintf(err, err_len, "out of memory");
    return -1;
}

void ports_fini(struct ports *ports)
{
    for (uint32_t i = 0; i < ports->count; i++) free((void *)(uintptr_t)ports->name[i]);
    free(ports->name);
    free(ports->id);
    free(ports->as);
    free(ports->slots);
}

void ports_ask(struct ports *ports, struct capture *c)
{
    capture_ports(c, 0, ports->o->on ? NULL : ports_named, ports);
}

const char *port_is(const struct ports *ports, uint32_t port)
{
    if (ports->as[port] == IFACE_OTHER) return NULL;
    const struct pbc_iface *i = &ports->program->ifaces[ports->as[port]];
    return program_str(ports->program, i->name ? i->name : i->device);
}

const char *port_unnamed(const struct ports *ports, uint16_t port)
{
    return ports->program->ifaces_count && ports->as[port] == IFACE_OTHER ? ports->name[port] : NULL;
}
