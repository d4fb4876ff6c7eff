/* Find the firewall that judges a frame on either side, by direction and interface, as the vm does. Frames with one
 * pair of firewalls are compared once.
 *
 * This machine is assumed to know its own addresses. Packets that cross it to a service count as `in`: a service that
 * is new in one program changes the direction of its packets there. */
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "compiler/analysis/directions.h"

/* Frames with one direction on each side */
struct part {
    struct region frames;
    uint8_t dir[SIDES]; /* enum pbc_direction */
};
enum { PARTS_MAX = 9, DIRECTION_PARTS = 1 << 16 };
struct parts {
    struct part part[PARTS_MAX]; /* the first part: packets that this machine sends */
    uint32_t count;
};

static uint32_t ranges(struct diff *d, uint32_t lo, uint32_t hi)
{
    return ir_intern_ranges(d->c.ir, &(struct pbc_range){lo, hi}, 1, UINT32_MAX);
}

static struct region in_direction(struct diff *d, unsigned side, const struct ir_product *q, enum pbc_direction dir)
{
    /* Directions depend on the services of a side's image only. */
    const struct program *p = d->side[side].program;
    struct image image = {.endpoints = (struct pbc_endpoint *)(uintptr_t)p->endpoints, /* the image is only read */
                          .endpoints_count = p->endpoints_count};
    struct compile view = d->c;
    struct region_budget budget = {.work = d->work, .parts = DIRECTION_PARTS};
    struct region out = {0};
    view.image = &image;
    frames_in_direction(&view, q, dir, &budget, &out);
    if (budget.spent) diff_fail(d, "the files have too many services to compute how packets travel");
    return out;
}

/* Return the destination MACs of frames in the direction. A frame that is not IP comes in if its MAC is a group's; ARP
 * also if it asks for this machine. */
static uint32_t macs_of(struct diff *d, enum frame_kind kind, uint8_t dir)
{
    const struct ir_macs others = {
        .kinds = MAC_MULTICAST | MAC_BROADCAST, .negated = dir == PBC_DIR_IN, .set = PBC_NONE};
    if (kind == FRAMES_IP || dir == PBC_DIR_OUT || (kind == FRAMES_ARP && dir == PBC_DIR_IN)) return IR_ALL;
    return macs_minus(d->c.ir, IR_ALL, ir_intern_macs(d->c.ir, &others)); /* the rest includes frames without MACs */
}

/* Add the frames with these directions. ARP and frames that are not IP may have two directions; each such frame has the
 * same one on both sides. */
static void add_part(struct diff *d, struct parts *parts, enum frame_kind kind, uint8_t old, uint8_t new)
{
    struct ir_product all = frames_of_kind(d->c.ir, kind);
    all.field[IR_DST_MAC] = macs_of(d, kind, new);
    struct region first = in_direction(d, OLD, &all, old);
    struct part *p = NULL;
    for (uint32_t i = 0; i < parts->count; i++)
        if (parts->part[i].dir[OLD] == old && parts->part[i].dir[NEW] == new) p = &parts->part[i];
    for (uint32_t i = 0; i < first.count; i++) {
        struct region both = in_direction(d, NEW, &first.p[i], new);
        if (!p && both.count) {
            p = &parts->part[parts->count++];
            *p = (struct part){.dir = {old, new}};
        }
        for (uint32_t k = 0; k < both.count; k++) region_add(&p->frames, &both.p[k]);
        region_fini(&both);
    }
    region_fini(&first);
}

static void find_parts(struct diff *d, struct parts *parts)
{
    static const uint8_t ways[] = {PBC_DIR_OUT, PBC_DIR_IN, PBC_DIR_FORWARD};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 3; k++) add_part(d, parts, FRAMES_IP, ways[i], ways[k]);
        add_part(d, parts, FRAMES_ARP, ways[i], ways[i]);
        if (ways[i] != PBC_DIR_OUT) add_part(d, parts, FRAMES_OTHER, ways[i], ways[i]);
    }
}

/* Return the side's firewall for frames of the interface, or PBC_NONE. */
static uint32_t firewall_of(const struct diff *d, unsigned side, uint8_t dir, uint32_t iface)
{
    const struct side *s = &d->side[side];
    const struct iface_table ifaces = image_ifaces(d->c.image);
    const uint32_t own = firewall_find(&ifaces, d->c.image->firewalls + s->firewalls, s->program->firewalls_count,
                                       (enum pbc_direction)dir, iface);
    return own == PBC_NONE ? PBC_NONE : own + s->firewalls;
}

