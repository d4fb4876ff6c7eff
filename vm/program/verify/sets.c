/* The verifier's part for operands that conditions and instructions look things up in: address and MAC sets, ranges,
 * patterns. */
#include <string.h>

#include "vm/program/program.h"
#include "vm/program/verify/verify_priv.h"

enum { PATTERN_MOST = sizeof((struct pbc_pattern *)0)->value };

static bool ascending4(const struct pbc_range *a, const struct pbc_range *b)
{
    return a->hi < b->lo && b->lo - a->hi > 1;
}

/* True if b starts after a ends, with at least one address between: ascending4 over 128 bits. */
static bool ascending6(const struct pbc_range6 *a, const struct pbc_range6 *b)
{
    uint64_t next_hi = a->hi_hi + (a->hi_lo == UINT64_MAX), next_lo = a->hi_lo + 1;
    if (a->hi_hi == UINT64_MAX && a->hi_lo == UINT64_MAX) return false;
    return b->lo_hi > next_hi || (b->lo_hi == next_hi && b->lo_lo > next_lo);
}

static bool upward6(const struct pbc_range6 *r)
{
    return r->lo_hi < r->hi_hi || (r->lo_hi == r->hi_hi && r->lo_lo <= r->hi_lo);
}

/* True if the members of a window are in order. Windows may share members, so breaks[i] counts those of the first i + 1
 * members that don't follow their predecessor; a window is in order if its first and last have the same count. */
static bool in_order(const uint32_t *breaks, uint32_t first, uint32_t count)
{
    return count == 0 || breaks[first + count - 1] == breaks[first];
}

static uint32_t *breaks_new(const struct verifier *v, uint32_t count)
{
    uint32_t *breaks = malloc(((size_t)count + 1) * sizeof *breaks);
    if (breaks)
        breaks[0] = 0;
    else
        fault_memory(v);
    return breaks;
}

static uint32_t *breaks_of4(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t *breaks = breaks_new(v, p->set4_count);
    for (uint32_t i = 1; breaks && i < p->set4_count; i++)
        breaks[i] = breaks[i - 1] + !ascending4(&p->set4[i - 1], &p->set4[i]);
    return breaks;
}

static uint32_t *breaks_of6(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t *breaks = breaks_new(v, p->set6_count);
    for (uint32_t i = 1; breaks && i < p->set6_count; i++)
        breaks[i] = breaks[i - 1] + !ascending6(&p->set6[i - 1], &p->set6[i]);
    return breaks;
}

static bool verify_members(const struct verifier *v)
{
    const struct program *p = v->p;
    for (uint32_t i = 0; i < p->set4_count; i++)
        if (p->set4[i].lo > p->set4[i].hi) return fault(v, "set4 %u: range runs backwards", i);
    for (uint32_t i = 0; i < p->set6_count; i++)
        if (!upward6(&p->set6[i])) return fault(v, "set6 %u: range runs backwards", i);
    for (uint32_t i = 0; i < p->macs_count; i++)
        if (p->macs[i] >> 48) return fault(v, "mac %u has more than 48 bits", i);
    return true;
}

static bool verify_address_sets(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t *breaks4 __attribute__((cleanup(free_held))) = breaks_of4(v);
    uint32_t *breaks6 __attribute__((cleanup(free_held))) = breaks_of6(v);
    if (!breaks4 || !breaks6) return false;
    for (uint32_t i = 0; i < p->sets_count; i++) {
        const struct pbc_set *s = &p->sets[i];
        if (!verify_string(v, s->name, "set", i) || !verify_string(v, s->place.file, "set", i)) return false;
        if (!inside(s->first4, s->count4, p->set4_count))
            return fault(v, "set %u: its ranges go past the end of `set4`", i);
        if (!inside(s->first6, s->count6, p->set6_count))
            return fault(v, "set %u: its ranges go past the end of `set6`", i);
        if (!in_order(breaks4, s->first4, s->count4) || !in_order(breaks6, s->first6, s->count6))
            return fault(v, "set %u: ranges aren't in order, or touch", i);
    }
    return true;
}

