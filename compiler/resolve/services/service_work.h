/* Checks, pools and services: functions that their files share, and that nats use */
#pragma once

#include "compiler/resolve/conditions/conditions.h"
#include "compiler/resolve/values/clauses.h"
#include "vm/packet/key.h"

/* Read `mss clamp auto|N` (service_options.c); 0 if the clause is NULL or was reported. */
uint16_t mss_clamp_of(struct compile *c, const struct node *clause);

/* Servers of a `servers` statement; port 0: the client's is kept. server_range_of reads the range `n` and returns
 * the count; it returns 0 after reporting that this is not a range. After a report of a bad bound the range keeps
 * its servers, so that their names are known. */
struct server_range {
    struct addr first;
    uint32_t count;
    uint16_t port;
    const struct node *host; /* clause with the name of the servers' host or service; NULL: a range of addresses */
};
uint32_t server_range_of(struct compile *c, const struct node *n, struct server_range *r);
/* Return the name of server number i, from 0 on, of `servers`: NAME-1, NAME-2, ... */
struct str server_range_name(struct compile *c, const struct node *n, uint32_t i);
/* True if a server can have the port; else report. */
bool server_port_good(struct compile *c, const struct node *n, uint16_t port);

enum { ADDRESSES_MOST = 1 << 16 }; /* most addresses of a range of servers, or of a nat's statement */

void resolve_checks(struct compile *c);   /* checks.c: enter checks in the image */
void resolve_pools(struct compile *c);    /* pools.c: enter pools and servers in the image */
void resolve_services(struct compile *c); /* resolve_services.c: enter services in the image */

/* Return the protocol of a PROTO/PORTS, `icmp` or `icmp6` (enum pbc_endpoint_proto); read its ports, false after a
 * report (resolve_services.c, for nats.c). */
uint8_t endpoint_proto(const struct node *n);
bool endpoint_ports(struct compile *c, const struct node *n, const struct number_kind *kind, struct number_set *ports);

/* Flows that translation to a pool's servers can hold at once (capacity.c): for IPv4, for IPv6, and in total */
struct capacity {
    struct capacity_part {
        uint64_t addresses, ports, servers, flows; /* addresses: those of `source`, or one: the interface's */
        bool own;
    } v4, v6;
    uint64_t addresses; /* number of `source` addresses */
    uint64_t spaces;    /* pairs of a `source` address and a server */
    uint64_t flows;
};
struct capacity capacity_of(const struct image *img, const struct pbc_pool *pool);
/* Source ports of a service: flows at once, to all of its pools; if it takes UDP, how long such a flow keeps its
 * port, and how many may begin per second. 0: no ports needed, or no UDP. */
struct service_ports {
    uint64_t flows, udp_ns, udp_a_second;
};
struct service_ports service_ports(const struct image *img, struct arena *arena, const struct pbc_service *s);
/* Return the enum lb_kind of `balance WORD`; the default without the clause, and after a report. */
uint8_t balance_of(struct compile *c, const struct node *clause);
/* True if each address of the sets belongs to a single host; else report at the clause. */
bool sets_of_hosts(struct compile *c, uint32_t sets, uint32_t count, const struct node *clause);
/* Number of addresses that a `source` of a nat translates to; a large IPv6 range counts as ADDRESSES_MOST + 1 */
struct outside_size {
    uint64_t v4, v6;
};
struct outside_size outside_size(const struct image *img, const struct pbc_nat *nat);
/* Report too many addresses in the `source` clause (NULL: none). *spaces: sum over the pools so far. */
void check_sources(struct compile *c, const struct pbc_pool *pool, const struct node *clause, uint64_t *spaces);

extern const struct number_kind max_flows_kind; /* flows of `max flows` (pools.c) */

/* State of resolving a service, for resolve_services.c and the files of its parts */
struct service_work {
    struct compile *c;
    const struct node *node;
    uint32_t id;
    enum pbc_mode mode;
    uint32_t left;        /* KIND_IP4, KIND_IP6: clients not taken entirely by earlier `when`s */
    bool tcp_like;        /* an endpoint may take a protocol with connections that begin and end */
    bool tcp;             /* an endpoint may take TCP */
    uint32_t families;    /* KIND_IP4, KIND_IP6: clients of its endpoints */
    bool good;            /* mode and endpoints are valid */
    bool tls;             /* the service ends TLS */
    bool observes;        /* `mode observe`: its endpoints are in OBSERVE_ENDPOINTS, and `mode` is PBC_MODES */
    uint32_t wants;       /* enum first_wants: first bytes that its branches ask for */
    uint32_t wants_reply; /* the same for the server's first bytes, for `reply` */
    const struct node *instruction; /* the last `instruction` of a `when`, and its check */
    bool instruction_sum;
    bool elsewhere;                  /* a branch leads to something other than the original destination */
    struct number_set ifaces, vlans; /* frames of endpoints in the wire: interfaces (none: all), and VIDs, by `wire` */
    uint8_t wire;                    /* enum pbc_endpoint_wire */
};
/* Services in the wire (wire.c): read `on IF` and `vlan …`; add an endpoint for each of them; read a destination
 * other than a pool, false if it is a pool; settle which side sends first, once the branches are read. */
