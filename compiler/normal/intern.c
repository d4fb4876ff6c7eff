/* Values of the normal form, each kept once: equal sets have equal ids, so products compare by memcmp. */
#include <string.h>

#include "compiler/normal/ir.h"
#include "lang/hash.h"
#include "vm/packet/key.h"

const struct ir_field_info ir_fields[IR_FIELDS] = {
#define FIELD(ident, name, sort, most, part, doc) {name, IR_SORT_##sort, IR_PART_##part, most},
#include "compiler/normal/field.def"
};

const struct ir_number ir_numbers[IR_FIELDS] = {
#define HALF(f) KEY_HALF(f)
#define HEADER  HALF_NONE
#define WAY     HALF_WAY
#define SOURCE  HALF_SOURCE
#define NUMBERS_ALONE
#define NUMBER(ident, name, at, most, field, has, args, traits, lacks, word, doc)                                      \
    [IR_##field] = {.cond = COND_##ident, .half = at, .there = has, .last = most},
#include "vm/cond.def"
    [IR_VLAN] = {.cond = COND_VLAN, .half = KEY_HALF(vlan_outer), .there = KIND_VLAN, .last = VLAN_ABSENT - 1},
};

/* One sort's values, in order of their ids, and an open table from hash to id + 1. */
struct ir_pool {
    void **values;
    uint64_t *hashes;
    uint32_t *slots;
    uint32_t count, cap, size; /* size: number of slots, a power of two, at least twice the count */
    bool (*equal)(const void *a, const void *b);
};

static bool same_bytes(const void *a, const void *b, size_t len) { return len == 0 || memcmp(a, b, len) == 0; }

static void *arena_copy(struct arena *arena, const void *from, size_t len)
{
    if (len == 0) return NULL;
    return memcpy(arena_alloc(arena, len), from, len);
}

/* Double the arrays inside the arena; the old ones stay behind, together no larger than the new. */
static void pool_grow(struct arena *arena, struct ir_pool *p)
{
    const uint32_t cap = p->cap ? p->cap * 2 : 32;
    void **values = arena_alloc(arena, cap * sizeof(*values));
    uint64_t *hashes = arena_alloc(arena, cap * sizeof(*hashes));
    if (p->count) {
        memcpy(values, p->values, p->count * sizeof(*values));
        memcpy(hashes, p->hashes, p->count * sizeof(*hashes));
    }
    p->values = values;
    p->hashes = hashes;
    p->cap = cap;
    p->size = cap * 2;
    p->slots = arena_alloc(arena, p->size * sizeof(*p->slots));
    for (uint32_t id = 0; id < p->count; id++) {
        uint64_t i = hashes[id];
        while (p->slots[i & (p->size - 1)]) i++;
        p->slots[i & (p->size - 1)] = id + 1;
    }
}

/* Return the id of the value. A new value gets an id, with *is_new set; the caller stores it. */
static uint32_t pool_find(struct arena *arena, struct ir_pool *p, const void *value, uint64_t h, bool *is_new)
{
    if (p->count == p->cap) pool_grow(arena, p);
    for (uint64_t i = h;; i++) {
        uint32_t *slot = &p->slots[i & (p->size - 1)];
        *is_new = *slot == 0;
        if (*is_new) {
            p->hashes[p->count] = h;
            *slot = ++p->count;
            return p->count - 1;
        }
        if (p->hashes[*slot - 1] == h && p->equal(p->values[*slot - 1], value)) return *slot - 1;
    }
}

static bool equal_ranges(const void *a, const void *b)
{
    const struct ir_ranges *x = a, *y = b;
    return x->count == y->count && same_bytes(x->r, y->r, x->count * sizeof(*x->r));
}

static bool equal_addrs(const void *a, const void *b)
{
    const struct ir_addrs *x = a, *y = b;
    if (x->split != y->split || (x->split && (x->in != y->in || x->out != y->out))) return false;
    return x->count4 == y->count4 && x->count6 == y->count6 && same_bytes(x->r4, y->r4, x->count4 * sizeof(*x->r4)) &&
           same_bytes(x->r6, y->r6, x->count6 * sizeof(*x->r6));
}

static bool equal_macs(const void *a, const void *b)
{
    const struct ir_macs *x = a, *y = b;
    return x->count == y->count && x->kinds == y->kinds && x->negated == y->negated &&
           same_bytes(x->macs, y->macs, x->count * sizeof(*x->macs));
}

static bool equal_patterns(const void *a, const void *b)
{
    const struct ir_patterns *x = a, *y = b;
    return x->count == y->count && same_bytes(x->pattern, y->pattern, x->count * sizeof(*x->pattern));
}

static uint32_t intern_ranges(struct ir *ir, const struct pbc_range *r, uint32_t count)
{
    const struct ir_ranges key = {r, count};
    bool is_new;
    const uint32_t id = pool_find(ir->arena, ir->ranges, &key, hash_bytes(1, r, count * sizeof(*r)), &is_new);
    if (is_new) {
        struct ir_ranges *v = arena_alloc(ir->arena, sizeof(*v));
        *v = (struct ir_ranges){arena_copy(ir->arena, r, count * sizeof(*r)), count};
        ir->ranges->values[id] = v;
    }
    return id;
}

uint32_t ir_intern_ranges(struct ir *ir, const struct pbc_range *r, uint32_t count, uint32_t most)
{
    if (count == 1 && r[0].lo == 0 && r[0].hi >= most) return IR_ALL;
    return intern_ranges(ir, r, count);
}

uint32_t ir_intern_addrs(struct ir *ir, const struct ir_addrs *a)
{
    const uint32_t halves[] = {a->split, a->split ? a->in : 0, a->split ? a->out : 0};
    const uint64_t begun = a->split ? hash_bytes(5, halves, sizeof(halves)) : 2;
    const uint64_t h =
        hash_bytes(hash_bytes(begun, a->r4, a->count4 * sizeof(*a->r4)), a->r6, a->count6 * sizeof(*a->r6));
    bool is_new;
    const uint32_t id = pool_find(ir->arena, ir->addrs, a, h, &is_new);
    if (is_new) {
        struct ir_addrs *v = arena_alloc(ir->arena, sizeof(*v));
        *v = *a;
        ir->held += a->count4 * sizeof(*a->r4) + a->count6 * sizeof(*a->r6);
        ir->too_large = ir->too_large || ir->held > IR_BYTES_MAX;
        if (ir->too_large) v->count4 = v->count6 = 0;
        v->r4 = arena_copy(ir->arena, a->r4, v->count4 * sizeof(*a->r4));
        v->r6 = arena_copy(ir->arena, a->r6, v->count6 * sizeof(*a->r6));
        v->complement = v->set = v->mirror = v->parts[0] = v->parts[1] = PBC_NONE;
        v->set_in = v->mirror_in = v->parts_in = 0;
        memset(v->narrowed, 0xff, sizeof(v->narrowed));
        ir->addrs->values[id] = v;
    }
    return id;
}

void ir_addrs_note_set(struct ir *ir, uint32_t a, uint32_t set, unsigned families)
{
    struct ir_addrs *x = ir->addrs->values[a];
    if (set != PBC_NONE && (x->set == PBC_NONE || (x->set_in & families) != families)) {
        x->set = set;
        x->set_in = (uint8_t)families;
    }
}

void ir_addrs_note_mirror(struct ir *ir, uint32_t a, uint32_t b, unsigned families)
{
    struct ir_addrs *x = ir->addrs->values[a];
    if (b != PBC_NONE && (x->mirror == PBC_NONE || (x->mirror_in & families) != families)) {
        x->mirror = b;
        x->mirror_in = (uint8_t)families;
    }
}

void ir_addrs_note_narrowed(struct ir *ir, uint32_t a, unsigned families, uint32_t narrowed)
{
    ((struct ir_addrs *)ir->addrs->values[a])->narrowed[families] = narrowed;
}

/* Note parts only if they have older ids than the set: so no set is its own part, and straight code that follows
 * parts comes to an end. */
void ir_addrs_note_parts(struct ir *ir, uint32_t a, const uint32_t parts[2], unsigned families)
{
    struct ir_addrs *x = ir->addrs->values[a];
    if (parts[0] < a && parts[1] < a && (x->parts[0] == PBC_NONE || (x->parts_in & families) != families)) {
        memcpy(x->parts, parts, sizeof(x->parts));
        x->parts_in = (uint8_t)families;
    }
}

void ir_addrs_pair(struct ir *ir, uint32_t a, uint32_t b)
{
    struct ir_addrs *x = ir->addrs->values[a], *y = ir->addrs->values[b];
    x->complement = b;
    y->complement = a;
    ir_addrs_note_mirror(ir, a, b, IR_V4 | IR_V6);
    ir_addrs_note_mirror(ir, b, a, IR_V4 | IR_V6);
}

uint32_t ir_intern_macs(struct ir *ir, const struct ir_macs *m)
{
    const uint64_t h = hash_bytes((uint64_t)m->kinds << 1 | m->negated, m->macs, m->count * sizeof(*m->macs));
    bool is_new;
    const uint32_t id = pool_find(ir->arena, ir->macs, m, h, &is_new);
    if (is_new) {
        struct ir_macs *v = arena_alloc(ir->arena, sizeof(*v));
        *v = *m;
        v->macs = arena_copy(ir->arena, m->macs, m->count * sizeof(*m->macs));
        ir->macs->values[id] = v;
    }
    return id;
}

uint32_t ir_intern_patterns(struct ir *ir, const uint32_t *pattern, uint32_t count)
{
    const struct ir_patterns key = {pattern, count};
    bool is_new;
    const uint32_t id =
        pool_find(ir->arena, ir->patterns, &key, hash_bytes(4, pattern, count * sizeof(*pattern)), &is_new);
    if (is_new) {
        struct ir_patterns *v = arena_alloc(ir->arena, sizeof(*v));
        *v = (struct ir_patterns){arena_copy(ir->arena, pattern, count * sizeof(*pattern)), count};
        ir->patterns->values[id] = v;
    }
    return id;
}

struct ir_ranges ir_ranges(const struct ir *ir, uint32_t id)
{
    return *(const struct ir_ranges *)ir->ranges->values[id];
}

const struct ir_addrs *ir_addrs(const struct ir *ir, uint32_t id) { return ir->addrs->values[id]; }
const struct ir_macs *ir_macs(const struct ir *ir, uint32_t id) { return ir->macs->values[id]; }

struct ir_patterns ir_patterns(const struct ir *ir, uint32_t id)
{
    return *(const struct ir_patterns *)ir->patterns->values[id];
}

static struct ir_pool *pool_new(struct arena *arena, bool (*equal)(const void *, const void *))
{
    struct ir_pool *p = arena_alloc(arena, sizeof(*p));
    p->equal = equal;
    return p;
}

struct ir *ir_new(struct arena *arena, uint32_t rule_count)
{
    struct ir *ir = arena_alloc(arena, sizeof(*ir));
    ir->arena = arena;
    ir->rules = arena_alloc(arena, (rule_count ? rule_count : 1) * sizeof(*ir->rules));
    ir->rule_count = rule_count;
    ir->ranges = pool_new(arena, equal_ranges);
    ir->addrs = pool_new(arena, equal_addrs);
    ir->macs = pool_new(arena, equal_macs);
    ir->patterns = pool_new(arena, equal_patterns);
    /* The first two ids of every pool are IR_ALL and IR_EMPTY. "All" is stored as a value that no condition gives:
     * a range past any field, an unknown kind of MAC ("every MAC" leaves out frames without one). */
    static const struct pbc_range all = {0, UINT32_MAX};
    static const struct pbc_range6 all6 = {0, 0, UINT64_MAX, UINT64_MAX};
    static const uint32_t never = PBC_NONE;
    intern_ranges(ir, &all, 1);
    intern_ranges(ir, NULL, 0);
    ir_intern_addrs(ir, &(struct ir_addrs){.r4 = &all, .r6 = &all6, .count4 = 1, .count6 = 1});
    ir_intern_addrs(ir, &(struct ir_addrs){0});
    ir_intern_macs(ir, &(struct ir_macs){.kinds = 0xff, .set = PBC_NONE});
    ir_intern_macs(ir, &(struct ir_macs){.set = PBC_NONE});
    ir_intern_patterns(ir, NULL, 0);
    ir_intern_patterns(ir, &never, 1);
    ir_addrs_pair(ir, IR_ALL, IR_EMPTY);
    return ir;
}

uint32_t ir_field_range(struct ir *ir, enum ir_field f, uint32_t lo, uint32_t hi)
{
    const struct pbc_range r = {lo, hi};
    return ir_intern_ranges(ir, &r, 1, ir_fields[f].most);
}

uint32_t ir_addrs_ranges(struct ir *ir, const struct pbc_range *r4, uint32_t count4, const struct pbc_range6 *r6,
                         uint32_t count6)
{
    return ir_intern_addrs(ir, &(struct ir_addrs){.r4 = r4,
                                                  .r6 = r6,
                                                  .count4 = count4,
                                                  .count6 = count6,
                                                  .set = PBC_NONE,
                                                  .mirror = PBC_NONE,
                                                  .complement = PBC_NONE});
}

uint32_t ir_addrs_one(struct ir *ir, uint8_t family, const uint32_t addr[4])
{
    const struct pbc_range r4 = {addr[0], addr[0]};
    const uint64_t hi = (uint64_t)addr[0] << 32 | addr[1], lo = (uint64_t)addr[2] << 32 | addr[3];
    const struct pbc_range6 r6 = {hi, lo, hi, lo};
    return ir_addrs_ranges(ir, &r4, family == 4, &r6, family == 6);
}
