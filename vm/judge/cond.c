/* One condition of the rule list on one packet, as cond.def defines it: the meaning that every faster executor must
 * match. A condition on a field that the packet does not have is false, and so is its `not`. */
#include "vm/judge/effects.h"

struct asked {
    const struct program *p;
    const struct pbc_cond *c;
    const struct key *key;
    const struct pkt *pkt;
};

static bool in_ranges(const struct asked *a, uint32_t value)
{
    const struct pbc_range *r = a->p->ranges + a->c->first;
    for (uint32_t i = 0; i < a->c->count; i++)
        if (r[i].lo <= value && value <= r[i].hi) return true;
    return false;
}

/* Traits of conditions on more than one bit of key.kind. */
enum { ASKS_MORE = COND_ARG_FREES | COND_HAS_ALL | COND_HAS_STATE | COND_ARG_KINDS | COND_ARG_TELLS };

static inline bool packet_has(const struct cond_info *k, const struct pbc_cond *c, const struct key *key,
                              const struct pkt *pkt)
{
    const uint32_t there = key->kind & k->has;
    if (!(k->traits & ASKS_MORE)) return (there || !k->has) && (!k->word || cond_number(k, key, pkt) <= k->most);
    if (k->traits & COND_ARG_FREES && c->arg) return true;
    if (k->traits & COND_ARG_TELLS && key->kind & c->arg) return true;
    if (k->traits & COND_HAS_ALL ? there != k->has : k->has && !there) return false;
    if (k->traits & COND_HAS_STATE && !(key->marks & MARK_STATES)) return false;
    if (k->traits & COND_ARG_KINDS && c->arg && !(key->kind & c->arg)) return false;
    return !k->word || cond_number(k, key, pkt) <= k->most;
}

bool cond_has(const struct pbc_cond *c, const struct key *key, const struct pkt *pkt)
{
    return packet_has(&cond_info[c->kind], c, key, pkt);
}

static bool family_holds(const struct asked *a) { return a->key->kind & a->c->arg; }

static bool fragment_holds(const struct asked *a) { return a->key->kind & a->c->arg; }

static bool proto_holds(const struct asked *a)
{
    if (a->key->kind & a->c->arg || in_ranges(a, a->key->proto)) return true;
    return a->key->kind & KIND_IP4 && in_ranges(a, PBC_PROTO_IP4 + a->key->proto);
}

static bool number_holds(const struct asked *a)
{
    return in_ranges(a, cond_number(&cond_info[a->c->kind], a->key, a->pkt));
}

static bool address_holds(const struct asked *a)
{
    for (uint32_t i = 0; i < a->c->count; i++)
        if (set_has_plain(a->p, a->c->first + i, a->key, a->c->kind == COND_TO)) return true;
    return a->key->kind & a->c->arg;
}

static bool nd_holds(const struct asked *a) { return a->key->kind & KIND_ND; }

static bool vlan_holds(const struct asked *a)
{
    const bool tagged = a->key->kind & KIND_VLAN;
    return a->c->arg & (tagged ? VLAN_ANY : VLAN_NONE) || (tagged && in_ranges(a, a->key->vlan_outer));
}

static bool mac_holds(const struct asked *a)
{
    const uint64_t mac = pkt_mac(a->pkt, a->c->kind == COND_ETHER_TO);
    for (uint32_t i = 0; i < a->c->count; i++)
        if (mac_set_has(a->p, a->c->first + i, mac)) return true;
    return mac_is(mac, a->c->arg);
}

static bool flags_holds(const struct asked *a)
{
    const uint32_t has = a->c->arg & 0xff, lacks = a->c->arg >> 8;
    return (a->key->marks & has) == has && !(a->key->marks & lacks);
}

static bool state_holds(const struct asked *a) { return a->key->marks & a->c->arg; }

static bool options_holds(const struct asked *a) { return !(a->key->kind & KIND_OPTIONS) == !a->c->arg; }

static bool bytes_holds(const struct asked *a) /* false if the packet lacks the layer */
{
    return pkt_pattern(a->pkt, a->key, &a->p->patterns[a->c->first]);
}

static bool during_holds(const struct asked *a) { return a->key->marks >> MARK_SCHEDULES & a->c->arg; }

static bool meter_holds(const struct asked *a)
{
    const enum meter_says wanted = a->c->kind == COND_OVER ? METER_OVER : METER_WITHIN;
    return meter_peek(NULL, a->p, a->c->first, a->key, NULL) == wanted;
}

static bool flows_holds(const struct asked *a) /* without tracking no source holds flows */ { return false; }

static bool stream_holds(const struct asked *a) /* packets have no stream (decide.h) */ { return false; }

/* Tests of whether a condition holds, by kind. The packet has the condition's field. */
static bool (*const holds[COND_COUNT])(const struct asked *a) = {
#define COND(ident, name, code, operands, has, args, words, traits, lacks, doc) [COND_##ident] = code##_holds,
#include "vm/cond.def"
};

bool cond_match(const struct program *p, const struct pbc_cond *c, const struct key *key, const struct pkt *pkt)
{
    if (!packet_has(&cond_info[c->kind], c, key, pkt)) return false;
    const bool any = c->flags & PBC_COND_ANY, negated = c->flags & PBC_COND_NOT;
    return (any || holds[c->kind](&(struct asked){p, c, key, pkt})) != negated;
}
