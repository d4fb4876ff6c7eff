/* Policy rules of the kernel in the form of a route table (vm/judge/routes.h). */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/host/view/here.h"
#include "runtime/host/view/routing_priv.h"

/* Conditions of kernels newer than the headers (Linux 6.13 to 6.16). */
enum {
    POLICY_DSCP = FRA_DPORT_RANGE + 1,
    POLICY_LABEL,
    POLICY_LABEL_MASK,
    POLICY_SPORT_MASK,
    POLICY_DPORT_MASK,
    POLICY_DSCP_MASK,
    POLICY_NEWER, /* this condition and later ones are unknown here */
    POLICY_MOST = POLICY_NEWER + 8
};

/* A rule in the kernel's message */
struct told {
    const struct fib_rule_hdr *head;
    const struct nlattr *at[POLICY_MOST + 1];
};

static bool mask_is_whole(const struct nlattr *a, uint32_t mask, size_t len)
{
    uint32_t value = 0;
    if (a && mnl_attr_get_payload_len(a) == len) memcpy(&value, mnl_attr_get_payload(a), len);
    return !a || value == mask;
}

/* True if the rule has a condition that is not read here: a part of the DSCP or of the ports, a flow label,
 * something newer. */
static bool has_unread(const struct told *t)
{
    bool unread = !mask_is_whole(t->at[POLICY_SPORT_MASK], UINT16_MAX, 2) ||
                  !mask_is_whole(t->at[POLICY_DPORT_MASK], UINT16_MAX, 2) ||
                  !mask_is_whole(t->at[POLICY_DSCP_MASK], 0x3f, 1) || t->at[POLICY_LABEL] || t->at[POLICY_LABEL_MASK];
    for (unsigned i = POLICY_NEWER; i <= POLICY_MOST; i++) unread |= t->at[i] != NULL;
    return unread || (t->at[POLICY_DSCP] && !netlink_u8(t->at[POLICY_DSCP]));
}

static void need(struct route_rule *rule, enum route_asks asks) { rule->asks |= (uint8_t)asks; }

static void need_unseen(struct route_rule *rule)
{
    need(rule, ROUTE_ASKS_UNSEEN);
    rule->why = WAY_OTHER;
}

static void set_arrival(struct routing *r, const struct host_link *link, struct route_rule *rule)
{
    need(rule, ROUTE_ASKS_ARRIVAL);
    rule->port = link ? routing_port(r, link->ifindex) : ROUTE_NO_PORT;
    rule->device = routing_device(r, link);
}

/* Read the incoming interface. If it doesn't exist, no packets match. Packets from an interface in a VRF show the
 * VRF as incoming interface to the stack's rules, but that interface to lookups by a program. */
static void learn_arrival(struct routing *r, const char *name, struct route_rule *rule)
{
    if (!name) return;
    if (!strcmp(name, "lo")) {
        need(rule, ROUTE_ASKS_HERE);
        return;
    }
    const struct host_link *link = host_link_named(r->host, name);
    if (link && (link->vrf_table || host_link_vrf(r->host, link)))
        need_unseen(rule);
    else
        set_arrival(r, link, rule);
}

/* Read the mark. The kernel leaves out a value of 0, but reports its mask. */
static void learn_mark(const struct told *t, struct route_policy *p)
{
    struct route_rule *rule = &p->rule;
    const uint32_t mark = netlink_u32(t->at[FRA_FWMARK]);
    const uint32_t mask = t->at[FRA_FWMASK] ? netlink_u32(t->at[FRA_FWMASK]) : mark ? UINT32_MAX : 0;
    p->mark = mark;
    p->mask = mask;
    if (!mask) return;
    need(rule, ROUTE_ASKS_MARK);
    if (!(mark & mask)) need(rule, ROUTE_ASKS_NO_MARK);
}

/* Read a condition that forwarded packets never or always meet: they require no outgoing interface, and the kernel
 * routes them as root's. */
static void learn_own(const struct routing *r, const struct told *t, struct route_rule *rule)
{
    const char *out = netlink_text(t->at[FRA_OIFNAME]);
    const struct host_link *link = out ? host_link_named(r->host, out) : NULL;
    const struct nlattr *range = t->at[FRA_UID_RANGE];
    struct fib_rule_uid_range uids = {0};
    if (link && link->vrf_table)
        need_unseen(rule);
    else if (out)
        need(rule, ROUTE_ASKS_NOTHING);
    if (range && mnl_attr_get_payload_len(range) >= sizeof uids)
        memcpy(&uids, mnl_attr_get_payload(range), sizeof uids);
    if (uids.start) need(rule, ROUTE_ASKS_NOTHING);
}

static void learn_ports(const struct nlattr *a, uint16_t ports[2])
{
    struct fib_rule_port_range range = {0};
    if (a && mnl_attr_get_payload_len(a) >= sizeof range) memcpy(&range, mnl_attr_get_payload(a), sizeof range);
    ports[0] = range.start;
    ports[1] = range.end;
}

