/* The first step of a comparison. The rules of both programs go into one image, the old program's lists first. So
 * one normal form holds both, and equal rules have equal products. Interfaces, meters and schedules have only
 * numbers in a program; they are matched by device or definition. Sets, ports and patterns become equal values by
 * themselves. Programs that repeat too much are rejected. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"
#include "vm/flow/flow.h"
#include "vm/judge/lives.h"

static uint32_t name(struct diff *d, const struct side *s, uint32_t offset)
{
    const char *text = program_str(s->program, offset);
    return image_string(d->c.image, text, strlen(text));
}

#define OPERANDS_NONE    -1
#define OPERANDS_RANGES  PBC_RANGES
#define OPERANDS_SETS    PBC_SETS
#define OPERANDS_MACSETS PBC_MACSETS
#define OPERANDS_PATTERN PBC_PATTERNS
#define OPERANDS_METER   PBC_METERS
#define OPERANDS_GRAIN   PBC_GRAINS
#define OPERANDS_NAMES   -1 /* names of a `when`, not compared here */
static const int operands[COND_COUNT] = {
#define COND(ident, name, code, operands, has, args, words, traits, lacks, doc) [COND_##ident] = OPERANDS_##operands,
#include "vm/cond.def"
};

static bool too_many(struct diff *d) { return diff_fail(d, "both rule files together exceed the limits of a program"); }

/* Copy entries that are values and hold no number of another section. */
#define COPY(field)                                                                                                    \
    for (uint32_t i = 0; i < p->field##_count; i++) {                                                                  \
        void *to = image_add_##field(img);                                                                             \
        if (!to) return too_many(d);                                                                                   \
        memcpy(to, &p->field[i], sizeof(p->field[i]));                                                                 \
    }

/* Copy live sets of a side. Those of one name are one in the normal form (normal.c). */
static bool import_lives(struct diff *d, struct side *s, uint32_t sets)
{
    struct image *img = d->c.image;
    const struct program *p = s->program;
    const uint32_t lives = img->lives_count, nodes = img->live_nodes_count;
    COPY(lives)
    COPY(live_nodes)
    for (uint32_t i = lives; i < img->lives_count; i++) {
        struct pbc_live *l = &img->lives[i];
        l->name = name(d, s, l->name);
        if (l->in != PBC_NONE) l->in += sets;
        if (l->never != PBC_NONE) l->never += sets;
        l->answers = l->from = 0; /* names of hosts are not imported */
    }
    for (uint32_t i = nodes; i < img->live_nodes_count; i++) {
        img->live_nodes[i].live += lives;
        img->live_nodes[i].in += sets;
        img->live_nodes[i].out += sets;
    }
    for (uint32_t i = sets; i < img->sets_count; i++)
        if (img->sets[i].live) img->sets[i].live += nodes;
    return true;
}

static bool import_sets(struct diff *d, struct side *s)
{
    struct image *img = d->c.image;
    const struct program *p = s->program;
    const uint32_t set4 = img->set4_count, set6 = img->set6_count, macs = img->macs_count;
    const uint32_t sets = img->sets_count, macsets = img->macsets_count;
    COPY(set4)
    COPY(set6)
    COPY(macs)
    COPY(ranges)
    COPY(patterns)
    COPY(sets)
    COPY(macsets)
    for (uint32_t i = sets; i < img->sets_count; i++) {
        img->sets[i].name = 0;
        img->sets[i].first4 += set4;
        img->sets[i].first6 += set6;
    }
    for (uint32_t i = macsets; i < img->macsets_count; i++) img->macsets[i].first4 += macs;
    return import_lives(d, s, sets);
}

/* Copy endpoints for examples, whose packets use the new side's services. Names in endpoints are not imported. */
static bool import_endpoints(struct diff *d, const struct program *p)
{
    struct image *img = d->c.image;
    COPY(endpoints)
    return true;
}

uint16_t side_iface(const struct image *both, const struct side *s, uint16_t of_both)
{
    const struct iface_table t = image_ifaces(both);
    if (of_both == IFACE_NONE) return IFACE_NONE;
    for (uint32_t at = of_both; at < t.count; at = iface_around(&t, at))
        for (uint32_t i = 0; i < s->program->ifaces_count; i++)
            if (s->ifaces[i] == at) return (uint16_t)i;
    return IFACE_OTHER;
}

