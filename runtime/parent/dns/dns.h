/* The resolver: a process without privileges that asks name servers for the addresses of names, repeatedly. It reads
 * strangers' bytes, so it can do nothing else. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DNS_HOST_MOST = 253,       /* most bytes of a name */
    DNS_NAMES_MOST = 1 << 14,  /* most names of one resolver */
    DNS_ADDRESSES_MOST = 1024, /* addresses of a name and family: an answer with more is a failure */
    DNS_LIVES_S = 5,           /* seconds between signs of life */
};

/* A name to ask for: letters, digits, hyphens, underscores and dots, but no dot at the end; ends in NUL. A name that
 * begins with `_` is a service's: its SRV records (RFC 2782) are asked for, and the addresses of their targets. */
struct dns_name {
    char host[DNS_HOST_MOST + 3];
};

enum dns_how {
    DNS_ANSWERED, /* these are all addresses of the name; 0: it has none */
    DNS_FAILED,   /* nothing is known, and `why` gives the reason */
    DNS_LIVES,    /* a sign of life, about no name */
};
/* Port, and order of use, of a service's target. */
struct dns_port {
    uint16_t port, weight, priority;
};
/* A datagram of the resolver: the present state of a name, sent with each answer and each failure, and as a sign of
 * life. */
struct dns_told {
    uint32_t name;      /* index among the names that were asked for */
    uint8_t family;     /* 4 or 6 */
    uint8_t how;        /* enum dns_how */
    uint16_t count;     /* number of addresses behind the struct */
    uint32_t again_s;   /* seconds until the name is asked for again */
    char why[84];       /* reason of a failure, or of there being no address; ends in NUL */
    uint32_t addr[][4]; /* [count], as in struct key; ascending, without duplicates. For a service, struct dns_port
                         * [count] follows, in the same order, and an address may occur with several ports */
};
static inline bool dns_is_service(const char *host) { return *host == '_'; }
/* Return the bytes of a datagram. */
static inline size_t dns_told_size(uint32_t count, bool service)
{
    return sizeof(struct dns_told) + count * (4 * sizeof(uint32_t) + (service ? sizeof(struct dns_port) : 0));
}
enum {
    DNS_TOLD_MOST = sizeof(struct dns_told) + DNS_ADDRESSES_MOST * (4 * sizeof(uint32_t) + sizeof(struct dns_port))
};

/* True if a datagram of `len` bytes has the form of a resolver's; service: its name is a service's. The caller
 * checks `name`. */
bool dns_told_is_sound(const struct dns_told *t, size_t len, bool service);

/* The parent's descriptors of a resolver; -1: none. */
struct dns_held {
    int fd;      /* socket of the resolver, which ends when it is closed */
    int process; /* pidfd: a stopped resolver ends by a signal */
};

/* Start a resolver for these names, in place of the one that is held. Return the peer of its socket, a close-on-exec
 * SOCK_SEQPACKET of struct dns_told, or a negative errno. The resolver also ends when the reader closes that peer.
 * It reads the present resolv.conf(5) and hosts(5). */
int dns_start(const struct dns_name names[], uint32_t count, struct dns_held *held);
/* Kill the resolver that is held. */
void dns_end(struct dns_held *held);
/* Return a number that changes when one of these files changes. */
uint64_t dns_files(void);

/* dns_ask.c: the work of that process. */
enum { DNS_TELLS, DNS_HELD, DNS_FDS };
struct dns;
/* Read the files, and report their names by fds[DNS_TELLS]. NULL: out of memory. */
struct dns *dns_new(const int fds[DNS_FDS], const struct dns_name names[], uint32_t count);
/* Ask until the peer of one of the descriptors is closed. */
void dns_run(struct dns *r);
