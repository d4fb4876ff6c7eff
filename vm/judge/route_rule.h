/* Policy rules: conditions that choose the table for a packet's way (`ip rule`). Both executors share this code. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/judge/why.h"
#include "vm/packet/facts.h"
#include "vm/packet/key.h"

enum route_does {
    ROUTE_LOOKS_UP, /* the view gives the way; if no route there holds the address, the next rule is tried */
    ROUTE_REFUSES,
    ROUTE_GOES_TO, /* the rule `next` is tried */
    ROUTE_ASKS,    /* the way is unknown, by reason `why` */
    ROUTE_DOES
};
enum route_asks {
    ROUTE_ASKS_NOT = 1 << 0,     /* the conditions together do not hold */
    ROUTE_ASKS_MARK = 1 << 1,    /* a mark */
    ROUTE_ASKS_NO_MARK = 1 << 2, /* a packet without a mark fits; with ROUTE_ASKS_MARK only */
    ROUTE_ASKS_HERE = 1 << 3,    /* this machine sends the packet (`iif lo`) */
    ROUTE_ASKS_UNSEEN = 1 << 4,  /* something that prey cannot see, by reason `why` */
    ROUTE_ASKS_NOTHING = 1 << 5, /* something that no forwarded or arriving packet has */
    ROUTE_ASKS_ARRIVAL = 1 << 6, /* an interface of arrival: `device`, `port` */
    ROUTE_ASKS_TOS = 1 << 7,     /* any TOS but 0 */
};
/* A rule of a family. A condition of 0 (a prefix of no bits) always holds. */
struct route_rule {
    uint32_t from[4], to[4];
    uint16_t src_ports[2], dst_ports[2]; /* ranges of ports, both ends included */
    uint8_t family, from_bits, to_bits;
    uint8_t proto, tos;
    uint8_t asks;        /* enum route_asks */
    uint8_t does;        /* enum route_does */
    uint8_t why;         /* enum way_why */
    uint8_t rank;        /* place among the rules of its family */
    uint8_t view;        /* with ROUTE_LOOKS_UP: index in views */
    uint8_t next;        /* with ROUTE_GOES_TO: index among the list's rules of the family, later than this one */
    uint8_t port;        /* interface of arrival: its index among those served; ROUTE_NO_PORT: not served */
    uint16_t device;     /* interface of arrival: 1 + its index among the table's devices */
    uint16_t iface, tag; /* in maps of the kernel: as in struct facts_device */
    uint8_t mark; /* with ROUTE_ASKS_MARK: the same number for rules of the family that ask for one mark; 0: no other
                     rule */
    uint8_t zero[5];
};
static_assert(sizeof(struct route_rule) == 64, "a power of two (docs/kernel.md)");

/* Interface by which a packet came: unknown, or none because this machine sends the packet. */
enum { ROUTE_IN_UNKNOWN = IFACE_NONE, ROUTE_IN_NONE = 0xfffc };

/* A packet as rules see it. */
struct route_seen {
    uint32_t from[4], to[4];
    uint16_t in;                 /* interface of arrival, as in struct route_query */
    uint16_t tag;                /* as in struct facts_device; 0: unknown */
    uint16_t src_port, dst_port; /* ports; 0: the packet has none */
    uint8_t family, proto, tos;
    bool marked;
};

/* Result for one rule: NO, YES, or FIT_UNKNOWN with the cause added. */
enum route_fit { FIT_NO, FIT_YES, FIT_UNKNOWN };

/* Ways of a packet by rules that it may or may not meet. Its way is known if all these ways are the same. */
struct route_branch {
    uint32_t way;  /* 1 + the way by the first such rule; 0: no such rule yet */
    uint32_t why;  /* enum way_why for that rule */
    uint32_t mark; /* number of the rule, if its mark is the only unknown: a packet that goes past the rule meets no
                    * rule with that number */
};
/* Note the way by a rule whose fit is unknown. False: another way was noted already. */
static inline bool route_branches(struct route_branch *b, const struct route_rule *x, uint32_t fit, uint32_t way)
{
    if (b->way) return b->way == way + 1;
    b->way = way + 1;
    b->why = fit - FIT_UNKNOWN;
    b->mark = b->why == WAY_MARK && !(x->asks & (ROUTE_ASKS_NOT | ROUTE_ASKS_UNSEEN)) ? x->mark : 0;
    return true;
}
/* True if the packet has gone past an earlier rule for the same mark, and so does not meet this one. */
static inline bool route_is_past(const struct route_branch *b, const struct route_rule *x)
{
    return b->mark && b->mark == x->mark && !(x->asks & ROUTE_ASKS_NOT);
}

