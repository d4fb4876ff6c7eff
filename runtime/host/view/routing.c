/* See routing.h. All routes are read again, because the kernel does not announce each route that ends with a link. */
#include "runtime/host/view/routing_priv.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"
#include "runtime/base/grown.h"

/* ways[0 …]: ways without legs */
enum fixed { FIXED_ASK, FIXED_WRAPPED, FIXED_MANY, FIXED_OWN, FIXED_REFUSED, FIXED_THROW, WAYS_FIXED };
static const struct route_way fixed_ways[WAYS_FIXED] = {
    [FIXED_ASK] = {.kind = ROUTE_ASK, .why = WAY_OTHER},
    [FIXED_WRAPPED] = {.kind = ROUTE_ASK, .why = WAY_ENCAPSULATED},
    [FIXED_MANY] = {.kind = ROUTE_ASK, .why = WAY_TOO_MANY},
    [FIXED_OWN] = {.kind = ROUTE_OWN},
    [FIXED_REFUSED] = {.kind = ROUTE_REFUSED},
    [FIXED_THROW] = {.kind = ROUTE_THROW},
};
enum { TABLE_FIXED = RT_TABLE_UNSPEC }; /* one of this program's tables: no table of the kernel has this number */

static uint32_t legs_hash(const void *bytes, size_t len)
{
    const uint32_t h = fnv(bytes, len);
    return h ^ h >> 15;
}

static bool same_legs(const struct routing *r, uint32_t way, const struct route_leg *legs, unsigned count)
{
    const struct route_way *w = &r->ways[way];
    return w->legs == count && !memcmp(r->legs + w->first, legs, count * sizeof *legs);
}

static bool index_grow(struct routing *r)
{
    const uint32_t mask = r->index_mask ? 2 * r->index_mask + 1 : 255;
    uint32_t *index = calloc(mask + (size_t)1, sizeof *index);
    if (!index) return false;
    for (uint32_t i = WAYS_FIXED; i < r->ways_count; i++) {
        const struct route_way *w = &r->ways[i];
        uint32_t at = legs_hash(r->legs + w->first, w->legs * sizeof *r->legs);
        while (index[at & mask]) at++;
        index[at & mask] = i + 1;
    }
    free(r->index);
    r->index = index;
    r->index_mask = mask;
    return true;
}

/* Return the number of the way with these legs. -1: out of memory. */
static int64_t legs_way(struct routing *r, const struct route_leg *legs, unsigned count)
{
    if (2 * r->ways_count >= r->index_mask && !index_grow(r)) return -1;
    uint32_t at = legs_hash(legs, count * sizeof *legs);
    for (; r->index[at & r->index_mask]; at++)
        if (same_legs(r, r->index[at & r->index_mask] - 1, legs, count)) return r->index[at & r->index_mask] - 1;
    if (!grow(&r->ways, r->ways_count, &r->ways_cap, 64, sizeof *r->ways)) return -1;
    const struct route_way way = {.first = r->legs_count, .legs = (uint16_t)count, .kind = ROUTE_VIA};
    for (unsigned i = 0; i < count; i++) {
        if (!grow(&r->legs, r->legs_count, &r->legs_cap, 64, sizeof *r->legs)) return -1;
        r->legs[r->legs_count++] = legs[i];
    }
    r->ways[r->ways_count] = way;
    r->index[at & r->index_mask] = r->ways_count + 1;
    return r->ways_count++;
}

uint8_t routing_port(const struct routing *r, unsigned ifindex)
{
    for (unsigned i = 0; i < r->ports; i++)
        if (r->ifindex[i] == ifindex) return (uint8_t)i;
    return ROUTE_NO_PORT;
}

uint16_t routing_device(struct routing *r, const struct host_link *link)
{
    if (!link || !link->name[0]) return 0;
    for (uint32_t i = r->devices_count; i-- > 0;)
        if (r->devices[i].ifindex == link->ifindex) return (uint16_t)(i + 1);
    if (r->devices_count == ROUTE_DEVICES_MOST) return 0;
    struct route_device *d = &r->devices[r->devices_count++];
    d->ifindex = link->ifindex;
    memset(d->name, 0, sizeof d->name); /* tables are compared as bytes */
    memcpy(d->name, link->name, strlen(link->name));
    return (uint16_t)r->devices_count;
}

