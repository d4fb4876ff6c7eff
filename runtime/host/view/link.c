/* Links: the interfaces of the machine */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"
#include "runtime/host/host_priv.h"

bool host_link_reads(const struct host_link *link, enum pkt_link *kind)
{
    return pkt_link_of(link->type, link->point, kind) && !link->vrf_table;
}

bool host_link_has_ethernet(const struct host_link *link)
{
    enum pkt_link kind;
    return host_link_reads(link, &kind) && kind == LINK_ETHER;
}

const char *host_link_unread(const struct host_link *link, char *buf, size_t len)
{
    enum pkt_link kind;
    if (link->vrf_table)
        snprintf(buf, len,
                 "%s is a VRF, and eBPF programs see its packets only on its interfaces|name these interfaces with -i "
                 "instead (to "
                 "list them, run: ip link show master %s)",
                 link->name, link->name);
    else if (pkt_link_of(link->type, true, &kind))
        snprintf(buf, len,
                 "%s (%s) has several peers, so each packet has a header that names its peer|give the tunnel a single "
                 "peer (ip tunnel change %s remote ADDRESS), or remove its `-i`",
                 link->name, link->kind, link->name);
    else
        snprintf(buf, len, "%s carries neither Ethernet nor bare IP packets (its ARPHRD type is %u)|remove its `-i`",
                 link->name, link->type);
    return buf;
}

const struct host_link *host_links(const struct host *h, unsigned *count)
{
    *count = h->links.count;
    return h->links.all;
}

static bool is_it(const struct host_link *link, unsigned ifindex, const char *name)
{
    return name ? !strcmp(link->name, name) : link->ifindex == ifindex;
}

static uint32_t link_slot(unsigned ifindex, const char *name)
{
    return name ? fnv_text(name) : fnv(&ifindex, sizeof ifindex);
}

/* Find the link of that name or, if the name is NULL, of that number. */
static struct host_link *link_find(const struct host *h, unsigned ifindex, const char *name)
{
    const struct links *l = &h->links;
    const uint32_t *slots = name ? l->by_name : l->by_number;
    for (unsigned i = 0; !l->indexed && i < l->count; i++)
        if (is_it(&l->all[i], ifindex, name)) return &l->all[i];
    for (uint32_t at = link_slot(ifindex, name); l->indexed; at++) {
        const uint32_t is = slots[at & (l->slots - 1)];
        if (!is) break;
        if (is_it(&l->all[is - 1], ifindex, name)) return &l->all[is - 1];
    }
    return NULL;
}

const struct host_link *host_link(const struct host *h, unsigned ifindex) { return link_find(h, ifindex, NULL); }

const struct host_link *host_link_named(const struct host *h, const char *name) { return link_find(h, 0, name); }

/* Return the device that has the link as a port, if it is a VRF (vrf) or isn't one (!vrf); else NULL. */
static const struct host_link *master_of(const struct host *h, const struct host_link *link, bool vrf)
{
    const struct host_link *master = link && link->master ? host_link(h, link->master) : NULL;
    return master && !master->vrf_table == !vrf ? master : NULL;
}

const struct host_link *host_link_vrf(const struct host *h, const struct host_link *link)
{
    return master_of(h, link, true);
}

const struct host_link *host_link_joined(const struct host *h, const struct host_link *link)
{
    return master_of(h, link, false);
}

/* Make both tables with at least twice as many slots as links, all empty. */
static bool make_slots(struct links *l)
{
    uint32_t slots = l->slots ? l->slots : 16;
    while (slots < 2 * l->count) slots *= 2;
    if (slots != l->slots) {
        free(l->by_number);
        l->by_number = malloc(2 * (size_t)slots * sizeof *l->by_number);
        l->slots = l->by_number ? slots : 0;
        l->by_name = l->by_number ? l->by_number + slots : NULL;
    }
    if (l->by_number) memset(l->by_number, 0, 2 * (size_t)slots * sizeof *l->by_number);
    return l->by_number;
}

