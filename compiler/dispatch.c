/* Function 0: which firewall judges a frame, by ARP or not, direction and interface; then its list and its default. */
#include <string.h>

#include "compiler/lists_priv.h"
#include "vm/key.h"
#include "vm/vm.h"

enum { IN_DISPATCH_MAX = 50 }; /* rules of a firewall that stand in function 0 itself */

static void no_firewall(struct gen *g, enum variant v) { asm_op(&g->as, v == ARP ? OP_PASS : OP_ACCEPT, 0, 0); }

/* One firewall judges: its list in place or called, then its default. */
static void firewall_code(struct gen *g, struct plan *plan, uint32_t firewall, enum variant v, bool alone)
{
    struct list *l = plan_firewall(plan, firewall);
    const struct place at = {v, firewall, NULL};
    const struct run all = {l, 0, plan_rules_to_write(l, v)};

    if (l->top[v].block_count > 1)
        blocks_code(g, plan, l, &at);
    else if (alone && l->size[v] <= IN_DISPATCH_MAX)
        rules_code(g, plan, &all, &at);
    else if (l->size[v])
        call_code(g, plan, &at, &l->top[v]);
    if (v == ARP)
        asm_op(&g->as, OP_PASS, 0, 0);
    else
        asm_op(&g->as, OP_DEFAULT, 0, firewall);
}

/* Who judges frames of one direction: those `on` an interface, each for its own; then the first without. */
struct section {
    uint32_t *firewalls;
    uint32_t count;
    uint32_t general;
};

static bool judges_direction(const struct pbc_firewall *f, uint32_t direction)
{
    return f->direction == PBC_DIR_ANY ? direction != PBC_DIR_OUT : f->direction == direction;
}

static struct section section_of(struct gen *g, uint32_t direction)
{
    const struct image *img = g->img;
    struct section s = {arena_alloc(g->c->arena, (img->firewalls_count + 1) * sizeof(uint32_t)), 0, PBC_NONE};
    bool *seen = arena_alloc(g->c->arena, img->ifaces_count + 1);

    for (uint32_t i = 0; i < img->firewalls_count; i++) {
        const struct pbc_firewall *f = &img->firewalls[i];

        if (!judges_direction(f, direction)) continue;
        if (f->iface == PBC_NONE && s.general == PBC_NONE) s.general = i;
        if (f->iface != PBC_NONE && !seen[f->iface]) {
            seen[f->iface] = true;
            s.firewalls[s.count++] = i;
        }
    }
    return s;
}

static bool same_section(const struct section *a, const struct section *b)
{
    return a->general == b->general && a->count == b->count &&
           memcmp(a->firewalls, b->firewalls, a->count * sizeof(*a->firewalls)) == 0;
}

static void section_code(struct gen *g, struct plan *plan, const struct section *s, enum variant v, bool alone)
{
    for (uint32_t i = 0; i < s->count; i++) {
        const uint32_t iface = g->img->firewalls[s->firewalls[i]].iface;
        struct label next = {0};

        asm_relay(&g->as);
        asm_jump(&g->as, OP_JNIN, KEY_HALF(iface), iface << 16 | iface, &next);
        firewall_code(g, plan, s->firewalls[i], v, alone);
        asm_bind(&g->as, &next);
    }
    asm_relay(&g->as);
    if (s->general == PBC_NONE)
        no_firewall(g, v);
    else
        firewall_code(g, plan, s->general, v, alone);
}

/* All directions; frames of directions with the same firewalls share the code. */
static void directions_code(struct gen *g, struct plan *plan, enum variant v)
{
    const struct section in = section_of(g, PBC_DIR_IN), out = section_of(g, PBC_DIR_OUT),
                         forward = section_of(g, PBC_DIR_FORWARD);
    const bool out_apart = !same_section(&in, &out), forward_apart = !same_section(&in, &forward);
    struct label to_out = {0}, to_forward = {0};
    const bool alone = !forward_apart || (in.general == PBC_NONE && in.count == 0);

    if (v == ARP && !plan_judges_arp(plan)) {
        asm_op(&g->as, OP_PASS, 0, 0);
        return;
    }
    if (out_apart) asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_OUT, &to_out);
    if (forward_apart) asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_FORWARD, &to_forward);
    section_code(g, plan, &in, v, alone);
    if (forward_apart) {
        asm_bind(&g->as, &to_forward);
        section_code(g, plan, &forward, v, alone);
    }
    if (out_apart) {
        asm_bind(&g->as, &to_out);
        section_code(g, plan, &out, v, true);
    }
}

void dispatch_code(struct gen *g, struct plan *plan)
{
    struct label arp = {0};

    plan_begin(plan, NULL, image_string(g->img, "dispatch", 8));
    asm_begin(&g->as);
    asm_jump(&g->as, OP_JALL, KEY_SLOT(kind), KIND_ARP, &arp);
    directions_code(g, plan, FRAMES);
    asm_bind(&g->as, &arp);
    directions_code(g, plan, ARP);
    plan_end(g->img);
}
