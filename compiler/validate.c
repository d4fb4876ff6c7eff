/* Is each classifier what its rules say? Headers are drawn from the boxes of its rules, their corners first, and three
 * parties asked: the boxes one after another, the search of the image, and the conditions of the rules that were found.
 * Work is counted, not timed, so every compile of a file does the same. */
#include "compiler/validate.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/classify/rule_boxes.h"
#include "compiler/normal/kinds.h"
#include "vm/classify/classify.h"
#include "vm/exec_priv.h"
#include "vm/program.h"

enum {
    RANDOM_KEYS = 4096,    /* of each classifier */
    CORNERS_MAX = 1 << 17, /* rules whose own corners are asked, of each */
    CHUNK = 256,           /* boxes that are compared at a time */
    FRAME_BYTES = 256,     /* of the frame that stands behind each header: zeros, for what asks the link and bytes */
};

/* One classifier. */
struct trial {
    struct compile *c;
    const struct program *p;
    uint32_t classifier;
    const struct pbc_classifier *k;
    struct boxes boxes;
    uint32_t *left;  /* [entry] fields that its boxes do not say */
    uint32_t *first; /* [entry + 1] its boxes are first .. the next's */
    struct kind_universe kinds;
    struct pkt *pkt;
    uint64_t seed;
};

static uint32_t draw(struct trial *t)
{
    t->seed = t->seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(t->seed >> 33);
}

static bool box_holds(const struct boxes *b, uint32_t box, const struct key *key)
{
    for (unsigned i = 0; i < b->slots; i++)
        if ((key->slot[b->slot[i]] & b->mask[i][box]) != b->value[i][box]) return false;
    return b->sport[box].lo <= key->src_port && key->src_port <= b->sport[box].hi &&
           b->dport[box].lo <= key->dst_port && key->dst_port <= b->dport[box].hi;
}

/* A chunk's boxes that two slots leave: nearly none, so the rest is asked of them one by one. */
static uint32_t first_in_chunk(const struct boxes *b, uint32_t from, uint32_t count, const struct key *key)
{
    const unsigned x = 0, y = b->slots > 1 ? 1 : 0;

    for (uint32_t i = from; !b->slots && i < from + count; i++) /* ports at most */
        if (box_holds(b, i, key)) return i;
    if (!b->slots) return UINT32_MAX;
    const uint32_t kx = key->slot[b->slot[x]], ky = key->slot[b->slot[y]];
    const uint32_t *const vx = b->value[x] + from, *const mx = b->mask[x] + from;
    const uint32_t *const vy = b->value[y] + from, *const my = b->mask[y] + from;
    uint32_t miss[CHUNK];

    for (uint32_t i = 0; i < count; i++) miss[i] = ((kx & mx[i]) ^ vx[i]) | ((ky & my[i]) ^ vy[i]);
    for (uint32_t i = 0; i < count; i++)
        if (!miss[i] && box_holds(b, from + i, key)) return from + i;
    return UINT32_MAX;
}

/* The first entry that one of the boxes says. */
static uint32_t by_boxes(const struct boxes *b, const struct key *key)
{
    for (uint32_t from = 0; from < b->count; from += CHUNK) {
        const uint32_t count = b->count - from < CHUNK ? b->count - from : CHUNK;
        const uint32_t box = first_in_chunk(b, from, count, key);

        if (box != UINT32_MAX) return b->entry[box];
    }
    return ENTRY_NONE;
}

/* A frame that can be, as far as key.kind goes, with the bits that the box asks; false: there is none. */
static bool kind_within(struct trial *t, uint32_t value, uint32_t mask, uint32_t *kind)
{
    const struct kind_universe *const u = &t->kinds;
    uint32_t fits = 0, chosen = 0;

    for (unsigned i = 0; i < u->count; i++)
        if (((u->frames[i].kind ^ value) & mask & (uint32_t)KIND_CORE) == 0 && draw(t) % ++fits == 0)
            chosen = u->frames[i].kind;
    *kind = chosen | (value & ~(uint32_t)KIND_CORE);
    if (!(*kind & (KIND_IN | KIND_OUT | KIND_FORWARD))) *kind |= mask & KIND_IN ? KIND_FORWARD : KIND_IN;
    if (*kind & KIND_VLAN2) *kind |= KIND_VLAN;
    return fits && kind_possible(UINT32_MAX, *kind) && !((*kind ^ value) & mask);
}

static uint16_t named_protocol(uint32_t kind, uint16_t drawn)
{
    if (kind & KIND_TCP) return 6;
    if (kind & KIND_UDP) return 17;
    if (kind & KIND_SCTP) return 132;
    if (kind & KIND_ICMP) return 1;
    if (kind & KIND_ICMP6) return 58;
    return kind & KIND_PROTO ? drawn & 0xff : 0;
}

