/* Names of hosts that the program in force has in place of addresses: the resolver's (runtime/parent/dns/) last
 * result for each. */
#pragma once

#include "runtime/live/rules/rules_state.h"
#include "runtime/parent/dns/dns.h"

/* Addresses of a name in one family, as last answered. */
struct host_addresses {
    uint32_t (*addr)[4]; /* [count], as in struct key; ascending */
    struct dns_port *at; /* [count] ports of a service; else NULL */
    uint32_t count;
    bool known;           /* the name was answered since its first request: with these addresses, or with none */
    uint64_t answered_ns; /* wall time of that answer */
    char fault[84];       /* line with the reason why the last query failed; "": it was answered */
    char none[84];        /* line with the reason why it has no address; "": it has some, or is unknown */
};
struct host_name {
    const char *host;
    struct host_addresses of[2]; /* addresses for IPv4, and for IPv6 */
    bool told_none;              /* names_tick has reported that it has no address */
};

/* One change. Valid until the next names_next. */
struct name_change {
    const struct host_name *name;
    bool v6;
    uint32_t (*was)[4]; /* addresses before, ascending */
    uint32_t was_count;
};

/* Request the names of the program in force. Call once per turn. */
void names_follow(struct rules *rules, uint64_t now_ns);
/* Read the resolver's messages up to the next change. False: no change now, or the next turn reads it. */
bool names_next(struct rules *rules, struct name_change *change);
/* Report names that have newly failed, names without an address, and that all names have answers again. Start a new
 * resolver if files have changed or the resolver has ended. Call once per second. */
void names_tick(struct rules *rules, uint64_t now_ns);
/* Return a number that grows with each change of names' addresses, and of the requested names. */
uint64_t names_heard(const struct rules *rules);
/* Return the descriptor that is readable when there is a change; -1: no names are requested. */
int names_fd(const struct rules *rules);
/* Write the reason why no process resolves names; "": a process resolves them. */
void names_fault(const struct rules *rules, char *text, size_t len);
/* Find a name; NULL: not requested. */
const struct host_name *names_find(const struct rules *rules, const char *host);
/* Return the reason why a name has no address in either family; NULL: it has one, or a family is not answered yet. */
const char *name_none(const struct host_name *h);
/* Call `each` with every name of a program, once, in order. False: out of memory. */
struct program;
bool names_each(const struct program *p, void (*each)(void *arg, const char *host), void *arg);
void names_end(struct rules *rules);
