/* Policies by netlink (xfrm), read from a dump that the privileged process writes to a file */
#include "runtime/host/view/ipsec.h"

#include <endian.h>
#include <errno.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/grown.h"
#include "runtime/host/host_priv.h"
#include "runtime/host/view/routing_priv.h"

/* A policy in the routes' form, and the mark that it requires; 0: no mark, or the mark 0. */
struct ipsec_policy {
    struct route_policy policy;
    uint32_t mark;
};

int ipsec_open(struct ipsec *i)
{
    int group = XFRMNLGRP_POLICY;
    i->stale = true;
    i->news = mnl_socket_open2(NETLINK_XFRM, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!i->news) return errno == EPROTONOSUPPORT ? 0 : -errno;
    if (mnl_socket_bind(i->news, 0, MNL_SOCKET_AUTOPID)) return -errno;
    /* Without privileges no notifications of policies arrive; a caller without privileges, such as a test, sends
     * nothing. */
    if (mnl_socket_setsockopt(i->news, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) && errno != EPERM) return -errno;
    return 0;
}

void ipsec_close(struct ipsec *i)
{
    if (i->news) mnl_socket_close(i->news);
    free(i->all);
    *i = (struct ipsec){0};
}

bool ipsec_hears(struct ipsec *i)
{
    char bytes[256]; /* the head of a message; all policies are read again */
    bool heard = false;
    for (int k = 0; i->news && k < 1024; k++) {
        const ssize_t len = mnl_socket_recvfrom(i->news, bytes, sizeof bytes);
        if (len < 0 && errno == EAGAIN) break;
        heard = true;
    }
    i->stale |= heard;
    return heard;
}

static int policy_write(const struct nlmsghdr *nlh, void *arg)
{
    const int *fd = arg;
    if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY) return MNL_CB_OK;
    return write(*fd, nlh, nlh->nlmsg_len) == (ssize_t)nlh->nlmsg_len ? MNL_CB_OK : MNL_CB_ERROR;
}

/* Write all policies to the file, or to an empty one if they change meanwhile. */
static int policies_write(struct netlink *n, int fd)
{
    const struct xfrm_userpolicy_id any = {0};
    char bytes[256];
    int failed = -EINTR;
    for (int i = 0; i < 16 && failed == -EINTR; i++) {
        if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET)) return -errno;
        failed =
            netlink_ask(n, netlink_begin(bytes, XFRM_MSG_GETPOLICY, NLM_F_DUMP, &any, sizeof any), policy_write, &fd);
    }
    return failed;
}

int ipsec_told(void)
{
    struct netlink n;
    int failed = netlink_open(&n, NETLINK_XFRM);
    if (failed) return failed;
    const int fd = memfd_create("prey policies", MFD_CLOEXEC);
    failed = fd < 0 ? -errno : policies_write(&n, fd);
    netlink_close(&n);
    if (!failed) return fd;
    if (fd >= 0) close(fd);
    return failed;
}

bool ipsec_is_stale(const struct host *h) { return h->ipsec.stale; }

bool ipsec_is_used(const struct host *h) { return h->ipsec.count || h->ipsec.unknown; }

static void address_words(const xfrm_address_t *a, uint8_t family, uint32_t words[4])
{
    words[0] = be32toh(a->a4);
    for (unsigned i = 1; i < 4; i++) words[i] = family == 6 ? be32toh(a->a6[i]) : 0;
}

/* Read a port and its mask. False if the policy compares only some of the port's bits. */
static bool selector_port(__be16 port, __be16 mask, uint16_t range[2])
{
    range[0] = range[1] = mask ? be16toh(port) : 0;
    return !mask || (be16toh(mask) == UINT16_MAX && port);
}

/* Read the policy's conditions. With a condition that this table can't check, a packet may match the policy. */
static void learn_selector(const struct xfrm_selector *s, struct route_rule *rule)
{
    rule->family = s->family == AF_INET6 ? 6 : 4;
    address_words(&s->saddr, rule->family, rule->from);
    address_words(&s->daddr, rule->family, rule->to);
    rule->from_bits = s->prefixlen_s;
    rule->to_bits = s->prefixlen_d;
    rule->proto = s->proto;
    const bool types = s->proto == IPPROTO_ICMP || s->proto == IPPROTO_ICMPV6;
    const bool ports = selector_port(s->sport, s->sport_mask, rule->src_ports) &&
                       selector_port(s->dport, s->dport_mask, rule->dst_ports) &&
                       !(types && (s->sport_mask | s->dport_mask));
    if (!ports) memset(rule->src_ports, 0, 2 * sizeof rule->src_ports);
    if (!ports || s->ifindex) rule->asks |= ROUTE_ASKS_UNSEEN;
}

