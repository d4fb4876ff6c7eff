/* How much a service of both programs takes: its rate, and how many flows at once. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"
#include "vm/words/words.h"

static const struct pbc_meter *rate_of(const struct program *p, const struct pbc_service *v)
{
    return v->rate ? &p->meters[v->rate - 1] : NULL;
}

static const char *rate_name(const struct program *p, const struct pbc_service *v)
{
    return v->rate ? program_str(p, p->meters[v->rate - 1].name) : "";
}

/* 0 is no bound, so the most. */
static void compare_most(uint32_t was, uint32_t now, struct amount *to)
{
    to->more |= was && (!now || now > was);
    to->less |= now && (!was || now < was);
}

/* What one meter of both lets through is told of the meter (meters.c). Of meters that count otherwise nobody can say
 * which takes more: both. */
static void compare_rate(const struct program *old, const struct pbc_service *was, const struct program *new,
                         const struct pbc_service *now, struct amount *to)
{
    const struct pbc_meter *a = rate_of(old, was), *b = rate_of(new, now);
    to->more |= a && !b;
    to->less |= b && !a;
    if (!a || !b || strcmp(rate_name(old, was), rate_name(new, now)) == 0) return;
    const struct amount amount = meter_grew(a, b) ? meter_amount(a, b) : (struct amount){true, true};
    to->more |= amount.more;
    to->less |= amount.less;
}

static char *text_of(struct diff *d, const struct program *p, const struct pbc_service *v)
{
    char *text = NULL, meter[160];
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    const char *before = "";
    if (v->max_flows) fprintf(out, "max flows %u", v->max_flows), before = ", ";
    if (v->max_flows_per_source)
        fprintf(out, "%smax flows %u per source", before, v->max_flows_per_source), before = ", ";
    if (v->rate) {
        meter_text(rate_of(p, v), meter, sizeof(meter));
        fprintf(out, "%srate %s (%s)", before, rate_name(p, v), meter);
        before = ", ";
    }
    if (!*before) fputs("no bound", out);
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
    compare_rate(old, was, new, now, &amount);
    if (!amount.more && !amount.less) return;
    to->m = heap_grown(to->m, (size_t)to->count + 1, sizeof(*to->m), &to->cap);
    to->m[to->count++] = (struct meter_change){.kind = amount.more ? DIFF_WIDENED : DIFF_NARROWED,
                                               .what = "bounds of service",
                                               .name = program_str(new, now->name),
                                               .was = text_of(d, old, was),
                                               .now = text_of(d, new, now)};
}
