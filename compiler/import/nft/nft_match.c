/* Comparisons as conditions. A comparison that prey can't express in one rule becomes several rules, of which a packet
 * matches at most one. */
#include <string.h>

#include "compiler/import/nft/nft_priv.h"

static void each_rule(struct reading_rule *r, void (*set)(struct rule *one, const char *why), const char *why)
{
    for (struct rule *one = r->first; one; one = one->next) set(one, why);
}

void read_unsaid(struct reading_rule *r, const char *why) { each_rule(r, rule_unsaid, why); }

void read_apart(struct reading_rule *r, const char *why) { each_rule(r, rule_apart, why); }

void read_alternatives(struct reading_rule *r, uint32_t count,
                       void (*each)(struct reading_rule *one, uint32_t at, void *arg), void *arg)
{
    struct rule *first = NULL;
    uint32_t rules = 0;
    if (count == 1) {
        each(r, 0, arg);
        return;
    }
    if (!count) {
        for (struct rule *one = r->first; one; one = one->next) one->never = true;
        return;
    }
    for (const struct rule *one = r->first; one; one = one->next) rules++;
    const struct rule *from = r->first;
    for (uint32_t i = 0; i < rules; i++, from = from->next)
        for (uint32_t k = 0; k < count; k++) {
            struct reading_rule one = {.nft = r->nft, .chain = r->chain, .slot = r->chain->end};
            one.first = chain_rule_again(r->nft->s, r->chain, from);
            if (one.first) each(&one, k, arg);
            r->full |= !one.first || one.full || ruleset_is_spent(r->nft->s);
            if (r->full) return;
            if (!first) first = one.first;
        }
    /* replace the rules by their copies */
    *r->slot = r->first = first;
    r->chain->count -= rules;
    r->nft->s->rules -= rules;
}

void want_number(struct reading_rule *r, enum about about, uint64_t number)
{
    struct list l = {0};
    list_number(&l, number, number, r->nft->s->arena);
    for (struct rule *one = r->first; one; one = one->next) rule_want(r->nft->s, one, about, l);
}

void want_family(struct reading_rule *r, uint8_t family)
{
    for (struct rule *one = r->first; one; one = one->next) rule_want_family(one, family);
}

static bool is_number(const struct list *l, unsigned n)
{
    return l->count == 1 && !l->set && l->of[0].lo == n && l->of[0].hi == n;
}

void want_implied(struct reading_rule *r, const struct subject *s)
{
    if (s->family) want_family(r, s->family);
    if (s->proto) want_number(r, ASK_PROTO, s->proto);
}

void want_subject(struct reading_rule *r, const struct subject *s, struct list l)
{
    want_implied(r, s);
    if (s->about == ASK_ETHER_TYPE && !l.negated && (is_number(&l, 0x0800) || is_number(&l, 0x86dd))) {
        want_family(r, is_number(&l, 0x0800) ? 4 : 6);
        return;
    }
    if (l.set) l.set->asked = true;
    if (l.set && !l.set->members.count && !set_is_live(l.set)) {
        if (!l.negated) read_unsaid(r, "the set is empty in this file");
        return;
    }
    for (struct rule *one = r->first; one; one = one->next) rule_want(r->nft->s, one, s->about, l);
}

/* Return the largest value of the field. */
static uint64_t field_most(enum about about)
{
    static const uint64_t most[ASK_COUNT] = {
        [ASK_PROTO] = 255,
        [ASK_ICMP_TYPE] = 255,
        [ASK_ICMP_CODE] = 255,
        [ASK_VLAN] = 4094,
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, name, at, largest, ...) [ASK_##ident] = largest,
#include "vm/cond.def"
    };
    return most[about] ? most[about] : 65535;
}

/* List the numbers of a comparison such as `< 5`. False: another operator, or no such number. */
static bool ordered(enum about about, const char *op, const struct list *l, struct list *out, struct arena *a)
{
    const bool one = l->count == 1 && !l->set && !l->of[0].word && !l->of[0].family && l->of[0].lo == l->of[0].hi;
    const uint64_t n = one ? (uint64_t)l->of[0].lo : 0, most = field_most(about);
    if (!one || n > most) return false;
    if (!strcmp(op, "<") && n)
        list_number(out, 0, n - 1, a);
    else if (!strcmp(op, "<="))
        list_number(out, 0, n, a);
    else if (!strcmp(op, ">") && n < most)
        list_number(out, n + 1, most, a);
    else if (!strcmp(op, ">="))
        list_number(out, n, most, a);
    else
        return false;
    return true;
}

/* True if every number fits the field; ranges are cut to it. */
static bool fits_field(enum about about, struct list *l)
{
    const wide most = field_most(about);
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->of[i].word || l->of[i].family) continue;
        if (l->of[i].lo > most) return false;
        if (l->of[i].hi > most) l->of[i].hi = most;
    }
    return true;
}

