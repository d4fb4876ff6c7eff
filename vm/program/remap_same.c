/* Comparison of parts of two programs (remap.h). */
#include <string.h>

#include "vm/program/remap.h"
#include "vm/program/remap_priv.h"

static bool same_text(const struct program *a, uint32_t x, const struct program *b, uint32_t y)
{
    return strcmp(program_str(a, x), program_str(b, y)) == 0;
}

static bool same_sets(const struct program *a, uint32_t i, const struct program *b, uint32_t k, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        const struct pbc_set *s = &a->sets[i + n], *t = &b->sets[k + n];
        if (s->count4 != t->count4 || s->count6 != t->count6) return false;
        if (memcmp(a->set4 + s->first4, b->set4 + t->first4, s->count4 * sizeof *a->set4) != 0) return false;
        if (memcmp(a->set6 + s->first6, b->set6 + t->first6, s->count6 * sizeof *a->set6) != 0) return false;
    }
    return true;
}

bool remap_same_iface(const struct program *a, uint32_t i, const struct program *b, uint32_t k)
{
    if (i == PBC_NONE || k == PBC_NONE) return i == k;
    return i < a->ifaces_count && k < b->ifaces_count && same_text(a, a->ifaces[i].device, b, b->ifaces[k].device);
}

static bool same_ranges(const struct program *a, uint32_t i, const struct program *b, uint32_t k, uint32_t count)
{
    return !count || memcmp(a->ranges + i, b->ranges + k, count * sizeof *a->ranges) == 0;
}

/* True if both conditions ask for the same interfaces: ids differ between programs. */
static bool same_ifaces(const struct program *a, const struct pbc_cond *s, const struct program *b,
                        const struct pbc_cond *t)
{
    for (uint32_t i = 0; i < a->ifaces_count; i++) {
        uint32_t k = 0;
        bool in = false, there = false;
        while (k < b->ifaces_count && !remap_same_iface(a, i, b, k)) k++;
        for (uint32_t r = s->first; r < s->first + s->count; r++) in |= a->ranges[r].lo <= i && i <= a->ranges[r].hi;
        for (uint32_t r = t->first; r < t->first + t->count; r++) there |= b->ranges[r].lo <= k && k <= b->ranges[r].hi;
        if (in != there) return false;
    }
    return true;
}

/* True if two conditions that a nat may have (nat_asks) are equal. Those on interfaces are compared in both
 * directions: either program may name interfaces that the other does not know. */
static bool same_cond(const struct program *a, const struct pbc_cond *s, const struct program *b,
                      const struct pbc_cond *t)
{
    if (s->kind != t->kind || s->flags != t->flags || s->arg != t->arg) return false;
    if (cond_info[s->kind].traits & COND_IFACES) return same_ifaces(a, s, b, t) && same_ifaces(b, t, a, s);
    if (s->count != t->count) return false;
    return cond_info[s->kind].operands == OPERANDS_SETS     ? same_sets(a, s->first, b, t->first, s->count)
           : cond_info[s->kind].operands == OPERANDS_RANGES ? same_ranges(a, s->first, b, t->first, s->count)
                                                            : true;
}

static bool same_conds(const struct program *a, uint32_t i, const struct program *b, uint32_t k, uint32_t count)
{
    bool same = true;
    for (uint32_t n = 0; same && n < count; n++) same = same_cond(a, &a->conds[i + n], b, &b->conds[k + n]);
    return same;
}

static bool same_run(const struct field *f, const struct program *a, const void *x, const struct program *b,
                     const void *y)
{
    const uint32_t i = (uint32_t)field_number(f, x), k = (uint32_t)field_number(f, y), count = field_count(f, x);
    if (count != field_count(f, y)) return false;
    return f->type == FIELD_SETS     ? same_sets(a, i, b, k, count)
           : f->type == FIELD_RANGES ? same_ranges(a, i, b, k, count)
                                     : same_conds(a, i, b, k, count);
}

/* True if the entries x and y have equal values in that field. */
static bool same_field(const struct field *f, const struct program *a, const void *x, const struct program *b,
                       const void *y)
{
    if (field_is_run(f)) return same_run(f, a, x, b, y);
    if (f->type == FIELD_ADDRESS) return memcmp((const char *)x + f->at, (const char *)y + f->at, f->size) == 0;
    const uint64_t i = field_number(f, x), k = field_number(f, y);
    if (f->type == FIELD_TEXT) return same_text(a, (uint32_t)i, b, (uint32_t)k);
    if (f->type == FIELD_IFACE) return remap_same_iface(a, (uint32_t)i, b, (uint32_t)k);
    return i == k;
}

bool remap_same(enum fields_of of, enum field_keeps what, const struct program *a, const void *x,
                const struct program *b, const void *y)
{
    bool same = true;
    for (const struct field *f = record_fields[of].rows, *end = f + record_fields[of].count; same && f < end; f++)
        same = f->keeps != what || same_field(f, a, x, b, y);
    return same;
}

static int order_of(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

int remap_meter_order(const struct program *a, const struct pbc_meter *s, const struct program *b,
                      const struct pbc_meter *t)
{
    const uint64_t x[] = {s->entries, s->per, s->unit, s->len4, s->len6, s->count, s->per_ns, s->burst};
    const uint64_t y[] = {t->entries, t->per, t->unit, t->len4, t->len6, t->count, t->per_ns, t->burst};
    const char *name = program_str(a, s->name);
    int order = strcmp(name, program_str(b, t->name));
    for (unsigned i = 0; i < sizeof x / sizeof *x && !order; i++) order = order_of(x[i], y[i]);
    if (*name || order) return order;
    order = order_of(s->place.line, t->place.line);
    if (!order) order = order_of(s->place.col, t->place.col);
    return order ? order : strcmp(program_str(a, s->place.file), program_str(b, t->place.file));
}

bool remap_same_pool(const struct program *a, const struct pbc_pool *s, const struct program *b,
                     const struct pbc_pool *t)
{
    if (s->server_count != t->server_count || !remap_same(FIELDS_POOL, KEEPS_BALANCE, a, s, b, t)) return false;
    if (a->settings_count != b->settings_count) return false;
    if (a->settings_count && memcmp(a->settings->hash_key, b->settings->hash_key, PBC_DIGEST_LEN) != 0) return false;
    if (a->settings_count && a->settings->maglev != b->settings->maglev) return false;
    bool same = true;
    for (uint32_t i = 0; same && i < s->server_count; i++)
        same = remap_same(FIELDS_SERVER, KEEPS_BALANCE, a, &a->servers[s->servers + i], b, &b->servers[t->servers + i]);
    return same;
}

bool remap_same_shares(const struct program *a, const struct pbc_branch *s, const struct program *b,
                       const struct pbc_branch *t)
{
    if (branch_shares(s) != branch_shares(t)) return false;
    for (uint32_t i = 0; i < branch_shares(s); i++) {
        const struct pbc_pool *in_a = &a->pools[a->shares[s->shares + i].pool],
                              *in_b = &b->pools[b->shares[t->shares + i].pool];
        if (!same_text(a, in_a->name, b, in_b->name)) return false;
    }
    return branch_goes(s) == branch_goes(t) &&
           (branch_goes(s) != PBC_GOES_PROGRAM || same_text(a, s->share_count, b, t->share_count));
}

bool remap_keeps_branch(const struct remap *r, uint32_t branch)
{
    const struct program *to = r->program;
    const uint32_t at = branch < r->from->branches_count ? r->branch[branch] : PBC_NONE;
    return at != PBC_NONE && remap_same_shares(r->from, &r->from->branches[branch], to, &to->branches[at]);
}
