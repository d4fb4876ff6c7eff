/* Roles of addresses and ports in a program: service, server, or target of translation. The search for the client's
 * side of a packet (owner.h) uses them. Made once per program; most look-ups take one probe. */
#pragma once

#include "vm/program/program.h"

enum role {
    ROLE_SERVICE =
        1 << 0, /* senders to this address are clients: endpoints of services, addresses that a nat forwards */
    ROLE_OUTSIDE = 1 << 1,  /* an address and port that flows are translated to: the port names the worker */
    ROLE_OWN_POOL = 1 << 2, /* a server reached from this machine's own address, at source ports from PBC_OWN_PORT_LO */
    ROLE_KEPT = 1 << 4,     /* an outside address for protocols that keep their ports: the peer names the worker */
    ROLE_SERVER =
        1 << 3, /* receivers from this address are clients: servers that see clients' addresses, targets of a nat */
    ROLE_LED = 1 << 5, /* a port that a nat forwards, at any address; some packets to it are not forwarded */
};
/* The protocols that distinguish conversations. QUERY: by the identifier of an ICMP query */
enum role_proto { ROLE_TCP, ROLE_UDP, ROLE_SCTP, ROLE_QUERY, ROLE_OTHER, ROLE_PROTOS };

/* The family of an address: 4, 6, or one of these */
enum { ROLE_ANY = 0, ROLE_SELF4 = 1, ROLE_SELF6 = 2 };

/* A statement that masquerades */
struct role_masquerade {
    uint32_t out; /* interface; PBC_NONE: one of several, so that it may be any address of this machine */
    uint16_t lo, hi;
};

/* A role of an address at a range of ports */
struct role_part {
    uint32_t addr[4];
    uint8_t family, role, proto, reserved;
    uint16_t lo, hi;
    uint64_t
        until_ns; /* UINT64_MAX: role in the current program; otherwise the end of one kept from an earlier program */
};
struct role_address {
    uint32_t first, count; /* range of its parts, sorted by role, protocol and port */
    uint32_t roles;        /* bits of enum role of all its parts */
};

/* The tables that whose_owner.h reads */
struct roles {
    struct role_part *parts;
    struct role_address *addresses;
    uint32_t *slots; /* index in addresses + 1; 0: free */
    struct role_masquerade *masquerades;
    uint32_t parts_count, addresses_count, masquerades_count;
    uint32_t mask; /* mask for an index in slots */
};

/* Make the roles of the program, and keep those of `before` (NULL: none) for another day, because flows of removed
 * services go on. NULL: out of memory. */
struct roles *roles_new(const struct program *p, const struct roles *before, uint64_t now_ns);
void roles_free(struct roles *r);
/* Write the roles that the program itself does not give: those of earlier programs, and ranges that these have
 * widened. */
struct archive;
void roles_write(const struct roles *r, const struct program *p, struct archive *a);
/* Make the roles of the program, and add those read, which are hostile. NULL: damaged (a->bad), or out of memory. */
struct roles *roles_read(const struct program *p, struct archive *a);

/* Index in place of that of an address without a role */
#define ROLE_NONE UINT32_MAX
