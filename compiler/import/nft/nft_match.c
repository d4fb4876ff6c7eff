/* Comparisons as conditions. What prey says by several rules, of which a packet matches one at most, becomes several. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compiler/import/nft/nft_priv.h"

/* ---- all rules of the one that is read ---- */

static void each_rule(struct reading_rule *r, void (*set)(struct rule *one, const char *why), const char *why)
{
    for (struct rule *one = r->first; one; one = one->next) set(one, why);
}

void read_unsaid(struct reading_rule *r, const char *fmt, ...)
{
    char why[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    each_rule(r, rule_unsaid, import_format(r->nft->s, "%s", why));
}

void read_apart(struct reading_rule *r, const char *fmt, ...)
{
    char why[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    each_rule(r, rule_apart, import_format(r->nft->s, "%s", why));
}

void read_alternatives(struct reading_rule *r, uint32_t count,
                       void (*each)(struct reading_rule *one, uint32_t at, void *arg), void *arg)
{
    uint64_t rules = 0;

    if (r->one) {
        if (count == 1)
            each(r, 0, arg);
        else
            read_unsaid(r, "it has several ways within one");
        return;
    }
    for (const struct rule *one = r->first; one; one = one->next) rules++;
    struct rule *from = r->first;
    for (uint64_t i = 0; i < rules && !r->full; i++) {
        struct rule *next = from->next;

        for (uint32_t k = 1; k < count && !r->full; k++) {
            struct rule *again = chain_rule_again(r->nft->s, r->chain, from);
            struct reading_rule one = {.nft = r->nft, .chain = r->chain, .first = again, .one = true};
            r->full = !again;
            if (again) each(&one, k, arg);
        }
        /* The rule itself is the first alternative; what follows it in the chain is not meant. */
        struct rule *rest = from->next;
        struct reading_rule one = {.nft = r->nft, .chain = r->chain, .first = from, .one = true};
        from->next = NULL;
        if (count) each(&one, 0, arg);
        from->next = rest;
        from = next;
    }
}

/* ---- conditions ---- */

static void want_number(struct reading_rule *r, enum about about, uint64_t number)
{
    struct list l = {0};

    list_number(&l, number, number, r->nft->s->arena);
    for (struct rule *one = r->first; one; one = one->next) rule_want(r->nft->s, one, about, l);
}

static void want_family(struct reading_rule *r, uint8_t family)
{
    for (struct rule *one = r->first; one; one = one->next) rule_want_family(one, family);
}

static bool is_number(const struct list *l, unsigned n) { return l->count == 1 && !l->set && l->of[0].lo == n && l->of[0].hi == n; }

void want_implied(struct reading_rule *r, const struct subject *s)
{
    if (s->family) want_family(r, s->family);
    if (s->proto) want_number(r, ASK_PROTO, s->proto);
}

void want_subject(struct reading_rule *r, const struct subject *s, struct list l)
{
    want_implied(r, s);
    if (s->about == ASK_ETHER_TYPE && !l.not && (is_number(&l, 0x0800) || is_number(&l, 0x86dd))) {
        want_family(r, is_number(&l, 0x0800) ? 4 : 6);
        return;
    }
    if (l.set && !l.set->members.count) {
        if (!l.not) read_unsaid(r, "the set holds nothing in this file");
        return;
    }
    for (struct rule *one = r->first; one; one = one->next) rule_want(r->nft->s, one, s->about, l);
}

/* ---- flags ---- */

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

/* Below the n-th flag all as in the value, and that one not. */
static void want_other_flag(struct reading_rule *r, uint32_t at, void *arg)
{
    const struct flag_values *f = arg;
    const uint16_t bit = nth_bit(f->mask, at), below = f->mask & (uint16_t)(bit - 1);
    const uint16_t value = (uint16_t)((f->value[0] & below) | (~f->value[0] & bit)), fixed = below | bit;

    want_flags(r, value, fixed & (uint16_t)~value);
}

/* None below the n-th flag, and that one. */
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
        read_unsaid(r, "its flags are none that prey knows");
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
        read_unsaid(r, "prey can't compare flags so");
}

/* ---- what else is no list ---- */

static void match_family(struct reading_rule *r, bool not, const cJSON *right)
{
    const char *name = cJSON_GetStringValue(right);
    const bool v4 = name && !strcmp(name, "ipv4"), v6 = name && !strcmp(name, "ipv6");

    if (v4 || v6)
        want_family(r, v4 != not ? 4 : 6);
    else
        read_unsaid(r, "its family is neither IPv4 nor IPv6");
}

static void match_status(struct reading_rule *r, bool not, const cJSON *right)
{
    const char *name = cJSON_GetStringValue(right);

    if (!name || strcmp(name, "dnat") != 0) {
        read_unsaid(r, "prey can't ask how connections are translated");
        return;
    }
    for (struct rule *one = r->first; one; one = one->next) one->translated = not ? MUST_NOT_BE : MUST_BE;
}

static void match_route(struct reading_rule *r, bool not, const cJSON *right)
{
    if (!cJSON_IsBool(right) || cJSON_IsTrue(right) != not) {
        read_unsaid(r, "prey can ask whether the way back is missing, and nothing else of it");
        return;
    }
    for (struct rule *one = r->first; one; one = one->next) one->urpf_failed = true;
}

/* The ways to write which fragments are meant: offsets are 13 bits, and one tells that more follow. */
static void match_fragment(struct reading_rule *r, const struct subject *s, bool not, const cJSON *right)
{
    enum { OFFSET = 0x1fff, MORE = 0x2000 };
    struct list l = {.not = !not};
    const char *const word = s->mask == OFFSET ? "later" : s->mask == (OFFSET | MORE) ? "any" : NULL;

    if (!word || !cJSON_IsNumber(right) || right->valuedouble != 0) {
        read_unsaid(r, "prey asks for first and later fragments alone");
        return;
    }
    /* `fragment not later` has no meaning of its own for what is no fragment: it says `no` or `first`. */
    if (l.not && s->mask == OFFSET) {
        list_word(&l, "no", 2, r->nft->s->arena);
        list_word(&l, "first", 5, r->nft->s->arena);
    } else {
        list_word(&l, l.not ? "no" : word, strlen(l.not ? "no" : word), r->nft->s->arena);
    }
    l.not = false;
    want_family(r, 4);
    for (struct rule *one = r->first; one; one = one->next) rule_want(r->nft->s, one, ASK_FRAGMENT, l);
}

static const char *const address_types[] = {"local", "multicast", "broadcast"};
enum { LOCAL = 1, MULTICAST = 2, BROADCAST = 4 };

static bool type_of(const cJSON *type, unsigned *types)
{
    for (unsigned i = 0; cJSON_IsString(type) && i < 3; i++)
        if (!strcmp(type->valuestring, address_types[i])) {
            *types |= 1u << i;
            return true;
        }
    return false;
}

/* One, or a set of them. */
static bool types_of(const cJSON *right, unsigned *types)
{
    const cJSON *inside, *one;
    const char *kind = nft_kind(right, &inside);
    bool known = true;

    if (!kind || strcmp(kind, "set") != 0) return type_of(right, types);
    cJSON_ArrayForEach(one, inside) known = type_of(one, types) && known;
    return known;
}

/* The broadcast addresses of this machine's networks are among its own here. */
static void match_address_type(struct reading_rule *r, const struct subject *s, bool not, const cJSON *right)
{
    struct arena *a = r->nft->s->arena;
    struct list l = {.not = not};
    unsigned types = 0;

    if (!types_of(right, &types) || types == BROADCAST || types == (BROADCAST | MULTICAST)) {
        read_unsaid(r, "prey asks whether an address is this machine's own or a group's, and no other type");
        return;
    }
    if (types & LOCAL) list_word(&l, "self", 4, a);
    if (types & MULTICAST) list_address(&l, "224.0.0.0/4", 11, a);
    if (types & MULTICAST) list_address(&l, "ff00::/8", 8, a);
    if (types & BROADCAST) list_address(&l, "255.255.255.255", 15, a);
    for (struct rule *each = r->first; each; each = each->next) rule_want(r->nft->s, each, s->about, l);
}

/* Of Ethernet: prey's groups hold the broadcast address. */
static void match_packet_type(struct reading_rule *r, bool not, const cJSON *right)
{
    struct list l = {.not = not};
    unsigned types = 0;

    if (!types_of(right, &types) || (types != BROADCAST && types != (BROADCAST | MULTICAST))) {
        read_unsaid(r, "prey asks whether a frame is for all or for any group, and no other type");
        return;
    }
    const char *const word = types == BROADCAST ? "broadcast" : "multicast";
    list_word(&l, word, strlen(word), r->nft->s->arena);
    for (struct rule *each = r->first; each; each = each->next) rule_want(r->nft->s, each, ASK_ETHER_TO, l);
}

static void match_special(struct reading_rule *r, const struct subject *s, const char *op, const cJSON *right)
{
    const bool not = !strcmp(op, "!=");

    if (s->what == SUBJECT_FLAGS) {
        match_flags(r, s, op, right);
        return;
    }
    if (!not && strcmp(op, "==") != 0 && strcmp(op, "in") != 0) {
        read_unsaid(r, "prey can't compare it so");
        return;
    }
    switch (s->what) {
    case SUBJECT_FAMILY: match_family(r, not, right); break;
    case SUBJECT_STATUS: match_status(r, not, right); break;
    case SUBJECT_ROUTE: match_route(r, not, right); break;
    case SUBJECT_PACKET_TYPE: match_packet_type(r, not, right); break;
    case SUBJECT_ADDRESS_TYPE: match_address_type(r, s, not, right); break;
    default: match_fragment(r, s, not, right); break;
    }
}

/* ---- lists ---- */

/* How far the field goes. */
static uint64_t most_of(enum about about)
{
    switch (about) {
    case ASK_PROTO:
    case ASK_TTL:
    case ASK_ICMP_TYPE:
    case ASK_ICMP_CODE: return 255;
    case ASK_DSCP: return 63;
    case ASK_VLAN: return 4094;
    case ASK_FLOWLABEL: return 0xfffff;
    default: return 65535;
    }
}

/* `< 5`: the numbers that are meant. False: it is none of these signs, or means none. */
static bool ordered(enum about about, const char *op, const struct list *l, struct list *out, struct arena *a)
{
    const bool one = l->count == 1 && !l->set && !l->of[0].word && !l->of[0].family && l->of[0].lo == l->of[0].hi;
    const uint64_t n = one ? (uint64_t)l->of[0].lo : 0, most = most_of(about);

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

/* False: a number lies outside of the field. */
static bool fits(enum about about, struct list *l)
{
    const wide most = most_of(about);

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
        read_unsaid(r, "%s", why);
        return;
    }
    if (s->about == ASK_PROTO && s->family == 6) read_apart(r, "prey looks for the protocol behind extension headers, too");
    if (!strcmp(op, "==") || !strcmp(op, "in") || !strcmp(op, "!=")) {
        l.not = op[0] == '!';
        if (fits(s->about, &l))
            want_subject(r, s, l);
        else
            read_unsaid(r, "it has a number that the field can't have");
    } else if (ordered(s->about, op, &l, &cut, r->nft->s->arena)) {
        want_subject(r, s, cut);
    } else {
        read_unsaid(r, "prey can't compare it so");
    }
}

void want_value(struct reading_rule *r, const cJSON *key, const cJSON *value)
{
    struct subject s;
    const char *why = subject_of(key, &s);

    if (why)
        read_unsaid(r, "%s", why);
    else if (s.special)
        match_special(r, &s, "==", value);
    else
        match_list(r, &s, "==", value);
}

/* ---- several fields at once ---- */

struct joined {
    const cJSON *keys; /* of the concatenation */
    const cJSON **elements;
};

static const cJSON *value_of(const cJSON *element)
{
    const cJSON *inside;
    const char *kind = nft_kind(element, &inside);

    return kind && !strcmp(kind, "elem") ? cJSON_GetObjectItemCaseSensitive(inside, "val") : element;
}

/* Each field of the element is one condition. */
static void want_fields(struct reading_rule *r, const cJSON *keys, const cJSON *element)
{
    const cJSON *fields, *whole = value_of(element);
    const char *kind = nft_kind(whole, &fields);

    if (!kind || strcmp(kind, "concat") != 0 || cJSON_GetArraySize(keys) != cJSON_GetArraySize(fields)) {
        read_unsaid(r, "an element of its set has other fields");
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

static const cJSON **array_of(struct reading_rule *r, const cJSON *list, uint32_t *count)
{
    const cJSON *one, **out;
    uint32_t n = 0;

    *count = (uint32_t)cJSON_GetArraySize(list);
    out = arena_alloc(r->nft->s->arena, (*count + 1) * sizeof(*out));
    cJSON_ArrayForEach(one, list) out[n++] = one;
    return out;
}

static void match_concat(struct reading_rule *r, const char *op, const cJSON *keys, const cJSON *right)
{
    const cJSON *elements = elements_of(r->nft, right);
    struct joined j = {.keys = keys};
    uint32_t count = 1;

    if (strcmp(op, "==") != 0 && strcmp(op, "in") != 0) {
        read_unsaid(r, "prey can't exclude several fields at once");
        return;
    }
    if (elements)
        j.elements = array_of(r, elements, &count);
    else if (cJSON_IsString(right))
        count = 0;
    else
        j.elements = (const cJSON *[]){right};
    if (!count)
        read_unsaid(r, "the set holds nothing in this file");
    else
        read_alternatives(r, count, want_element, &j);
}

/* ---- maps of verdicts ---- */

struct verdict_map {
    const cJSON *key;          /* what is looked up */
    const cJSON *keys;         /* of a concatenation; else NULL */
    const cJSON **groups;      /* for each verdict the first pair; or each pair by itself */
    uint32_t count;
    const cJSON *pairs;
};

static bool same_verdict(const cJSON *a, const cJSON *b) { return cJSON_Compare(a, b, true); }

static const cJSON *verdict_of(const cJSON *pair) { return pair->child ? pair->child->next : NULL; }

static bool is_rest(const cJSON *pair)
{
    const char *text = cJSON_GetStringValue(value_of(pair->child));

    return text && !strcmp(text, "*");
}

static void take_verdict(struct reading_rule *r, const cJSON *pair)
{
    const cJSON *value;
    const char *kind = nft_kind(verdict_of(pair), &value);

    if (!kind || !read_verdict(r, kind, value)) read_unsaid(r, "its map gives something else than verdicts");
}

/* The keys of all pairs with this one's verdict; of `*` those that are no keys. */
static void want_group(struct reading_rule *r, uint32_t at, void *arg)
{
    const struct verdict_map *m = arg;
    const cJSON *pair = m->groups[at], *one;
    struct subject s;
    struct list l = {.not = is_rest(pair)};
    const char *why = m->keys ? NULL : subject_of(m->key, &s);

    if (m->keys) {
        want_fields(r, m->keys, pair->child);
        take_verdict(r, pair);
        return;
    }
    if (!why && s.special) why = "prey can't look it up in a map";
    cJSON_ArrayForEach(one, m->pairs) {
        const bool taken = is_rest(pair) ? !is_rest(one) : !is_rest(one) && same_verdict(verdict_of(one), verdict_of(pair));
        if (!why && taken) why = value_into(r->nft, &s, value_of(one->child), &l);
    }
    if (why)
        read_unsaid(r, "%s", why);
    else
        want_subject(r, &s, l);
    take_verdict(r, pair);
}

/* Keys with one verdict are one rule; of many verdicts each key is one. */
static void find_groups(struct reading_rule *r, struct verdict_map *m)
{
    enum { VERDICTS_MOST = 16 };
    uint32_t pairs;
    const cJSON **all = array_of(r, m->pairs, &pairs);

    m->groups = arena_alloc(r->nft->s->arena, (pairs + 1) * sizeof(*m->groups));
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t k = 0;

        while (!m->keys && k < m->count &&
               (is_rest(all[i]) || is_rest(m->groups[k]) || !same_verdict(verdict_of(m->groups[k]), verdict_of(all[i]))))
            k++;
        if (m->keys || k == m->count) m->groups[m->count++] = all[i];
        if (!m->keys && m->count > VERDICTS_MOST) return;
    }
}

static bool are_pairs(const cJSON *pairs)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, pairs) if (!cJSON_IsArray(one) || cJSON_GetArraySize(one) != 2) return false;
    return true;
}

