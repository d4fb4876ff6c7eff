/* Cutting: the boxes of a part are dealt to the children of a window. Children with the same boxes, which the window
 * does not distinguish, are built once; boxes that reach all children are kept once. */
#include <string.h>

#include "compiler/classify/tree/builder_priv.h"

struct deal {
    struct build *b;
    const struct part *p;
    struct window w;
    uint32_t children;
    struct list common, mixed; /* boxes that reach every child in the same way; other boxes */
    uint32_t *count;           /* [child]: number of its own boxes */
    uint64_t *sum;             /* [child]: hash of its own boxes */
    uint32_t *same;            /* [child]: first child with the same boxes; DEAD: no key of the part leads there */
    uint32_t *at;              /* [first child]: start of its boxes in own */
    uint32_t *own;
    uint32_t *alive, alive_count; /* for kind: possible children */
    uint32_t firsts;
    struct list *pruned; /* [first child]: pruned boxes, computed early to check that all fit; otherwise NULL */
};
#define DEAD UINT32_MAX
enum { PRUNED_FIRST = 4 /* most children for which boxes are pruned first */ };

static uint64_t cut_mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x7fb5d329728ea185u;
    x = (x ^ x >> 27) * 0x81dadef4bc2dd44du;
    return x ^ x >> 33;
}

/* True if the box reaches all children alike. */
static bool is_common(const struct deal *d, uint32_t box)
{
    const struct span s = window_span(d->b, d->p, box, d->w);
    if (s.count != d->children) return false;
    if (!s.range) return true;
    const unsigned field = window_range(d->b->b, d->w);
    return range_holds(box_range(d->b->b, field, box), part_range(d->b->b, d->p, field));
}

/* Return the child whose bits agree with the part. A part may be shared with parts that differ in bits that none of its
 * boxes asks, so keys reach the other children, too: these equal the returned child. */
static uint32_t as_told(const struct deal *d, uint32_t child)
{
    const uint32_t told = d->p->mask[d->w.slot] >> d->w.shift & (d->children - 1);
    return (child & ~told) | (d->p->value[d->w.slot] >> d->w.shift & told);
}

static bool is_possible(const struct deal *d, uint32_t child)
{
    if (as_told(d, child) != child) return false;
    const struct part q = window_child(d->p, d->w, child);
    return d->w.slot != SLOT_KIND || !d->b->possible || d->b->possible(q.mask[SLOT_KIND], q.value[SLOT_KIND]);
}

/* Return bits of kind that a box asks and the children do not fix. Children can differ in possible frames only
 * through these bits. */
static bool kind_stays_open(const struct deal *d, struct list l)
{
    if (d->w.slot != SLOT_KIND) return false;
    const unsigned c = d->b->column[SLOT_KIND];
    const struct part q = window_child(d->p, d->w, 0);
    uint32_t open = 0;
    for (uint32_t i = 0; i < l.count; i++) open |= open_mask(d->b, &q, l.box[i], c);
    return open;
}

/* Begin a deal. False: out of memory, or the boxes reach too many children. */
static bool deal_init(struct deal *d, struct list l, struct allowance a)
{
    struct build *b = d->b;
    d->count = stack_get(b, d->children * sizeof *d->count);
    d->sum = stack_get(b, d->children * sizeof *d->sum);
    d->same = stack_get(b, d->children * sizeof *d->same);
    d->at = stack_get(b, d->children * sizeof *d->at);
    d->alive = stack_get(b, d->children * sizeof *d->alive);
    d->common.box = stack_get(b, l.count * sizeof *l.box);
    d->mixed.box = stack_get(b, l.count * sizeof *l.box);
    if (b->failed) return false;
    const bool apart = kind_stays_open(d, l);
    for (uint32_t c = 0; c < d->children; c++) {
        const bool possible = is_possible(d, c);
        d->count[c] = 0;
        d->sum[c] = apart ? cut_mix(c + 1) : 0;
        d->same[c] = possible ? c : DEAD;
        if (possible) d->alive[d->alive_count++] = c;
    }
    uint64_t reach = 0;
    for (uint32_t i = 0; i < l.count; i++) {
        const uint32_t box = l.box[i];
        struct list *to = is_common(d, box) ? &d->common : &d->mixed;
        to->box[to->count++] = box;
        if (to == &d->common) continue;
        const uint32_t count = window_span(b, d->p, box, d->w).count;
        reach += count < d->alive_count ? count : d->alive_count;
    }
    /* Dealing is bounded in proportion to the boxes and to the allowance. */
    const bool fits = reach <= 16ull * l.count + 4ull * d->children + a.bytes / 32;
    b->work += l.count + d->children + (fits ? reach : 0);
    return fits;
}

