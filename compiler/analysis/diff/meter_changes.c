/* Compare the amounts that meters and services let through. Meters of one name that count alike in both programs are
 * equal for rules, so no region shows that their amounts differ. The rules that use the meter decide if this widens.
 * Bounds of services are their rate, and their flows at once. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"
#include "vm/words/words.h"

static struct amount meter_amount(const struct pbc_meter *was, const struct pbc_meter *now)
{
    const unsigned __int128 x = (unsigned __int128)now->count * was->per_ns,
                            y = (unsigned __int128)was->count * now->per_ns;
    const int rate = (x > y) - (x < y), burst = (now->burst > was->burst) - (now->burst < was->burst);
    return (struct amount){.more = rate > 0 || burst > 0, .less = rate < 0 || burst < 0};
}

/* Note if the rule does more or less for packets within its meter than for those over it; both, if it calls a chain or
 * opens a tunnel. */
static void use(const struct pbc_rule *r, bool over, struct amount *within)
{
    const bool accepts = verdict_is(r->verdict, VERDICT_LETS_IN), decides = pbc_decides(r->verdict);
    const bool either = verdict_is(r->verdict, VERDICT_OPENS) || verdict_is(r->verdict, VERDICT_CALLS) ||
                        verdict_is(r->verdict, VERDICT_LEAVES);
    if (!decides && !either) return;
    within->more |= either || accepts != over;
    within->less |= either || accepts == over;
}

/* Return the effect of the rules that use the meter. more: packets within the meter get more; less: they get less. */
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

static uint8_t amount_change(struct amount now, struct amount within)
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

bool meter_keys_are_equal(const struct pbc_meter *was, const struct pbc_meter *now)
{
    return was->per == now->per && was->unit == now->unit && was->len4 == now->len4 && was->len6 == now->len6;
}

static const struct pbc_meter *meter_named(const struct program *p, const char *name)
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
        const struct pbc_meter *was = now->name ? meter_named(old, name) : NULL;
        if (!was || !meter_keys_are_equal(was, now)) continue;
        const struct amount amount = meter_amount(was, now);
        if (!amount.more && !amount.less && was->entries == now->entries) continue;
        to->m = heap_grown(to->m, (size_t)to->count + 1, sizeof(*to->m), &to->cap);
        to->m[to->count++] = (struct meter_change){.kind = amount_change(amount, uses_of(new, i)),
                                                   .what = "meter",
                                                   .name = name,
                                                   .was = text_of(d, was),
                                                   .now = text_of(d, now)};
    }
}

static const struct pbc_meter *rate_of(const struct program *p, const struct pbc_service *v)
{
    return v->rate ? &p->meters[v->rate - 1] : NULL;
}

static const char *rate_name(const struct program *p, const struct pbc_service *v)
{
    return v->rate ? program_str(p, p->meters[v->rate - 1].name) : "";
}

/* Compare bounds; 0 means no bound, which is more than any other. */
static void compare_most(uint32_t was, uint32_t now, struct amount *to)
{
    to->more |= was && (!now || now > was);
    to->less |= now && (!was || now < was);
}

/* Compare rates of a service. A meter that counts alike in both programs and has one name is reported as a meter.
 * Meters that count differently may let through both more and less; *other: one distinguishes another number of
 * keys. */
static void compare_rate(const struct program *old, const struct pbc_service *was, const struct program *new,
                         const struct pbc_service *now, struct amount *to, bool *other)
{
    const struct pbc_meter *a = rate_of(old, was), *b = rate_of(new, now);
    to->more |= a && !b;
    to->less |= b && !a;
    if (!a || !b) return;
    const bool alike = meter_keys_are_equal(a, b);
    if (alike && strcmp(rate_name(old, was), rate_name(new, now)) == 0) return;
    *other |= a->entries != b->entries;
    const struct amount amount = alike ? meter_amount(a, b) : (struct amount){true, true};
    to->more |= amount.more;
    to->less |= amount.less;
}

static char *bounds_text(struct diff *d, const struct program *p, uint32_t service)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    fields_print(p, FIELDS_SERVICE, service,
                 &(struct fields_text){.between = ", ", .first = "", .parts = 1 << PART_BOUNDS}, out);
    if (!ftello(out)) fputs("no limit", out);
    heap_stream_end(out);
    char *kept = arena_strndup(d->c.arena, text, len);
    free(text);
    return kept;
}

void compare_bounds(struct diff *d, const uint32_t service[SIDES], struct meters *to)
{
    const struct program *old = d->side[OLD].program, *new = d->side[NEW].program;
    const struct pbc_service *was = &old->services[service[OLD]], *now = &new->services[service[NEW]];
    struct amount amount = {0};
    compare_most(was->max_flows, now->max_flows, &amount);
    compare_most(was->max_flows_per_source, now->max_flows_per_source, &amount);
    bool other = false;
    compare_rate(old, was, new, now, &amount, &other);
    if (!amount.more && !amount.less && !other) return;
    to->m = heap_grown(to->m, (size_t)to->count + 1, sizeof(*to->m), &to->cap);
    to->m[to->count++] = (struct meter_change){.kind = amount.more   ? DIFF_WIDENED
                                                       : amount.less ? DIFF_NARROWED
                                                                     : DIFF_OTHER,
                                               .what = "limits of service",
                                               .name = program_str(new, now->name),
                                               .was = bounds_text(d, old, service[OLD]),
                                               .now = bounds_text(d, new, service[NEW])};
}