/* Return a leg; at: attributes of the route, or of one of its next hops */
static struct route_leg leg_told(struct routing *r, unsigned ifindex, uint32_t mtu, const struct nlattr *const at[])
{
    struct route_leg leg;
    memset(&leg, 0, sizeof leg);
    const struct host_link *link = host_link(r->host, ifindex);
    const struct host_addr a = netlink_gateway(at[RTA_GATEWAY], at[RTA_VIA]);
    memcpy(leg.gateway, a.word, sizeof leg.gateway);
    leg.family = a.family;
    leg.port = routing_port(r, ifindex);
    leg.mtu = link && (!mtu || link->mtu < mtu) ? link->mtu : mtu;
    leg.device = routing_device(r, link);
    leg.up_to = UINT32_MAX;
    return leg;
}

static void share(struct route_leg legs[], const uint32_t weights[], unsigned count)
{
    struct route_shares shares = {0};
    for (unsigned i = 0; i < count; i++) shares.all += weights[i];
    for (unsigned i = 0; i < count; i++) legs[i].up_to = route_shares_next(&shares, weights[i]);
}

enum { LEGS_WRAPPED = ROUTE_LEGS_MOST + 1, LEGS_MANY };

/* Get the live legs of a multipath route. Return their number; LEGS_WRAPPED: packets of one get another header (MPLS,
 * segment routing); LEGS_MANY: too many. */
static unsigned legs_of(struct routing *r, const struct nlattr *several, uint32_t mtu,
                        struct route_leg legs[ROUTE_LEGS_MOST])
{
    uint32_t weights[ROUTE_LEGS_MOST];
    unsigned count = 0;
    size_t left = mnl_attr_get_payload_len(several);
    const struct rtnexthop *hop = mnl_attr_get_payload(several);
    while (left >= sizeof *hop && hop->rtnh_len >= sizeof *hop && hop->rtnh_len <= left) {
        const struct nlattr *at[RTA_ENCAP + 1];
        netlink_attributes_of(hop + 1, hop->rtnh_len - sizeof *hop, at, RTA_ENCAP);
        if (!(hop->rtnh_flags & RTNH_F_DEAD)) {
            if (at[RTA_ENCAP]) return LEGS_WRAPPED;
            if (count == ROUTE_LEGS_MOST) return LEGS_MANY;
            weights[count] = hop->rtnh_hops + 1u;
            legs[count++] = leg_told(r, (unsigned)hop->rtnh_ifindex, mtu, at);
        }
        const size_t step = RTNH_ALIGN(hop->rtnh_len);
        if (step >= left) break;
        left -= step;
        hop = (const struct rtnexthop *)(const void *)((const uint8_t *)hop + step);
    }
    if (count) share(legs, weights, count);
    return count;
}

/* Return the number of a route's way; -1: no way now, so the route is skipped; -ENOMEM. The kernel also flags a leg as
 * dead if its link has no carrier and ignore_routes_with_linkdown is set. */
static int64_t way_told(struct routing *r, const struct rtmsg *info, const struct nlattr *const at[])
{
    struct route_leg legs[ROUTE_LEGS_MOST];
    const struct nlattr *metric[RTAX_MTU + 1];
    unsigned count = 1;
    if (info->rtm_type == RTN_LOCAL || info->rtm_type == RTN_ANYCAST) return FIXED_OWN;
    if (info->rtm_type == RTN_BROADCAST || info->rtm_type == RTN_BLACKHOLE || info->rtm_type == RTN_UNREACHABLE ||
        info->rtm_type == RTN_PROHIBIT)
        return FIXED_REFUSED;
    if (info->rtm_type == RTN_THROW) return FIXED_THROW;
    if (info->rtm_type != RTN_UNICAST || info->rtm_src_len || (!at[RTA_OIF] && !at[RTA_MULTIPATH])) return FIXED_ASK;
    if (info->rtm_flags & RTNH_F_DEAD) return -1;
    netlink_nested(at[RTA_METRICS], metric, RTAX_MTU);
    const uint32_t mtu = netlink_u32(metric[RTAX_MTU]);
    if (at[RTA_MULTIPATH])
        count = legs_of(r, at[RTA_MULTIPATH], mtu, legs);
    else if (at[RTA_ENCAP])
        return FIXED_WRAPPED;
    else
        legs[0] = leg_told(r, netlink_u32(at[RTA_OIF]), mtu, at);
    if (!count) return -1;
    if (count > ROUTE_LEGS_MOST) return count == LEGS_MANY ? FIXED_MANY : FIXED_WRAPPED;
    const int64_t way = legs_way(r, legs, count);
    return way < 0 ? -ENOMEM : way;
}

