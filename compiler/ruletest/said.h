/* What the client of a test's connection says first, and which server of a proxy service's it reaches by that. */
#pragma once

#include "compiler/ruletest/ruletest.h"

enum { SAID_HEADERS = 16 };

/* As written; text that is not written is NULL. */
struct test_said {
    struct str sni, alpn, host, path, method;
    struct str header[SAID_HEADERS][2]; /* name, value */
    uint32_t headers;
    uint8_t *bytes;          /* a ClientHello, where sni or alpn is written; then a request, where a part of one is */
    uint32_t hello, request; /* how many bytes each has; 0: none */
};

/* Write its bytes into the arena. */
void said_write(struct arena *a, struct test_said *said);

/* The branch of a proxy service that such a connection takes; PBC_NONE: the service closes it, and *why says why. key:
 * of its packets from the client. */
uint32_t said_branch(struct program *p, uint32_t service, const struct test_said *said, const struct key *key,
                     const char **why);
/* A connection that is let through to a proxy service: v->server is set, and *served says why. `said` is NULL where
 * only the packet's payload is sent. What does not come is absent, as after the service's `first bytes within`. False:
 * the service closes it; served->how says why, where that is not for want of a server. */
bool said_connect(struct test_run *r, const struct test_said *said, const struct frame_payload *payload,
                  const struct key *key, struct verdict *v, struct served *served);
/* One that has taken this branch, with pools: v->server is set, or, false, v->reason. */
bool said_give(struct test_run *r, struct chooser *chooser, uint32_t branch, const struct key *key, uint64_t affinity,
               struct verdict *v, struct served *served);