static bool selector_is_sound(const struct xfrm_selector *s)
{
    const unsigned most = s->family == AF_INET ? 32 : s->family == AF_INET6 ? 128 : 0;
    return most && s->prefixlen_s <= most && s->prefixlen_d <= most;
}

/* Add a policy behind those of the same priority, because they are older. */
static bool policy_insert(struct ipsec *i, const struct ipsec_policy *p)
{
    if (!grow(&i->all, i->count, &i->cap, 16, sizeof *i->all)) return false;
    uint32_t at = i->count++;
    for (; at > 0 && i->all[at - 1].policy.priority > p->policy.priority; at--) i->all[at] = i->all[at - 1];
    i->all[at] = *p;
    return true;
}

/* Read a policy for leaving packets. A policy of an IPsec interface belongs to the route to that interface. */
static int ipsec_learn(const struct nlmsghdr *nlh, void *arg)
{
    struct ipsec *i = arg;
    struct xfrm_userpolicy_info info; /* a copy: the message holds it at an address that need not be aligned */
    const struct nlattr *at[XFRMA_MAX + 1];
    if (nlh->nlmsg_type != XFRM_MSG_NEWPOLICY || mnl_nlmsg_get_payload_len(nlh) < sizeof info) return MNL_CB_OK;
    memcpy(&info, mnl_nlmsg_get_payload(nlh), sizeof info);
    netlink_attributes(nlh, sizeof info, at, XFRMA_MAX);
    if (info.dir != XFRM_POLICY_OUT || netlink_u32(at[XFRMA_IF_ID]) || !selector_is_sound(&info.sel)) return MNL_CB_OK;
    struct ipsec_policy p = {.policy = {.rule = {.why = WAY_IPSEC, .port = ROUTE_NO_PORT}, .priority = info.priority}};
    struct route_rule *rule = &p.policy.rule;
    struct xfrm_mark mark = {0};
    if (at[XFRMA_MARK] && mnl_attr_get_payload_len(at[XFRMA_MARK]) >= sizeof mark)
        memcpy(&mark, mnl_attr_get_payload(at[XFRMA_MARK]), sizeof mark);
    learn_selector(&info.sel, rule);
    if (mark.m) rule->asks |= ROUTE_ASKS_UNSEEN;
    p.mark = mark.m ? mark.v : 0;
    rule->does = info.action == XFRM_POLICY_ALLOW && !at[XFRMA_TMPL] ? ROUTE_GOES_TO : ROUTE_ASKS;
    return policy_insert(i, &p) ? MNL_CB_OK : MNL_CB_ERROR;
}

static int learn_all(struct ipsec *i, int fd)
{
    struct stat of = {0};
    i->count = 0;
    if (fd >= 0 && fstat(fd, &of)) return -errno;
    if (!of.st_size) return 0;
    void *bytes = mmap(NULL, (size_t)of.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return -errno;
    const int end = mnl_cb_run(bytes, (size_t)of.st_size, 0, 0, ipsec_learn, i);
    munmap(bytes, (size_t)of.st_size);
    return end < 0 ? -ENOMEM : 0;
}

int ipsec_read(struct host *h, int fd)
{
    const int failed = learn_all(&h->ipsec, fd);
    h->ipsec.stale = h->ipsec.unknown = false;
    if (failed) ipsec_unknown(h);
    return failed;
}

void ipsec_unknown(struct host *h)
{
    struct ipsec *i = &h->ipsec;
    i->stale = i->unknown = true;
    i->count = 0;
}

/* True for a policy whose mark is a vti device's key: it takes packets that leave by that device, which marks them
 * with the key. Other programs' marks are assumed to differ from such keys. */
static bool is_of_device(const struct host *h, const struct ipsec_policy *p)
{
    unsigned count;
    const struct host_link *links = host_links(h, &count);
    bool is = false;
    for (unsigned i = 0; p->mark && i < count && !is; i++) is = links[i].mark == p->mark;
    return is;
}

uint32_t ipsec_policies(const struct host *h, uint8_t family, struct route_policy policies[IPSEC_POLICIES_MOST])
{
    const struct route_policy all = {
        .rule = {.family = family, .does = ROUTE_ASKS, .why = WAY_IPSEC, .port = ROUTE_NO_PORT}};
    uint32_t count = 0;
    bool many = h->ipsec.unknown;
    for (uint32_t i = 0; i < h->ipsec.count && !many; i++) {
        const struct ipsec_policy *p = &h->ipsec.all[i];
        if (p->policy.rule.family != family || is_of_device(h, p)) continue;
        many = count == IPSEC_POLICIES_MOST;
        if (!many) policies[count++] = p->policy;
    }
    if (!many) return count;
    policies[0] = all;
    return 1;
}
