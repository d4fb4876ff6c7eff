/* The addresses of interfaces, and the choice of this machine's source address */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/self.h"
#include "runtime/host/host_priv.h"

const struct host_address *host_addresses(const struct host *h, unsigned *count)
{
    *count = h->addresses.count;
    return h->addresses.all;
}

static unsigned address_place(const struct addresses *all, const struct host_address *a)
{
    unsigned i = 0;
    while (i < all->count && !(all->all[i].ifindex == a->ifindex && all->all[i].prefix == a->prefix &&
                               host_addr_same(&all->all[i].addr, &a->addr)))
        i++;
    return i;
}

static void remove_at(struct addresses *all, unsigned i)
{
    memmove(&all->all[i], &all->all[i + 1], (--all->count - i) * sizeof all->all[0]);
}

void addresses_forget(struct host *h, unsigned ifindex)
{
    for (unsigned i = h->addresses.count; i-- > 0;)
        if (h->addresses.all[i].ifindex == ifindex) remove_at(&h->addresses, i);
}

static int address_keep(struct addresses *all, const struct host_address *a)
{
    const unsigned i = address_place(all, a);
    if (i < all->count && !memcmp(&all->all[i], a, sizeof *a)) return 0;
    if (i == all->count) {
        struct host_address *more = reallocarray(all->all, all->count + 1, sizeof *more);
        if (!more) return -ENOMEM;
        all->all = more;
        all->count++;
    }
    all->all[i] = *a;
    return HOST_ADDRESSES | HOST_ROUTES;
}

static struct host_address read_address(const struct nlmsghdr *nlh, const struct ifaddrmsg *info)
{
    const struct nlattr *at[IFA_FLAGS + 1];
    struct host_address a;
    memset(&a, 0, sizeof a);
    netlink_attributes(nlh, sizeof *info, at, IFA_FLAGS);
    a.addr =
        netlink_addr(at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS]); /* for a tunnel, IFA_ADDRESS is the remote end */
    a.ifindex = info->ifa_index;
    a.prefix = info->ifa_prefixlen;
    a.scope = info->ifa_scope;
    a.flags = at[IFA_FLAGS] ? netlink_u32(at[IFA_FLAGS]) : info->ifa_flags;
    return a;
}

int addresses_learn(struct host *h, const struct nlmsghdr *nlh)
{
    const struct ifaddrmsg *info = mnl_nlmsg_get_payload(nlh);
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof *info) return 0;
    const struct host_address a = read_address(nlh, info);
    if (!a.addr.family) return 0;
    h->own_stale = true;
    if (nlh->nlmsg_type == RTM_NEWADDR) return address_keep(&h->addresses, &a);
    const unsigned i = address_place(&h->addresses, &a);
    if (i < h->addresses.count) remove_at(&h->addresses, i);
    return HOST_ADDRESSES | HOST_ROUTES;
}

static void addresses_begin(struct host *h) { h->addresses.count = 0; }

int addresses_dump(struct host *h)
{
    const struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
    return host_dump(h, RTM_GETADDR, &all, sizeof all, addresses_begin, addresses_learn);
}

/* Return the preference as a source address; 0: never */
static unsigned preference(const struct host_address *a, unsigned ifindex)
{
    if (a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) && !(a->flags & IFA_F_OPTIMISTIC)) return 0;
    return source_preference(&(struct source_candidate){.here = a->ifindex == ifindex,
                                                        .wide = a->scope < RT_SCOPE_LINK,
                                                        .deprecated = a->flags & IFA_F_DEPRECATED,
                                                        .secondary = a->flags & IFA_F_SECONDARY});
}

bool host_source(const struct host *h, unsigned ifindex, unsigned family, struct host_addr *addr)
{
    unsigned best = 0;
    for (unsigned i = 0; i < h->addresses.count; i++) {
        const struct host_address *a = &h->addresses.all[i];
        const unsigned p = a->addr.family == family ? preference(a, ifindex) : 0;
        if (p > best) *addr = a->addr;
        if (p > best) best = p;
    }
    return best;
}
