/* What stands in the way of live traffic on this host, in plain words, each with the command that mends it. */
#pragma once

#include <sys/socket.h>

#include "runtime/host/guard/guard.h"
#include "runtime/host/guard/ports.h"
#include "vm/packet/facts.h"

struct preflight_server {
    struct host_addr addr;
    const char *name;  /* "POOL/SERVER" */
    unsigned overhead; /* bytes that a tunnel to it puts in front of a packet; 0: none */
    bool sent_on;      /* packets go there through us; else this machine's own connections alone */
};

struct preflight {
    const char *const *interfaces; /* that are to be used */
    unsigned interface_count;
    const bool *bridged;                    /* [interface_count]: those of a bridge of ours; NULL: none is */
    const struct preflight_server *servers; /* that packets are sent on to */
    unsigned server_count;
    const char *name;               /* of the instance; NULL: not looked at */
    const struct host_ports *ports; /* of this machine's own addresses, that translation takes */
    unsigned port_count;
    const struct facts_port *bound; /* ports of masquerade's that sockets have, and keep */
    unsigned bound_count;
    const struct guard_match *matches; /* what guard rules will say: of them what the proxy serves */
    unsigned match_count;
    uint64_t table_bytes, ring_bytes; /* that tables of flows take when they are full, and rings from the start */
    const char *log;                  /* where the log goes, as sink_descriptor takes it */
    const char *record;               /* the directory of a recording; NULL: none */
    const struct sockaddr *stats;     /* the address of the statistics page; NULL: none */
    const char *stats_text;           /* the same, as it was asked for */
    bool xdp;                         /* frames come by a program of ours */
    bool xdp_replace;                 /* and another is taken off, for good */
    bool sends_on;                    /* some packets leave by us that came in by us */
    bool guarded;                     /* guard rules keep the host's stack from doing so, too */
    bool looks_only;                  /* nothing begins then: what a start finds out by itself is told, too */
};

/* Told one finding. fatal: nothing can be done as it is; else it is worth knowing. mend: a command or an option, or
 * empty. */
typedef void preflight_say(void *arg, bool fatal, const char *what, const char *mend);

/* Look at rights, interfaces, others who use what we want, addresses, routes and forwarding; change nothing. Where
 * something is fatal, ways to servers are not looked at. Of each kind of finding about servers
 * the first five are told, then how many more there are. How many findings were fatal. */
unsigned host_preflight(struct host *h, const struct preflight *p, preflight_say *say, void *arg);
