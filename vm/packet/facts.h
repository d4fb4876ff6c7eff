/* Facts about the world while a packet is judged: an immutable snapshot, as an input of the vm. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/packet/key.h"

struct pbc_range6;
struct routes;

/* Facts of an interface. If a field is 0, the value for all interfaces in struct facts counts. */
struct facts_iface {
    uint64_t mac;      /* source MAC of frames that leave */
    uint32_t mtu;      /* largest IP packet */
    uint32_t addr4;    /* this machine's source address there, host order */
    uint32_t addr6[4]; /* the same for IPv6 */
    uint16_t peer;     /* port of a bridge: the interface that its frames cross to; IFACE_NONE: none */
    uint16_t as;       /* 1 + its id in rules, which several interfaces of a pattern share; 0: its own id */
    uint16_t shut;     /* enum facts_shut */
    uint16_t down;     /* 1: no packets leave by it, so replies to it go by the routes; never set for a bridge's port */
};

/* Directions in which no firewall judges packets of an interface that rules or options name. Such a packet is
 * dropped (REASON_UNJUDGED), except ARP, neighbour discovery and DHCP. */
enum facts_shut { SHUT_ARRIVES = 1 << 0, SHUT_SENT = 1 << 1, SHUT_CROSSES = 1 << 2 };

/* A device that routes lead to, in the running program. */
struct facts_device {
    uint16_t iface; /* interface id of the frames that come by the device; IFACE_NONE: no frames come; IFACE_SEVERAL:
                       unknown */
    uint16_t as;    /* its id in rules; IFACE_OTHER: no rule names it */
    uint16_t tag;   /* tags of the frames that come by the device: FACTS_UNTAGGED, FACTS_TAGGED and a VID; 0: any */
    uint32_t mtu;   /* largest IP packet; 0: unknown */
};
enum { FACTS_UNTAGGED = 1, FACTS_TAGGED = 2 };
/* In place of an id: frames of the device come by one of several interfaces. Frames never have this value, unlike
 * IFACE_OTHER. */
#define IFACE_SEVERAL 0xfffdu

/* A port that a socket of this machine has. */
struct facts_port {
    uint16_t port, udp; /* udp 0: TCP */
};
struct facts_range {
    uint16_t lo, hi; /* inclusive */
};
enum { FACTS_PORTS_MORE = 32 };
/* Ports of this machine's own addresses, which its own and translated connections share. */
struct facts_ports {
    uint32_t number;           /* changes with every change here; 0: nothing is known */
    uint16_t kept_lo, kept_hi; /* inclusive range for its own connections only; hi 0: none */
    uint16_t chosen_lo,
        chosen_hi; /* range from which the host's own connections get ports, so that ports outside it are drawn first */
    const struct facts_port *bound; /* [bound_count] ports never drawn: those of TCP first, ascending */
    unsigned bound_count;
    struct facts_range
        more[FACTS_PORTS_MORE]; /* [more_count] ranges below PBC_OWN_PORT_LO, ascending, that this machine does not use
                                   otherwise: drawn once the ports from PBC_OWN_PORT_LO on are taken */
    unsigned more_count;
    const struct facts_range
        *given; /* [given_count] ascending, not adjacent: TCP and UDP packets to these ports stay with this machine's
                   stack only if they are for a socket; it gives the rest back */
    unsigned given_count;
};

