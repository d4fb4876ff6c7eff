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

/* Return AT_HIGH if the source is the high side, AT_SAME if both are equal, else 0. */
ALONE uint32_t tuple_sides(const struct key *key THERE)
{
    for (unsigned i = 0; i < 4; i++)
        if (key->src[i] != key->dst[i]) return key->src[i] > key->dst[i] ? AT_HIGH : 0;
    if (!(key->kind & KIND_PORTS) || key->src_port == key->dst_port) return AT_SAME;
    return key->src_port > key->dst_port ? AT_HIGH : 0;
}

/* Bits of tuple_query's result, beside the number of the pair of types. */
enum { ASKS = 1 << 8, ANSWERS = 1 << 9 };
/* Return the pair of types with ASKS or ANSWERS set; 0: neither query nor reply. */
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
    const uint32_t sides = tuple_sides(key), swap = -(sides & AT_HIGH);
    uint32_t kind = key->kind & KIND_IP6 ? FLOW_ID_IP6 : 0;
    *at = (uint8_t)(sides | LOOSE(key_is_to_group(key) ? AT_GROUP : 0u));
    tuple_addresses(key, swap, id);
    if (!asked) {
        id->rest = rest_of(key->kind & KIND_PORTS ? tuple_two_ports(key, swap) : 0, stack, key->proto, kind);
        return key->kind & KIND_TCP ? HOW_TCP : HOW_PLAIN;
    }
    kind |= (asked & UINT8_MAX) * (uint32_t)FLOW_ID_QUERY;
    if (!(sides & AT_SAME) && (sides & AT_HIGH) != answers) kind |= FLOW_ID_ASKS_HIGH;
    id->rest = rest_of(two_ports(query, query), stack, key->proto, kind);
    *at |= answers ? AT_QUERY | AT_ANSWER : AT_QUERY;
    return answers ? HOW_REPLY : HOW_PLAIN;
}

enum track_how tuple_of(const struct key *key, uint16_t query, uint16_t stack, struct flow_id *id, uint8_t *at)
{
    if (tuple_is_ports4(key)) return tuple_of_ports4(key, stack, id, at);
    return tuple_of_any(key, query, stack, id, at);
}
