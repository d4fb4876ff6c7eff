/* Shapes of the maps shared by the steering program (steer.bpf.c) and its loader (steer.c). */
#pragma once

#include <linux/bpf.h>

#include "vm/kernel/gate.h"

enum {
    STEER_SET = 8192, /* places (places.h) of the matches of two programs, during a change from one to the other */
    STEER_OWN = 65536,
    STEER_QUEUES = 64
};
/* A match, as struct guard_match: all its conditions must hold. */
struct steer_match {
    struct numbered_ip from_lo, from_hi, to_lo, to_hi;
    __u16 from_port_lo, from_port_hi; /* for ICMP: type and code as one number */
    __u16 to_port_lo, to_port_hi;
    __u8 proto; /* 0: any protocol, or any bare one */
    __u8 reach; /* enum steer_reach */
    __u8 named; /* `to` is an address range */
    __u8 kind;  /* enum steer_kind */
    __u8 bare;  /* an IP protocol other than TCP, UDP or ICMP */
    __u8 unused[3];
};
enum steer_reach { STEER_EVERYWHERE, STEER_TO_OWN, STEER_TO_FOREIGN };
/* Consequence of a match. TAKEN: the frame is the vm's. PROXIED: it is the vm's unless a proxied connection carries it.
 * RETURNS: the only test is if a proxied connection carries it. */
enum steer_kind { STEER_TAKEN = 1, STEER_PROXIED = 2, STEER_RETURNS = 4 };

/* Groups of matches: with one destination, or with one source. */
enum steer_side { STEER_BY_TO, STEER_BY_FROM, STEER_SIDES };
struct steer_key {
    struct numbered_ip addr;
    __u32 side;
    __u32 set; /* start of the set; one of the two sets is in use */
};
struct steer_place {
    __u32 first, count;
};

struct steer_config {
    __u64 mac;        /* MAC address of the interface; frames for another are the host's */
    __u32 frame_most; /* bytes of a slot */
    __u32 first;      /* first match of the set in use */
    __u32 count;      /* number of matches tried for every frame */
    __u8 routed;      /* also take frames for other addresses than the host's own */
    __u8 all;         /* take all frames */
    __u8 proxies;     /* some match is the proxy's */
    __u8 unused;
};
