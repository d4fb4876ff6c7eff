/* Comparisons that aren't lists: families, translation, routes, types of addresses and frames, fragments */
#include <string.h>

#include "compiler/import/nft/nft_priv.h"
#include "compiler/import/rows.h"

static void match_family(struct reading_rule *r, bool negated, const cJSON *right)
{
    const char *name = cJSON_GetStringValue(right);
    const bool v4 = name && !strcmp(name, "ipv4"), v6 = name && !strcmp(name, "ipv6");
    if (v4 || v6)
        want_family(r, v4 != negated ? 4 : 6);
    else
        read_unsaid(r, "the family is neither IPv4 nor IPv6");
}

static void match_status(struct reading_rule *r, bool negated, const cJSON *right)
{
    const char *name = cJSON_GetStringValue(right);
    if (!name || strcmp(name, "dnat") != 0) {
        read_unsaid(r, "prey has no condition for translation");
        return;
    }
    for (struct rule *one = r->first; one; one = one->next) one->translated = negated ? MUST_NOT_BE : MUST_BE;
}

static void match_route(struct reading_rule *r, const struct subject *s, bool negated, const cJSON *right)
{
    const bool zero = cJSON_IsNumber(right) && right->valuedouble == 0;
    if (!cJSON_IsBool(right) && !zero) {
        read_unsaid(r, "prey has a condition only for a missing return route (`urpf-failed`)");
        return;
    }
    const bool passed = cJSON_IsTrue(right) != negated;
    for (struct rule *one = r->first; one; one = one->next) {
        one->never |= passed ? one->urpf_failed : one->urpf_passed;
        one->urpf_passed |= passed;
        one->urpf_failed |= !passed;
        one->by_mark |= s->mask;
    }
}

/* Ask for the fragment header of IPv6. */
static void match_header(struct reading_rule *r, bool negated, const cJSON *right)
{
    struct list l = {.negated = cJSON_IsTrue(right) == negated};
    list_word(&l, FRAGMENT_HEADER, strlen(FRAGMENT_HEADER), r->nft->s->arena);
    want_family(r, 6);
    for (struct rule *one = r->first; one; one = one->next) rule_want(r->nft->s, one, ASK_FRAGMENT, l);
}

/* Ask for fragments. The field has 13 bits of offset and one that means that more follow. */
static void match_fragment(struct reading_rule *r, const struct subject *s, bool negated, const cJSON *right)
{
    enum { OFFSET = 0x1fff, MORE = 0x2000 };
    struct list l = {.negated = !negated};
    const char *const word = s->mask == OFFSET ? "later" : s->mask == (OFFSET | MORE) ? "any" : NULL;
    if (!word || !cJSON_IsNumber(right) || right->valuedouble != 0) {
        read_unsaid(r, "prey has only first and later fragments");
        return;
    }
    /* A negated `later` would also exclude packets that aren't fragments: write `no` and `first`. */
    if (l.negated && s->mask == OFFSET) {
        list_word(&l, "no", 2, r->nft->s->arena);
        list_word(&l, "first", 5, r->nft->s->arena);
    } else {
        list_word(&l, l.negated ? "no" : word, strlen(l.negated ? "no" : word), r->nft->s->arena);
    }
    l.negated = false;
    want_family(r, 4);
    for (struct rule *one = r->first; one; one = one->next) rule_want(r->nft->s, one, ASK_FRAGMENT, l);
}

static const char *const address_types[] = {"local", "multicast", "broadcast"};
enum { LOCAL = 1, MULTICAST = 2, BROADCAST = 4 };

static bool read_address_type(const cJSON *type, unsigned *types)
{
    const size_t row = ROW_NAMED(address_types, cJSON_GetStringValue(type));
    if (row < ROWS(address_types)) *types |= 1u << row;
    return row < ROWS(address_types);
}

/* Read one type or a set of types. */
static bool types_of(const cJSON *right, unsigned *types)
{
    const cJSON *inside, *one;
    const char *kind = nft_kind(right, &inside);
    bool known = true;
    if (!kind || strcmp(kind, "set") != 0) return read_address_type(right, types);
    cJSON_ArrayForEach(one, inside) known = read_address_type(one, types) && known;
    return known;
}

/* Ask for types of addresses. In prey the broadcast addresses of this machine's networks are among its own. */
static void match_address_type(struct reading_rule *r, const struct subject *s, bool negated, const cJSON *right)
{
    struct arena *a = r->nft->s->arena;
    struct list l = {.negated = negated};
    unsigned types = 0;
    const bool known = types_of(right, &types), alone = types & BROADCAST && !(types & LOCAL);
    if (!known || (alone && (negated || s->about != ASK_TO))) {
        read_unsaid(r, "prey has conditions only for this machine's addresses and for groups");
        return;
    }
    if (types & LOCAL) list_word(&l, "self", 4, a);
    if (types & MULTICAST) list_address(&l, "224.0.0.0/4", 11, a);
    if (types & MULTICAST) list_address(&l, "ff00::/8", 8, a);
    if (types & BROADCAST) list_address(&l, "255.255.255.255", 15, a);
    for (struct rule *each = r->first; each; each = each->next) {
        each->broadcast |= alone;
        rule_want(r->nft->s, each, s->about, l);
    }
}

/* Ask for types of Ethernet destinations. prey's groups include the broadcast address. */
static void match_packet_type(struct reading_rule *r, bool negated, const cJSON *right)
{
    struct list l = {.negated = negated};
    unsigned types = 0;
    if (!types_of(right, &types) || (types != BROADCAST && types != (BROADCAST | MULTICAST))) {
        read_unsaid(r, "prey can match broadcast frames, or broadcast and multicast frames together");
        return;
    }
    const char *const word = types == BROADCAST ? "broadcast" : "multicast";
    list_word(&l, word, strlen(word), r->nft->s->arena);
    for (struct rule *each = r->first; each; each = each->next) rule_want(r->nft->s, each, ASK_ETHER_TO, l);
}

/* TCP flags. prey asks for set and for clear flags; a comparison with several solutions becomes several rules, of which
 * a packet matches at most one. */
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

static void match_flags(struct reading_rule *r, const struct subject *s, const char *op, const cJSON *right)
{
    struct flag_values f = {.mask = s->mask};
    if (!flag_values_of(right, &f)) {
        read_unsaid(r, "prey doesn't know these flags");
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

void match_special(struct reading_rule *r, const struct subject *s, const char *op, const cJSON *right)
{
    const bool negated = !strcmp(op, "!=");
    if (s->what == SUBJECT_FLAGS) {
        match_flags(r, s, op, right);
        return;
    }
    if (!negated && strcmp(op, "==") != 0 && strcmp(op, "in") != 0) {
        read_unsaid(r, "prey has no such comparison");
        return;
    }
    switch (s->what) {
    case SUBJECT_FAMILY: match_family(r, negated, right); break;
    case SUBJECT_STATUS: match_status(r, negated, right); break;
    case SUBJECT_ROUTE: match_route(r, s, negated, right); break;
    case SUBJECT_HEADER: match_header(r, negated, right); break;
    case SUBJECT_PACKET_TYPE: match_packet_type(r, negated, right); break;
    case SUBJECT_ADDRESS_TYPE: match_address_type(r, s, negated, right); break;
    default: match_fragment(r, s, negated, right); break;
    }
}