/* Verify that the sets of each node precede the set that has it. Write their depth: depth[i] of set i. */
static bool verify_live_sets(const struct verifier *v, uint8_t *depth)
{
    const struct program *p = v->p;
    for (uint32_t i = 0; i < p->sets_count; i++) {
        depth[i] = 0;
        if (!p->sets[i].live) continue;
        if (p->sets[i].live > p->live_nodes_count) return fault(v, "set %u: live node doesn't exist", i);
        const struct pbc_live_node *n = &p->live_nodes[p->sets[i].live - 1];
        if (n->in >= i || n->out >= i) return fault(v, "a part of set %u isn't an earlier set", i);
        depth[i] = (uint8_t)(1 + (depth[n->in] > depth[n->out] ? depth[n->in] : depth[n->out]));
        if (depth[i] > PBC_LIVES_MAX) return fault(v, "set %u depends on more than %u live sets", i, PBC_LIVES_MAX);
    }
    return true;
}

static bool is_static_set(const struct program *p, uint32_t set) { return set < p->sets_count && !p->sets[set].live; }

/* Verify a set's fields about DNS answers. */
static bool verify_answers(const struct verifier *v, const struct pbc_live *l, uint32_t i)
{
    const struct program *p = v->p;
    if (!l->answers) return !l->from || fault(v, "live set %u has resolvers, but no `answers`", i);
    if (l->answers > p->names_count || p->names[l->answers - 1].kind != PBC_NAMES_HOSTS)
        return fault(v, "live set %u: its list for `answers` isn't a list of hosts", i);
    if (!is_static_set(p, l->from)) return fault(v, "live set %u: `from` isn't a static set", i);
    if ((uint64_t)p->sets[l->from].count4 + p->sets[l->from].count6 > PBC_RESOLVERS_MOST)
        return fault(v, "live set %u: `from` has more than %u ranges", i, PBC_RESOLVERS_MOST);
    if (l->file) return fault(v, "live set %u has both `answers` and a file", i);
    for (uint32_t k = 0; k < p->adds_count; k++)
        if (p->adds[k].live == i) return fault(v, "live set %u: a rule adds to a set with `answers`", i);
    return true;
}

static bool verify_live(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_live *l = &p->lives[i];
    if (!verify_string(v, l->name, "live set", i) || !verify_string(v, l->place.file, "live set", i)) return false;
    if (!*program_str(p, l->name)) return fault(v, "live set %u has no name", i);
    for (uint32_t k = 0; k < i; k++)
        if (strcmp(program_str(p, p->lives[k].name), program_str(p, l->name)) == 0)
            return fault(v, "live set %u has the name of live set %u", i, k);
    if (l->size == 0 || l->size > PBC_LIVE_SIZE_MAX) return fault(v, "live set %u: size %u isn't possible", i, l->size);
    if (l->in != PBC_NONE && !is_static_set(p, l->in)) return fault(v, "live set %u: `in` isn't a static set", i);
    if (l->never != PBC_NONE && !is_static_set(p, l->never))
        return fault(v, "live set %u: `never` isn't a static set", i);
    if (l->flags & ~(uint32_t)(PBC_LIVE_KEEP | PBC_LIVE_REFUSE))
        return fault(v, "live set %u: unknown flags 0x%x", i, l->flags);
    if (!verify_string(v, l->file, "live set", i)) return false;
    if (l->file && (*program_str(p, l->file) != '/' || strlen(program_str(p, l->file)) > PBC_LIVE_PATH_MOST))
        return fault(v, "live set %u: the path of its file is invalid", i);
    if (l->file && l->flags & PBC_LIVE_REFUSE) return fault(v, "live set %u has both `refuse` and a file", i);
    if (!verify_answers(v, l, i)) return false;
    for (uint32_t k = 0; k < p->adds_count && pbc_live_is_filled(l); k++)
        if (p->adds[k].live == i) return fault(v, "live set %u: a rule adds to a set with `file` or `names`", i);
    for (unsigned k = 0; k < sizeof l->reserved / sizeof l->reserved[0]; k++)
        if (l->reserved[k]) return fault(v, "live set %u: reserved bytes aren't zero", i);
    return true;
}

