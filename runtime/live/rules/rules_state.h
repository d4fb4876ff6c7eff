/* The state that follows from the rules: reloads, health, settings by hand. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/live/world/world_state.h"

struct by_hand;
struct drained;
struct members;
struct names;
struct reload;
struct via;

/* ---- the beginning of the program in force: its way, and the user who requested it ---- */

/* Ways, with their words: BEGAN(ident, word) */
#define BEGAN_WAYS(BEGAN)                                                                                              \
    BEGAN(START, "start")                                                                                              \
    BEGAN(RELOAD, "reload") /* SIGHUP, or a request */                                                                 \
    BEGAN(LOAD, "load")                                                                                                \
    BEGAN(ROLLBACK, "rollback")                                                                                        \
    BEGAN(WATCH, "watch")   /* the file has changed */                                                                 \
    BEGAN(BACK, "returned") /* the program came back, because its successor was not confirmed */
enum began_way {
#define BEGAN(ident, word) BEGAN_##ident,
    BEGAN_WAYS(BEGAN)
#undef BEGAN
        BEGAN_COUNT
};

struct began {
    enum began_way way;
    bool asked;     /* a user requested it: */
    uint32_t uid;   /* user of the process that sent the request */
    uint32_t login; /* the user who had logged in (host/file/login.h); LOGIN_NONE: none */
};

static inline const char *began_word(enum began_way way)
{
    static const char *const words[BEGAN_COUNT] = {
#define BEGAN(ident, word) [BEGAN_##ident] = word,
        BEGAN_WAYS(BEGAN)
#undef BEGAN
    };
    return words[way];
}

enum { BOOT_ID = 36 };

struct rules {
    const struct options *o;
    struct tell *tell;
    struct carry *carry;
    struct world *world;
    struct reload *reload;               /* reload under way, or with flows not all converted; NULL: none */
    struct began began;                  /* beginning of the program in force */
    uint64_t begun;                      /* number of programs that have begun to run since the start */
    bool wanted;                         /* another reload is to follow */
    bool on_trial;                       /* the running program waits for confirmation (control/programs/confirm.h) */
    uint8_t file_digest[PBC_DIGEST_LEN]; /* digest of the command line's file, as last read */
    char unjudged[4000];            /* all devices that the program in force leaves unjudged (judged.h); empty: none */
    char never[2000];               /* its rules that never match (judged.h); empty: none */
    uint64_t judged_at, judged_for; /* host_number, and the program's serial, of that text */
    uint64_t room;                  /* room for connections of all workers, if the rules do not set it (room.h) */
    bool unkept[PORTS_MOST];        /* the port's filter had to be set again, which was reported */
    int echo[2];                    /* raw sockets for checks by echo requests, IPv4 and IPv6; -1: none */
    struct via *via;                /* state of checks through services; NULL: none */
    uint64_t not_begun, not_begun_ns; /* checks that could not begin, as last reported, and time of that report */
    struct by_hand *by_hand;          /* settings by hand, the newest first */
    struct drained *drained;          /* services that drain, the newest first */
    struct members *members;          /* live sets (members/); NULL before the start */
    struct names *names;              /* requested names of hosts (names/); NULL: none */
    uint64_t servers_heard,
        servers_ns;         /* names_heard when servers by name were last looked at; time of the next look */
    char boot[BOOT_ID + 1]; /* the kernel's name of this boot; empty: unknown */
    char fell_out[500];     /* members dropped at the last change of programs; empty: none */
};
