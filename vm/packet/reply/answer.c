/* Choose the reply to a rejected packet, and the packets that get none. */
#include "vm/packet/parse/header.h"
#include "vm/packet/parse/read.h"
#include "vm/packet/reply/frame.h"

/* True if the address is not a single host's: this network, loopback, multicast, class E and broadcast (RFC 1122,
 * 3.2.2). */
static bool is_no_host4(uint32_t a) { return a >> 24 == 0 || a >> 24 == 127 || a >> 28 >= 0xe; }

/* True for an unspecified, loopback or multicast address (RFC 4443, 2.4 (e.6)). */
static bool is_no_host6(const uint32_t a[4]) { return a[0] >> 24 == 0xff || ((a[0] | a[1] | a[2]) == 0 && a[3] <= 1); }

static const char *addresses_forbid(const struct key *key)
{
    const bool v4 = key->kind & KIND_IP4;
    const uint32_t *dst = key->dst;
    if (v4 ? is_no_host4(key->src[0]) : is_no_host6(key->src))
        return "its source address doesn't belong to a single host";
    if (key_is_to_group(key)) return "its destination address is multicast or broadcast";
    return (v4 ? dst[0] >> 24 : dst[0] | dst[1] | dst[2] | dst[3]) ? NULL : "its destination address is unspecified";
}

/* True unless the packet is an ICMP error, or may be one: an unknown type might be an error. */
static bool icmp_allows(const struct key *key)
{
    const bool v6 = key->kind & KIND_ICMP6;
    if (!v6 && !(key->kind & KIND_ICMP)) return true;
    if (icmp_type_is_error(v6, key->icmp_type)) return false;
    return v6 ? key->icmp_type != ICMP6_REDIRECT : key->icmp_type <= ICMP4_LAST_KNOWN;
}

const char *answer_withheld(const struct pkt *pkt, const struct key *key)
{
    if (pkt->reason) return "it is malformed";
    if (!(key->kind & KIND_IP)) return "it isn't IP";
    if (key->kind & KIND_FRAG_LATER) return "it is a later fragment";
    if (key->kind & KIND_TCP && key->marks & TCP_RST) return "it is itself a RST";
    if (!icmp_allows(key)) return "it is an ICMP error, or of a type that may be an error";
    const char *why = addresses_forbid(key);
    if (why) return why;
    enum { GROUP_BIT = 40 };
    if (pkt->link == LINK_ETHER && pkt_mac(pkt, false) >> GROUP_BIT & 1)
        return "its source MAC is multicast or broadcast";
    return pkt_is_to_stations(pkt) ? "its destination MAC is multicast or broadcast" : NULL;
}

bool answer_allowed(const struct pkt *pkt, const struct key *key) { return !answer_withheld(pkt, key); }

enum answer_form answer_form(const struct pkt *pkt, const struct key *key, enum pbc_answer kind)
{
    if (!answer_allowed(pkt, key)) return ANSWER_NONE;
    bool tcp = key->kind & KIND_TCP;
    switch (kind) {
    case PBC_ANSWER_DEFAULT: return tcp ? ANSWER_RST : ANSWER_PORT_UNREACHABLE;
    case PBC_ANSWER_RST: return tcp ? ANSWER_RST : ANSWER_NONE;
    case PBC_ANSWER_UNREACHABLE: return ANSWER_PORT_UNREACHABLE;
    case PBC_ANSWER_PROHIBITED: return ANSWER_ADMIN_PROHIBITED;
    }
    return ANSWER_NONE;
}

struct pkt *answer_build(const struct pkt *pkt, const struct key *key, enum answer_form form, struct pool *pool)
{
    struct pkt *out = NULL;
    switch (form) {
    case ANSWER_NONE: break;
    case ANSWER_RST: return build_rst(pkt, key, pool, &out) ? NULL : out;
    case ANSWER_PORT_UNREACHABLE: return build_unreachable(pkt, key, UNREACHABLE_PORT, pool, &out) ? NULL : out;
    case ANSWER_ADMIN_PROHIBITED: return build_unreachable(pkt, key, UNREACHABLE_PROHIBITED, pool, &out) ? NULL : out;
    }
    return NULL;
}