static bool verify_lives(const struct verifier *v)
{
    const struct program *p = v->p;
    uint8_t *depth __attribute__((cleanup(free_held))) = malloc((size_t)p->sets_count + 1);
    if (!depth) return fault_memory(v);
    for (uint32_t i = 0; i < p->lives_count; i++)
        if (!verify_live(v, i)) return false;
    for (uint32_t i = 0; i < p->live_nodes_count; i++)
        if (p->live_nodes[i].live >= p->lives_count) return fault(v, "live node %u: live set doesn't exist", i);
    return verify_live_sets(v, depth);
}

static bool verify_mac_sets(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t *breaks __attribute__((cleanup(free_held))) = breaks_new(v, p->macs_count);
    if (!breaks) return false;
    for (uint32_t i = 1; i < p->macs_count; i++) breaks[i] = breaks[i - 1] + (p->macs[i - 1] >= p->macs[i]);
    for (uint32_t i = 0; i < p->macsets_count; i++) {
        const struct pbc_set *s = &p->macsets[i];
        if (!verify_string(v, s->name, "MAC set", i) || !verify_string(v, s->place.file, "MAC set", i)) return false;
        if (!inside(s->first4, s->count4, p->macs_count))
            return fault(v, "MAC set %u: its members go past the end of `macs`", i);
        if (s->first6 || s->count6) return fault(v, "MAC set %u has IPv6 ranges", i);
        if (!in_order(breaks, s->first4, s->count4)) return fault(v, "MAC set %u: members aren't in order", i);
    }
    return true;
}

static bool is_host(const char *text)
{
    char normal[HOST_MAX + 1];
    return host_normal(text, strnlen(text, HOST_MAX + 1), normal) == HOST_GOOD && strcmp(text, normal) == 0;
}

/* Return counts: [i], entries among the first i of HOSTS that are not a normal name or glob. */
static uint32_t *count_texts(const struct verifier *v)
{
    const struct program *p = v->p;
    uint32_t *texts = breaks_new(v, p->hosts_count + (size_t)1);
    for (uint32_t i = 0; texts && i < p->hosts_count; i++)
        texts[i + 1] = texts[i] + !is_host(program_str(p, p->hosts[i]));
    return texts;
}

/* Count breaks of order as for sets: windows may share entries. Entries that a glob covers follow it directly, so
 * comparing neighbours is enough. */
static uint32_t *breaks_of_names(const struct verifier *v, int (*order)(const char *, const char *),
                                 bool (*covers)(const char *, const char *))
{
    const struct program *p = v->p;
    uint32_t *breaks = breaks_new(v, p->hosts_count);
    for (uint32_t i = 1; breaks && i < p->hosts_count; i++) {
        const char *a = program_str(p, p->hosts[i - 1]), *b = program_str(p, p->hosts[i]);
        breaks[i] = breaks[i - 1] + (order(a, b) >= 0 || covers(a, b));
    }
    return breaks;
}