/* True for an own port of this machine whose packets the stack keeps only if a socket takes them. */
static inline bool facts_gives(const struct facts_ports *p, uint16_t port)
{
    unsigned lo = 0, hi = p->given_count;
    while (lo < hi) { /* finds the first range that begins behind the port */
        const unsigned mid = lo + (hi - lo) / 2;
        if (p->given[mid].lo <= port)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo && p->given[lo - 1].hi >= port;
}

/* An immutable snapshot of the world, with a generation. Arrays are sorted; the caller owns all memory. */
struct facts {
    uint64_t generation;
    uint64_t ways;         /* changes when results of vm_ways no longer hold (vm.h) */
    const uint32_t *self4; /* own IPv4 addresses, host order, ascending */
    unsigned self4_count;
    const struct pbc_range6 *self6; /* own IPv6 addresses (lo = hi), ascending */
    unsigned self6_count;
    uint32_t schedules;          /* bit i: schedule i of the program is active at this time */
    const uint8_t *down;         /* [program->servers_count] bits of facts_down, 0: up; NULL: all up. A change is a new
                                  * generation */
    const uint64_t *up_since_ns; /* [program->servers_count] monotonic time at which a server that was down came up, for
                                    slow start; 0: before the start. NULL: all up since before the start */
    const uint16_t *weights;     /* [program->servers_count] 1 + the weight set by hand, or FACTS_DRAINS; 0: the
                                  * program's weight. NULL: none. A change is a new generation */
    const uint8_t *drains; /* [program->services_count] 1: the service drains by hand, and takes no new connection.
                            * NULL: none. A change is a new generation */
    uint32_t addr4;    /* this machine's source address (replies, outer sources, masquerade), host order; 0: unknown */
    uint32_t addr6[4]; /* the same for IPv6; all 0: unknown */
    uint64_t mac;      /* MAC of the interface, for ARP and neighbour replies; 0: derived from the address */
    uint32_t mtu;      /* largest IP packet of the links; 0: 1500 */
    const struct facts_iface
        *ifaces; /* [ifaces_count] by interface id: first the program's interfaces, then others (key.h) */
    unsigned ifaces_count;
    const uint16_t *server_out; /* [program->servers_count] interface towards each server by the routes; IFACE_NONE:
                                   unknown. NULL: all unknown */
    const uint32_t *server_mtu; /* [program->servers_count] most bytes of an IP packet on the way to each server; 0: the
                                   MTU of its interface. NULL: all 0 */
    const uint16_t *target_out; /* [program->nats_count] the same as server_out, for the targets of `forward` */
    const struct routes *routes; /* for `out on` and `urpf-failed`; NULL: all unknown. If the program needs routes, a
                                    change is a new generation */
    const struct facts_device *devices; /* [routes->size.devices], in the order of the routes' devices */
    struct facts_ports ports;
    bool host_routes4, host_routes6; /* this machine's stack forwards packets of the family; only it knows their
                                      * marks, and which of several ways it takes */
    bool any_leg; /* it is unknown whether this machine's stack or prey forwards packets: rules are asked about each leg
                   */
    bool bridges; /* some interface has a peer */
    bool shuts;   /* some interface has `shut` */
    bool patterns;          /* rules know some interface by an id other than its own */
    bool drop_bad_checksum; /* packets with a wrong IPv4 header checksum are dropped (live, --strict-checksum),
                               otherwise counted */
};

static inline const struct facts_iface *facts_iface(const struct facts *f, uint16_t iface)
{
    return f && iface < f->ifaces_count ? &f->ifaces[iface] : NULL;
}

/* Return an interface's id in rules. */
static inline uint16_t facts_known_as(const struct facts *f, uint16_t iface)
{
    const struct facts_iface *one = facts_iface(f, iface);
    return one && one->as ? (uint16_t)(one->as - 1) : iface;
}

/* Set addr to this machine's address of the family: the interface's, or else the one for all interfaces. False, with
 * addr all 0: unknown. */
static inline bool facts_address(const struct facts *f, uint16_t iface, bool v6, uint32_t addr[4])
{
    const struct facts_iface *one = facts_iface(f, iface);
    for (unsigned i = 0; i < 4; i++) addr[i] = 0;
    for (unsigned i = 0; f && one && i < (v6 ? 4 : 1); i++) addr[i] = v6 ? one->addr6[i] : one->addr4;
    if (addr[0] | addr[1] | addr[2] | addr[3] || !f) return f;
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) addr[i] = v6 ? f->addr6[i] : f->addr4;
    return addr[0] | addr[1] | addr[2] | addr[3];
}

/* Bits of the reasons for which a server takes no new flow. */
enum facts_down {
    FACTS_DOWN = 1 << 0, /* down by its checks, or by hand */
    FACTS_HERE = 1 << 1, /* the server is this machine itself, which forwarded packets never reach */
    FACTS_HERE_PROXIED =
        1 << 2, /* the server is this machine, but its pool also has proxies, whose connections reach the server */
    FACTS_HERE_ANY = FACTS_HERE | FACTS_HERE_PROXIED,
    FACTS_UNKNOWN = 1 << 3, /* the server has a name without a known address yet */
    FACTS_NOT_BY_CHECKS = FACTS_HERE_ANY | FACTS_UNKNOWN,
};
/* True if a server takes no new flow of services that forward packets, or (proxied) of proxies. */
static inline bool facts_down(const struct facts *f, uint32_t server, bool proxied)
{
    return f && f->down && f->down[server] & ~(proxied ? FACTS_HERE_PROXIED : 0);
}

/* Value in facts.weights for a server that drains: only its known clients (affinity) still come. */
enum { FACTS_DRAINS = UINT16_MAX };
static inline bool facts_drains(const struct facts *f, uint32_t server)
{
    return f && f->weights && f->weights[server] == FACTS_DRAINS;
}

/* True if a service drains: it takes no new flow or connection. */
static inline bool facts_service_drains(const struct facts *f, uint32_t service)
{
    return f && f->drains && f->drains[service];
}

/* Return the weight of a server; written: the program's. */
static inline uint16_t facts_weight(const struct facts *f, uint32_t server, uint16_t written)
{
    if (facts_drains(f, server)) return 0;
    return f && f->weights && f->weights[server] ? (uint16_t)(f->weights[server] - 1) : written;
}

/* Return the MAC or MTU of an interface; 0: unknown. */
static inline uint64_t facts_mac(const struct facts *f, uint16_t iface)
{
    const struct facts_iface *one = facts_iface(f, iface);
    return one && one->mac ? one->mac : f ? f->mac : 0;
}
static inline uint32_t facts_mtu(const struct facts *f, uint16_t iface)
{
    const struct facts_iface *one = facts_iface(f, iface);
    return one && one->mtu ? one->mtu : f ? f->mtu : 0;
}

/* Return an entry of server_out or target_out. */
static inline uint16_t facts_way(const uint16_t *out, uint32_t at) { return out ? out[at] : UINT16_MAX; }

/* True for a packet by which an interface gets an address or a neighbour, and which passes even if the interface is
 * shut: ARP, neighbour discovery and DHCP. Routers do not forward these; bridges do. */
static inline bool key_is_of_link(const struct key *key, bool bridged)
{
    const bool routed = !bridged && !(key->kind & (KIND_IN | KIND_OUT));
    return key->kind & (KIND_ARP | KIND_ND) || (!routed && key_is_dhcp(key));
}

/* True if `shut` of its interface stops the packet. bridged: the interface's frames are bridged. */
static inline bool key_is_shut(const struct key *key, uint32_t shut, bool bridged)
{
    const uint32_t way = key->kind & KIND_IN ? SHUT_ARRIVES : key->kind & KIND_OUT ? SHUT_SENT : SHUT_CROSSES;
    return shut & way && !key_is_of_link(key, bridged);
}