/* Return live sets of both as those of a side, by their names. */
static live_bits side_live(const struct image *both, const struct program *p, live_bits live)
{
    live_bits of_side = 0;
    for (; live; live &= live - 1) {
        const uint32_t at = lives_find(p, image_str(both, both->lives[live_bits_first(live)].name));
        if (at != PBC_NONE) of_side |= (live_bits)1 << at;
    }
    return of_side;
}

struct frame_spec side_packet(const struct image *both, const struct side *s, const struct frame_spec *of_both)
{
    struct frame_spec packet = *of_both;
    packet.iface = side_iface(both, s, packet.iface);
    for (unsigned i = 0; i < 2; i++) packet.live[i] = side_live(both, s->program, packet.live[i]);
    if (packet.way) packet.way = (uint16_t)(side_iface(both, s, (uint16_t)(packet.way - 1)) + 1);
    return packet;
}

static bool import_ifaces(struct diff *d, struct side *s)
{
    struct image *img = d->c.image;
    s->ifaces = arena_alloc(d->c.arena, (s->program->ifaces_count + 1) * sizeof(*s->ifaces));
    s->edges = arena_alloc(d->c.arena, (s->program->ifaces_count + 1) * sizeof(*s->edges));
    for (uint32_t i = 0; i < s->program->ifaces_count; i++) {
        const uint32_t device = name(d, s, s->program->ifaces[i].device);
        uint32_t at = 0;
        while (at < img->ifaces_count && img->ifaces[at].device != device) at++;
        if (at == img->ifaces_count) {
            struct pbc_iface *f = image_add_ifaces(img);
            if (!f) return too_many(d);
            *f = (struct pbc_iface){.name = name(d, s, s->program->ifaces[i].name), .device = device};
        }
        s->ifaces[i] = at;
    }
    return true;
}

static bool same_meter(const struct pbc_meter *a, const struct pbc_meter *b)
{
    return a->entries == b->entries && a->per == b->per && a->unit == b->unit && a->len4 == b->len4 &&
           a->len6 == b->len6 && a->count == b->count && a->per_ns == b->per_ns && a->burst == b->burst;
}

/* Find the old meter that equals `m`. by_name: the two have one name and count alike, whatever their amounts
 * (meter_changes.c); else they have one definition. Two meters of one program are never equal: each counts for itself.
 */
static uint32_t twin_meter(const struct image *img, uint32_t of_old, const struct pbc_meter *m, bool by_name,
                           const bool *taken)
{
    for (uint32_t i = 0; i < of_old; i++)
        if (!taken[i] && (by_name ? img->meters[i].name == m->name && meter_keys_are_equal(&img->meters[i], m)
                                  : same_meter(&img->meters[i], m)))
            return i;
    return PBC_NONE;
}

/* Import meters; *meters: own number -> number in the image of both. */
static bool import_meters(struct diff *d, const struct side *s, uint32_t **meters)
{
    struct image *img = d->c.image;
    const uint32_t of_old = img->meters_count, count = s->program->meters_count;
    bool *taken = arena_alloc(d->c.arena, of_old + 1);
    struct pbc_meter *m = arena_alloc(d->c.arena, ((size_t)count + 1) * sizeof(*m));
    *meters = arena_alloc(d->c.arena, ((size_t)count + 1) * sizeof(**meters));
    for (uint32_t i = 0; i < count; i++) {
        m[i] = s->program->meters[i];
        m[i].name = name(d, s, m[i].name);
        (*meters)[i] = PBC_NONE;
    }
    for (unsigned by_name = 2; by_name-- > 0;)
        for (uint32_t i = 0; i < count; i++) {
            if ((*meters)[i] != PBC_NONE || !m[i].name) continue;
            const uint32_t twin = twin_meter(img, of_old, &m[i], by_name, taken);
            if (twin == PBC_NONE) continue;
            taken[twin] = true;
            (*meters)[i] = twin;
        }
    for (uint32_t i = 0; i < count; i++) {
        if ((*meters)[i] != PBC_NONE) continue;
        struct pbc_meter *to = image_add_meters(img);
        if (!to) return too_many(d);
        *to = m[i];
        (*meters)[i] = img->meters_count - 1;
    }
    return true;
}

