/* A drawn router: interfaces, networks, routes, policy rules, NAT statements and firewalls. Other files write it in
 * the languages of prey, nft and ip; this one knows none of them. */
#ifndef TESTS_DIFF_ROUTERS_WORLD_H
#define TESTS_DIFF_ROUTERS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/lib/rng.h"

enum {
    IFS_MOST = 5,
    NETS_MOST = 9,
    ROUTES_MOST = 24,
    POLICIES_MOST = 3,
    NATS_MOST = 6,
    GONE_MOST = 30,
    RULES_MOST = 8
};
/* Networks. Those on a link come first, by the interface's number. Then come two behind gateways, the world, and one
 * with a route of another kind. */
enum { NET_FAR = IFS_MOST, NET_WORLD = IFS_MOST + 2, NET_NONE = IFS_MOST + 3 };
/* Numbers of hosts in each network. */
enum {
    HOST_ROUTER = 1,
    HOST_FIRST = 2,
    HOSTS = 3,
    HOST_SECOND = 7,
    HOST_PROBE = 9,
    HOST_POOL = 64,
    HOST_MAPPED = 80,
    HOST_GATEWAY = 254
};
enum { MAPPED_BITS = 2 };                       /* a map has 1 << MAPPED_BITS addresses */
enum { PROBE_OUTSIDE = 16, PROBE_INSIDE = 32 }; /* 172.16.0.0/16 for the first router, and so on */
enum { PORT_LO = 61000, PORT_HI = 65535 };

/* Features that may be drawn. */
enum feature {
    WITH_POLICIES = 1,     /* policy rules with their tables */
    WITH_NO_ADDRESS = 2,   /* interfaces without an address */
    WITH_UNSERVED = 4,     /* interfaces that prey doesn't serve */
    WITH_OTHER_ROUTES = 8, /* blackhole, unreachable, prohibit, throw */
    WITH_MULTIPATH = 16,   /* two default routes of equal weight */
    WITH_CONDITIONS = 32,  /* statements with destinations, protocols, ports, `on` and `not` */
    WITH_CHANGES = 64,     /* routes, addresses and interfaces change between packets */
    WITH_NEXTHOPS = 128,   /* next-hop objects */
    WITH_HERE = 256,       /* a firewall for packets to this machine */
    WITH_MARKS = 512,      /* policy rules by mark */
    WITH_MORE = 1024,      /* three and more interfaces */
    WITH_NAT = 2048,       /* NAT statements */
    WITH_BARE = 4096,      /* interfaces without Ethernet */
};
#define WITH_TODAY                                                                                                     \
    (WITH_POLICIES | WITH_NO_ADDRESS | WITH_UNSERVED | WITH_OTHER_ROUTES | WITH_HERE | WITH_MORE | WITH_NAT | WITH_BARE)

struct iface {
    bool served, has4, has6, down, bare; /* bare: without Ethernet, for the whole site */
};

enum route_kind {
    ROUTE_VIA,
    ROUTE_BLACKHOLE,
    ROUTE_UNREACHABLE,
    ROUTE_PROHIBIT,
    ROUTE_THROW,
    ROUTE_BOTH,
    ROUTE_OBJECT
};
struct route {
    enum route_kind kind;
    bool v6, all;           /* all: the default route; otherwise the route is to `net` */
    uint8_t net, by, or_by; /* or_by: second interface of ROUTE_BOTH */
    uint8_t table;          /* 0: the main table */
};

enum policy_kind { POLICY_FROM, POLICY_TO, POLICY_IIF, POLICY_MARK };
struct policy {
    enum policy_kind kind;
    bool v6;
    uint8_t what, table; /* what: a network or an interface */
};

/* A set of networks, one bit each; 0: any. */
typedef uint32_t nets;

enum nat_kind { NAT_MASQUERADE, NAT_SOURCE, NAT_FORWARD, NAT_MAP };
struct nat {
    enum nat_kind kind;
    uint8_t out;           /* interface of `out on`, and of a map's `on` and outside addresses */
    uint8_t outs, on_bits; /* conditions, as bits: interfaces of `out on` instead of `out`, and of `on`; 0: none */
    bool not_outs, not_on, not_proto;
    nets from;
    uint16_t port_lo, port_hi;
    bool v6;           /* for NAT_SOURCE, NAT_FORWARD, NAT_MAP */
    bool on;           /* NAT_FORWARD: only packets that arrive by `out` */
    bool second;       /* NAT_FORWARD: for the second IPv4 address of `out` instead of `self` */
    uint8_t proto;     /* NAT_FORWARD: the port's protocol; otherwise a condition, 0: none */
    uint16_t port;     /* NAT_FORWARD: the port; otherwise a condition, 0: none */
    uint8_t net, host; /* NAT_FORWARD: target; NAT_MAP: the inside network */
    uint16_t to_port;
    nets to; /* a condition */
    bool not_to;
    bool anywhere; /* NAT_MAP: the outgoing interface isn't tested */
};

