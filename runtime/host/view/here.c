/* Policy rules and a table, over netlink (rtnetlink(7)) */
#include "runtime/host/view/here.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"
#include "runtime/base/grown.h"
#include "runtime/host/change_priv.h"
#include "runtime/host/netlink_priv.h"
#include "runtime/host/state.h"

enum { BEFORE_MAIN = 0x7079 /* the rules' priority: after `local`, before `main` */ };

/* A policy rule of prey's */
struct rule {
    struct host_addr addr; /* destination; only its family counts if `marked` */
    uint16_t lo, hi;       /* TCP ports; 0: for ICMP */
    bool marked;           /* for all packets with GUARD_MARK */
};
struct rules {
    struct rule *all;
    unsigned count, cap;
    uint32_t table;
    bool failed;
};

static struct rule *rule_find(const struct rules *r, const struct rule *one)
{
    for (unsigned i = 0; i < r->count; i++) {
        struct rule *x = &r->all[i];
        if (host_addr_same(&x->addr, &one->addr) && x->lo == one->lo && x->hi == one->hi && x->marked == one->marked)
            return x;
    }
    return NULL;
}

static void rule_add(struct rules *r, const struct rule *one)
{
    if (rule_find(r, one)) return;
    r->failed |= !grow(&r->all, r->count, &r->cap, 16, sizeof *one);
    if (r->failed) return;
    r->all[r->count++] = *one;
}

static void add_match(struct rules *r, const struct guard_match *m)
{
    const struct rule back = {.addr = {.family = m->from.lo.family}, .marked = true};
    const struct rule tcp = {.addr = m->to.lo, .lo = m->to_ports.lo, .hi = m->to_ports.hi}, icmp = {.addr = m->to.lo};
    if (m->proxied == GUARD_RETURNS && m->from.lo.family) rule_add(r, &back);
    if (m->proxied != GUARD_OPENERS || !m->to.lo.family) return;
    rule_add(r, &tcp);
    rule_add(r, &icmp);
}

static int send_rule(struct netlink *n, uint16_t type, uint32_t table, const struct rule *r)
{
    char bytes[256];
    const uint8_t bits = r->marked ? 0 : r->addr.family == 4 ? 32 : 128;
    const struct fib_rule_hdr head = {
        .family = netlink_family(&r->addr), .dst_len = bits, .table = RT_TABLE_UNSPEC, .action = FR_ACT_TO_TBL};
    struct nlmsghdr *nlh =
        netlink_begin(bytes, type, type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0, &head, sizeof head);
    const uint8_t icmp = r->addr.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    const struct fib_rule_port_range ports = {r->lo, r->hi};
    mnl_attr_put_u32(nlh, FRA_TABLE, table);
    mnl_attr_put_u32(nlh, FRA_PRIORITY, BEFORE_MAIN);
    mnl_attr_put_u8(nlh, FRA_PROTOCOL, HERE_PROTOCOL);
    if (r->marked) {
        mnl_attr_put_u32(nlh, FRA_FWMARK, GUARD_MARK);
        mnl_attr_put_u32(nlh, FRA_FWMASK, GUARD_MARK);
        return netlink_ask(n, nlh, NULL, NULL);
    }
    netlink_put_addr(nlh, FRA_DST, &r->addr);
    mnl_attr_put_u8(nlh, FRA_IP_PROTO, r->lo ? IPPROTO_TCP : icmp);
    if (r->lo) mnl_attr_put(nlh, FRA_DPORT_RANGE, sizeof ports, &ports);
    return netlink_ask(n, nlh, NULL, NULL);
}

/* Add or remove a local route for every address of the family */
static int send_route(struct netlink *n, uint16_t type, uint32_t table, uint8_t family)
{
    char bytes[128];
    const struct rtmsg route = {.rtm_family = family,
                                .rtm_table = RT_TABLE_UNSPEC,
                                .rtm_protocol = HERE_PROTOCOL,
                                .rtm_scope = RT_SCOPE_HOST,
                                .rtm_type = RTN_LOCAL};
    struct nlmsghdr *nlh =
        netlink_begin(bytes, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_REPLACE : 0, &route, sizeof route);
    mnl_attr_put_u32(nlh, RTA_TABLE, table);
    mnl_attr_put_u32(nlh, RTA_OIF, if_nametoindex("lo"));
    return netlink_ask(n, nlh, NULL, NULL);
}

