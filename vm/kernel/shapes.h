/* Shapes of the maps that processes and stages share: interfaces, addresses that prey answers for, routes,
 * fragmented datagrams, and decisions remembered for flows. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vm/judge/why.h"
#include "vm/packet/wire.h"

/* Facts about interfaces for the stages, in maps that user space fills: `ports` by the lowest bits of ifindex
 * (`ifindex` shows whether the row is the right one), `ways` by interface id, and `others` by ifindex, for devices
 * that are not served. */
enum {
    KERNEL_PORTS = 4096,
    KERNEL_WAYS = 1024,
    KERNEL_XSKS = 1024,
    KERNEL_OTHERS = 8192,
    KERNEL_OWN = 131072 /* own addresses of one family */
};
/* Number of counters for interfaces (counts.h). The last one is for all interfaces without their own counter. */
enum { KERNEL_SERVED = 32 };

struct kernel_port {
    uint32_t ifindex; /* 0: the row is empty */
    uint16_t iface;   /* its id in the program */
    uint8_t link; /* enum pkt_link: whether the interface's packets begin with an Ethernet header or with IP; it chose
                     the form of look */
    uint8_t redirects; /* 1: frames that leave by their incoming interface are redirected, because XDP_TX fails there (a
                          veth) */
    uint16_t xsks;     /* index in `xsks` of the interface's first socket; each queue has one */
    uint8_t served;    /* index of the interface's counter, below KERNEL_SERVED - 1 */
    uint8_t nats;      /* 1: a nat's statement may translate packets that leave there */
    uint8_t software;  /* 1: an L4 checksum may still cover the pseudo header only: its sender left it to a card, or
                        * the kernel joined segments, which traffic control sees */
    uint8_t opens;  /* 1: IPsec decrypts the interface's packets, which then keep the Ethernet header of their frame */
    uint8_t clones; /* 1: the process's packets leave as clones (leave_ours): a software device */
    uint64_t mac;   /* frames to another unicast MAC are for another station; 0: no frame is */
};
struct kernel_way {
    uint64_t mac;     /* source MAC of leaving frames; 0: the MAC that they were sent to */
    uint32_t ifindex; /* 0: the interface does not exist */
    uint16_t bridged; /* 1 + the id in rules of the interface that its frames are bridged to; 0: none */
    uint16_t as;      /* as in struct facts_iface */
    uint32_t shut;    /* as in struct facts_iface */
    uint16_t mtu;     /* bytes of the longest IP packet; 0: unknown */
    uint8_t link;     /* enum pkt_link, as in struct kernel_port */
    uint8_t reserved;
};
/* A device that is not served: its packets, if forwarded, are seen as they leave. Rules do not know a device without
 * a row (IFACE_OTHER). */
struct kernel_other {
    uint16_t as;     /* 1 + the device's id in rules, or that of the interface by which its frames came; 0: unknown */
    uint16_t judged; /* 1: its frames came by interfaces that are served, and were judged there */
};

/* An entry of `told`: addresses for which user space sends replies (vm/forward/vips.h), as prefixes. An IPv4 address
 * is written as an IPv4-mapped IPv6 address. */
enum { KERNEL_TOLD_MOST = 65536 };

struct kernel_told {
    uint32_t bits; /* prefix length: bits of addr that count, from the first on */
    uint8_t addr[16];
};

static inline void kernel_told_of(struct kernel_told *t, const uint32_t addr[4], bool v6)
{
    t->bits = 128;
    wire_put32(t->addr, v6 ? addr[0] : 0);
    wire_put32(t->addr + 4, v6 ? addr[1] : 0);
    wire_put32(t->addr + 8, v6 ? addr[2] : 0xffff);
    wire_put32(t->addr + 12, v6 ? addr[3] : addr[0]);
}

/* The table of routes (vm/judge/routes.h) for stages in the kernel, if programs need ways. `routes` is a trie of the
 * prefixes of all views, each with an entry: the number of a way, and above it the rank of the rule that gave it.
 * `route_ways` holds ways by number, `route_rules` the policy rules, those of IPv4 first. Ways have only interfaces
 * here, not gateways. */