static void slot_put(uint32_t *slots, uint32_t mask, uint32_t at, uint32_t is)
{
    while (slots[at & mask]) at++;
    slots[at & mask] = is;
}

void links_index(struct host *h)
{
    struct links *l = &h->links;
    if (l->indexed || !make_slots(l)) return;
    for (uint32_t i = 0; i < l->count; i++) {
        slot_put(l->by_number, l->slots - 1, link_slot(l->all[i].ifindex, NULL), i + 1);
        slot_put(l->by_name, l->slots - 1, link_slot(0, l->all[i].name), i + 1);
    }
    l->indexed = true;
}

void links_fini(struct links *l)
{
    free(l->all);
    free(l->by_number);
}

static void copy_name(char *to, size_t size, const struct nlattr *a)
{
    if (!a) return;
    const size_t len = mnl_attr_get_payload_len(a);
    memcpy(to, mnl_attr_get_payload(a), len < size ? len : size - 1);
}

/* Return the tag of a VLAN device's frames, TPID << 16 | VID. */
static uint32_t read_tag(const struct nlattr *data)
{
    const struct nlattr *vlan[IFLA_VLAN_PROTOCOL + 1];
    netlink_nested(data, vlan, IFLA_VLAN_PROTOCOL);
    return (uint32_t)ntohs(netlink_u16(vlan[IFLA_VLAN_PROTOCOL])) << 16 | netlink_u16(vlan[IFLA_VLAN_ID]);
}

static uint32_t read_mark(const struct nlattr *data)
{
    enum { VTI_OKEY = 3 }; /* IFLA_VTI_OKEY, from a header that conflicts with net/if.h */
    const struct nlattr *vti[VTI_OKEY + 1];
    netlink_nested(data, vti, VTI_OKEY);
    return ntohl(netlink_u32(vti[VTI_OKEY]));
}

static void read_kind(struct host_link *link, const struct nlattr *info)
{
    const struct nlattr *at[IFLA_INFO_DATA + 1], *vrf[IFLA_VRF_TABLE + 1];
    netlink_nested(info, at, IFLA_INFO_DATA);
    copy_name(link->kind, sizeof link->kind, at[IFLA_INFO_KIND]);
    if (!strcmp(link->kind, "vlan")) link->tag = read_tag(at[IFLA_INFO_DATA]);
    if (!strcmp(link->kind, "vti") || !strcmp(link->kind, "vti6")) link->mark = read_mark(at[IFLA_INFO_DATA]);
    if (strcmp(link->kind, "vrf") != 0) return;
    netlink_nested(at[IFLA_INFO_DATA], vrf, IFLA_VRF_TABLE);
    link->vrf_table = netlink_u32(vrf[IFLA_VRF_TABLE]);
}

static struct host_link read_link(const struct nlmsghdr *nlh, const struct ifinfomsg *info)
{
    const struct nlattr *at[IFLA_LINK_NETNSID + 1];
    netlink_attributes(nlh, sizeof *info, at, IFLA_LINK_NETNSID);
    struct host_link link;
    memset(&link, 0, sizeof link); /* links are compared as bytes */
    link.ifindex = (unsigned)info->ifi_index;
    link.mac = netlink_mac(at[IFLA_ADDRESS]);
    link.mtu = netlink_u32(at[IFLA_MTU]);
    link.master = netlink_u32(at[IFLA_MASTER]);
    link.type = info->ifi_type;
    link.up = info->ifi_flags & IFF_UP;
    link.running = info->ifi_flags & IFF_RUNNING;
    link.carrier = netlink_u8(at[IFLA_CARRIER]);
    link.point = info->ifi_flags & IFF_POINTOPOINT;
    link.no_arp = info->ifi_flags & IFF_NOARP;
    link.loopback = info->ifi_flags & IFF_LOOPBACK;
    link.changes = netlink_u32(at[IFLA_CARRIER_CHANGES]);
    copy_name(link.name, sizeof link.name, at[IFLA_IFNAME]);
    read_kind(&link, at[IFLA_LINKINFO]);
    if (!strcmp(link.kind, "vlan") && !at[IFLA_LINK_NETNSID]) link.under = netlink_u32(at[IFLA_LINK]);
    const bool above = !strcmp(link.kind, "macvlan") || !strcmp(link.kind, "ipvlan");
    if (above && !at[IFLA_LINK_NETNSID]) link.above = netlink_u32(at[IFLA_LINK]);
    return link;
}

