/* Rules that let in connections as they began: one for each service and its source networks. */
#pragma once

#include <stdio.h>

#include "compiler/traffic/begins.h"

enum { GROUPS_MOST = 4096, GROUP_NAME = 24 };

struct net {
    uint32_t addr[4];
    uint8_t length;
};

struct group {
    const struct begin *sample; /* the earliest begin */
    struct net *nets;           /* [net_count] sources */
    const struct begin **to;    /* [to_count] destinations */
    uint16_t *ports;            /* [port_count] destination ports */
    unsigned net_count, to_count, port_count;
    uint64_t seen, sources;
    char name[GROUP_NAME];
};

struct groups {
    struct group *of; /* [count] groups */
    unsigned count;
    uint64_t unanswered; /* number of TCP begins left out, because the capture has replies, but none to these */
    const char *const *iface_names; /* by begin.iface, the caller's array; 0: unknown, or rules need no interface */
};

struct width {
    uint8_t v4, v6; /* shortest prefixes allowed for sources */
};

/* Make groups of sorted begins, which must stay valid. Return 0; -ENOMEM; -E2BIG: more than GROUPS_MOST services. Call
 * groups_fini in any case. */
int groups_make(struct groups *g, const struct begins *b, const struct width *w);
void groups_fini(struct groups *g);
/* Print formatted rules, and a test with a packet of each. False: out of memory. */
bool groups_print(const struct groups *g, FILE *out);