/* What a frame of that kind does not have is 0 in its key, and what it has is in bounds. */
static void settle(const struct trial *t, struct key *key, uint32_t state)
{
    const uint32_t kind = key->kind;

    if (!(kind & KIND_IP)) memset(key->src, 0, sizeof(key->src)), memset(key->dst, 0, sizeof(key->dst));
    if (kind & KIND_IP4)
        for (unsigned i = 1; i < 4; i++) key->src[i] = key->dst[i] = 0;
    if (!(kind & KIND_PORTS)) key->src_port = key->dst_port = 0;
    key->proto = named_protocol(kind, key->proto);
    if (!(kind & KIND_ICMP_HEADER)) key->icmp_type = key->icmp_code = 0;
    key->icmp_type &= 0xff;
    key->icmp_code &= 0xff;
    key->vlan_outer = kind & KIND_VLAN ? key->vlan_outer & 4095 : 0;
    key->vlan_inner = kind & KIND_VLAN2 ? key->vlan_inner & 4095 : 0;
    if (!(kind & KIND_ETHERTYPE)) key->ether_type = 0;
    if (!(kind & KIND_IP)) key->length = key->ttl = key->dscp = 0;
    if (key->iface >= t->p->ifaces_count) key->iface = IFACE_NONE;
    key->ttl &= 255;
    key->dscp &= 63;
    key->marks &= (kind & KIND_TCP_FLAGS ? 0xffu : 0) | ((1u << t->p->schedules_count) - 1) << MARK_SCHEDULES;
    if (t->c->ir->keeps_flows && kind & KIND_IP && !(kind & KIND_FRAG_LATER)) key->marks |= state;
}

static uint32_t just(struct ir *ir, uint32_t value, enum ir_field f)
{
    return ir_intern_ranges(ir, &(struct pbc_range){value, value}, 1, ir_fields[f].most);
}

/* Can following flows give the packet that state? */
static bool state_is_possible(const struct trial *t, const struct key *key, uint32_t what)
{
    struct ir *ir = t->c->ir;
    const uint32_t flags = key->marks & 0xff, state = (key->marks & MARK_STATES) / MARK_NEW;
    struct ir_product p = {.field = {0}};

    if (!state) return true;
    p.field[IR_WHAT] = just(ir, key->kind & KIND_IP6 && !(key->kind & KIND_PROTO) ? WHAT_IP6_UNKNOWN : what, IR_WHAT);
    p.field[IR_FRAGMENT] = just(ir, key->kind & KIND_FRAG_FIRST ? FRAGMENT_FIRST : FRAGMENT_NO, IR_FRAGMENT);
    if (key->kind & KIND_TCP_FLAGS) p.field[IR_HAS] = flags, p.field[IR_LACKS] = ~flags & 0xff;
    if (key->kind & KIND_ICMP_HEADER) p.field[IR_TYPE] = just(ir, key->icmp_type, IR_TYPE);
    return state & states_possible(ir, &p);
}

/* Can the key be a packet's? Nameless protocols have no name's number, and states are those of the protocol. */
static bool is_plausible(const struct trial *t, const struct key *key)
{
    const uint32_t named = KIND_WITH_PORTS | KIND_ICMP | KIND_ICMP6;
    const uint32_t what = (key->kind & KIND_IP6 ? WHAT_IP6 : WHAT_IP4) + key->proto;

    if (key->kind & KIND_PROTO && !(key->kind & named) && kind_is_named(what)) return false;
    if (key->kind & KIND_ND && (key->icmp_type < 133 || key->icmp_type > 136 || key->ttl != 255)) return false;
    return state_is_possible(t, key, what);
}

/* The header of a box, with `fill` where it asks nothing. False: no packet has it. */
static bool key_of_box(struct trial *t, uint32_t box, const uint32_t fill[16], bool high, struct key *key)
{
    const struct boxes *b = &t->boxes;
    uint32_t kind = 0, mask = 0;

    memcpy(key->slot, fill, sizeof(key->slot));
    for (unsigned i = 0; i < b->slots; i++) {
        uint32_t *slot = &key->slot[b->slot[i]];

        *slot = (*slot & ~b->mask[i][box]) | b->value[i][box];
        if (b->slot[i] == KEY_SLOT(kind)) kind = b->value[i][box], mask = b->mask[i][box];
    }
    key->src_port = high ? b->sport[box].hi : b->sport[box].lo;
    key->dst_port = high ? b->dport[box].hi : b->dport[box].lo;
    uint32_t state = key->marks & MARK_STATES;
    state = state ? state & -state : MARK_NEW;
    if (!kind_within(t, kind, mask, &key->kind)) return false;
    settle(t, key, state);
    return is_plausible(t, key) && box_holds(b, box, key);
}

