/* Guard rules hide traffic that prey handles in user space from the host's stack, which would answer it (an RST for
 * a service's address) or forward it again.
 *
 * They are a table of nftables, named after the instance, at the ingress hook of the interfaces: after packet
 * sockets, which still see each frame, before everything else of the host. The host's own connections are untouched. */
#pragma once

#include "runtime/host/guard/shut.h"
#include "runtime/host/host.h"

struct state;

struct guard_addresses {
    struct host_addr lo, hi; /* inclusive, of one family; family 0: any address of either */
};
struct guard_ports {
    uint16_t lo, hi; /* inclusive; 0-65535: any, also for protocols without ports */
};
#define GUARD_ANY_PORT ((struct guard_ports){0, 65535})

/* Part of a match that is hidden. ALL: all packets. OPENERS: packets that open connections; the host's stack carries
 * the rest (io/steer/gate.h). RETURNS, ANSWERS: nothing, because the packets are servers' replies to proxy
 * connections from a client's address or a pool's `source` (RETURNS), or from the host's own (ANSWERS). For RETURNS,
 * and ICMP errors about such connections, a rule at prerouting marks packets for a socket of the host (`socket
 * transparent`); the mark routes them to that socket (host/view/here.h). Other packets of those servers are treated
 * as if no match existed. */
enum guard_proxied { GUARD_ALL, GUARD_OPENERS, GUARD_RETURNS, GUARD_ANSWERS };
#define GUARD_MARK 0x20000000u /* bit of a packet's mark that guard rules set */

/* Destinations of a match. EVERYWHERE: all. OWN: the host's own. FOREIGN: all others. SENT_ON: those others whose
 * route leaves by `out`, or, if that is empty, by one of guard.ports: prey forwards packets only by these, so
 * packets that leave elsewhere are the host's */
enum guard_reach { GUARD_EVERYWHERE, GUARD_OWN, GUARD_FOREIGN, GUARD_SENT_ON };

/* Packets that a match hides. ALL: its own. UNTAKEN: TCP and UDP packets to its `to_ports` at this machine's own
 * addresses that no socket of the host takes; such a match uses nothing else but `reach`, GUARD_OWN. FROM_PEERS:
 * none, but their receiver becomes a peer (peers.h). HEARS: none, but their sender becomes heard (heard.h).
 * FROM_HEARD: packets to a heard sender */
enum guard_hides { GUARD_HIDES_ALL, GUARD_HIDES_UNTAKEN, GUARD_HIDES_FROM_PEERS, GUARD_HEARS, GUARD_HIDES_FROM_HEARD };

/* Devices, or patterns with a `*` at the end, by which a packet must not have come in, or leave; empty: end of the
 * list */
enum { GUARD_BUT_MOST = 16, GUARD_DEVICES_MOST = 64 };
struct guard_devices {
    char name[GUARD_BUT_MOST][IFNAMSIZ];
};

/* A match of packets to hide: all conditions must hold. No pointers, because matches pass between processes. */
struct guard_match {
    struct guard_addresses from, to;
    struct guard_ports from_ports,
        to_ports;       /* for ICMP, from_ports is type and code as one number: 0x0800 is an echo request */
    uint32_t last_s;    /* seconds for which a sender is a peer, or heard, after its last such packet */
    uint8_t proto;      /* IPPROTO_…; 0: any */
    uint8_t reach;      /* enum guard_reach */
    uint8_t proxied;    /* enum guard_proxied; TCP only, but for GUARD_ALL */
    uint8_t hides;      /* enum guard_hides; all but the first two have an address, and are not a proxy's */
    char in[IFNAMSIZ];  /* incoming interface, or a pattern; empty: any */
    char out[IFNAMSIZ]; /* GUARD_SENT_ON: interface, or a pattern, of the route to it; else empty */
    struct guard_devices not_in, not_out;
};

struct guard {
    const char *const *ports; /* interfaces that prey runs on; missing ones are left out */
    unsigned port_count;
    const char *const *bridged; /* interfaces in prey's bridge: the host does not see their packets */
    unsigned bridged_count;
    const struct guard_match *matches;
    unsigned match_count;
    bool routed;       /* prey carries packets between the interfaces */
    const char *given; /* device by which packets are given back; NULL: none. Packets without a socket are let in
                        * there if still no socket takes them */
    const struct guard_shut *shut;
    unsigned shut_count;
};

/* True if nftables' syntax can express an interface's name */
bool guard_names(const char *interface);
/* True if a match can be expressed: valid families and ranges, `out` terminated. For matches from another process. */
bool guard_match_valid(const struct guard_match *m);
/* Write the name of an instance's table: valid for nftables, and unique */
#define GUARD_TABLE_MOST 256
void guard_table_name(const char *instance, char name[GUARD_TABLE_MOST]);

/* Replace the former rules by these, atomically. If a match names addresses that are not the host's own, related
 * packets are hidden, too: later fragments, echo requests to `to`, and ICMP errors to `to`. If the match is for
 * forwarded packets, so are ICMP errors that quote a packet to `from`. Related packets must come in and leave
 * according to the match; fragments are of a protocol of this match, or of another with the same devices. The rules
 * are recorded in s (NULL: nowhere); state_undo removes them. Call again when an interface comes back. Return 0, or
 * a negative errno with one line in err. */
int guard_set(struct state *s, const char *instance, const struct guard *g, char *err, size_t err_len);
