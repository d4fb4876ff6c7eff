/* Function 0: the choice of the firewall that judges a frame, by ARP, direction and interface; its list and default. */
#include <string.h>

#include "compiler/code/plan.h"
#include "vm/packet/key.h"
#include "vm/program/program.h"

enum { IN_DISPATCH_MAX = 50 }; /* most rules of a firewall that are in function 0 itself */

static void no_firewall(struct gen *g, enum variant v) { asm_op(&g->as, v == ARP ? OP_PASS : OP_ACCEPT, 0, 0); }

/* Write a firewall's list, in place or as a call, then its default. */
static void firewall_code(struct gen *g, struct plan *plan, uint32_t firewall, enum variant v, bool alone)
{
    struct list *l = plan_firewall(plan, firewall);
    const struct place at = {v, firewall, NULL};
    const struct run all = {l, 0, plan_rules_to_write(l, v)};
    if (l->top[v].block_count > 1)
        blocks_code(g, plan, l, &at);
    else if (alone && l->size[v] <= IN_DISPATCH_MAX && !l->classified[v]) {
        rules_code(g, plan, &all, &at);
        keep_figures_in_dispatch(g, plan, l, v);
    } else if (l->size[v])
        call_code(g, plan, &at, &l->top[v]);
    if (v == ARP)
        asm_op(&g->as, OP_PASS, 0, 0);
    else
        asm_op(&g->as, OP_DEFAULT, 0, firewall);
}

/* Firewalls for frames of one direction: those `on` an interface, one for each, and the first firewall without `on`. */
struct section {
    uint32_t *firewalls;
    uint32_t count;
    uint32_t general;
};

/* Return the number of patterns that hold the interface. */
static unsigned depth_of(const struct image *img, uint32_t iface)
{
    const struct iface_table t = image_ifaces(img);
    unsigned depth = 0;
    while ((iface = iface_around(&t, iface)) != PBC_NONE) depth++;
    return depth;
}

/* Sort a firewall of a device before one of a pattern that holds it; otherwise keep the file's order. */
static void narrow_first(const struct gen *g, struct section *s)
{
    const struct image *img = g->img;
    for (uint32_t i = 1; i < s->count; i++) {
        const uint32_t one = s->firewalls[i], depth = depth_of(img, img->firewalls[one].iface);
        uint32_t at = i;
        for (; at > 0 && depth_of(img, img->firewalls[s->firewalls[at - 1]].iface) < depth; at--)
            s->firewalls[at] = s->firewalls[at - 1];
        s->firewalls[at] = one;
    }
}

static struct section section_of(struct gen *g, enum pbc_direction direction)
{
    const struct image *img = g->img;
    struct section s = {arena_alloc(g->c->arena, (img->firewalls_count + 1) * sizeof(uint32_t)), 0, PBC_NONE};
    bool *seen = arena_alloc(g->c->arena, img->ifaces_count + 1);
    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        const struct pbc_firewall *f = &img->firewalls[i];
        if (!firewall_judges(f, direction)) continue;
        if (f->iface == PBC_NONE && s.general == PBC_NONE) s.general = i;
        if (f->iface != PBC_NONE && !seen[f->iface]) {
            seen[f->iface] = true;
            s.firewalls[s.count++] = i;
        }
    }
    narrow_first(g, &s);
    return s;
}

static bool same_section(const struct section *a, const struct section *b)
{
    return a->general == b->general && a->count == b->count &&
           memcmp(a->firewalls, b->firewalls, a->count * sizeof(*a->firewalls)) == 0;
}

/* Jump to `next` for frames on interfaces other than those that the id names. */
static void only_on(struct gen *g, uint32_t iface, struct label *next)
{
    struct pbc_range *on = arena_alloc(g->c->arena, (g->img->ifaces_count + 1) * sizeof(*on));
    const uint32_t count = image_ifaces_within(g->img, &iface, 1, on);
    struct label here = {0};
    for (uint32_t i = 0; i < count; i++) {
        const bool last = i + 1 == count;
        asm_relay(&g->as);
        asm_jump(&g->as, last ? OP_JNIN : OP_JIN, KEY_HALF(iface), on[i].lo << 16 | on[i].hi, last ? next : &here);
    }
    asm_bind(&g->as, &here);
}

static void section_code(struct gen *g, struct plan *plan, const struct section *s, enum variant v, bool alone)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct label next = {0};
        only_on(g, g->img->firewalls[s->firewalls[i]].iface, &next);
        firewall_code(g, plan, s->firewalls[i], v, alone);
        asm_bind(&g->as, &next);
    }
    asm_relay(&g->as);
    if (s->general == PBC_NONE)
        no_firewall(g, v);
    else
        firewall_code(g, plan, s->general, v, alone);
}

/* Firewalls by direction; directions with the same firewalls share their code. */
struct sections {
    struct section in, out, forward;
    bool out_apart, forward_apart;
};

/* Write the code for frames that the host did not send. */
static void arriving_code(struct gen *g, struct plan *plan, const struct sections *s, enum variant v)
{
    const bool alone = !s->forward_apart || (s->in.general == PBC_NONE && s->in.count == 0);
    struct label forward = {0};
    if (s->forward_apart) asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_FORWARD, &forward);
    section_code(g, plan, &s->in, v, alone);
    if (!s->forward_apart) return;
    asm_bind(&g->as, &forward);
    section_code(g, plan, &s->forward, v, alone);
}

/* Write the code for ARP, which passes if no rule of any firewall asks for it. */
static void arp_code(struct gen *g, struct plan *plan, const struct sections *s)
{
    struct label out = {0};
    if (!plan_judges_arp(plan)) {
        asm_op(&g->as, OP_PASS, 0, 0);
        return;
    }
    if (s->out_apart) asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_OUT, &out);
    arriving_code(g, plan, s, ARP);
    asm_bind(&g->as, &out);
    if (s->out_apart) section_code(g, plan, &s->out, ARP, true);
}

/* Write function 0. One question moves rare frames, ARP and those that the host sends, out of the others' way. */
void dispatch_code(struct gen *g, struct plan *plan)
{
    struct sections s = {section_of(g, PBC_DIR_IN), section_of(g, PBC_DIR_OUT), section_of(g, PBC_DIR_FORWARD), 0, 0};
    struct label rare = {0}, arp = {0};
    s.out_apart = !same_section(&s.in, &s.out);
    s.forward_apart = !same_section(&s.in, &s.forward);
    const char *const name = g->img->meta->would ? "would" : "dispatch";
    plan_begin(plan, NULL, image_string(g->img, name, strlen(name)));
    asm_begin(&g->as);
    asm_jump(&g->as, OP_JANY, KEY_SLOT(kind), KIND_ARP | (s.out_apart ? KIND_OUT : 0u), s.out_apart ? &rare : &arp);
    arriving_code(g, plan, &s, FRAMES);
    if (s.out_apart) {
        asm_bind(&g->as, &rare);
        asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_ARP, &arp);
        section_code(g, plan, &s.out, FRAMES, true);
    }
    asm_bind(&g->as, &arp);
    arp_code(g, plan, &s);
    plan_end(g->img);
}
