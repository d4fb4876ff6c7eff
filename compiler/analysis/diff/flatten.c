/* Write a firewall's rules in the order in which a packet meets them, with the rules of a chain in place of the
 * `do`. Each has the product of packets that meet and match it. Rules that count, log or copy decide nothing, and
 * are left out (mirrors: unless asked for). A `return` stays, with the item at which its packets go on.
 *
 * Items are equal if they match the same packets and treat them alike. For a `return`, this includes the skipped items,
 * so its hash covers the items behind it in its chain. */
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "lang/heap.h"

enum { WORK_OF_AND = 16 }; /* cost of a rule in a chain, as a multiple of that of a rule outside of chains */

#define HASH_STEP 0x9e3779b97f4a7c15u /* odd, so that no power of it vanishes */

struct outcome outcome_of(const struct diff *d, uint32_t rule, const struct ir_product *p)
{
    const struct pbc_rule *r = &d->c.image->rules[rule];
    struct outcome o = {.verdict = r->verdict, .port = r->port};
    if (o.verdict == PBC_V_REJECT) {
        static const struct pbc_range tcp[] = {
            {WHAT_IP4 + 6, WHAT_IP4 + 6}, {WHAT_IP6 + 6, WHAT_IP6 + 6}, {WHAT_AH6 + 6, WHAT_AH6 + 6}};
        const uint32_t what = ir_intern_ranges(d->c.ir, tcp, 3, WHAT_MOST);
        o.answer = r->answer;
        if (o.answer == PBC_ANSWER_DEFAULT && ir_ranges_within(d->c.ir, p->field[IR_WHAT], what))
            o.answer = PBC_ANSWER_RST;
        else if (o.answer == PBC_ANSWER_DEFAULT && !ir_ranges_meet(d->c.ir, p->field[IR_WHAT], what))
            o.answer = PBC_ANSWER_UNREACHABLE;
    }
    return o;
}

static bool decides(uint8_t verdict) { return pbc_decides(verdict) || verdict == PBC_V_RETURN; }

static uint64_t rule_mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0xff51afd7ed558ccdu;
    return h ^ h >> 29;
}

/* Hash the rule's conditions and verdict, without the items that a `return` skips. */
static uint64_t rule_hash(const struct pbc_rule *r, const struct ir_product *p)
{
    uint64_t h = rule_mix(r->verdict, (uint64_t)r->answer << 16 | r->port);
    for (enum ir_field f = 0; f < IR_FIELDS; f++) h = rule_mix(h, p->field[f]);
    return h;
}

static struct item *add_item(struct items *out)
{
    if (out->count == ITEMS_MAX) {
        out->too_many = true;
        return NULL;
    }
    out->item = heap_grown(out->item, (size_t)out->count + 1, sizeof(*out->item), &out->cap);
    out->item[out->count] = (struct item){.twin = PBC_NONE};
    return &out->item[out->count++];
}

/* Append a list of rules. outer: packets that reach it; NULL: all. */
static void flatten_list(struct diff *d, uint32_t first, uint32_t count, const struct ir_product *outer, bool loose,
                         enum pbc_direction direction, struct items *out)
{
    const struct image *img = d->c.image;
    const uint32_t began = out->count;
    for (uint32_t i = first; i < first + count && !out->too_many; i++) {
        const struct pbc_rule *r = &img->rules[i];
        const struct ir_product *p = &d->c.ir->rules[i].product;
        bool this_loose = loose;
        out->too_many = d->work < WORK_OF_AND;
        d->work -= out->too_many ? 0 : outer ? WORK_OF_AND : 1;
        const bool copies = out->mirrors && r->verdict == PBC_V_MIRROR;
        if (ir_is_empty(p) || (!decides(r->verdict) && r->verdict != PBC_V_DO && !copies)) continue;
        if (p->field[IR_OUT] != IR_ALL && direction != PBC_DIR_FORWARD) {
            struct ir_product *met = memcpy(arena_alloc(d->c.arena, sizeof(*met)), p, sizeof(*met));
            if (!product_in_direction(d->c.ir, met, direction)) continue;
            p = met;
        }
        if (outer) {
            struct ir_product both;
            if (!product_and(d->c.ir, outer, p, &both, &this_loose)) continue;
            p = memcpy(arena_alloc(d->c.arena, sizeof(both)), &both, sizeof(both));
        }
        if (r->verdict == PBC_V_DO) {
            const struct pbc_chain *c = &img->chains[r->chain];
            flatten_list(d, c->rules, c->rule_count, p, this_loose, direction, out);
            continue;
        }
        struct item *it = add_item(out);
        if (!it) return;
        it->product = p;
        it->rule = i;
        it->loose = this_loose;
        it->hash = rule_hash(r, p);
    }
    /* Hash from the end, so that items skipped by a `return` are hashed before it. */
    uint64_t behind = 0, power = 1;
    for (uint32_t i = out->count; i-- > began;) {
        struct item *it = &out->item[i];
        if (img->rules[it->rule].verdict == PBC_V_RETURN && it->skip == 0) {
            it->skip = out->count;
            it->hash = rule_mix(rule_mix(it->hash, behind), power);
        }
        behind = behind * HASH_STEP + it->hash;
        power *= HASH_STEP;
    }
}

void flatten(struct diff *d, uint32_t firewall, struct items *out)
{
    if (firewall == PBC_NONE) return;
    const struct pbc_firewall *f = &d->c.image->firewalls[firewall];
    flatten_list(d, f->rules, f->rule_count, NULL, false, (enum pbc_direction)f->direction, out);
}
