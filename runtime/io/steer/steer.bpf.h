/* What the steering program in the kernel (steer.bpf.c) and the side that loads it (steer.c) share: the shapes of its
 * maps. */
#pragma once

#include <linux/bpf.h>

#include "vm/kernel/gate.h"

enum {
    STEER_SET = 8192, /* matches of two programs, one of which takes the other's place, as they are placed (places.h) */
    STEER_OWN = 65536,
    STEER_QUEUES = 64
};
/* As struct guard_match: all of it must hold. */
struct steer_match {
    struct numbered_ip from_lo, from_hi, to_lo, to_hi;
    __u16 from_port_lo, from_port_hi; /* of ICMP: type and code as one number */
    __u16 to_port_lo, to_port_hi;
    __u8 proto; /* 0: any */
    __u8 reach; /* enum steer_reach */
    __u8 named; /* `to` says addresses */
    __u8 kind;  /* enum steer_kind */
    __u8 unused[4];
};
enum steer_reach { STEER_EVERYWHERE, STEER_TO_OWN, STEER_TO_FOREIGN };
/* What fits is the vm's; is the vm's, but for what the proxy's connections carry; is to be looked at for that alone. */
enum steer_kind { STEER_TAKEN = 1, STEER_PROXIED = 2, STEER_RETURNS = 4 };

/* A group of matches: those of one destination, or of one source. */
enum steer_side { STEER_BY_TO, STEER_BY_FROM, STEER_SIDES };
struct steer_key {
    struct numbered_ip addr;
    __u32 side;
    __u32 set; /* where the set begins: there are two, of which one is in use */
};
struct steer_place {
    __u32 first, count;
};

struct steer_config {
    __u64 mac;        /* of the interface; frames for another are the host's */
    __u32 frame_most; /* bytes that a slot holds */
    __u32 first;      /* of matches: the set in use */
    __u32 count;      /* of those that are asked for every frame */
    __u8 routed;      /* all that is for none of the host's own addresses is taken, too */
    __u8 all;         /* whatever comes is */
    __u8 proxies;     /* some match is the proxy's */
    __u8 unused;
};
