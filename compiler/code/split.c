/* The choice of a question that halves a run of rules. A question asks only for conditions that a rule cannot match
 * without, and each rule still makes all of its tests. So a poor choice costs time and never a verdict. */
#include "compiler/code/split.h"

#include <stdlib.h>
#include <string.h>

#include "vm/packet/key.h"

/* Demand the bits that all addresses between two ends share, in the slots from `first` on. */
static void demand_prefix(struct demand *d, unsigned first, unsigned slots, u128 lo, u128 hi)
{
    u128 differ = lo ^ hi;
    const unsigned bits = slots * 32;
    unsigned free = 0; /* number of low bits in which both ends differ */
    for (; differ; differ >>= 1) free++;
    for (unsigned i = 0; i < slots; i++) {
        const unsigned below = bits - 32 * (i + 1); /* number of bits under this slot */
        const uint32_t care = free <= below ? UINT32_MAX : free >= below + 32 ? 0 : UINT32_MAX << (free - below);
        d->care[first + i] = care;
        d->value[first + i] = (uint32_t)(lo >> below) & care;
    }
}

static void demand_address(struct demand *d, const struct ir *ir, const struct ir_product *p, bool dst)
{
    const struct ir_addrs *a = ir_addrs(ir, p->field[dst ? IR_DST : IR_SRC]);
    const struct ir_addrs *b = ir_addrs(ir, p->field[dst ? IR_DST_SELF : IR_SRC_SELF]);
    const unsigned families = ir_families(ir, p);
    u128 lo = ~(u128)0, hi = 0;
    if (families != IR_V4 && families != IR_V6) return;
    for (unsigned i = 0; i < 2; i++) {
        const struct ir_addrs *x = i ? b : a;
        const uint32_t n = families == IR_V4 ? x->count4 : x->count6;
        if (!n) continue;
        const u128 first = addr_span(x, families, 0).lo, last = addr_span(x, families, n - 1).hi;
        lo = first < lo ? first : lo;
        hi = last > hi ? last : hi;
    }
    demand_prefix(d, dst ? 4 : 0, families == IR_V4 ? 1 : 4, lo, hi);
}

static void demand_port(struct demand *d, const struct ir *ir, uint32_t id, unsigned side)
{
    d->port[side].lo = 0;
    d->port[side].hi = UINT16_MAX;
    if (id == IR_ALL) return;
    const struct ir_ranges r = ir_ranges(ir, id);
    d->port[side].lo = (uint16_t)r.r[0].lo;
    d->port[side].hi = (uint16_t)r.r[r.count - 1].hi;
}

struct demand demand_of(const struct ir *ir, const struct ir_product *p)
{
    struct demand d = {.care = {0}};
    demand_address(&d, ir, p, false);
    demand_address(&d, ir, p, true);
    demand_port(&d, ir, p->field[IR_SPORT], 0);
    demand_port(&d, ir, p->field[IR_DPORT], 1);
    return d;
}

bool goes_left(const struct split *s, const struct demand *d)
{
    if (s->kind == SPLIT_PORT) return d->port[s->side].lo <= s->pivot;
    return !(d->care[s->slot] & d->value[s->slot] & 1u << s->bit);
}

bool goes_right(const struct split *s, const struct demand *d)
{
    if (s->kind == SPLIT_PORT) return d->port[s->side].hi > s->pivot;
    return !(d->care[s->slot] >> s->bit & 1) || d->value[s->slot] >> s->bit & 1;
}

/* Score a split: the larger side, plus half the rules on both; small is good. UINT32_MAX: not worthwhile. */
static uint32_t score(uint32_t left, uint32_t right, uint32_t count)
{
    const uint32_t more = left > right ? left : right, both = left + right - count;
    if (more > count - count / 4 || both > count / 8) return UINT32_MAX;
    return more + both / 2;
}

static uint32_t try_split(const struct split *s, const struct demand *const *d, uint32_t count)
{
    uint32_t left = 0, right = 0;
    for (uint32_t i = 0; i < count; i++) {
        left += goes_left(s, d[i]);
        right += goes_right(s, d[i]);
    }
    return score(left, right, count);
}

/* Try the bits of one slot, counting all rules at once. */
static void try_slot(unsigned slot, const struct demand *const *d, uint32_t count, struct split *best,
                     uint32_t *best_score)
{
    uint32_t zeros[32] = {0}, ones[32] = {0};
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t care = d[i]->care[slot]; care; care &= care - 1) {
            const unsigned bit = (unsigned)__builtin_ctz(care);
            zeros[bit] += !(d[i]->value[slot] >> bit & 1);
            ones[bit] += d[i]->value[slot] >> bit & 1;
        }
    for (unsigned bit = 0; bit < 32; bit++) {
        const uint32_t s = score(count - ones[bit], count - zeros[bit], count);
        if (s < *best_score) {
            *best_score = s;
            *best = (struct split){.kind = SPLIT_BIT, .slot = (uint8_t)slot, .bit = (uint8_t)bit};
        }
    }
}

static int by_value(const void *a, const void *b) { return *(const uint16_t *)a - *(const uint16_t *)b; }

/* Return the median of the ends of at most 256 of the port ranges. */
static uint16_t median_port(unsigned side, const struct demand *const *d, uint32_t count)
{
    uint16_t ends[256];
    const uint32_t n = count < 256 ? count : 256;
    for (uint32_t i = 0; i < n; i++) ends[i] = d[(uint64_t)i * count / n]->port[side].hi;
    qsort(ends, n, sizeof(*ends), by_value);
    return ends[(n - 1) / 2];
}

struct split find_split(const struct demand *const *d, uint32_t count)
{
    struct split best = {.kind = SPLIT_NONE};
    uint32_t best_score = UINT32_MAX;
    if (count < SPLIT_MIN) return best;
    for (unsigned slot = 0; slot < 8; slot++) try_slot(slot, d, count, &best, &best_score);
    for (unsigned side = 0; side < 2; side++) {
        const struct split s = {.kind = SPLIT_PORT, .side = (uint8_t)side, .pivot = median_port(side, d, count)};
        const uint32_t got = try_split(&s, d, count);
        if (got < best_score) {
            best_score = got;
            best = s;
        }
    }
    return best;
}

void emit_split(struct assembler *as, const struct split *s, struct label *right)
{
    if (s->kind == SPLIT_PORT)
        asm_jump(as, OP_JNIN, (uint8_t)(s->side ? KEY_HALF(dst_port) : KEY_HALF(src_port)), s->pivot, right);
    else
        asm_jump(as, OP_JANY, s->slot, 1u << s->bit, right);
}
