/* The beginning of the program in force: its way, and the user who asked for it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Ways, with their words: BEGAN(ident, word) */
#define BEGAN_WAYS(BEGAN)                                                                                              \
    BEGAN(START, "start")                                                                                              \
    BEGAN(RELOAD, "reload") /* SIGHUP, or asked for */                                                                 \
    BEGAN(LOAD, "load")                                                                                                \
    BEGAN(ROLLBACK, "rollback")                                                                                        \
    BEGAN(WATCH, "watch")      /* the file has changed */                                                              \
    BEGAN(BACK, "unconfirmed") /* it came back, because nobody confirmed the one after it */
enum began_way {
#define BEGAN(ident, word) BEGAN_##ident,
    BEGAN_WAYS(BEGAN)
#undef BEGAN
        BEGAN_COUNT
};

struct began {
    enum began_way way;
    bool asked;     /* a user asked for it: */
    uint32_t uid;   /* user of the process that asked */
    uint32_t login; /* the user who had logged in (host/file/login.h); LOGIN_NONE: nobody */
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
