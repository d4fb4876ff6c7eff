/* Read the left side of a comparison, and the values on its right. */
#include <stdio.h>
#include <string.h>

#include "compiler/import/given_names.h"
#include "compiler/import/nft/nft_priv.h"
#include "compiler/import/rows.h"
#include "vm/words/words.h"

const char *nft_kind(const cJSON *o, const cJSON **value)
{
    *value = NULL;
    if (!cJSON_IsObject(o) || !o->child) return NULL;
    *value = o->child;
    return o->child->string;
}

const char *nft_member(const cJSON *o, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

/* Read a number without a fraction, up to `most`. */
static bool whole_number(const cJSON *v, uint32_t most, uint64_t *out)
{
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= most)) return false;
    *out = (uint64_t)v->valuedouble;
    return (double)*out == v->valuedouble;
}

static const struct field {
    const char *protocol, *name;
    enum about about;
    uint8_t family, proto, more;
} fields[] = {
    {"ip", "saddr", ASK_FROM, 4, 0, 0},          {"ip", "daddr", ASK_TO, 4, 0, 0},
    {"ip", "protocol", ASK_PROTO, 4, 0, 0},      {"ip", "ttl", ASK_TTL, 4, 0, 0},
    {"ip", "length", ASK_LENGTH, 4, 0, 0},       {"ip", "dscp", ASK_DSCP, 4, 0, 0},
    {"ip6", "saddr", ASK_FROM, 6, 0, 0},         {"ip6", "daddr", ASK_TO, 6, 0, 0},
    {"ip6", "hoplimit", ASK_TTL, 6, 0, 0},       {"ip6", "length", ASK_LENGTH, 6, 0, 40},
    {"ip6", "dscp", ASK_DSCP, 6, 0, 0},          {"ip6", "flowlabel", ASK_FLOWLABEL, 6, 0, 0},
    {"ip6", "nexthdr", ASK_PROTO, 6, 0, 0},      {"th", "sport", ASK_SPORT, 0, 0, 0},
    {"th", "dport", ASK_DPORT, 0, 0, 0},         {"icmp", "type", ASK_ICMP_TYPE, 0, 1, 0},
    {"icmp", "code", ASK_ICMP_CODE, 0, 1, 0},    {"icmpv6", "type", ASK_ICMP_TYPE, 0, 58, 0},
    {"icmpv6", "code", ASK_ICMP_CODE, 0, 58, 0}, {"ether", "saddr", ASK_ETHER_FROM, 0, 0, 0},
    {"ether", "daddr", ASK_ETHER_TO, 0, 0, 0},   {"ether", "type", ASK_ETHER_TYPE, 0, 0, 0},
    {"vlan", "id", ASK_VLAN, 0, 0, 0},           {"meta", "iif", ASK_ON, 0, 0, 0},
    {"meta", "iifname", ASK_ON, 0, 0, 0},        {"meta", "oif", ASK_OUT_ON, 0, 0, 0},
    {"meta", "oifname", ASK_OUT_ON, 0, 0, 0},    {"meta", "l4proto", ASK_PROTO, 0, 0, 0},
    {"meta", "length", ASK_LENGTH, 0, 0, 0},     {"meta", "protocol", ASK_ETHER_TYPE, 0, 0, 0},
    {"ct", "state", ASK_STATE, 0, 0, 0},
};

static bool port_subject(const char *protocol, const char *name, struct subject *out)
{
    const unsigned proto = proto_number(protocol);
    const bool source = !strcmp(name, "sport");
    if (!proto_has_ports(proto) || (!source && strcmp(name, "dport") != 0)) return false;
    *out = (struct subject){.about = source ? ASK_SPORT : ASK_DPORT, .proto = (uint8_t)proto};
    return true;
}

static const char *field_of(const char *protocol, const char *name, struct subject *out)
{
    if (protocol && name && port_subject(protocol, name, out)) return NULL;
    for (size_t i = 0; protocol && name && i < sizeof(fields) / sizeof(*fields); i++)
        if (!strcmp(fields[i].protocol, protocol) && !strcmp(fields[i].name, name)) {
            *out = (struct subject){
                .about = fields[i].about, .family = fields[i].family, .proto = fields[i].proto, .more = fields[i].more};
            return NULL;
        }
    return no_condition;
}

const char no_condition[] = "prey has no such condition";

static const char *special(struct subject *out, enum subject_kind what)
{
    *out = (struct subject){.special = true, .what = what, .mask = 0xff};
    return NULL;
}

