/* Check each classifier against its rules. Headers are drawn from the boxes of its rules, corners first. Three
 * parties decide each header: the boxes one after another, the search of the image, and the conditions of the rules
 * found. The boxes are computed again from the normal form, not taken from the builder. Work is counted. */
#include <string.h>

#include "compiler/analysis/trial/trial_priv.h"
#include "compiler/classify/boxes/rule_boxes.h"
#include "compiler/normal/kinds.h"
#include "vm/judge/decide.h"
#include "vm/packet/parse/header.h"
#include "vm/program/program.h"

enum {
    CORNERS_MAX = 1 << 14, /* most boxes, and most rules, whose corners are tried; of more, only some */
    CHUNK = 32,            /* boxes compared at a time */
    SAMPLE = 256,          /* boxes sampled to choose `telling` */
};

/* The trial of one classifier */
struct trial {
    struct doubt *d;
    const struct program *p;
    uint32_t classifier;
    const struct pbc_classifier *k;
    bool arp;
    struct boxes boxes;
    unsigned telling[2]; /* the two columns that rule out most boxes */
    uint32_t *left;      /* [entry] fields that its boxes do not express */
    uint32_t *first;     /* [entry + 1] its first box; the first box of the next entry ends its boxes */
    struct kind_universe kinds;
};

static bool box_holds(const struct boxes *b, uint32_t box, const struct key *key)
{
    for (unsigned i = 0; i < b->slots; i++)
        if ((key->slot[b->slot[i]] & b->mask[i][box]) != b->value[i][box]) return false;
    return b->sport[box].lo <= key->src_port && key->src_port <= b->sport[box].hi &&
           b->dport[box].lo <= key->dst_port && key->dst_port <= b->dport[box].hi;
}

/* Return the first box of the chunk that holds the key. Two slots rule out nearly all boxes, so the rest is checked one
 * by one. The first loop does not branch on a box, so that compilers vectorise it. */
static uint32_t first_in_chunk(const struct trial *t, uint32_t from, const struct key *key)
{
    const struct boxes *const b = &t->boxes;
    const unsigned x = t->telling[0], y = t->telling[1];
    const uint32_t kx = key->slot[b->slot[x]], ky = key->slot[b->slot[y]];
    const uint32_t *const vx = b->value[x] + from, *const mx = b->mask[x] + from;
    const uint32_t *const vy = b->value[y] + from, *const my = b->mask[y] + from;
    uint32_t left = 0;
    for (uint32_t i = 0; i < CHUNK; i++) left |= (((kx & mx[i]) ^ vx[i]) | ((ky & my[i]) ^ vy[i])) == 0;
    for (uint32_t i = 0; left && i < CHUNK; i++)
        if (box_holds(b, from + i, key)) return from + i;
    return UINT32_MAX;
}

/* Return the entry of the first box that holds the key. */
static uint32_t by_boxes(const struct trial *t, const struct key *key)
{
    const struct boxes *const b = &t->boxes;
    uint32_t from = 0;
    for (; b->slots && b->count - from >= CHUNK; from += CHUNK) {
        const uint32_t box = first_in_chunk(t, from, key);
        if (box != UINT32_MAX) return b->entry[box];
    }
    for (; from < b->count; from++)
        if (box_holds(b, from, key)) return b->entry[from];
    return ENTRY_NONE;
}

/* Find the two slots in which boxes ask the most bits. */
static void find_telling(struct trial *t)
{
    const struct boxes *const b = &t->boxes;
    uint64_t most[2] = {0};
    t->telling[0] = t->telling[1] = 0;
    for (unsigned s = 0; s < b->slots; s++) {
        uint64_t bits = 0;
        for (uint32_t i = 0; i < b->count; i += b->count / SAMPLE + 1)
            bits += (unsigned)__builtin_popcount(b->mask[s][i]);
        if (bits > most[0]) {
            most[1] = most[0], t->telling[1] = t->telling[0];
            most[0] = bits, t->telling[0] = s;
        } else if (bits > most[1]) {
            most[1] = bits, t->telling[1] = s;
        }
    }
}

/* Draw a possible key.kind with the bits that the box asks for; false: none. */
static bool kind_within(struct trial *t, uint32_t value, uint32_t mask, uint32_t *kind)
{
    const struct kind_universe *const u = &t->kinds;
    uint32_t fits = 0, chosen = 0;
    for (unsigned i = 0; i < u->count; i++)
        if (((u->frames[i].kind ^ value) & mask & (uint32_t)KIND_CORE) == 0 && draw_number(&t->d->draw) % ++fits == 0)
            chosen = u->frames[i].kind;
    *kind = chosen | (value & ~(uint32_t)KIND_CORE);
    if (!(*kind & (KIND_IN | KIND_OUT | KIND_FORWARD))) *kind |= mask & KIND_IN ? KIND_FORWARD : KIND_IN;
    if (*kind & KIND_VLAN2) *kind |= KIND_VLAN;
    return fits && kind_possible(UINT32_MAX, *kind) && !((*kind ^ value) & mask);
}

