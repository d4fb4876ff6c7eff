/* Roles of addresses and ports in a program: a service's, a server's, one that it translates to. The test for the
 * client's side of a packet (owner.h) looks here. Made once for a program; a look-up is one probe for most addresses.
 * */
#pragma once

#include "vm/program/program.h"

enum role {
    ROLE_SERVICE = 1 << 0,  /* who sends to it is a client: endpoints of services, and what a nat forwards */
    ROLE_OUTSIDE = 1 << 1,  /* an address and port that flows are translated to: its port names the worker */
    ROLE_OWN_POOL = 1 << 2, /* a server that this machine's own address is translated for, at PBC_OWN_PORT_LO and up */
    ROLE_KEPT = 1 << 4,     /* the same address for protocols that keep their ports: its other end names the worker */
    ROLE_SERVER = 1 << 3,   /* who it sends to is a client: servers that see clients' addresses, targets of a nat */
};
/* By what a conversation's sides are told apart. QUERY: the identifier of an ICMP query. */
enum role_proto { ROLE_TCP, ROLE_UDP, ROLE_SCTP, ROLE_QUERY, ROLE_OTHER, ROLE_PROTOS };

/* An address: family 4 or 6, or one of these. */
enum { ROLE_ANY = 0, ROLE_SELF4 = 1, ROLE_SELF6 = 2 };

/* A statement that masquerades. */
struct role_masquerade {
    uint32_t out; /* interface */
    uint16_t lo, hi;
};

/* A role of an address at some ports. */
struct role_part {
    uint32_t addr[4];
    uint8_t family, role, proto, reserved;
    uint16_t lo, hi;
    uint64_t until_ns; /* UINT64_MAX: of the program itself; else of one before it */
};
struct role_address {
    uint32_t first, count; /* parts: by role, protocol and port */
    uint32_t roles;        /* enum role, of all of them */
};

/* The tables, which whose_owner.h asks. */
struct roles {
    struct role_part *parts;
    struct role_address *addresses;
    uint32_t *slots; /* index in addresses + 1; 0: free */
    struct role_masquerade *masquerades;
    uint32_t parts_count, addresses_count, masquerades_count;
    uint32_t mask; /* of slots */
};

/* Roles of the program, and of `before` (NULL: none) for another day, since flows of what is not there any more go on.
 * NULL: out of memory. */
struct roles *roles_new(const struct program *p, const struct roles *before, uint64_t now_ns);
void roles_free(struct roles *r);

/* In the place of an address that has no role. */
#define ROLE_NONE UINT32_MAX
