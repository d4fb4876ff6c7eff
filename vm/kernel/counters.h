/* What the stages count, in memory that processes map. One row a CPU, written by that CPU alone, without locks: who
 * reads adds rows up. Two maps: `counters`, of all programs, and `counts`, where each program has rows of its own.
 *
 * Whoever gives a packet its verdict counts it: what goes up is counted up there, but for `ups`. */
#pragma once

#include "vm/kernel/kpkt.h"
#include "vm/kernel/port.h"
#include "vm/tables.h"
#include "vm/verdict.h"

/* A row of `counters`. What has the name of a field of struct vm_counters or forward_counters means the same. */
struct kernel_counters {
    struct counter verdicts[ACTION_COUNT];
    struct counter reasons[REASON_COUNT]; /* REASON_NONE is not counted: what is left of the drops */
    struct counter refused;               /* drops that have another reason */
    struct counter ups[KERNEL_UPS];       /* by why */
    struct counter lost;                  /* of these: nobody was there to take them */
    struct counter nobody, answers;       /* no rule and no default decided: as totals' nobody and replies have it */
    struct counter served[KERNEL_SERVED]; /* with a verdict, by where they came in or leave */
    struct counter watched;               /* of the drops and rejects: let by all the same (world.watches) */
    uint64_t snapped, bad_checksum, replies, ways_unknown;
    uint64_t given_up; /* updates of a flow that another processor held for too long */
} __attribute__((aligned(64)));

/* What the stages that are no program's know of one: of the one in force, and for a moment of the one before, by their
 * serials. */
enum { KERNEL_PROGRAMS = 16 };
enum kernel_program_flag {
    KERNEL_HAS_FIREWALLS = 1 << 0,
    KERNEL_KEEPS_FLOWS = 1 << 1,
    KERNEL_SENDS_ON = 1 << 2,   /* it has services, or nats */
    KERNEL_TRANSLATES = 1 << 3, /* it has nats */
    KERNEL_NAMES_ARP = 1 << 4,
    KERNEL_FOLLOWS_PROXIED = 1 << 5, /* what a proxy's service takes has a flow (forward/begin.c, is_followed) */
    KERNEL_HAS_COOKIES = 1 << 6,     /* some service has SYN cookies */
    KERNEL_HAS_PROXIES = 1 << 7,
    KERNEL_HAS_TUNNELS = 1 << 8,   /* to servers of services */
    KERNEL_FORWARDS_BARE = 1 << 9, /* a nat forwards a protocol without ports */
};
/* A row of `counts`, of struct counter: rules, then one for "nobody", firewalls' defaults (as struct vm has them),
 * services, services without a server, servers, nats. Behind the last four is room for what flows still have of
 * programs before (remap.h); more than that is not counted. Index: first + cpu * row + place. */
enum { KERNEL_PAST = 256 };
/* Ports of own addresses that nats may take, from first to last; an unused row has its first behind its last. */
enum { KERNEL_NAT_PORTS = 8 };
struct kernel_nat_ports {
    uint16_t lo, hi;
};
struct kernel_program {
    uint32_t serial;
    uint32_t flags;                             /* enum kernel_program_flag */
    uint32_t rules;                             /* how many: the place of "nobody" */
    uint32_t services, unserved, servers, nats; /* the places where they begin */
    uint32_t row;                               /* counters of a row, a multiple of four */
    uint32_t first;                             /* where the row of CPU 0 begins */
    struct kernel_nat_ports nat_ports[KERNEL_NAT_PORTS];
};

struct program;
/* What its entry says. live: packets arrive, and a proxy's connections are seen no further than their opening. */
void kernel_program_of(struct kernel_program *k, const struct program *p, bool live);