bool host_link_went(const struct host *h, unsigned ifindex)
{
    const struct links *l = &h->links;
    bool went = l->gone_count > LINKS_GONE_MOST;
    for (unsigned i = 0; i < l->gone_count && !went; i++) went = l->gone[i] == ifindex;
    return went;
}

void host_links_settle(struct host *h) { h->links.gone_count = 0; }

static int remove_link(struct host *h, unsigned ifindex)
{
    struct links *l = &h->links;
    struct host_link *link = link_find(h, ifindex, NULL);
    if (l->gone_count < LINKS_GONE_MOST) l->gone[l->gone_count] = ifindex;
    if (l->gone_count <= LINKS_GONE_MOST) l->gone_count++;
    if (link) *link = l->all[--l->count];
    l->indexed = false;
    addresses_forget(h, ifindex);
    neighbours_forget(h, ifindex);
    h->own_stale = true;
    return HOST_LINKS | HOST_ADDRESSES | HOST_ROUTES | HOST_NEIGHBOURS;
}

static int keep_link(struct host *h, const struct host_link *link)
{
    struct host_link *old = link_find(h, link->ifindex, NULL);
    if (old && !memcmp(old, link, sizeof *link)) return 0;
    /* The kernel does not announce that a link going down loses its local routes */
    if (!old || old->up != link->up || old->master != link->master) h->own_stale = true;
    if (!old) {
        struct host_link *more = reallocarray(h->links.all, h->links.count + 1, sizeof *more);
        if (!more) return -ENOMEM;
        h->links.all = more;
        h->links.indexed = false;
        old = &more[h->links.count++];
    }
    h->links.indexed &= !strcmp(old->name, link->name);
    *old = *link;
    return HOST_LINKS | HOST_ROUTES;
}

int links_learn(struct host *h, const struct nlmsghdr *nlh)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(nlh);
    /* another family: a bridge's message about its port */
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *info || info->ifi_family != AF_UNSPEC) return 0;
    if (nlh->nlmsg_type == RTM_DELLINK) return remove_link(h, (unsigned)info->ifi_index);
    const struct host_link link = read_link(nlh, info);
    return keep_link(h, &link);
}

static int read_failures(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *at[IFLA_STATS64 + 1];
    struct rtnl_link_stats64 stats;
    netlink_attributes(nlh, sizeof(struct ifinfomsg), at, IFLA_STATS64);
    const size_t needed = offsetof(struct rtnl_link_stats64, tx_errors) + sizeof stats.tx_errors;
    if (!at[IFLA_STATS64] || mnl_attr_get_payload_len(at[IFLA_STATS64]) < needed) return MNL_CB_OK;
    memcpy(&stats, mnl_attr_get_payload(at[IFLA_STATS64]), needed);
    *(uint64_t *)arg = stats.tx_errors;
    return MNL_CB_OK;
}

bool host_link_failures(struct host *h, unsigned ifindex, uint64_t *packets)
{
    char bytes[128];
    const struct ifinfomsg one = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
    *packets = UINT64_MAX;
    const int failed =
        netlink_ask(&h->ask, netlink_begin(bytes, RTM_GETLINK, 0, &one, sizeof one), read_failures, packets);
    return !failed && *packets != UINT64_MAX;
}

static void links_begin(struct host *h)
{
    h->links.count = 0;
    h->links.indexed = false;
}

int links_dump(struct host *h)
{
    const struct ifinfomsg all = {.ifi_family = AF_UNSPEC};
    return host_dump(h, RTM_GETLINK, &all, sizeof all, links_begin, links_learn);
}