/* Convert a condition on interfaces, whose ranges have other places in the image of both. */
static bool import_on(struct diff *d, const struct side *s, const struct pbc_cond *from, struct pbc_cond *to)
{
    const struct program *p = s->program;
    uint32_t within = 0; /* number of ranges that hold the interface */
    to->first = d->c.image->ranges_count;
    to->count = 0;
    memset(s->edges, 0, ((size_t)p->ifaces_count + 1) * sizeof(*s->edges));
    for (uint32_t i = from->first; i < from->first + from->count; i++) {
        if (p->ranges[i].lo > p->ranges[i].hi) continue;
        s->edges[p->ranges[i].lo]++;
        s->edges[p->ranges[i].hi + 1]--;
    }
    for (uint32_t own = 0; own < p->ifaces_count; own++) {
        within += s->edges[own];
        if (!within) continue;
        struct pbc_range *r = image_add_ranges(d->c.image);
        if (!r) return too_many(d);
        *r = (struct pbc_range){s->ifaces[own], s->ifaces[own]};
        to->count++;
    }
    return true;
}

/* Convert `during`. If there are moments, a negated condition becomes the set of all other moments. If there are no
 * others, it stays negated, and never holds. */
static void import_during(const struct diff *d, const struct side *s, struct pbc_cond *to)
{
    to->arg = schedules_of_both(s, to->arg);
    const uint32_t others = ((1u << d->moments) - 1) & ~to->arg;
    if (!d->moments || !(to->flags & PBC_COND_NOT) || !others) return;
    to->flags &= (uint8_t)~PBC_COND_NOT;
    to->arg = others;
}

/* Return the grain's number in the image of both; PBC_NONE: too many. */
static uint32_t import_grain(struct diff *d, const struct pbc_grain *g)
{
    struct image *img = d->c.image;
    for (uint32_t i = 0; i < img->grains_count; i++)
        if (img->grains[i].len4 == g->len4 && img->grains[i].len6 == g->len6) return i;
    struct pbc_grain *to = image_add_grains(img);
    if (!to) return PBC_NONE;
    *to = *g;
    return img->grains_count - 1;
}

static bool import_cond(struct diff *d, const struct side *s, const uint32_t base[PBC_KINDS], const uint32_t *meters,
                        const struct pbc_cond *from)
{
    struct pbc_cond *to = image_add_conds(d->c.image);
    if (!to) return too_many(d);
    *to = *from;
    to->name = 0;
    if (cond_info[from->kind].traits & COND_IFACES) return import_on(d, s, from, to);
    if (from->kind == COND_DURING) import_during(d, s, to);
    if (operands[from->kind] == PBC_METERS)
        to->first = meters[from->first];
    else if (operands[from->kind] == PBC_GRAINS)
        return (to->first = import_grain(d, &s->program->grains[from->first])) != PBC_NONE || too_many(d);
    else if (operands[from->kind] >= 0)
        to->first += base[operands[from->kind]];
    return true;
}

static bool import_lists(struct diff *d, struct side *s, uint32_t conds)
{
    struct image *img = d->c.image;
    const struct program *p = s->program;
    COPY(rules)
    COPY(chains)
    COPY(firewalls)
    for (uint32_t i = s->rules; i < img->rules_count; i++) {
        struct pbc_rule *r = &img->rules[i];
        r->conds += conds;
        r->name = r->comment = r->log_meter = r->log_prefix = r->mirror = 0;
        if (r->chain != PBC_NONE) r->chain += s->chains;
        r->list += r->list & PBC_LIST_CHAIN ? s->chains : s->firewalls;
    }
    for (uint32_t i = s->chains; i < img->chains_count; i++) img->chains[i].rules += s->rules;
    for (uint32_t i = s->firewalls; i < img->firewalls_count; i++) {
        struct pbc_firewall *f = &img->firewalls[i];
        f->name = name(d, s, f->name);
        f->rules += s->rules;
        if (f->iface != PBC_NONE) f->iface = s->ifaces[f->iface];
    }
    return true;
}

static bool import(struct diff *d, struct side *s)
{
    struct image *img = d->c.image;
    const uint32_t conds = img->conds_count;
    const uint32_t base[PBC_KINDS] = {[PBC_RANGES] = img->ranges_count,
                                      [PBC_SETS] = img->sets_count,
                                      [PBC_MACSETS] = img->macsets_count,
                                      [PBC_PATTERNS] = img->patterns_count};
    uint32_t *meters;
    s->rules = img->rules_count;
    s->chains = img->chains_count;
    s->firewalls = img->firewalls_count;
    s->conds = conds;
    if (!import_ifaces(d, s) || !import_meters(d, s, &meters)) return false;
    if (!import_sets(d, s)) return false;
    if (s == &d->side[NEW] && !import_endpoints(d, s->program)) return false;
    for (uint32_t i = 0; i < s->program->conds_count; i++)
        if (!import_cond(d, s, base, meters, &s->program->conds[i])) return false;
    return import_lists(d, s, conds);
}

