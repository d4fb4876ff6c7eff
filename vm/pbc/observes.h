/* Sections of the program file: services in `mode observe`, which take no packet and watch TCP connections beside all
 * others. They stand apart from SERVICES, whose entries take what they match. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc/rules.h"

/* Bytes that win where two segments differ: as Linux reads them, those that came first, or last */
enum pbc_overlaps { PBC_OVERLAPS_LINUX, PBC_OVERLAPS_FIRST, PBC_OVERLAPS_LAST, PBC_OVERLAPS };
enum pbc_observe_flag { PBC_OBSERVE_PCAPNG = 1 << 0 /* `stream to … as pcapng` */ };

/* Endpoints stand in OBSERVE_ENDPOINTS, as in ENDPOINTS: `service` is an index in OBSERVES, `wire` is never
 * PBC_WIRE_NOT. The first that takes a connection wins; the compiler puts more specific ones first. */
struct pbc_observe {
    uint32_t name;
    struct pbc_place place;
    uint32_t choices, choice_count;        /* in order; only the last has no conditions */
    uint32_t sessions, stream;             /* strings: file of the sessions, directory of the bytes; 0: none */
    uint64_t sessions_limit, stream_limit; /* bytes of the file, of all files in the directory; 0: no bound */
    uint64_t first_ns;                     /* `first bytes within`; 0: settings.proxy_first_ns */
    uint32_t wants[2];                     /* enum first_wants (vm/stream/wants.h): first bytes of client and server */
    uint8_t overlaps;                      /* enum pbc_overlaps */
    uint8_t flags;                         /* enum pbc_observe_flag */
    uint8_t reserved[2];
    uint32_t cut; /* 1 + service that connections go to which are cut into (PBC_SERVICE_CUT); 0: no branch cuts */
    uint8_t reserved2[8];
};
static_assert(sizeof(struct pbc_observe) == 80, "layout");

/* Things done with a connection: its session is told and its bytes go to the stream; its session is told; neither; its
 * session is told, and both ends are reset; its session is told, and it goes on through sockets (`proxy inline`) */
enum pbc_does { PBC_STREAM, PBC_PASS, PBC_IGNORE, PBC_RESETS, PBC_CUTS, PBC_DOES };
/* True for what is more than looking on: its decision holds packets back */
static inline bool pbc_does_hold(uint32_t does) { return does == PBC_RESETS || does == PBC_CUTS; }
struct pbc_choice {
    uint32_t observe; /* index in OBSERVES */
    struct pbc_place place;
    uint32_t conds, cond_count;
    uint32_t does; /* enum pbc_does */
    uint32_t reserved;
};
static_assert(sizeof(struct pbc_choice) == 32, "layout");

#define PBC_WATCH_PATH_MAX 1024u /* most bytes of the path of `sessions to` or `stream to` */
