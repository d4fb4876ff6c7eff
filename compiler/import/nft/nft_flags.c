/* Comparisons of TCP flags. prey asks for set and for clear flags; a comparison with several solutions becomes several
 * rules, of which a packet matches at most one. */
#include <string.h>

#include "compiler/import/nft/nft_priv.h"

enum { VALUES_MOST = 256 };
struct flag_values {
    uint16_t mask, value[VALUES_MOST];
    uint32_t count;
};

static void want_flags(struct reading_rule *r, uint16_t has, uint16_t lacks)
{
    for (struct rule *one = r->first; one; one = one->next) rule_want_flags(one, (uint8_t)has, (uint8_t)lacks);
}

static void want_flag_value(struct reading_rule *r, uint32_t at, void *arg)
{
    const struct flag_values *f = arg;
    want_flags(r, f->value[at], f->mask & (uint16_t)~f->value[at]);
    if (f->value[at] & ~f->mask)
        for (struct rule *one = r->first; one; one = one->next) one->never = true;
}

static uint16_t nth_bit(uint16_t mask, uint32_t n)
{
    for (uint16_t bit = 1; mask; bit = (uint16_t)(bit << 1))
        if (mask & bit && n-- == 0) return bit;
    return 0;
}

/* Ask that the n-th flag differs from the value, and all flags below it agree. */
static void want_other_flag(struct reading_rule *r, uint32_t at, void *arg)
{
    const struct flag_values *f = arg;
    const uint16_t bit = nth_bit(f->mask, at), below = f->mask & (uint16_t)(bit - 1);
    const uint16_t value = (uint16_t)((f->value[0] & below) | (~f->value[0] & bit)), fixed = below | bit;
    want_flags(r, value, fixed & (uint16_t)~value);
}

/* Ask that the n-th flag is set, and none below it. */
static void want_any_flag(struct reading_rule *r, uint32_t at, void *arg)
{
    const struct flag_values *f = arg;
    const uint16_t bit = nth_bit(f->value[0], at);
    want_flags(r, bit, f->value[0] & (uint16_t)(bit - 1));
}

static uint32_t bits(uint16_t mask) { return (uint32_t)__builtin_popcount(mask); }

static bool flag_values_of(const cJSON *right, struct flag_values *f)
{
    const cJSON *inside, *one;
    const char *kind = nft_kind(right, &inside);
    if (!kind || strcmp(kind, "set") != 0) {
        f->count = 1;
        return flags_of(right, &f->value[0]);
    }
    cJSON_ArrayForEach(one, inside) if (f->count == VALUES_MOST || !flags_of(one, &f->value[f->count++])) return false;
    return f->count > 0;
}

void match_flags(struct reading_rule *r, const struct subject *s, const char *op, const cJSON *right)
{
    struct flag_values f = {.mask = s->mask};
    if (!flag_values_of(right, &f)) {
        read_unsaid(r, "prey does not know its flags");
        return;
    }
    want_number(r, ASK_PROTO, 6);
    if (!strcmp(op, "=="))
        read_alternatives(r, f.count, want_flag_value, &f);
    else if (!strcmp(op, "!=") && f.count == 1 && !(f.value[0] & ~f.mask))
        read_alternatives(r, bits(f.mask), want_other_flag, &f);
    else if (!strcmp(op, "!") && f.count == 1)
        want_flags(r, 0, f.value[0]);
    else if (!strcmp(op, "in") && f.count == 1)
        read_alternatives(r, bits(f.value[0]), want_any_flag, &f);
    else
        read_unsaid(r, "prey has no such comparison of flags");
}
