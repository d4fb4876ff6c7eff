/* Guard rules and steering kept for earlier programs while their flows drain. */
#pragma once

#include "runtime/host/guard/program/guarded.h"

/* Time that flows without a drain get beyond the longest `drain` of a program's pools; prolonged while such flows
 * exist. */
#define LINGERING_NS (300 * UINT64_C(1000000000))

/* Needs of a program: guard rules for forwarded packets, steering of forwarded packets, steering for nat. */
enum lingers { LINGERS_ROUTED, LINGERS_STEERED, LINGERS_TRANSLATED, LINGERS };

/* Origin of a match. Some ports of masquerade stay with the host. */
enum lingers_of { LINGERS_OF_SERVICE, LINGERS_OF_NAT, LINGERS_OF_MASQUERADE };

struct lingering {
    struct guard_match *matches; /* matches that the running program does not have */
    uint64_t *until_ns;          /* end of each match */
    uint8_t *of;                 /* enum lingers_of of each match */
    unsigned count;
    uint64_t whole_ns[LINGERS]; /* end of each need of a program; 0: not needed */
};

/* Make in *next the lingering rules after `now` replaces `before`, which had the needs `of`; free with
 * lingering_fini. False: out of memory. */
bool lingering_after(const struct lingering *l, const struct program *now, const struct program *before,
                     const bool of[LINGERS], const struct facts_ports *host, uint64_t now_ns, struct lingering *next);
/* True if the time of any match or need has passed. */
bool lingering_due(const struct lingering *l, uint64_t now_ns);
/* Parts of the past that flows use. */
struct lingering_used {
    bool services, nats;
};
/* Drop matches whose time has passed, or prolong them while flows use their kind. True: some were dropped. */
bool lingering_end(struct lingering *l, const struct lingering_used *used, uint64_t now_ns);
void lingering_fini(struct lingering *l);
/* Write the lingering matches, or read them into an empty struct; the input is hostile. */
struct archive;
void lingering_archive(struct lingering *l, struct archive *a);