void read_verdict_map(struct reading_rule *r, const cJSON *vmap)
{
    struct verdict_map m = {.key = cJSON_GetObjectItemCaseSensitive(vmap, "key")};
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(vmap, "data"), *inside;
    const char *kind = nft_kind(m.key, &inside);

    m.keys = kind && !strcmp(kind, "concat") ? inside : NULL;
    m.pairs = elements_of(r->nft, data);
    if (!m.pairs || !are_pairs(m.pairs) || !m.pairs->child) {
        read_unsaid(r, m.pairs && !m.pairs->child ? "the map holds nothing in this file" : "the file has no such map");
        return;
    }
    find_groups(r, &m);
    if (m.count > 16 && !m.keys)
        read_unsaid(r, "its map has more than 16 verdicts");
    else
        read_alternatives(r, m.count, want_group, &m);
}

void read_match(struct reading_rule *r, const cJSON *match)
{
    const cJSON *left = cJSON_GetObjectItemCaseSensitive(match, "left"), *inside,
                *right = cJSON_GetObjectItemCaseSensitive(match, "right");
    const char *op = nft_member(match, "op"), *kind = nft_kind(left, &inside);
    struct subject s;

    if (!op || !left || !right) {
        read_unsaid(r, "its comparison has no sense");
        return;
    }
    if (kind && !strcmp(kind, "concat")) {
        match_concat(r, op, inside, right);
        return;
    }
    const char *why = subject_of(left, &s);
    if (why)
        read_unsaid(r, "%s", why);
    else if (s.special)
        match_special(r, &s, op, right);
    else
        match_list(r, &s, op, right);
}
