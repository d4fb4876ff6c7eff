/* Checks, pools and services: what their files share, and nats ask. */
#pragma once

#include "compiler/resolve/conditions/conditions.h"
#include "compiler/resolve/values/clauses.h"
#include "vm/packet/key.h"

/* `mss clamp auto|N` (service_options.c); 0 where the clause is NULL or was reported. */
uint16_t mss_clamp_of(struct compile *c, const struct node *clause);

/* The servers of a `servers`, port 0: the client's is kept. Its range is `n`: how many; bounds at
 * fault are reported, and it has its servers all the same, so that their names are known. 0 after a report: it is no
 * range. */
struct server_range {
    struct addr first;
    uint32_t count;
    uint16_t port;
};
uint32_t server_range_of(struct compile *c, const struct node *n, struct server_range *r);
/* The name of number i, from 0 on, of the `servers` n: NAME-1, NAME-2, ... */
struct str server_range_name(struct compile *c, const struct node *n, uint32_t i);
/* Is it a port that a server has? False after a report. */
bool server_port_good(struct compile *c, const struct node *n, uint16_t port);

enum { ADDRESSES_MOST = 1 << 16 }; /* that one range of servers, or one statement of a nat, may have */

void resolve_checks(struct compile *c);   /* checks.c */
void resolve_pools(struct compile *c);    /* pools.c */
void resolve_services(struct compile *c); /* services.c */

/* services.c for nats.c: the protocol of a PROTO/PORTS, `icmp` or `icmp6` (enum pbc_endpoint_proto); its ports, false
 * after a report. */
uint8_t endpoint_proto(const struct node *n);
bool endpoint_ports(struct compile *c, const struct node *n, const struct number_kind *kind, struct number_set *ports);

/* What translation to a pool's servers can hold at once (capacity.c): of IPv4, of IPv6, and in all. */
struct capacity {
    struct capacity_part {
        uint64_t addresses, ports, servers, flows; /* addresses: the interface's own is one */
        bool own;
    } v4, v6;
    uint64_t addresses; /* of `source` */
    uint64_t spaces;    /* pairs of a `source` address and a server */
    uint64_t flows;
};
struct capacity capacity_of(const struct image *img, const struct pbc_pool *pool);
/* `balance WORD`, an enum lb_kind; the default without the clause, and after a report. */
uint8_t balance_of(struct compile *c, const struct node *clause);
/* Has each address of these sets a single host? False after a report at the clause. */
bool sets_of_hosts(struct compile *c, uint32_t sets, uint32_t count, const struct node *clause);
/* How many addresses a `source` of a nat has to translate to; where they are more than ADDRESSES_MOST, more than that.
 */
struct outside_size {
    uint64_t v4, v6;
};
struct outside_size outside_size(const struct image *img, const struct pbc_nat *nat);
/* Too many addresses in the `source` clause (NULL: none); *spaces: of the pools so far. */
void check_sources(struct compile *c, const struct pbc_pool *pool, const struct node *clause, uint64_t *spaces);

/* services.c for service_checks.c */
struct service_work {
    struct compile *c;
    const struct node *node;
    uint32_t id;
    enum pbc_mode mode;
    uint32_t left;                  /* KIND_IP4, KIND_IP6: clients that no `when` before has taken whole */
    bool tcp_like;                  /* an endpoint may take a protocol whose connections begin and end */
    bool tcp;                       /* an endpoint may take TCP */
    uint32_t families;              /* KIND_IP4, KIND_IP6 of clients that its endpoints take */
    bool good;                      /* mode and endpoints are known */
    bool tls;                       /* TLS ends here */
    uint32_t wants;                 /* enum first_wants: what its branches ask of the first bytes */
    const struct node *instruction; /* the last that a `when` named, and its check */
    bool instruction_sum;
};
/* What a branch's pools must have for the service: a server of the client's family, no other port. families: KIND_IP4,
 * KIND_IP6 that the branch can match. */
void check_branch_pools(const struct service_work *w, const struct pbc_branch *b, const struct node *pools,
                        uint32_t families);
void check_endpoints(struct compile *c); /* the same endpoint in two places */
void check_slots(struct compile *c);     /* tables of all pools together */
void check_loops(struct compile *c);     /* servers on a service's own address */
void warn_retries(struct compile *c);    /* of pools that only `dsr` services use */
void check_capacity(struct compile *c); /* capacity.c: `max flows` above what source ports allow; tunnels and the MTU */
/* service_options.c */
void service_options(const struct service_work *w, const struct clauses *clauses, struct pbc_service *s);

/* proxies.c: the entry of PROXIES of a service in a proxy mode; what other modes say of its options. `block`: its
 * clauses. */
void resolve_proxy(struct service_work *w, const struct clauses *block);
void refuse_proxy_options(const struct service_work *w, const struct clauses *block);
void check_proxy_pools(struct compile *c);

/* cond_stream.c: can the service ask this? False after a report. A condition on first bytes. Conditions of a branch,
 * from number `from` on, in the order in which they are asked; what they want is noted in the service. */
bool stream_cond_visible(const struct service_work *w, const struct node *n);
void stream_cond_resolve(struct rule_work *w, struct service_work *s, const struct node *n);
void stream_conds_settle(struct service_work *s, uint32_t from);
/* The name of a header field as an entry of STRINGS, in lower case; 0 after a report. */
uint32_t field_name(struct compile *c, const struct node *n);

/* The modes that have none of the traits: "`a`, `b`". */
enum { MODE_NAMES = 200 };
const char *mode_names(unsigned without, char buf[MODE_NAMES]);
