/* A nat's address sets of its family, joined into one set of the intermediate form; without `from`, all addresses */
#include "compiler/analysis/nat_sources.h"

uint32_t nat_sources(struct ir *ir, const struct program *p, const struct pbc_nat *n)
{
    const bool v4 = n->family == 4;
    uint32_t all = n->from_count ? IR_EMPTY : IR_ALL;
    for (const struct pbc_set *s = p->sets + n->from; s < p->sets + n->from + n->from_count; s++)
        all = ir_addrs_or(
            ir, all,
            ir_addrs_ranges(ir, p->set4 + s->first4, v4 ? s->count4 : 0, p->set6 + s->first6, v4 ? 0 : s->count6));
    return all;
}
