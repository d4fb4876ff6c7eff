/* What act knows of an interface. Two maps, which user space fills: `ports` by ifindex (of a few thousand, the lowest
 * bits; `ifindex` says whether it is the one), `ways` by interface id. */
#pragma once

#include <stdint.h>

enum {
    KERNEL_PORTS = 4096,
    KERNEL_WAYS = 1024,
    KERNEL_XSKS = 1024,
    KERNEL_OWN = 131072 /* own addresses of a family */
};
/* Interfaces that are counted by themselves (counters.h); the last counts what came by others. */
enum { KERNEL_SERVED = 32 };

struct kernel_port {
    uint32_t ifindex;  /* 0: nothing is known of one */
    uint16_t iface;    /* its id in the program */
    uint8_t link;      /* enum pkt_link */
    uint8_t redirects; /* 1: what leaves where it came from is redirected: XDP_TX does not get out (a veth) */
    uint16_t xsks;     /* where its sockets stand in `xsks`: one for each of its queues */
    uint8_t served;    /* its place among those that are counted, below KERNEL_SERVED - 1 */
    uint8_t software;  /* 1: a checksum that its sender left to a card may still be that of the pseudo header */
};
struct kernel_way {
    uint64_t mac;     /* frames leave with it; 0: with the one that they came to */
    uint32_t ifindex; /* 0: no such interface is there */
    uint16_t bridged; /* frames cross from it to another: 1 + the id that rules know that one by; 0: they do not */
    uint16_t as;      /* as in struct facts_iface */
};
