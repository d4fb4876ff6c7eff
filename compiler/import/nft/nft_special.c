/* Comparisons that are no lists: families, translation, routes, types of addresses and frames, fragments */
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
        read_unsaid(r, "its family is neither IPv4 nor IPv6");
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

/* Ask for fragments. The field has 13 bits of offset and one that says that more follow. */
static void match_fragment(struct reading_rule *r, const struct subject *s, bool negated, const cJSON *right)
{
    enum { OFFSET = 0x1fff, MORE = 0x2000 };
    struct list l = {.negated = !negated};
    const char *const word = s->mask == OFFSET ? "later" : s->mask == (OFFSET | MORE) ? "any" : NULL;
    if (!word || !cJSON_IsNumber(right) || right->valuedouble != 0) {
        read_unsaid(r, "prey has only first and later fragments");
        return;
    }
    /* A negated `later` would also exclude packets that are no fragments: write `no` and `first`. */
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
        read_unsaid(r, "prey matches broadcast frames alone, or broadcast and multicast together");
        return;
    }
    const char *const word = types == BROADCAST ? "broadcast" : "multicast";
    list_word(&l, word, strlen(word), r->nft->s->arena);
    for (struct rule *each = r->first; each; each = each->next) rule_want(r->nft->s, each, ASK_ETHER_TO, l);
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