/* Fill in the packet's fields from the key. */
static inline void route_seen_key(struct route_seen *s, const struct key *key, bool returns)
{
    const bool whole = (key->kind & (KIND_PORTS | KIND_FRAG_NO)) == (KIND_PORTS | KIND_FRAG_NO);
    const uint16_t src = whole && key->kind & KIND_WITH_PORTS ? key->src_port : 0;
    const uint16_t dst = whole && key->kind & KIND_WITH_PORTS ? key->dst_port : 0;
    s->src_port = returns ? dst : src;
    s->dst_port = returns ? src : dst;
    s->proto = key->kind & KIND_PROTO ? (uint8_t)key->proto : 0;
    s->tos = key_tos(key);
    s->tag = key->kind & KIND_VLAN2                     ? UINT16_MAX
             : key->kind & KIND_VLAN && key->vlan_outer ? (uint16_t)(FACTS_TAGGED + key->vlan_outer)
                                                        : FACTS_UNTAGGED;
}

/* True if the first `bits` of two addresses agree. */
static inline bool route_agrees(const uint32_t a[4], const uint32_t b[4], uint32_t bits)
{
    uint32_t differ = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t here = bits > 32 * i ? bits - 32 * i : 0;
        const uint32_t mask = here >= 32 ? UINT32_MAX : here ? UINT32_MAX << (32 - here) : 0;
        differ |= (a[i] ^ b[i]) & mask;
    }
    return !differ;
}

static inline bool route_port_fits(const uint16_t ports[2], uint16_t port)
{
    return !ports[1] || (port >= ports[0] && port <= ports[1]);
}

/* Compare the TOS. For IPv4 Linux compares all bits of the field or, before 6.13, only bits 2 to 4. */
static inline uint32_t route_tos_fits(const struct route_rule *x, const struct route_seen *s)
{
    if (x->asks & ROUTE_ASKS_TOS) return s->tos ? FIT_YES : FIT_NO;
    if (!x->tos || x->tos == s->tos) return FIT_YES;
    return x->family == 4 && x->tos == (s->tos & 0x1c) ? FIT_UNKNOWN + WAY_OTHER : FIT_NO;
}

/* Compare the interface of arrival; iface and tag: of its frames, as in struct facts_device. */
static inline uint32_t route_arrival_fits(uint16_t iface, uint16_t tag, const struct route_seen *s)
{
    const uint16_t in = s->in;
    if (iface == IFACE_NONE || in == ROUTE_IN_NONE || (tag && s->tag && tag != s->tag)) return FIT_NO;
    if (in == ROUTE_IN_UNKNOWN || iface == IFACE_SEVERAL || (iface == IFACE_OTHER && in == IFACE_OTHER))
        return FIT_UNKNOWN + WAY_ARRIVAL;
    return iface == in ? FIT_YES : FIT_NO;
}

/* Return the worse of two: NO before unknown before YES. */
static inline uint32_t route_both(uint32_t a, uint32_t b) { return !a || !b ? FIT_NO : a == FIT_YES ? b : a; }

/* Return whether the packet meets the rule. arrives: fit of its interface of arrival, if the rule asks for one. */
static inline uint32_t route_rule_fits(const struct route_rule *x, const struct route_seen *s, uint32_t arrives)
{
    uint32_t fit = FIT_NO;
    if (route_agrees(s->from, x->from, x->from_bits) && route_agrees(s->to, x->to, x->to_bits) &&
        (!x->proto || x->proto == s->proto) && route_port_fits(x->src_ports, s->src_port) &&
        route_port_fits(x->dst_ports, s->dst_port) && !(x->asks & ROUTE_ASKS_NOTHING) &&
        (!(x->asks & ROUTE_ASKS_HERE) || s->in == ROUTE_IN_NONE))
        fit = route_both(arrives, route_tos_fits(x, s));
    if (x->asks & ROUTE_ASKS_UNSEEN) fit = route_both(fit, FIT_UNKNOWN + x->why);
    if (x->asks & ROUTE_ASKS_MARK) {
        const uint32_t bare = x->asks & ROUTE_ASKS_NO_MARK ? FIT_YES : FIT_NO;
        fit = route_both(fit, s->marked ? FIT_UNKNOWN + WAY_MARK : bare);
    }
    return x->asks & ROUTE_ASKS_NOT && fit < FIT_UNKNOWN ? !fit : fit;
}