enum {
    KERNEL_ROUTES = 1 << 24,  /* most prefixes; memory is allocated when one is added */
    KERNEL_ROUTE_WAYS = 1024, /* most ways */
    KERNEL_ROUTE_LEGS = 8,    /* most legs of a way, one per interface; a way with more is ROUTE_ASK */
    KERNEL_ROUTE_RULES = 128, /* most policy rules of both families */
    KERNEL_ROUTE_FAMILY = 32, /* bits of `family`, which precede those of the address */
    KERNEL_ROUTE_VIEW = 8,    /* place of the view's number in `family` */
};
/* Numbers of ways without legs. Lower numbers are ways of kind ROUTE_ASK, one for each enum way_why; WAY_TOO_MANY is
 * also the number of ways for which there is no room. */
enum { KERNEL_WAY_OWN = WAY_WHYS, KERNEL_WAY_REFUSED, KERNEL_WAY_THROW, KERNEL_WAY_FIXED };

/* A prefix, or the address that is looked up. */
struct kernel_route_to {
    uint32_t bits;    /* prefix length, with the bits of `family` */
    uint32_t family;  /* 4 or 6, and the view */
    uint8_t addr[16]; /* in wire order; 0 behind an IPv4 address */
};
struct kernel_route_leg {
    uint32_t up_to;     /* as in struct route_leg */
    uint16_t iface, as; /* as in struct facts_device; both IFACE_NONE: the interface is unknown */
};
struct kernel_route_way {
    uint16_t kind, why; /* as in struct route_way */
    uint32_t legs;
    struct kernel_route_leg leg[KERNEL_ROUTE_LEGS];
};

/* Decisions about fragmented datagrams that no process takes up (the host sends them, or they are another
 * station's), in the map `datagrams`. The fragments come in order, so the first one's decision is there for the
 * others. Fragments are not held, because no process could send them on later. */
enum { KERNEL_DATAGRAMS = 4096 }; /* number of datagrams; the least recently used makes way */

struct kernel_datagram {
    uint32_t src[4], dst[4]; /* as in struct key */
    uint32_t id;
    uint16_t proto; /* protocol over IPv4, which distinguishes datagrams by it; otherwise 0 */
    uint16_t family;
    uint32_t ifindex;
    uint32_t sent; /* 1: the host sends it */
};
struct kernel_datagram_decided {
    uint64_t decision, would; /* `decided` (judge/decided.h); the second without the word `audit` */
    uint64_t mirrors;         /* mirrors that copied the first fragment, one bit each: they copy the others, too */
    uint32_t program;         /* serial of the program that decided */
    uint32_t said;            /* enum kernel_would of the first fragment, without the flags about its flow */
};

/* Decisions that the kernel remembers for flows (vm/judge/remember.h): those of the program in force that hold for all
 * established packets of a flow's direction, in one table of few rows. A flow stores the number of its row.
 *
 * A decision holds until the program or the facts change. A flow has no room for an epoch, so time takes its place.
 * The decision holds if the flow's last packet came after the last change (given.h, memos_since_ns), because each
 * packet that is kept removes stale decisions.
 *
 * With `audit`, a flow remembers two decisions, the actual one and the one without `audit`, as the number of a pair.
 * A packet adds its pair if each of the two decisions is in the table of its kind. */
/* Number of rows; row 0 means none. A decision is in one of KERNEL_MEMO_TRIES rows from its place on, or in none. */
enum { KERNEL_MEMOS = 256, KERNEL_MEMO_TRIES = 4 };

/* Pairs in use. `said`: 1 + the program's serial in the upper half, and enum kernel_would in the lower half; all
 * ones: the pair is being written. A pair of a program that is not in force is free. */
struct kernel_pair {
    uint64_t decision, would, said, unused;
};
enum { KERNEL_PAIRS = KERNEL_MEMOS };

static inline uint32_t memo_place(uint64_t decision)
{
    return (uint32_t)((decision ^ decision >> 32) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

struct program;
/* Put the program's decisions that let packets pass into rows, which are empty at first; with `would`, also the
 * decisions remembered without the word `audit`. */
void kernel_memos_of(uint64_t rows[KERNEL_MEMOS], const struct program *p);
void kernel_memos_would(uint64_t rows[KERNEL_MEMOS], const struct program *would);
