/* Tuples: from a packet's headers to the id that both directions of its flow share */
#include "vm/flow/track/track_priv.h"
#include "vm/flow/track/tuple_ports.h"
#include "vm/packet/loop.h"
#include "vm/packet/parse/header.h"

static const struct icmp_query *query_of(const struct key *key)
{
    return icmp_query_of(key->kind & KIND_ICMP6, key->icmp_type);
}

enum flow_query flow_query(const struct key *key)
{
    const struct icmp_query *q = key->kind & KIND_ICMP_HEADER ? query_of(key) : NULL;
    if (!q) return FLOW_QUERY_NONE;
    return key->icmp_type == q->answers ? FLOW_QUERY_ANSWERS : FLOW_QUERY_ASKS;
}

/* Return 1 if the source is the high side, -1 if it is the low one, 0 if both are equal. */
ALONE int tuple_sides(const struct key *key THERE)
{
    for (unsigned i = 0; i < 4; i++)
        if (key->src[i] != key->dst[i]) return key->src[i] > key->dst[i] ? 1 : -1;
    if (!(key->kind & KIND_PORTS) || key->src_port == key->dst_port) return 0;
    return key->src_port > key->dst_port ? 1 : -1;
}

static void set_addresses(const struct key *key, bool high, struct flow_id *id)
{
    const uint32_t *low = high ? key->dst : key->src, *up = high ? key->src : key->dst;
    for (unsigned i = 0; i < 4; i++) {
        id->low[i] = low[i];
        id->high[i] = up[i];
    }
}

static uint32_t ports_of(const struct key *key, bool high)
{
    if (!(key->kind & KIND_PORTS)) return 0;
    return high ? two_ports(key->dst_port, key->src_port) : two_ports(key->src_port, key->dst_port);
}

/* Bits of tuple_query, beside the number of the pair of types. */
enum { ASKS = 1 << 8, ANSWERS = 1 << 9 };
/* Return the pair | ASKS, or | ANSWERS; 0: no such message. */
ALONE uint32_t tuple_query(const struct key *key THERE)
{
    const struct icmp_query *q = query_of(key);
    if (!q) return 0;
    return q->pair | (key->icmp_type == q->answers ? ANSWERS : ASKS);
}

ALONE enum track_how tuple_of_any(const struct key *key THERE, uint16_t query, uint16_t stack, struct flow_id *id THERE,
                                  uint8_t *at THERE)
{
    uint32_t asked = 0;
    if (!(key->kind & KIND_IP) || key->kind & KIND_FRAG_LATER) return HOW_NONE;
    if (key->kind & (KIND_ICMP | KIND_ICMP6) && !(asked = tuple_query(key))) return HOW_LOOSE;
    const bool answers = asked & ANSWERS;
    const int side = tuple_sides(key);
    uint32_t kind = key->kind & KIND_IP6 ? FLOW_ID_IP6 : 0;
    *at = (uint8_t)((side > 0 ? AT_HIGH : 0) | (side == 0 ? AT_SAME : 0) | (key_is_to_group(key) ? AT_GROUP : 0));
    set_addresses(key, side > 0, id);
    if (!asked) {
        id->rest = rest_of(ports_of(key, side > 0), stack, key->proto, kind);
        return key->kind & KIND_TCP ? HOW_TCP : HOW_PLAIN;
    }
    kind |= (asked & UINT8_MAX) * (uint32_t)FLOW_ID_QUERY;
    if (side != 0 && (side > 0) != answers) kind |= FLOW_ID_ASKS_HIGH;
    id->rest = rest_of(two_ports(query, query), stack, key->proto, kind);
    *at |= answers ? AT_QUERY | AT_ANSWER : AT_QUERY;
    return answers ? HOW_REPLY : HOW_PLAIN;
}

enum track_how tuple_of(const struct key *key, uint16_t query, uint16_t stack, struct flow_id *id, uint8_t *at)
{
    if (tuple_is_ports4(key)) return tuple_of_ports4(key, stack, id, at);
    return tuple_of_any(key, query, stack, id, at);
}
