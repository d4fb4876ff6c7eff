/* Counters of the stages, in memory that processes map: one row per CPU, which only that CPU writes, without locks;
 * readers add the rows up. Two maps: `counters` for all programs, and `counts`, where each program has its own rows.
 *
 * A packet is counted where it gets its verdict: one that goes up is counted by the worker, except in `ups`. */
#pragma once

#include "vm/kernel/kpkt.h"
#include "vm/kernel/shapes.h"
#include "vm/tables.h"
#include "vm/verdict.h"

/* A row of `counters`. Fields named as in struct vm_counters or forward_counters mean the same. */
struct kernel_counters {
    struct counter verdicts[ACTION_COUNT];
    struct counter reasons[REASON_COUNT]; /* REASON_NONE is not counted, because it is the rest of the drops */
    struct counter refused;               /* drops with a reason other than REASON_NONE */
    struct counter ups[KERNEL_UPS];       /* packets that went up, by reason */
    uint64_t longs[KERNEL_LONGS];         /* packets that took the long way, by reason */
    struct counter lost;  /* packets for user space that no socket took, and packets whose next stage was missing */
    struct counter pings; /* packets without ports that exceeded their share of the way up */
    struct counter nobody,
        answers; /* packets that passed without a rule or default: `nobody` and `replies` of the totals */
    struct counter served[KERNEL_SERVED]; /* packets with a verdict, by interface of arrival or departure */
    struct counter watched;               /* dropped and rejected packets that passed anyway (world.watches) */
    uint64_t snapped, bad_checksum, replies, ways_unknown;
    uint64_t unknown_ways[16]; /* packets that a nat may take and whose way is unknown, by enum way_why */
    uint64_t given_up;         /* flow updates left out, because another processor held the flow for too long */
} __attribute__((aligned(64)));

/* Rows for programs in `world`, by serial. Stages that serve all programs find the program in force there, and for a
 * short time the one before. */
enum { KERNEL_PROGRAMS = 16 };
enum kernel_program_flag {
    KERNEL_JUDGES = 1 << 0, /* the program has firewalls, in audit or not */
    KERNEL_KEEPS_FLOWS = 1 << 1,
    KERNEL_SENDS_ON = 1 << 2,   /* the program has services or nats */
    KERNEL_TRANSLATES = 1 << 3, /* the program has nats */
    KERNEL_NAMES_ARP = 1 << 4,
    KERNEL_FOLLOWS_PROXIED = 1 << 5, /* packets of a proxy's service have a flow (forward/begin.c, is_followed) */
    KERNEL_HAS_COOKIES = 1 << 6,     /* a service has SYN cookies */
    KERNEL_HAS_PROXIES = 1 << 7,     /* a service has connections that end at the host's sockets */
    KERNEL_HAS_TUNNELS = 1 << 8,     /* a service has tunnels to its servers */
    KERNEL_FORWARDS_BARE = 1 << 9,   /* a nat forwards a protocol without ports */
    KERNEL_HAS_WIRES =
        1 << 10, /* connections of a service end in the inline stack; in a replay they count like any proxy's */
    KERNEL_AUDITS = 1 << 11,       /* something is in audit */
    KERNEL_NATS_ANY_WAY = 1 << 12, /* a nat takes packets whichever way they leave */
    KERNEL_CLAMPS = 1 << 13,       /* user space clamps the MSS of forwarded SYNs */
    KERNEL_FORWARDS_ANY = 1 << 14, /* a nat forwards from any destination */
    KERNEL_NATS_ALL = 1 << 15,     /* a statement of a nat names no way out */
    KERNEL_HEARS_DNS = 1 << 16,    /* a live set takes members from DNS answers */
};
/* A row of `counts`, of struct counter: rules, one for "nobody", firewalls' defaults (as in struct vm), services,
 * services without a server, servers, nats. Behind each of the last four is room for entries of earlier programs
 * that flows still use (remap.h); an entry without room is not counted. Index: first + cpu * row + place.
 *
 * With `audit`, the would-be counters follow, three for each entry (struct would_counter; `packets` of the third is
 * the number of flows): actions, then WOULD_RULES, then the defaults of WOULD_FIREWALLS. */
enum { KERNEL_WOULD_CELLS = 3 };
/* Return the place of a rule's would-be counters, behind kernel_program.would. Numbers behind the rules are those of
 * defaults. */
static inline uint32_t kernel_would_at(uint32_t rule) { return (ACTION_COUNT + rule) * KERNEL_WOULD_CELLS; }
enum { KERNEL_PAST = 256 };
/* Number of port ranges of own addresses that nats may take. In an unused row `lo` is above `hi`. */
enum { KERNEL_NAT_PORTS = 8 };
/* Number of 32-bit words in a set of interfaces, a bit for each id in rules. */
enum { KERNEL_NAT_WAYS = KERNEL_WAYS / 32 };
struct kernel_nat_ports {
    uint16_t lo, hi;
};
/* Resolvers that live sets trust, as ranges of addresses in two halves, upper first. The lower half of an IPv4
 * address is KERNEL_RESOLVER4 | address. */
enum { KERNEL_RESOLVERS = 16 };
#define KERNEL_RESOLVER4 (UINT64_C(0xffff) << 32)
struct kernel_resolver {
    uint64_t lo[2], hi[2];
};
struct kernel_program {
    uint32_t serial;
    uint32_t flags;                                    /* enum kernel_program_flag */
    uint32_t rules;                                    /* number of rules, which is the place of "nobody" */
    uint32_t services, unserved, servers, nats, would; /* places where the counters of each kind begin */
    uint32_t would_rules;                              /* number of WOULD_RULES */
    uint32_t row;                                      /* length of a row in counters, a multiple of four */
    uint32_t first;                                    /* index of the row of CPU 0 */
    struct kernel_nat_ports nat_ports[KERNEL_NAT_PORTS];
    uint32_t resolvers; /* number of `resolver`; more than KERNEL_RESOLVERS: any address may be a resolver */
    struct kernel_resolver resolver[KERNEL_RESOLVERS];
    uint32_t nat_ways[KERNEL_NAT_WAYS]; /* interfaces by which statements of its nats let packets leave translated */
};

struct program;
/* Fill in k for a program. live: packets arrive from the wire; then only the opening of a proxy's connections is
 * seen. */
void kernel_program_of(struct kernel_program *k, const struct program *p, bool live);