/* Work of reading a program: rules share conditions, conditions share operands, pools and nats share sets, and a
 * stranger's small program may name them again and again. */
#define EFFORT_MOST                                                                                                    \
    (UINT64_C(1) << 26) /* some seconds; above what any packet may be tried against in a good program \ */

/* Return an array: entry i is the work of the first i conditions, or of the first i sets (second function). */
static uint64_t *conds_before(const struct program *p)
{
    uint64_t *before = heap_resized(NULL, (size_t)p->conds_count + 1, sizeof(*before));
    before[0] = 0;
    for (uint32_t i = 0; i < p->conds_count; i++) {
        const struct pbc_cond *c = &p->conds[i];
        /* `on` is compared with every interface */
        const uint32_t ifaces = cond_info[c->kind].traits & COND_IFACES ? p->ifaces_count : 0;
        before[i + 1] = before[i] + 1 + c->count + ifaces;
    }
    return before;
}

static uint64_t *sets_before(const struct program *p)
{
    uint64_t *before = heap_resized(NULL, (size_t)p->sets_count + 1, sizeof(*before));
    before[0] = 0;
    for (uint32_t i = 0; i < p->sets_count; i++) before[i + 1] = before[i] + 1 + p->sets[i].count4 + p->sets[i].count6;
    return before;
}

/* Add, saturating above EFFORT_MOST. */
static void import_sums(uint64_t *sum, const uint64_t *before, uint32_t first, uint32_t count)
{
    if (*sum <= EFFORT_MOST) *sum += 1 + before[first + count] - before[first];
}

static uint64_t effort(const struct program *p, const uint64_t *conds, const uint64_t *sets)
{
    uint64_t sum = conds[p->conds_count];
    for (uint32_t i = 0; i < p->rules_count; i++) import_sums(&sum, conds, p->rules[i].conds, p->rules[i].cond_count);
    for (uint32_t i = 0; i < p->branches_count; i++)
        import_sums(&sum, conds, p->branches[i].conds, p->branches[i].cond_count);
    for (uint32_t i = 0; i < p->pools_count; i++)
        import_sums(&sum, sets, p->pools[i].sources, p->pools[i].source_count);
    for (uint32_t i = 0; i < p->nats_count; i++) {
        import_sums(&sum, sets, p->nats[i].from, p->nats[i].from_count);
        import_sums(&sum, sets, p->nats[i].outside, p->nats[i].outside_count);
        import_sums(&sum, conds, p->nats[i].conds, p->nats[i].cond_count);
    }
    return sum;
}

/* Bound the work of reading a program. False after diff_fail. */
static bool bound_effort(struct diff *d, const struct side *s)
{
    uint64_t *conds = conds_before(s->program), *sets = sets_before(s->program);
    const uint64_t sum = effort(s->program, conds, sets);
    free(conds);
    free(sets);
    if (sum <= EFFORT_MOST) return true;
    return diff_fail(d, "the rules of the %s file have more than %llu conditions and list entries",
                     s == &d->side[OLD] ? "old" : "new", (unsigned long long)EFFORT_MOST);
}

/* True if TCP in mid-stream can be new. The image of both picks up if either side does. */
static bool picks_up(const struct program *p) { return flow_picks_up(p->settings_count ? p->settings : NULL); }

bool import_both(struct diff *d)
{
    struct image *img = d->c.image;
    if (!import_schedules(d)) return false;
    for (unsigned i = 0; i < SIDES; i++)
        if (!bound_effort(d, &d->side[i]) || !import(d, &d->side[i])) return false;
    if (!image_ifaces_settle(img)) return too_many(d);
    if (!picks_up(d->side[OLD].program) && !picks_up(d->side[NEW].program)) {
        struct pbc_settings *s = image_add_settings(img);
        if (s) *s = *d->side[OLD].program->settings;
    }
    make_normal(&d->c);
    d->c.ir->moments = d->moments;
    d->c.ir->moment_share = d->moment_share;
    if (!d->moments) d->c.ir->longer = d->longer;
    if (!d->c.ir->too_large) return true;
    return diff_fail(d, "the address ranges of both files together need more than %u MiB", IR_BYTES_MAX >> 20);
}
