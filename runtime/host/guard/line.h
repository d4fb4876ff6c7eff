/* Guard matches as text for libnftables: a part of guard.c and peers.c. */
#pragma once

#include <stdio.h>

#include "runtime/host/guard/guard.h"

/* Addresses at which the host itself receives: its own, broadcast, and multicast (neighbour discovery) */
#define OURS "{ local, broadcast, multicast }"

/* Protocols with ports or identifiers, except SCTP (132), to which the host replies with its own chunks */
#define PORTED "1, 6, 17, 58"

/* An address family in nftables' syntax: its keywords, and tests for later fragments and ICMP errors */
struct line_family {
    unsigned family;
    uint8_t icmp;
    const char *ip, *type, *later, *errors; /* errors: a set of ICMP types, which the caller ends */
    const char *quoted;                     /* destination in the header quoted by an ICMP error, after 8 bytes */
};
enum { LINE_FAMILIES = 2 };
extern const struct line_family line_families[LINE_FAMILIES];

/* Write an address as text, or as a number (second function), for sets of addresses that ICMP errors quote. */
void line_address(FILE *out, const struct host_addr *a);
void line_number(FILE *out, const struct host_addr *a);
/* Write one address or a range, each address by write_one. */
void line_range(FILE *out, const struct guard_addresses *a, void (*write_one)(FILE *, const struct host_addr *));

/* A match as text: its rule, and its element in that rule's set */
struct line {
    char first[40];  /* test that most packets fail, made before any set; empty: none */
    char head[160];  /* the element's fields, joined; empty: no set */
    char types[160]; /* types of these fields */
    char rest[2000]; /* ranges, devices, and the test for own addresses */
    char element[160];
    const char *verdict; /* statement at the rule's end, which the caller may replace */
};

/* Return the family of a match's addresses; 0: no addresses. */
unsigned line_family_of(const struct guard_match *m);
/* Make the line of a match. passes: accept the proxy's packets that open no connection, so that no later rule drops
 * them */
struct line line_of(const struct guard *g, const struct guard_match *m, bool passes);
/* Append to text of `size` bytes. */
__attribute__((format(printf, 3, 4))) void line_add(char *to, size_t size, const char *format, ...);
/* Append the test for a route that leaves by an interface, or, without its name, by one of prey's ports. */
void line_way(char *to, size_t size, const struct guard *g, const char *out);
/* Append the tests for the devices of a match. */
void line_devices(char *to, size_t size, const struct guard *g, const struct guard_match *m);
/* Sort these lines, and write their rules and sets. sets NULL: the sets are written into the rules, and end with
 * them. */
void lines_write(FILE *sets, FILE *rules, struct line *lines, unsigned count);
/* Begin a chain at the ingress of all of prey's ports that exist; without ports, a chain without a hook. */
void line_chain(FILE *out, const struct guard *g, const char *name, int priority);
