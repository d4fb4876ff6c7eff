/* Names of address sets in either program. A region whose addresses are a whole set, or all but a set, is printed by
 * that name. */
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"

struct set_name {
    uint32_t addrs; /* id in the ir of both */
    const char *name;
    uint8_t side;
};

static void add_names(struct diff *d, unsigned side)
{
    const struct program *p = d->side[side].program;
    uint32_t last = 0;
    for (uint32_t i = 0; i < p->sets_count; i++) {
        const struct pbc_set *s = &p->sets[i];
        if (!s->name || s->name == last) continue;
        last = s->name;
        d->set_names = heap_grown(d->set_names, (size_t)d->set_name_count + 1, sizeof(*d->set_names), &d->set_name_cap);
        d->set_names[d->set_name_count++] = (struct set_name){
            .addrs = ir_addrs_ranges(d->c.ir, p->set4 + s->first4, s->count4, p->set6 + s->first6, s->count6),
            .name = program_str(p, s->name),
            .side = (uint8_t)side};
    }
}

void note_set_names(struct diff *d)
{
    add_names(d, NEW);
    add_names(d, OLD);
}

/* True if the name means other addresses in the other program. */
static bool differs(const struct diff *d, const struct set_name *n)
{
    for (uint32_t i = 0; i < d->set_name_count; i++)
        if (d->set_names[i].addrs != n->addrs && strcmp(d->set_names[i].name, n->name) == 0) return true;
    return false;
}

const char *set_name_of(const void *diff, uint32_t addrs, unsigned families)
{
    const struct diff *d = diff;
    struct ir *ir = d->c.ir;
    for (uint32_t i = 0; i < d->set_name_count; i++) {
        const struct set_name *n = &d->set_names[i];
        if (n->addrs != addrs &&
            ir_addrs_of_families(ir, n->addrs, families) != ir_addrs_of_families(ir, addrs, families))
            continue;
        if (!differs(d, n)) return n->name;
        char *text = arena_alloc(d->c.arena, strlen(n->name) + 8);
        memcpy(text, n->name, strlen(n->name));
        memcpy(text + strlen(n->name), n->side == OLD ? " (old)" : " (new)", 6);
        return text;
    }
    return NULL;
}