/* Make a header in the box, with `fill` in bits that the box does not ask. False: such a frame can't be built. */
static bool header_of_box(struct trial *t, uint32_t box, const uint32_t fill[16], bool high, struct frame_wish *w)
{
    const struct boxes *b = &t->boxes;
    const struct key length = {.length = UINT16_MAX};
    struct key *const k = &w->key;
    uint32_t kind = 0, mask = 0, marks = 0;
    *w = (struct frame_wish){0};
    memcpy(k->slot, fill, sizeof(k->slot));
    for (unsigned i = 0; i < b->slots; i++) {
        uint32_t *const slot = &k->slot[b->slot[i]];
        *slot = (*slot & ~b->mask[i][box]) | b->value[i][box];
        if (b->slot[i] == KEY_SLOT(kind)) kind = b->value[i][box], mask = b->mask[i][box];
        if (b->slot[i] == KEY_SLOT(marks)) marks = b->mask[i][box];
        if (b->slot[i] == KEY_SLOT(length)) w->sized = b->mask[i][box] & length.slot[KEY_SLOT(length)];
    }
    k->src_port = high ? b->sport[box].hi : b->sport[box].lo;
    k->dst_port = high ? b->dport[box].hi : b->dport[box].lo;
    if (!(marks & MARK_STATES)) k->marks &= ~(uint32_t)MARK_STATES;
    if (t->arp) {
        k->kind = KIND_ARP | (kind & ~(uint32_t)KIND_CORE);
        return true;
    }
    if (!kind_within(t, kind, mask, &k->kind)) return false;
    if (k->kind & KIND_ND && (k->icmp_type < ICMP6_ND_FIRST || k->icmp_type > ICMP6_ND_LAST))
        k->icmp_type = ICMP6_SOLICIT, k->ttl = 255;
    return true;
}

/* True if this classifier is asked about the frame. */
static bool is_asked(const struct trial *t) { return !(t->d->draw.key.kind & KIND_ARP) == !t->arp; }

/* True if the rule's conditions hold. `out on` in a box belongs to a rule for packets that this machine sends, but a
 * frame of the trial may have another direction. */
static bool rule_holds(const struct trial *t, uint32_t entry)
{
    struct key sent = t->d->draw.key;
    sent.kind |= KIND_OUT;
    const struct pbc_rule *r = &t->p->rules[t->p->entries[t->k->entries + entry].rule];
    for (uint32_t i = 0; i < r->cond_count; i++) {
        const struct pbc_cond *c = &t->p->conds[r->conds + i];
        const struct key *key = c->kind == COND_OUT_ON ? &sent : &t->d->draw.key;
        if (!cond_match(t->p, c, key, &t->d->draw.pkt)) return false;
    }
    return true;
}

/* True if a box of the entry holds and, if its boxes express the whole rule, the rule's conditions also hold. */
static bool entry_holds(const struct trial *t, uint32_t entry)
{
    for (uint32_t i = t->first[entry]; i < t->first[entry + 1]; i++)
        if (box_holds(&t->boxes, i, &t->d->draw.key)) return t->left[entry] || rule_holds(t, entry);
    return false;
}

/* Report a difference; returns false. */
static bool differ(const struct trial *t, uint32_t entry)
{
    const struct image *img = t->d->c->image;
    const uint32_t rule = t->p->entries[t->k->entries + entry].rule;
    diag(t->d->c->diags, E_PROGRAM_REFUSED, img->rule_span[rule],
         "internal error: the classifier of `%s` finds the wrong rule; please report this with the rules",
         image_str(img, t->k->name));
    return false;
}

/* Try a corner of the entry's own box: the entry found must be no later, and hold. */
static bool corner(struct trial *t, uint32_t entry, uint32_t box, bool high)
{
    struct key *const key = &t->d->draw.key;
    uint32_t fill[16];
    struct frame_wish w;
    memset(fill, high ? 0xff : 0, sizeof(fill));
    if (!header_of_box(t, box, fill, high, &w) || !wish_build(t->d, &w) || !is_asked(t)) return true;
    if (!box_holds(&t->boxes, box, key)) return true;
    const uint32_t found = classify_one(t->p, t->classifier, key, 0);
    if (found > entry || !entry_holds(t, entry)) return differ(t, entry);
    return found == entry || entry_holds(t, found) || differ(t, found);
}

