/* What can be said of the rules without a packet: which can never match because one earlier rule of their list decides
 * all that they could, which contradict themselves, and firewalls that cut off neighbour discovery. What is said is
 * certain; a rule that would take too long to judge is passed over and counted (ir->undecided).
 *
 * A rule can only be covered by one whose address ranges enclose its own, so the earlier rules are kept in a table by
 * the prefixes that enclose their source and destination, and by port where it is a single one: a rule asks once for
 * each pair of prefix lengths that occurs, which in real lists are few. */
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/normal/normal_priv.h"
#include "compiler/normal/ir.h"
#include "vm/vm.h"

enum {
    CANDIDATES_MAX = 256, /* earlier rules compared with one */
    SHAPES_MAX = 1024,    /* pairs of prefix lengths looked up for one; a lookup weighs as much as 16 passed over */
    WORK_MAX = 1 << 16,   /* ranges compared for one */
};

/* The prefix that encloses a set of addresses: 0 is any; 1..32 an IPv4 length; 64 + 1..64 an IPv6 length. */
struct enclosure {
    uint64_t bits;
    uint8_t shape;
};

struct place_key {
    struct enclosure src, dst;
    uint32_t port;
}; /* port: id of a single destination port, else 0 */

struct entry {
    struct place_key key;
    uint32_t rule, next; /* 1 + index */
};

struct shape {
    uint8_t src, dst;
    bool port;
};

struct finder {
    struct compile *c;
    const struct ir *ir;
    struct entry *entries;
    uint32_t count;
    uint32_t *slots; /* 1 + index of the newest entry */
    uint32_t size;   /* a power of two */
    struct shape *shapes;
    uint32_t shape_count;
    bool has_shape[130][130][2];
};

static uint64_t mask_bits(uint64_t bits, unsigned shape)
{
    const unsigned len = shape > 64 ? shape - 64 : shape;

    return len == 0 ? 0 : bits & ~(len == 64 ? 0 : UINT64_MAX >> len);
}

static bool encloses(uint8_t outer, uint8_t inner)
{
    return outer == 0 || ((outer > 64) == (inner > 64) && inner != 0 && outer <= inner);
}

static struct enclosure enclosure_of_ends(uint64_t lo, uint64_t hi, unsigned most, unsigned family_shape)
{
    const uint64_t differ = lo ^ hi;
    unsigned len = differ ? (unsigned)__builtin_clzll(differ) : 64;

    if (len > most) len = most;
    const uint8_t shape = (uint8_t)(len ? family_shape + len : 0);

    return (struct enclosure){mask_bits(lo, shape), shape};
}

/* Of both address fields of a side together. */
static struct enclosure enclose(const struct ir *ir, const struct ir_product *p, enum ir_field f, enum ir_field f_self)
{
    const struct ir_addrs *a = ir_addrs(ir, p->field[f]), *b = ir_addrs(ir, p->field[f_self]);
    const unsigned families = ir_families(ir, p);
    uint64_t lo = UINT64_MAX, hi = 0;

    if (families == (IR_V4 | IR_V6) || families == 0) return (struct enclosure){0, 0};
    for (unsigned i = 0; i < 2; i++) {
        const struct ir_addrs *x = i ? b : a;
        const uint32_t n = families == IR_V4 ? x->count4 : x->count6;

        if (!n) continue;
        const uint64_t first = families == IR_V4 ? (uint64_t)x->r4[0].lo << 32 : x->r6[0].lo_hi;
        const uint64_t last = families == IR_V4 ? (uint64_t)x->r4[n - 1].hi << 32 : x->r6[n - 1].hi_hi;
        lo = first < lo ? first : lo;
        hi = last > hi ? last : hi;
    }
    return enclosure_of_ends(lo, hi, families == IR_V4 ? 32 : 64, families == IR_V4 ? 0 : 64);
}

