/* See ports.h. */
#include "runtime/replay/ports.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/replay/summary.h"

enum { PORTS_MOST = 1 << 16, SHOWN = 8 };

/* ---- names ---- */

/* Keyed: a capture's names may be chosen to meet. */
static uint64_t hash(const struct hash_key *key, const char *name)
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

/* The slot that a name has, or would have. */
static uint32_t *slot_of(const struct ports *p, const char *name)
{
    for (uint64_t i = hash(&p->key, name);; i++) {
        uint32_t *slot = &p->slots[i & (p->slot_count - 1)];
        if (!*slot || !strcmp(p->name[*slot], name)) return slot;
    }
}

static bool make_room(struct ports *p)
{
    if (p->count < p->room) return true;
    const uint32_t room = p->room ? p->room * 2 : 16;
    uint16_t *id = reallocarray(p->id, room, sizeof *id);
    if (id) p->id = id;
    const char **name = id ? reallocarray(p->name, room, sizeof *name) : NULL;
    if (name) p->name = name;
    uint32_t *slots = name ? calloc(2u * room, sizeof *slots) : NULL;
    if (!slots) return false;
    free(p->slots);
    p->slots = slots;
    p->slot_count = 2 * room;
    p->room = room;
    for (uint32_t i = 1; i < p->count; i++) *slot_of(p, p->name[i]) = i;
    return true;
}

static int add(struct ports *p, const char *name, uint16_t id)
{
    char *copy = p->count < PORTS_MOST && make_room(p) ? strdup(name) : NULL;
    if (!copy) return -1;
    p->id[p->count] = id;
    p->name[p->count] = copy;
    if (p->count) *slot_of(p, copy) = p->count;
    return (int)p->count++;
}

/* ---- interfaces ---- */

/* The IF of a --map whose NAME that is, or NULL. */
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
    const uint32_t known = *slot_of(p, key);
    uint16_t id = IFACE_OTHER;
    if (known) return (int)known;
    /* A name that no device of this kind of machine can have is one that the rules do not name. */
    if (p->program) (void)iface_find(p->program, to ? to : key, &id, err, sizeof err);
    return add(p, key, id);
}

int ports_init(struct ports *ports, const struct program *p, const struct options *o, char *err, size_t err_len)
{
    char why[160];
    uint16_t id = IFACE_NONE;
    *ports = (struct ports){.program = p, .o = o};
    hash_key_init(&ports->key, hash_pair(arc4random(), arc4random()));
    int failed = o->on ? iface_find(p, o->on, &id, why, sizeof why) : 0;
    if (failed) snprintf(err, err_len, "--on: %s", why);
    for (unsigned i = 0; i < o->map_count && !failed; i++) {
        uint16_t to;
        failed = iface_find(p, strrchr(o->maps[i], '=') + 1, &to, why, sizeof why);
        if (failed) snprintf(err, err_len, "--map: %s", why);
    }
    if (failed) return -1;
    if (add(ports, o->on ? o->on : "", id) == 0) return 0;
    snprintf(err, err_len, "out of memory");
    return -1;
}

void ports_fini(struct ports *ports)
{
    for (uint32_t i = 0; i < ports->count; i++) free((void *)(uintptr_t)ports->name[i]);
    free(ports->name);
    free(ports->id);
    free(ports->slots);
}

void ports_ask(struct ports *ports, struct capture *c)
{
    capture_ports(c, 0, ports->o->on ? NULL : ports_named, ports);
}

const char *port_unnamed(const struct ports *ports, uint16_t port)
{
    return ports->program->ifaces_count && ports->id[port] == IFACE_OTHER ? ports->name[port] : NULL;
}

/* ---- what was found ---- */

/* "eth0 is wan", "eth7 is not named by the rules". */
static void port_note(FILE *out, const struct ports *p, uint32_t port, const char *title)
{
    char name[140];
    const uint16_t id = p->id[port];
    snprintf(name, sizeof name, "%.120s", p->name[port]);
    text_clean(name);
    if (id == IFACE_OTHER) {
        note(out, title, "%s: the rules do not name it", name);
        return;
    }
    const struct pbc_iface *i = &p->program->ifaces[id];
    char as[80];
    snprintf(as, sizeof as, "%.60s", program_str(p->program, i->name ? i->name : i->device));
    note(out, title, "%s: %s", name, text_clean(as));
}

static void unused_maps(FILE *out, const struct ports *p)
{
    for (unsigned i = 0; i < p->o->map_count; i++) {
        char map[140];
        snprintf(map, sizeof map, "%.120s", p->o->maps[i]);
        if (!p->used[i]) note(out, "", "--map %s: nothing in the capture is called so", text_clean(map));
    }
}

void ports_text(FILE *out, const struct ports *p)
{
    char names[400], n[TEXT_NUMBER];
    unused_maps(out, p);
    if (!p->program->ifaces_count) return;
    if (p->o->on && p->id[0] == IFACE_OTHER)
        note(out, "", "the rules do not name %s; they name %s", p->o->on, iface_names(p->program, names, sizeof names));
    if (!p->o->on && p->count == 1)
        note(out, "", "the rules name interfaces: --on IF says the one that frames came in on");
    for (uint32_t i = 1; i < p->count && i <= SHOWN; i++) port_note(out, p, i, i == 1 ? "interfaces" : "");
    if (p->count > SHOWN + 1) note(out, "", "and %s more", text_number(p->count - SHOWN - 1, n));
}

void ports_json(cJSON *to, const struct ports *p)
{
    cJSON *all = cJSON_AddArrayToObject(to, "interfaces");
    for (uint32_t i = 1; i < p->count; i++) {
        const uint16_t id = p->id[i];
        char text[140];
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToArray(all, one);
        snprintf(text, sizeof text, "%.120s", p->name[i]);
        cJSON_AddStringToObject(one, "name", text_clean(text));
        if (id == IFACE_OTHER) {
            cJSON_AddNullToObject(one, "is");
            continue;
        }
        const struct pbc_iface *is = &p->program->ifaces[id];
        snprintf(text, sizeof text, "%.120s", program_str(p->program, is->name ? is->name : is->device));
        cJSON_AddStringToObject(one, "is", text_clean(text));
    }
}
