/* Meters that both programs have by one name, and that count alike but let another number through: rules that ask them
 * are the same on both sides, so no region tells of them. What lets more through is told by what the rules do with it.
 */
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"
#include "vm/words/words.h"

static int compare_rates(const struct pbc_meter *a, const struct pbc_meter *b)
{
    const unsigned __int128 x = (unsigned __int128)a->count * b->per_ns, y = (unsigned __int128)b->count * a->per_ns;
    return (x > y) - (x < y);
}

struct amount meter_amount(const struct pbc_meter *was, const struct pbc_meter *now)
{
    const int rate = compare_rates(now, was), burst = (now->burst > was->burst) - (now->burst < was->burst);
    return (struct amount){.more = rate > 0 || burst > 0, .less = rate < 0 || burst < 0};
}

/* What a rule does for packets within its meter, against those over it. What calls a chain or opens a tunnel may do
 * either. */
static void use(const struct pbc_rule *r, bool over, struct amount *within)
{
    const bool accepts = verdict_is(r->verdict, VERDICT_LETS_IN), decides = pbc_decides(r->verdict);
    const bool either = verdict_is(r->verdict, VERDICT_OPENS) || verdict_is(r->verdict, VERDICT_CALLS) ||
                        verdict_is(r->verdict, VERDICT_LEAVES);
    if (!decides && !either) return;
    within->more |= either || accepts != over;
    within->less |= either || accepts == over;
}

/* more: who is within gets more; less: who is within gets less. */
static struct amount uses_of(const struct program *p, uint32_t meter)
{
    struct amount within = {0};
    for (const struct pbc_rule *r = p->rules; r < p->rules + p->rules_count; r++)
        for (const struct pbc_cond *c = p->conds + r->conds; c < p->conds + r->conds + r->cond_count; c++)
            if ((c->kind == COND_OVER || c->kind == COND_WITHIN) && c->first == meter)
                use(r, c->kind == COND_OVER, &within);
    for (uint32_t i = 0; i < p->services_count; i++) within.more |= p->services[i].rate == meter + 1;
    return within;
}

static uint8_t kind_of(struct amount now, struct amount within)
{
    if ((now.more && within.more) || (now.less && within.less)) return DIFF_WIDENED;
    return (now.more && within.less) || (now.less && within.more) ? DIFF_NARROWED : DIFF_OTHER;
}

static char *text_of(struct diff *d, const struct pbc_meter *m)
{
    char text[160];
    meter_text(m, text, sizeof(text));
    return arena_strndup(d->c.arena, text, strlen(text));
}

bool meter_grew(const struct pbc_meter *was, const struct pbc_meter *now)
{
    return was->per == now->per && was->unit == now->unit && was->len4 == now->len4 && was->len6 == now->len6;
}

static const struct pbc_meter *named(const struct program *p, const char *name)
{
    for (uint32_t i = 0; i < p->meters_count; i++)
        if (p->meters[i].name && strcmp(program_str(p, p->meters[i].name), name) == 0) return &p->meters[i];
    return NULL;
}

void find_meters(struct diff *d, struct meters *to)
{
    const struct program *old = d->side[OLD].program, *new = d->side[NEW].program;
    *to = (struct meters){0};
    for (uint32_t i = 0; i < new->meters_count; i++) {
        const struct pbc_meter *now = &new->meters[i];
        const char *name = program_str(new, now->name);
        const struct pbc_meter *was = now->name ? named(old, name) : NULL;
        if (!was || !meter_grew(was, now)) continue;
        const struct amount amount = meter_amount(was, now);
        if (!amount.more && !amount.less && was->entries == now->entries) continue;
        to->m = heap_grown(to->m, (size_t)to->count + 1, sizeof(*to->m), &to->cap);
        to->m[to->count++] = (struct meter_change){.kind = kind_of(amount, uses_of(new, i)),
                                                   .what = "meter",
                                                   .name = name,
                                                   .was = text_of(d, was),
                                                   .now = text_of(d, now)};
    }
}
