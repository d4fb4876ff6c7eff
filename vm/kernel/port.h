/* Facts about interfaces for the stages, in maps that user space fills: `ports` by the lowest bits of ifindex
 * (`ifindex` tells whether the row is the right one), `ways` by interface id, and `others` by ifindex: devices that are
 * not served.
 */
#pragma once

#include <stdint.h>

enum {
    KERNEL_PORTS = 4096,
    KERNEL_WAYS = 1024,
    KERNEL_XSKS = 1024,
    KERNEL_OTHERS = 8192,
    KERNEL_OWN = 131072 /* own addresses of one family */
};
/* Number of counters for interfaces (counters.h). The last one counts all interfaces without their own. */
enum { KERNEL_SERVED = 32 };

struct kernel_port {
    uint32_t ifindex; /* 0: the row is empty */
    uint16_t iface;   /* its id in the program */
    uint8_t link; /* enum pkt_link: its packets begin with an Ethernet header, or with IP. It chose the form of look */
    uint8_t redirects; /* 1: frames that leave where they came from are redirected, for XDP_TX fails there (a veth) */
    uint16_t xsks;     /* index in `xsks` of its first socket: one for each of its queues */
    uint8_t served;    /* index of its counter, below KERNEL_SERVED - 1 */
    uint8_t nats;      /* 1: a statement of a nat may translate what leaves there */
    uint8_t software; /* 1: an L4 checksum may still cover the pseudo header alone: its sender left it to a card, or the
                         kernel joined segments, which traffic control sees */
    uint8_t opens;  /* 1: IPsec opens its packets, which then keep the Ethernet header of the frame that they came in */
    uint8_t clones; /* 1: what the process sends leaves as a clone (leave_ours): a device of software */
    uint64_t mac;   /* frames to another MAC, but for groups, are another station's; 0: none are */
};
struct kernel_way {
    uint64_t mac;     /* source MAC of frames that leave; 0: the MAC that they came to */
    uint32_t ifindex; /* 0: there is no such interface */
    uint16_t bridged; /* 1 + the id in rules of the interface that its frames cross to; 0: none */
    uint16_t as;      /* as in struct facts_iface */
    uint32_t shut;    /* the same */
    uint16_t mtu;     /* bytes of the longest IP packet; 0: unknown */
    uint8_t link;     /* enum pkt_link, as in struct kernel_port */
    uint8_t reserved;
};
/* A device that is not served: what comes by it and crosses is seen where it leaves. A device without a row is known to
 * no rule (IFACE_OTHER). */
struct kernel_other {
    uint16_t as;     /* 1 + its id in rules, or that of the interface by which its frames came; 0: unknown */
    uint16_t judged; /* 1: its frames came by interfaces that are served, and were judged there */
};