static void learn_conditions(struct routing *r, const struct told *t, struct route_policy *p)
{
    struct route_rule *rule = &p->rule;
    const struct host_addr from = netlink_addr(t->at[FRA_SRC]), to = netlink_addr(t->at[FRA_DST]);
    memcpy(rule->from, from.word, sizeof rule->from);
    memcpy(rule->to, to.word, sizeof rule->to);
    rule->from_bits = t->head->src_len;
    rule->to_bits = t->head->dst_len;
    rule->tos = t->at[POLICY_DSCP] ? (uint8_t)(netlink_u8(t->at[POLICY_DSCP]) << 2) : t->head->tos;
    rule->proto = netlink_u8(t->at[FRA_IP_PROTO]);
    learn_ports(t->at[FRA_SPORT_RANGE], rule->src_ports);
    learn_ports(t->at[FRA_DPORT_RANGE], rule->dst_ports);
    learn_arrival(r, netlink_text(t->at[FRA_IIFNAME]), rule);
    learn_mark(t, p);
    learn_own(r, t, rule);
    if (t->at[FRA_TUN_ID] || has_unread(t)) need_unseen(rule);
    if (t->head->flags & FIB_RULE_INVERT) need(rule, ROUTE_ASKS_NOT);
}

/* Read the rule's action. */
static void learn_action(const struct routing *r, const struct told *t, struct route_policy *p)
{
    const struct nlattr *group = t->at[FRA_SUPPRESS_IFGROUP], *length = t->at[FRA_SUPPRESS_PREFIXLEN];
    p->table = t->at[FRA_TABLE] ? netlink_u32(t->at[FRA_TABLE]) : t->head->table;
    p->suppressed = length ? (int)netlink_u32(length) : -1;
    p->target = netlink_u32(t->at[FRA_GOTO]);
    switch (t->head->action) {
    case FR_ACT_TO_TBL: p->rule.does = ROUTE_LOOKS_UP; break;
    case FR_ACT_GOTO:
    case FR_ACT_NOP: p->rule.does = ROUTE_GOES_TO; break;
    case FR_ACT_BLACKHOLE:
    case FR_ACT_UNREACHABLE:
    case FR_ACT_PROHIBIT: p->rule.does = ROUTE_REFUSES; break;
    default: p->rule.does = ROUTE_ASKS;
    }
    if (group && netlink_u32(group) != UINT32_MAX) p->rule.does = ROUTE_ASKS;
    if (p->rule.does == ROUTE_ASKS) p->rule.why = WAY_OTHER;
}

bool policy_add(struct routing *r, const struct route_policy *p)
{
    if (!grow(&r->rules, r->rules_count, &r->rules_cap, 16, sizeof *r->rules)) return false;
    r->rules[r->rules_count++] = *p;
    return true;
}

/* Add the rule for VRFs (`l3mdev`): for each interface in one, its table. Packets from sockets in a VRF have no
 * interface of arrival, and their VRF can't be seen. The last rule is added in any case, because another may
 * continue at it. */
static int add_vrfs(struct routing *r, struct route_policy p)
{
    const bool tells = !(p.rule.asks & (ROUTE_ASKS_NOT | ROUTE_ASKS_ARRIVAL));
    unsigned count;
    bool any = false;
    const struct host_link *all = host_links(r->host, &count);
    for (unsigned i = 0; i < count; i++) {
        const struct host_link *vrf = host_link_vrf(r->host, &all[i]);
        struct route_policy one = p;
        any |= vrf != NULL;
        if (!vrf || !tells) continue;
        set_arrival(r, &all[i], &one.rule);
        one.table = vrf->vrf_table;
        if (!policy_add(r, &one)) return -ENOMEM;
    }
    if (!any) need(&p.rule, ROUTE_ASKS_NOTHING);
    if (tells) need(&p.rule, ROUTE_ASKS_HERE);
    need_unseen(&p.rule);
    p.rule.does = ROUTE_ASKS;
    return policy_add(r, &p) ? 0 : -ENOMEM;
}

int policy_learn(struct routing *r, const struct nlmsghdr *nlh)
{
    struct told t = {.head = mnl_nlmsg_get_payload(nlh)};
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *t.head) return 0;
    if (t.head->family != AF_INET && t.head->family != AF_INET6) return 0;
    netlink_attributes(nlh, sizeof *t.head, t.at, POLICY_MOST);
    if (netlink_u8(t.at[FRA_PROTOCOL]) == HERE_PROTOCOL) return 0; /* none of prey's packets match */
    struct route_policy p = {.rule = {.family = t.head->family == AF_INET ? 4 : 6, .port = ROUTE_NO_PORT},
                             .priority = netlink_u32(t.at[FRA_PRIORITY])};
    learn_conditions(r, &t, &p);
    learn_action(r, &t, &p);
    if (netlink_u8(t.at[FRA_L3MDEV])) return add_vrfs(r, p);
    return policy_add(r, &p) ? 0 : -ENOMEM;
}
