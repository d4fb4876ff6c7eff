/* Owner's side of loans (loan.h) */
#include "vm/flow/track/loan.h"

#include "vm/flow/track/straight.h"
#include "vm/packet/parse/plain.h"

void lending_end(struct lending *l, uint32_t slot, uint64_t now_ns)
{
    const uint32_t cell = slot % LENDING_CELLS;
    if (!l || l->until_ns[cell] <= now_ns) return;
    l->until_ns[cell] = 0;
    __atomic_store_n(&l->numbers[cell], l->numbers[cell] + 1, __ATOMIC_RELEASE);
}

bool track_lend(const struct track *t, uint64_t now_ns, const struct plain *p, uint32_t generation, struct loan *loan)
{
    struct straight_look look;
    struct ordinary o;
    if (!t->lending || !(p->kind & KIND_UDP) || !straight_study(t, p, &look)) return false;
    straight_ask(t->table, &look);
    if (!straight_is_of(look.line, &look) || !ordinary_find(t, look.line, false, look.at, false, generation, &o))
        return false;
    const uint64_t idle_ns = table_timeout(t->table, o.flow);
    if (idle_ns < LOAN_IDLE_LEAST_NS || now_ns >= time_after(o.flow->seen_ns, idle_ns)) return false;
    o.flow->seen_ns = now_ns;
    table_touch(t->table, o.twin ? look.line->flow : look.slot);
    *loan = (struct loan){.recipe = *o.recipe, .hash = (uint32_t)(look.hash >> 8), .kind = o.kind, .reply = o.twin};
    const uint32_t cell = (o.twin ? (uint32_t)look.line->flow : (uint32_t)look.slot) % LENDING_CELLS;
    t->lending->until_ns[cell] = loan->until_ns = now_ns + LOAN_NS;
    loan->cell = &t->lending->numbers[cell];
    loan->number = t->lending->numbers[cell];
    return true;
}
