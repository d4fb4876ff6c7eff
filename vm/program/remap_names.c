/* Rules and firewalls that continue in another program (remap_priv.h). Names are unique in a program. */
#include <stdlib.h>
#include <string.h>

#include "vm/program/remap_priv.h"

/* A rule or firewall, known by its name and verdict. */
struct named {
    const char *name;
    uint32_t at;
    uint8_t verdict;
};

static int by_name_and_verdict(const void *x, const void *y)
{
    const struct named *a = x, *b = y;
    const int name = strcmp(a->name, b->name);
    return name ? name : (int)a->verdict - (int)b->verdict;
}

static uint32_t rules_of(const struct program *p, struct named *all)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->rules_count; i++)
        if (p->rules[i].name) all[n++] = (struct named){program_str(p, p->rules[i].name), i, p->rules[i].verdict};
    return n;
}

static uint32_t firewalls_of(const struct program *p, struct named *all)
{
    for (uint32_t i = 0; i < p->firewalls_count; i++)
        all[i] = (struct named){program_str(p, p->firewalls[i].name), i, p->firewalls[i].default_verdict};
    return p->firewalls_count;
}

typedef uint32_t list_fn(const struct program *p, struct named *all);

/* Sort both lists and walk them side by side. */
static bool match(list_fn *list, uint32_t most, const struct program *from, const struct program *to, uint32_t *map)
{
    struct named *a = malloc(((size_t)most + 1) * sizeof *a), *b = malloc(((size_t)most + 1) * sizeof *b);
    if (a && b) {
        const uint32_t as = list(from, a), bs = list(to, b);
        qsort(a, as, sizeof *a, by_name_and_verdict);
        qsort(b, bs, sizeof *b, by_name_and_verdict);
        for (uint32_t i = 0, k = 0; i < as && k < bs;) {
            const int order = by_name_and_verdict(&a[i], &b[k]);
            if (order == 0) map[a[i].at] = b[k].at;
            i += order <= 0;
            k += order > 0;
        }
    }
    free(a);
    free(b);
    return a && b;
}

static uint32_t larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

bool remap_names(const struct program *from, const struct program *to, uint32_t *rule, uint32_t *firewall)
{
    return match(rules_of, larger(from->rules_count, to->rules_count), from, to, rule) &&
           match(firewalls_of, larger(from->firewalls_count, to->firewalls_count), from, to, firewall);
}