static void match_list(struct reading_rule *r, const struct subject *s, const char *op, const cJSON *right)
{
    struct list l = {0}, cut = {0};
    const char *why = value_into(r->nft, s, right, &l);
    if (why) {
        read_unsaid(r, why);
        return;
    }
    if (s->about == ASK_PROTO && s->family == 6) read_apart(r, "prey also finds the protocol behind extension headers");
    if (!strcmp(op, "==") || !strcmp(op, "in") || !strcmp(op, "!=")) {
        l.negated = op[0] == '!';
        if (fits_field(s->about, &l))
            want_subject(r, s, l);
        else
            read_unsaid(r, "a number is out of the field's range");
    } else if (ordered(s->about, op, &l, &cut, r->nft->s->arena)) {
        want_subject(r, s, cut);
    } else {
        read_unsaid(r, "prey has no such comparison");
    }
}

void read_unasked(struct reading_rule *r, const char *why, const cJSON *left)
{
    struct nft_text text = {.len = 0};
    if (why == no_condition) {
        nft_value(&text, left);
        why = import_format(r->nft->s, "prey has no condition for `%.60s`", text.bytes);
    }
    read_unsaid(r, why);
}

void want_value(struct reading_rule *r, const cJSON *key, const cJSON *value)
{
    struct subject s;
    const char *why = subject_of(key, &s);
    if (why)
        read_unasked(r, why, key);
    else if (s.special)
        match_special(r, &s, "==", value);
    else
        match_list(r, &s, "==", value);
}

struct joined {
    const cJSON *keys; /* fields of the concatenation */
    const cJSON **elements;
};

const cJSON *element_value(const cJSON *element)
{
    const cJSON *inside;
    const char *kind = nft_kind(element, &inside);
    return kind && !strcmp(kind, "elem") ? cJSON_GetObjectItemCaseSensitive(inside, "val") : element;
}

static bool same_size(const cJSON *a, const cJSON *b)
{
    for (a = a->child, b = b->child; a && b; a = a->next) b = b->next;
    return !a && !b;
}

/* Add one condition for each field of the element. */
void want_fields(struct reading_rule *r, const cJSON *keys, const cJSON *element)
{
    const cJSON *fields, *whole = element_value(element);
    const char *kind = nft_kind(whole, &fields);
    if (!kind || strcmp(kind, "concat") != 0 || !keys->child || !same_size(keys, fields)) {
        read_unsaid(r, "an element of the set has other fields");
        return;
    }
    const cJSON *key = keys->child;
    for (const cJSON *field = fields->child; field; field = field->next, key = key->next) want_value(r, key, field);
}

static void want_element(struct reading_rule *r, uint32_t at, void *arg)
{
    const struct joined *j = arg;
    want_fields(r, j->keys, j->elements[at]);
}

const cJSON **array_of(struct reading_rule *r, const cJSON *list, uint32_t *count)
{
    const cJSON *one, **out;
    uint32_t n = 0;
    *count = (uint32_t)cJSON_GetArraySize(list);
    ruleset_spend(r->nft->s, *count);
    out = arena_alloc(r->nft->s->arena, (*count + 1) * sizeof(*out));
    cJSON_ArrayForEach(one, list) out[n++] = one;
    return out;
}

static void match_concat(struct reading_rule *r, const char *op, const cJSON *keys, const cJSON *right)
{
    const cJSON *elements = elements_of(r->nft, right);
    const cJSON *alone[] = {right};
    struct joined j = {.keys = keys, .elements = alone};
    uint32_t count = 1;
    if (strcmp(op, "==") != 0 && strcmp(op, "in") != 0) {
        read_unsaid(r, "prey can't exclude several fields at once");
        return;
    }
    if (elements)
        j.elements = array_of(r, elements, &count);
    else if (cJSON_IsString(right))
        count = 0;
    if (!count)
        read_unsaid(r, "the set is empty in this file");
    else
        read_alternatives(r, count, want_element, &j);
}

void read_match(struct reading_rule *r, const cJSON *match)
{
    const cJSON *left = cJSON_GetObjectItemCaseSensitive(match, "left"), *inside,
                *right = cJSON_GetObjectItemCaseSensitive(match, "right");
    const char *op = nft_member(match, "op"), *kind = nft_kind(left, &inside);
    struct subject s;
    if (!op || !left || !right) {
        read_unsaid(r, "the comparison isn't valid");
        return;
    }
    if (kind && !strcmp(kind, "concat")) {
        match_concat(r, op, inside, right);
        return;
    }
    const char *why = subject_of(left, &s);
    if (why)
        read_unasked(r, why, left);
    else if (s.special)
        match_special(r, &s, op, right);
    else
        match_list(r, &s, op, right);
}