static bool route_add(struct routing *r, const struct route *x)
{
    if (!grow(&r->routes, r->count, &r->cap, 64, sizeof *r->routes)) return false;
    r->routes[r->count++] = *x;
    return true;
}

/* True if a rule looks that table up */
static bool is_used(const struct routing *r, uint8_t family, uint32_t table)
{
    for (uint32_t i = 0; i < r->rules_count; i++)
        if (r->rules[i].rule.family == family && r->rules[i].table == table) return true;
    return false;
}

static int route_learn(struct routing *r, const struct rtmsg *info, const struct nlattr *const at[])
{
    const uint32_t table = at[RTA_TABLE] ? netlink_u32(at[RTA_TABLE]) : info->rtm_table;
    const struct host_addr to = netlink_addr(at[RTA_DST]); /* absent: 0/0 */
    struct route x = {.family = info->rtm_family == AF_INET ? 4 : 6, .bits = info->rtm_dst_len};
    if (!is_used(r, x.family, table)) return 0;
    const int64_t way = way_told(r, info, at);
    if (way < 0) return way == -1 ? 0 : -ENOMEM;
    memcpy(x.to, to.word, sizeof x.to);
    x.metric = netlink_u32(at[RTA_PRIORITY]);
    x.way = (uint32_t)way;
    x.table = table;
    return route_add(r, &x) ? 0 : -ENOMEM;
}

/* True for a route to this machine itself, or one that comes with its addresses */
static bool route_is_own(const struct rtmsg *info)
{
    return info->rtm_type == RTN_LOCAL || info->rtm_type == RTN_ANYCAST || info->rtm_type == RTN_BROADCAST ||
           info->rtm_type == RTN_MULTICAST;
}

static int routes_taken(struct routing *r, const struct nlmsghdr *nlh)
{
    const struct rtmsg *info = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *at[RTA_ENCAP + 1];
    if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof *info) return 0;
    if (info->rtm_flags & RTM_F_CLONED) return 0;
    r->has_tos |= info->rtm_tos != 0;
    if (info->rtm_tos) return 0;
    if (info->rtm_family == AF_INET ? info->rtm_dst_len > 32 : info->rtm_family != AF_INET6 || info->rtm_dst_len > 128)
        return 0;
    r->seen += !route_is_own(info);
    if (r->seen > r->most) return 0;
    netlink_attributes(nlh, sizeof *info, at, RTA_ENCAP);
    return route_learn(r, info, at);
}

/* Add this program's own routes: packets to link-local and multicast addresses are not forwarded */
static bool add_fixed(struct routing *r)
{
    const struct route_policy first = {.rule = {.family = 6}, .table = TABLE_FIXED, .suppressed = -1};
    const struct route links = {.to = {0xfe800000}, .family = 6, .bits = 10, .table = TABLE_FIXED};
    const struct route groups = {.to = {0xff000000}, .family = 6, .bits = 8, .table = TABLE_FIXED};
    return policy_add(r, &first) && route_add(r, &links) && route_add(r, &groups);
}

struct dump {
    struct routing *routing;
    int (*take)(struct routing *r, const struct nlmsghdr *nlh);
};

static int dumped(const struct nlmsghdr *nlh, void *arg)
{
    const struct dump *d = arg;
    const int failed = d->take(d->routing, nlh);
    errno = -failed;
    return failed ? MNL_CB_ERROR : MNL_CB_OK;
}

static int dump(struct routing *r, uint16_t type, const void *fixed, size_t len,
                int (*take)(struct routing *r, const struct nlmsghdr *nlh))
{
    char bytes[256];
    struct dump d = {r, take};
    return netlink_ask(&r->host->ask, netlink_begin(bytes, type, NLM_F_DUMP, fixed, len), dumped, &d);
}