void wire_read(struct service_work *w);
void wire_endpoints(struct service_work *w, const struct pbc_endpoint *e, struct span at);
bool wire_destination(const struct service_work *w, const struct node *pools, struct pbc_branch *b);
void wire_settle(const struct service_work *w, const struct clauses *block, uint32_t proxy);
/* Connections that leave for the packet path (splice.c): true for a `-> pass` that can be in the service, false
 * after a report; read `splice packets`, and apply it to the branches, once they are read. */
bool splice_may_pass(const struct service_work *w, const struct node *share);
void splice_settle(const struct service_work *w, const struct clauses *block, const struct pbc_service *s);
/* Report a pool with the name of a destination. */
void wire_check_pool(struct compile *c, const struct symbol *pool);
/* Services in `mode observe` (observe.c): true for the declaration of one; resolve it; sort the endpoints of all. */
bool is_observe(const struct symbol *s);
void resolve_observe(struct compile *c, struct symbol *s);
void observe_endpoints_sort(struct compile *c);
/* Report its options in a service of another mode. */
void refuse_observe_options(const struct service_work *w, const struct clauses *block);
/* Return the action of a word of its branches; NULL: unknown. */
const char *observe_word(struct str word);

/* Parts of resolve_services.c: read the endpoints; true for conditions on properties that a connection's packets share;
 * report AH in a `when` of connections; report a branch behind the `else`. */
void resolve_endpoints(struct service_work *w, const struct node *on);
bool is_of_connections(const struct node *n);
void check_no_ah(struct service_work *w, const struct node *when, uint32_t from);
void report_after_else(struct compile *c, const struct node *n, const struct node *otherwise);
/* Return the version of `send proxy v1|v2`; 0 if the clause is NULL (proxies.c). */
uint8_t send_proxy_of(const struct node *clause);
/* Read a duration above 0; 0 after a report (proxies.c). */
uint64_t time_above_0(struct compile *c, const struct node *clause, const struct node *n);

/* Check that a branch's pools have servers of the client's family and, in `dsr` modes, no other port. families:
 * KIND_IP4, KIND_IP6 that the branch can match. */
void check_branch_pools(const struct service_work *w, const struct pbc_branch *b, const struct node *pools,
                        uint32_t families);
void check_endpoints(struct compile *c); /* report endpoints that are in two places */
void check_slots(struct compile *c);     /* report tables of all pools that are together too large */
void check_loops(struct compile *c);     /* report servers with a service's own address */
void warn_retries(struct compile *c);    /* warn about `retries` of pools that only `dsr` services use */
void check_capacity(struct compile *c);  /* report too large `max flows`; warn about tunnels and the MTU (capacity.c) */
/* service_options.c: read the options into `s` */
void service_options(const struct service_work *w, const struct clauses *clauses, struct pbc_service *s);

/* Read the options of a service in a proxy mode into PROXIES; report them in other modes (proxies.c). block: the
 * service's clauses. */
void resolve_proxy(struct service_work *w, const struct clauses *block);
void refuse_proxy_options(const struct service_work *w, const struct clauses *block);
void check_proxy_pools(struct compile *c);

/* Check that the service can have this condition, false after a report; add a condition on first bytes; order the
 * conditions of a branch, from number `from` on, and note the items that they need in the service (cond_stream.c). */
bool stream_cond_visible(const struct service_work *w, const struct node *n);
void stream_cond_resolve(struct rule_work *w, struct service_work *s, const struct node *n);
void stream_conds_settle(struct service_work *s, uint32_t from);
/* Enter the name of a header field in STRINGS, in lower case; 0 after a report. */
uint32_t field_name(struct compile *c, const struct node *n);

/* Write the modes that have none of the traits: "`a`, `b`". */
enum { MODE_NAMES = 200 };
const char *mode_names(unsigned without, char buf[MODE_NAMES]);