/* Run `body` for each child that a box of d->mixed reaches. */
#define EACH_CHILD(d, box, child, body)                                                                                \
    do {                                                                                                               \
        const struct span s_ = window_span((d)->b, (d)->p, (box), (d)->w);                                             \
        if (s_.count > (d)->alive_count && !s_.range) {                                                                \
            for (uint32_t i_ = 0; i_ < (d)->alive_count; i_++) {                                                       \
                const uint32_t child = (d)->alive[i_];                                                                 \
                if (!((child ^ s_.first) & ~s_.free & s_.wrap)) body                                                   \
            }                                                                                                          \
        } else {                                                                                                       \
            for (uint32_t i_ = 0, last_ = 0; i_ < s_.count; i_++) {                                                    \
                const uint32_t child = last_ = span_child(&s_, i_, last_);                                             \
                if ((d)->same[child] != DEAD) body                                                                     \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

static void count_children(struct deal *d)
{
    for (uint32_t i = 0; i < d->mixed.count; i++) {
        const uint32_t box = d->mixed.box[i];
        EACH_CHILD(d, box, c, {
            d->count[c]++;
            d->sum[c] += cut_mix(box | (window_alike(d->b, d->p, box, d->w, c) ? 0 : (uint64_t)(c + 1) << 32));
        });
    }
}

/* Find children equal to an earlier child, by their sums only. *boxes: number of boxes of the other children. */
static bool find_same(struct deal *d, uint64_t *boxes)
{
    uint32_t cap = 4;
    while (cap < d->alive_count * 2) cap *= 2;
    const struct stack_mark mark = stack_mark(d->b);
    uint32_t *place = stack_get(d->b, cap * sizeof *place);
    if (!place) return false;
    memset(place, 0xff, cap * sizeof *place);
    *boxes = 0;
    for (uint32_t i = 0; i < d->alive_count; i++) {
        const uint32_t c = d->alive[i];
        uint32_t at = (uint32_t)cut_mix(d->sum[c]) & (cap - 1);
        while (place[at] != DEAD && (d->sum[place[at]] != d->sum[c] || d->count[place[at]] != d->count[c]))
            at = (at + 1) & (cap - 1);
        if (place[at] == DEAD) {
            place[at] = c;
            d->firsts++;
            d->at[c] = (uint32_t)*boxes;
            *boxes += d->count[c];
        }
        d->same[c] = place[at];
    }
    stack_release(d->b, mark);
    return true;
}

/* Deal the boxes, and compare the children whose sums are equal: false if two of these differ. */
static bool deal_out(struct deal *d)
{
    bool ok = true;
    memset(d->count, 0, d->children * sizeof *d->count);
    for (uint32_t i = 0; i < d->mixed.count; i++) {
        const uint32_t box = d->mixed.box[i];
        EACH_CHILD(d, box, c, {
            if (d->same[c] == c) d->own[d->at[c] + d->count[c]++] = box;
        });
        EACH_CHILD(d, box, c, {
            if (d->same[c] != c)
                ok &= d->own[d->at[d->same[c]] + d->count[c]++] == box && window_alike(d->b, d->p, box, d->w, c);
        });
    }
    return ok;
}

static struct list child_list(struct deal *d, uint32_t c)
{
    const uint32_t *own = d->own + d->at[c], *own_end = own + d->count[c], *all = d->common.box,
                   *all_end = all + d->common.count;
    struct list l = {stack_get(d->b, ((size_t)d->count[c] + d->common.count) * sizeof *l.box), 0};
    if (!l.box) return l;
    while (own < own_end || all < all_end)
        l.box[l.count++] = all == all_end || (own < own_end && *own < *all) ? *own++ : *all++;
    return l;
}

static uint32_t child_count(const struct deal *d, uint32_t c)
{
    return d->pruned ? d->pruned[c].count : d->count[c] + d->common.count;
}

/* Prune each child's boxes before it is known if all fit: for narrow cuts, whose lists can be held together. */
static bool prune_children(struct deal *d)
{
    struct list *pruned = stack_get(d->b, d->children * sizeof *pruned);
    if (!pruned) return false;
    for (uint32_t i = 0; i < d->alive_count; i++) {
        const uint32_t c = d->alive[i];
        if (d->same[c] != c) continue;
        const struct part q = window_child(d->p, d->w, c);
        pruned[c] = child_list(d, c);
        if (d->b->failed) return false;
        pruned[c].count = part_prune(d->b, pruned[c], &q);
    }
    d->pruned = pruned;
    return true;
}

static uint64_t box_bytes(uint64_t boxes, uint64_t unit) { return (boxes + 7) / 8 * unit; }

/* Return the bytes of all children if each is a leaf of blocks of `unit` bytes. */
static uint64_t least_bytes(const struct deal *d, uint64_t unit)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < d->alive_count; i++) {
        const uint32_t c = d->alive[i];
        if (d->same[c] == c) bytes += box_bytes(child_count(d, c), unit);
    }
    return bytes;
}

/* Build the children. The budget beyond the minimum is shared out in proportion to the boxes. */
static bool build_children(struct deal *d, struct allowance a, uint64_t unit, uint64_t words[])
{
    struct build *b = d->b;
    uint64_t least = least_bytes(d, unit), boxes = 0, left = a.bytes;
    for (uint32_t i = 0; i < d->alive_count; i++) {
        const uint32_t c = d->alive[i];
        if (d->same[c] == c) boxes += child_count(d, c);
    }
    for (uint32_t c = 0; c < d->children; c++) {
        words[c] = d->same[c] == DEAD || d->same[c] == c ? TREE_NONE : words[d->same[c]];
        if (d->same[c] != c) continue;
        const struct stack_mark mark = stack_mark(b);
        const struct list l = d->pruned ? d->pruned[c] : child_list(d, c);
        if (b->failed) return false;
        const uint64_t own = box_bytes(l.count, unit), before = build_price(b);
        const uint64_t spare = left > least ? left - least : 0;
        const struct part q = window_child(d->p, d->w, c);
        const struct allowance below = {own + (boxes ? spare * l.count / boxes : 0), a.forks, a.depth - 1};
        boxes -= l.count;
        least -= own;
        words[c] = node_word(b, l, &q, below);
        const uint64_t used = build_price(b) - before, charged = used < below.bytes ? used : below.bytes;
        left = left > charged ? left - charged : 0;
        stack_release(b, mark);
    }
    for (uint32_t c = 0; c < d->children; c++) words[c] = words[as_told(d, c)];
    return !b->failed;
}

bool cut_word(struct build *b, struct list l, const struct part *p, struct window w, struct allowance a, uint64_t *word)
{
    const struct stack_mark mark = stack_mark(b);
    struct deal d = {.b = b, .p = p, .w = w, .children = 1u << w.width};
    const uint64_t table = d.children * sizeof(uint64_t);
    const struct part some = window_child(p, w, 0);
    const uint64_t unit = leaf_bytes(b, &some, (struct list){l.box, l.count});
    const uint64_t per_block =
        unit ? (unit - sizeof(struct pbc_format)) / box_bytes(l.count, 1) : PBC_LINES_MOST * sizeof(struct pbc_line);
    uint64_t boxes = 0;
    bool ok = table <= a.bytes && a.depth > 1 && deal_init(&d, l, a);
    if (ok) {
        count_children(&d);
        ok = find_same(&d, &boxes) && boxes < UINT32_MAX &&
             (table + least_bytes(&d, per_block) <= a.bytes || d.children <= PRUNED_FIRST);
    }
    if (ok) {
        d.own = stack_get(b, boxes * sizeof *d.own + 1);
        ok = d.own && deal_out(&d);
    }
    if (ok && table + least_bytes(&d, per_block) > a.bytes)
        ok = prune_children(&d) && table + least_bytes(&d, per_block) <= a.bytes;
    if (ok) {
        uint64_t *words = stack_get(b, d.children * sizeof *words);
        a.bytes -= table;
        ok = words && build_children(&d, a, per_block, words);
        if (ok) *word = window_word(w, table_add(b, words, d.children));
    }
    stack_release(b, mark);
    return ok && !b->failed;
}