static bool rule_holds(const struct trial *t, uint32_t entry, const struct key *key)
{
    const struct pbc_rule *r = &t->p->rules[t->p->entries[t->k->entries + entry].rule];

    for (uint32_t i = 0; i < r->cond_count; i++)
        if (!cond_match(t->p, &t->p->conds[r->conds + i], key, t->pkt)) return false;
    return true;
}

static bool entry_holds(const struct trial *t, uint32_t entry, const struct key *key)
{
    for (uint32_t i = t->first[entry]; i < t->first[entry + 1]; i++)
        if (box_holds(&t->boxes, i, key)) return t->left[entry] || rule_holds(t, entry, key);
    return false;
}

/* False after reporting. */
static bool differ(const struct trial *t, uint32_t entry)
{
    const uint32_t rule = t->p->entries[t->k->entries + entry].rule;

    diag(t->c->diags, E_PROGRAM_REFUSED, t->c->image->rule_span[rule],
         "the classifier of `%s` does not say what its rules do: this one is found wrongly",
         image_str(t->c->image, t->k->name));
    return false;
}

/* A corner of the entry's own box: what is found is no later, and holds. */
static bool corner(struct trial *t, uint32_t entry, uint32_t box, bool high)
{
    uint32_t fill[16];
    struct key key;

    memset(fill, high ? 0xff : 0, sizeof(fill));
    if (!key_of_box(t, box, fill, high, &key)) return true;
    const uint32_t found = classify_one(t->p, t->classifier, &key, 0);

    if (found > entry || !entry_holds(t, entry, &key)) return differ(t, entry);
    return found == entry || entry_holds(t, found, &key) || differ(t, found);
}

static bool corners(struct trial *t)
{
    for (uint32_t e = 0; e < t->k->entry_count && e < CORNERS_MAX; e++)
        for (uint32_t i = t->first[e]; i < t->first[e + 1]; i++)
            if (!corner(t, e, i, false) || !corner(t, e, i, true)) return false;
    return true;
}

/* A header from somewhere in a box, mostly; one field of it drawn anew, now and then. */
static bool random_key(struct trial *t)
{
    uint32_t fill[16];
    struct key key;

    if (!t->boxes.count) return true;
    for (unsigned i = 0; i < 16; i++) fill[i] = draw(t) ^ draw(t) << 16;
    if (!key_of_box(t, draw(t) % t->boxes.count, fill, draw(t) & 1, &key)) return true;
    if (draw(t) & 1) key.slot[draw(t) % 8] ^= 1u << draw(t) % 32;
    if (draw(t) & 1 && key.kind & KIND_PORTS) key.dst_port = (uint16_t)draw(t);
    settle(t, &key, key.marks & MARK_STATES);
    const uint32_t found = classify_one(t->p, t->classifier, &key, 0), wanted = by_boxes(&t->boxes, &key);

    if (found != wanted) return differ(t, found < wanted ? found : wanted);
    return found == ENTRY_NONE || entry_holds(t, found, &key) || differ(t, found);
}

/* The boxes of the rules again, as they are: made from the normal form, not taken from what the builder was given. */
static bool boxes_again(struct trial *t, const struct list_figures *f)
{
    struct rule_boxes *rb = rule_boxes_new(t->c->ir);

    boxes_init(&t->boxes);
    t->left = arena_alloc(t->c->arena, (t->k->entry_count + 1) * sizeof(*t->left));
    t->first = arena_alloc(t->c->arena, (t->k->entry_count + 2) * sizeof(*t->first));
    for (uint32_t e = 0; e < t->k->entry_count; e++) {
        const uint32_t rule = t->p->entries[t->k->entries + e].rule;

        t->left[e] =
            rule_boxes_add(rb, &t->c->ir->rules[rule].product, f->arp ? ARP : FRAMES, f->most_boxes, &t->boxes, e);
        if (t->left[e] == UINT32_MAX) return false;
        t->first[e + 1] = t->boxes.count;
    }
    return true;
}

static bool try_classifier(struct trial *t, const struct list_figures *f)
{
    bool good = boxes_again(t, f);

    if (good && !f->arp) {
        good = corners(t);
        for (uint32_t i = 0; i < RANDOM_KEYS && good; i++) good = random_key(t);
    }
    boxes_fini(&t->boxes);
    return good;
}

void validate_classifiers(struct compile *c, const struct program *p)
{
    static uint8_t zeros[FRAME_BYTES];
    struct pkt pkt;
    struct trial t = {.c = c, .p = p, .pkt = &pkt, .seed = 1};

    pkt_view(&pkt, zeros, FRAME_BYTES, FRAME_BYTES, LINK_ETHER, IFACE_NONE);
    kind_universe(&t.kinds, c->ir, IR_ALL, IR_ALL, ~0u);
    for (const struct list_figures *f = c->lists; f; f = f->next) {
        if (!f->classified) continue;
        t.k = &p->classifiers[t.classifier];
        if (!try_classifier(&t, f)) return;
        t.classifier++;
    }
}