static bool verify_names(const struct verifier *v)
{
    const struct program *p = v->p;
    for (uint32_t i = 0; i < p->hosts_count; i++)
        if (!verify_string(v, p->hosts[i], "host", i)) return false;
    uint32_t *hosts __attribute__((cleanup(free_held))) = breaks_of_names(v, host_compare, host_covers);
    uint32_t *texts __attribute__((cleanup(free_held))) = breaks_of_names(v, text_compare, text_covers);
    uint32_t *others __attribute__((cleanup(free_held))) = count_texts(v);
    if (!hosts || !texts || !others) return false;
    for (uint32_t i = 0; i < p->names_count; i++) {
        const struct pbc_names *l = &p->names[i];
        if (!verify_string(v, l->name, "names", i) || !verify_string(v, l->place.file, "names", i)) return false;
        if (!inside(l->first, l->count, p->hosts_count))
            return fault(v, "names %u: the entries go past the end of `hosts`", i);
        if (l->kind > PBC_NAMES_TEXTS) return fault(v, "names %u: unknown kind %u", i, l->kind);
        if (l->reserved) return fault(v, "names %u: reserved bytes aren't zero", i);
        if (l->kind == PBC_NAMES_HOSTS && others[l->first + l->count] != others[l->first])
            return fault(v, "names %u: a host's name isn't in normal form", i);
        if (!in_order(l->kind == PBC_NAMES_HOSTS ? hosts : texts, l->first, l->count))
            return fault(v, "names %u: the entries aren't in order, or an entry covers another entry", i);
    }
    return true;
}

/* Verify the names of a live set. Lists of names have been verified before. */
static bool verify_live_names(const struct verifier *v, uint32_t i)
{
    const struct program *p = v->p;
    const struct pbc_live *l = &p->lives[i];
    if (!l->names) return true;
    if (l->file || l->answers || l->flags & PBC_LIVE_REFUSE)
        return fault(v, "live set %u has names, and also a file, `answers` or `refuse`", i);
    if (l->names > p->names_count || p->names[l->names - 1].kind != PBC_NAMES_HOSTS)
        return fault(v, "live set %u: its list of names doesn't exist, or isn't a list of hosts", i);
    const struct pbc_names *const list = &p->names[l->names - 1];
    if (!list->count) return fault(v, "live set %u: its list has no names", i);
    for (uint32_t k = 0; k < list->count; k++)
        if (*program_str(p, p->hosts[list->first + k]) == '*')
            return fault(v, "live set %u: its list of names has a glob", i);
    return true;
}

static bool verify_ranges(const struct verifier *v)
{
    const struct program *p = v->p;
    for (uint32_t i = 0; i < p->ranges_count; i++) {
        if (p->ranges[i].lo > p->ranges[i].hi) return fault(v, "range %u runs backwards", i);
    }
    return true;
}

static bool verify_pattern(const struct verifier *v, uint32_t i)
{
    const struct pbc_pattern *t = &v->p->patterns[i];
    if (t->layer > PBC_PAYLOAD) return fault(v, "pattern %u: unknown layer %u", i, t->layer);
    if (t->len == 0 || t->len > PATTERN_MOST)
        return fault(v, "pattern %u has %u bytes, but 1 to %u are possible", i, t->len, PATTERN_MOST);
    if (t->at + t->len > UINT16_MAX) return fault(v, "pattern %u goes past the end of any frame", i);
    if (t->is_not > 1 || t->reserved[0] | t->reserved[1] | t->reserved[2])
        return fault(v, "pattern %u: reserved bytes aren't zero", i);
    for (unsigned n = 0; n < PATTERN_MOST; n++) {
        if (t->value[n] & ~t->mask[n]) return fault(v, "pattern %u: the value has bits outside the mask", i);
        if (n >= t->len && t->mask[n]) return fault(v, "pattern %u: the mask goes past the pattern's length", i);
    }
    return true;
}

bool verify_sets(const struct verifier *v)
{
    if (!verify_members(v) || !verify_address_sets(v) || !verify_lives(v) || !verify_mac_sets(v) || !verify_names(v) ||
        !verify_ranges(v))
        return false;
    for (uint32_t i = 0; i < v->p->patterns_count; i++)
        if (!verify_pattern(v, i)) return false;
    for (uint32_t i = 0; i < v->p->lives_count; i++)
        if (!verify_live_names(v, i)) return false;
    return true;
}
