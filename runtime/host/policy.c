/* Whether routes depend on more than where a packet goes: policy rules beyond the kernel's own, and several ways to one
 * place, which the kernel chooses among by both addresses. What was so once is taken for so until all is asked again.
 */
#include <linux/fib_rules.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include "runtime/host/host_priv.h"

bool host_asks_source(const struct host *h) { return h->by_source; }

/* The kernel's own: local, main, default. */
static bool is_usual(uint32_t table)
{
    return table == RT_TABLE_LOCAL || table == RT_TABLE_MAIN || table == RT_TABLE_DEFAULT;
}

int policy_learn(struct host *h, const struct nlmsghdr *nlh)
{
    const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *at[FRA_OIFNAME + 1];
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *rule) return 0;
    if (rule->family != AF_INET && rule->family != AF_INET6) return 0;
    netlink_attributes(nlh, sizeof *rule, at, FRA_OIFNAME);
    const uint32_t table = at[FRA_TABLE] ? netlink_u32(at[FRA_TABLE]) : rule->table;
    const bool any = !rule->src_len && !rule->dst_len && !at[FRA_IIFNAME] && !at[FRA_OIFNAME];
    if (!any || !is_usual(table)) h->by_source = true;
    return HOST_ROUTES;
}

int policy_learn_route(struct host *h, const struct nlmsghdr *nlh)
{
    const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *at[RTA_MULTIPATH + 1];
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *route) return 0;
    netlink_attributes(nlh, sizeof *route, at, RTA_MULTIPATH);
    if (at[RTA_MULTIPATH]) h->by_source = true;
    return HOST_ROUTES;
}

int policy_learn_nexthop(struct host *h, const struct nlmsghdr *nlh)
{
    const struct nlattr *at[NHA_GROUP + 1];
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nhmsg)) return 0;
    netlink_attributes(nlh, sizeof(struct nhmsg), at, NHA_GROUP);
    if (at[NHA_GROUP]) h->by_source = true;
    return HOST_ROUTES;
}

static void begin(struct host *h) { (void)h; }

int policy_dump(struct host *h)
{
    const struct fib_rule_hdr rules = {.family = AF_UNSPEC};
    const struct nhmsg nexthops = {.nh_family = AF_UNSPEC};
    static const uint8_t families[] = {AF_INET, AF_INET6};
    h->by_source = false;
    int failed = host_dump(h, RTM_GETRULE, &rules, sizeof rules, begin, policy_learn);
    for (unsigned i = 0; i < 2 && !failed && !h->by_source; i++) {
        const struct rtmsg routes = {.rtm_family = families[i]};
        failed = host_dump(h, RTM_GETROUTE, &routes, sizeof routes, begin, policy_learn_route);
    }
    if (!failed) host_dump(h, RTM_GETNEXTHOP, &nexthops, sizeof nexthops, begin, policy_learn_nexthop);
    return failed;
}