static int rule_learn(const struct nlmsghdr *nlh, void *arg)
{
    struct rules *r = arg;
    const struct fib_rule_hdr *head = mnl_nlmsg_get_payload(nlh);
    const struct nlattr *at[FRA_DPORT_RANGE + 1];
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *head) return MNL_CB_OK;
    netlink_attributes(nlh, sizeof *head, at, FRA_DPORT_RANGE);
    if (netlink_u32(at[FRA_TABLE]) != r->table || netlink_u8(at[FRA_PROTOCOL]) != HERE_PROTOCOL) return MNL_CB_OK;
    struct rule one = {.marked = at[FRA_FWMARK]};
    if (one.marked)
        one.addr.family = head->family == AF_INET ? 4 : 6;
    else
        one.addr = netlink_addr(at[FRA_DST]);
    const struct nlattr *ports = at[FRA_DPORT_RANGE];
    if (ports && mnl_attr_get_payload_len(ports) == sizeof(struct fib_rule_port_range)) {
        const struct fib_rule_port_range *p = mnl_attr_get_payload(ports);
        one.lo = p->start;
        one.hi = p->end;
    }
    if (one.addr.family) rule_add(r, &one);
    return MNL_CB_OK;
}

/* Read the kernel's rules for the table */
static int read_rules(struct netlink *n, struct rules *r)
{
    int failed = 0;
    for (unsigned i = 0; i < 2 && !failed; i++) {
        char bytes[64];
        const struct fib_rule_hdr head = {.family = i ? AF_INET6 : AF_INET};
        struct nlmsghdr *nlh = netlink_begin(bytes, RTM_GETRULE, NLM_F_DUMP, &head, sizeof head);
        failed = netlink_ask(n, nlh, rule_learn, r);
        if (failed == -EINTR) i--; /* changed meanwhile: read again; duplicates are dropped */
        if (failed == -EINTR || failed == -EAFNOSUPPORT || failed == -EOPNOTSUPP) failed = 0;
    }
    return r->failed ? -ENOMEM : failed;
}

/* Make wanted rules that are missing, and remove unwanted ones */
static int rules_settle(struct netlink *n, const struct rules *wanted, const struct rules *there)
{
    int failed = 0;
    for (unsigned i = 0; i < wanted->count && !failed; i++)
        if (!rule_find(there, &wanted->all[i])) failed = send_rule(n, RTM_NEWRULE, wanted->table, &wanted->all[i]);
    if (failed == -EEXIST) failed = 0;
    for (unsigned i = 0; i < there->count && !failed; i++)
        if (!rule_find(wanted, &there->all[i])) failed = send_rule(n, RTM_DELRULE, there->table, &there->all[i]);
    return failed;
}

static int set_routes(struct netlink *n, const struct rules *wanted)
{
    bool of[2] = {false, false};
    int failed = 0;
    for (unsigned i = 0; i < wanted->count; i++) of[wanted->all[i].addr.family == 6] = true;
    for (unsigned i = 0; i < 2 && !failed; i++)
        if (of[i]) failed = send_route(n, RTM_NEWROUTE, wanted->table, i ? AF_INET6 : AF_INET);
    return failed;
}

static int set_all(struct state *s, struct rules *wanted)
{
    char what[16];
    struct netlink n;
    struct rules there = {.table = wanted->table};
    snprintf(what, sizeof what, "%u", wanted->table);
    int failed = netlink_open(&n, NETLINK_ROUTE);
    if (failed) return failed;
    failed = read_rules(&n, &there);
    if (!failed && wanted->count) failed = state_note(s, CHANGE_HERE, what, "", "");
    if (!failed) failed = set_routes(&n, wanted);
    if (!failed) failed = rules_settle(&n, wanted, &there);
    netlink_close(&n);
    free(there.all);
    return failed;
}

int here_set(struct state *s, const char *instance, const struct guard_match *all, unsigned count, char *err,
             size_t err_len)
{
    struct rules wanted = {.table = 0x70000000u | (fnv_text(instance) & 0xffffffu)};
    for (unsigned i = 0; i < count; i++)
        if (all[i].proxied) add_match(&wanted, &all[i]);
    const int failed = wanted.failed ? -ENOMEM : set_all(s, &wanted);
    free(wanted.all);
    if (failed)
        snprintf(err, err_len, "the proxy's addresses can't become an address of this machine: %s", strerror(-failed));
    return failed;
}

int here_undo(const char *what, const char *before, const char *after)
{
    struct netlink n;
    struct rules there = {.table = (uint32_t)strtoul(what, NULL, 10)}, none = {0};
    if (there.table >> 24 != 0x70) return 0;
    int failed = netlink_open(&n, NETLINK_ROUTE);
    if (failed) return failed;
    failed = read_rules(&n, &there);
    if (!failed) failed = rules_settle(&n, &none, &there);
    for (unsigned i = 0; i < 2; i++) send_route(&n, RTM_DELROUTE, there.table, i ? AF_INET6 : AF_INET);
    netlink_close(&n);
    free(there.all);
    return failed;
}
