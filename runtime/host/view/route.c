/* Single routes: the kernel is queried, and its replies are cached until something changes */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/host/host_priv.h"

int routes_init(struct host *h)
{
    h->routes.all = calloc(ROUTE_CACHE, sizeof *h->routes.all);
    h->routes.generation = 1;
    return h->routes.all ? 0 : -ENOMEM;
}

void routes_expire(struct host *h) { h->routes.generation++; }

void routes_fini(struct route_cache *c) { free(c->all); }

int routes_learn(struct host *h, const struct nlmsghdr *nlh)
{
    const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *route || route->rtm_flags & RTM_F_CLONED) return 0;
    if (route->rtm_family != AF_INET && route->rtm_family != AF_INET6) return 0; /* multicast routing */
    if (route->rtm_type == RTN_LOCAL || route->rtm_type == RTN_ANYCAST) h->own_stale = true;
    return HOST_ROUTES;
}

struct answer {
    struct host_route *route;
    bool refused; /* the route's type rejects packets */
};

static int read_route(const struct nlmsghdr *nlh, void *arg)
{
    struct answer *answer = arg;
    const struct rtmsg *info = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *at[RTA_ENCAP + 1], *metric[RTAX_MTU + 1];
    if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof *info) return MNL_CB_OK;
    netlink_attributes(nlh, sizeof *info, at, RTA_ENCAP);
    netlink_nested(at[RTA_METRICS], metric, RTAX_MTU);
    *answer->route = (struct host_route){
        .ifindex = at[RTA_ENCAP] ? 0 : netlink_u32(at[RTA_OIF]), /* encapsulated: leaves by no port of prey's */
        .gateway = netlink_gateway(at[RTA_GATEWAY], at[RTA_VIA]),
        .source = netlink_addr(at[RTA_PREFSRC]),
        .mtu = netlink_u32(metric[RTAX_MTU]),
        .local = info->rtm_type == RTN_LOCAL || info->rtm_type == RTN_ANYCAST,
    };
    answer->refused = info->rtm_type != RTN_UNICAST && info->rtm_type != RTN_LOCAL && info->rtm_type != RTN_ANYCAST &&
                      info->rtm_type != RTN_BROADCAST && info->rtm_type != RTN_MULTICAST;
    return MNL_CB_OK;
}

static int route_ask(struct host *h, const struct host_query *q, struct host_route *route)
{
    char bytes[256];
    struct answer answer = {route, true};
    const uint8_t bits = q->to.family == 4 ? 32 : 128;
    const struct rtmsg info = {
        .rtm_family = netlink_family(&q->to), .rtm_dst_len = bits, .rtm_src_len = q->from.family ? bits : 0};
    struct nlmsghdr *nlh = netlink_begin(bytes, RTM_GETROUTE, 0, &info, sizeof info);
    netlink_put_addr(nlh, RTA_DST, &q->to);
    if (q->from.family) netlink_put_addr(nlh, RTA_SRC, &q->from);
    if (q->iif) mnl_attr_put_u32(nlh, RTA_IIF, q->iif);
    if (q->oif) mnl_attr_put_u32(nlh, RTA_OIF, q->oif);
    if (q->mark) mnl_attr_put_u32(nlh, RTA_MARK, q->mark);
    const int failed = netlink_ask(&h->ask, nlh, read_route, &answer);
    return failed ? failed : answer.refused ? -EHOSTUNREACH : 0;
}

/* Ask as for the host's own packet. The kernel then refuses a foreign v4 source, which is left out. */
static int ask_own(struct host *h, const struct host_query *q, struct host_route *route)
{
    struct host_query own = *q;
    own.iif = 0;
    /* The VRF that routes packets from that interface is the required outgoing interface. */
    const struct host_link *vrf = host_link_vrf(h, q->iif ? host_link(h, q->iif) : NULL);
    if (!own.oif && vrf) own.oif = vrf->ifindex;
    int failed = route_ask(h, &own, route);
    if (!failed || own.from.family != 4) return failed;
    own.from = (struct host_addr){0};
    return route_ask(h, &own, route);
}

/* Add the source address, which the kernel gives only for an own packet */
static void route_complete(struct host *h, const struct host_query *q, struct host_route *route)
{
    const struct host_link *link = host_link(h, route->ifindex);
    const struct host_query own = {.to = q->to, .mark = q->mark, .oif = route->ifindex};
    struct host_route other;
    if (link && (!route->mtu || link->mtu < route->mtu)) route->mtu = link->mtu;
    if (route->source.family || route->local) return;
    if (!route_ask(h, &own, &other) && other.source.family)
        route->source = other.source;
    else
        host_source(h, route->ifindex, q->to.family, &route->source);
}

static int find_route(struct host *h, const struct host_query *q, struct host_route *route)
{
    int failed = q->iif && q->from.family ? route_ask(h, q, route) : -EINVAL;
    if (failed) failed = ask_own(h, q, route);
    if (!failed) route_complete(h, q, route);
    return failed;
}

static bool query_same(const struct host_query *a, const struct host_query *b)
{
    return host_addr_same(&a->to, &b->to) && host_addr_same(&a->from, &b->from) && a->mark == b->mark &&
           a->iif == b->iif && a->oif == b->oif;
}

static struct route_asked *cache_entry(const struct route_cache *c, const struct host_query *q)
{
    uint64_t x = q->mark ^ (uint64_t)q->iif << 32 ^ (uint64_t)q->oif << 16;
    for (unsigned i = 0; i < 4; i++) {
        x = (x ^ q->to.word[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ x >> 29;
        x = (x ^ q->from.word[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ x >> 31;
    }
    return &c->all[(x >> 32) % ROUTE_CACHE];
}

int host_route(struct host *h, const struct host_query *q, struct host_route *route)
{
    struct route_asked *e = cache_entry(&h->routes, q);
    if (e->generation != h->routes.generation || !query_same(&e->query, q)) {
        *e = (struct route_asked){.query = *q, .generation = h->routes.generation};
        e->result = find_route(h, q, &e->route);
    }
    *route = e->route;
    return e->result;
}