static bool has_flag(const cJSON *fib, const char *flag)
{
    const cJSON *flags = cJSON_GetObjectItemCaseSensitive(fib, "flags"), *one;
    if (cJSON_IsString(flags)) return !strcmp(flags->valuestring, flag);
    cJSON_ArrayForEach(one, flags) if (cJSON_IsString(one) && !strcmp(one->valuestring, flag)) return true;
    return false;
}

static const char *fib_of(const cJSON *fib, struct subject *out)
{
    const char *result = nft_member(fib, "result");
    const cJSON *flags = cJSON_GetObjectItemCaseSensitive(fib, "flags");
    const int asked = cJSON_IsArray(flags) ? cJSON_GetArraySize(flags) : 1;
    const bool route = result && !strcmp(result, "oif") && has_flag(fib, "saddr") && has_flag(fib, "iif");
    if (route && (asked == 2 || (asked == 3 && has_flag(fib, "mark")))) {
        special(out, SUBJECT_ROUTE);
        out->mask = asked == 3;
        return NULL;
    }
    if (!result || strcmp(result, "type") != 0 || asked != 1 || !(has_flag(fib, "saddr") || has_flag(fib, "daddr")))
        return "prey has no condition for this `fib` expression";
    special(out, SUBJECT_ADDRESS_TYPE);
    out->about = has_flag(fib, "saddr") ? ASK_FROM : ASK_TO;
    return NULL;
}

/* Read `tcp flags & (fin|syn)` or `ip frag-off & 0x1fff`. */
static const char *masked_of(const cJSON *both, struct subject *out)
{
    const cJSON *left = both->child, *mask = left ? left->next : NULL;
    const cJSON *payload = cJSON_GetObjectItemCaseSensitive(left, "payload");
    const char *protocol = nft_member(payload, "protocol"), *field = nft_member(payload, "field");
    uint64_t number;
    if (protocol && field && !strcmp(protocol, "tcp") && !strcmp(field, "flags")) {
        special(out, SUBJECT_FLAGS);
        return flags_of(mask, &out->mask) ? NULL : "prey doesn't know these flags";
    }
    if (protocol && field && !strcmp(protocol, "ip") && !strcmp(field, "frag-off") &&
        whole_number(mask, UINT16_MAX, &number)) {
        special(out, SUBJECT_FRAGMENT);
        out->mask = (uint16_t)number;
        return NULL;
    }
    return "prey compares only whole fields";
}

const char *subject_of(const cJSON *left, struct subject *out)
{
    const cJSON *v;
    const char *kind = nft_kind(left, &v);
    const char *key = nft_member(v, "key");
    if (!kind) return no_condition;
    if (!strcmp(kind, "payload")) {
        const char *protocol = nft_member(v, "protocol"), *field = nft_member(v, "field");
        if (!protocol) return "the rule compares bytes at an offset";
        if (field && !strcmp(protocol, "tcp") && !strcmp(field, "flags")) return special(out, SUBJECT_FLAGS);
        return field_of(protocol, field, out);
    }
    if (!strcmp(kind, "&")) return masked_of(v, out);
    if (!strcmp(kind, "fib")) return fib_of(v, out);
    if (!strcmp(kind, "exthdr") && !strcmp(nft_member(v, "name") ? nft_member(v, "name") : "", "frag") &&
        !nft_member(v, "field"))
        return special(out, SUBJECT_HEADER);
    if (!strcmp(kind, "meta") && key && !strcmp(key, "nfproto")) return special(out, SUBJECT_FAMILY);
    if (!strcmp(kind, "meta") && key && !strcmp(key, "pkttype")) return special(out, SUBJECT_PACKET_TYPE);
    if (!strcmp(kind, "ct") && key && !strcmp(key, "status")) return special(out, SUBJECT_STATUS);
    if (!strcmp(kind, "meta") && key && (!strcmp(key, "hour") || !strcmp(key, "day") || !strcmp(key, "time")))
        return "write a `schedule`, and `during` in the rule";
    if (!strcmp(kind, "meta") || (!strcmp(kind, "ct") && !nft_member(v, "dir"))) return field_of(kind, key, out);
    return no_condition;
}