enum rule_verdict { RULE_ACCEPT, RULE_DROP, RULE_REJECT };
struct rule {
    enum rule_verdict verdict;
    uint8_t on, out; /* bits of interfaces; 0: any */
    bool not_on, not_out, not_from, not_to;
    nets from, to;
    uint8_t proto; /* 0: any; ICMP includes ICMPv6 */
    uint16_t port_lo, port_hi;
    bool fresh; /* state new */
};
struct firewall {
    bool judges, accepts; /* accepts: accepts by default */
    bool follows;         /* begins with `accept state established, related` */
    bool no_invalid;      /* and then drops invalid packets */
    struct rule rules[RULES_MOST];
    unsigned count;
};

struct world {
    unsigned number; /* the router's number in its site, and the probe's address */
    unsigned with;   /* features drawn */
    unsigned ifs;
    struct iface iface[IFS_MOST];
    uint8_t far_by[2], world_by[2]; /* interfaces of the far networks; interfaces of the world by family: IPv4, IPv6 */
    struct route routes[ROUTES_MOST];
    unsigned route_count;
    struct policy policies[POLICIES_MOST * 2];
    unsigned policy_count;
    struct nat nats[NATS_MOST];
    unsigned nat_count;
    struct nat gone[GONE_MOST]; /* each NAT_FORWARD and NAT_MAP of the site's earlier routers */
    unsigned gone_count;
    struct firewall across, here;
    uint8_t probe_out; /* interface by which probes leave */
};

/* Draw the interfaces of a site, which all its routers share. */
void world_draw_site(struct world *w, struct rng *rng, unsigned with);
/* Draw the rest, anew for each router. */
void world_draw(struct world *w, struct rng *rng, unsigned with);

/* Changes between two packets. */
enum change_kind { CHANGE_DEFAULT, CHANGE_NO_DEFAULT, CHANGE_ADDRESS, CHANGE_DOWN, CHANGE_UPLINK, CHANGE_KINDS };
struct change {
    enum change_kind kind;
    bool v6;       /* of the changed route */
    uint8_t iface; /* the route's new interface, or the interface that loses its address or goes down */
};
/* Draw a change and apply it to the world. The probes' route changes, too, so that a side can show when it knows.
 * Returns false if this world has nothing to change. */
bool world_draw_change(struct world *w, struct rng *rng, struct change *c);

/* Write the address of a host; IPv4 uses the first four bytes. */
void world_addr(bool v6, unsigned net, unsigned host, uint8_t out[16]);
/* Write a probe's destination, a different one for each. A map translates it, and its next hop isn't known yet, so a
 * probe comes out after all packets that had to wait for a next hop. */
void world_probe_addr(const struct world *w, uint32_t number, uint8_t out[16]);
/* Write an address ("10.1.0.2", "fd00:1::2") or a network ("10.1.0.0/24", "fd00:1::/64"). Both return buf. */
const char *world_host_text(bool v6, unsigned net, unsigned host, char buf[48]);
const char *world_net_text(bool v6, unsigned net, char buf[48]);
/* True if the network exists in this world. */
bool world_has_net(const struct world *w, unsigned net);
/* Return the interface that the main table's routes use for a network; 0 for the network without one. */
unsigned world_behind(const struct world *w, bool v6, unsigned net);
/* Write the MAC address of the router's interface, or of a host on its link. */
void world_mac(unsigned iface, unsigned host, uint8_t mac[6]);

/* Write the drawing as rules. */
void world_as_prey(const struct world *w, FILE *out);
void world_as_nft(const struct world *w, FILE *out);
/* Write the commands of one family; IPv6 comes first. */
void world_as_ip_links(const struct world *w, bool v6, FILE *out);  /* once for a site: MACs, up */
void world_as_ip_forget(const struct world *w, bool v6, FILE *out); /* removes routes, rules and addresses; may fail */
void world_as_ip_routes(const struct world *w, bool v6, FILE *out);
void world_as_ip_change(const struct world *w, const struct change *c, bool v6, FILE *out);

#endif
