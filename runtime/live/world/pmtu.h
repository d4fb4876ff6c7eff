/* Path MTUs to servers, as routers told: kept for 10 minutes (RFC 1191, 6.3), then tried again. */
#pragma once

#include "runtime/worker/pmtu.h"

enum { PMTU_MOST = 4096 };

struct pmtu {
    struct learnt {
        struct pmtu_note is;
        uint64_t until_ns;
    } * all; /* [cap] */
    unsigned count, cap;
};

/* True: a way bears less than was known. With PMTU_MOST of them the oldest is forgotten. */
bool pmtu_learn(struct pmtu *p, const struct pmtu_note *note, uint64_t now_ns);
/* True: some were forgotten. */
bool pmtu_expire(struct pmtu *p, uint64_t now_ns);
/* The path MTU to that server; 0: unknown. */
uint32_t pmtu_of(const struct pmtu *p, const uint32_t addr[4], uint8_t family);
void pmtu_fini(struct pmtu *p);