static bool has_own(const struct diff *d, uint32_t iface)
{
    const struct iface_table ifaces = image_ifaces(d->c.image);
    for (uint32_t i = 0; i < d->c.image->firewalls_count; i++)
        if (d->c.image->firewalls[i].iface != PBC_NONE && iface_is_of(&ifaces, iface, d->c.image->firewalls[i].iface))
            return true;
    return false;
}

/* Return the interfaces, as a set, that no firewall is `on`. */
static uint32_t other_ifaces(struct diff *d)
{
    uint32_t set = IR_ALL;
    for (uint32_t i = 0; i < d->c.image->ifaces_count; i++)
        if (has_own(d, i)) set = ir_ranges_and(d->c.ir, set, ir_ranges_not(d->c.ir, ranges(d, i, i), 65535), 65535);
    return set;
}

/* The firewalls that judge a part's frames on an interface */
struct pair {
    uint32_t firewall[SIDES];
};

static struct pair pair_of(const struct diff *d, const struct part *part, uint32_t iface)
{
    return (struct pair){{firewall_of(d, OLD, part->dir[OLD], iface), firewall_of(d, NEW, part->dir[NEW], iface)}};
}

/* Add frames of these interfaces to the pair that judges them. */
static void judges_add(struct judges *judges, uint32_t *count, const struct pair *pair, const struct region *frames,
                       uint8_t dirs, uint32_t ifaces)
{
    uint32_t at = 0;
    if (pair->firewall[OLD] == PBC_NONE && pair->firewall[NEW] == PBC_NONE) return;
    while (at < *count &&
           (judges[at].dirs != dirs || memcmp(judges[at].firewall, pair->firewall, sizeof(pair->firewall)) != 0))
        at++;
    if (at == *count) {
        judges[at] = (struct judges){.firewall = {pair->firewall[OLD], pair->firewall[NEW]}, .dirs = dirs};
        (*count)++;
    }
    for (uint32_t i = 0; i < frames->count; i++) {
        struct ir_product p = frames->p[i];
        p.field[IR_IFACE] = ifaces;
        region_add(&judges[at].frames, &p);
    }
}

/* Add all frames that arrive, in any direction. */
static void arriving(struct diff *d, struct region *frames)
{
    struct ir_product p;
    product_all(&p);
    p.field[IR_WHAT] = ranges(d, WHAT_IP4, WHAT_AH6_UNKNOWN);
    p.field[IR_SRC_SELF] = IR_EMPTY;
    region_add(frames, &p);
    product_all(&p);
    p.field[IR_WHAT] = ranges(d, WHAT_ARP, WHAT_OTHER);
    region_add(frames, &p);
}

/* Add the frames of an interface. If one pair judges everything that arrives, directions are not distinguished. */
static void give_all(struct diff *d, const struct parts *parts, const struct region *all, uint32_t iface,
                     uint32_t ifaces, struct judges *judges, uint32_t *count)
{
    const struct pair out = pair_of(d, &parts->part[0], iface), in = pair_of(d, &parts->part[1], iface);
    bool one = true;
    judges_add(judges, count, &out, &parts->part[0].frames, 1u << PBC_DIR_OUT, ifaces);
    for (uint32_t i = 1; i < parts->count; i++) {
        const struct pair p = pair_of(d, &parts->part[i], iface);
        one = one && p.firewall[OLD] == in.firewall[OLD] && p.firewall[NEW] == in.firewall[NEW];
    }
    if (one) judges_add(judges, count, &in, all, 1u << PBC_DIR_IN | 1u << PBC_DIR_FORWARD, ifaces);
    for (uint32_t i = 1; i < parts->count && !one; i++) {
        const struct pair p = pair_of(d, &parts->part[i], iface);
        judges_add(judges, count, &p, &parts->part[i].frames, (uint8_t)(1u << parts->part[i].dir[NEW]), ifaces);
    }
}

struct judges *find_judges(struct diff *d, uint32_t *count)
{
    const uint32_t ifaces = d->c.image->ifaces_count;
    struct judges *judges = arena_alloc(d->c.arena, ((size_t)ifaces + 1) * PARTS_MAX * sizeof(*judges));
    struct parts parts = {.count = 0};
    struct region all = {0};
    *count = 0;
    find_parts(d, &parts);
    arriving(d, &all);
    for (uint32_t i = 0; i < ifaces; i++)
        if (has_own(d, i)) give_all(d, &parts, &all, i, ranges(d, i, i), judges, count);
    give_all(d, &parts, &all, IFACE_ABSENT, other_ifaces(d), judges, count);
    for (uint32_t i = 0; i < parts.count; i++) region_fini(&parts.part[i].frames);
    region_fini(&all);
    return judges;
}
