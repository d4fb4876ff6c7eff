/* The kernel resolves neighbours (NTF_USE): its retries, limits and table stay in force */
#include "runtime/host/view/resolve.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

#include "runtime/host/netlink_priv.h"

struct resolver {
    struct netlink ask;
};

struct resolver *resolver_new(void)
{
    struct resolver *r = calloc(1, sizeof *r);
    const int failed = r ? netlink_open(&r->ask, NETLINK_ROUTE) : -ENOMEM;
    if (!failed) return r;
    free(r);
    errno = -failed;
    return NULL;
}

void resolver_free(struct resolver *r)
{
    if (!r) return;
    netlink_close(&r->ask);
    free(r);
}

int resolver_ask(struct resolver *r, unsigned ifindex, const struct host_addr *addr)
{
    char bytes[128];
    const struct ndmsg info = {
        .ndm_family = netlink_family(addr), .ndm_ifindex = (int)ifindex, .ndm_state = NUD_NONE, .ndm_flags = NTF_USE};
    struct nlmsghdr *nlh = netlink_begin(bytes, RTM_NEWNEIGH, NLM_F_CREATE, &info, sizeof info);
    netlink_put_addr(nlh, NDA_DST, addr);
    return netlink_ask(&r->ask, nlh, NULL, NULL);
}