static int dump_all(struct routing *r)
{
    const struct fib_rule_hdr rules = {.family = AF_UNSPEC};
    const struct rtmsg four = {.rtm_family = AF_INET}, six = {.rtm_family = AF_INET6};
    r->has_tos = false;
    r->rules_count = r->seen = r->count = r->legs_count = r->devices_count = 0;
    r->ways_count = WAYS_FIXED;
    if (r->index) memset(r->index, 0, (r->index_mask + (size_t)1) * sizeof *r->index);
    int failed = add_fixed(r) ? 0 : -ENOMEM;
    if (!failed) failed = dump(r, RTM_GETRULE, &rules, sizeof rules, policy_learn);
    if (!failed) failed = dump(r, RTM_GETROUTE, &four, sizeof four, routes_taken);
    if (!failed) failed = dump(r, RTM_GETROUTE, &six, sizeof six, routes_taken);
    return failed;
}

/* Put a rule before all others of its family */
static bool policy_first(struct routing *r, const struct route_policy *first)
{
    if (!policy_add(r, first)) return false;
    memmove(r->rules + 1, r->rules, (r->rules_count - 1) * sizeof *r->rules);
    r->rules[0] = *first;
    return true;
}

static bool rule_first(struct routing *r, struct route_rule rule)
{
    return policy_first(r, &(struct route_policy){.rule = rule});
}

/* Return the priority of the family's first rule */
static uint32_t first_priority(const struct routing *r, uint8_t family)
{
    for (uint32_t i = 0; i < r->rules_count; i++)
        if (r->rules[i].rule.family == family) return r->rules[i].priority;
    return 0;
}

/* Put IPsec's policies before all rules, in order. A policy that lets packets out unencrypted continues at the first
 * rule. */
static bool ipsec_first(struct routing *r)
{
    enum { NO_TARGET = UINT32_MAX }; /* no rule goes to them */
    struct route_policy all[IPSEC_POLICIES_MOST];
    for (uint8_t family = 4; family <= 6; family += 2) {
        const uint32_t next = first_priority(r, family), count = ipsec_policies(r->host, family, all);
        for (uint32_t i = count; i-- > 0;) {
            all[i].target = next;
            all[i].priority = NO_TARGET;
            if (!policy_first(r, &all[i])) return false;
        }
    }
    return true;
}

/* Make the table from the read rules and routes. If these are too many, or TOS or IPsec decide, its first rules ask
 * the kernel. Return NULL if out of memory. */
static struct routes *routing_table(struct routing *r)
{
    const bool full = r->seen > r->most;
    const struct route_rule tos = {.family = 4, .asks = ROUTE_ASKS_TOS, .does = ROUTE_ASKS, .why = WAY_OTHER};
    if (full) r->rules_count = 0;
    for (uint8_t family = 4; family <= 6 && full; family += 2)
        if (!rule_first(r, (struct route_rule){.family = family, .does = ROUTE_ASKS, .why = WAY_TOO_MANY})) return NULL;
    if (r->has_tos && !rule_first(r, tos)) return NULL;
    if (!ipsec_first(r)) return NULL;
    const struct routes_said said = {.routes = r->routes,
                                     .ways = r->ways,
                                     .legs = r->legs,
                                     .rules = r->rules,
                                     .devices = r->devices,
                                     .count = full ? 0 : r->count,
                                     .ways_count = r->ways_count,
                                     .legs_count = r->legs_count,
                                     .rules_count = r->rules_count,
                                     .devices_count = r->devices_count};
    return routes_new(&said, r->ports);
}

int host_routes(struct host *h, const struct served_ports *ports, uint32_t most, struct routes **table, uint32_t *count)
{
    struct routing r = {.host = h, .ifindex = ports->ifindex, .ports = ports->count, .most = most};
    int failed = -ENOMEM;
    unsigned links;
    r.ways = calloc(64, sizeof *r.ways);
    host_links(h, &links);
    r.devices = calloc(links + 1, sizeof *r.devices); /* room for all existing links: no route uses another */
    if (r.ways && r.devices && index_grow(&r)) {
        r.ways_cap = 64;
        memcpy(r.ways, fixed_ways, sizeof fixed_ways);
        failed = -EINTR; /* changed during the dump */
        for (unsigned i = 0; i < 16 && failed == -EINTR; i++) failed = dump_all(&r);
    }
    *table = failed ? NULL : routing_table(&r);
    *count = r.seen;
    free(r.routes);
    free(r.rules);
    free(r.ways);
    free(r.legs);
    free(r.devices);
    free(r.index);
    return failed || *table ? failed : -ENOMEM;
}
