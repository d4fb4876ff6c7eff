/* The state that follows from the rules: reloads, health, what was set by hand. */
#pragma once

#include "runtime/live/world/state.h"

struct by_hand;
struct reload;
struct via;

struct rules {
    const struct options *o;
    struct tell *tell;
    struct carry *carry;
    struct world *world;
    struct reload *reload;               /* under way, or not all flows in line with it; NULL: none */
    bool wanted;                         /* another one, when that is through */
    bool on_trial;                       /* what runs waits to be confirmed (control/confirm.h) */
    uint8_t file_digest[PBC_DIGEST_LEN]; /* of the program in the file of the command line, as it was read last */
    char unjudged[500];      /* what no firewall of the program in force judges (judged.h); empty: nothing */
    uint64_t room;           /* connections that all workers have room for, where rules leave it open (room.h) */
    bool unkept[PORTS_MOST]; /* told of its filter of traffic control, which had to be set again */
    int echo[2];             /* raw sockets of checks by echo requests, IPv4 and IPv6; -1: none */
    struct via *via;         /* of checks through services; NULL: none goes so */
    uint64_t not_begun, not_begun_ns; /* health checks, as they were told last */
    struct by_hand *by_hand;          /* what is set, the latest first */
};