static struct place_key key_of(const struct ir *ir, const struct ir_product *p)
{
    const uint32_t port = p->field[IR_DPORT];
    struct place_key k = {enclose(ir, p, IR_SRC, IR_SRC_SELF), enclose(ir, p, IR_DST, IR_DST_SELF), 0};

    if (port != IR_ALL && ir_ranges(ir, port).count == 1 && ir_ranges(ir, port).r[0].lo == ir_ranges(ir, port).r[0].hi)
        k.port = port;
    return k;
}

static uint32_t hash_key(const struct place_key *k)
{
    uint64_t h = (uint64_t)k->src.shape << 40 | (uint64_t)k->dst.shape << 32 | k->port;

    h = (h ^ k->src.bits) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 32 ^ k->dst.bits) * 0xc4ceb9fe1a85ec53u;
    return (uint32_t)(h ^ h >> 33);
}

static bool same_key(const struct place_key *a, const struct place_key *b)
{
    return a->src.shape == b->src.shape && a->dst.shape == b->dst.shape && a->port == b->port &&
           a->src.bits == b->src.bits && a->dst.bits == b->dst.bits;
}

static void insert(struct finder *f, uint32_t rule)
{
    const struct place_key k = key_of(f->ir, &f->ir->rules[rule].product);
    uint32_t *slot = &f->slots[hash_key(&k) & (f->size - 1)];
    bool *seen = &f->has_shape[k.src.shape][k.dst.shape][k.port != 0];

    if (!*seen) f->shapes[f->shape_count++] = (struct shape){k.src.shape, k.dst.shape, k.port != 0};
    *seen = true;
    f->entries[f->count] = (struct entry){k, rule, *slot};
    *slot = ++f->count;
}

struct search {
    uint32_t rule, found, candidates, lookups, passed;
    uint64_t work;
};

static bool out_of_budget(const struct search *s)
{
    return s->candidates > CANDIDATES_MAX || s->lookups + s->passed / 16 > SHAPES_MAX || s->work > WORK_MAX;
}

/* The earliest rule under that key that covers the one searched for. */
static void look_up(const struct finder *f, const struct place_key *k, struct search *s)
{
    s->lookups++;
    for (uint32_t i = f->slots[hash_key(k) & (f->size - 1)]; i && !out_of_budget(s); i = f->entries[i - 1].next) {
        const struct entry *e = &f->entries[i - 1];

        s->candidates++;
        if (same_key(&e->key, k) && e->rule < s->found &&
            ir_within(f->ir, &f->ir->rules[s->rule].product, &f->ir->rules[e->rule].product, &s->work))
            s->found = e->rule;
    }
}

static struct search find_cover(const struct finder *f, uint32_t rule)
{
    const struct place_key k = key_of(f->ir, &f->ir->rules[rule].product);
    struct search s = {.rule = rule, .found = PBC_NONE};

    for (uint32_t i = 0; i < f->shape_count && !out_of_budget(&s); i++) {
        const struct shape *shape = &f->shapes[i];

        s.passed++;
        if (!encloses(shape->src, k.src.shape) || !encloses(shape->dst, k.dst.shape) || (shape->port && !k.port))
            continue;
        const struct place_key wanted = {{mask_bits(k.src.bits, shape->src), shape->src},
                                         {mask_bits(k.dst.bits, shape->dst), shape->dst},
                                         shape->port ? k.port : 0};
        look_up(f, &wanted, &s);
    }
    return s;
}

static bool takes_packets(const struct pbc_rule *r) { return pbc_decides(r->verdict) || r->verdict == PBC_V_RETURN; }

static void find_covers(struct finder *f, uint32_t first, uint32_t count)
{
    struct ir *ir = f->c->ir;

    for (uint32_t i = first; i < first + count; i++) {
        if (ir->rules[i].state != IR_LIVE) continue;
        const struct search s = find_cover(f, i);

        if (s.found != PBC_NONE) {
            ir->rules[i].state = IR_SHADOWED;
            ir->rules[i].cover = s.found;
        } else if (out_of_budget(&s)) {
            ir->undecided++;
        }
        if (s.found == PBC_NONE && takes_packets(&f->c->image->rules[i])) insert(f, i);
    }
}