static const struct number_word {
    const char *name;
    uint16_t number;
} protocols[] = {{"ipv6-icmp", 58}, {"icmpv6", 58}, {"ipencap", 4}, {"udplite", 136}, {"comp", 108}},
  codes4[] = {{"net-unreachable", 0}, {"host-unreachable", 1}, {"prot-unreachable", 2}, {"port-unreachable", 3},
              {"frag-needed", 4},     {"net-prohibited", 9},   {"host-prohibited", 10}, {"admin-prohibited", 13}},
  codes6[] = {{"no-route", 0},         {"admin-prohibited", 1}, {"addr-unreachable", 3},
              {"port-unreachable", 4}, {"policy-fail", 5},      {"reject-route", 6}},
  ether_types[] = {{"ip", 0x0800},    {"arp", 0x0806},    {"ip6", 0x86dd},
                   {"8021q", 0x8100}, {"8021ad", 0x88a8}, {"vlan", 0x8100}};

static bool find_named(const struct number_word *rows, size_t n, const char *name, uint64_t *out)
{
    const size_t row = row_named(rows, n, sizeof(*rows), name);
    if (row < n) *out = rows[row].number;
    return row < n;
}
#define FIND(rows, name, out) find_named(rows, ROWS(rows), name, out)

static bool find_protocol(const char *name, uint64_t *out)
{
    *out = proto_number(name);
    return *out != PROTO_UNKNOWN || FIND(protocols, name, out);
}

