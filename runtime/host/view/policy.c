/* Policy rules in the form of a route table. A rule without conditions ranks one of the kernel's tables before another;
 * a rule with conditions becomes a struct route_rule, and the kernel is asked about its packets. Prey's packets have no
 * mark, so conditions on marks are decided here. */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "runtime/host/view/here.h"
#include "runtime/host/view/routing_priv.h"

/* A rule in the kernel's message */
struct told {
    const struct fib_rule_hdr *head;
    const struct nlattr *at[FRA_DPORT_RANGE + 1];
};

static bool fits_mark(const struct told *t)
{
    const uint32_t mask = t->at[FRA_FWMASK] ? netlink_u32(t->at[FRA_FWMASK]) : UINT32_MAX;
    return !t->at[FRA_FWMARK] || !(netlink_u32(t->at[FRA_FWMARK]) & mask);
}

/* True if it has conditions other than the mark */
static bool asks_more(const struct told *t)
{
    static const uint16_t asked[] = {FRA_IIFNAME,  FRA_OIFNAME,     FRA_TUN_ID,     FRA_UID_RANGE,
                                     FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE};
    bool more = t->head->src_len || t->head->dst_len || t->head->tos || netlink_u8(t->at[FRA_L3MDEV]);
    for (unsigned i = 0; i < sizeof asked / sizeof *asked; i++) more |= t->at[asked[i]] != NULL;
    return more;
}

/* Add a rule. Without room, any packet must be asked about. */
static void add_rule(struct routing *r, const struct route_rule *rule)
{
    if (r->rules_count == ROUTING_RULES) {
        r->any[rule->family == 6] = true;
        return;
    }
    r->rules[r->rules_count++] = *rule;
}

/* Find the port of the interface. False: prey has no port there, so the rule matches no packet of prey's. */
static bool way_in(const struct routing *r, const char *name, uint8_t *in)
{
    *in = ROUTE_NO_PORT;
    if (!name || !strcmp(name, "lo")) return true; /* sent by this machine */
    const struct host_link *link = host_link_named(r->host, name);
    for (unsigned i = 0; link && i < r->ports; i++)
        if (r->ifindex[i] == link->ifindex) *in = (uint8_t)i;
    return *in != ROUTE_NO_PORT;
}

static void learn_asking(struct routing *r, const struct told *t)
{
    const struct fib_rule_hdr *head = t->head;
    if (netlink_u8(t->at[FRA_PROTOCOL]) == HERE_PROTOCOL) return; /* none of prey's packets match */
    struct route_rule rule = {.family = head->family == AF_INET ? 4 : 6, .in = ROUTE_NO_PORT};
    if (head->flags & FIB_RULE_INVERT || netlink_u8(t->at[FRA_L3MDEV])) {
        r->any[rule.family == 6] = true;
        return;
    }
    if (!fits_mark(t) || !way_in(r, netlink_text(t->at[FRA_IIFNAME]), &rule.in)) return;
    const struct host_addr from = netlink_addr(t->at[FRA_SRC]), to = netlink_addr(t->at[FRA_DST]);
    memcpy(rule.from, from.word, sizeof rule.from);
    memcpy(rule.to, to.word, sizeof rule.to);
    rule.from_bits = head->src_len;
    rule.to_bits = head->dst_len;
    add_rule(r, &rule);
}

/* Add a rule without conditions */
static void learn_plain(struct routing *r, const struct told *t)
{
    const uint8_t family = t->head->family == AF_INET ? 4 : 6;
    const uint32_t table = t->at[FRA_TABLE] ? netlink_u32(t->at[FRA_TABLE]) : t->head->table;
    struct routing_table one = {.table = table, .family = family, .rank = UINT32_MAX - 1 - r->tables_count};
    if (t->at[FRA_SUPPRESS_PREFIXLEN])
        one.longer_than = (int)netlink_u32(t->at[FRA_SUPPRESS_PREFIXLEN]);
    else
        one.longer_than = -1;
    const bool looks_up = t->head->action == FR_ACT_TO_TBL;
    if (r->tables_count == ROUTING_TABLES || (!looks_up && t->head->action < FR_ACT_BLACKHOLE) ||
        t->at[FRA_SUPPRESS_IFGROUP]) {
        r->any[family == 6] = true; /* goto, or too many rules */
        return;
    }
    one.refuses = !looks_up;
    r->tables[r->tables_count++] = one;
}

int policy_learn(struct routing *r, const struct nlmsghdr *nlh)
{
    struct told t = {.head = mnl_nlmsg_get_payload(nlh)};
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *t.head) return 0;
    if (t.head->family != AF_INET && t.head->family != AF_INET6) return 0;
    netlink_attributes(nlh, sizeof *t.head, t.at, FRA_DPORT_RANGE);
    const bool mark_only = !asks_more(&t), invert = t.head->flags & FIB_RULE_INVERT;
    if (!mark_only)
        learn_asking(r, &t);
    else if (fits_mark(&t) != invert)
        learn_plain(r, &t);
    return 0;
}
