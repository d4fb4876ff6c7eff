/* What is true of the world while a packet is judged: an input of the vm, a snapshot that others make. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pbc_range6;
struct routes;

/* What is known of an interface; 0: as the facts say for all of them. */
struct facts_iface {
    uint64_t mac;      /* frames leave with it */
    uint32_t mtu;      /* largest IP packet */
    uint32_t addr4;    /* this machine speaks from here, out of it; host order */
    uint32_t addr6[4]; /* likewise */
    uint16_t peer;     /* of a bridge: the interface that its frames cross to; IFACE_NONE: none */
    uint16_t as;       /* 1 + the id that rules know it by, a pattern's that it shares with others; 0: its own */
};

/* A device that routes lead by, in the running program. */
struct facts_device {
    uint16_t iface; /* id of the frames that come by it; IFACE_NONE: none do; IFACE_SEVERAL: nobody knows by which */
    uint16_t as;    /* the id that rules know it by; IFACE_OTHER: no rule names it */
};
/* No frame's: those of the device come by some of several interfaces. IFACE_OTHER is one that frames do come by. */
#define IFACE_SEVERAL 0xfffdu

/* A port that a socket of this machine's own has. */
struct facts_port {
    uint16_t port, udp; /* udp 0: of TCP */
};
/* Ports of this machine's own addresses, which its connections and translated ones share out. */
struct facts_ports {
    uint32_t number;                /* another one: something here has changed; 0: nothing is known */
    uint16_t kept_lo, kept_hi;      /* inclusive: for its own connections alone; hi 0: none are */
    uint16_t chosen_lo, chosen_hi;  /* likewise: its own connections get ports from here, so others are drawn first */
    const struct facts_port *bound; /* [bound_count] those of TCP first, ascending: drawn for nobody */
    unsigned bound_count;
};

/* An immutable snapshot of the world, with a generation. Arrays are sorted; all stays the caller's. */
struct facts {
    uint64_t generation;
    uint64_t ways;         /* another number: what vm_ways said does not hold any more (vm.h) */
    const uint32_t *self4; /* own IPv4 addresses, host order, ascending */
    unsigned self4_count;
    const struct pbc_range6 *self6; /* own IPv6 addresses (lo = hi), ascending */
    unsigned self6_count;
    uint32_t schedules;  /* bit i: schedule i of the program is active at this time */
    const uint8_t *down; /* [program->servers_count] 1: no new flow; NULL: all are up. A change is a new generation */
    const uint64_t *up_since_ns; /* [program->servers_count] when a server that was down came up, mono; 0: before the
                                    start. For slow start; NULL: all were up before */
    const uint16_t *weights; /* [program->servers_count] set by hand: one more than the weight, or FACTS_DRAINS; 0: as
                                the program says. NULL: of none. A change is a new generation */
    uint32_t addr4; /* this machine speaks from here (answers, outer sources, masquerade), host order; 0: none known */
    uint32_t addr6[4];                /* likewise; all 0: none */
    uint64_t mac;                     /* of the interface, for ARP and neighbour answers; 0: made from the address */
    uint32_t mtu;                     /* largest IP packet of the links; 0: 1500 */
    const struct facts_iface *ifaces; /* [ifaces_count] by interface id: first the program's, then others (key.h) */
    unsigned ifaces_count;
    const uint16_t *server_out;  /* [program->servers_count] the interface towards each server, as routes say;
                                    IFACE_NONE: not known. NULL: of none */
    const uint32_t *server_mtu;  /* [program->servers_count] bytes of an IP packet that the way to each server bears;
                                    0: what its interface does. NULL: of all */
    const uint16_t *target_out;  /* [program->nats_count] likewise, of the targets of `forward` */
    const struct routes *routes; /* for `out on` and `urpf-failed`; NULL: no way is known. A change is a new generation,
                                    where the program asks for them */
    const struct facts_device *devices; /* [routes->size.devices]: its devices, in their order */
    struct facts_ports ports;
    bool bridges;           /* some interface has a peer, */
    bool patterns;          /* some interface is known by another id than its own */
    bool drop_bad_checksum; /* IPv4 header checksums: wrong is a drop (live, --strict-checksum), else counted */
};

static inline const struct facts_iface *facts_iface(const struct facts *f, uint16_t iface)
{
    return f && iface < f->ifaces_count ? &f->ifaces[iface] : NULL;
}

/* The id that rules know an interface by. */
static inline uint16_t facts_known_as(const struct facts *f, uint16_t iface)
{
    const struct facts_iface *one = facts_iface(f, iface);
    return one && one->as ? (uint16_t)(one->as - 1) : iface;
}

/* This machine's address of the family for what leaves by the interface, or, of another or none, the one for all; false
 * and all 0: none is known. */
static inline bool facts_address(const struct facts *f, uint16_t iface, bool v6, uint32_t addr[4])
{
    const struct facts_iface *one = facts_iface(f, iface);
    for (unsigned i = 0; i < 4; i++) addr[i] = 0;
    for (unsigned i = 0; f && one && i < (v6 ? 4 : 1); i++) addr[i] = v6 ? one->addr6[i] : one->addr4;
    if (addr[0] | addr[1] | addr[2] | addr[3] || !f) return f;
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) addr[i] = v6 ? f->addr6[i] : f->addr4;
    return addr[0] | addr[1] | addr[2] | addr[3];
}

/* In facts.weights, of a server that drains: nobody new, but whoever is known to it (affinity) comes again. */
enum { FACTS_DRAINS = UINT16_MAX };
static inline bool facts_drains(const struct facts *f, uint32_t server)
{
    return f && f->weights && f->weights[server] == FACTS_DRAINS;
}

/* Of a server whose weight the program says. */
static inline uint16_t facts_weight(const struct facts *f, uint32_t server, uint16_t written)
{
    if (facts_drains(f, server)) return 0;
    return f && f->weights && f->weights[server] ? (uint16_t)(f->weights[server] - 1) : written;
}

/* 0: not known. */
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

/* Of server_out or target_out. */
static inline uint16_t facts_way(const uint16_t *out, uint32_t at) { return out ? out[at] : UINT16_MAX; }
