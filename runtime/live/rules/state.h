/* The state that follows from the rules: reloads, health, settings by hand. */
#pragma once

#include "runtime/live/rules/began.h"
#include "runtime/live/world/state.h"

struct by_hand;
struct drained;
struct reload;
struct via;

struct rules {
    const struct options *o;
    struct tell *tell;
    struct carry *carry;
    struct world *world;
    struct reload *reload;               /* reload under way, or with flows not all in line; NULL: none */
    struct began began;                  /* beginning of the program in force */
    uint64_t begun;                      /* number of programs that have begun to run since the start */
    bool wanted;                         /* another reload is to follow */
    bool on_trial;                       /* the running program waits for confirmation (control/programs/confirm.h) */
    uint8_t file_digest[PBC_DIGEST_LEN]; /* digest of the command line's file, as last read */
    char unjudged[4000];                 /* all that the program in force leaves unjudged (judged.h); empty: nothing */
    char never[2000];                    /* its rules that never match (judged.h); empty: none */
    uint64_t judged_at, judged_for;      /* host_number, and the program's serial, of that text */
    uint64_t room;                       /* room for connections of all workers, if the rules do not say (room.h) */
    bool unkept[PORTS_MOST];             /* told that the port's filter had to be set again */
    int echo[2];                         /* raw sockets for checks by echo requests, IPv4 and IPv6; -1: none */
    struct via *via;                     /* state of checks through services; NULL: none */
    uint64_t not_begun, not_begun_ns;    /* checks that could not begin, as last told, and when */
    struct by_hand *by_hand;             /* settings by hand, the newest first */
    struct drained *drained;             /* services that drain, the newest first */
};