static bool find_type(unsigned family, const char *name, uint64_t *out)
{
    for (unsigned i = 0; i < 256; i++) {
        const char *known = icmp_type_name(family, i);
        if (known && !strcmp(known, name)) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool subject_number(const struct subject *s, const cJSON *v, uint64_t *out)
{
    if (cJSON_IsNumber(v)) return whole_number(v, UINT32_MAX, out);
    if (!cJSON_IsString(v)) return false;
    switch (s->about) {
    case ASK_PROTO: return find_protocol(v->valuestring, out);
    case ASK_ICMP_TYPE: return find_type(s->proto == 58 ? 6 : 4, v->valuestring, out);
    case ASK_ICMP_CODE: return s->proto == 58 ? FIND(codes6, v->valuestring, out) : FIND(codes4, v->valuestring, out);
    case ASK_DSCP: return number_of_word(NFT, v->valuestring, out);
    case ASK_ETHER_TYPE: return FIND(ether_types, v->valuestring, out);
    default: return false;
    }
}

static bool is_address(enum about about) { return about == ASK_FROM || about == ASK_TO; }

static bool is_asked_by_word(enum about about)
{
    return about == ASK_ON || about == ASK_OUT_ON || about == ASK_ETHER_FROM || about == ASK_ETHER_TO ||
           about == ASK_STATE;
}

static const char not_known[] = "the rule has an unknown value";

/* Add an address, the range from a to b, or a prefix, as text. */
static const char *address_into(struct nft *n, const cJSON *a, const cJSON *b, int length, struct list *out)
{
    char text[128];
    if (!cJSON_IsString(a) || (b && !cJSON_IsString(b))) return not_known;
    if (b)
        snprintf(text, sizeof(text), "%.50s-%.50s", a->valuestring, b->valuestring);
    else if (length >= 0)
        snprintf(text, sizeof(text), "%.50s/%d", a->valuestring, length);
    else
        snprintf(text, sizeof(text), "%.50s", a->valuestring);
    return list_address(out, text, strlen(text), n->s->arena) ? NULL : not_known;
}

static const char *each_into(struct nft *n, const struct subject *s, const cJSON *list, struct list *out)
{
    const cJSON *one;
    const char *why = NULL;
    cJSON_ArrayForEach(one, list) if (!why) why = value_into(n, s, one, out);
    return why;
}

static bool is_longer(const cJSON *list, unsigned most)
{
    const cJSON *one;
    unsigned n = 0;
    cJSON_ArrayForEach(one, list) if (n++ == most) return true;
    return false;
}

/* Add the elements of a named set or map, none of which may be a set. */
static const char *elements_into(struct nft *n, const struct subject *s, const char *name, struct list *out)
{
    enum { ELEMENTS_MOST = 1024 };
    const struct kept *k = kept_find(n, name);
    const cJSON *elements = k ? cJSON_GetObjectItemCaseSensitive(k->item, "elem") : NULL;
    if (!k || n->in_set) return k ? not_known : "the file has no such set";
    if (is_longer(elements, ELEMENTS_MOST))
        return "the set has more than 1,024 elements, which aren't addresses or ports";
    n->in_set = true;
    const char *why = each_into(n, s, elements, out);
    n->in_set = false;
    return why;
}

/* Add a named set: addresses and ports by its name, all else by its elements. */
static const char *set_into(struct nft *n, const struct subject *s, const char *name, struct list *out)
{
    struct set *set = ruleset_find_set(n->s, n->scope, name);
    const bool address = is_address(s->about), port = s->about == ASK_DPORT || s->about == ASK_SPORT;
    if (!set || !(address || port) || out->count || set->kind != (address ? ABOUT_ADDRESSES : ABOUT_NUMBERS))
        return elements_into(n, s, name, out);
    out->set = set;
    return NULL;
}

static const char *text_into(struct nft *n, const struct subject *s, const cJSON *v, struct list *out)
{
    uint64_t number;
    if (v->valuestring[0] == '@') return set_into(n, s, v->valuestring + 1, out);
    if (is_asked_by_word(s->about)) {
        static const char *const states[] = {"new", "established", "related", "invalid", "untracked"};
        if (s->about == ASK_STATE && ROW_NAMED(states, v->valuestring) == ROWS(states)) return not_known;
        list_word(out, v->valuestring, strlen(v->valuestring), n->s->arena);
        return NULL;
    }
    if (is_address(s->about)) return address_into(n, v, NULL, -1, out);
    if (!subject_number(s, v, &number)) return not_known;
    list_number(out, number + s->more, number + s->more, n->s->arena);
    return NULL;
}

const char *value_into(struct nft *n, const struct subject *s, const cJSON *v, struct list *out)
{
    const cJSON *inside;
    const char *kind = nft_kind(v, &inside);
    uint64_t number;
    ruleset_spend(n->s, 1);
    if (cJSON_IsString(v)) return text_into(n, s, v, out);
    if (cJSON_IsArray(v)) return each_into(n, s, v, out);
    if (cJSON_IsNumber(v) && !is_asked_by_word(s->about) && !is_address(s->about)) {
        if (!subject_number(s, v, &number)) return not_known;
        list_number(out, number + s->more, number + s->more, n->s->arena);
        return NULL;
    }
    if (!kind) return not_known;
    if (!strcmp(kind, "set")) return each_into(n, s, inside, out);
    if (!strcmp(kind, "elem")) return value_into(n, s, cJSON_GetObjectItemCaseSensitive(inside, "val"), out);
    if (!strcmp(kind, "range")) {
        const cJSON *a = cJSON_IsArray(inside) ? inside->child : NULL, *b = a ? a->next : NULL;
        uint64_t lo, hi;
        if (!b || is_asked_by_word(s->about)) return not_known;
        if (is_address(s->about)) return address_into(n, a, b, -1, out);
        if (!subject_number(s, a, &lo) || !subject_number(s, b, &hi) || lo > hi) return not_known;
        list_number(out, lo + s->more, hi + s->more, n->s->arena);
        return NULL;
    }
    if (!strcmp(kind, "prefix") && is_address(s->about)) {
        const cJSON *len = cJSON_GetObjectItemCaseSensitive(inside, "len");
        const double bits = cJSON_GetNumberValue(len);
        return cJSON_IsNumber(len) && bits >= 0 && bits <= 128
                   ? address_into(n, cJSON_GetObjectItemCaseSensitive(inside, "addr"), NULL, (int)bits, out)
                   : not_known;
    }
    return not_known;
}

const cJSON *elements_of(struct nft *n, const cJSON *set)
{
    const cJSON *inside;
    const char *kind = nft_kind(set, &inside);
    if (cJSON_IsString(set) && set->valuestring[0] == '@') {
        const struct kept *k = kept_find(n, set->valuestring + 1);
        return k ? cJSON_GetObjectItemCaseSensitive(k->item, "elem") : NULL;
    }
    return kind && !strcmp(kind, "set") ? inside : NULL;
}

bool flags_of(const cJSON *v, uint16_t *mask)
{
    static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"};
    const cJSON *inside, *one;
    const char *kind = nft_kind(v, &inside);
    uint16_t all = 0, part;
    uint64_t number;
    if (whole_number(v, UINT8_MAX, &number)) {
        *mask = (uint16_t)number;
        return true;
    }
    if (cJSON_IsString(v)) {
        const size_t row = ROW_NAMED(names, v->valuestring);
        *mask = row < ROWS(names) ? (uint16_t)(1u << row) : 0;
        return row < ROWS(names);
    }
    if (kind && strcmp(kind, "|") != 0) return false;
    if (!kind && !cJSON_IsArray(v)) return false;
    const cJSON *parts = kind ? inside : v;
    cJSON_ArrayForEach(one, parts)
    {
        if (!flags_of(one, &part)) return false;
        all |= part;
    }
    *mask = all;
    return true;
}