/* The same rule once more: not only its conditions. */
static bool repeats(const struct compile *c, uint32_t a, uint32_t b)
{
    const struct pbc_rule *x = &c->image->rules[a], *y = &c->image->rules[b];

    return x->verdict == y->verdict && x->answer == y->answer &&
           memcmp(&c->ir->rules[a].product, &c->ir->rules[b].product, sizeof(struct ir_product)) == 0;
}

static void report_covered(struct compile *c, uint32_t rule, uint32_t more)
{
    const uint32_t cover = c->ir->rules[rule].cover;
    const struct span span = c->image->rule_span[rule];

    if (repeats(c, rule, cover)) {
        diag(c->diags, W_DUPLICATE, span, "this rule repeats an earlier one");
        diag_note(c->diags, c->image->rule_span[cover], "which says the same here");
        return;
    }
    if (more)
        diag(c->diags, W_SHADOWED, span, "this rule and the %u after it can never match", more);
    else
        diag(c->diags, W_SHADOWED, span, "this rule can never match");
    diag_fix(c->diags, "all of it is decided before");
    diag_note(c->diags, c->image->rule_span[cover], "by this one");
}

/* What stands behind a bare `drop` is one mistake, not one a rule. */
static uint32_t covered_alike(const struct compile *c, uint32_t rule, uint32_t end)
{
    const uint32_t cover = c->ir->rules[rule].cover;
    uint32_t n = 0;

    if (!product_is_everything(c->ir, &c->ir->rules[cover].product, FRAMES)) return 0;
    while (rule + n + 1 < end && c->ir->rules[rule + n + 1].state == IR_SHADOWED &&
           c->ir->rules[rule + n + 1].cover == cover)
        n++;
    return n;
}

static void report_list(struct compile *c, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        if (c->ir->rules[i].state == IR_SHADOWED) {
            const uint32_t more = covered_alike(c, i, first + count);

            report_covered(c, i, more);
            i += more;
        } else if (c->ir->rules[i].state == IR_IMPOSSIBLE && !c->image->rule_told[i] && normal_contradicts(c, i)) {
            diag(c->diags, W_CONTRADICTION, c->image->rule_span[i],
                 "this rule can never match: its conditions exclude each other");
        }
}

static void analyse_list(struct compile *c, struct finder *f, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < f->shape_count; i++)
        f->has_shape[f->shapes[i].src][f->shapes[i].dst][f->shapes[i].port] = false;
    f->count = f->shape_count = 0;
    for (f->size = 16; f->size < count * 2; f->size *= 2)
        ;
    memset(f->slots, 0, f->size * sizeof(*f->slots));
    find_covers(f, first, count);
    report_list(c, first, count);
}

void analyse_rules(struct compile *c)
{
    const struct image *img = c->image;
    struct finder *f = arena_alloc(c->arena, sizeof(*f));

    if (diags_errors(c->diags)) /* a rule that lost a condition would seem to cover others */
        return;
    f->c = c;
    f->ir = c->ir;
    f->entries = arena_alloc(c->arena, ((size_t)img->rules_count + 1) * sizeof(*f->entries));
    f->slots = arena_alloc(c->arena, ((size_t)img->rules_count * 4 + 32) * sizeof(*f->slots));
    f->shapes = arena_alloc(c->arena, ((size_t)img->rules_count + 1) * sizeof(*f->shapes));
    for (uint32_t i = 0; i < img->firewalls_count; i++)
        analyse_list(c, f, img->firewalls[i].rules, img->firewalls[i].rule_count);
    for (uint32_t i = 0; i < img->chains_count; i++)
        analyse_list(c, f, img->chains[i].rules, img->chains[i].rule_count);
    warn_neighbours(c);
    warn_closed_services(c);
}