static bool corners(struct trial *t)
{
    const uint32_t step = t->boxes.count / CORNERS_MAX + 1;
    for (uint32_t i = 0; i < t->boxes.count; i += step)
        if (!corner(t, t->boxes.entry[i], i, false) || !corner(t, t->boxes.entry[i], i, true)) return false;
    return true;
}

/* Draw a frame of the rule's conditions: if the rule holds, a box of its entry must hold. */
static bool rule_in_boxes(struct trial *t, uint32_t entry, enum corner which)
{
    struct frame_wish w;
    draw_rule(&t->d->draw, t->p->entries[t->k->entries + entry].rule, PBC_NONE, which, &w);
    if (!wish_build(t->d, &w) || !is_asked(t) || !rule_holds(t, entry)) return true;
    return entry_holds(t, entry) || differ(t, entry);
}

static bool rules_in_boxes(struct trial *t)
{
    const uint32_t step = t->k->entry_count / CORNERS_MAX + 1;
    for (uint32_t e = 0; e < t->k->entry_count; e += step)
        if (!rule_in_boxes(t, e, CORNER_LOW) || !rule_in_boxes(t, e, CORNER_HIGH)) return false;
    return true;
}

/* Try a header from inside a box, or of a rule, sometimes with one field drawn again. */
static bool random_header(struct trial *t)
{
    struct doubt *const d = t->d;
    uint32_t fill[16];
    struct frame_wish w;
    for (unsigned i = 0; i < 16; i++) fill[i] = draw_number(&d->draw) ^ draw_number(&d->draw) << 16;
    if (draw_number(&d->draw) % 4 == 0)
        draw_any(&d->draw, &w);
    else if (!header_of_box(t, draw_number(&d->draw) % t->boxes.count, fill, draw_number(&d->draw) & 1, &w))
        return true;
    if (draw_number(&d->draw) & 1) w.key.slot[draw_number(&d->draw) % 8] ^= 1u << draw_number(&d->draw) % 32;
    if (draw_number(&d->draw) & 1) w.key.dst_port = (uint16_t)draw_number(&d->draw);
    if (!wish_build(d, &w) || !is_asked(t)) return true;
    const uint32_t found = classify_one(t->p, t->classifier, &d->draw.key, 0), wanted = by_boxes(t, &d->draw.key);
    if (found != wanted) return differ(t, found < wanted ? found : wanted);
    return found == ENTRY_NONE || entry_holds(t, found) || differ(t, found);
}

static bool boxes_again(struct trial *t, const struct list_figures *f)
{
    struct arena *const a = t->d->c->arena;
    struct ir *const ir = t->d->c->ir;
    struct rule_boxes *rb = rule_boxes_new(ir);
    boxes_init(&t->boxes);
    t->left = arena_alloc(a, (t->k->entry_count + 1) * sizeof(*t->left));
    t->first = arena_alloc(a, (t->k->entry_count + 2) * sizeof(*t->first));
    for (uint32_t e = 0; e < t->k->entry_count; e++) {
        const struct ir_rule *r = &ir->rules[t->p->entries[t->k->entries + e].rule];
        t->left[e] = rule_boxes_add(rb, &r->product, f->arp ? ARP : FRAMES, f->most_boxes, &t->boxes, e);
        if (t->left[e] == UINT32_MAX) return false;
        t->first[e + 1] = t->boxes.count;
    }
    return true;
}

static bool try_classifier(struct trial *t, const struct list_figures *f, uint32_t most)
{
    bool good = true;
    t->arp = f->arp;
    if (boxes_again(t, f) && t->boxes.count) {
        find_telling(t);
        good = corners(t) && rules_in_boxes(t);
        const uint64_t enough = t->d->draw.frames + most;
        for (uint64_t i = 0; i < 4 * (uint64_t)most && t->d->draw.frames < enough && good; i++) good = random_header(t);
    }
    boxes_fini(&t->boxes);
    return good;
}

bool agree_searches(struct doubt *d, uint32_t most)
{
    struct trial t = {.d = d, .p = d->draw.program};
    bool good = true;
    kind_universe(&t.kinds, d->c->ir, IR_ALL, IR_ALL, ~0u);
    for (const struct list_figures *f = d->c->lists; f && good; f = f->next) {
        if (!f->classified) continue;
        t.k = &d->draw.program->classifiers[t.classifier];
        good = try_classifier(&t, f, most);
        t.classifier++;
    }
    return good;
}
