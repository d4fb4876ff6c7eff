/* Statements snat, dnat, masquerade, redirect */
#include <string.h>

#include "compiler/import/nft/nft_priv.h"
#include "compiler/import/rows.h"

/* Read one port or a range. */
static bool ports_of(const cJSON *v, struct translation_act *nat)
{
    const cJSON *inside, *a = v, *b = v;
    const char *kind = nft_kind(v, &inside);
    if (!v) return true;
    if (kind && !strcmp(kind, "range") && cJSON_IsArray(inside)) {
        a = inside->child;
        b = a ? a->next : NULL;
    }
    if (!cJSON_IsNumber(a) || !cJSON_IsNumber(b) || a->valuedouble < 1 || b->valuedouble > 65535 ||
        a->valuedouble > b->valuedouble)
        return false;
    nat->port_lo = (uint16_t)a->valuedouble;
    nat->port_hi = (uint16_t)b->valuedouble;
    return true;
}

/* Read an address, a range or a prefix; or an address and a port. */
static bool address_of(struct reading_rule *r, const cJSON *v, struct translation_act *nat)
{
    const struct subject address = {.about = ASK_TO};
    const cJSON *inside;
    const char *kind = nft_kind(v, &inside);
    struct list l = {0};
    if (!v) return true;
    if (kind && !strcmp(kind, "concat"))
        return inside->child && ports_of(inside->child->next, nat) && address_of(r, inside->child, nat);
    if (value_into(r->nft, &address, v, &l) || l.count != 1 || l.set) return false;
    nat->to = l.of[0];
    return true;
}

static void translate(struct reading_rule *r, const struct translation_act *nat)
{
    for (struct rule *one = r->first; one; one = one->next) {
        one->act = ACT_TRANSLATE;
        one->nat = *nat;
        if (nat->to.family) rule_want_family(one, nat->to.family);
    }
}

/* A map such as `dnat to tcp dport map { 80 : 10.0.0.1 }`; each key becomes one rule */
struct address_map {
    const cJSON *key;
    const cJSON **pairs;
    struct translation_act nat;
};

static void want_mapped(struct reading_rule *r, uint32_t at, void *arg)
{
    const struct address_map *m = arg;
    const cJSON *pair = m->pairs[at], *to = pair->child ? pair->child->next : NULL;
    struct translation_act nat = m->nat;
    if (!to || !address_of(r, to, &nat)) {
        read_unsaid(r, "the map has no addresses");
        return;
    }
    want_value(r, m->key, pair->child);
    translate(r, &nat);
}

static void read_map(struct reading_rule *r, const cJSON *map, const struct translation_act *nat)
{
    const cJSON *pairs = elements_of(r->nft, cJSON_GetObjectItemCaseSensitive(map, "data"));
    struct address_map m = {.key = cJSON_GetObjectItemCaseSensitive(map, "key"), .nat = *nat};
    uint32_t count;
    m.pairs = array_of(r, pairs, &count);
    if (!count)
        read_unsaid(r, "the map is empty in this file");
    else
        read_alternatives(r, count, want_mapped, &m);
}

bool read_translation(struct reading_rule *r, const char *kind, const cJSON *value)
{
    static const char *const names[] = {[NAT_MASQUERADE] = "masquerade",
                                        [NAT_SOURCE] = "snat",
                                        [NAT_DESTINATION] = "dnat",
                                        [NAT_REDIRECT] = "redirect"};
    const cJSON *addr = cJSON_GetObjectItemCaseSensitive(value, "addr"), *inside;
    struct translation_act nat = {0};
    const size_t how = ROW_NAMED(names, kind);
    if (how == ROWS(names)) return false;
    nat.how = (unsigned)how;
    const bool prefix = nft_member(value, "type_flags") && !strcmp(nft_member(value, "type_flags"), "prefix");
    const char *addr_kind = nft_kind(addr, &inside);
    if (prefix)
        read_unsaid(r, "the rule translates a prefix in one direction, but prey's `map` translates in both");
    else if (!ports_of(cJSON_GetObjectItemCaseSensitive(value, "port"), &nat))
        read_unsaid(r, "the ports come from a map");
    else if (addr_kind && !strcmp(addr_kind, "map"))
        read_map(r, inside, &nat);
    else if (!address_of(r, addr, &nat))
        read_unsaid(r, "the address comes from a map");
    else
        translate(r, &nat);
    return true;
}
