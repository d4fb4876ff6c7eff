/* Obstacles to live traffic on this host, in plain words, each with the command that removes it */
#pragma once

#include <sys/socket.h>

#include "runtime/host/guard/guard.h"
#include "runtime/host/guard/ports.h"
#include "vm/packet/facts.h"

struct preflight_server {
    struct host_addr addr;
    const char *name;  /* "POOL/SERVER" */
    unsigned overhead; /* bytes that a tunnel to the server adds to a packet; 0: none */
    bool sent_on;      /* prey forwards packets to the server; else only this machine's own connections go there */
};

struct preflight {
    const char *const *interfaces; /* interfaces that the start would use */
    unsigned interface_count;
    const bool *bridged;                    /* [interface_count]: ports of prey's bridge; NULL: none */
    bool waits;                             /* the start waits for interfaces: they may be missing or down */
    const struct preflight_server *servers; /* servers that packets are sent to */
    unsigned server_count;
    const char *name;               /* the instance's name; NULL: not checked */
    bool takes_over;                /* the instance of that name hands over, so what it uses isn't an obstacle */
    const struct host_ports *ports; /* ports on this machine's own addresses, for translation */
    unsigned port_count;
    const struct facts_port *bound; /* ports of masquerade that sockets have and keep */
    unsigned bound_count;
    const struct guard_match *matches; /* future guard rules; those of the proxy are checked */
    unsigned match_count;
    uint64_t table_bytes, ring_bytes; /* size of full flow tables, and of rings from the start */
    const char *log;                  /* target of the log, as for sink_descriptor */
    const char *record;               /* directory of a recording; NULL: none */
    const struct sockaddr *stats;     /* address of the statistics page; NULL: none */
    const char *stats_text;           /* the same, as given by the user */
    uint32_t xdp;                     /* bit i: frames of interface i arrive by prey's own program of XDP */
    bool xdp_replace;                 /* another program is removed, for good */
    bool sends_on;                    /* prey forwards some packets */
    bool guarded;                     /* guard rules keep the host's stack from forwarding, too */
    bool looks_only;                  /* no start follows: also report findings that a start itself makes */
};

/* Callback for one finding. fatal: a start is impossible; else the finding is only worth knowing. mend: a command or an
 * option, or empty. */
typedef void preflight_say(void *arg, bool fatal, const char *what, const char *mend);

/* Return the bytes of memory that this process may lock; UINT64_MAX: any number */
uint64_t host_may_lock(void);
/* True if the address is in the subnet of that interface address, and the subnet has more than one member */
bool host_is_in_subnet(const struct host_address *of, const struct host_addr *addr);
/* True if the interface has an XDP program of another instance or program */
bool host_xdp_is_taken(struct host *h, const char *instance, const char *interface);

/* Check only privileges, because other checks need them. True if one is missing; it was reported. */
bool host_lacks_rights(preflight_say *say, void *arg);

/* Check privileges, interfaces, other programs, addresses, routes and forwarding, without a change. Routes to
 * servers are checked only if there are no fatal findings; the first five findings of each kind are reported, then
 * the number of others. Return the number of fatal findings. */
unsigned host_preflight(struct host *h, const struct preflight *p, preflight_say *say, void *arg);
