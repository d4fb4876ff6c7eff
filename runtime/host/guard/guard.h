/* Guard rules: what prey handles in user space the host's own stack must not see, or it would answer it (an RST for a
 * service's address) or forward it a second time.
 *
 * They are a table of nftables, named after the instance, at the ingress hook of the interfaces given: behind packet
 * sockets, which still see each frame, before everything else of the host. Connections of the host itself are
 * untouched. */
#pragma once

#include "runtime/host/host.h"

struct state;

struct guard_addresses {
    struct host_addr lo, hi; /* inclusive, of one family; family 0: any address of either */
};
struct guard_ports {
    uint16_t lo, hi; /* inclusive; 0-65535: any, also of a protocol that has none */
};
#define GUARD_ANY_PORT ((struct guard_ports){0, 65535})

/* What of it is hidden: all; what opens connections, for the host's stack carries the rest (io/steer/gate.h); nothing,
 * for it is what servers answer to connections of the proxy's that have the clients' addresses, or the host's own. Of
 * the former, and of ICMP errors about what such a connection sent, a rule at prerouting marks what a socket of the
 * host's waits for (`socket transparent`); by the mark it gets there (host/view/here.h). All else of those servers' is
 * as if there was no match. */
enum guard_proxied { GUARD_ALL, GUARD_OPENERS, GUARD_RETURNS, GUARD_ANSWERS };
#define GUARD_MARK 0x20000000u /* this bit of a packet's mark */

enum guard_reach { GUARD_EVERYWHERE, GUARD_OWN, GUARD_FOREIGN };

/* Packets to be hidden: all that is said must hold. No pointers: matches pass from one process to another. */
struct guard_match {
    struct guard_addresses from, to;
    struct guard_ports from_ports,
        to_ports;       /* of ICMP, from_ports is type and code as one number: 0x0800 an echo request */
    uint8_t proto;      /* IPPROTO_…; 0: any */
    uint8_t reach;      /* enum guard_reach: whether `to` is one of the host's own addresses */
    uint8_t proxied;    /* enum guard_proxied; but for GUARD_ALL of TCP alone */
    char in[IFNAMSIZ];  /* the interface that it comes in by; empty: any */
    char out[IFNAMSIZ]; /* the one that the route to it leads out of; empty: any */
};

struct guard {
    const char *const *ports; /* names of the interfaces that prey runs on; those that are gone are left out */
    unsigned port_count;
    const char *const *bridged; /* of them, those that are ports of prey's bridge: the host sees nothing of them */
    unsigned bridged_count;
    const struct guard_match *matches;
    unsigned match_count;
    bool routed; /* prey carries what goes from one of the interfaces to another */
};

/* Is it one that can be worded: families and bounds in order, `out` ended? For what comes from another process. */
bool guard_match_valid(const struct guard_match *m);
/* The table of an instance: what nftables takes for a word, each name another. */
#define GUARD_TABLE_MOST 256
void guard_table_name(const char *instance, char name[GUARD_TABLE_MOST]);

/* Put these rules in force, in place of those that were, in one step. For a match with addresses also hidden is what
 * its packets cause and prey handles, where it is not for an own address of the host: later fragments, echo requests to
 * `to`, ICMP errors to `to` and those that quote a packet to `from`. Recorded in s; state_undo takes them away. To be
 * called again when an interface comes back. 0, or a negative errno with one line in err. */
int guard_set(struct state *s, const char *instance, const struct guard *g, char *err, size_t err_len);
