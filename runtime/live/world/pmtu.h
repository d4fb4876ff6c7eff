/* Path MTUs to servers, learned from routers: kept for 10 minutes (RFC 1191, 6.3), then tried again. */
#pragma once

#include "runtime/worker/pmtu.h"

enum { PMTU_MOST = 4096 };

struct pmtu {
    struct learnt {
        struct pmtu_note is;
        uint64_t until_ns;
    } * all; /* [cap] learned MTUs */
    unsigned count, cap;
};

/* Learn a path MTU. True: it is smaller than the known one. A full list of PMTU_MOST drops the oldest. */
bool pmtu_learn(struct pmtu *p, const struct pmtu_note *note, uint64_t now_ns);
/* Drop MTUs that are too old. True: some were dropped. */
bool pmtu_expire(struct pmtu *p, uint64_t now_ns);
/* Return the path MTU to that server; 0: unknown. */
uint32_t pmtu_of(const struct pmtu *p, const uint32_t addr[4], uint8_t family);
void pmtu_fini(struct pmtu *p);
